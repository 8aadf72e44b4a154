"""Parsers of a few thousand weights, and parses drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ragdiffusion.parsing.labels import LABEL, LABELS
from ragdiffusion.parsing.network import GarmentParser

TINY = {"input_size": 32, "widths": (8, 8, 8), "stages": ((3, 1, 1, 8, 1), (5, 2, 2, 8, 2), (3, 2, 2, 16, 1))}


@pytest.fixture
def tiny_parser() -> GarmentParser:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return GarmentParser(**TINY).eval()


def sure_of(labels: np.ndarray, *, sure: float = 0.92) -> np.ndarray:
    """Probabilities (9, H, W) of a label map: `sure` of what it says, the rest evenly spread."""
    spread = np.full((len(LABELS), *labels.shape), (1 - sure) / (len(LABELS) - 1), np.float32)
    np.put_along_axis(spread, labels[None].astype(np.int64), sure, 0)
    return spread


def drawn(*, size: tuple[int, int] = (60, 40), **boxes: tuple[int, int, int, int]) -> np.ndarray:
    """A label map of so many rows and columns with boxes (left, top, right, bottom) of labels by name."""
    labels = np.zeros(size, np.uint8)
    for name, (left, top, right, bottom) in boxes.items():
        labels[top:bottom, left:right] = LABEL[name]
    return labels
