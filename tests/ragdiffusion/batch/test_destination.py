"""Where a batch goes: buckets, reports of several garments a photo, and reports as Parquet."""

from __future__ import annotations

import csv
import errno
import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.batch import destination
from ragdiffusion.batch.destination import Bucket, Folder, open_destination
from ragdiffusion.batch.executors import BatchJob
from ragdiffusion.batch.making import make
from ragdiffusion.batch.report import (
    ReportJournal,
    ReportRow,
    lines_of,
    open_journal,
    parsed,
    read_report,
    write_report,
)
from ragdiffusion.batch.request import PictureRequest
from ragdiffusion.batch.run import run_batch
from ragdiffusion.batch.tasks import Task, find_tasks
from ragdiffusion.garments.patterns import defaults
from ragdiffusion.parsing.parse import Instance, Parse

if TYPE_CHECKING:
    from ragdiffusion import RAGDiffusion

REQUEST = PictureRequest(steps=1, k=2)
EACH = replace(REQUEST, garment="each")


class Halves:
    """A parser that sees a garment in each half of any photo: the kinds it is given, from top to bottom."""

    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds

    def parse(self, photo: Image.Image, *, point: tuple[float, float] | None = None) -> Parse:
        width, height = photo.size
        each = height // max(1, len(self.kinds))
        found = [
            Instance(kind, (0, i * each, width, (i + 1) * each), np.full((each, width), 255, np.uint8), photo.size, 1.0)
            for i, kind in enumerate(self.kinds)
        ]
        return Parse(np.full((9, 8, 8), 1 / 9, np.float32), tuple(found), photo.size)


class With:
    """Makes pictures here, with a model that is given; stops after so many tasks."""

    def __init__(self, model: RAGDiffusion, stop: int = 10**9) -> None:
        self.model, self.stop, self.made = model, stop, 0

    def run(self, tasks: Sequence[Task], job: BatchJob) -> Iterator[ReportRow]:
        for task in tasks:
            if self.made == self.stop:
                raise KeyboardInterrupt
            self.made += 1
            yield from make([task], self.model, job.request, job.destination)[0]


@pytest.fixture
def parsing(tiny_model: RAGDiffusion) -> Callable[..., RAGDiffusion]:
    """The tiny model with a parser that sees garments of the given kinds."""
    from ragdiffusion import RAGDiffusion

    def build(*kinds: str) -> RAGDiffusion:
        return RAGDiffusion(tiny_model.pipeline, tiny_model.bank, tiny_model.checkpoint, parser=Halves(*kinds))

    return build


@pytest.fixture
def photos(tmp_path: Path, make_photo: Callable) -> Path:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for index, name in enumerate(("a.png", "deep/b.png", "a.upper.jpg")):
        make_photo(index).save(tmp_path / "in" / name)
    return tmp_path / "in"


@pytest.fixture
def bucket() -> Bucket:
    return Bucket(f"memory://shop-{uuid.uuid4().hex}/made")


# ---- each garment of a photo


