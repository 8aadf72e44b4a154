"""Shots on disk, for training that reads files: photo, labels and what is known, by index."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np

from ragdiffusion.garments.people.engine import PeopleEngine
from ragdiffusion.garments.people.shot import Shot

QUALITY = 94


def stem_of(index: int) -> str:
    """File name, without suffix, of a shot."""
    return f"{index:07d}"


def is_written(folder: Path, index: int) -> bool:
    """Whether a shot is there whole: its photo is written last."""
    return (folder / f"{stem_of(index)}.jpg").is_file()


def write_shot(shot: Shot, folder: Path, *, arrays: bool = False) -> None:
    """Write ``INDEX.jpg`` (photo), ``INDEX.png`` (labels), ``INDEX.json`` (what is worn and how) and, if asked,
    ``INDEX.npz`` with the garment instances."""
    stem = stem_of(shot.index)
    (folder / f"{stem}.json").write_text(json.dumps(shot.summary()), encoding="utf-8")
    if arrays:
        np.savez_compressed(folder / f"{stem}.npz", instances=shot.instances)
    cv2.imwrite(str(folder / f"{stem}.png"), shot.labels)
    photo = cv2.cvtColor(shot.photo, cv2.COLOR_RGB2BGR)
    parting = folder / f"{stem}.part.jpg"
    cv2.imwrite(str(parting), photo, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    parting.rename(folder / f"{stem}.jpg")


def render(engine: PeopleEngine, folder: Path, indices: Iterable[int], *, arrays: bool = False,
           track: Callable[[list[int]], Iterable[int]] = list) -> int:
    """Render shots that are not there yet.

    Args:
        engine: what renders.
        folder: where to; made if missing.
        indices: which shots.
        arrays: whether to write the arrays too.
        track: wraps the work for a progress bar.

    Returns:
        how many were rendered.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [index for index in indices if not is_written(folder, index)]
    for index in track(missing):
        write_shot(engine.shot(index), folder, arrays=arrays)
    return len(missing)
