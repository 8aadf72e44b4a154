"""`batch`: every photo of a folder, resumed where it stopped, with one failure stopping nothing."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ragdiffusion import cli
from ragdiffusion.batch.executors import BatchJob
from ragdiffusion.batch.report import ReportRow, open_journal, photo_name, read_report, write_report
from ragdiffusion.batch.request import PictureRequest
from ragdiffusion.batch.run import run_batch
from ragdiffusion.batch.tasks import Task, find_tasks

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, make_photo: Callable) -> Path:
    """Three photos, one of them broken, and a file that is none."""
    source = tmp_path / "photos"
    (source / "more").mkdir(parents=True)
    for index, name in enumerate(("b.png", "a.jpg", "more/c.png")):
        make_photo(index).save(source / name)
    (source / "broken.jpg").write_bytes(b"no picture at all")
    (source / "notes.txt").write_text("not a photo")
    return source


@pytest.fixture
def batch(capfd: pytest.CaptureFixture[str], tiny_checkpoint: Path) -> Call:
    """Runs the command on the tiny checkpoint: exit code, stdout, stderr."""

    def call(*words: object, checkpoint: Path = tiny_checkpoint) -> tuple[int, str, str]:
        capfd.readouterr()
        options = ["--steps", "1", "--checkpoint", str(checkpoint), "--device", "cpu"]
        code = cli.main(["batch", *map(str, words), *options])
        return code, *capfd.readouterr()

    return call


def report_of(destination: Path) -> dict[str, dict[str, str]]:
    with open(destination / "report.csv", newline="", encoding="utf-8") as file:
        return {Path(line["photo"]).name: line for line in csv.DictReader(file)}


def test_a_folder_becomes_pictures_and_a_report_and_is_resumed(
    batch: Call, folder: Path, tmp_path: Path, make_photo: Callable
) -> None:
    out = tmp_path / "made"
    code, text, error = batch(folder, out, "--k", 3)
    assert "left out, as they are no pictures that can be read" in error and "notes.txt" in error
    assert code == 1 and "4 photos: 3 made, 0 were there, 1 failed" in text and "broken.jpg: " in text
    pictures = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png"))
    assert pictures == ["a.landmark.png", "a.png", "b.landmark.png", "b.png", "more/c.landmark.png", "more/c.png"]
    report = report_of(out)
    assert {name: line["status"] for name, line in report.items()} == {
        "a.jpg": "done",
        "b.png": "done",
        "broken.jpg": "failed",
        "c.png": "done",
    }
    assert (report["c.png"]["picture"], report["c.png"]["k"]) == ("more/c.png", "3")
    assert -1 <= float(report["a.jpg"]["similarity"]) <= 1 and "broken.jpg" in report["broken.jpg"]["error"]

    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    make_photo(7).save(folder / "broken.jpg")  # mended
    make_photo(8).save(folder / "b.png")  # another photo under the old name
    (out / "a.png").unlink()  # its picture was lost
    code, text, _ = batch(folder, out, "--k", 3)
    assert code == 0 and "3 made, 1 were there, 0 failed" in text
    now = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    changed = {path.relative_to(out).as_posix() for path, moment in now.items() if before.get(path) != moment}
    assert {"a.png", "b.png", "broken.png"} <= changed and "more/c.png" not in changed
    assert "4 made, 0 were there" in batch(folder, out, "--k", 2)[1], "other settings, other pictures"
    assert len(report_of(out)) == 4, "one line a photo"


def test_two_processes_make_what_one_makes(batch: Call, folder: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    assert batch(folder, one, "--no-recursive")[0] == 1
    code, text, _ = batch(folder, two, "--workers", 2, "--json", "--no-recursive")
    told = json.loads(text)
    assert code == 1 and (told["photos"], told["made"], list(told["failed"])) == (3, 2, [str(folder / "broken.jpg")])
    for name in ("a.png", "b.png", "a.landmark.png"):
        first, second = (np.asarray(Image.open(folder / name), np.float32) for folder in (one, two))
        # Another number of threads adds in another order, so the last bit may differ.
        assert np.abs(first - second).max() <= 2, name


def test_photos_of_one_name_get_pictures_of_their_own(tmp_path: Path, make_photo: Callable) -> None:
    for name in ("x/shirt.png", "x/shirt.jpg", "y/shirt.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        make_photo(1).save(tmp_path / name)
    sources = [tmp_path / "x", tmp_path / "y", tmp_path / "x/shirt.png"]
    tasks = find_tasks(sources, tmp_path / "out", recursive=False).tasks
    assert [(task.photo.relative_to(tmp_path).as_posix(), task.picture.name) for task in tasks] == [
        ("x/shirt.jpg", "shirt.png"),
        ("x/shirt.png", "shirt-png.png"),
        ("y/shirt.jpg", "shirt-jpg.png"),
    ]
    again = find_tasks([tmp_path / "x"], tmp_path / "x" / "out", recursive=True)
    (tmp_path / "x" / "out").mkdir()
    make_photo(2).save(tmp_path / "x" / "out" / "shirt.png")
    assert find_tasks([tmp_path / "x"], tmp_path / "x" / "out", recursive=True) == again, "results are no photos"


def test_a_report_that_was_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    write_report(
        path, [ReportRow("a.jpg", "done", "a.png"), ReportRow("b, „x“.jpg", "failed", error='said "no", twice')]
    )
    assert [row.error for row in read_report(path)["b, „x“.jpg"]] == ['said "no", twice']
    whole = path.read_bytes()
    path.write_bytes(whole + b"c.jpg,done,c.p")
    assert set(read_report(path)) == {"a.jpg", "b, „x“.jpg"}
    assert read_report(tmp_path / "none.csv") == {}
    path.with_suffix(".parquet").unlink(missing_ok=True)
    path.write_bytes(b"\xff\xfe\x00binary")
    assert read_report(path) == {}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("{folder}/none", "{out}"), "is not there: give folders with photos"),
        (("{folder}", "{folder}"), "holds the photos: give another folder"),
        (("{folder}", "{folder}/a.jpg"), "is a file: the last argument is the folder"),
        (("{folder}", "{out}", "--workers", "0"), "--workers is 0, 1 to 64 wanted"),
        (("{folder}", "{out}", "--attributes", "collar=Nehru"), "Nehru"),
        (("{folder}/more/..", "{out}", "--seed", "x"), "invalid int value"),
        (("{out}",), "the following arguments are required: DST"),
    ],
)
def test_bad_words_are_refused_and_nothing_is_made(
    batch: Call, folder: Path, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    out = tmp_path / "out"
    code, text, error = batch(*(word.format(folder=folder, out=out) for word in words))
    assert code == 2 and message in error and text == "" and not out.exists()


def test_an_unusable_checkpoint_ends_the_batch_at_once(batch: Call, folder: Path, tmp_path: Path) -> None:
    code, _, error = batch(folder, tmp_path / "out", checkpoint=tmp_path / "none")
    assert code == 2 and "not found: give a folder in diffusers layout" in error
    assert not list((tmp_path / "out").glob("*.png"))


def test_pictures_come_at_a_size_or_at_each_photos_own(batch: Call, tmp_path: Path, make_photo: Callable) -> None:
    source, out = tmp_path / "photos", tmp_path / "made"
    source.mkdir()
    own = model_side(batch, source, out, make_photo)
    make_photo(2).resize((2 * own, 3 * own)).save(source / "large.png")
    assert batch(source, out, "--size", "photo")[0] == 0
    assert sides(out) == {"large": 3 * own, "small": own}
    assert "0 made, 2 were there" in batch(source, out, "--size", "photo")[1]
    assert batch(source, out, "--size", 2 * own)[0] == 0
    assert sides(out) == {"large": 2 * own, "small": own}
    code, text, _ = batch(source, out, "--size", own - 1)
    assert code == 1 and f"from {own} to {3 * own} wanted" in text
    code, _, error = batch(source, out, "--size", "huge")
    assert code == 2 and "'huge' is neither a number of pixels nor `photo`" in error


def model_side(batch: Call, source: Path, out: Path, make_photo: Callable) -> int:
    """Side of the model's pictures, as a batch without a size makes them of a small photo."""
    make_photo(1).resize((60, 40)).save(source / "small.png")
    assert batch(source, out)[0] == 0
    return sides(out)["small"]


