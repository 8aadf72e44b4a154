"""Garments: patterns, the synthetic engine that sews and photographs them, and real garments with their composites."""

from ragdiffusion.garments.engine2d.engine import GarmentEngine

__all__ = ["GarmentEngine"]
