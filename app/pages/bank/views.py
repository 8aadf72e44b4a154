"""What the Bank page shows of banks and entries, as plain values for the browser."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from app.curation.drawing import curves_of, fields_of
from app.files.pictures import jpeg_url
from app.landmark_editor.rle import encode
from app.pages.bank.events import packed
from app.pages.shared.plane import categories_of, steps_of
from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN
from ragdiffusion.garments.patterns import MeasureError, draft

if TYPE_CHECKING:
    from app.curation.proposals import Proposal
    from ragdiffusion.bank import BankEntry
    from ragdiffusion.bank.browsing import Facets, Row, Uses
    from ragdiffusion.bank.entries import Edit
    from ragdiffusion.bank.history import EntryEdit, FieldChange
    from ragdiffusion.bank.patterns import PatternSpec
    from ragdiffusion.retrieval.drafting import Drafted

_HIDDEN_FIELDS = ("thumbnail", "embedding")  # follow from what else was changed
_WORDS = {"enabled": "used by retrieval", "deleted_at": "in the bin"}


def shape_url(silhouette: bytes) -> str:
    """A stored silhouette as a data URL; the page takes its light for the garment."""
    return f"data:image/png;base64,{base64.b64encode(silhouette).decode()}"


def state_of(*, enabled: bool, deleted: bool) -> str:
    """In use, hidden from retrieval, or in the bin."""
    return "bin" if deleted else "enabled" if enabled else "disabled"


def card_view(row: Row, silhouette: bytes) -> dict[str, Any]:
    """One entry of the grid."""
    known = [value for value in row.attributes.values() if value != UNKNOWN]
    category = row.attributes.get("category", UNKNOWN)
    used = f", {row.uses.retrieved} times a candidate" if row.uses.retrieved else ""
    return {
        "id": row.id,
        "revision": row.revision,
        "shape": shape_url(silhouette),
        "title": f"#{row.id} {row.source}: {', '.join(known[:5]) or 'no attributes'}{used}",
        "note": f"{row.id} {category if category != UNKNOWN else row.source.partition(':')[0]}",
        "state": state_of(enabled=row.enabled, deleted=row.deleted),
    }


def facets_view(facets: Facets) -> dict[str, Any]:
    """How many entries have what, for the filters."""
    return {
        "attributes": [
            {
                "key": attribute.key,
                "name": attribute.name,
                "values": [*attribute.values, UNKNOWN],
                "counts": facets.attributes[attribute.key],
            }
            for attribute in ATTRIBUTES
        ],
        "sources": sorted(facets.origins.items(), key=lambda pair: -pair[1])[:200],
        "tags": sorted(facets.tags.items(), key=lambda pair: -pair[1])[:200],
        "measures": measure_keys(),
    }


@cache
def measure_keys() -> list[str]:
    """All measures that garments are drafted by, those of most kinds first."""
    from ragdiffusion.garments.patterns.catalogue import KINDS

    return [key for key, _ in Counter(key for kind in KINDS.values() for key in kind.measures).most_common()]


def entry_view(
    entry: BankEntry,
    *,
    pattern: PatternSpec | None,
    near: Sequence[tuple[int, float, bytes]],
    history: Sequence[EntryEdit],
    uses: Uses,
    findings: Sequence[str],
    symmetry: float,
) -> dict[str, Any]:
    """One entry with all that is known of it.

    Args:
        entry: as the bank has it.
        pattern: what it was drawn from.
        near: id, similarity and silhouette of the nearest entries.
        history: what was done to it, the latest first.
        uses: of it in runs.
        findings: what is odd about its shape.
        symmetry: IoU with its own mirror image.
    """
    known = {attribute.key: entry.attributes.get(attribute.key, UNKNOWN) for attribute in ATTRIBUTES}
    facts = [
        ("source", entry.source or "none"),
        ("candidate of", _times(uses.retrieved)),
        ("landmark of", _times(uses.chosen)),
        ("symmetry", f"{symmetry:.3f} (IoU with its mirror image)"),
    ]
    return {
        "id": entry.id,
        "revision": entry.revision,
        "shape": shape_url(entry.silhouette),
        "state": state_of(enabled=entry.enabled, deleted=entry.deleted_at is not None),
        "source": entry.source,
        "tags": list(entry.tags),
        "attributes": known,
        **_pattern_view(pattern),
        "facts": [list(pair) for pair in facts],
        "neighbours": [
            {"id": other, "similarity": similarity, "shape": shape_url(silhouette)}
            for other, similarity, silhouette in near
        ],
        "history": [{"revision": each.edit.revision, "text": change_text(each)} for each in history],
        "findings": list(findings),
    }


def _pattern_view(pattern: PatternSpec | None) -> dict[str, Any]:
    if pattern is None:
        return {"drawing": None, "kind": "", "measures": []}
    try:
        drawing = curves_of(draft(pattern.kind, pattern.measures))
    except MeasureError:  # drawn by a drafter of another release
        return {"drawing": None, "kind": "", "measures": []}
    return {"drawing": drawing, "kind": pattern.kind, "measures": fields_of(pattern.kind, pattern.measures)}


def edit_text(edit: Edit) -> str:
    """One action of a bank's log in a line."""
    who = f" by {edit.author}" if edit.author else ""
    what = f"{edit.action} of revision {edit.target}" if edit.target is not None else edit.action
    many = f", {edit.entries:,} entries" if edit.entries != 1 else ""
    undone = ", undone later" if edit.undone else ""
    return f"r{edit.revision} · {edit.at.astimezone():%d %b %Y %H:%M} · {what}{many}{who}{undone}"


