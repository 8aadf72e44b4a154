"""Trained weights in files of a limited size, to leave a machine by a narrow door and go on from later.

What travels of a training is its averaged weights in half precision and its step: an eighth of the whole state.
A training that goes on from them starts its optimiser anew.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import load, load_file, save

from ragdiffusion.files import read_object, write_json, write_whole
from ragdiffusion.training.state import save_tensors

MANIFEST = "shards.json"
SHARD_BYTES = 15 * 2**20


def write_shards(trainings: Sequence[Path], out: Path, *, limit: int = SHARD_BYTES) -> list[Path]:
    """Write the averaged weights of trainings as `shard-NN.bin` and a manifest.

    Args:
        trainings: folders with a `state.safetensors`; each is known by its folder's name.
        out: folder to write.
        limit: bytes a shard.

    Returns:
        The files written, the manifest last.

    Raises:
        ValueError: if a folder holds no training state, or two have one name.
    """
    out.mkdir(parents=True, exist_ok=True)
    if len({folder.name for folder in trainings}) < len(trainings):
        raise ValueError(f"trainings {[str(folder) for folder in trainings]} must have different names")
    stream, parts = io.BytesIO(), []
    for folder in trainings:
        path = folder / "state.safetensors"
        if not path.is_file():
            raise ValueError(f"{folder}: no training state here (state.safetensors is missing)")
        kept = {name: value for name, value in load_file(path).items() if name.startswith("average/") or name == "step"}
        content = save({name: value.half() if value.is_floating_point() else value for name, value in kept.items()})
        parts.append({"name": folder.name, "bytes": len(content)})
        stream.write(content)
    content = stream.getvalue()
    shards, written = [], []
    for number, start in enumerate(range(0, len(content), limit)):
        piece = content[start : start + limit]
        path = out / f"shard-{number:02d}.bin"
        write_whole(path, piece)
        shards.append({"name": path.name, "sha256": hashlib.sha256(piece).hexdigest()})
        written.append(path)
    write_json(out / MANIFEST, {"trainings": parts, "shards": shards})
    return [*written, out / MANIFEST]


def read_shards(folder: Path, out: Path) -> list[Path]:
    """Turn shards back into training folders that `train --out` goes on from.

    Args:
        folder: with the shards and their manifest.
        out: parent of the training folders; a training that is already there is left alone.

    Returns:
        The training folders.

    Raises:
        ValueError: if the manifest or a shard is missing or damaged.
    """
    try:
        manifest = read_object(folder / MANIFEST)
        named = [(str(shard["name"]), str(shard["sha256"])) for shard in manifest["shards"]]
        parts = [(Path(part["name"]).name, int(part["bytes"])) for part in manifest["trainings"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder}: no {MANIFEST} that can be read; give the folder that a training left") from error
    pieces = []
    for name, digest in named:
        path = folder / Path(name).name
        if not path.is_file():
            raise ValueError(f"{path}: missing; bring all {len(named)} shards")
        pieces.append(path.read_bytes())
        if hashlib.sha256(pieces[-1]).hexdigest() != digest:
            raise ValueError(f"{path}: damaged (its hash differs from the manifest's); fetch it again")
    content, start, folders = b"".join(pieces), 0, []
    for name, size in parts:
        target = out / name
        folders.append(target)
        if not (target / "state.safetensors").is_file():
            target.mkdir(parents=True, exist_ok=True)
            save_tensors(target / "state.safetensors", load(content[start : start + size]))
        start += size
    return folders
