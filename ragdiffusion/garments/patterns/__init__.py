"""Patterns: garments drawn from garment makers' measures, as crisp outlines with inner lines and panels."""

from ragdiffusion.garments.patterns.curves import BezierPath
from ragdiffusion.garments.patterns.measures import Measure, MeasureError
from ragdiffusion.garments.patterns.near import draft_near
from ragdiffusion.garments.patterns.panels import Panel
from ragdiffusion.garments.patterns.pattern import Pattern, defaults, draft, kinds, sample, specs

__all__ = [
    "BezierPath",
    "Measure",
    "MeasureError",
    "Panel",
    "Pattern",
    "defaults",
    "draft",
    "draft_near",
    "kinds",
    "sample",
    "specs",
]
