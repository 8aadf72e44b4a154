"""Fingerprints of checkpoints: which weights made an embedding or a picture."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

ENCODER_PARTS = ("structure_net",)

_KEPT = "fingerprints.json"
"""File of a checkpoint folder with what its weights hashed to."""
_LARGE = 256_000_000  # bytes of weights from which a fingerprint is kept: hashing fewer takes less than a second


def fingerprint(folder: Path, parts: Iterable[str] | None = None) -> str:
    """Hash the weights under a checkpoint folder.

    That of a large checkpoint is kept in the folder, where it can be written, and taken from there as long as no file
    has another size or time of change.

    Args:
        folder: in diffusers layout.
        parts: names of components; None takes all.

    Returns:
        12 hexadecimal digits.

    Raises:
        ValueError: if there are no weights.
    """
    roots = [folder] if parts is None else [folder / part for part in parts]
    files = sorted(file for root in roots for file in root.rglob("*.safetensors"))
    if not files:
        raise ValueError(f"{folder}: no weights (*.safetensors) here; give the folder of a checkpoint")
    states = [(file, file.stat()) for file in files]
    if sum(state.st_size for _, state in states) < _LARGE:
        return _hash(folder, files)
    seen = [[file.relative_to(folder).as_posix(), state.st_size, state.st_mtime_ns] for file, state in states]
    key = hashlib.sha256(json.dumps(seen).encode()).hexdigest()
    kept = _read(folder / _KEPT)
    if key not in kept:
        kept[key] = _hash(folder, files)
        _write(folder / _KEPT, kept)
    return kept[key]


def _hash(folder: Path, files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(folder).as_posix().encode())
        with file.open("rb") as handle:
            while chunk := handle.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()[:12]


def _read(path: Path) -> dict[str, str]:
    """What is kept: state of files -> fingerprint; nothing from a file that is damaged or of another version."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        pairs = kept["fingerprints"] if kept["version"] == 1 else {}
        return {str(key): str(value) for key, value in pairs.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _write(path: Path, kept: dict[str, str]) -> None:
    """Keep the newest few, in one step; a folder that can't be written goes without."""
    newest = dict(list(kept.items())[-8:])
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with suppress(OSError):
        partial.write_text(json.dumps({"version": 1, "fingerprints": newest}, indent=1), encoding="utf-8")
        os.replace(partial, path)
