"""How much of a card a training takes, computed from counts: weights, gradients, moments, activations (4.1).

Activations are those that a step keeps while every block is computed again in the backward pass: each block's input,
and all that the largest block keeps of its own. They are counted on the meta device; attention keeps no matrix of
weights, as the kernels of a GPU do not.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.resnet import ResnetBlock2D
from torch import nn

from ragdiffusion.config import Preset
from ragdiffusion.generation.conditioners import freeze_after_last_capture
from ragdiffusion.generation.cost import meta_pipeline, stage_inputs
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline

_BLOCKS = (ResnetBlock2D, BasicTransformerBlock)
_HALF = 2  # bytes
_FROZEN = ("vae", "text_encoder", "text_encoder_2", "structure_net")


@dataclass(frozen=True)
class TrainingMemory:
    """Bytes of one card.

    Attributes:
        weights: of what learns, gradients and moments of AdamW included.
        frozen: of what is only used, in float32 as it is loaded.
        activations: of one sample, in bfloat16.
    """

    weights: int
    frozen: int
    activations: int

    def together(self, batch_size: int) -> int:
        """Bytes at so many samples a card."""
        return self.weights + self.frozen + batch_size * self.activations


def training_memory(preset: Preset, *, cards: int = 1, zero: bool = False) -> TrainingMemory:
    """Count the training of a preset's denoiser.

    Args:
        preset: its sizes.
        cards: that train together.
        zero: DeepSpeed ZeRO-2: weights in bfloat16 on every card, and float32 weights, gradients and moments spread
            over them. Else float32 weights, gradients and moments are on every card.
    """
    pipeline = meta_pipeline(preset)
    learn, frozen = _counts(pipeline)
    weights = 2 * learn + (2 + 4 + 4 + 4) * learn // cards if zero else (4 + 4 + 4 + 4) * learn
    return TrainingMemory(weights=weights, frozen=4 * frozen, activations=activation_bytes(pipeline))


def _counts(pipeline: RAGDiffusionPipeline) -> tuple[int, int]:
    """Numbers that learn and numbers that do not."""
    denoiser = pipeline.denoiser.requires_grad_(True)
    if denoiser.reference_net is not denoiser.unet:
        freeze_after_last_capture(denoiser.reference_net)
    learn = sum(weight.numel() for weight in denoiser.parameters() if weight.requires_grad)
    rest = sum(weight.numel() for weight in denoiser.parameters() if not weight.requires_grad)
    frozen = sum(
        weight.numel()
        for name in _FROZEN
        if (part := getattr(pipeline, name)) is not None
        for weight in part.parameters()
    )
    return learn, frozen + rest


def activation_bytes(pipeline: RAGDiffusionPipeline) -> int:
    """Bytes that one sample keeps in a step, in half precision, with blocks computed again."""
    kept = _Kept()
    with torch.no_grad():
        inputs = stage_inputs(pipeline)
    denoiser = pipeline.denoiser.requires_grad_(True)
    nets = {id(net): net for net in (denoiser.unet, denoiser.reference_net)}.values()
    hooks = [
        hook for net in nets for block in net.modules() if isinstance(block, _BLOCKS) for hook in kept.watch(block)
    ]
    try:
        with torch.autograd.graph.saved_tensors_hooks(kept.note, lambda value: value):
            denoiser(inputs.noisy, inputs.t, denoiser.prepare(inputs.sources))
    finally:
        for hook in hooks:
            hook.remove()
    return _HALF * (kept.between + kept.inputs + max(kept.inside.values(), default=0))


class _Kept:
    """Numbers kept for the backward pass: between blocks, as blocks' inputs, and inside of each block."""

    def __init__(self) -> None:
        self.between = self.inputs = 0
        self.inside: dict[int, int] = {}
        self._within: int | None = None

    def watch(self, block: nn.Module) -> list:
        """Follow a block's calls."""

        def enter(module: nn.Module, given: tuple) -> None:
            self._within = id(module)
            self.inputs += given[0].numel()

        def leave(*_: object) -> None:
            self._within = None

        return [block.register_forward_pre_hook(enter), block.register_forward_hook(leave)]

    def note(self, value: torch.Tensor) -> torch.Tensor:
        """Count a tensor that autograd keeps, but for weights, and for attention's matrices."""
        if value.is_leaf and value.requires_grad or _is_attention_matrix(value):
            return value
        if self._within is None:
            self.between += value.numel()
        else:
            self.inside[self._within] = self.inside.get(self._within, 0) + value.numel()
        return value


def _is_attention_matrix(value: torch.Tensor) -> bool:
    """Whether a tensor is (…, queries, keys), which a GPU's kernels do not keep."""
    return (
        value.ndim >= 3
        and value.shape[-1] >= 77
        and value.shape[-2] >= 64
        and (value.shape[-1] in (value.shape[-2], 2 * value.shape[-2]) or value.shape[-1] == 77)
    )
