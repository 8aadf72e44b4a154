"""The database under a bank: settings, refusals, read-only files, power cuts."""

import shutil
import sqlite3
from pathlib import Path

import pytest

import ragdiffusion.bank.store as store_module
from ragdiffusion.bank import Bank

ROOT = Path(__file__).parents[3]


def files(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_connections_are_safe_against_power_cuts(bank):
    with bank._store.engine.connect() as connection:

        def pragma(name):
            return connection.exec_driver_sql(f"PRAGMA {name}").scalar()

        assert pragma("journal_mode") == "wal"
        assert pragma("foreign_keys") == 1
        assert pragma("busy_timeout") == store_module.BUSY_TIMEOUT_MS
        assert pragma("synchronous") == 2


def test_a_bank_is_not_made_over_anything(bank, path, tmp_path):
    with pytest.raises(ValueError, match="exists already: open it, or create the bank under another name"):
        Bank.create(path, fingerprint="b", dimension=4)
    with pytest.raises(ValueError, match="there is no such folder"):
        Bank.create(tmp_path / "none" / "bank.sqlite3", fingerprint="b", dimension=4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fingerprint": ""}, "needs the fingerprint"),
        ({"dimension": 0}, "dimension must be a whole number of at least 1, got 0"),
        ({"dimension": 2.0}, "got 2.0"),
        ({"precision": "int8"}, "one of float32, float16, got 'int8'"),
    ],
)
def test_bad_options_make_no_bank(path, options, message):
    with pytest.raises(ValueError, match=message):
        Bank.create(path, **{"fingerprint": "a", "dimension": 4, **options})
    assert not path.exists()


def test_what_is_no_bank_is_refused(tmp_path):
    missing = tmp_path / "none.sqlite3"
    with pytest.raises(ValueError, match="no bank at .*none.sqlite3: give the path"):
        Bank.open(missing)
    assert not missing.exists()
    with pytest.raises(ValueError, match="no bank at"):
        Bank.open(tmp_path)
    text = tmp_path / "notes.txt"
    text.write_text("shirts\n" * 200)
    with pytest.raises(ValueError, match="notes.txt is not a bank"):
        Bank.open(text)
    assert text.read_text() == "shirts\n" * 200
    other = tmp_path / "other.sqlite3"
    sqlite3.connect(other).execute("CREATE TABLE shirts (id)").connection.close()
    with pytest.raises(ValueError, match="other.sqlite3 is not a bank"):
        Bank.open(other)
    empty = tmp_path / "empty.sqlite3"
    empty.touch()
    with pytest.raises(ValueError, match="empty.sqlite3 is not a bank"):
        Bank.open(empty)


def test_a_newer_schema_is_refused(bank, path):
    bank.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE bank SET schema_version = 99")
    with pytest.raises(ValueError, match="schema version 99, this program reads version 4 and older ones: update"):
        Bank.open(path)


def test_another_encoders_bank_is_refused(bank, path):
    with pytest.raises(ValueError, match="made with encoder encoder-a, this is encoder encoder-b: load that"):
        Bank.open(path, fingerprint="encoder-b")
    Bank.open(path, fingerprint="encoder-a").close()


