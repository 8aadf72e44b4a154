"""What the Bank page reports of a bank: quality lists, empty corners, versions compared, what a photo would find."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app.curation.curator import Curator
from app.files.uploads import read_upload
from app.pages.bank.views import shape_url
from app.runs.bench import Bench
from app.runs.engine import Engine
from app.web.site import Views
from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN

if TYPE_CHECKING:
    from ragdiffusion.api import Sight
    from ragdiffusion.bank import Bank
    from ragdiffusion.bank.coverage import Cell

_SHOWN = 60  # groups of a list that come with pictures
_OF_GROUP = 6  # pictures of a group
_GAPS = 60  # empty corners that are named


class ReportHandlers:
    """Answers what a bank is like; nothing here changes it.

    Args:
        engine: whose model retrieves.
        curator: knows the bank that lies open.
    """

    def __init__(self, engine: Engine, curator: Curator) -> None:
        self._engine = engine
        self._curator = curator
        self._tried: dict[str, tuple[str, Sight]] = {}

    def quality(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """List what may be wrong with entries; each list is for a person to go through."""
        from ragdiffusion.bank import quality

        bank = self._curator.bank
        exact = [(group.ids, "the same twice") for group in quality.exact_duplicates(bank)]
        near = [
            (group.ids, f"similarity {group.similarity:.3f}, IoU {group.overlap:.3f}")
            for group in quality.near_duplicates(bank)
        ]
        alone = [
            ((each.id,), f"similarity {each.similarity:.3f} to its nearest{', noise by DBSCAN' if each.noise else ''}")
            for each in quality.outliers(bank)
        ]
        broken = [((each.id,), each.text) for each in quality.broken_shapes(bank)]
        lists = [
            ("Exact duplicates", "one outline, and embeddings that search cannot tell apart", exact),
            ("Near-duplicates", "alike by embedding and by outline: keep one", near),
            ("Outliers", "far from all others", alone),
            ("Odd shapes", "holes, parts, border, size, lopsided, wavy rim", broken),
        ]
        return {"lists": [self._list(bank, *each) for each in lists]}

    def _list(self, bank: Bank, title: str, note: str, groups: Sequence[tuple[Sequence[int], str]]) -> dict[str, Any]:
        shown = {number for ids, _ in groups[:_SHOWN] for number in list(ids)[:_OF_GROUP]}
        pictures = bank.silhouettes(sorted(shown)) if shown else {}
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
        gaps = [
            {
                "text": gap.text,
                "attributes": dict(gap.attributes),
                "near": gap.near,
                "kind": gap.kind,
                "measures": dict(gap.measures),
            }
            for gap in found.gaps[:_GAPS]
        ]
        return {"gaps": gaps, "more": max(0, len(found.gaps) - _GAPS), "cells": [_table(cell) for cell in found.cells]}

    def compare(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Tell what became of the bank since the event's `old` version, and what photos that were tried find now."""
        from ragdiffusion.bank.versions import compare, open_version

        bank, old = self._curator.bank, str(event.get("old"))
        found = compare(bank, old)
        words = (
            f"{len(found.added):,} added, {len(found.removed):,} removed, {len(found.changed):,} changed since {old}"
        )
        moved = []
        if self._tried:
            with open_version(bank, old, self._curator.folder / ".versions") as before:
                for name, sight in self._tried.values():
                    moved.append(f"{name}: {self._ids(sight, before)} then, {self._ids(sight, bank)} now")
        difference = {
            "added": list(found.added),
            "removed": list(found.removed),
            "changed": list(found.changed),
            "words": words,
            "moved": moved,
        }
        return {"difference": difference}

    def _ids(self, sight: Sight, bank: Bank) -> str:
        guide = self._engine.call(lambda model: model.retrieve(sight, bank=bank))
        return ", ".join(f"#{candidate.id}" for candidate in guide.candidates)

    # ---- what a photo would find

    def take_photo(self, bench: Bench, path: str) -> Views:
        """Try a photo: it is kept, so that it can be looked for again when the bank is another."""
        data, name = read_upload(path)
        sight = self._engine.call(lambda model: model.see(data, name=name))
        self._tried = {bench.owner: (name, sight)}
        return {"bank": {"tried": True, "token": id(sight), "message": f"{name} was looked for in the bank"}}

    def try_photo(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Return what the photo that was given last finds in the bank as it is now."""
        if login not in self._tried:
            return {"name": "", "found": []}
        name, sight = self._tried[login]
        guide = self._engine.call(lambda model: model.retrieve(sight))
        shapes = self._curator.bank.silhouettes([candidate.id for candidate in guide.candidates])
        found = [
            {
                "id": candidate.id,
                "words": f"{candidate.similarity:.3f} · weight {candidate.weight:+.2f}",
                "shape": shape_url(shapes[candidate.id]),
                "landmark": i == (guide.consensus if guide.choice is None else guide.choice),
            }
            for i, candidate in enumerate(guide.candidates)
        ]
        return {"name": name, "found": found, "version": guide.bank_version}


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
    known = next(attribute.values for attribute in ATTRIBUTES if attribute.key == key)
    return [value for value in (*known, UNKNOWN) if value in values]
