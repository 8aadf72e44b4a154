"""Speed with random weights: both ways draw the same, training lowers the loss, and the pack holds what is needed."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ragdiffusion.cli import main
from ragdiffusion.config import PRESETS
from ragdiffusion.evaluation.gpu_machine import closure
from ragdiffusion.evaluation.paper_speed import matrix_product_peak, measure_speed, measure_training
from tests.ragdiffusion.conftest import tiny_preset


def test_fast_and_plain_draw_the_same():
    report = measure_speed(tiny_preset(), "cpu", torch.float32, steps=2, rounds=1)
    assert report["difference"] < 1e-5
    assert set(report["stages"]) == {"text", "encode", "reference", "conditions", "step", "decode", "plain_step"}
    assert report["stages"]["plain_step"]["tflop"] > report["stages"]["step"]["tflop"] > 0
    for stage in report["stages"].values():
        assert stage["share_of_peak"] == pytest.approx(
            stage["tflop"] / (stage["ms"] / 1e3) / report["peak_tflops"], rel=1e-6
        )
    assert report["photo_to_picture_s"] > report["picture_s"] > 0


def test_steps_of_training_lower_the_loss_on_one_batch():
    report = measure_training(tiny_preset(), "cpu", torch.float32, steps=3, learning_rate=1e-3)
    assert len(report["losses"]) == 4 and len(report["seconds"]) == 3
    assert report["losses"] == sorted(report["losses"], reverse=True) and report["losses"][3] < report["losses"][0]


def test_the_command_prints_it_and_refuses_nonsense(monkeypatch, capsys):
    monkeypatch.setitem(PRESETS, "tiny", replace(tiny_preset(), name="tiny"))
    words = ["benchmark", "--preset", "tiny", "--random-weights", "--device", "cpu"]
    assert main([*words, "--steps", "1", "--training-steps", "1"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("tiny, random weights, cpu, float32") and "training" in printed
    assert main([*words, "--steps", "0"]) == 2
    assert "--steps is 0, 1 or more wanted" in capsys.readouterr().err


def test_a_matrix_product_is_timed():
    assert 0 < matrix_product_peak("cpu", torch.float32, rounds=2) < 1000


def test_the_pack_brings_what_torch_does_not():
    names = closure(("diffusers", "transformers", "accelerate"))
    assert {"diffusers", "transformers", "accelerate", "safetensors", "tokenizers", "huggingface-hub"} <= set(names)
    assert not {"torch", "numpy", "scipy"} & set(names) and len(names) == len(set(names))
