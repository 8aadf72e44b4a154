"""Speed and memory of a preset with random weights: how fast it would be, whatever it has learned.

Stage by stage in milliseconds, TFLOP and share of the device's own matrix product; a picture in the fast way, where
what does not depend on t is computed once, and in the plain way, where it is computed in every step; and steps of
training. It needs no photo, no bank and no checkpoint.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from ragdiffusion.config import Preset
from ragdiffusion.generation.builder.untrained import build_components, build_pipeline
from ragdiffusion.generation.conditioners import freeze_after_last_capture
from ragdiffusion.generation.cost import (
    StageInputs,
    count_flops,
    fast_stages,
    meta_pipeline,
    plain_step,
    stage_inputs,
)
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline
from ragdiffusion.generation.sampling import Sampler, seeded_noise
from ragdiffusion.memory import peak_rss_mb

_PRODUCT = {"cuda": 8192, "cpu": 1024}  # side of the matrices that the peak is measured with


def random_pipeline(preset: Preset, device: str, dtype: torch.dtype, seed: int = 0) -> RAGDiffusionPipeline:
    """A preset's pipeline with random weights, made where they are to be."""
    before = torch.get_default_dtype()
    torch.manual_seed(seed)
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            components = build_components(preset)
    finally:
        torch.set_default_dtype(before)
    for part in components.values():
        if isinstance(part, nn.Module):
            part.eval().requires_grad_(False).to(dtype)
    _stir(components)
    pipeline = build_pipeline(preset, components)
    pipeline.place(device)
    return pipeline


def _stir(components: dict[str, Any]) -> None:
    """Move off zero what starts there, so that every branch takes part as after a training."""
    with torch.no_grad():
        for name in ("unet", "ep_adapter", "landmark_guider"):
            for weight in components[name].parameters() if components[name] is not None else ():
                if weight.ndim > 1 and not bool(weight.any()):
                    weight.normal_(std=0.02)


def matrix_product_peak(device: str, dtype: torch.dtype, rounds: int = 10) -> float:
    """The best rate of a square matrix product on a device, in TFLOP/s."""
    side = _PRODUCT[torch.device(device).type]
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    return 2 * side**3 / min(_seconds(lambda: a @ b, device) for _ in range(rounds)) / 1e12


def _seconds(call: Callable[[], object], device: str) -> float:
    _wait(device)
    started = time.perf_counter()
    call()
    _wait(device)
    return time.perf_counter() - started


def _wait(device: str) -> None:
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()


@torch.no_grad()
def measure_speed(
    preset: Preset, device: str, dtype: torch.dtype, *, steps: int = 30, rounds: int = 5, compiled: bool = False
) -> dict[str, Any]:
    """Measure a preset.

    Args:
        preset: its sizes.
        device: torch device.
        dtype: what it computes in.
        steps: of the sampler.
        rounds: that medians are taken of.
        compiled: compile MainNet first.

    Returns:
        `stages`: ms, TFLOP and share of the peak of each; `picture_s` and `plain_picture_s`, from conditions to
        latents, and their ratio; `difference`, the largest between the two ways' latents over the largest latent;
        `peak_mb` of the device's memory.
    """
    cuda = torch.device(device).type == "cuda"
    pipeline = random_pipeline(preset, device, dtype)
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    if compiled:
        pipeline.compile()
    peak = matrix_product_peak(device, dtype)
    cost = count_flops(meta_pipeline(preset), steps=steps)
    inputs = stage_inputs(pipeline)
    stages = {}
    for name, call in {**fast_stages(pipeline, inputs), "plain_step": lambda: plain_step(pipeline, inputs)}.items():
        call()
        spent = median(_seconds(call, device) for _ in range(rounds))
        flops = cost.plain_step if name == "plain_step" else cost.stages[name]
        stages[name] = {"ms": spent * 1e3, "tflop": flops / 1e12, "share_of_peak": flops / 1e12 / spent / peak}
    fast, fast_s = _timed(lambda: _draw(pipeline, inputs, steps, plain=False), device)
    plain, plain_s = _timed(lambda: _draw(pipeline, inputs, steps, plain=True), device)
    whole_s = fast_s + sum(stages[name]["ms"] for name in ("text", "encode", "decode")) / 1e3
    return {
        "preset": preset.name,
        "device": torch.cuda.get_device_name() if cuda else device,
        "dtype": str(dtype).removeprefix("torch."),
        "steps": steps,
        "torch": torch.__version__,
        "compiled": compiled,
        "peak_tflops": peak,
        "stages": stages,
        "tflop": cost.picture / 1e12,
        "picture_s": fast_s,
        "plain_picture_s": plain_s,
        "plain_to_fast": plain_s / fast_s,
        "photo_to_picture_s": whole_s,
        "difference": float((fast - plain).abs().max() / fast.abs().max()),
        "peak_mb": torch.cuda.max_memory_allocated() / 1e6 if cuda else peak_rss_mb(),
    }


