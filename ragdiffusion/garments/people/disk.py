"""Shots and pairs on disk, for training that reads files: pictures and what is known of them, by index."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np

from ragdiffusion.files import sweep, sync, write_whole
from ragdiffusion.garments.pair import Pair
from ragdiffusion.garments.people.engine import PeopleEngine
from ragdiffusion.garments.people.shot import Shot

QUALITY = 94
TABLE = "pairs.jsonl"
_PICTURES = ("standard", "silhouette", "photo_mask")


def stem_of(index: int) -> str:
    """File name, without suffix, of a shot."""
    return f"{index:07d}"


def is_written(folder: Path, index: int) -> bool:
    """Whether a shot or pair is there whole: its photo is written last."""
    return (folder / f"{stem_of(index)}.jpg").is_file()


def write_shot(shot: Shot, folder: Path, *, arrays: bool = False) -> None:
    """Write a shot.

    ``INDEX.jpg`` is the photo, ``INDEX.png`` the labels, ``INDEX.json`` tells what is worn and how, and ``INDEX.npz``,
    if asked for, holds the rest (see `arrays_of`).
    """
    about, labels = (folder / f"{stem_of(shot.index)}{ending}" for ending in (".json", ".png"))
    about.write_text(json.dumps(shot.summary()), encoding="utf-8")
    cv2.imwrite(str(labels), shot.labels)
    beside = [about, labels]
    if arrays:
        beside.append(about.with_suffix(".npz"))
        np.savez_compressed(beside[-1], **arrays_of(shot))
    _write_photo(shot.photo, about.with_suffix(".jpg"), beside)


def write_pair(pair: Pair, index: int, folder: Path) -> None:
    """Write a pair: ``INDEX.jpg`` (photo), its flat-lay and masks, and ``INDEX.json``, its row of the table."""
    stem = stem_of(index)
    names = {key: f"{stem}_{key}.png" for key in _PICTURES}
    for key, name in names.items():
        picture = getattr(pair, key)
        cv2.imwrite(str(folder / name), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if picture.ndim == 3 else picture)
    row = {
        "name": pair.structure,
        "photo": f"{stem}.jpg",
        **names,
        "category": pair.category,
        "attributes": {key: value for key, value in pair.attributes.items() if key != "category"},
    }
    about = folder / f"{stem}.json"
    about.write_text(json.dumps(row), encoding="utf-8")
    _write_photo(pair.photo, folder / f"{stem}.jpg", [about, *(folder / name for name in names.values())])


def arrays_of(shot: Shot) -> dict[str, np.ndarray]:
    """A shot's arrays.

    Returns:
        ``instances`` (H, W), and of garment number i ``standard_i``, ``silhouette_i`` and ``visible_i`` (uint8) and
        ``flow_i`` (float16, photo pixels).
    """
    arrays = {"instances": shot.instances}
    for i, garment in enumerate(shot.garments):
        arrays |= {
            f"standard_{i}": garment.standard,
            f"silhouette_{i}": garment.silhouette,
            f"visible_{i}": np.rint(garment.visible * 255).astype(np.uint8),
            f"flow_{i}": garment.flow.astype(np.float16),
        }
    return arrays


def render(
    engine: PeopleEngine,
    folder: Path,
    indices: Iterable[int],
    *,
    arrays: bool = False,
    pairs: bool = False,
    track: Callable[[list[int]], Iterable[int]] = list,
) -> int:
    """Render what is not there yet.

    Args:
        engine: what renders.
        folder: where to; made if missing.
        indices: which shots.
        arrays: whether to write the arrays too.
        pairs: whether to write pairs instead of shots: one garment each, and a table that makes them a dataset.
        track: wraps the work for a progress bar.

    Returns:
        how many were rendered.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    missing = [index for index in indices if not is_written(folder, index)]
    for index in track(missing):
        if pairs:
            write_pair(engine.pair(index), index, folder)
        else:
            write_shot(engine.shot(index), folder, arrays=arrays)
    if pairs:
        _write_table(folder)
    return len(missing)


def _write_table(folder: Path) -> None:
    """List all pairs of a folder."""
    rows = [
        path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.json")) if path.with_suffix(".jpg").is_file()
    ]
    write_whole(folder / TABLE, ("\n".join(rows) + "\n").encode())


def _write_photo(photo: np.ndarray, path: Path, beside: Iterable[Path]) -> None:
    """Write a photo whole, once what lies beside it is on the disk: a power cut leaves all of it or no photo."""
    for each in beside:
        sync(each)
    _, content = cv2.imencode(".jpg", cv2.cvtColor(photo, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    write_whole(path, content.tobytes())
