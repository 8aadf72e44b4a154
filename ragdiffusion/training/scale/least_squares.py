"""Closed forms for convolutions at a UNet's ends, which are linear (3.3).

Stage I of PGEA teaches a new conv_in to answer as the old one does; nothing is lost by solving for it. The same holds
for conv_out, whose input the frozen rest of the UNet gives.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

RIDGE = 1e-4


class LeastSquares:
    """Normal equations that are filled batch by batch.

    Args:
        inputs: numbers a row.
        outputs: numbers wanted of each.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        self.square = torch.zeros(inputs, inputs, dtype=torch.float64)
        self.mixed = torch.zeros(inputs, outputs, dtype=torch.float64)
        self.rows = 0

    def add(self, given: torch.Tensor, wanted: torch.Tensor) -> None:
        """Rows (N, inputs) and what is wanted of them (N, outputs)."""
        given, wanted = given.double(), wanted.double()
        self.square += (given.T @ given).cpu()
        self.mixed += (given.T @ wanted).cpu()
        self.rows += len(given)

    def solve(self, ridge: float = RIDGE) -> torch.Tensor:
        """The linear map, (inputs, outputs) float64; `ridge` is a share of the inputs' mean square.

        Raises:
            ValueError: if there were no rows.
        """
        if not self.rows:
            raise ValueError("a least-squares fit of no rows was asked for")
        damping = ridge * self.square.diagonal().mean()
        damped = self.square + damping * torch.eye(len(self.square), dtype=torch.float64)
        return torch.linalg.solve(damped, self.mixed)


class ConvolutionFit:
    """The 3x3 convolution that comes nearest to given answers.

    Args:
        convolution: to be set; of stride 1 and padding 1.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        self.convolution = convolution
        self._places = convolution.kernel_size[0] * convolution.kernel_size[1]
        self._fit = LeastSquares(convolution.in_channels * self._places + 1, convolution.out_channels)

    @torch.no_grad()
    def add(self, given: torch.Tensor, wanted: torch.Tensor) -> None:
        """Inputs (B, C_in, h, w) and answers (B, C_out, h, w)."""
        rows = F.unfold(given.float(), self.convolution.kernel_size, padding=self.convolution.padding)
        rows = F.pad(rows.transpose(1, 2).flatten(0, 1), (0, 1), value=1.0)  # (B * h * w, C_in * 9 + 1)
        self._fit.add(rows, wanted.flatten(2).transpose(1, 2).flatten(0, 1))

    @torch.no_grad()
    def set(self, ridge: float = RIDGE) -> None:
        """Give the convolution its weights."""
        solved = self._fit.solve(ridge).T  # (C_out, C_in * 9 + 1)
        weight = self.convolution.weight
        weight.copy_(solved[:, :-1].reshape(weight.shape))
        self.convolution.bias.copy_(solved[:, -1])