def _timed(call: Callable[[], torch.Tensor], device: str) -> tuple[torch.Tensor, float]:
    kept: list[torch.Tensor] = []
    spent = _seconds(lambda: kept.append(call()), device)
    return kept[0], spent


def _draw(pipeline: RAGDiffusionPipeline, inputs: StageInputs, steps: int, *, plain: bool) -> torch.Tensor:
    """Latents of one picture from the same noise, in either way."""
    denoiser = pipeline.denoiser
    sampler = Sampler(_Plain(pipeline, inputs) if plain else denoiser, pipeline.scheduler, steps=steps)
    noise = seeded_noise([0], tuple(inputs.noisy.shape[1:]), inputs.noisy.device)
    return sampler.run(noise, denoiser.prepare(inputs.sources))


class _Plain(nn.Module):
    """A denoiser that digests its sources anew in every step."""

    def __init__(self, pipeline: RAGDiffusionPipeline, inputs: StageInputs) -> None:
        super().__init__()
        self.denoiser, self.sources, self.unet = pipeline.denoiser, inputs.sources, pipeline.unet

    def forward(self, noisy: torch.Tensor, t: torch.Tensor, _: object) -> torch.Tensor:
        return self.denoiser(noisy, t, self.denoiser.prepare(self.sources))


def measure_training(
    preset: Preset, device: str, dtype: torch.dtype, *, steps: int = 3, learning_rate: float = 1e-4
) -> dict[str, Any]:
    """Take training steps of the whole denoiser on one batch of one sample.

    MainNet, ReferenceNet, EP-Adapter and Landmark Guider learn, with AdamW and recomputed activations; weights,
    gradients and moments are all of `dtype`, so that one card holds them.

    Returns:
        `losses` before each step and after the last; `seconds` of each step; `peak_mb` of the device's memory.
    """
    cuda = torch.device(device).type == "cuda"
    pipeline = random_pipeline(preset, device, dtype)
    denoiser = pipeline.denoiser.requires_grad_(True)
    if denoiser.reference_net is not denoiser.unet:
        freeze_after_last_capture(denoiser.reference_net)
    for net in {denoiser.unet, denoiser.reference_net}:
        net.enable_gradient_checkpointing()
    denoiser.train()
    with torch.no_grad():
        inputs = stage_inputs(pipeline)
    trainable = [parameter for parameter in denoiser.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=learning_rate, foreach=False)
    wanted = torch.randn_like(inputs.noisy)
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    losses, seconds = [], []
    for _ in range(steps + 1):
        started = time.perf_counter()
        output = denoiser(inputs.noisy, inputs.t, denoiser.prepare(inputs.sources))
        loss = F.mse_loss(output.float(), wanted.float())
        losses.append(float(loss.detach()))
        if len(losses) <= steps:
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            _wait(device)
            seconds.append(time.perf_counter() - started)
    return {
        "losses": losses,
        "seconds": seconds,
        "trained_millions": sum(p.numel() for p in trainable) / 1e6,
        "peak_mb": torch.cuda.max_memory_allocated() / 1e6 if cuda else peak_rss_mb(),
        "preset": preset.name,
    }