def change_text(change: EntryEdit) -> str:
    """What one action did to an entry, in a line."""
    who = f" by {change.edit.author}" if change.edit.author else ""
    said = [text for field in change.changes if (text := _field_text(field))]
    return f"{change.edit.at.astimezone():%d %b %Y %H:%M} · {change.edit.action}{who}: {'; '.join(said) or 'pictures'}"


def _field_text(change: FieldChange) -> str:
    field, before, after = change.field, change.before, change.after
    if field == "created":
        return "added"
    if field in _HIDDEN_FIELDS:
        return ""
    if field == "silhouette":
        return "another outline"
    if field == "pattern":
        return "other measures" if after else "no pattern any more"
    if field == "attributes":
        keys = sorted({*before, *after})
        moved = [
            f"{key.replace('_', ' ')} {before.get(key, UNKNOWN)} → {after.get(key, UNKNOWN)}"
            for key in keys
            if before.get(key) != after.get(key)
        ]
        return ", ".join(moved)
    if field == "tags":
        return f"tags {', '.join(before) or 'none'} → {', '.join(after) or 'none'}"
    if field in _WORDS:
        return _WORDS[field] if after else f"not {_WORDS[field]}"
    return f"{field} {before or 'none'} → {after or 'none'}"


def proposal_view(proposal: Proposal) -> dict[str, Any]:
    """Something that is about to be added."""
    return {
        "token": proposal.token,
        "name": proposal.name,
        "size": proposal.mask.shape[0],
        "mask": encode(proposal.mask),
        "photo": None if proposal.picture is None else jpeg_url(proposal.picture, 90),
        "attributes": {key: proposal.attributes.get(key, UNKNOWN) for key in (each.key for each in ATTRIBUTES)},
        "tags": list(proposal.tags),
        "source": proposal.source,
        "note": proposal.note,
    }


def refused_view(name: str, message: str) -> dict[str, Any]:
    """A file that nothing can be made of."""
    nothing: dict[str, Any] = {"size": 0, "mask": "", "photo": None, "attributes": {}, "tags": [], "source": ""}
    return {"token": name, "name": name, "error": message, **nothing}


def near_view(found: Sequence[tuple[int, float, float]], silhouettes: Mapping[int, bytes]) -> list[dict[str, Any]]:
    """Entries that something new is like."""
    return [
        {"id": entry, "similarity": similarity, "iou": iou, "shape": shape_url(silhouettes[entry])}
        for entry, similarity, iou in found
        if entry in silhouettes
    ]


def read_view(found: Drafted | None) -> dict[str, Any] | None:
    """Measures that were read off an outline."""
    if found is None:
        return None
    kind, measures = found.pattern.kind, found.pattern.measures
    return {"kind": kind, "overlap": found.overlap, "measures": fields_of(kind, measures)}


def cloud_view(ids: Sequence[int], points: np.ndarray, categories: Sequence[str]) -> dict[str, Any]:
    """A bank's embeddings (N, 2) in their plane, in whole steps from the lower left corner."""
    place, extent = steps_of(points)
    kinds, names = categories_of(categories)
    return {
        "ids": packed(np.array(ids), "<i4"),
        "xy": packed(place, "<u2"),
        "kinds": packed(np.array(kinds), "<u2"),
        "names": names,
        "extent": extent,
    }


def _times(count: int) -> str:
    return f"{count:,} {'run' if count == 1 else 'runs'}"
