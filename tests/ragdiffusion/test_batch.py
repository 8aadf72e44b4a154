"""`batch`: every photo of a folder, resumed where it stopped, with one failure stopping nothing."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ragdiffusion import cli
from ragdiffusion.commands.batch import Row, find_tasks, read_report, write_report

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
    code, text, _ = batch(folder, out, "--recursive", "--k", 3)
    assert code == 1 and "4 photos: 3 made, 0 were there, 1 failed" in text and "broken.jpg: " in text
    pictures = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png"))
    assert pictures == ["a.landmark.png", "a.png", "b.landmark.png", "b.png", "more/c.landmark.png", "more/c.png"]
    report = report_of(out)
    assert {name: line["status"] for name, line in report.items()} == {
        "a.jpg": "done", "b.png": "done", "broken.jpg": "failed", "c.png": "done",
    }
    assert (report["c.png"]["picture"], report["c.png"]["k"]) == ("more/c.png", "3")
    assert -1 <= float(report["a.jpg"]["similarity"]) <= 1 and "broken.jpg" in report["broken.jpg"]["error"]

    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    make_photo(7).save(folder / "broken.jpg")  # mended
    make_photo(8).save(folder / "b.png")  # another photo under the old name
    (out / "a.png").unlink()  # its picture was lost
    code, text, _ = batch(folder, out, "--recursive", "--k", 3)
    assert code == 0 and "3 made, 1 were there, 0 failed" in text
    now = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    changed = {path.relative_to(out).as_posix() for path, moment in now.items() if before.get(path) != moment}
    assert {"a.png", "b.png", "broken.png"} <= changed and "more/c.png" not in changed
    assert "4 made, 0 were there" in batch(folder, out, "--recursive", "--k", 2)[1], "other settings, other pictures"
    assert len(report_of(out)) == 4, "one line a photo"


def test_two_processes_make_what_one_makes(batch: Call, folder: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    assert batch(folder, one)[0] == 1
    code, text, _ = batch(folder, two, "--workers", 2, "--json")
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
    tasks = find_tasks([tmp_path / "x", tmp_path / "y", tmp_path / "x/shirt.png"], tmp_path / "out", recursive=False)
    assert [(task.photo.relative_to(tmp_path).as_posix(), task.picture.name) for task in tasks] == [
        ("x/shirt.jpg", "shirt.png"), ("x/shirt.png", "shirt-png.png"), ("y/shirt.jpg", "shirt-jpg.png"),
    ]
    again = find_tasks([tmp_path / "x"], tmp_path / "x" / "out", recursive=True)
    (tmp_path / "x" / "out").mkdir()
    make_photo(2).save(tmp_path / "x" / "out" / "shirt.png")
    assert find_tasks([tmp_path / "x"], tmp_path / "x" / "out", recursive=True) == again, "results are no photos"


def test_a_report_that_was_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    write_report(path, [Row("a.jpg", "done", "a.png"), Row("b, „x“.jpg", "failed", error='said "no", twice')])
    assert read_report(path)["b, „x“.jpg"].error == 'said "no", twice'
    whole = path.read_bytes()
    path.write_bytes(whole + b"c.jpg,done,c.p")
    assert set(read_report(path)) == {"a.jpg", "b, „x“.jpg"}
    assert read_report(tmp_path / "none.csv") == {}
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
