"""The shape model: landmarks of known shapes, fitting, drawing, files."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ragdiffusion.garments.landmarks import SEGMENTS, half_paths, landmark_index, landmarked, mirror_axis
from ragdiffusion.garments.shape_model import GROUPS, ShapeModel, bundled_model_path, fit_shape_model


@pytest.fixture(scope="module")
def model() -> ShapeModel:
    return ShapeModel.load(bundled_model_path())


def _shirt(sleeve: float = 0.3) -> np.ndarray:
    half = np.array([(0.08, 0.16), (0.2, 0.2), (0.2 + sleeve, 0.42), (0.16 + sleeve, 0.53), (0.2, 0.42), (0.2, 0.85)])
    points = np.concatenate([half, half[::-1] * [-1, 1]]) + [0.5, 0]
    mask = np.zeros((400, 400), np.uint8)
    cv2.fillPoly(mask, [np.rint(points * 400).astype(np.int32)], 255)
    return mask


def test_half_paths_straighten_a_turned_rectangle():
    mask = np.zeros((400, 400), np.uint8)
    cv2.fillPoly(mask, [np.round(cv2.boxPoints(((190.0, 210.0), (120.0, 240.0), 6.0))).astype(np.int32)], 255)
    right, left = half_paths(mask)
    # 120 x 240: half the larger side is the unit, so the halves reach x = 0.5 and y = -1..1.
    for half in (right, left):
        assert np.abs(half[180:300, 0] - 0.5).max() < 0.04
        assert abs(half[:, 1].min() + 1) < 0.03 and abs(half[:, 1].max() - 1) < 0.03


@pytest.mark.parametrize("degrees", [-8, 0, 5])
def test_the_mirror_axis_of_a_turned_shirt(degrees):
    turned = cv2.warpAffine(_shirt(), cv2.getRotationMatrix2D((200, 200), -degrees, 1), (400, 400))
    angle, axis = mirror_axis((turned > 127).astype(np.uint8))
    assert abs(np.rad2deg(angle) + degrees) <= 1 and abs(axis) < 6


def test_landmarks_of_a_shirt_by_hand():
    right, _ = half_paths(_shirt())
    found = landmarked(right, "sleeved")
    index = landmark_index("sleeved")
    # Corners above, in units of half the larger side of the box (1.0 wide): twice the coordinates, centred.
    middle = (0.16 + 0.85) / 2
    for name, (x, y) in {"cuff_outer": (0.5, 0.42), "cuff_inner": (0.46, 0.53), "armpit": (0.2, 0.42),
                         "hem": (0.2, 0.85)}.items():
        assert np.hypot(*(found[index[name]] - np.array([2 * x, 2 * (y - middle)]))) < 0.05, name
    assert len(found) == sum(points for *_, points in SEGMENTS["sleeved"]) + 1
    assert found[0, 0] == 0 and found[-1, 0] == 0
    skirt = np.zeros((300, 300), np.uint8)
    cv2.fillPoly(skirt, [np.array([(110, 40), (190, 40), (240, 260), (60, 260)])], 255)
    path, _ = half_paths(skirt)
    assert landmarked(path, "sleeved") is None and landmarked(path, "legs") is None
    found = landmarked(path, "skirt")
    assert found[landmark_index("skirt")["hem"], 0] == pytest.approx(90 / 110, abs=0.03)


def test_a_fit_draws_shapes_like_those_it_saw(tmp_path):
    rng = np.random.default_rng(0)
    rows = ["split,category,id,symmetry"]
    for name, (layout, (category,)) in GROUPS.items():
        (tmp_path / "train" / category).mkdir(parents=True, exist_ok=True)
        for number in range(12):
            mask = _example(name, layout, rng)
            cv2.imwrite(str(tmp_path / "train" / category / f"{name}{number}.png"), mask)
            rows.append(f"train,{category},{name}{number},0.95")
    rows.append("train,skirt,crooked,0.5")
    (tmp_path / "train.csv").write_text("\n".join(rows))
    fitted = fit_shape_model(tmp_path)
    assert list(fitted.groups) == list(GROUPS) and all(5 <= g.count <= 24 for g in fitted.groups.values())
    fitted.save(tmp_path / "model.npz")
    drawn = ShapeModel.load(tmp_path / "model.npz").sample("skirt", np.random.default_rng(1))
    width = drawn.right[drawn.index["hem"], 0] + drawn.left[drawn.index["hem"], 0]
    assert 1.6 * 2 < width < 3.2 * 2  # hems are 1.9 to 2.7 times as wide as waists
    with pytest.raises(ValueError, match=r"val\.csv is missing; wanted the data set's folder with val\.csv"):
        fit_shape_model(tmp_path, split="val")
    (tmp_path / "train.csv").write_text("\n".join(rows[:3]))
    with pytest.raises(ValueError, match="only 2 outlines landmarked for tshirt; wanted 8 or more"):
        fit_shape_model(tmp_path)


def _example(name: str, layout: str, rng: np.random.Generator) -> np.ndarray:
    if layout == "sleeved":
        return _shirt(rng.uniform(0.24, 0.3) if name in ("shirt_long", "longsleeve", "outwear")
                      else rng.uniform(0.1, 0.14))
    mask = np.zeros((400, 400), np.uint8)
    waist, hem = rng.uniform(54, 60), rng.uniform(114, 146)
    half = [(waist, 60), (hem, 340)]
    if layout == "legs":
        half = [(waist, 60), (hem, 325), (hem - 50, 340), (4, 200)]
    points = np.array(half + [(-x, y) for x, y in half[::-1]]) + [200, 0]
    cv2.fillPoly(mask, [np.rint(points).astype(np.int32)], 255)
    return mask


def test_drawing_depends_on_the_seed_alone_and_stays_among_the_real(model):
    for name, group in model.groups.items():
        first, again = (model.sample(name, np.random.default_rng(4)) for _ in range(2))
        assert np.array_equal(first.right, again.right) and np.array_equal(first.left, again.left)
        assert not np.array_equal(first.right, model.sample(name, np.random.default_rng(5)).right)
        real = (group.mean.ravel() + group.weights @ group.modes).reshape(group.count, -1, 2)
        for seed in range(4):
            drawn = model.sample(name, np.random.default_rng(seed))
            apart = np.hypot(*np.moveaxis(real - (drawn.right + drawn.left) / 2, -1, 0)).mean(1)
            spread = np.hypot(*np.moveaxis(real - real.mean(0), -1, 0)).mean(1)
            # Near real ones, but no copy of any.
            assert 0 < apart.min() < spread.mean()
            assert 0 <= drawn.length_rank <= 1 and 0 <= drawn.neck_rank <= 1


def test_without_asymmetry_the_halves_are_mirror_images(model):
    for name in model.groups:
        drawn = model.sample(name, np.random.default_rng(2), asymmetry=0.0)
        assert np.array_equal(drawn.right, drawn.left)


def test_groups_are_chosen_as_often_as_they_were_seen(model):
    rng = np.random.default_rng(0)
    chosen = [model.choose(("shorts", "shorts_closed"), rng) for _ in range(400)]
    share = model.groups["shorts"].count / (model.groups["shorts"].count + model.groups["shorts_closed"].count)
    assert chosen.count("shorts") / 400 == pytest.approx(share, abs=0.08)


def test_the_bundled_model_survives_a_round_trip(model, tmp_path):
    model.save(tmp_path / "copy.npz")
    copy = ShapeModel.load(tmp_path / "copy.npz")
    for name, group in model.groups.items():
        assert np.array_equal(group.mean, copy.groups[name].mean)
        assert np.array_equal(group.weights, copy.groups[name].weights)
    with pytest.raises(ValueError, match="no shape model at"):
        ShapeModel.load(tmp_path / "none.npz")
    np.savez(tmp_path / "old.npz", schema=np.int64(1))
    with pytest.raises(ValueError, match="shape model schema 1, wanted 2; fit it again"):
        ShapeModel.load(tmp_path / "old.npz")
    with pytest.raises(ValueError, match="no shape group 'socks'"):
        model.sample("socks", np.random.default_rng(0))
