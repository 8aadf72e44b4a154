"""Garments: the synthetic engine, the shape model behind it, and real garments with their composites."""

from ragdiffusion.garments.shape_model import ShapeModel, fit_shape_model
from ragdiffusion.garments.synthetic.engine import GarmentEngine

__all__ = ["GarmentEngine", "ShapeModel", "fit_shape_model"]
