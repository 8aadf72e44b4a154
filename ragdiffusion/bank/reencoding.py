"""A bank for a new encoder: every entry is embedded anew beside the bank, which serves on until one edit takes it over.

What was embedded lies in a file beside the bank, so that a run that was cut off goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select, update

from ragdiffusion.bank.access import version_of
from ragdiffusion.bank.entries import BankEntry, encode_embedding, unit_vector
from ragdiffusion.bank.reading import entry_rows, to_entry
from ragdiffusion.bank.tables import BankRow, EncoderRow, EntryRow
from ragdiffusion.files import remove

if TYPE_CHECKING:
    from ragdiffusion.bank.bank import Bank
    from ragdiffusion.bank.making import EntryMaker

_PAGE = 500  # entries written at a time
_WORK = "CREATE TABLE IF NOT EXISTS vector (entry_id INTEGER PRIMARY KEY, revision INTEGER, embedding BLOB)"


def encode_again(
    bank: Bank,
    maker: EntryMaker,
    fingerprint: str,
    *,
    author: str = "",
    on_progress: Callable[[int, int], None] | None = None,
) -> str:
    """Embed all entries of a bank by another encoder; the bank belongs to that one from then on.

    Entries in the bin and disabled ones are embedded too. The log goes on: earlier versions can be opened as they
    were, with the encoder of then, but edits from before can't be undone any more. Others may use and change the
    bank meanwhile; what they change is embedded again. Objects that have it open for the old encoder refuse to search
    afterwards.

    Args:
        bank: to encode; it is to be opened anew afterwards.
        maker: of the new encoder.
        fingerprint: of the new encoder.
        author: who does it.
        on_progress: called with entries done and all of them.

    Returns:
        The version that the bank has then.

    Raises:
        ValueError: if it belongs to that encoder already.
        RuntimeError: if the bank is read-only or locked; it stays as it is, and another call goes on.
    """
    if fingerprint == bank.fingerprint:
        raise ValueError(f"the bank belongs to encoder {fingerprint} already")
    if bank.read_only:
        raise RuntimeError(f"bank {bank.label} is read-only: copy it to your workspace and encode the copy")
    path = _work_file(bank, fingerprint)
    with closing(sqlite3.connect(path, isolation_level=None)) as work:
        work.execute(_WORK)
        while True:
            _embed_missing(bank, maker, work, on_progress)
            version = _take_over(bank, work, fingerprint, author)
            if version is not None:
                break
    remove(path)
    return version


def _work_file(bank: Bank, fingerprint: str) -> Path:
    name = f".{hashlib.sha256(bank.label.encode()).hexdigest()[:16]}.{fingerprint}.encoding"
    folder = Path(tempfile.gettempdir()) if bank.path is None else bank.path.parent
    return folder / name


def _embed_missing(
    bank: Bank, maker: EntryMaker, work: sqlite3.Connection, on_progress: Callable[[int, int], None] | None
) -> None:
    """Embed the entries whose vector is missing or of another revision of them."""
    with bank.access.reading() as session:
        wanted = dict(session.execute(select(EntryRow.id, EntryRow.revision)).all())
    done = dict(work.execute("SELECT entry_id, revision FROM vector").fetchall())
    missing = sorted(entry_id for entry_id, revision in wanted.items() if done.get(entry_id) != revision)
    if on_progress is not None:
        on_progress(len(wanted) - len(missing), len(wanted))
    for start in range(0, len(missing), maker.BATCH):
        entries = _entries(bank, missing[start : start + maker.BATCH])
        made = maker.again(entries, bank.patterns([entry.id for entry in entries])).numpy()
        rows = [(entry.id, entry.revision, vector.tobytes()) for entry, vector in zip(entries, made, strict=True)]
        work.execute("BEGIN")
        work.executemany("INSERT OR REPLACE INTO vector VALUES (?, ?, ?)", rows)
        work.execute("COMMIT")
        if on_progress is not None:
            on_progress(len(wanted) - len(missing) + start + len(entries), len(wanted))


def _entries(bank: Bank, ids: list[int]) -> list[BankEntry]:
    with bank.access.following() as view:
        return [to_entry(row, view.follower) for row in entry_rows(view.session, ids)]


def _take_over(bank: Bank, work: sqlite3.Connection, fingerprint: str, author: str) -> str | None:
    """Put the new embeddings in place in one edit; None if somebody changed an entry meanwhile."""
    with bank.access.editing("encode", author) as edit:
        held = dict(edit.session.execute(select(EntryRow.id, EntryRow.revision)).all())
        done = dict(work.execute("SELECT entry_id, revision FROM vector").fetchall())
        if any(done.get(entry_id) != revision for entry_id, revision in held.items()):
            return None
        about = edit.session.scalars(select(BankRow)).one()
        edit.session.add(EncoderRow(until=edit.revision, fingerprint=about.fingerprint, dimension=about.dimension))
        ids, dimension = sorted(held), about.dimension
        for start in range(0, len(ids), _PAGE):
            chunk = ids[start : start + _PAGE]
            for row in entry_rows(edit.session, chunk):
                (blob,) = work.execute("SELECT embedding FROM vector WHERE entry_id = ?", (row.id,)).fetchone()
                vector = np.frombuffer(blob, np.float32)
                dimension = len(vector)
                edit.set(row, {"embedding": encode_embedding(unit_vector(vector, dimension), about.precision)})
        edit.also(f"{fingerprint} {dimension}")
        edit.session.execute(update(BankRow).values(fingerprint=fingerprint, dimension=dimension))
        revision = edit.revision
    with bank.access.reading() as session:
        about = session.scalars(select(BankRow)).one()
    assert about.revision >= revision
    return version_of(about.name, about.revision, about.digest)
