"""PGEA's trial: when the adapted UNet is where the one from scratch is, and that a stopped trial goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ragdiffusion.evaluation.pgea import TrialConfig, comparison, draw_curves, joined, run_trial


def _curve(*points: tuple[int, float, float]) -> list[dict[str, float]]:
    return [{"step": step, "seconds": seconds, "held_out": loss} for step, seconds, loss in points]


def test_stages_are_one_curve_whose_steps_and_seconds_go_on():
    second, third = _curve((0, 0, 0.9), (4, 10, 0.7)), _curve((0, 0, 0.7), (2, 5, 0.45), (4, 9, 0.4))
    assert joined(second, third) == _curve((0, 0, 0.9), (4, 10, 0.7), (6, 15, 0.45), (8, 19, 0.4))
    assert joined(second) == second


def test_what_a_loss_costs_in_either_way():
    adapted = _curve((0, 0.0, 0.9), (4, 10.0, 0.7), (6, 15.0, 0.45))
    scratch = _curve((0, 0.0, 1.1), (10, 50.0, 0.5))
    lines = comparison(adapted, scratch)
    # From 0.9, where the first of them begins, to 0.5, where the last ends, by quarters; then where each ends.
    assert [line["held_out"] for line in lines] == pytest.approx([0.8, 0.7, 0.6, 0.5, 0.45])
    # Between its points a curve is straight: 0.6 lies at two fifths of the way from 0.7 to 0.45.
    assert [line["adapted"]["seconds"] for line in lines] == pytest.approx([5.0, 10.0, 12.0, 14.0, 15.0])
    steps = [line["scratch"] and line["scratch"]["step"] for line in lines]
    assert steps == [pytest.approx(5), pytest.approx(20 / 3), pytest.approx(25 / 3), 10, None]


def test_a_stopped_trial_goes_on_and_its_curves_have_no_point_twice(tmp_path, tiny_checkpoint, monkeypatch):
    from accelerate.state import AcceleratorState

    monkeypatch.setattr("ragdiffusion.evaluation.pgea.HELD_OUT", 6)
    monkeypatch.setattr("ragdiffusion.evaluation.pgea._FITTED", 4)
    config = TrialConfig(
        out=tmp_path,
        size=64,
        pictures=8,
        autoencoder_steps=1,
        base_steps=4,
        distil_steps=4,
        ends_steps=2,
        whole_steps=2,
        scratch_steps=2,
        batch_size=2,
        widths=(16, 32),
    )
    try:
        run_trial(replace(config, base_steps=2), tiny_checkpoint)
        report = run_trial(config, tiny_checkpoint)
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)
    curves = json.loads((tmp_path / "curves.json").read_text())
    assert [point["step"] for point in curves["base"]] == [0, 1, 2, 3, 4]
    assert [point["step"] for point in report["stage_1"]["by_gradient"]] == [0, 1, 2, 3, 4]
    assert report["stage_1"]["closed_form"] < report["stage_1"]["by_gradient"][0]["held_out"]
    assert set(report["reconstruction"]["16_channels"]) == {
        "psnr",
        "letters_psnr",
        "letters_ssim",
        "letters_lpips_effnet",
    }
    assert report["reached"] and {path.name for path in Path(tmp_path).glob("*.png")} == {
        "curves.png",
        "reconstructions.png",
    }


def test_curves_are_drawn(tmp_path):
    flat = _curve((0, 0.0, 1.0), (4, 2.0, 0.5))
    draw_curves({"stage_2": flat, "stage_3": flat, "scratch": flat}, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 5000
