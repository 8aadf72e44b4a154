"""What a person sets for one run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

MAX_SEED = 2**32 - 1
MAX_STEPS = 50
MAX_GUIDANCE = 10.0
MIN_STRENGTH = 0.05


@dataclass(frozen=True)
class Sampling:
    """The settings of the sampler.

    Args:
        seed: 0 to 2**32 - 1.
        steps: 1 to 50.
        strength: share of the noise schedule that is run, 0.05 to 1; below 1 it starts from the noised draft.
        guidance: weight of the conditions, 1 to 10.
        preview: whether pictures are wanted while it runs.

    Raises:
        ValueError: a value that is no number of its kind, or out of its range.
    """

    seed: int
    steps: int
    strength: float
    guidance: float
    preview: bool = False

    def __post_init__(self) -> None:
        # A browser sends 30 as 30 or 30.0; the sampler wants a whole number.
        object.__setattr__(self, "seed", _whole("seed", self.seed, 0, MAX_SEED))
        object.__setattr__(self, "steps", _whole("steps", self.steps, 1, MAX_STEPS))
        object.__setattr__(self, "strength", _real("strength", self.strength, MIN_STRENGTH, 1))
        object.__setattr__(self, "guidance", _real("guidance", self.guidance, 1, MAX_GUIDANCE))


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
