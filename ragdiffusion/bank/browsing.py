"""Looking through a bank: filters, orders, pages of light rows, and how many entries each choice would leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select
from torch import Tensor

from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN
from ragdiffusion.bank.catalogue import Catalogue, View, moment
from ragdiffusion.bank.entries import unit_vector
from ragdiffusion.bank.tables import EntryRow

if TYPE_CHECKING:
    from ragdiffusion.bank.bank import Bank

SORTS = ("newest", "oldest", "changed", "use", "similarity", "symmetry", "uneven")
_CHUNK = 500  # ids in one statement


@dataclass(frozen=True)
class Uses:
    """How often an entry was used, as whoever keeps a log of runs has counted.

    Attributes:
        retrieved: runs among whose candidates it was.
        chosen: runs whose landmark it was.
    """

    retrieved: int = 0
    chosen: int = 0


@dataclass(frozen=True)
class Filter:
    """Which entries are wanted; all that is given must hold.

    Attributes:
        attributes: Table 6 key -> values of which an entry has one; "Unknown" is a value.
        origins: what stands before the colon of a source, one of these.
        tags: all of these.
        added_from, added_before: UTC, or with a time zone.
        enabled: only those enabled, or only those disabled.
        deleted: those in the bin in place of the others.
        used: only those that were ever retrieved or chosen, or only those that never were.
        text: words that occur in source, tags or attributes; "#12" is entry 12.
        ids: only these.
    """

    attributes: Mapping[str, Collection[str]] = field(default_factory=dict)
    origins: Collection[str] = ()
    tags: Collection[str] = ()
    added_from: datetime | None = None
    added_before: datetime | None = None
    enabled: bool | None = None
    deleted: bool = False
    used: bool | None = None
    text: str = ""
    ids: Collection[int] | None = None


@dataclass(frozen=True)
class Row:
    """One entry in a list, without its pictures.

    Attributes:
        id: of the entry.
        revision: the last that changed it, to be given back as `expected` with an edit.
        enabled, deleted: as they are.
        attributes: all 14 of Table 6.
        source, tags: as in `NewEntry`.
        added_at: UTC.
        symmetry: IoU of the silhouette with its own mirror image, in [0, 1].
        uses: as they were given.
        similarity: cosine, to what the list is compared with; None without.
    """

    id: int
    revision: int
    enabled: bool
    deleted: bool
    attributes: dict[str, str]
    source: str
    tags: tuple[str, ...]
    added_at: datetime
    symmetry: float
    uses: Uses
    similarity: float | None


@dataclass(frozen=True, eq=False)
class Page:
    """One page of a list: (M,) int64 ids of all that match, in order; the rows of the page; the bank's version."""

    ids: np.ndarray
    rows: tuple[Row, ...]
    version: str


@dataclass(frozen=True)
class Facets:
    """How many of the entries that a filter leaves have what; the filter's own choice of an attribute is set aside
    for that attribute, so that its other values can be seen.

    Attributes:
        attributes: key -> value -> entries.
        origins, tags: name -> entries.
        enabled, disabled: entries.
        deleted: entries in the bin, whatever else the filter says.
    """

    attributes: dict[str, dict[str, int]]
    origins: dict[str, int]
    tags: dict[str, int]
    enabled: int
    disabled: int
    deleted: int


_EVERYTHING = Filter()
_NO_USES: Mapping[int, Uses] = {}


def browse(
    bank: Bank,
    wanted: Filter = _EVERYTHING,
    *,
    sort: str = "newest",
    like: int | Tensor | None = None,
    uses: Mapping[int, Uses] = _NO_USES,
    offset: int = 0,
    limit: int = 200,
) -> Page:
    """List entries.

    Args:
        bank: to look through.
        wanted: which.
        sort: one of `SORTS`; entries that are equal come by id.
        like: the entry or the unit vector (D,) that "similarity" means.
        uses: by entry, those never used left out.
        offset, limit: the page.

    Raises:
        ValueError: if there is no such order, attribute, value or entry, or nothing to compare with.
    """
    if sort not in SORTS:
        raise ValueError(f"there is no order {sort!r}: choose from {', '.join(SORTS)}")
    if sort == "similarity" and like is None:
        raise ValueError("to sort by similarity, say what the entries are compared with")
    with bank.access.following() as view:
        catalogue = view.catalogue
        rows = matching(catalogue, wanted, uses)
        similarity = None if like is None else similarities(view, catalogue.numbers["id"][rows], like, bank.dimension)
        order = _order(catalogue, rows, sort, uses, similarity)
        rows = rows[order]
        page = slice(offset, offset + limit)
        alike = None if similarity is None else similarity[order][page]
        return Page(
            ids=catalogue.numbers["id"][rows],
            rows=tuple(
                _row(catalogue, place, uses, None if alike is None else float(alike[i]))
                for i, place in enumerate(rows[page].tolist())
            ),
            version=view.version,
        )


