"""What a bank's entries are, all but their pictures, in columns: what lists, filters and counts are made from.

It follows the database as the search index does, and holds deleted and disabled entries too.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import numpy as np
from sqlalchemy import String, cast, select
from sqlalchemy.orm import Session

from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN
from ragdiffusion.bank.damage import DamagedBankError
from ragdiffusion.bank.follower import IndexFollower
from ragdiffusion.bank.index import VectorIndex
from ragdiffusion.bank.shape_bits import SIDE, mirror_symmetry
from ragdiffusion.bank.tables import BankRow, ChangeRow, EditRow, EntryRow

_CREATED = "created"  # the field that stands for an added entry
_PAGE = 5000  # entries read at a time
_KEYS = tuple(attribute.key for attribute in ATTRIBUTES)
_CODES = [{value: code for code, value in enumerate((UNKNOWN, *attribute.values))} for attribute in ATTRIBUTES]
_VALUES = [(UNKNOWN, *attribute.values) for attribute in ATTRIBUTES]
_NUMBERS = np.dtype(
    [
        ("id", np.int64),
        ("revision", np.int64),
        ("enabled", bool),
        ("deleted", bool),
        ("added", np.float64),  # seconds since 1970, UTC
        ("symmetry", np.float32),  # IoU with the own mirror image
        ("area", np.float32),  # share of the frame
        ("attributes", np.uint8, len(ATTRIBUTES)),  # 0 is unknown, 1 the first value of Table 6
        ("known", np.int32),  # place in the list of what is known of entries in words
        ("tags", np.int32),  # place in the list of tag sets
        ("origin", np.int32),  # place in the list of origins
    ]
)


@dataclass(frozen=True)
class View:
    """A bank at one moment: a transaction, what follows the database in it, and the version."""

    session: Session
    follower: IndexFollower
    index: VectorIndex
    catalogue: Catalogue
    version: str


class Catalogue:
    """One row a entry, in order of ids; `refresh` it before use."""

    def __init__(self) -> None:
        self._state: tuple[int, str] | None = None
        self._clear()

    def _clear(self) -> None:
        self.numbers = np.zeros(0, _NUMBERS)
        self.sources: list[str] = []
        self.tag_sets: list[tuple[str, ...]] = []
        self.origins: list[str] = []
        self._known: dict[str, tuple[int, bytes]] = {}  # attributes as stored -> place in the list of words, codes
        self._words: list[str] = []
        self._tag_codes: dict[str, int] = {}
        self._origin_codes: dict[str, int] = {}
        self._added: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self.numbers)

    def refresh(self, session: Session) -> None:
        """Take over what was changed since, by whomever."""
        state = session.execute(select(BankRow.revision, BankRow.digest)).one()
        if self._state == tuple(state):
            return
        since = -1
        if self._state is not None:
            known = session.scalar(select(EditRow.digest).where(EditRow.revision == self._state[0]))
            if self._state[0] == 0 or known == self._state[1]:
                since = self._state[0]
        if since < 0:  # the first time, or the database was put back to another history
            self._clear()
        self._read(session, since)
        self._state = (state.revision, state.digest)

    def positions(self, ids: Iterable[int]) -> np.ndarray:
        """Rows of those ids that there are, in ascending order."""
        wanted = np.unique(np.fromiter(ids, np.int64))
        held = self.numbers["id"]
        positions = np.searchsorted(held, wanted)
        inside = positions < len(held)
        return positions[inside][held[positions[inside]] == wanted[inside]]

    def with_values(self, key: str, values: Collection[str]) -> np.ndarray:
        """Which rows have one of some values of an attribute: (N,) bool.

        Raises:
            ValueError: if Table 6 has no such attribute or value.
        """
        if key not in _KEYS:
            raise ValueError(f"there is no attribute {key!r}: choose from {', '.join(_KEYS)}")
        column = _KEYS.index(key)
        unknown = sorted(set(values) - set(_CODES[column]))
        if unknown:
            raise ValueError(f"{key} cannot be {unknown[0]!r}: choose from {', '.join(_VALUES[column])}")
        return np.isin(self.numbers["attributes"][:, column], [_CODES[column][value] for value in values])

    def with_tags(self, tags: Collection[str]) -> np.ndarray:
        """Which rows have all of some tags: (N,) bool."""
        wanted = set(tags)
        codes = [code for code, held in enumerate(self.tag_sets) if wanted <= set(held)]
        return np.isin(self.numbers["tags"], codes)

    def with_origins(self, origins: Collection[str]) -> np.ndarray:
        """Which rows come from one of some origins: (N,) bool."""
        return np.isin(self.numbers["origin"], [self._origin_codes[o] for o in origins if o in self._origin_codes])

    def with_words(self, text: str, rows: np.ndarray) -> np.ndarray:
        """Of some rows, those in whose source, tags or attributes all words of a text occur; "#12" means that entry.

        Args:
            text: words; case doesn't matter.
            rows: places to look at.
        """
        for word in text.casefold().split():
            if word.startswith("#") and word[1:].isdecimal():
                rows = rows[self.numbers["id"][rows] == int(word[1:])]
            else:
                known = np.array([word in words for words in self._words], bool)
                tagged = np.array([any(word in tag.casefold() for tag in tags) for tags in self.tag_sets], bool)
                numbers = self.numbers[rows]
                hit = known[numbers["known"]] | tagged[numbers["tags"]] if len(rows) else np.zeros(0, bool)
                unsure = np.flatnonzero(~hit)
                hit[unsure] = [word in self.sources[row].casefold() for row in rows[unsure].tolist()]
                rows = rows[hit]
        return rows

    def attributes(self, row: int) -> dict[str, str]:
        """The 14 attributes of a row."""
        codes = self.numbers["attributes"][row].tolist()
        return {key: _VALUES[column][codes[column]] for column, key in enumerate(_KEYS)}

    def values(self, key: str) -> list[str]:
        """The value that each row has of an attribute."""
        column = next(place for place, attribute in enumerate(ATTRIBUTES) if attribute.key == key)
        return [_VALUES[column][code] for code in self.numbers["attributes"][:, column].tolist()]

    def counts(self, key: str, rows: np.ndarray) -> dict[str, int]:
        """How many of some rows have each value of an attribute; values that none has are left out."""
        column = _KEYS.index(key)
        found = np.bincount(self.numbers["attributes"][rows, column], minlength=len(_VALUES[column]))
        return {value: int(n) for value, n in zip(_VALUES[column], found, strict=True) if n}

    def _read(self, session: Session, since: int) -> None:
        created = (
            select(ChangeRow.entry_id, EditRow.at)
            .join(EditRow, EditRow.revision == ChangeRow.revision)
            .where(ChangeRow.field == _CREATED, ChangeRow.revision > since)
        )
        for entry_id, at in session.execute(created):
            self._added[entry_id] = at.replace(tzinfo=timezone.utc).timestamp()
        # Attributes and tags as text: most are alike, and each is decoded once.
        columns = (
            *(EntryRow.id, EntryRow.revision, EntryRow.enabled, EntryRow.deleted_at, EntryRow.shape, EntryRow.source),
            *(cast(EntryRow.attributes, String), cast(EntryRow.tags, String)),
        )
        changed = select(*columns).where(EntryRow.revision > since).order_by(EntryRow.id)
        for rows in session.execute(changed.execution_options(yield_per=_PAGE)).partitions(_PAGE):
            self._take([tuple(row) for row in rows])

    def _take(self, rows: Sequence[tuple]) -> None:
        new, sources = self._numbers(rows), [row[5] for row in rows]
        last = int(self.numbers["id"][-1]) if len(self) else 0
        known = new["id"] <= last
        for place, at in enumerate(np.searchsorted(self.numbers["id"], new["id"][known]).tolist()):
            self.numbers[at], self.sources[at] = new[place], sources[place]
        fresh = int(known.sum())
        self.numbers = np.concatenate([self.numbers, new[fresh:]])
        self.sources += sources[fresh:]

    def _numbers(self, rows: Sequence[tuple]) -> np.ndarray:
        new = np.zeros(len(rows), _NUMBERS)
        ids, revisions, enabled, deleted, packed, sources, attributes, tags = zip(*rows, strict=True)
        shapes, known = _shapes(packed), [self._decoded(text) for text in attributes]
        new["id"], new["revision"], new["enabled"] = ids, revisions, enabled
        new["deleted"] = [moment_ is not None for moment_ in deleted]
        new["added"] = [self._added.get(entry_id, 0.0) for entry_id in ids]
        new["symmetry"] = mirror_symmetry(shapes)
        new["area"] = np.bitwise_count(shapes).sum(1) / SIDE**2
        new["known"] = [place for place, _ in known]
        new["attributes"] = np.frombuffer(b"".join(codes for _, codes in known), np.uint8).reshape(len(rows), -1)
        new["tags"] = [self._tag_code(text) for text in tags]
        new["origin"] = [self._origin_code(origin_of(source)) for source in sources]
        return new

    def _decoded(self, text: str) -> tuple[int, bytes]:
        """Attributes as stored -> place in the list of words, and the codes of all 14."""
        if text not in self._known:
            values = _json(text, dict)
            codes = bytes(known.get(values.get(key), 0) for key, known in zip(_KEYS, _CODES, strict=True))
            self._known[text] = (len(self._words), codes)
            self._words.append("\n".join(map(str, values.values())).casefold())
        return self._known[text]

    def _tag_code(self, text: str) -> int:
        if text not in self._tag_codes:
            self._tag_codes[text] = len(self.tag_sets)
            self.tag_sets.append(tuple(_json(text, list)))
        return self._tag_codes[text]

    def _origin_code(self, origin: str) -> int:
        if origin not in self._origin_codes:
            self._origin_codes[origin] = len(self.origins)
            self.origins.append(origin)
        return self._origin_codes[origin]


def origin_of(source: str) -> str:
    """What stands before the colon of a source, such as "drawn" or a folder's name; all of it where there is none."""
    return source.partition(":")[0]


def moment(seconds: float) -> datetime:
    """A time as the catalogue holds it, in UTC."""
    return datetime.fromtimestamp(seconds, timezone.utc)


def _json(text: Any, kind: type) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise DamagedBankError(f"attributes or tags in it are {str(text)[:60]!r}") from error
    words = value.values() if isinstance(value, dict) else value
    if not isinstance(value, kind) or not all(isinstance(word, str) for word in words):
        raise DamagedBankError(f"attributes or tags in it are {str(text)[:60]!r}")
    return value


def _shapes(packed: Sequence[bytes]) -> np.ndarray:
    if any(len(shape) != SIDE**2 // 8 for shape in packed):
        raise DamagedBankError(f"a coarse shape in it has not {SIDE**2 // 8} bytes")
    return np.frombuffer(b"".join(packed), np.uint64).reshape(len(packed), -1)
