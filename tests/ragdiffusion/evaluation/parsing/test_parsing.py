"""Figures of parses by hand, photos with what is known of them, and the sheet."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ragdiffusion.evaluation.parsing.figures import judge_people, label_counts, label_ious, label_map, report
from ragdiffusion.evaluation.parsing.photos import judge, people_groups, real_garments, rendered_people
from ragdiffusion.evaluation.parsing.sheet import CELL, parse_sheet, photos_of
from ragdiffusion.images import load_photo
from ragdiffusion.parsing.labels import LABEL
from ragdiffusion.parsing.parse import Instance, Parse
from tests.ragdiffusion.parsing.conftest import drawn, sure_of


class _Fixed:
    """A parser that answers with one label map, whatever it is shown."""

    def __init__(self, labels: np.ndarray, *garments: Instance) -> None:
        self.labels, self.garments = labels, garments

    def parse(self, photo: Image.Image, *, point: tuple[float, float] | None = None) -> Parse:
        return Parse(sure_of(self.labels), self.garments, photo.size)


def _instance(name: str, box: tuple[int, int, int, int], size: tuple[int, int]) -> Instance:
    return Instance(name, box, np.full((box[3] - box[1], box[2] - box[0]), 255, np.uint8), size, 0.9)


def test_confusion_and_iou_by_hand() -> None:
    true = np.uint8([[0, 0, 1, 1], [4, 4, 255, 1]])
    found = np.uint8([[0, 1, 1, 1], [4, 1, 3, 1]])
    counts = label_counts(found, true)
    assert counts.sum() == 7 and counts[0, 0] == 1 and counts[0, 1] == 1 and counts[4, 1] == 1 and counts[1, 1] == 3
    ious = label_ious(counts)
    assert ious[[0, 1, 4]].tolist() == [1 / 2, 3 / 5, 1 / 2] and np.isnan(ious[[2, 3, 5, 6, 7, 8]]).all()


def test_the_label_map_lies_over_the_photo_without_the_padding() -> None:
    labels = drawn(size=(64, 64), lower=(16, 32, 48, 64))  # the photo is half as wide as high
    found = label_map(Parse(sure_of(labels), (), (100, 200)))
    assert found.shape == (200, 100)
    assert (found[:98] == 0).all() and (found[102:] == LABEL["lower"]).all()


def test_people_are_judged_by_labels_and_by_garments() -> None:
    true = drawn(size=(64, 64), upper=(16, 8, 48, 32), lower=(16, 32, 48, 60), hair=(30, 2, 34, 8))
    half = _instance("upper", (16, 8, 48, 20), (64, 64))
    wrong = _instance("dress", (16, 32, 48, 60), (64, 64))
    judged = judge_people(Parse(sure_of(true), (half, wrong), (64, 64)), true, {"framing": "full"})
    assert judged.garments == (pytest.approx(0.5), 0.0) and judged.kinds == (True, False)
    found = report([judged])
    assert found["miou"] == pytest.approx(1) and found["garment_iou"] == pytest.approx(0.25)
    assert found["garment_iou_min"] == 0 and found["garments_below_08"] == 2 and found["kind_accuracy"] == 0.5
    assert found["n"] == 1 and found["by"] == {"framing": {"full": {"miou": pytest.approx(1), "n": 1}}}
    assert found["per_class"]["dress"] is None
    json.dumps(found, allow_nan=False)


def test_a_jacket_taken_for_a_top_is_still_an_upper_garment() -> None:
    true = drawn(size=(64, 64), outer=(16, 8, 48, 32))
    judged = judge_people(Parse(sure_of(true), (_instance("upper", (16, 8, 48, 32), (64, 64)),), (64, 64)), true, {})
    assert judged.kinds == (True,) and judged.garments == (0.0,)


def test_no_photo_is_no_report() -> None:
    with pytest.raises(ValueError, match="no photo to judge"):
        report([])


def _write_garments(root: Path) -> Path:
    folder = root / "val" / "pants"
    folder.mkdir(parents=True)
    mask = np.zeros((60, 40), np.uint8)
    mask[10:50, 10:30] = 255
    for name in ("a", "b"):
        cv2.imwrite(str(folder / f"{name}.jpg"), np.full((60, 40, 3), 200, np.uint8))
        cv2.imwrite(str(folder / f"{name}.png"), mask)
    (root / "val.csv").write_text("split,category,id\nval,pants,a\nval,pants,b\n")
    return root / "val"


def test_real_garments_are_judged_by_the_garment_that_is_chosen(tmp_path: Path) -> None:
    folder = _write_garments(tmp_path)
    photos = list(real_garments(folder))
    assert [photo.kind for photo in photos] == ["lower", "lower"]
    labels = drawn(size=(60, 60), lower=(20, 10, 40, 50))
    good = report(judge(_Fixed(labels, _instance("lower", (10, 10, 30, 50), (40, 60))), photos))
    assert good["garment_iou"] == 1 and good["kind_accuracy"] == 1 and good["miou"] == pytest.approx(1)
    misnamed = report(judge(_Fixed(labels, _instance("dress", (10, 10, 30, 30), (40, 60))), photos))
    assert misnamed["garment_iou"] == pytest.approx(0.5) and misnamed["kind_accuracy"] == 0
    nothing = report(judge(_Fixed(labels), real_garments(folder, limit=1)))
    assert nothing["garment_iou"] == 0 and nothing["kind_accuracy"] == 0 and nothing["n"] == 1


def test_rendered_people_come_with_what_is_known(tmp_path: Path) -> None:
    labels = drawn(size=(64, 48), dress=(10, 10, 40, 60))
    cv2.imwrite(str(tmp_path / "0000001.png"), labels)
    cv2.imwrite(str(tmp_path / "0000001.jpg"), np.full((64, 48, 3), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "0000002.png"), labels)  # its photo is still being written
    about = {"pose": ["bent", "down", "walk"], "yaw": -22.5, "framing": "knee", "garments": [{"label": 5}]}
    (tmp_path / "0000001.json").write_text(json.dumps(about))
    (photo,) = rendered_people(tmp_path)
    assert photo.groups == {"arms": "bent", "stance": "walk", "yaw": "turned", "framing": "knee", "layer": "dress"}
    np.testing.assert_array_equal(photo.labels, labels)
    assert people_groups({**about, "yaw": 80, "garments": [{"label": 2}, {"label": 3}]})["layer"] == "jacket"


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no photo NAME.jpg"):
        list(rendered_people(tmp_path))
    with pytest.raises(ValueError, match=r"no list .*\.csv beside it"):
        list(real_garments(tmp_path / "val"))
    with pytest.raises(ValueError, match="limit is 0"):
        list(real_garments(_write_garments(tmp_path), limit=0))
    with pytest.raises(ValueError, match="holds no picture"):
        photos_of(tmp_path / "nothing")


def test_the_sheet_shows_photo_labels_and_garments(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), (10, 200, 10)).save(tmp_path / "one.png")
    labels = drawn(size=(64, 64), dress=(16, 16, 48, 48))
    parser = _Fixed(labels, _instance("dress", (16, 16, 48, 48), (64, 64)))
    sheet = np.asarray(parse_sheet(parser, map(load_photo, photos_of(tmp_path))))
    top = sheet.shape[0] - CELL
    middle = [sheet[top + CELL // 2, column * CELL + CELL // 2].tolist() for column in range(3)]
    assert middle[0] == [10, 200, 10] and middle[1] == [200, 60, 200]
    np.testing.assert_allclose(middle[2], [0.6 * 200 + 4, 0.6 * 60 + 80, 0.6 * 200 + 4], atol=2)