def test_a_truncated_bank_is_refused(bank, path, tmp_path):
    copy = bank.copy(tmp_path / "copy.sqlite3")
    copy.write_bytes(copy.read_bytes()[: copy.stat().st_size // 2])
    with pytest.raises(RuntimeError, match="copy.sqlite3: .* the file is damaged: take a copy that is whole"):
        Bank.open(copy)


def test_urls_and_paths_name_the_same_file(bank, path):
    with Bank.open(f"sqlite:///{path}") as same:
        assert same.version == bank.version
    with Bank.open(str(path)) as same:
        assert same.version == bank.version
    with pytest.raises(ValueError, match="cannot use the database URL"):
        Bank.open("nosuchdatabase://host/bank")


def test_odd_file_names_work(tmp_path, new_entries):
    odd = tmp_path / "Été 100% #2?.sqlite3"
    with Bank.create(odd, fingerprint="a", dimension=8) as bank:
        bank.add(new_entries(3))
        assert bank.version.startswith("été-100-2-r1-")
    with Bank.open(odd) as again:
        assert len(again) == 3


def seal(folder: Path) -> None:
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)


@pytest.fixture(params=["bank with a write-ahead log", "compact copy"])
def sealed(request, bank, path, tmp_path):
    folder = tmp_path / "package"
    folder.mkdir()
    if request.param == "compact copy":
        bank.copy(folder / "bank.sqlite3")
        bank.close()
    else:
        bank.close()
        shutil.copy(path, folder / "bank.sqlite3")
    seal(folder)
    yield folder / "bank.sqlite3"
    folder.chmod(0o755)


def test_a_sealed_bank_serves_and_stays_as_it_is(sealed, vectors, new_entries):
    before = sealed.read_bytes()
    with Bank.open(sealed, fingerprint="encoder-a") as bank:
        assert bank.read_only and len(bank) == 20
        assert bank.search(vectors(20)[3], 4, size=32).ids[0] == 4
        for change in (
            lambda: bank.add(new_entries(1)),
            lambda: bank.delete([1]),
            lambda: bank.set_enabled([1], False),
            bank.undo,
        ):
            with pytest.raises(RuntimeError, match="read-only: copy it to your workspace"):
                change()
        assert files(sealed.parent) == {"bank.sqlite3"}
    assert sealed.read_bytes() == before


def test_a_copy_of_a_sealed_bank_can_be_changed(sealed, tmp_path, new_entries):
    with Bank.open(sealed) as bank:
        version = bank.version
        mine = bank.copy(tmp_path / "mine.sqlite3")
        with pytest.raises(ValueError, match="cannot copy the bank to .*mine.sqlite3: choose a new file name"):
            bank.copy(mine)
    with Bank.open(mine) as bank:
        assert not bank.read_only and bank.version == version
        bank.add(new_entries(2, seed=5))
        assert len(bank) == 22


def test_opened_for_reading_a_compact_copy_is_not_touched(bank, tmp_path, vectors):
    folder = tmp_path / "assets"
    folder.mkdir()
    copy = bank.copy(folder / "bank.sqlite3")
    before = copy.read_bytes()
    with Bank.open(copy, read_only=True) as reader:
        assert reader.search(vectors(20)[0], 2, size=16).ids[0] == 1
        with pytest.raises(RuntimeError, match="read-only"):
            reader.delete([1])
        assert files(folder) == {"bank.sqlite3"}
    assert copy.read_bytes() == before


def test_opened_to_be_changed_a_file_is_untouched_until_it_is_changed(bank, tmp_path, vectors, new_entries):
    folder = tmp_path / "assets"
    folder.mkdir()
    copy = bank.copy(folder / "bank.sqlite3")
    before = copy.read_bytes()
    assert before[18] != store_module._WAL_FORMAT
    with Bank.open(copy) as opened:
        assert opened.search(vectors(20)[0], 2, size=16).ids[0] == 1
    assert copy.read_bytes() == before and files(folder) == {"bank.sqlite3"}
    with Bank.open(copy) as opened, Bank.open(copy, read_only=True) as reader:
        opened.add(new_entries(1, seed=9))
        assert len(reader) == 21 and reader.version == opened.version
        with opened._store.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    assert files(folder) == {"bank.sqlite3"}


def test_opened_for_reading_a_bank_with_a_write_ahead_log_leaves_nothing_beside_it(path, bank, vectors):
    bank.close()
    before = path.read_bytes()
    assert before[18] == store_module._WAL_FORMAT  # or this would be the test above once more
    with Bank.open(path, read_only=True) as reader:
        assert reader.search(vectors(20)[0], 2, size=16).ids[0] == 1
        assert files(path.parent) == {path.name}
    assert files(path.parent) == {path.name} and path.read_bytes() == before


def test_a_reader_from_before_a_writer_sees_what_it_does(path, bank, new_entries):
    bank.close()
    with Bank.open(path, read_only=True) as reader:
        assert len(reader) == 20
        with Bank.open(path) as writer:
            writer.add(new_entries(1, seed=9))
            assert len(reader) == 21 and reader.version == writer.version  # from the log
        assert len(reader) == 21  # from the file, to which the log was written back
        assert files(path.parent) == {path.name}


def test_an_empty_log_that_was_left_behind_does_not_disturb(path, bank):
    bank.close()
    log = path.with_name(f"{path.name}-wal")
    log.touch()
    with Bank.open(path, read_only=True) as reader:
        assert len(reader) == 20
        assert files(path.parent) == {path.name, log.name}


def test_a_read_only_bank_sees_what_a_writer_does(bank, path, new_entries):
    with Bank.open(path, read_only=True) as reader:
        bank.add(new_entries(1, seed=9))
        assert len(reader) == 21 and reader.version == bank.version


def test_nothing_is_written_to_a_file_that_was_moved_away(path, bank, vectors):
    path.rename(path.with_name("elsewhere.sqlite3"))
    with pytest.raises(RuntimeError, match="was moved or removed meanwhile: open it where it is now"):
        bank.tag([1], add=["lost"])


def test_a_locked_bank_says_so_and_stays(path, bank, monkeypatch, new_entries):
    bank.close()
    monkeypatch.setattr(store_module, "BUSY_TIMEOUT_MS", 50)
    with Bank.open(path) as impatient:
        version = impatient.version
        writer = sqlite3.connect(path, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(RuntimeError, match="locked; another program is writing to it: try again"):
            impatient.add(new_entries(1, seed=2))
        assert impatient.version == version  # reading goes on meanwhile
        writer.close()
        impatient.add(new_entries(1, seed=2))
        assert len(impatient) == 21
