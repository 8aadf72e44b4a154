"""`evaluate parsing` and `train parser` as a person runs them, on a parser of few weights."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from ragdiffusion.cli import main
from ragdiffusion.parsing.labels import LABEL
from ragdiffusion.parsing.network import GarmentParser
from ragdiffusion.parsing.opening import load_bundled
from tests.ragdiffusion.parsing.conftest import TINY


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A folder that is a checkpoint as far as the parser is concerned."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        GarmentParser(**TINY).eval().half().save_pretrained(tmp_path / "checkpoint" / "garment_parser")
    return tmp_path / "checkpoint"


def _write_people(folder: Path, count: int = 3) -> Path:
    folder.mkdir()
    for index in range(count):
        labels = np.zeros((64, 48), np.uint8)
        labels[20:50, 10 : 30 + index] = LABEL["dress"]
        cv2.imwrite(str(folder / f"{index}.png"), labels)
        cv2.imwrite(str(folder / f"{index}.jpg"), np.where(labels[..., None] > 0, 40, 200).repeat(3, 2))
    return folder


def _write_garments(root: Path) -> Path:
    folder = root / "val" / "skirt"
    folder.mkdir(parents=True)
    mask = np.zeros((60, 40), np.uint8)
    mask[10:50, 10:30] = 255
    cv2.imwrite(str(folder / "a.jpg"), np.full((60, 40, 3), 200, np.uint8))
    cv2.imwrite(str(folder / "a.png"), mask)
    (root / "val.csv").write_text("split,category,id\nval,skirt,a\n")
    return root / "val"


def _figures(checkpoint: Path, dataset: Path, capsys: pytest.CaptureFixture, *more: str) -> dict:
    words = ["--dataset", str(dataset), "--checkpoint", str(checkpoint), "--json"]
    assert main(["evaluate", "parsing", *words, *more]) == 0
    return json.loads(capsys.readouterr().out)


def test_people_and_garments_are_told_apart_by_what_the_folder_holds(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    people = _figures(checkpoint, _write_people(tmp_path / "people"), capsys, "--limit", "2")
    assert people["n"] == 2 and people["per_class"]["upper"] is None and 0 <= people["per_class"]["dress"] <= 1
    garments = _figures(checkpoint, _write_garments(tmp_path / "garments"), capsys)
    assert garments["n"] == 1 and set(garments["by"]) == {"category"}
    assert {"miou", "per_class", "garment_iou", "garment_iou_min", "kind_accuracy", "n"} <= set(garments)


def test_the_parts_own_folder_will_do_and_a_table_is_printed(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    words = ["--dataset", _write_people(tmp_path / "people"), "--checkpoint", checkpoint / "garment_parser"]
    assert main(["evaluate", "parsing", *map(str, words)]) == 0
    assert "mIoU 0." in (said := capsys.readouterr().out) and "IoU of ground" in said


def test_any_folder_of_photos_gets_a_sheet(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (80, 60), (10, 200, 10)).save(tmp_path / "photos" / "a.jpg")
    words = ["evaluate", "parsing", "--dataset", str(tmp_path / "photos"), "--checkpoint", str(checkpoint)]
    assert main([*words, "--sheet", str(tmp_path / "sheet.png")]) == 0
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width == 3 * 224
    assert main(words) == 2
    assert "look at them with --sheet PNG" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--parser", "yolo"], "there is no parser 'yolo'"),
        (["--limit", "0"], "--limit is 0, 1 or more wanted"),
        (["--sheet", "nowhere/sheet.png"], "there is no folder"),
        (["--parser", "segformer:/nowhere"], "can't be loaded as a SegFormer"),
    ],
)
def test_bad_words(
    words: list[str], message: str, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    people = str(_write_people(tmp_path / "people", 1))
    assert main(["evaluate", "parsing", "--dataset", people, "--checkpoint", str(checkpoint), *words]) == 2
    assert message in capsys.readouterr().err


def test_a_checkpoint_without_a_parser_says_so(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert load_bundled(tmp_path) is None
    people = str(_write_people(tmp_path / "people", 1))
    assert main(["evaluate", "parsing", "--dataset", people, "--checkpoint", str(tmp_path)]) == 2
    assert "needs the checkpoint's own parser, and it has none" in capsys.readouterr().err


def test_train_parser_needs_people_and_garments_and_a_start_that_is_one(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    words = ["train", "parser", "--out", str(tmp_path / "out"), "--minutes", "1"]
    assert main(words) == 2
    assert "train parser needs --people FOLDER" in capsys.readouterr().err
    more = ["--people", str(tmp_path), "--garments", str(tmp_path), "--start", str(tmp_path)]
    assert main([*words, *more]) == 2
    assert "holds no parser" in capsys.readouterr().err and not (tmp_path / "out").exists()
