"""The memory that a training takes: states by hand, activations that grow with the picture."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from ragdiffusion.generation.conditioners import freeze_after_last_capture
from ragdiffusion.generation.cost import meta_pipeline
from ragdiffusion.training.scale.memory import _Kept, activation_bytes, training_memory
from tests.ragdiffusion.conftest import tiny_preset


def test_states_are_counted_by_what_learns():
    preset = tiny_preset()
    denoiser = meta_pipeline(preset).denoiser.requires_grad_(True)
    freeze_after_last_capture(denoiser.reference_net)
    learn = sum(weight.numel() for weight in denoiser.parameters() if weight.requires_grad)
    alone, spread = training_memory(preset), training_memory(preset, cards=4, zero=True)
    assert alone.weights == 16 * learn and spread.weights == 2 * learn + 14 * learn // 4
    assert alone.frozen == spread.frozen > 0 and alone.activations == spread.activations
    assert alone.together(3) == alone.weights + alone.frozen + 3 * alone.activations


def test_activations_grow_with_the_picture():
    tiny = tiny_preset()
    small, large = (activation_bytes(meta_pipeline(replace(tiny, image_size=size))) for size in (512, 1024))
    assert 3 < large / small < 6  # four times the places; what small pictures need besides is no more than noise here


def test_a_blocks_input_is_kept_and_its_inside_is_not_added_up():
    class Block(nn.Linear):
        pass

    blocks = nn.Sequential(Block(4, 4), Block(4, 4))
    kept = _Kept()
    for block in blocks:
        kept.watch(block)
    with torch.autograd.graph.saved_tensors_hooks(kept.note, lambda value: value):
        blocks(torch.randn(3, 4, requires_grad=True) * 2)
    assert kept.inputs == 2 * 12 and max(kept.inside.values()) >= 12
