"""The two-sample test of silhouettes: hand-made shapes, sides that differ and sides that don't."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from ragdiffusion.cli import main
from ragdiffusion.evaluation.realism import SIZE, drawn_silhouette, features, straighten, two_sample
from ragdiffusion.garments import GarmentEngine


def _rectangle(width: float, height: float, degrees: float = 0.0) -> np.ndarray:
    mask = np.zeros((400, 300), np.uint8)
    cv2.fillPoly(mask, [np.rint(cv2.boxPoints(((140.0, 190.0), (width, height), degrees))).astype(np.int32)], 255)
    return mask


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Shirts that the engine draws (the same on both sides), and skirts that are rectangles (another shape)."""
    root = tmp_path_factory.mktemp("garments")
    engine, rng = GarmentEngine(SIZE), np.random.default_rng(3)
    rows = ["split,category,id,symmetry"]
    for number in range(14):
        for category in ("t-shirt", "skirt"):
            mask = (
                drawn_silhouette(engine, category, np.random.default_rng([5, number]))
                if category == "t-shirt"
                else _rectangle(rng.uniform(150, 170), rng.uniform(160, 180))
            )
            (root / "train" / category).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(root / "train" / category / f"g{number}.png"), mask)
            rows.append(f"train,{category},g{number},0.97")
    rows.append("train,skirt,crooked,0.4")  # not standard-like: never read
    (root / "train.csv").write_text("\n".join(rows))
    return root / "train"


def test_a_silhouette_is_straightened_and_framed():
    upright = straighten(_rectangle(120, 240, 7))
    rows, columns = np.nonzero(upright > 127)
    assert abs(np.ptp(rows) + 1 - SIZE / 1.12) <= 3 and abs(np.ptp(columns) + 1 - SIZE / 2.24) <= 4
    assert abs(columns.mean() - (SIZE - 1) / 2) < 1 and abs(rows.mean() - (SIZE - 1) / 2) < 1
    with pytest.raises(ValueError, match=r"the silhouette \(20x10\) is empty"):
        straighten(np.zeros((10, 20), np.uint8))


def test_descriptors_of_a_rectangle_by_hand():
    area, solidity, aspect, compactness, mirror = features(straighten(_rectangle(120, 240)))[256:261]
    side = 1 / 1.12
    assert area == pytest.approx(side * side / 2, rel=0.04) and aspect == pytest.approx(0.5, rel=0.04)
    assert solidity > 0.99 and mirror > 0.97
    assert compactness == pytest.approx((2 * 1.5) ** 2 / 0.5 / 40, rel=0.08)  # circumference squared over area, over 40


def test_a_rough_edge_is_seen():
    smooth = straighten(_rectangle(150, 200))
    rough = smooth.copy()
    for x in range(40, 216, 12):
        cv2.circle(rough, (x, int(np.nonzero(smooth[:, 128] > 127)[0][0])), 4, 0, -1)
    assert (features(rough)[261:263] > features(smooth)[261:263] + 0.2).all()


def test_equal_sides_are_not_told_apart_and_unequal_ones_are(folder):
    found = two_sample(folder)
    assert found.count == {"skirt": 14, "t-shirt": 14}
    assert found.by_category["skirt"] > 0.85 and found.by_category["skirt"] > found.by_category["t-shirt"] + 0.1
    assert 0.1 < found.by_category["t-shirt"] < 0.9
    assert found.auc == max(found.by_classifier.values())
    assert found.spread["skirt"][0] < found.spread["skirt"][1]  # rectangles are all alike


def test_the_same_seed_draws_the_same_silhouette():
    engine = GarmentEngine(SIZE)
    first, again, other = (drawn_silhouette(engine, "outwear", np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_the_command_prints_json_and_says_what_is_wrong(folder, capsys):
    assert main(["data", "realism", "--dataset", str(folder), "--limit", "10", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert 0.4 < found["auc"] <= 1 and found["count"] == {"skirt": 10, "t-shirt": 10}
    assert main(["data", "realism", "--dataset", str(folder / "skirt")]) == 2
    assert "skirt.csv: not found; --dataset must name a folder like garments/train" in capsys.readouterr().err
    assert main(["data", "realism", "--dataset", str(folder), "--limit", "3"]) == 2
    assert "--limit is 3, 10 or more wanted" in capsys.readouterr().err
    (folder / "skirt" / "g5.png").rename(folder / "skirt" / "gone.png")
    assert main(["data", "realism", "--dataset", str(folder)]) == 2
    assert "g5.png: missing or not an image" in capsys.readouterr().err
