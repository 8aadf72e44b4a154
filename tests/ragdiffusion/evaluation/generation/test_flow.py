"""The flow's errors on maps that are known: nothing for the truth, its size for a shift; every kind of sample."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ragdiffusion.commands import evaluate_flow
from ragdiffusion.draft.appearance_flow import FlowPrediction
from ragdiffusion.draft.warping import DraftTensors
from ragdiffusion.evaluation.generation.flow import KINDS, drawn_pairs, judge_flow, real_pairs, summarise_flow
from ragdiffusion.garments.garment import RealGarment

_SIZE = 64


def _garment(name: str, width: int) -> RealGarment:
    alpha = np.zeros((_SIZE, _SIZE), np.uint8)
    alpha[8:56, 32 - width : 32 + width] = 255
    cloth = np.full((_SIZE, _SIZE, 3), (200, 40, 40), np.uint8)
    cloth[::4] = (40, 40, 200)
    photo = np.where(alpha[..., None] > 0, cloth, np.uint8(128))
    return RealGarment(
        name=name,
        category="shirt",
        symmetry=1.0,
        cloth=cloth,
        alpha=alpha,
        photo=photo,
        photo_map=np.float32([[1, 0, 0], [0, 1, 0]]),
        photo_mask=alpha,
    )


def _says(pair, shift: tuple[float, float] = (0, 0)) -> SimpleNamespace:
    """What a pipeline would be that knows the pair's map, put off by (x, y) pixels of a 256-pixel photo."""
    flow = torch.from_numpy((pair.flow + 0.5) * (2 / _SIZE) - 1).permute(2, 0, 1)[None].float()
    flow = flow + torch.tensor(shift).view(1, 2, 1, 1) / 128
    plane = lambda mask: torch.from_numpy(mask).float()[None, None]  # noqa: E731
    said = FlowPrediction(
        levels=(flow,), visibility=plane(pair.visible) * 2 - 1, garment=plane(pair.photo_mask) / 127.5 - 1
    )
    draft = DraftTensors(image=torch.zeros(1, 3, _SIZE, _SIZE), visibility=plane(pair.visible), prediction=said)
    return SimpleNamespace(device="cpu", draft=lambda photo, landmark: draft)


def test_a_known_map_has_no_error_and_a_shift_its_size():
    drawn = next(iter(real_pairs([_garment("a", 12), _garment("b", 18)])))[1]
    pair = replace(drawn, visible=np.ones((_SIZE, _SIZE), np.float32))
    trial = judge_flow(_says(pair), [("known", pair)])[0]
    assert trial.mean_px == pytest.approx(0, abs=1e-4) and trial.far == 0
    assert trial.visibility == trial.garment == 1
    off = judge_flow(_says(pair, (6.0, 8.0)), [("known", pair)])[0]
    assert off.mean_px == pytest.approx(10.0, rel=1e-4) and off.median_px == pytest.approx(10.0, rel=1e-4)
    assert off.far == 1
    hidden = replace(pair, visible=np.zeros((64, 64), np.float32))
    unseen = judge_flow(_says(hidden), [("hidden", hidden)])[0]
    assert np.isnan(unseen.mean_px) and unseen.visibility == 1  # all of it is hidden, and both know
    both = summarise_flow([trial, replace(off, garment=0.5), replace(off, mean_px=float("nan"))])
    assert list(both) == ["known"] and both["known"]["n"] == 3
    assert both["known"]["mean_px"] == pytest.approx(5.0, abs=1e-3)  # what has no visible point does not count
    assert both["known"]["garment"] == pytest.approx(2.5 / 3)


def test_every_garment_comes_once_in_every_kind_and_the_same_again():
    garments = [_garment("a", 12), _garment("b", 18)]
    samples = list(real_pairs(garments))
    assert [kind for kind, _ in samples] == [kind for kind in KINDS for _ in garments]
    assert all(np.array_equal(a.photo, b.photo) for (_, a), (_, b) in zip(samples, real_pairs(garments), strict=True))
    untouched = [pair for kind, pair in samples if kind == "untouched"]
    assert all(np.isin(pair.photo[0], (128,)).all() for pair in untouched)
    assert [kind for kind, _ in drawn_pairs(64, 1)] == ["drawn, laid", "drawn, hung", "drawn, worn"]


def test_the_command_prints_every_kind(tiny_checkpoint, capsys):
    parser = argparse.ArgumentParser()
    evaluate_flow.add_arguments(parser)
    arguments = ["--checkpoint", str(tiny_checkpoint), "--device", "cpu", "--limit", "1"]
    assert evaluate_flow.run(parser.parse_args([*arguments, "--json"])) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report["kinds"]) == {"drawn, laid", "drawn, hung", "drawn, worn"}
    assert all(0 < kind["mean_px"] < 400 and kind["n"] == 1 for kind in report["kinds"].values())
    assert evaluate_flow.run(parser.parse_args(arguments)) == 0
    assert "drawn, worn" in capsys.readouterr().out
    with pytest.raises(ValueError, match="--limit is 0, 1 or more"):
        evaluate_flow.run(parser.parse_args([*arguments, "--limit", "0"]))