def sides(folder: Path) -> dict[str, int]:
    """Side of each picture; its landmark has the same."""
    found = {path.stem: Image.open(path).size for path in folder.glob("*.png")}
    pictures = {stem: size for stem, size in found.items() if not stem.endswith(".landmark")}
    assert all(found[f"{stem}.landmark"] == size == size[::-1] for stem, size in pictures.items())
    return {stem: size[0] for stem, size in pictures.items()}


def test_a_folder_of_folders_is_mirrored(batch: Call, tmp_path: Path, make_photo: Callable) -> None:
    source, out = tmp_path / "season", tmp_path / "made"
    for index, name in enumerate(("women/tops/a.jpg", "men/a.jpg", "men/._a.jpg")):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        make_photo(index).save(source / name)
    assert batch(source, out)[0] == 0
    made = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png"))
    assert made == ["men/a.landmark.png", "men/a.png", "women/tops/a.landmark.png", "women/tops/a.png"]
    code, _, error = batch(source, tmp_path / "none", "--no-recursive")
    assert code == 2 and "there is no photo in" in error and ".heic" in error


@pytest.mark.parametrize(
    "names",
    [
        ("a.png", "a.landmark.png"),
        ("A.png", "a.landmark.jpg", "a.landmark.png"),
        ("a.png", "a.landmark.png", "a.landmark.landmark.png", "a.landmark-png.png"),
    ],
)
def test_no_two_files_of_a_batch_have_one_name(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / name).touch()
    found = find_tasks([tmp_path / "in"], tmp_path / "out")
    written = [path.name.lower() for task in found.tasks for path in (task.picture, task.landmark)]
    assert len(set(written)) == len(written) == 2 * len(names)
    assert {task.photo.name: task.picture.name for task in found.tasks}[names[0]] == f"{names[0][:1]}.png"


