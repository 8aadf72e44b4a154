"""Parts that make room for each other: the same picture in every mode, the next one when memory runs out."""

from __future__ import annotations

import logging

import pytest
import torch
from torch.nn import functional as F

from ragdiffusion.generation.offload import MODES, MOVED, Offload


@pytest.fixture
def pipeline(build, presets):
    return build(presets["sdxl"], trained=True)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_draws_the_same(pipeline, inputs, mode):
    wanted = pipeline(**inputs, num_inference_steps=2, guidance_scale=2.0).images
    pipeline.place("cpu", mode)
    torch.testing.assert_close(pipeline(**inputs, num_inference_steps=2, guidance_scale=2.0).images, wanted)
    if mode == "sequential":
        assert next(pipeline.unet.parameters()).is_meta and not next(pipeline.structure_net.parameters()).is_meta
        pipeline.place("cpu", "whole")  # and back again
        torch.testing.assert_close(pipeline(**inputs, num_inference_steps=2, guidance_scale=2.0).images, wanted)


def test_one_large_part_is_on_the_device_at_a_time(pipeline, inputs):
    """The meta device stands in for a GPU: moving there and back is all that is looked at."""
    parts = {name: torch.nn.Linear(1, 1) for name in (*MOVED, "ep_adapter")}
    offload = Offload(parts, "cpu", "model")
    offload.device = torch.device("meta")
    there = lambda: {name for name, part in parts.items() if part.weight.is_meta}  # noqa: E731
    with pytest.raises(NotImplementedError), offload.at_work("unet", "no_such_part"):  # meta tensors do not come back
        assert there() == {"unet"}


def _out_of_memory(module: torch.nn.Module, times: int) -> list[int]:
    calls: list[int] = []

    def fail(*_: object) -> None:
        calls.append(1)
        if len(calls) <= times:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nmore")

    module.register_forward_pre_hook(fail)
    return calls


def test_a_run_goes_on_in_the_next_mode_and_says_so(pipeline, inputs, caplog):
    wanted = pipeline(**inputs, num_inference_steps=2).images
    pipeline.place("cpu")
    _out_of_memory(pipeline.landmark_guider, 2)
    with caplog.at_level(logging.WARNING):
        torch.testing.assert_close(pipeline(**inputs, num_inference_steps=2).images, wanted)
    assert pipeline.offload.mode == "sequential"
    assert [record.getMessage() for record in caplog.records] == [
        f"memory ran out on cpu (CUDA out of memory): going on with parts moved in and out ({mode})"
        for mode in ("model", "sequential")
    ]


class Heavy(torch.nn.Linear):
    """A part that the device has no room for."""

    def to(self, device: torch.device | str) -> Heavy:
        if torch.device(device).type == "meta":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 5.00 GiB.")
        return super().to(device)


def test_parts_that_do_not_fit_together_are_placed_in_the_next_mode(caplog):
    """The meta device stands in for a GPU again."""
    with caplog.at_level(logging.WARNING):
        offload = Offload({"unet": Heavy(1, 1), "ep_adapter": torch.nn.Linear(1, 1)}, "meta")
    assert offload.mode == "model"
    (said,) = caplog.records
    assert said.getMessage().endswith("(CUDA out of memory): going on with parts moved in and out (model)")
    with pytest.raises(RuntimeError, match="memory ran out on meta even layer by layer"):
        Offload({"unet": torch.nn.Linear(1, 1), "ep_adapter": Heavy(1, 1)}, "meta")


def test_when_nothing_is_left_to_move_it_is_said_in_one_line(pipeline, inputs):
    pipeline.place("cpu", "sequential")
    _out_of_memory(pipeline.landmark_guider, 9)
    with pytest.raises(RuntimeError, match=r"memory ran out on cpu even layer by layer \(CUDA out of memory\): make"):
        pipeline(**inputs, num_inference_steps=2)
    with pytest.raises(ValueError, match="offload mode 'disk': choose one of whole, model, sequential"):
        pipeline.place("cpu", "disk")


def test_where_memory_is_short_the_autoencoder_works_in_tiles(pipeline):
    image = F.interpolate(torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(0)), 576) * 2 - 1
    pipeline.place("cpu", "model")
    with torch.no_grad():
        latents = pipeline.encode(image)
        tiled = pipeline.decode(latents)
        pipeline.vae.disable_tiling()
        whole = pipeline.decode(latents)
    assert tiled.shape == whole.shape == image.shape
    assert not torch.equal(tiled, whole)  # it did work in tiles
    assert (tiled - whole).abs().mean() < 0.25 * whole.std()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_drawing_half_computes_in_half_precision(pipeline, inputs, dtype):
    wanted = pipeline(**inputs, num_inference_steps=2).images
    for name in ("unet", "reference_net", "text_encoder", "text_encoder_2", "ep_adapter", "landmark_guider"):
        getattr(pipeline, name).to(dtype)
    half = pipeline(**inputs, num_inference_steps=2).images
    assert half.dtype == torch.float32 and not torch.equal(half, wanted)
    assert (half - wanted).abs().mean() < 0.1 * wanted.std()


def test_numbers_that_are_not_finite_are_said_not_shown(pipeline, inputs):
    torch.nn.init.constant_(pipeline.unet.conv_out.bias, float("nan"))
    with pytest.raises(RuntimeError, match=r"not finite in torch\.float32: load the model in bfloat16 or float32"):
        pipeline(**inputs, num_inference_steps=1)
