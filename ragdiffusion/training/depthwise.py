"""Depthwise convolutions with gradients in float32, for training in bfloat16 on a CPU.

oneDNN's bfloat16 gradients of depthwise convolutions with 5 x 5 kernels or a stride of 2 take several times as long
as the float32 ones, and more than all the rest of such a network.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


class _ExactGradients(torch.autograd.Function):
    """Forward in the input's type, backward in float32 where that is faster."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, stride: int, padding: int) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return nn.functional.conv2d(x, weight.to(x.dtype), None, stride, padding, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        of_x = of_weight = None
        if ctx.needs_input_grad[0]:
            kind = torch.float32 if ctx.stride > 1 else x.dtype
            of_x = _gradients(gradient, x, weight, ctx, kind, of_x=True)[0].to(x.dtype)
        if ctx.needs_input_grad[1]:
            kind = torch.float32 if weight.shape[-1] > 3 else x.dtype
            of_weight = _gradients(gradient, x, weight, ctx, kind, of_x=False)[1].to(weight.dtype)
        return of_x, of_weight, None, None


def _gradients(
    gradient: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, ctx: Any, kind: torch.dtype, *, of_x: bool
) -> tuple[torch.Tensor | None, ...]:
    """One of the two gradients, computed in a type."""
    return torch.ops.aten.convolution_backward(
        gradient.to(kind),
        x.to(kind),
        weight.to(kind),
        None,
        [ctx.stride] * 2,
        [ctx.padding] * 2,
        [1, 1],
        False,
        [0, 0],
        len(weight),
        [of_x, not of_x, False],
    )


@contextmanager
def exact_depthwise_gradients(model: nn.Module) -> Iterator[None]:
    """Within it, the model's depthwise convolutions compute their gradients in float32."""
    changed = [
        module
        for module in model.modules()
        if isinstance(module, nn.Conv2d)
        and module.groups > 1
        and module.groups == module.in_channels == module.out_channels
    ]
    for module in changed:
        module._conv_forward = _forward_of(module)
    try:
        yield
    finally:
        for module in changed:
            del module._conv_forward


def _forward_of(module: nn.Conv2d) -> Any:
    def forward(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        assert bias is None, "depthwise convolutions here have no bias"
        kind = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
        return _ExactGradients.apply(x.to(kind), weight, module.stride[0], module.padding[0])

    return forward
