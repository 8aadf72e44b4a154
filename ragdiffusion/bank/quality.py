"""Lists to look through and confirm: duplicates, outliers, broken silhouettes. Nothing here changes a bank."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select

from ragdiffusion.bank.browsing import similarities
from ragdiffusion.bank.building.selection import cluster
from ragdiffusion.bank.catalogue import View
from ragdiffusion.bank.duplicates import SAME_SIMILARITY
from ragdiffusion.bank.entries import NewEntry
from ragdiffusion.bank.reading import pictures
from ragdiffusion.bank.rims import parts_and_waviness
from ragdiffusion.bank.shape_bits import bits_overlap, mirror_symmetry, pixel_shape_bits, stored_shape_bits
from ragdiffusion.bank.tables import EntryRow
from ragdiffusion.garments.outlines import without_false_holes
from ragdiffusion.images import silhouette_pixels

if TYPE_CHECKING:
    from ragdiffusion.bank.bank import Bank

NEAR_SIMILARITY, NEAR_OVERLAP = 0.98, 0.95
"""Cosine similarity and IoU from which two entries are near-duplicates."""
NOISE_SHARE = 0.02
"""Share of entries that DBSCAN may find to be noise."""
PROBLEMS = ("parts", "holes", "border", "small", "large", "lopsided", "wavy")
_SMALL, _LARGE = 0.02, 0.75  # of the frame
_HOLES = 1e-4  # of the frame: a square of five pixels
_LOPSIDED = 0.8  # IoU with the mirror image
_WAVY = 4.0  # thousandths of the frame's side
_BLOCK = 1024  # rows of similarities at a time
_PAGE = 256  # silhouettes decoded at a time
_COMPARED = 2000  # of the nearest by embedding, whose outlines are compared with one


@dataclass(frozen=True)
class Group:
    """Entries that are (nearly) the same as the first of them, which is the oldest.

    Attributes:
        ids: two or more.
        similarity: the least cosine similarity with the first.
        overlap: the least IoU with the first, at 64 px.
    """

    ids: tuple[int, ...]
    similarity: float
    overlap: float


@dataclass(frozen=True)
class Outlier:
    """An entry that nothing else is like.

    Attributes:
        id: of the entry.
        similarity: cosine, with its nearest.
        noise: whether DBSCAN calls it noise.
    """

    id: int
    similarity: float
    noise: bool


@dataclass(frozen=True)
class Finding:
    """Something that is odd about a silhouette.

    Attributes:
        id: of the entry, 0 for one that is in no bank.
        problem: one of `PROBLEMS`.
        value: the figure behind it.
        text: in words.
    """

    id: int
    problem: str
    value: float
    text: str


def exact_duplicates(bank: Bank) -> list[Group]:
    """Entries with equal silhouettes and embeddings that search cannot tell apart; the bin is left out."""
    with bank.access.following() as view:
        columns = (EntryRow.id, EntryRow.silhouette, EntryRow.embedding)
        alike: dict[bytes, list[int]] = {}
        query = select(*columns).where(EntryRow.deleted_at.is_(None)).order_by(EntryRow.id)
        for row in view.session.execute(query.execution_options(yield_per=_PAGE)):
            alike.setdefault(hashlib.sha256(row.silhouette).digest(), []).append(row.id)
        groups = []
        for ids in alike.values():
            if len(ids) > 1:
                held, vectors, shapes = _vectors_and_shapes(view, ids)
                groups += _groups(held, vectors, shapes, SAME_SIMILARITY, 1.0)
    return sorted(groups, key=lambda group: group.ids)


def near_duplicates(
    bank: Bank,
    *,
    similarity: float = NEAR_SIMILARITY,
    overlap: float = NEAR_OVERLAP,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Group]:
    """Entries that are alike by embedding and by outline; each group's members are near its first, the bin left out.

    Args:
        bank: to look through.
        similarity: least cosine.
        overlap: least IoU at 64 px.
        on_progress: called with entries done and all of them.
    """
    with bank.access.following() as view:
        ids, vectors, shapes = _vectors_and_shapes(view, None)
    return _groups(ids, vectors, shapes, similarity, overlap, on_progress)


def similar_entries(
    bank: Bank,
    entry: NewEntry,
    *,
    similarity: float = NEAR_SIMILARITY,
    overlap: float = NEAR_OVERLAP,
    limit: int = 8,
) -> list[tuple[int, float, float]]:
    """Entries that one which is about to be added nearly repeats: id, cosine and IoU, the nearest first.

    Args:
        bank: to look through; disabled entries count, those in the bin don't.
        entry: that isn't in it.
        similarity, overlap: as for `near_duplicates`.
        limit: at most so many.

    Raises:
        ValueError: if its embedding or silhouette is not as `NewEntry` says.
    """
    outline = stored_shape_bits([entry.silhouette])[0]
    with bank.access.following() as view:
        numbers = view.catalogue.numbers
        alive = numbers["id"][~numbers["deleted"]]
        alike = similarities(view, alive, entry.embedding, bank.dimension)
        near = np.argsort(-alike, kind="stable")[:_COMPARED]
        near = near[alike[near] >= similarity]
        ids, _, shapes = _vectors_and_shapes(view, alive[near].tolist())
    shared = dict(zip(ids.tolist(), bits_overlap(outline, shapes).tolist(), strict=True))
    found = [(int(alive[i]), float(min(alike[i], 1.0)), shared[int(alive[i])]) for i in near]
    return [each for each in found if each[2] >= overlap][:limit]


def outliers(bank: Bank, *, share: float = NOISE_SHARE) -> list[Outlier]:
    """Enabled entries that are far from all others: DBSCAN's noise, the loneliest first.

    Args:
        bank: to look through.
        share: of the entries that may be noise.
    """
    with bank.access.following() as view:
        ids, vectors = view.index.vectors()
        positions = view.catalogue.positions(ids)
        owners = [view.catalogue.sources[place].partition("+")[0] for place in positions.tolist()]
    if len(ids) < 3:
        return []
    noise = cluster(vectors, owners, noise_share=share).noise
    nearest = _nearest(vectors, np.flatnonzero(noise))
    found = [
        Outlier(ids[place], float(alike), True)
        for place, alike in zip(np.flatnonzero(noise).tolist(), nearest, strict=True)
    ]
    return sorted(found, key=lambda outlier: (outlier.similarity, outlier.id))


def broken_shapes(
    bank: Bank,
    ids: Sequence[int] | None = None,
    *,
    known: MutableMapping[bytes, Sequence[Finding]] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Finding]:
    """What is odd about silhouettes of a bank, entry by entry.

    Args:
        bank: to look through.
        ids: of entries; None: all that are not in the bin.
        known: what was found of silhouettes before, by their digest; what is found now is put in.
        on_progress: called with entries done and all of them.
    """
    known = {} if known is None else known
    if ids is None:
        with bank.access.following() as view:
            numbers = view.catalogue.numbers
            ids = numbers["id"][~numbers["deleted"]].tolist()
    found: list[Finding] = []
    for start in range(0, len(ids), _PAGE):
        with bank.access.reading() as session:
            held = pictures(session, ids[start : start + _PAGE], "silhouette")
        for entry_id, silhouette in held.items():
            digest = hashlib.sha256(silhouette).digest()
            if digest not in known:
                known[digest] = tuple(findings_of(silhouette))
            found += [replace(finding, id=entry_id) for finding in known[digest]]
        if on_progress is not None:
            on_progress(min(start + _PAGE, len(ids)), len(ids))
    return found


def findings_of(silhouette: bytes, entry_id: int = 0) -> list[Finding]:
    """What is odd about one silhouette.

    Args:
        silhouette: 1-bit PNG of 512 x 512.
        entry_id: whose it is.

    Raises:
        ValueError: if it can't be decoded.
    """
    mask = silhouette_pixels(silhouette)
    area = np.count_nonzero(mask) / mask.size
    symmetry = float(mirror_symmetry(pixel_shape_bits(mask))[0])
    parts, count, waviness = parts_and_waviness(mask)
    holes = float((without_false_holes(mask * np.uint8(255)) != mask * np.uint8(255)).mean()) if count else 0.0
    cut = float(np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]).mean())
    found = {
        "parts": (parts > 1, parts, f"{parts} parts where one is wanted"),
        "holes": (holes > _HOLES, holes, f"holes that are none of the garment's, {holes:.2%} of the frame"),
        "border": (cut > 0, cut, f"it is cut by the frame along {cut:.0%} of the border"),
        "small": (area < _SMALL, area, f"it fills only {area:.1%} of the frame"),
        "large": (area > _LARGE, area, f"it fills {area:.0%} of the frame, as a ground does"),
        "lopsided": (symmetry < _LOPSIDED, symmetry, f"it overlaps with its mirror image by only {symmetry:.2f}"),
        "wavy": (waviness > _WAVY, waviness, f"its rim is off its own smooth course by {waviness:.1f} thousandths"),
    }
    return [Finding(entry_id, problem, float(value), text) for problem, (odd, value, text) in found.items() if odd]


def _vectors_and_shapes(view: View, ids: Collection[int] | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids (M,), vectors (M, D) and shapes (M, 64) of entries that are not in the bin, in order of ids."""
    alive = view.catalogue.numbers["id"][~view.catalogue.numbers["deleted"]]
    wanted = alive if ids is None else np.array(sorted(ids))
    columns = select(EntryRow.id, EntryRow.embedding, EntryRow.shape).order_by(EntryRow.id)
    if ids is None:
        query = columns.where(EntryRow.deleted_at.is_(None))
    else:
        query = columns.where(EntryRow.id.in_([int(one) for one in wanted]))
    vectors, shapes = [], []
    for rows in view.session.execute(query.execution_options(yield_per=5000)).partitions(5000):
        vectors.append(view.follower.vectors(rows))
        shapes.append(np.frombuffer(b"".join(row.shape for row in rows), np.uint64).reshape(len(rows), -1))
    if not vectors:
        return wanted, np.zeros((0, 1), np.float32), np.zeros((0, 64), np.uint64)
    return wanted, np.concatenate(vectors), np.concatenate(shapes)


