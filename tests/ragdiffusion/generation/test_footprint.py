"""What a device holds: weights by hand, the same as of a loaded pipeline, keys and values as they are prepared."""

from __future__ import annotations

import torch
from torch import nn

from ragdiffusion.generation.cost import meta_pipeline
from ragdiffusion.generation.footprint import footprint, weights_on_device
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline


def test_weights_are_counted_by_what_is_brought_together():
    line = lambda into, out: nn.Linear(into, out, bias=False)  # noqa: E731
    parts = {
        "text_encoder": line(10, 10),
        "text_encoder_2": line(20, 10),
        "unet": nn.Sequential(line(10, 10), line(10, 25)),
        "structure_net": line(10, 7),  # looks at photos, so four bytes a number
        "ep_adapter": line(10, 1),
    }
    staying = 4 * 70 + 2 * 10
    assert weights_on_device(parts) == {
        "whole": staying + 2 * (100 + 200 + 350),
        "model": staying + 2 * 350,
        "sequential": staying + 2 * 250,
    }
    del parts["unet"]
    assert weights_on_device(parts)["model"] == staying + 2 * (100 + 200)


def test_a_pipeline_loaded_in_half_precision_is_as_large(build, presets, tmp_path):
    pipeline = build(presets["sdxl"])
    counted = footprint(pipeline)
    pipeline.save_pretrained(tmp_path)
    half = RAGDiffusionPipeline.from_pretrained(tmp_path, dtype=torch.bfloat16)
    parts = [part for part in half.components.values() if isinstance(part, nn.Module)]
    assert counted["whole"] == sum(weight.nbytes for part in parts for weight in part.parameters())
    assert counted["whole"] > counted["model"] > counted["sequential"] > 0


def test_what_is_kept_is_what_the_steps_read(presets):
    """By hand, for the tiny SDXL: 8 x 8 places, 16 wide in 3 layers of 4 x 4 and 8 of 2 x 2."""
    reference = 2 * 16 * (3 * 4 * 4 + 8 * 2 * 2)
    read = 11 * 2 * 16 * (77 + 3)  # of the caption's tokens and the EP-Adapter's
    text, pooled, sizes, guided = 77 * 32, 16, 6, 8 * 8 * 8
    assert footprint(meta_pipeline(presets["sdxl"]))["kept"] == 2 * (reference + read + text + pooled + sizes + guided)
