"""Banks that were damaged or altered: what is found, what is said, and what older banks keep."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import URL

from ragdiffusion import cli
from ragdiffusion.bank import Bank, EntryUpdate
from ragdiffusion.bank.check import check_bank
from ragdiffusion.bank.store import file_of
from ragdiffusion.bank.tables import SCHEMA_VERSION
from ragdiffusion.config import assets_folder


def altered(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def to_schema_2(path: Path) -> None:
    """Make the bank what an earlier program wrote."""
    later = ("checksum", "edit_context", "snapshot", "encoder", "pattern")
    altered(
        path,
        *(f"DROP TABLE {name}" for name in later),
        "DROP INDEX change_of_entry",
        "UPDATE bank SET schema_version = 2",
        "PRAGMA wal_checkpoint(TRUNCATE)",
    )


# ---- checksums


def test_a_whole_bank_has_no_problems_whatever_was_done_to_it(bank, path, new_entries, silhouettes, vectors):
    bank.add(new_entries(3, seed=5))
    bank.update([EntryUpdate(2, embedding=vectors(1, 9)[0]), EntryUpdate(3, silhouette=silhouettes[0], tags=("x",))])
    bank.delete([4])
    bank.undo()
    bank.undo()
    found = check_bank(path)
    assert (found.entries, found.sealed, found.problems) == (23, 23, ())


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            "UPDATE entry SET embedding = (SELECT embedding FROM entry WHERE id = 8) WHERE id = 7",
            "entry 7: its embedding or silhouette was altered",
        ),
        (
            "UPDATE entry SET silhouette = (SELECT silhouette FROM entry WHERE id = 8),"
            " shape = (SELECT shape FROM entry WHERE id = 8) WHERE id = 7",
            "entry 7: its embedding or silhouette was altered",
        ),
        (
            "INSERT INTO entry SELECT 99, revision, enabled, deleted_at, embedding, shape, source, attributes, tags,"
            " silhouette, thumbnail FROM entry WHERE id = 7",
            "entry 99: it has no checksum: it was not added by",
        ),
        ("DELETE FROM entry WHERE id = 7", "entry 7: it is gone, its checksum is there"),
        ("UPDATE bank SET digest = 'other'", "the log of edits ends at revision 1, the bank is at 1: one of them was"),
    ],
)
def test_what_was_altered_is_found(bank, path, capsys, statement: str, problem: str):
    altered(path, "PRAGMA foreign_keys=OFF", statement)
    (said,) = check_bank(path).problems
    assert said.startswith(problem)
    assert cli.main(["bank", "check", str(path)]) == 1
    assert problem in capsys.readouterr().out


def test_what_no_checksum_is_needed_for_is_found_too(bank, path, capsys):
    to_schema_2(path)
    altered(
        path,
        "UPDATE entry SET silhouette = substr(silhouette, 1, 60) WHERE id = 3",
        "UPDATE entry SET shape = zeroblob(512) WHERE id = 5",
        "UPDATE entry SET embedding = zeroblob(32) WHERE id = 6",
    )
    problems = check_bank(path).problems
    assert [problem.split(":")[0] for problem in problems] == ["entry 3", "entry 5", "entry 6"]
    altered(path, "DELETE FROM entry WHERE id IN (3, 5, 6)")
    assert cli.main(["bank", "check", str(path), "--json"]) == 0
    assert '"sealed": 0' in capsys.readouterr().out


# ---- banks of the schema before


def test_an_older_bank_is_read_as_it_is_and_sealed_when_it_is_opened_to_be_changed(bank, path, new_entries, vectors):
    bank.close()
    to_schema_2(path)
    digest = hashlib.sha256(path.read_bytes()).digest()
    with Bank.open(path, read_only=True) as older:
        version = older.version
        assert older.search(vectors(1)[0], 3).ids and len(list(older.entries())) == 20
    assert hashlib.sha256(path.read_bytes()).digest() == digest
    with Bank.open(path) as older:
        assert older.version == version
        older.add(new_entries(1, seed=8))
    found = check_bank(path)
    assert (found.entries, found.sealed, found.problems) == (21, 21, ())
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT schema_version FROM bank").fetchone() == (SCHEMA_VERSION,)


def test_the_bundled_bank_is_whole():
    bundled = assets_folder() / "checkpoints" / "studio" / "bank.sqlite3"
    if not bundled.is_file():
        pytest.skip("no bank is bundled")
    found = check_bank(bundled)
    assert found.entries >= 1000 and found.problems == ()


# ---- damage has a message in one line


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET attributes = '{\"collar\"' WHERE id = 4",
        "UPDATE entry SET attributes = '[1]' WHERE id = 4",
        "UPDATE entry SET attributes = 'null' WHERE id = 4",
        "UPDATE entry SET tags = '\"word\"' WHERE id = 4",
        "UPDATE entry SET deleted_at = 'yester\nday' WHERE id = 4",
        "UPDATE entry SET enabled = 'maybe' WHERE id = 4",
        "UPDATE entry SET embedding = 'text' WHERE id = 4",
        "UPDATE entry SET embedding = zeroblob(32) WHERE id = 4",
        "UPDATE entry SET embedding = zeroblob(3) WHERE id = 4",
        "UPDATE entry SET shape = zeroblob(7) WHERE id = 4",
        "UPDATE entry SET silhouette = 'one\ntwo' WHERE id = 4",
        "UPDATE entry SET silhouette = zeroblob(90) WHERE id = 4",
        "UPDATE entry SET source = CAST(x'ff0aff' AS TEXT) WHERE id = 4",
        "UPDATE bank SET dimension = 'eight\nnine'",
        "UPDATE bank SET dimension = -1",
        "UPDATE bank SET precision = 'int4'",
        "UPDATE bank SET revision = 'last'",
        "UPDATE bank SET name = x'00ff'",
        "DROP TABLE entry",
        "DROP TABLE edit",
        "ALTER TABLE entry RENAME COLUMN tags TO t",
        "DELETE FROM bank",
    ],
)
def test_damage_is_named_in_one_line(bank, path, vectors, statement: str):
    bank.close()
    altered(path, "PRAGMA foreign_keys=OFF", statement)
    with pytest.raises((ValueError, RuntimeError)) as caught, Bank.open(path) as damaged:
        damaged.search(vectors(1)[0], len(damaged))
        list(damaged.entries())
        list(damaged.entries(deleted=True))
        damaged.attributes_by_id()
        damaged.edits()
    message = str(caught.value)
    assert "\n" not in message and "studio.sqlite3" in message and len(message) < 500
    assert type(caught.value) in (ValueError, RuntimeError), "a message, no library's error"


@pytest.mark.parametrize("cut", [1, 100, 5000, 30_000])
def test_a_bank_that_was_cut_off_is_named_in_one_line(bank, path, vectors, cut: int):
    bank.close()
    path.write_bytes(path.read_bytes()[:-cut])
    for work in (lambda: Bank.open(path).search(vectors(1)[0], 5), lambda: check_bank(path)):
        try:
            found = work()
        except (ValueError, RuntimeError) as error:
            assert "\n" not in str(error) and "studio.sqlite3" in str(error)
        else:
            assert getattr(found, "problems", True)


# ---- where banks lie


@pytest.mark.parametrize(
    "name",
    ["a?mode=memory.sqlite3", "100%.sqlite3", "a#b.sqlite3", "a%20b.sqlite3", "ü ä.sqlite3", "odd://name.sqlite3"],
)
def test_paths_are_taken_as_they_are(tmp_path: Path, new_entries, name: str):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True, parents=True)
    with Bank.create(path, fingerprint="e", dimension=8) as bank:
        bank.add(new_entries(2))
    assert path.is_file() and not [other for other in tmp_path.rglob("*") if other.is_file() and other != path]
    for location in (path, str(path), URL.create("sqlite", database=str(path)).render_as_string()):
        if "?" in name and isinstance(location, str) and location.startswith("sqlite"):
            continue  # in a URL, what follows a question mark is no path
        with Bank.open(location) as bank:
            assert len(bank) == 2
    copy = tmp_path / "copy?x=%41.sqlite3"
    with Bank.open(path) as bank:
        bank.copy(copy)
    assert copy.is_file() and len(Bank.open(copy)) == 2
    shutil.rmtree(tmp_path)


def test_urls_name_servers_and_files():
    assert file_of("postgresql+psycopg://me:secret@host/bank") is None
    assert file_of("sqlite:////tmp/bank.sqlite3?timeout=3") == Path("/tmp/bank.sqlite3")
    assert file_of("sqlite+pysqlite:///bank.sqlite3") == Path("bank.sqlite3").absolute()
    with pytest.raises(ValueError, match="cannot use the database URL given for the bank") as caught:
        file_of("postgres://me:secret@host:port/bank")
    assert "secret" not in str(caught.value)
