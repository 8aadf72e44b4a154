"""Building a bank (9.4): balance categories, embed, drop noise, thin dense regions, write it whole or not at all."""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ragdiffusion.bank.bank import Bank
from ragdiffusion.bank.building.selection import balanced_quotas, cluster, nearest_kept, thinning_order
from ragdiffusion.bank.building.sources import EntrySource, FlatLay
from ragdiffusion.bank.duplicates import repeats
from ragdiffusion.bank.entries import NewEntry
from ragdiffusion.bank.making import embed_flat_lays
from ragdiffusion.files import partial_of, remove, replace, sweep
from ragdiffusion.ray_map import Mapper
from ragdiffusion.structure.structure_net import StructureNet

POOL = 3
"""Flat-lays embedded for each one kept, as the paper's 15,000 for 4,000."""
_BATCH = 64
_BINS = 50
_SAMPLED = 500  # entries whose similarities with all others make the histogram

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pool:
    """Embedded flat-lays to choose from.

    Attributes:
        vectors: (N, D) float32 of unit length.
        entries: N, as a bank takes them.
        garments: N names of whose shapes they are.
        duplicates: which flat-lays were left out because an equal one was there, and which one.
        unreadable: why others were left out.
    """

    vectors: np.ndarray
    entries: list[NewEntry]
    garments: list[str]
    duplicates: tuple[str, ...]
    unreadable: tuple[str, ...]


@dataclass(frozen=True)
class BuiltBank:
    """One bank that was written.

    Attributes:
        path: its file.
        version: name, revision and hash.
        entries: how many it holds.
        thinned: flat-lays that were left out to reach its size.
        megabytes: of its file, 10^6 bytes.
        coverage: mean similarity of those left out with the nearest that was kept; 1 if none was left out.
        by_category: entries of each category.
        by_kind: entries of each kind: symmetric, as laid, mirrored, stretched, between, drawn, or of a folder.
        histogram: counts of cosine similarity between entries, in equal bins from -1 to 1.
    """

    path: str
    version: str
    entries: int
    thinned: int
    megabytes: float
    coverage: float
    by_category: dict[str, int]
    by_kind: dict[str, int]
    histogram: tuple[int, ...]


@dataclass(frozen=True)
class BuildReport:
    """What a build did.

    Attributes:
        candidates: flat-lays that were embedded.
        duplicates: which flat-lays were left out before because an equal one was among them.
        noise: dropped by DBSCAN.
        noise_by_category: of what categories those are.
        unreadable: why flat-lays were left out before they were embedded.
        clusters: that DBSCAN found.
        similarity: its reach, a cosine similarity.
        banks: that were written.
    """

    candidates: int
    duplicates: tuple[str, ...]
    noise: int
    noise_by_category: dict[str, int]
    unreadable: tuple[str, ...]
    clusters: int
    similarity: float
    banks: tuple[BuiltBank, ...]