def _groups(
    ids: np.ndarray,
    vectors: np.ndarray,
    shapes: np.ndarray,
    similarity: float,
    overlap: float,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Group]:
    """Each entry that is no member of an earlier group opens one with all later ones that are near it."""
    taken = np.zeros(len(ids), bool)
    groups = []
    for start in range(0, len(ids), _BLOCK):
        block = vectors[start : start + _BLOCK] @ vectors[start:].T
        rows, columns = np.nonzero(block >= similarity)
        later = columns > rows
        rows, columns = rows[later], columns[later]
        bounds = np.searchsorted(rows, np.arange(len(block) + 1))
        for row in np.unique(rows).tolist():
            if taken[start + row]:
                continue
            others = start + columns[bounds[row] : bounds[row + 1]]
            others = others[~taken[others]]
            shared = bits_overlap(shapes[start + row], shapes[others])
            near = shared >= overlap
            if near.any():
                members = others[near]
                taken[members] = True
                alike = float(min(1.0, block[row, members - start].min()))
                every = (int(ids[start + row]), *ids[members].tolist())
                groups.append(Group(every, alike, float(shared[near].min())))
        if on_progress is not None:
            on_progress(min(start + _BLOCK, len(ids)), len(ids))
    return groups


def _nearest(vectors: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Cosine similarity of some vectors with the nearest of all others."""
    found = np.zeros(len(positions), np.float32)
    for start in range(0, len(positions), _BLOCK):
        part = positions[start : start + _BLOCK]
        alike = vectors[part] @ vectors.T
        alike[np.arange(len(part)), part] = -1
        found[start : start + _BLOCK] = alike.max(1).clip(-1, 1)
    return found
