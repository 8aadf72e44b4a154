"""What the log hands out: plain values, free of the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

FINAL = ("done", "failed", "cancelled", "interrupted")
STATUSES = ("queued", "running", *FINAL)


@dataclass(frozen=True)
class RunInputs:
    """What decides a run's pixels, and what the person wanted of them.

    Args:
        owner: login of the person; "" where the studio has no logins.
        photo_sha256: hash of the photo's file as it was given.
        photo_name: what the file was called.
        photo_path: the photo in the image store.
        checkpoint: fingerprint of the weights; "" until a run of a batch has begun.
        bank_version: version of the bank that was searched; "" as above.
        candidates: `id, similarity, weight, iou` of each, most similar first; empty as above.
        consensus: index of the candidate nearest to the fused mask.
        choice: index of the picked candidate, None otherwise.
        alpha: share of the reconstruction, in [0, 1].
        k: number of candidates.
        attributes: all 14; of a run of a batch that has not begun, those that override what is read.
        landmark_path: the landmark as used, in the image store; "" as for `checkpoint`.
        landmark_source: "consensus", "candidate" or "edited".
        seed: of the noise.
        steps: of the sampler.
        strength: share of the noise schedule that is run, in (0, 1].
        guidance: weight of the conditions.
        preset: of the model.
        device: that it ran on.
        embedding: ê as little-endian float32; None in runs of the first schema and as for `checkpoint`.
        colour_match: whether the picture is given the colours of the photo's garment.
        background: what the picture is exported on: "white", "transparent" or "#rrggbb".
    """

    owner: str
    photo_sha256: str
    photo_name: str
    photo_path: str
    checkpoint: str
    bank_version: str
    candidates: list[dict[str, Any]]
    consensus: int
    choice: int | None
    alpha: float
    k: int
    attributes: dict[str, str]
    landmark_path: str
    landmark_source: str
    seed: int
    steps: int
    strength: float
    guidance: float
    preset: str
    device: str
    embedding: bytes | None = None
    colour_match: bool = False
    background: str = "white"


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
