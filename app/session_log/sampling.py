"""The settings of one run, in one place: log, request, API, file metadata and the page derive from `Sampling`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any

MAX_SEED = 2**63 - 1
MAX_STEPS = 50
MAX_GUIDANCE = 10.0
MIN_STRENGTH = 0.05
_COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True)
class Sampling:
    """What a person sets for a run, beside its photo and its guide.

    Args:
        seed: of the noise, 0 to 2**63 - 1.
        steps: of the sampler, 1 to 50.
        strength: share of the noise schedule that is run, 0.05 to 1; below 1 it starts from the noised draft.
        guidance: scale of classifier-free guidance, 1 to 10; 1 is off.
        colour_match: whether the picture is given the colours of the photo's garment.
        background: what the picture is exported on: "white", "transparent" or "#rrggbb".

    Raises:
        ValueError: if a value is not of its kind or out of its range.
    """

    seed: int
    steps: int
    strength: float
    guidance: float
    colour_match: bool = False
    background: str = "white"

    def __post_init__(self) -> None:
        # A browser sends 30 as 30 or 30.0; the sampler wants a whole number.
        object.__setattr__(self, "seed", _whole("seed", self.seed, 0, MAX_SEED))
        object.__setattr__(self, "steps", _whole("steps", self.steps, 1, MAX_STEPS))
        object.__setattr__(self, "strength", _real("strength", self.strength, MIN_STRENGTH, 1))
        object.__setattr__(self, "guidance", _real("guidance", self.guidance, 1, MAX_GUIDANCE))
        object.__setattr__(self, "background", check_background(self.background))
        if not isinstance(self.colour_match, bool):
            raise ValueError(f"colour_match must be true or false, got {self.colour_match!r}")

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Sampling:
        """Take the settings out of values by name; others are left.

        Raises:
            ValueError: as for the class.
            KeyError: if one is missing.
        """
        return cls(**{name: values[name] for name in SETTINGS})

    def of_generation(self) -> dict[str, int | float]:
        """Return those that `RAGDiffusion.generate` takes."""
        return {name: getattr(self, name) for name in ("seed", *MODEL_SETTINGS)}


SETTINGS = tuple(field.name for field in fields(Sampling))
MODEL_SETTINGS = ("steps", "strength", "guidance")
"""Settings of which each model has defaults of its own."""


def check_background(text: object) -> str:
    """Return what a picture is laid on, in small letters.

    Raises:
        ValueError: if it is neither "white" nor "transparent" nor of the form "#rrggbb".
    """
    background = text.strip().lower() if isinstance(text, str) else ""
    if background not in ("white", "transparent") and not _COLOUR.fullmatch(background):
        raise ValueError(f"the background is white, transparent or a colour such as #f4f1ea, got {text!r}")
    return background


def _whole(name: str, value: object, low: int, high: int) -> int:
    if not _is_number(value) or value != int(value) or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number from {low} to {high}, got {value!r}")
    return int(value)


def _real(name: str, value: object, low: float, high: float) -> float:
    if not _is_number(value) or not low <= value <= high:
        raise ValueError(f"{name} must be a number from {low:g} to {high:g}, got {value!r}")
    return float(value)


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
