"""What the log hands out: plain values, free of the database."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from math import isfinite
from numbers import Real
from typing import Any

from app.session_log.framing import check_framing
from app.session_log.patterns import check_pattern
from app.session_log.sampling import SETTINGS, Sampling

FINAL = ("done", "failed", "cancelled", "interrupted")
STATUSES = ("queued", "running", *FINAL)
LANDMARK_SOURCES = ("consensus", "candidate", "drafted", "edited")
MAX_GARMENT_NAME = 80
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class RunInputs:
    """What decides a run's pixels, and what the person wanted of them.

    Args:
        owner: login of the person; "" where the studio has no logins.
        photo_sha256: hash of the photo's file as it was given.
        photo_name: what the file was called.
        photo_path: the photo in the image store.
        sampling: settings of the run.
        k: number of candidates.
        alpha: share of the reconstruction, in [0, 1].
        attributes: all 14; of a run of a batch that has not begun, those that override what is read.
        framing: how the photo is turned and cut, as `Framing.logged` has it; None where it is taken as it is. What
            says which garment is meant counts in pixels of what is left.
        garment: which garment of the photo is meant, as `check_garment` describes; None where nobody said.
        checkpoint: fingerprint of the weights; "" until a run of a batch has begun.
        bank_version: version of the bank that was searched; "" as above.
        candidates: `id, similarity, weight, iou` of each, in the guide's order; empty as above.
        consensus: index of the candidate nearest to the fused mask.
        choice: index of the picked candidate, None otherwise.
        landmark_path: the landmark as used, in the image store; "" as for `checkpoint`.
        landmark_source: "consensus", "candidate", "drafted" or "edited".
        pattern: what a drafted landmark was drawn from, as `check_pattern` describes; None for any other.
        preset: of the model.
        device: that it ran on.
        embedding: ê as little-endian float32; None in runs of the first schema and as for `checkpoint`.
    """

    owner: str
    photo_sha256: str
    photo_name: str
    photo_path: str
    sampling: Sampling
    k: int
    alpha: float
    attributes: dict[str, str] = field(default_factory=dict)
    garment: dict[str, Any] | None = None
    framing: dict[str, Any] | None = None
    checkpoint: str = ""
    bank_version: str = ""
    candidates: list[dict[str, Any]] = field(default_factory=list)
    consensus: int = 0
    choice: int | None = None
    landmark_path: str = ""
    landmark_source: str = "consensus"
    pattern: dict[str, Any] | None = None
    preset: str = ""
    device: str = ""
    embedding: bytes | None = None

    @classmethod
    def from_flat(cls, values: Mapping[str, Any]) -> RunInputs:
        """Make them from what `flat` returned.

        Raises:
            ValueError: if a sampling setting, the garment, the framing or the pattern cannot be used.
            KeyError: if one is missing.
        """
        own = {name: values[name] for name in cls.__dataclass_fields__ if name != "sampling"}
        checks = {"garment": check_garment, "framing": check_framing, "pattern": check_pattern}
        checked = {name: check(own[name]) for name, check in checks.items()}
        return cls(**{**own, **checked}, sampling=Sampling.read(values))

    def flat(self) -> dict[str, Any]:
        """Return all of it by name, each sampling setting by its own: as bundles, files and the API hold it."""
        own = {name: value for name, value in vars(self).items() if name != "sampling"}
        return {**own, **asdict(self.sampling)}

    @property
    def pictures(self) -> list[str]:
        """What it needs of the image store."""
        return [name for name in (self.photo_path, self.landmark_path, mask_path(self.garment)) if name]


FLAT_INPUTS = (*(each.name for each in fields(RunInputs) if each.name != "sampling"), *SETTINGS)
"""Names of what `RunInputs.flat` returns."""


@dataclass(frozen=True)
class Run:
    """A run as the log holds it.

    Args:
        id: its number.
        created_at: when Generate was pressed, UTC.
        inputs: what decides its pixels.
        status: queued, running, done, failed, cancelled or interrupted.
        error: what a person was told, of a run that failed or was cut off.
        timings_ms: of its stages.
        result_path: its picture in the image store, None without one.
        starred: whether it was marked.
        rejected: whether it was marked as no good.
        note: the person's own words.
        deleted_at: when it went to the bin, UTC; None outside it.
        colour: ΔE2000 `before` and `after` a colour match; None without one.
        group_id: the group it was started in, None if alone.
        reproduces: the run that it was made to check.
        same_pixels: whether it came out equal to that run's picture.
        imported: whether it came from a bundle.
    """

    id: int
    created_at: datetime
    inputs: RunInputs
    status: str
    error: str | None
    timings_ms: dict[str, float]
    result_path: str | None
    starred: bool = False
    rejected: bool = False
    note: str = ""
    deleted_at: datetime | None = None
    colour: dict[str, float] | None = None
    group_id: int | None = None
    reproduces: int | None = None
    same_pixels: bool | None = None
    imported: bool = False

    @property
    def pictures(self) -> list[str]:
        """What it needs of the image store, its own picture last."""
        return [*self.inputs.pictures, *([self.result_path] if self.result_path else [])]


@dataclass(frozen=True)
class FinishedRun:
    """How a run was finished, as it is noted until the log says so.

    Args:
        run: its number.
        created_at: when it was asked for, UTC; tells it from a run of the same number in another log.
        result_path: its picture in the image store.
        timings_ms: of its stages.
        colour: ΔE2000 `before` and `after` a colour match.
        same_pixels: whether it equals the run that it was made to check.
    """

    run: int
    created_at: datetime
    result_path: str
    timings_ms: dict[str, float]
    colour: dict[str, float] | None = None
    same_pixels: bool | None = None


@dataclass(frozen=True)
class RunGroup:
    """Runs that were started by one press.

    Args:
        id: its number.
        owner: login of the person.
        kind: "seeds", "sheet" or "batch".
        title: for people.
        layout: of a sheet: `rows` and `columns`, the labels, and `labels` of each cell.
        picture_path: of a sheet that is finished, in the image store.
    """

    id: int
    owner: str
    kind: str
    title: str
    layout: dict[str, Any]
    picture_path: str | None


def check_garment(value: Any) -> dict[str, Any] | None:
    """Return which garment of a photo is meant, as the log keeps it.

    Args:
        value: None, or one of {"name": "upper"}, {"point": [x, y]} and {"mask": "<SHA-256 of its PNG>"}.

    Raises:
        ValueError: if it is none of these.
    """
    if value is None:
        return None
    if isinstance(value, dict) and len(value) == 1:
        ((kind, what),) = value.items()
        if kind == "name" and isinstance(what, str) and 1 <= len(what) <= MAX_GARMENT_NAME:
            return {kind: what}
        if kind == "mask" and isinstance(what, str) and _HASH.fullmatch(what):
            return {kind: what}
        if kind == "point" and isinstance(what, list | tuple) and len(what) == 2 and all(map(_is_number, what)):
            return {kind: list(what)}
    raise ValueError(f"a garment is meant by a name, a point or a mask's hash, got {str(value)[:80]}")


def mask_path(garment: Mapping[str, Any] | None) -> str | None:
    """Return the name that a garment's mask has in the image store; None where it is not meant by a mask."""
    digest = (garment or {}).get("mask")
    return f"{digest[:2]}/{digest}.png" if digest else None


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)
