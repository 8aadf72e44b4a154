"""How much of a device a pipeline takes while it draws: weights by mode of offload, and what a picture keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import nn

from ragdiffusion.generation.cost import stage_inputs
from ragdiffusion.generation.offload import MOVED
from ragdiffusion.generation.parts import FULL_PRECISION
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline

_HALF, _FULL = 2, 4  # bytes
_TOGETHER = (("text_encoder", "text_encoder_2"), ("vae",), ("reference_net",), ("unet",))
"""Parts that a run brings at a time."""


def footprint(pipeline: RAGDiffusionPipeline) -> dict[str, int]:
    """Count what one photo's picture takes of a device in half precision, beside activations.

    Args:
        pipeline: from `meta_pipeline`, or a real one.

    Returns:
        Bytes: of weights at most, for each of `offload.MODES`; `kept`, of what is computed once and read in each step.
    """
    parts = {name: part for name, part in pipeline.components.items() if isinstance(part, nn.Module)}
    with torch.no_grad():
        prepared = stage_inputs(pipeline).prepared
    return {**weights_on_device(parts), "kept": _HALF * sum(tensor.numel() for tensor in _tensors(prepared))}


def weights_on_device(parts: Mapping[str, nn.Module]) -> dict[str, int]:
    """Bytes of the weights that lie on a device at most, by mode of offload.

    Args:
        parts: of a pipeline, by name; those that look at photos are counted in float32.
    """
    size = {name: (_FULL if name in FULL_PRECISION else _HALF) * _numbers(part) for name, part in parts.items()}
    staying = sum(count for name, count in size.items() if name not in MOVED)
    layers = (
        _numbers(layer, recurse=False) for name, part in parts.items() if name in MOVED for layer in part.modules()
    )
    return {
        "whole": sum(size.values()),
        "model": staying + max(sum(size.get(name, 0) for name in lot) for lot in _TOGETHER),
        "sequential": staying + _HALF * max(layers, default=0),
    }


def _numbers(module: nn.Module, *, recurse: bool = True) -> int:
    return sum(weight.numel() for weight in module.parameters(recurse))


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in a structure of dataclasses, mappings and sequences."""
    if isinstance(value, torch.Tensor):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            yield from _tensors(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _tensors(each)
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _tensors(each)
