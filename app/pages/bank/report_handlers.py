"""What the Bank page reports of a bank: quality lists, empty corners, versions compared, what a photo would find."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from app.curation.curator import Curator
from app.curation.progress import ProgressNotes
from app.curation.tried import MOST, Tried, TriedPhotos
from app.files.uploads import read_upload
from app.pages.bank.views import shape_url
from app.runs.bench import Bench
from app.runs.engine import Engine
from app.web.site import Views
from ragdiffusion.attributes import UNKNOWN, VALUES

if TYPE_CHECKING:
    from ragdiffusion.api import Sight
    from ragdiffusion.bank import Bank
    from ragdiffusion.bank.coverage import Cell
    from ragdiffusion.bank.quality import Finding

_SHOWN = 60  # groups of a list that come with pictures
_OF_GROUP = 6  # pictures of a group
_GAPS = 30  # empty corners of either kind that are named


QUALITY = {
    "exact": ("Exact duplicates", "one outline, and embeddings that search cannot tell apart"),
    "near": ("Near-duplicates", "alike by embedding and by outline: keep one"),
    "outliers": ("Outliers", "far from all others"),
    "shapes": ("Odd shapes", "holes, parts, border, size, lopsided, wavy rim"),
}
"""The lists by name: title, and what stands in it."""


class ReportHandlers:
    """Answers what a bank is like; nothing here changes it.

    Args:
        engine: whose model retrieves.
        curator: knows the bank that lies open.
        progress: keeps how far a list is.
    """

    def __init__(self, engine: Engine, curator: Curator, progress: ProgressNotes) -> None:
        self._engine = engine
        self._curator = curator
        self._progress = progress
        self._odd: dict[bytes, Sequence[Finding]] = {}
        self._lock = threading.Lock()
        self._lists: dict[tuple[str, str], dict[str, Any]] = {}
        self._tried = TriedPhotos()

    def quality(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """List what may be wrong with entries, of the kind that the event's `list` names; a person goes through it.

        `progress` tells how far it is, by the event's `token`.
        """
        wanted, bank = str(event.get("list")), self._curator.bank
        if wanted not in QUALITY:
            raise ValueError(f"there is no list {wanted!r}: reload the page")
        with self._lock:
            key = (bank.version, wanted)
            if key not in self._lists:
                self._lists = {old: value for old, value in self._lists.items() if old[0] == bank.version}
                with self._progress.of(str(event.get("token"))) as note:
                    self._lists[key] = self._list(bank, wanted, self._groups(bank, wanted, note))
            return {"list": self._lists[key]}

    def _groups(self, bank: Bank, wanted: str, note: Callable[[int, int], None]) -> list[tuple[Sequence[int], str]]:
        """The groups of a quality list: ids, and why they are in it."""
        from ragdiffusion.bank import quality

        if wanted == "exact":
            return [(group.ids, "the same twice") for group in quality.exact_duplicates(bank)]
        if wanted == "near":
            near = quality.near_duplicates(bank, on_progress=note)
            return [(group.ids, f"similarity {group.similarity:.3f}, IoU {group.overlap:.3f}") for group in near]
        if wanted == "outliers":
            return [
                (
                    (each.id,),
                    f"similarity {each.similarity:.3f} to its nearest{', noise by DBSCAN' if each.noise else ''}",
                )
                for each in quality.outliers(bank)
            ]
        odd = quality.broken_shapes(bank, known=self._odd, on_progress=note)
        return [((each.id,), each.text) for each in odd]

    def _list(self, bank: Bank, wanted: str, groups: Sequence[tuple[Sequence[int], str]]) -> dict[str, Any]:
        shown = {number for ids, _ in groups[:_SHOWN] for number in list(ids)[:_OF_GROUP]}
        pictures = bank.silhouettes(sorted(shown)) if shown else {}
        title, note = QUALITY[wanted]
        return {
            "title": title,
            "note": note,
            "groups": [
                {
                    "ids": list(ids),
                    "words": words,
                    "shapes": [shape_url(pictures[number]) for number in list(ids)[:_OF_GROUP]] if i < _SHOWN else [],
                }
                for i, (ids, words) in enumerate(groups)
            ],
        }

    def coverage(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Count entries by category and measure, and name the empty corners."""
        from ragdiffusion.bank.coverage import cover

        found = cover(self._curator.bank)
        by_attributes = [gap for gap in found.gaps if gap.kind is None][:_GAPS]
        by_measures = [gap for gap in found.gaps if gap.kind is not None][:_GAPS]
        gaps = [
            {
                "text": gap.text,
                "attributes": dict(gap.attributes),
                "near": gap.near,
                "kind": gap.kind,
                "measures": dict(gap.measures),
            }
            for gap in (*by_attributes, *by_measures)
        ]
        cells = [_table(cell) for cell in found.cells]
        return {"gaps": gaps, "more": len(found.gaps) - len(gaps), "cells": cells}

    def compare(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Tell what became of the bank since the event's `old` version, and what photos that were tried find now."""
        from ragdiffusion.bank.library import VERSIONS
        from ragdiffusion.bank.versions import compare, open_version

        bank, old = self._curator.bank, str(event.get("old"))
        found = compare(bank, old)
        words = (
            f"{len(found.added):,} added, {len(found.removed):,} removed, {len(found.changed):,} changed since {old}"
        )
        photos: list[dict[str, Any]] = []
        if tried := self._tried.of(login):
            with open_version(bank, old, self._curator.folder / VERSIONS) as before:
                for each in tried:
                    then, now = self._found(each.sight, before), self._found(each.sight, bank)
                    photos.append({"name": each.name, "then": then, "now": now})
        difference = {
            "added": list(found.added),
            "removed": list(found.removed),
            "changed": list(found.changed),
            "words": words,
            "photos": photos,
        }
        return {"difference": difference}

    # ---- what a photo would find

    def take_photos(self, bench: Bench, paths: list[str]) -> Views:
        """Try photos: they are kept, so that they can be looked for again when the bank is another.

        Raises:
            ValueError: if there are too many, or one cannot be read; those before stay.
        """
        if len(paths) > MOST:
            raise ValueError(f"{len(paths)} photos were given, at most {MOST} are tried at a time: give fewer")
        tried = []
        for path in paths:
            data, name = read_upload(path)
            tried.append(Tried(name, self._engine.call(lambda model, data=data, name=name: model.see(data, name=name))))
        self._tried.keep(bench.owner, tried)
        names = ", ".join(each.name for each in tried)
        return {"bank": {"tried": True, "token": id(tried), "message": f"Looked for in the bank: {names}"}}

    def try_photos(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Return what the photos that were given last find in the bank as it is now."""
        bank = self._curator.bank
        return {
            "photos": [{"name": each.name, "found": self._found(each.sight, bank)} for each in self._tried.of(login)]
        }

    def _found(self, sight: Sight, bank: Bank) -> list[dict[str, Any]]:
        """The candidates that a bank has for a photo."""
        guide = self._engine.call(lambda model: model.retrieve(sight, bank=bank))
        shapes = bank.silhouettes([candidate.id for candidate in guide.candidates])
        return [
            {
                "id": candidate.id,
                "words": f"{candidate.similarity:.3f} · weight {candidate.weight:+.2f}",
                "shape": shape_url(shapes[candidate.id]),
                "landmark": i == (guide.consensus if guide.choice is None else guide.choice),
            }
            for i, candidate in enumerate(guide.candidates)
        ]


def _table(cell: Cell) -> dict[str, Any]:
    """A cell as rows and columns, in the order of Table 6."""
    rows, columns = (
        _in_order(key, {pair[i] for pair in cell.counts}) for i, key in enumerate((cell.first, cell.second))
    )
    return {
        "category": cell.category,
        "first": cell.first,
        "second": cell.second,
        "rows": rows,
        "columns": columns,
        "counts": [[cell.counts.get((row, column), 0) for column in columns] for row in rows],
    }


def _in_order(key: str, values: set[str]) -> list[str]:
    known = VALUES[key]
    return [value for value in (*known, UNKNOWN) if value in values]
