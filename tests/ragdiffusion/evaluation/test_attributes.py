"""Counting a reader's right answers, by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from ragdiffusion.attributes import UNKNOWN, group_of
from ragdiffusion.evaluation.attributes import (
    LabelledPhoto,
    accuracy_table,
    attribute_accuracy,
    drawn_photos,
    real_photos,
)
from ragdiffusion.structure.readers.reading import AttributeReading, complete_reading

PHOTO = Image.new("RGB", (20, 20))


class Script:
    """A reader that says one thing after another."""

    def __init__(self, *answers: dict[str, str], names: tuple[str, ...] = ()) -> None:
        self.answers, self.names = list(answers), list(names)

    def read(self, photo: Image.Image) -> AttributeReading:
        values = self.answers.pop(0)
        reading = complete_reading(values, dict.fromkeys(values, 0.9), reader="script", started=0.0)
        return AttributeReading(reading.values, reading.confidence, self.names.pop(0) if self.names else "script", 20.0)


def test_the_figures_are_those_counted_by_hand() -> None:
    photos = [
        LabelledPhoto(PHOTO, labels, group)
        for labels, group in (
            ({"sleeve_length": "Short", "category": "T-shirt"}, "upper"),
            ({"sleeve_length": "Long"}, "upper"),
            ({"sleeve_length": "Short", "category": "Dress"}, "dress"),
            ({"length": "Long"}, "lower"),
        )
    ]
    reader = Script(
        {"sleeve_length": "Short", "category": "T-shirt"},
        {"category": "Dress"},
        {"sleeve_length": "Long", "category": "Shirt"},
        {"length": "Long"},
        names=("server", "server", "heads", "server"),
    )
    report = attribute_accuracy(reader, photos)
    assert report["attributes"] == {
        "category": {"n": 2, "accuracy": 0.5, "read": 1.0, "accuracy_when_read": 0.5, "majority": 0.5},
        "sleeve_length": {"n": 3, "accuracy": 1 / 3, "read": 2 / 3, "accuracy_when_read": 0.5, "majority": 2 / 3},
        "length": {"n": 1, "accuracy": 1.0, "read": 1.0, "accuracy_when_read": 1.0, "majority": 1.0},
    }
    assert report["group"] == {
        "n": 4,
        "accuracy": 0.5,
        "majority": 0.5,
        "confusion": {"upper": {"upper": 1, "dress": 1}, "lower": {"lower": 1}, "dress": {"upper": 1}},
    }
    assert (report["n"], report["reader"], report["milliseconds"]) == (4, {"server": 3, "heads": 1}, 20.0)
    assert json.loads(json.dumps(report)) == report
    table = accuracy_table(report).splitlines()
    assert table[3] == "| sleeve_length | 3 | 33.3% | 66.7% | 50.0% | 66.7% |" and len(table) == 2 + 3 + 1


def test_nothing_read_has_no_share_of_right_ones() -> None:
    report = attribute_accuracy(Script({}), [LabelledPhoto(PHOTO, {"fit": "Slim"}, "upper")])
    assert report["attributes"]["fit"]["accuracy_when_read"] is None and report["group"]["accuracy"] == 0
    assert "| fit | 1 | 0.0% | 0.0% |  | 100.0% |" in accuracy_table(report)


@pytest.mark.parametrize(
    ("values", "group"),
    [
        ({"category": "Skirt"}, "lower"),
        ({"category": "Dress", "sleeve_length": "Long"}, "dress"),
        ({"category": "Leather Jacket"}, "upper"),
        ({"sleeve_length": "Long"}, "upper"),
        ({"collar": "Polo"}, "upper"),
        ({"category": UNKNOWN, "length": "Long"}, "lower"),
        ({"fit": UNKNOWN}, UNKNOWN),
        ({}, UNKNOWN),
    ],
)
def test_groups(values: dict, group: str) -> None:
    assert group_of(values) == group


def test_drawn_photos_are_labelled_and_the_same_each_time() -> None:
    first, again = list(drawn_photos(6, size=64)), list(drawn_photos(6, size=64))
    assert [photo.attributes for photo in first] == [photo.attributes for photo in again]
    np.testing.assert_array_equal(np.asarray(first[2].image), np.asarray(again[2].image))
    assert all(photo.image.size == (64, 64) and {"fabric", "top_open"} <= set(photo.attributes) for photo in first)
    assert all(photo.group == group_of(photo.attributes) for photo in first)
    assert UNKNOWN not in {value for photo in first for value in photo.attributes.values()}


def test_real_photos_from_either_folder(tmp_path) -> None:
    rows = ["split,category,id"]
    for index, category in enumerate(("t-shirt", "dress", "pants", "skirt", "longsleeve")):
        folder = tmp_path / "val" / category
        folder.mkdir(parents=True)
        Image.new("RGB", (30 + index, 40), "red").save(folder / f"g{index}.jpg")
        rows.append(f"val,{category},g{index}")
    (tmp_path / "val.csv").write_text("\n".join(rows))
    whole, inner = list(real_photos(tmp_path)), list(real_photos(tmp_path / "val"))
    assert [p.group for p in whole] == [p.group for p in inner] == ["upper", "dress", "lower", "lower", "upper"]
    assert [p.image.size for p in real_photos(tmp_path, limit=3)] == [(30, 40), (32, 40), (34, 40)]
    assert whole[0].attributes == {"category": "T-shirt", "sleeve_length": "Short"}
    with pytest.raises(ValueError, match="no list of photos; give a folder such as garments/val"):
        list(real_photos(tmp_path / "val" / "dress"))


def test_none_is_too_few() -> None:
    with pytest.raises(ValueError, match="no photos to read"):
        attribute_accuracy(Script(), [])
    with pytest.raises(ValueError, match="0 photos asked for"):
        list(drawn_photos(0))
