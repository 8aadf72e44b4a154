"""What shapes a bank has, by category and measure, and which corners are empty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from ragdiffusion.attributes import UNKNOWN
from ragdiffusion.bank.catalogue import Catalogue
from ragdiffusion.bank.tables import EntryRow, PatternRow
from ragdiffusion.garments.patterns import MeasureError, specs

if TYPE_CHECKING:
    from ragdiffusion.bank.bank import Bank

_PAIRS = (("length", "sleeve_length"), ("length", "fit"), ("sleeve_length", "collar"), ("length", "collar"))
_MEASURES = ("body_length", "length", "sleeve_length", "chest", "waist", "hem", "leg_length", "sleeve_width")
_ENOUGH = 8  # entries of a category or kind from which on something can be missing
_SHARE = 0.05  # of a category that a value needs so that its combinations are missed
_BINS = 5  # of a measure's range
_UNUSUAL = frozenset({UNKNOWN, "Uncertain"})
_ADJECTIVES = ("fit", "length")


@dataclass(frozen=True)
class Cell:
    """How the entries of a category combine two attributes.

    Attributes:
        category: of Table 6.
        first, second: keys of the attributes.
        counts: (value of the first, value of the second) -> entries; combinations that none has are left out.
    """

    category: str
    first: str
    second: str
    counts: Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class MeasureCell:
    """How the entries of a kind of pattern spread over the range of one measure.

    Attributes:
        kind: key of the pattern's kind.
        measure: key of the measure.
        unit: of the measure.
        edges: of the bins, from the least to the most that is allowed.
        counts: entries in each bin.
    """

    kind: str
    measure: str
    unit: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Gap:
    """An empty corner.

    Attributes:
        text: it in words, such as "no long Dress with short sleeves".
        attributes: what an entry that fills it would have.
        kind, measures: what to draw it from, where the corner is one of measures.
        near: entries of its category that share one of the two values, or of its kind.
    """

    text: str
    attributes: Mapping[str, str]
    kind: str | None
    measures: Mapping[str, float]
    near: int


@dataclass(frozen=True)
class Coverage:
    """What a bank's enabled entries cover.

    Attributes:
        categories: entries of each category.
        cells: pairs of attributes, of categories with enough entries.
        measures: measures of patterns, of kinds with enough entries.
        gaps: empty corners: of attributes, then of measures; those with the most entries around them first.
    """

    categories: Mapping[str, int]
    cells: tuple[Cell, ...]
    measures: tuple[MeasureCell, ...]
    gaps: tuple[Gap, ...]


def cover(bank: Bank) -> Coverage:
    """Count what there is, and name what there isn't.

    A combination of two values is missed where a category has each of them by itself often enough; a stretch of a
    measure where its kind's range has it and no entry does.
    """
    with bank.access.following() as view:
        catalogue = view.catalogue
        rows = np.flatnonzero(catalogue.numbers["enabled"] & ~catalogue.numbers["deleted"])
        categories = catalogue.counts("category", rows)
        cells = _cells(catalogue, rows, categories)
        patterns = _patterns(view.session)
    measured = _measured(patterns)
    gaps = [gap for cell in cells for gap in _missing(cell)] + [gap for cell in measured for gap in _empty(cell)]
    return Coverage(
        categories, tuple(cells), tuple(measured), tuple(sorted(gaps, key=lambda gap: (-gap.near, gap.text)))
    )


def _cells(catalogue: Catalogue, rows: np.ndarray, categories: Mapping[str, int]) -> list[Cell]:
    known = [catalogue.attributes(row) for row in rows.tolist()]
    cells = []
    for category, count in categories.items():
        if category == UNKNOWN or count < _ENOUGH:
            continue
        own = [values for values in known if values["category"] == category]
        for first, second in _PAIRS:
            counts = Counter((values[first], values[second]) for values in own)
            cells.append(Cell(category, first, second, dict(counts)))
    return cells


def _missing(cell: Cell) -> list[Gap]:
    total = sum(cell.counts.values())
    alone: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for values, count in cell.counts.items():
        for place in (0, 1):
            alone[place][values[place]] += count
    common = [
        [value for value, count in side.items() if value not in _UNUSUAL and count >= max(3, _SHARE * total)]
        for side in alone
    ]
    return [
        Gap(
            _sentence(cell.category, {cell.first: one, cell.second: other}),
            {"category": cell.category, cell.first: one, cell.second: other},
            None,
            {},
            min(alone[0][one], alone[1][other]),
        )
        for one, other in product(*common)
        if (one, other) not in cell.counts
    ]


def _sentence(category: str, values: Mapping[str, str]) -> str:
    before = " ".join(values[key].lower() for key in _ADJECTIVES if key in values)
    sleeves, collar = values.get("sleeve_length", "").lower(), values.get("collar", "").lower()
    collar = collar.replace("v-neck", "V-neck")
    behind = []
    if sleeves:
        behind.append("no sleeves" if sleeves == "sleeveless" else f"{sleeves} sleeves")
    if collar:
        behind.append(f"{'an' if collar.startswith('off') else 'a'} {collar} collar")
    words = ["no", before, category, f"with {' and '.join(behind)}" if behind else ""]
    return " ".join(word for word in words if word)


def _patterns(session: Session) -> list[tuple[str, Mapping[str, float]]]:
    if not inspect(session.connection()).has_table(PatternRow.__tablename__):
        return []
    query = (
        select(PatternRow.kind, PatternRow.measures)
        .join(EntryRow, EntryRow.id == PatternRow.entry_id)
        .where(EntryRow.enabled, EntryRow.deleted_at.is_(None))
    )
    return [(kind, measures) for kind, measures in session.execute(query)]


def _measured(patterns: list[tuple[str, Mapping[str, float]]]) -> list[MeasureCell]:
    by_kind: dict[str, list[Mapping[str, float]]] = {}
    for kind, measures in patterns:
        by_kind.setdefault(kind, []).append(measures)
    cells = []
    for kind, held in sorted(by_kind.items()):
        if len(held) < _ENOUGH:
            continue
        try:
            known = {measure.key: measure for measure in specs(kind)}
        except MeasureError:  # a kind of a version that knew others
            continue
        for key in _MEASURES:
            if key in known:
                one = known[key]
                edges = np.linspace(one.low, one.high, _BINS + 1)
                counts, _ = np.histogram([values[key] for values in held if key in values], bins=edges)
                cells.append(MeasureCell(kind, key, one.unit, tuple(edges.tolist()), tuple(counts.tolist())))
    return cells


def _empty(cell: MeasureCell) -> list[Gap]:
    what = cell.measure.replace("_", " ")
    return [
        Gap(
            f"no {cell.kind.replace('_', ' ')} with a {what} of {low:.0f} to {high:.0f} {cell.unit}",
            {},
            cell.kind,
            {cell.measure: round((low + high) / 2, 2)},
            sum(cell.counts),
        )
        for low, high, count in zip(cell.edges, cell.edges[1:], cell.counts, strict=False)
        if not count
    ]
