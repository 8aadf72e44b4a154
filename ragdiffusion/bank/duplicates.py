"""Flat-lays that a bank would hold twice: one outline, and embeddings that a search cannot tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from ragdiffusion.bank.entries import decode_embeddings
from ragdiffusion.bank.tables import EntryRow

SAME_SIMILARITY = 0.9995
"""Cosine similarity from which embeddings count as one: half precision and another batch move it by some 1e-4."""
_CHUNK = 200  # silhouettes in one statement


def repeats(silhouettes: Sequence[bytes], vectors: np.ndarray) -> dict[int, int]:
    """Which flat-lays repeat an earlier one of a list.

    Args:
        silhouettes: N files, as a bank stores them.
        vectors: (N, D) of unit length.

    Returns:
        Place of each that repeats another -> place of the first that is the same; the first itself is not in it.
    """
    outlines: dict[bytes, list[int]] = {}
    for place, silhouette in enumerate(silhouettes):
        outlines.setdefault(silhouette, []).append(place)
    found: dict[int, int] = {}
    for positions in outlines.values():
        if len(positions) == 1:
            continue
        alike = vectors[positions] @ vectors[positions].T >= SAME_SIMILARITY
        for row in range(1, len(positions)):
            earlier = [
                place
                for place, same in zip(positions[:row], alike[row, :row], strict=True)
                if same and place not in found
            ]
            if earlier:
                found[positions[row]] = earlier[0]
    return found


def describe_repeats(
    session: Session, silhouettes: Sequence[bytes], embeddings: Sequence[bytes], *, dimension: int, precision: str
) -> dict[int, str]:
    """Which new flat-lays are in a bank already, deleted ones included, or twice in their own list.

    Args:
        session: on the bank's database.
        silhouettes: N files to add.
        embeddings: N as the bank stores them.
        dimension: length D of the embeddings.
        precision: how they are stored.

    Returns:
        Place in the list -> what it repeats and what to do about it, in words.
    """
    columns = (EntryRow.id, EntryRow.source, EntryRow.deleted_at, EntryRow.embedding, EntryRow.silhouette)
    distinct = list(dict.fromkeys(silhouettes))
    held: list[Any] = []
    for start in range(0, len(distinct), _CHUNK):
        chunk = distinct[start : start + _CHUNK]
        held += session.execute(select(*columns).where(EntryRow.silhouette.in_(chunk)).order_by(EntryRow.id)).all()
    blobs = [row.embedding for row in held] + list(embeddings)
    vectors = decode_embeddings(blobs, dimension, precision) if blobs else np.zeros((0, dimension), np.float32)
    found = repeats([row.silhouette for row in held] + list(silhouettes), vectors)
    described = {}
    for place, first in sorted(found.items()):
        if place < len(held):  # two old entries, which are not asked about
            continue
        if first >= len(held):
            text = f"it is the same as entry {first - len(held)} of this list: give each garment once"
        elif held[first].deleted_at is not None:
            text = f"the bank has it in the bin as entry {held[first].id} ({held[first].source}): restore that one"
        else:
            text = f"the bank has it already as entry {held[first].id} ({held[first].source}): leave it out"
        described[place - len(held)] = text
    return described
