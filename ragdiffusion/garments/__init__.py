"""Garments: the synthetic engine, the shape model behind it, and real garments with their composites."""

from ragdiffusion.garments.engine2d.engine import GarmentEngine
from ragdiffusion.garments.shape_model import ShapeModel, fit_shape_model

__all__ = ["GarmentEngine", "ShapeModel", "fit_shape_model"]
