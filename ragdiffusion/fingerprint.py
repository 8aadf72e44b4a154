"""Fingerprints of checkpoints: which weights made an embedding or a picture."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

ENCODER_PARTS = ("structure_net",)


def fingerprint(folder: Path, parts: Iterable[str] | None = None) -> str:
    """Hash the weights under a checkpoint folder.

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
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(folder).as_posix().encode())
        with file.open("rb") as handle:
            while chunk := handle.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()[:12]
