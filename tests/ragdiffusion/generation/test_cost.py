"""What is counted without weights: FLOPs by hand for a layer, the same as the real model's, and what is saved."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ragdiffusion.cli import main
from ragdiffusion.generation.cost import count_flops, fast_stages, meta_pipeline, plain_step, stage_inputs


def test_a_stage_is_counted_as_the_real_model_computes_it(build, presets):
    """Torch's own counter, on real weights and with attention written out, finds the same stage by stage."""
    without = count_flops(meta_pipeline(presets["sdxl"]))
    pipeline = build(presets["sdxl"])
    pipeline.denoiser.requires_grad_(False)
    inputs = stage_inputs(pipeline)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        for name, call in fast_stages(pipeline, inputs).items():
            with FlopCounterMode(display=False) as counter:
                call()
            assert counter.get_total_flops() == without.stages[name], name


@pytest.mark.parametrize("batch", [1, 3])
def test_a_plain_step_costs_what_it_computes(presets, batch):
    pipeline = meta_pipeline(presets["sdxl"])
    inputs = stage_inputs(pipeline, batch)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        plain_step(pipeline, inputs)
    assert counter.get_total_flops() == count_flops(pipeline, batch=batch).plain_step


def test_the_guider_at_conv_in_is_counted_as_by_hand(presets):
    """A convolution costs 2 x in x out x 9 operations a place, so a MainNet without guider costs so much less."""
    tiny = presets["sdxl"]
    bare = replace(tiny, guider_channels=())
    difference = count_flops(meta_pipeline(tiny)).stages["step"] - count_flops(meta_pipeline(bare)).stages["step"]
    assert difference == 2 * tiny.guider_channels[-1] * tiny.unet["block_out_channels"][0] * 9 * 8 * 8


def test_seeds_share_what_does_not_depend_on_t(presets):
    pipeline = meta_pipeline(presets["sdxl"])
    one, three = count_flops(pipeline, batch=1, steps=5), count_flops(pipeline, batch=3, steps=5)
    for name in ("text", "encode", "reference", "conditions"):
        assert three.stages[name] == one.stages[name]
    assert three.stages["step"] == pytest.approx(3 * one.stages["step"], rel=0.02)
    assert three.plain_step > 2.9 * one.plain_step
    assert one.picture == sum(one.stages.values()) + 4 * one.stages["step"]


def test_describe_counts_the_papers_model_without_a_weight(capsys):
    assert main(["describe", "--preset", "sdxl", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["parameters"] == sum(part["parameters"] for part in report["components"].values()) > 7e9
    for part, billions in (("unet", 2.567), ("vae", 0.0838), ("clip_vision", 0.303)):
        assert report["published"][part]["here"] == report["published"][part]["published"]
        assert report["published"][part]["here"] / 1e9 == pytest.approx(billions, rel=1e-3)
    flops = report["flops"]
    assert report["plain_to_fast"] >= 1.8 and flops["plain_picture"] / flops["picture"] >= 1.8
    assert 120e12 < flops["picture"] < 135e12 and report["steps"] == 30
    held = report["bytes"]
    assert 24e9 > held["whole"] > held["model"] > held["sequential"] > held["kept"], "the paper's RTX 3090 holds all"


def test_describe_prints_a_table_and_refuses_nonsense(capsys):
    assert main(["describe", "--steps", "4"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("studio: 256 x 256 pixels, latents of 16 channels, 4 steps, 1 at a time\n")
    assert re.search(r"unet +7\.454 M  UNet2DConditionModel", printed)
    assert main(["describe", "--steps", "0"]) == 2 and main(["describe", "--preset", "huge"]) == 2