def choose(sources: Sequence[Sequence[EntrySource]], wanted: int) -> list[EntrySource]:
    """The candidates to embed: sources in equal parts as far as they go, categories balanced within each.

    Args:
        sources: lists of candidates, the best first.
        wanted: in all.

    Raises:
        ValueError: if there is no candidate at all.
    """
    if not any(sources):
        raise ValueError(
            "there is no flat-lay to build a bank from: give a folder of garments or of flat-lays, or let some be drawn"
        )
    parts = dict.fromkeys(range(len(sources)), 0)
    left = min(wanted, sum(len(source) for source in sources))
    while left:  # equal parts; what a small source lacks the others give
        open_ = [i for i in parts if parts[i] < len(sources[i])]
        for place, i in enumerate(open_):
            parts[i] += min((left + len(open_) - 1 - place) // len(open_), len(sources[i]) - parts[i])
        left = min(wanted, sum(len(source) for source in sources)) - sum(parts.values())
    chosen = []
    for i, source in enumerate(sources):
        quotas = balanced_quotas(Counter(candidate.category for candidate in source), parts[i])
        for candidate in source:
            if quotas[candidate.category] > 0:
                quotas[candidate.category] -= 1
                chosen.append(candidate)
    return sorted(chosen, key=lambda candidate: candidate.garment)  # shapes of one garment are made together


@torch.no_grad()
def _make(candidate: EntrySource) -> tuple[str, FlatLay | ValueError]:
    """Whose shape a flat-lay is, and it, or why there is none."""
    try:
        return candidate.garment, candidate.make()
    except ValueError as error:
        return candidate.garment, error


def embed(net: StructureNet, candidates: Iterable[EntrySource], *, mapped: Mapper = map) -> Pool:
    """Make flat-lays and embed them by the standard tower; those that cannot be made, or are there twice, are listed.

    Args:
        net: in eval mode.
        candidates: finite.
        mapped: makes the flat-lays, in order; embedding stays here, so that vectors don't depend on where it is done.

    Raises:
        ValueError: if none could be made, or the encoder gives embeddings that are not finite.
    """
    vectors: list[np.ndarray] = []
    entries: list[NewEntry] = []
    garments: list[str] = []
    unreadable: list[str] = []
    pending: list[tuple[str, FlatLay]] = []
    seen: dict[bytes, str] = {}
    duplicates: list[str] = []

    def flush() -> None:
        if not pending:
            return
        made = embed_flat_lays(net, [flat for _, flat in pending])
        vectors.append(np.stack([np.asarray(entry.embedding) for entry in made]))
        garments.extend(garment for garment, _ in pending)
        entries.extend(made)
        pending.clear()

    for garment, flat in mapped(_make, candidates):
        if isinstance(flat, ValueError):
            _log.warning("left out: %s", flat)
            unreadable.append(str(flat))
            continue
        content = hashlib.sha256(flat.silhouette.tobytes() + flat.image.tobytes()).digest()
        if content in seen:
            duplicates.append(_same(flat.source, seen[content]))
            continue
        seen[content] = flat.source
        pending.append((garment, flat))
        if len(pending) == _BATCH:
            flush()
    flush()
    if not entries:
        raise ValueError(
            f"none of the {len(unreadable)} flat-lays could be read, the first because: {unreadable[0]}"
            if unreadable
            else "there is no flat-lay to embed"
        )
    every = np.concatenate(vectors)
    twice = repeats([entry.silhouette for entry in entries], every)
    duplicates += [_same(entries[place].source, entries[first].source) for place, first in twice.items()]
    for line in duplicates:
        _log.warning("left out: %s", line)
    kept = [place for place in range(len(entries)) if place not in twice]
    return Pool(
        every[kept], [entries[i] for i in kept], [garments[i] for i in kept], tuple(duplicates), tuple(unreadable)
    )


def _same(source: str, other: str) -> str:
    return f"{source} is the same as {other}"


def write_banks(pool: Pool, outs: Mapping[int, Path], *, fingerprint: str, name: str, seed: int = 0) -> BuildReport:
    """Drop a pool's noise, thin it to every size wanted, and write the banks; the smaller are parts of the larger.

    A bank that is there already is replaced in one step at the end: until then it stays as it was.

    Args:
        pool: from `embed`.
        outs: entries wanted -> file to write.
        fingerprint: of the encoder that embedded the pool.
        name: of the banks, part of their versions.
        seed: of the thinning.

    Raises:
        ValueError: if a size is not at least 1, or a file cannot be written.
        RuntimeError: if an old bank is in use.
    """
    for size, out in outs.items():
        check_target(out)
        if size < 1:
            raise ValueError(f"a bank of {size} entries was asked for, at least 1 wanted")
    found = cluster(pool.vectors, pool.garments)
    clean = np.nonzero(~found.noise)[0]
    vectors = pool.vectors[clean]
    order = thinning_order(vectors, found.similarity, np.random.default_rng(seed))
    banks = tuple(
        _write(pool, clean[np.sort(order[:size])], clean[order[size:]], out, fingerprint=fingerprint, name=name)
        for size, out in outs.items()
    )
    noise = [pool.entries[i] for i in np.nonzero(found.noise)[0]]
    return BuildReport(
        candidates=len(pool.entries),
        duplicates=pool.duplicates,
        noise=len(noise),
        noise_by_category=_count(noise, 0),
        unreadable=pool.unreadable,
        clusters=int(found.cluster.max(initial=-1)) + 1,
        similarity=found.similarity,
        banks=banks,
    )


def check_target(out: Path) -> None:
    """See to it that a bank can be written, before long work starts.

    Raises:
        ValueError: if the folder is missing or sealed, or something there is no bank.
    """
    out = Path(out)
    if not out.parent.is_dir():
        raise ValueError(f"{out}: there is no folder {out.parent}, make it first")
    if not os.access(out.parent, os.W_OK):
        raise ValueError(f"{out}: the folder {out.parent} can't be written to, choose another")
    sweep(out.parent)  # what a build that was killed left
    if out.exists():
        Bank.open(out, read_only=True).close()  # refuses what is no bank


def _write(pool: Pool, kept: np.ndarray, left_out: np.ndarray, out: Path, *, fingerprint: str, name: str) -> BuiltBank:
    entries = [pool.entries[i] for i in kept]
    folder = partial_of(out)
    remove(folder)
    try:
        folder.mkdir()
        working, whole = folder / "working.sqlite3", folder / "bank.sqlite3"
        with Bank.create(
            working, fingerprint=fingerprint, dimension=pool.vectors.shape[1], name=name, precision="float16"
        ) as bank:
            bank.add(entries, allow_duplicates=True)  # none is left but for rounding
            version = bank.version
            bank.copy(whole)
        _replace(whole, out)
    finally:
        remove(folder)
    vectors = pool.vectors[kept]
    sample = vectors[:: max(1, len(vectors) // _SAMPLED)]
    similar = np.clip(sample @ vectors.T, -1, 1)
    others = similar[similar < 1 - 1e-6]  # without each one's own
    coverage = float(nearest_kept(pool.vectors[left_out], vectors).mean()) if len(left_out) else 1.0
    return BuiltBank(
        path=str(out),
        version=version,
        entries=len(entries),
        thinned=len(left_out),
        megabytes=out.stat().st_size / 1e6,
        coverage=coverage,
        by_category=_count(entries, 0),
        by_kind=_count(entries, -1),
        histogram=tuple(np.histogram(others, bins=_BINS, range=(-1, 1))[0].tolist()),
    )


def _replace(whole: Path, out: Path) -> None:
    """Put a finished bank in an old one's place.

    Raises:
        RuntimeError: if another program has the old one open: its log would be taken for the new bank's.
    """
    log = out.with_name(out.name + "-wal")
    if out.exists():
        connection = sqlite3.connect(out)
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.DatabaseError as error:
            raise RuntimeError(f"bank {out}: {error}; it stays as it is, close what uses it and build again") from error
        finally:
            connection.close()  # the last one takes the log away
    if log.exists():
        raise RuntimeError(f"bank {out} is open in another program: it stays as it is, close that and build again")
    replace(whole, out)


def _count(entries: Sequence[NewEntry], tag: int) -> dict[str, int]:
    return dict(Counter(entry.tags[tag] for entry in entries).most_common())