def test_the_case_of_landmark_names(cases: Path, batch: Call, tmp_path: Path) -> None:
    code, _, _ = batch(cases / "batch_landmark_name", tmp_path / "out")
    pictures = sorted(path.name for path in (tmp_path / "out").glob("*.png"))
    assert code == 0 and pictures == ["a.landmark-png.landmark.png", "a.landmark-png.png", "a.landmark.png", "a.png"]
    report = report_of(tmp_path / "out")
    assert (report["a.png"]["picture"], report["a.landmark.png"]["picture"]) == ("a.png", "a.landmark-png.png")


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_names_that_are_not_utf8_are_made_and_resumed(batch: Call, tmp_path: Path, make_photo: Callable) -> None:
    source, out = tmp_path / "photos", tmp_path / "made"
    place = os.fsencode(source) + b"/caf\xe9"
    os.makedirs(place)
    make_photo(1).save(source / "plain.png")
    for name in (b"/t\xe9e.png", b"/broken\xff.jpg"):
        with open(place + name, "wb") as file:
            file.write((source / "plain.png").read_bytes() if name.endswith(b".png") else b"none")
    code, text, _ = batch(source, out)
    assert code == 1 and "3 photos: 2 made, 0 were there, 1 failed" in text and "broken" in text
    assert (out / "caf%E9" / "t%E9e.png").is_file() and (out / "report.csv").read_bytes().decode("utf-8")
    assert "0 made, 2 were there, 1 failed" in batch(source, out)[1]
    assert json.loads(batch(source, out, "--json")[1])["already_done"] == 2


def test_a_garment_is_named_for_all_photos(batch: Call, tmp_path: Path, make_photo: Callable) -> None:
    source, out = tmp_path / "photos", tmp_path / "made"
    source.mkdir()
    make_photo(1).save(source / "a.png")
    code, _, error = batch(source, out, "--garment", "each")
    assert code == 2 and "`each` garment of a photo needs a checkpoint with a parser" in error
    assert not list(out.glob("*.png"))
    code, text, _ = batch(source, out, "--garment", "48,50")
    assert code == 1 and "garment is (48.0, 50.0), but this checkpoint has no parser" in text
    Image.fromarray(np.pad(np.full((40, 40), 255, np.uint8), 28)).save(tmp_path / "mask.png")
    assert batch(source, out, "--garment", tmp_path / "mask.png")[0] == 0


def test_another_executor_may_make_the_pictures(tmp_path: Path, make_photo: Callable) -> None:
    class Elsewhere:
        """Stands for a cluster: rows come in another order, and one photo fails there."""

        def run(self, tasks: Sequence[Task], job: BatchJob) -> Iterator[ReportRow]:
            for task in reversed(tasks):
                name = photo_name(task.photo)
                if task.photo.stem == "b":
                    yield ReportRow(name, "failed", settings=job.request.fingerprint(), error="node lost")
                    continue
                task.picture.parent.mkdir(parents=True, exist_ok=True)
                task.picture.touch()
                yield ReportRow(
                    name,
                    "done",
                    picture=task.picture.name,
                    settings=job.request.fingerprint(),
                    sha256=hashlib.sha256(task.photo.read_bytes()).hexdigest(),
                )

    for index, name in enumerate("abc"):
        make_photo(index).save(tmp_path / f"{name}.png")
    result = run_batch([tmp_path], tmp_path / "out", PictureRequest(), Elsewhere())
    assert (result.photos, result.made, [row.error for row in result.failed]) == (3, 2, ["node lost"])
    result = run_batch([tmp_path], tmp_path / "out", PictureRequest(), Elsewhere())
    assert (result.already_done, result.made, len(result.failed)) == (2, 0, 1)
    assert run_batch([tmp_path], tmp_path / "out", PictureRequest(seed=1), Elsewhere()).already_done == 0


def test_a_line_that_was_cut_off_is_ended_before_the_next(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    write_report(path, [ReportRow("a.jpg", "done", "a.png")])
    with path.open("ab") as file:
        file.write(b"b.jpg,do")
    with open_journal(path) as journal:
        journal.add(ReportRow("c.jpg", "done", "c.png"))
    assert set(read_report(path)) == {"a.jpg", "c.jpg"}


def test_what_a_killed_batch_left_is_swept(batch: Call, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "made"
    (out / "more").mkdir(parents=True)
    for place in (out, out / "more"):
        (place / f".a.png.{2**22 + 1}.partial").write_bytes(b"half")
    batch(folder, out)
    assert not list(out.rglob("*.partial"))
