"""The benchmark's judge, on pictures whose faithfulness is known."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ragdiffusion.evaluation.generation.faithfulness import (
    Faithfulness,
    FaithfulnessSample,
    compare,
    drawn_samples,
    folder_samples,
    measure,
    summarise,
)

_SIZE = 64


@pytest.fixture
def sample(make_mask) -> FaithfulnessSample:
    """A red shirt on grey ground, and its flat-lay: the same shirt on white."""
    silhouette = _mask(make_mask)
    photo = _filled(silhouette, (200, 30, 40), ground=128)
    standard = _filled(silhouette, (200, 30, 40), ground=255)
    return FaithfulnessSample(
        name="red",
        category="shirt",
        photo=Image.fromarray(photo),
        photo_pixels=photo,
        photo_mask=silhouette,
        standard=standard,
        silhouette=silhouette,
    )


def _mask(make_mask, index: int = 4) -> np.ndarray:
    return (np.asarray(Image.open(io.BytesIO(make_mask(index, _SIZE, _SIZE)))) > 127).astype(np.uint8) * 255


def _filled(silhouette: np.ndarray, colour: tuple[int, int, int], *, ground: int) -> np.ndarray:
    picture = np.full((*silhouette.shape, 3), ground, np.uint8)
    picture[silhouette > 127] = colour
    return picture


def _landmark(silhouette: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(silhouette / np.float32(255))


def test_the_flat_lay_itself_is_perfect(sample) -> None:
    one = compare(Image.fromarray(sample.standard), _landmark(sample.silhouette), sample, aligned=True)
    assert (one.name, one.category, one.iou) == ("red", "shirt", 1)
    assert one.delta_e_mean_colour == pytest.approx(0, abs=1e-4) and one.delta_e_pixelwise == pytest.approx(0, abs=1e-4)


def test_another_colour_is_measured_inside_the_garment_only(sample) -> None:
    blue = Image.fromarray(_filled(sample.silhouette, (30, 40, 200), ground=255))
    one = compare(blue, _landmark(sample.silhouette), sample, aligned=True)
    assert one.iou == 1 and one.delta_e_mean_colour == pytest.approx(one.delta_e_pixelwise, abs=1e-3)
    assert 35 < one.delta_e_mean_colour < 80
    assert compare(blue, _landmark(sample.silhouette), sample, aligned=False).delta_e_pixelwise is None


def test_another_outline_costs_overlap_and_not_colour(sample, make_mask) -> None:
    other = _mask(make_mask, 9)
    one = compare(
        Image.fromarray(_filled(other, (200, 30, 40), ground=255)), _landmark(sample.silhouette), sample, aligned=False
    )
    wanted = ((other > 127) & (sample.silhouette > 127)).sum() / ((other > 127) | (sample.silhouette > 127)).sum()
    assert one.iou == pytest.approx(wanted) and wanted < 0.95
    assert one.delta_e_mean_colour == pytest.approx(0, abs=1e-4)


def test_an_empty_picture_is_no_crash_and_no_success(sample) -> None:
    white = Image.new("RGB", (_SIZE, _SIZE), "white")
    one = compare(white, _landmark(sample.silhouette), sample, aligned=True)
    assert one.iou == 0 and one.delta_e_mean_colour > 30


def test_truth_gives_the_model_the_samples_own_silhouette(tiny_model, sample) -> None:
    retrieved, truth = (list(measure(tiny_model, [sample], landmark=kind))[0] for kind in ("retrieved", "truth"))
    assert retrieved.delta_e_pixelwise is None and truth.delta_e_pixelwise > 0
    result = tiny_model.generate(sample.photo, tiny_model.retrieve(sample.photo).edit(_landmark(sample.silhouette)))
    assert truth == compare(result.image, result.landmark, sample, aligned=True)
    with pytest.raises(ValueError, match="landmark is 'best', one of retrieved, truth wanted"):
        next(measure(tiny_model, [sample], landmark="best"))


def _write_folder(root: Path, sample: FaithfulnessSample, count: int) -> None:
    (root / "val" / "shirt").mkdir(parents=True)
    with (root / "val.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["split", "category", "id", "symmetry"])
        for index in range(count):
            writer.writerow(["val", "shirt", f"no{index}", 0.9])
            for pixels, end in ((sample.photo_pixels, "jpg"), (sample.photo_mask, "png")):
                Image.fromarray(pixels).resize((512, 512), 0).save(root / "val" / "shirt" / f"no{index}.{end}")


def test_a_folder_is_read_evenly_from_either_level(tmp_path, sample) -> None:
    _write_folder(tmp_path, sample, 7)
    names = ["no0", "no3", "no6"]
    for folder in (tmp_path, tmp_path / "val"):
        samples = folder_samples(folder, 256, 3)
        assert [s.name for s in samples] == names
        assert all(s.photo.is_file() and s.photo.stem == s.name for s in samples)
        assert samples[0].photo_file() == samples[0].photo.read_bytes()
    one = compare(Image.fromarray(samples[0].standard), _landmark(samples[0].silhouette), samples[0], aligned=True)
    assert one.iou > 0.97 and one.delta_e_mean_colour < 1.5, "the cut-out on white is its photo's flat-lay"
    (tmp_path / "val.csv").write_text("split,category,id,symmetry\n")
    with pytest.raises(ValueError, match="val.csv lists no garment"):
        folder_samples(tmp_path, _SIZE, 3)
    (tmp_path / "val.csv").unlink()
    with pytest.raises(ValueError, match="no val.csv here; a folder with val.csv beside"):
        folder_samples(tmp_path, _SIZE, 3)


def test_drawn_samples_are_the_same_each_time() -> None:
    first, again = drawn_samples(_SIZE, 2), drawn_samples(_SIZE, 2)
    assert len({s.name for s in first}) == 2
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.photo_pixels, other.photo_pixels)
    for one in first:
        perfect = compare(Image.fromarray(one.standard), _landmark(one.silhouette), one, aligned=True)
        assert perfect.iou > 0.9 and perfect.delta_e_pixelwise < 1e-3
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(one.photo_file()))), one.photo_pixels)


def test_summary_by_hand() -> None:
    each = [
        Faithfulness("a", "shirt", 0.9, 4.0, None),
        Faithfulness("b", "dress", 0.6, 2.0, 5.0),
        Faithfulness("c", "dress", 0.9, 9.0, 7.0),
    ]
    summary = summarise(each)
    assert summary["iou_mean"] == pytest.approx(0.8)
    assert (summary["count"], summary["iou_min"]) == (3, 0.6)
    assert (summary["delta_e_mean_colour"], summary["delta_e_pixelwise"]) == (4, 6)
    assert [one["name"] for one in summary["each"]] == ["a", "b", "c"]
    assert "delta_e_pixelwise" not in summarise(each[:1])
