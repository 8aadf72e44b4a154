"""Banks of every schema that was ever released, brought up to date with all that is in them."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import inspect

from ragdiffusion.bank import Bank
from ragdiffusion.bank.check import check_bank
from ragdiffusion.bank.entries import encode_embedding
from ragdiffusion.bank.tables import READABLE_SCHEMAS, SCHEMA_VERSION

FIRST = """
CREATE TABLE bank (id INTEGER NOT NULL, schema_version INTEGER NOT NULL, name VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL, dimension INTEGER NOT NULL, precision VARCHAR NOT NULL, revision INTEGER NOT NULL,
    digest VARCHAR NOT NULL, PRIMARY KEY (id));
CREATE TABLE entry (id INTEGER NOT NULL, revision INTEGER NOT NULL, enabled BOOLEAN NOT NULL, deleted_at DATETIME,
    embedding BLOB NOT NULL, source VARCHAR NOT NULL, attributes JSON NOT NULL, tags JSON NOT NULL,
    silhouette BLOB NOT NULL, thumbnail BLOB, PRIMARY KEY (id));
CREATE TABLE edit (revision INTEGER NOT NULL, action VARCHAR NOT NULL, at DATETIME NOT NULL, entries INTEGER NOT NULL,
    digest VARCHAR NOT NULL, undone_by INTEGER, PRIMARY KEY (revision));
CREATE TABLE change (revision INTEGER NOT NULL, entry_id INTEGER NOT NULL, field VARCHAR NOT NULL, "before" BLOB,
    PRIMARY KEY (revision, entry_id, field), FOREIGN KEY(revision) REFERENCES edit (revision),
    FOREIGN KEY(entry_id) REFERENCES entry (id)) WITHOUT ROWID;
CREATE INDEX ix_entry_revision ON entry (revision);
"""
SECOND = "ALTER TABLE entry ADD COLUMN shape BLOB NOT NULL DEFAULT x''; UPDATE bank SET schema_version = 2;"
THIRD = """
CREATE TABLE checksum (entry_id INTEGER NOT NULL, sha256 BLOB NOT NULL, PRIMARY KEY (entry_id));
CREATE TABLE pattern (entry_id INTEGER NOT NULL, kind VARCHAR NOT NULL, measures JSON NOT NULL,
    silhouette BLOB NOT NULL, PRIMARY KEY (entry_id), FOREIGN KEY(entry_id) REFERENCES entry (id));