def test_each_garment_gets_a_picture_and_a_line(
    parsing: Callable[..., RAGDiffusion], photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = run_batch([photos], out, EACH, With(parsing("upper", "lower")))
    assert (result.photos, result.made, result.pictures, result.failed) == (3, 3, 6, ())
    made = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png"))
    stems = ["a.lower", "a.upper", "a.upper.lower", "a.upper.upper", "deep/b.lower", "deep/b.upper"]
    assert made == sorted(f"{stem}{end}" for stem in stems for end in (".png", ".landmark.png"))
    rows = read_report(out / "report.csv")[str(photos / "a.png")]
    assert [(row.garment, row.garments, row.picture) for row in rows] == [
        ("upper", "2", "a.upper.png"),
        ("lower", "2", "a.lower.png"),
    ]
    again = With(parsing("upper", "lower"))
    assert run_batch([photos], out, EACH, again).already_done == 3 and again.made == 0
    (out / "a.lower.png").unlink()
    run_batch([photos], out, EACH, again)
    assert again.made == 1 and (out / "a.lower.png").is_file(), "a photo is done when all of its garments are"
    assert len(read_report(out / "report.csv")[str(photos / "a.png")]) == 2


def test_garments_of_one_kind_are_numbered_and_both_are_made(
    parsing: Callable[..., RAGDiffusion], photos: Path, tmp_path: Path
) -> None:
    run_batch([photos / "a.png"], tmp_path, EACH, With(parsing("upper", "upper")))
    first, second = (np.asarray(Image.open(tmp_path / f"a.{name}.png")) for name in ("upper", "upper-2"))
    assert first.shape == second.shape and not np.array_equal(first, second)


def test_a_photo_without_garments_is_one_failed_line(
    parsing: Callable[..., RAGDiffusion], photos: Path, tmp_path: Path
) -> None:
    (row,) = run_batch([photos / "a.png"], tmp_path, EACH, With(parsing())).failed
    assert "no garment was found in the photo" in row.error


def test_photos_made_together_are_those_made_alone(tiny_model: RAGDiffusion, photos: Path, tmp_path: Path) -> None:
    (photos / "broken.jpg").write_bytes(b"no picture at all")
    alone, together = tmp_path / "alone", tmp_path / "together"
    run_batch([photos], alone, REQUEST, With(tiny_model))
    tasks = find_tasks([photos], together).tasks
    made = make(tasks, tiny_model, replace(REQUEST, together=3), Folder(together))
    statuses = {task.photo.name: row.status for task, (row,) in zip(tasks, made, strict=True)}
    assert statuses == {"a.png": "done", "a.upper.jpg": "done", "b.png": "done", "broken.jpg": "failed"}
    for path in alone.rglob("*.png"):
        pair = (np.asarray(Image.open(folder / path.relative_to(alone)), np.int16) for folder in (alone, together))
        assert np.abs(np.subtract(*pair)).max() <= 1, "another batch rounds differently in the last bit"
    assert replace(REQUEST, together=3).fingerprint() == REQUEST.fingerprint(), "they are not made again"


def test_photos_obey_the_shape_that_is_drafted_for_them(
    tiny_model: RAGDiffusion, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafted = replace(REQUEST, drafted=True)
    assert drafted.fingerprint() != REQUEST.fingerprint(), "they are made again"
    (row,) = run_batch([photos / "a.png"], tmp_path / "none", drafted, With(tiny_model)).failed
    assert "no shape was drafted for this photo" in row.error
    known = PatternSpec("t_shirt", defaults("t_shirt"))
    monkeypatch.setattr(type(tiny_model.bank), "patterns", lambda bank, ids: dict.fromkeys(ids, known))
    run_batch([photos / "a.png"], tmp_path / "made", drafted, With(tiny_model))
    wanted = tiny_model.retrieve(photos / "a.png", k=2).drafted.pattern
    with Image.open(tmp_path / "made" / "a.landmark.png") as landmark:
        made = np.asarray(landmark, np.int16)
    assert np.abs(made - wanted.rasterise(made.shape[0])).max() <= 2


# ---- buckets


def test_a_bucket_gets_what_a_folder_gets(
    tiny_model: RAGDiffusion, photos: Path, tmp_path: Path, bucket: Bucket
) -> None:
    import fsspec

    run_batch([photos], tmp_path / "out", REQUEST, With(tiny_model))
    run_batch([photos], bucket, REQUEST, With(tiny_model))
    system, root = fsspec.core.url_to_fs(bucket.address)
    for path in (tmp_path / "out").rglob("*.png"):
        assert system.cat_file(f"{root}/{path.relative_to(tmp_path / 'out').as_posix()}") == path.read_bytes()
    assert {key: [row.picture for row in rows] for key, rows in bucket.rows().items()} == {
        key: [row.picture for row in rows] for key, rows in Folder(tmp_path / "out").rows().items()
    }
    assert not system.glob(f"{root}/report.parts/*.csv"), "one report is left"
    again = With(tiny_model)
    assert run_batch([photos], bucket, REQUEST, again).already_done == 3 and again.made == 0


def test_a_batch_into_a_bucket_goes_on_where_it_stopped(tiny_model: RAGDiffusion, photos: Path, bucket: Bucket) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_batch([photos], bucket, REQUEST, With(tiny_model, stop=2))
    rest = With(tiny_model)
    assert run_batch([photos], bucket, REQUEST, rest).already_done == 2 and rest.made == 1
    assert len(bucket.rows()) == 3


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("nobody://shop/made", "nobody:// cannot be opened: Protocol not known: nobody"),
        ("memory://refused/made", r"memory://refused/made cannot be written to \(Access Denied\): check your rights"),
    ],
)
def test_a_bucket_that_cannot_be_used_is_said_before_any_work(
    address: str, message: str, photos: Path, tiny_model: RAGDiffusion, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    def refuse(system: MemoryFileSystem, path: str, data: bytes, **_: object) -> None:
        raise PermissionError("Access Denied")

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", refuse)
    executor = With(tiny_model)
    with pytest.raises(ValueError, match=message):
        run_batch([photos], open_destination(address), REQUEST, executor)
    assert executor.made == 0


def test_a_full_disk_is_a_line_and_the_next_call_makes_the_rest(
    tiny_model: RAGDiffusion, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    out = tmp_path / "out"
    line = f"{out} cannot be written to (No space left on device): check its free space and your rights"
    with monkeypatch.context() as patched:
        patched.setattr(destination, "write_pictures", full)
        assert [row.error for row in run_batch([photos], out, REQUEST, With(tiny_model)).failed] == [line] * 3
        patched.setattr(destination, "write_report", full)
        with pytest.raises(ValueError, match=re.escape(line)):
            run_batch([photos], out, REQUEST, With(tiny_model))
        patched.setattr(ReportJournal, "add", full)
        with pytest.raises(ValueError, match=re.escape(line)):
            run_batch([photos], out, REQUEST, With(tiny_model))
    assert not list(out.rglob("*.png"))
    rest = With(tiny_model)
    assert run_batch([photos], out, REQUEST, rest).pictures == 3 and rest.made == 3


def test_what_a_person_writes_is_a_folder_or_a_bucket() -> None:
    assert open_destination("made") == Folder(Path("made")) == open_destination("file://made")
    assert open_destination("s3://shop/made/") == Bucket("s3://shop/made")
    assert Bucket("s3://key:secret@shop/made").report == "s3://***@shop/made/report.csv"


# ---- reports


def test_lines_of_a_photo_begin_anew_where_they_do_not_belong_together() -> None:
    old = [ReportRow("a", "done", garment=name, garments="2", settings="x") for name in ("upper", "lower")]
    new = ReportRow("a", "done", settings="y")
    assert parsed(old) == {"a": tuple(old)}
    assert parsed([*old, new]) == {"a": (new,)}
    assert parsed([new, *old, old[0]]) == {"a": (old[0],)}, "begun once more and cut off"


@pytest.mark.parametrize("later", [("turned", "looks_turned"), ("garment", "garments", "turned", "looks_turned")])
def test_a_report_of_an_earlier_version_is_read_and_gone_on_with(tmp_path: Path, later: tuple[str, ...]) -> None:
    path = tmp_path / "report.csv"
    columns = [name for name in ReportRow.columns() if name not in later]
    words = {"photo": "a.jpg", "status": "done", "picture": "a.png", "garments": "1"}
    line = ",".join(words.get(name, "") for name in columns)
    path.write_text(f"{','.join(columns)}\n{line}\n", encoding="utf-8")
    assert read_report(path) == {"a.jpg": (ReportRow("a.jpg", "done", "a.png"),)}
    with Folder(tmp_path).journal() as add:
        add(ReportRow("b.jpg", "done", garment="upper", garments="1"))
    assert [rows[0].garment for rows in read_report(path).values()] == ["", "upper"]
    assert len(list(lines_of(path.read_text(encoding="utf-8")))) == 2


@pytest.mark.parametrize(("encoding", "delimiter"), [("utf-8-sig", ";"), ("utf-16", "\t"), ("utf-8", "\t")])
def test_a_report_that_a_spreadsheet_saved_is_gone_on_with(tmp_path: Path, encoding: str, delimiter: str) -> None:
    path, row = tmp_path / "report.csv", ReportRow("ä, b.jpg", "done", "a.png", error="one; two")
    write_report(path, [row])
    (tmp_path / "report.parquet").unlink(missing_ok=True)
    with path.open(newline="", encoding="utf-8") as file:
        table = list(csv.reader(file))
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=delimiter).writerows(table)
    with Folder(tmp_path).journal() as add:
        add(ReportRow("c.jpg", "done"))
    assert read_report(path) == {"ä, b.jpg": (row,), "c.jpg": (ReportRow("c.jpg", "done"),)}
    assert path.read_bytes().startswith(b"photo,"), "and is as others are again"


def test_a_letter_that_was_cut_off_costs_no_other_line(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    write_report(path, [ReportRow("a.jpg", "done")])
    (tmp_path / "report.parquet").unlink(missing_ok=True)
    path.write_bytes(path.read_bytes() + "ä".encode()[:1])
    assert set(read_report(path)) == {"a.jpg"}


def test_a_report_comes_back_from_its_parquet_with_numbers_as_numbers(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed: requirements-cluster.txt")
    rows = [
        ReportRow("a.jpg", "done", "a.png", "ab", "x", "1.50", "7", "4", "0.05", "0.9000", "Shirt", "c", "b-r1"),
        ReportRow("b.jpg", "failed", error="no „garment“", garment="upper", garments="2"),
    ]
    write_report(tmp_path / "report.csv", rows)
    table = parquet.read_table(tmp_path / "report.parquet")
    assert table.column("seconds").to_pylist() == [1.5, None] and table.column("seed").to_pylist() == [7, None]
    (tmp_path / "report.csv").unlink()
    assert read_report(tmp_path / "report.csv") == {"a.jpg": (rows[0],), "b.jpg": (rows[1],)}
    with Folder(tmp_path).journal() as add:
        add(ReportRow("c.jpg", "done"))
    assert set(read_report(tmp_path / "report.csv")) == {"a.jpg", "b.jpg", "c.jpg"}
    (tmp_path / "report.csv").unlink()
    (tmp_path / "report.parquet").write_bytes(b"no table")
    assert read_report(tmp_path / "report.csv") == {}


def test_a_line_that_was_cut_off_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    with open_journal(path) as journal:
        journal.add(ReportRow("a.jpg", "done"))
    path.write_bytes(path.read_bytes() + b"b.jpg,do")
    assert set(read_report(path)) == {"a.jpg"}
