"""Attributes of entries, changed together with the embeddings: the encoder sees picture and attributes (9.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ragdiffusion.attributes import encode
from ragdiffusion.bank.editing import hold_to, with_attributes
from ragdiffusion.bank.entries import encode_embedding, unit_vector
from ragdiffusion.bank.reading import entry_rows, to_entry

if TYPE_CHECKING:
    from ragdiffusion.bank.bank import Bank
    from ragdiffusion.bank.making import EntryMaker


def change_attributes(
    bank: Bank,
    maker: EntryMaker,
    ids: Sequence[int],
    attributes: Mapping[str, str],
    *,
    author: str = "",
    expected: Mapping[int, int] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Give many entries the same values of some attributes, and embed anew those whose embedding tells of them.

    Values and embeddings are one action, undone together. Embeddings are made before the bank is written, so that
    nobody waits meanwhile; an entry that somebody changes in that time is embedded once more.

    Args:
        bank: that holds the entries.
        maker: of the bank's encoder.
        ids: N of them.
        attributes: Table 6 values by key; "Unknown" takes one away.
        author: who does it.
        expected: entry -> its revision when the caller looked at it.
        on_progress: called with entries looked at, and N.

    Raises:
        ConflictError: if an entry was changed since.
        ValueError: if an id is unknown or deleted, or Table 6 does not have a value.
        RuntimeError: if the bank is read-only or locked.
    """
    made: dict[int, tuple[int, bytes | None]] = {}
    while True:
        _embed(bank, maker, ids, attributes, made, on_progress)
        with bank.access.editing("update", author) as edit:
            hold_to(edit, expected, {}, bank.access.follower)
            rows = edit.rows(ids)
            if any(made[row.id][0] != row.revision for row in rows):
                continue  # this action changed nothing so far, and leaves no trace
            for row in rows:
                values: dict[str, object] = {"attributes": with_attributes(row.attributes, attributes)}
                embedding = made[row.id][1]
                edit.set(row, values if embedding is None else {**values, "embedding": embedding})
            return


def _embed(
    bank: Bank,
    maker: EntryMaker,
    ids: Sequence[int],
    attributes: Mapping[str, str],
    made: dict[int, tuple[int, bytes | None]],
    on_progress: Callable[[int, int], None] | None,
) -> None:
    """Bring `made` up to date: by entry its revision and new embedding, None where its own says the same."""
    for start in range(0, len(ids), maker.BATCH):
        with bank.access.reading() as session:
            entries = [
                to_entry(row, bank.access.follower)
                for row in entry_rows(session, ids[start : start + maker.BATCH])
                if made.get(row.id, (None,))[0] != row.revision
            ]
        moved = []
        for entry in entries:
            new = with_attributes(entry.attributes, attributes)
            made[entry.id] = entry.revision, None
            if encode(new) != encode(entry.attributes):
                moved.append(replace(entry, attributes=new))
        again = maker.again(moved, bank.patterns([entry.id for entry in moved])) if moved else []
        for entry, embedding in zip(moved, again, strict=True):
            made[entry.id] = entry.revision, encode_embedding(unit_vector(embedding, bank.dimension), bank.precision)
        if on_progress is not None:
            on_progress(min(start + maker.BATCH, len(ids)), len(ids))