UPDATE bank SET schema_version = 3;
"""


def write_bank(path: Path, schema: int, vectors, silhouettes) -> None:
    """A bank as the program of that schema wrote it: three entries; one disabled, and that undone."""
    from ragdiffusion.bank.sealing import checksum
    from ragdiffusion.bank.shape_bits import stored_shape_bits

    database = sqlite3.connect(path, isolation_level=None)
    database.executescript(FIRST)
    database.execute("INSERT INTO bank VALUES (1, 1, 'studio', 'encoder-a', 8, 'float32', 3, 'digest-3')")
    known = json.dumps({"collar": "Polo"})
    for number, vector in enumerate(vectors(3), 1):
        blob = encode_embedding(vector.numpy(), "float32")
        row = (
            number,
            3 if number == 2 else 1,
            True,
            None,
            blob,
            f"s{number}",
            known,
            '["a"]',
            silhouettes[number],
            None,
        )
        database.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    for revision, action, undone in ((1, "add", None), (2, "disable", 3), (3, "undo", None)):
        at = f"2026-01-0{revision} 10:00:00.000000"
        database.execute(
            "INSERT INTO edit VALUES (?, ?, ?, 1, ?, ?)", (revision, action, at, f"digest-{revision}", undone)
        )
    database.executemany("INSERT INTO change VALUES (1, ?, 'created', NULL)", [(1,), (2,), (3,)])
    database.executemany("INSERT INTO change VALUES (?, 2, 'enabled', ?)", [(2, b"true"), (3, b"false")])
    if schema >= 2:
        database.executescript(SECOND)
        for number in (1, 2, 3):
            shape = stored_shape_bits([silhouettes[number]])[0].tobytes()
            database.execute("UPDATE entry SET shape = ? WHERE id = ?", (shape, number))
    if schema >= 3:
        database.executescript(THIRD)
        rows = database.execute("SELECT id, embedding, shape, silhouette FROM entry").fetchall()
        database.executemany("INSERT INTO checksum VALUES (?, ?)", [(row[0], checksum(*row[1:])) for row in rows])
        drawn = hashlib.sha256(silhouettes[1]).digest()[:8]
        database.execute("INSERT INTO pattern VALUES (1, 't_shirt', '{\"chest\": 50.0}', ?)", (drawn,))
    database.close()


def columns_of(bank: Bank) -> dict[str, set[tuple[str, bool]]]:
    found = inspect(bank._store.engine)
    names = set(found.get_table_names()) - {"alembic_version"}
    return {name: {(c["name"], c["nullable"]) for c in found.get_columns(name)} for name in names}


@pytest.mark.parametrize("schema", [1, 2, 3])
def test_an_older_bank_comes_up_to_date_with_all_that_is_in_it(tmp_path, schema, vectors, silhouettes):
    path = tmp_path / "old.sqlite3"
    write_bank(path, schema, vectors, silhouettes)
    before = path.read_bytes()
    with Bank.open(path) as bank:
        assert bank.version == "studio-r3-digest" and len(bank) == 3
        assert bank.search(vectors(3)[2], 1).ids == (3,)
        assert [(e.source, e.tags, e.silhouette, e.attributes["collar"]) for e in bank.entries()] == [
            (f"s{n}", ("a",), silhouettes[n], "Polo") for n in (1, 2, 3)
        ]
        assert [(e.revision, e.action, e.undone, e.target) for e in bank.edits()] == [
            (3, "undo", False, 2),
            (2, "disable", True, None),
            (1, "add", False, None),
        ]
        assert set(bank.patterns([1, 2])) == ({1} if schema == 3 else set())
        assert (path.read_bytes() == before) == (schema in READABLE_SCHEMAS), "it is brought up to date when it must be"
        assert bank.redo().action == "disable" and len(bank) == 2
        with Bank.create(tmp_path / "new.sqlite3", fingerprint="encoder-a", dimension=8) as new:
            assert columns_of(bank) == columns_of(new)
        bank.undo()
    assert check_bank(path).problems == ()
    with Bank.open(path) as again:  # nothing left to do
        assert len(again) == 3


def test_a_bank_that_may_not_be_written_is_read_as_it_is_or_refused(tmp_path, vectors, silhouettes):
    for schema in (1, 2, 3):
        path = tmp_path / f"{schema}.sqlite3"
        write_bank(path, schema, vectors, silhouettes)
        content = path.read_bytes()
        if schema == 1:
            with pytest.raises(ValueError, match="schema version 1, which is not read as it is: copy the file"):
                Bank.open(path, read_only=True)
        else:
            with Bank.open(path, read_only=True) as bank:
                assert len(bank) == 3 and len(bank.edits()) == 3
        assert path.read_bytes() == content


def test_a_step_that_fails_leaves_the_bank_as_it_was(tmp_path, vectors, silhouettes):
    path = tmp_path / "old.sqlite3"
    write_bank(path, 1, vectors, silhouettes)
    with sqlite3.connect(path) as database:
        database.execute("UPDATE entry SET silhouette = x'00' WHERE id = 3")
        before = list(database.iterdump())
    with pytest.raises((ValueError, RuntimeError)):
        Bank.open(path)
    with sqlite3.connect(path) as database:
        assert list(database.iterdump()) == before


def test_another_encoders_or_a_newer_bank_is_not_touched(tmp_path, vectors, silhouettes):
    path = tmp_path / "old.sqlite3"
    write_bank(path, 2, vectors, silhouettes)
    with pytest.raises(ValueError, match="encoder-a, this is encoder encoder-b"):
        Bank.open(path, fingerprint="encoder-b")
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT schema_version FROM bank").fetchone() == (2,)
        database.execute(f"UPDATE bank SET schema_version = {SCHEMA_VERSION + 1}")
        before = list(database.iterdump())
    with pytest.raises(ValueError, match="update RAGDiffusion; the bank was left as it is"):
        Bank.open(path)
    with sqlite3.connect(path) as database:
        assert list(database.iterdump()) == before