def facets(bank: Bank, wanted: Filter = _EVERYTHING, *, uses: Mapping[int, Uses] = _NO_USES) -> Facets:
    """Count what the entries that a filter leaves are.

    Args:
        bank: to look through.
        wanted: which.
        uses: as for `browse`.

    Raises:
        ValueError: if there is no such attribute or value.
    """
    with bank.access.following() as view:
        catalogue = view.catalogue
        numbers = catalogue.numbers
        rows = matching(catalogue, wanted, uses)
        attributes = {}
        for attribute in ATTRIBUTES:
            others = {key: values for key, values in wanted.attributes.items() if key != attribute.key}
            free = (
                rows
                if len(others) == len(wanted.attributes)
                else matching(catalogue, replace(wanted, attributes=others), uses)
            )
            attributes[attribute.key] = catalogue.counts(attribute.key, free)
        tags: Counter[str] = Counter()
        for code, count in enumerate(np.bincount(numbers["tags"][rows], minlength=1).tolist()):
            if count:
                tags.update(dict.fromkeys(catalogue.tag_sets[code], count))
        origins = np.bincount(numbers["origin"][rows], minlength=1).tolist()
        enabled = int(numbers["enabled"][rows].sum())
        return Facets(
            attributes=attributes,
            origins={catalogue.origins[code]: count for code, count in enumerate(origins) if count},
            tags=dict(tags.most_common()),
            enabled=enabled,
            disabled=len(rows) - enabled,
            deleted=int(numbers["deleted"].sum()),
        )


def values_of(bank: Bank, key: str, ids: Sequence[int]) -> list[str]:
    """An attribute of entries, in the order of their ids; "Unknown" where the bank has no such entry."""
    with bank.access.following() as view:
        held, values = view.catalogue.numbers["id"], view.catalogue.values(key)
        positions = np.searchsorted(held, ids).clip(0, max(0, len(held) - 1))
        return [
            values[place] if held[place] == number else UNKNOWN
            for place, number in zip(positions.tolist(), ids, strict=True)
        ]


def matching(catalogue: Catalogue, wanted: Filter, uses: Mapping[int, Uses] = _NO_USES) -> np.ndarray:
    """The rows of a catalogue that a filter leaves, in order of ids.

    Raises:
        ValueError: if there is no such attribute or value.
    """
    numbers = catalogue.numbers
    kept = numbers["deleted"] == wanted.deleted
    if wanted.enabled is not None:
        kept &= numbers["enabled"] == wanted.enabled
    for key, values in wanted.attributes.items():
        kept &= catalogue.with_values(key, values)
    if wanted.origins:
        kept &= catalogue.with_origins(wanted.origins)
    if wanted.tags:
        kept &= catalogue.with_tags(wanted.tags)
    if wanted.added_from is not None:
        kept &= numbers["added"] >= _seconds(wanted.added_from)
    if wanted.added_before is not None:
        kept &= numbers["added"] < _seconds(wanted.added_before)
    if wanted.ids is not None:
        kept &= _among(catalogue, wanted.ids)
    if wanted.used is not None:
        used = (entry_id for entry_id, count in uses.items() if count.retrieved or count.chosen)
        kept &= _among(catalogue, used) == wanted.used
    return catalogue.with_words(wanted.text, np.flatnonzero(kept))


def _among(catalogue: Catalogue, ids: Collection[int]) -> np.ndarray:
    among = np.zeros(len(catalogue), bool)
    among[catalogue.positions(ids)] = True
    return among


def _seconds(moment_: datetime) -> float:
    return (moment_ if moment_.tzinfo else moment_.replace(tzinfo=timezone.utc)).timestamp()


def _order(
    catalogue: Catalogue, rows: np.ndarray, sort: str, uses: Mapping[int, Uses], similarity: np.ndarray | None
) -> np.ndarray:
    numbers = catalogue.numbers[rows]
    if sort == "oldest":
        return np.lexsort((numbers["id"], numbers["added"]))
    if sort == "use":
        counts = [uses.get(entry_id, Uses()) for entry_id in numbers["id"].tolist()]
        chosen, retrieved = ([getattr(count, name) for count in counts] for name in ("chosen", "retrieved"))
        return np.lexsort((numbers["id"], -np.array(retrieved, np.int64), -np.array(chosen, np.int64)))
    keys = {
        "newest": lambda: (-numbers["id"], -numbers["added"]),
        "changed": lambda: (-numbers["id"], -numbers["revision"]),
        "symmetry": lambda: (numbers["id"], -numbers["symmetry"]),
        "uneven": lambda: (numbers["id"], numbers["symmetry"]),
        "similarity": lambda: (numbers["id"], -similarity),
    }
    return np.lexsort(keys[sort]())


def similarities(view: View, ids: np.ndarray, like: int | Tensor | np.ndarray, dimension: int) -> np.ndarray:
    """Cosine similarity of entries, deleted and disabled ones too, with an entry or a vector: (M,) float32."""
    if isinstance(like, int):
        held = view.session.execute(select(EntryRow.embedding).where(EntryRow.id == like)).first()
        if held is None:
            raise ValueError(f"the bank has no entry {like}: choose one that it lists")
        query = view.follower.vectors([held])[0]
    else:
        query = unit_vector(like, dimension)
    found, unknown = view.index.similarities(query, ids)
    hidden = np.flatnonzero(unknown)  # from search
    for start in range(0, len(hidden), _CHUNK):
        chunk = hidden[start : start + _CHUNK]
        rows = view.session.execute(
            select(EntryRow.embedding).where(EntryRow.id.in_(ids[chunk].tolist())).order_by(EntryRow.id)
        ).all()
        found[chunk] = view.follower.vectors(rows) @ query
    return found.clip(-1, 1)


def _row(catalogue: Catalogue, place: int, uses: Mapping[int, Uses], similarity: float | None) -> Row:
    one = catalogue.numbers[place]
    entry_id = int(one["id"])
    return Row(
        id=entry_id,
        revision=int(one["revision"]),
        enabled=bool(one["enabled"]),
        deleted=bool(one["deleted"]),
        attributes=catalogue.attributes(place),
        source=catalogue.sources[place],
        tags=catalogue.tag_sets[int(one["tags"])],
        added_at=moment(float(one["added"])),
        symmetry=float(one["symmetry"]),
        uses=uses.get(entry_id, Uses()),
        similarity=similarity,
    )
