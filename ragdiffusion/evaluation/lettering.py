"""What autoencoders keep of text and logos: drawn flat-lays whose letters are known, and the measures of their copies.

A garment is drawn twice, with its print and without; where the two differ, the print is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ragdiffusion.garments import GarmentEngine
from ragdiffusion.metrics.image import ssim
from ragdiffusion.metrics.perceptual import load_perceptual_features, lpips_distance

_LETTERED = ("Text", "Logo")
_PLAIN = "Solid Color"
_PRINTED = 12  # of 255: by how much a print changes a pixel at least
_MARGIN = 4  # pixels around the letters that are looked at with them
_LEAST = 16  # side of a letters' box, pixels, at least
_ENLARGED = 128  # side at which boxes are held against each other by the ImageNet network
_SHOWN = 8


@dataclass(frozen=True)
class Pictures:
    """Drawn flat-lays.

    Attributes:
        images: uint8 (N, S, S, 3).
        captions: of each.
        letters: (N, S, S) bool, where a text or a logo is printed; nowhere in most.
    """

    images: np.ndarray
    captions: list[str]
    letters: np.ndarray

    @property
    def lettered(self) -> np.ndarray:
        """(N,) bool, those that bear a text or a logo."""
        return self.letters.any((1, 2))


def draw_pictures(count: int, size: int, *, first: int = 0) -> Pictures:
    """Flat-lays of the garment engine, every third with lettering."""
    engine, images, captions, letters = GarmentEngine(size), [], [], []
    for number in range(first, first + count):
        rng = np.random.default_rng(number)
        structure = engine.structure(rng)
        texture = engine.texture(rng, structure)
        if number % 3 == 0:
            texture = replace(texture, print=_LETTERED[number % 2])
        flat = engine.flat_lay(structure, texture)
        printed = np.zeros((size, size), bool)
        if texture.print in _LETTERED:
            plain = engine.flat_lay(structure, replace(texture, print=_PLAIN)).image
            printed = cv2.absdiff(flat.image, plain).max(-1) >= _PRINTED
        images.append(flat.image)
        captions.append(flat.caption)
        letters.append(printed)
    return Pictures(np.stack(images), captions, np.stack(letters))


@torch.no_grad()
def measure_lettering(twins: dict[int, nn.Module], pictures: Pictures, sheet: Path | None = None) -> dict[str, Any]:
    """What each autoencoder keeps of all pictures and of their letters.

    Args:
        twins: autoencoders by their channels.
        pictures: that none was trained on, some of them lettered.
        sheet: where to write letters beside their copies; None: nowhere.

    Returns:
        For each: `psnr` in dB of all pictures; of the letters' boxes `letters_psnr`, of the printed pixels alone,
        `letters_ssim` and `letters_lpips_effnet`, boxes enlarged, means over the lettered pictures.

    Raises:
        ValueError: if no picture is lettered.
    """
    rows = np.flatnonzero(pictures.lettered)
    if not len(rows):
        raise ValueError("none of the pictures is lettered, so there are no letters to measure")
    whole = torch.from_numpy(pictures.images).permute(0, 3, 1, 2).float() / 127.5 - 1
    boxes = [_box(pictures.letters[row]) for row in rows]
    features = load_perceptual_features()
    report, columns = {}, [whole]
    for channels, vae in twins.items():
        copies = torch.cat([vae.decode(vae.encode(part).latent_dist.mode()).sample for part in whole.split(16)])
        judged = [
            _judge(whole[row, :, y, x], copies[row, :, y, x], torch.from_numpy(pictures.letters[row][y, x]), features)
            for row, (y, x) in zip(rows, boxes, strict=True)
        ]
        report[f"{channels}_channels"] = {
            "psnr": _psnr((copies - whole).square().mean()),
            **{name: float(np.mean([of_one[name] for of_one in judged])) for name in judged[0]},
        }
        columns.append(copies)
    if sheet is not None:
        _write_sheet(sheet, columns, rows[:_SHOWN], boxes)
    return report


def _judge(truth: torch.Tensor, copy: torch.Tensor, printed: torch.Tensor, features: nn.Module) -> dict[str, float]:
    """Figures of one box, (3, h, w) in [-1, 1]; `printed` (h, w) bool."""
    large = F.interpolate(torch.stack([truth, copy.clamp(-1, 1)]), (_ENLARGED, _ENLARGED), mode="bicubic").clamp(-1, 1)
    seen = [features(one[None])[0] for one in large]
    return {
        "letters_psnr": _psnr((copy - truth)[:, printed].square().mean()),
        "letters_ssim": float(ssim(truth[None], copy[None])),
        "letters_lpips_effnet": float(lpips_distance(*seen)),
    }


def _psnr(mean_square: torch.Tensor) -> float:
    return float(10 * torch.log10(4 / mean_square))


def _box(letters: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns around the letters of a picture (S, S)."""
    return tuple(_span(np.flatnonzero(letters.any(axis)), letters.shape[1 - axis]) for axis in (1, 0))


def _span(positions: np.ndarray, size: int) -> slice:
    low, high = int(positions[0]) - _MARGIN, int(positions[-1]) + 1 + _MARGIN
    more = max(0, _LEAST - (high - low))
    low = min(max(0, low - more // 2), size - _LEAST)
    return slice(low, min(size, max(high + more, low + _LEAST)))


def _write_sheet(path: Path, columns: list[torch.Tensor], rows: np.ndarray, boxes: list[tuple[slice, slice]]) -> None:
    """Pictures beside their copies, and beside them their letters, enlarged."""
    lines = []
    for row, (y, x) in zip(rows, boxes, strict=False):
        pictures = [
            column[row].add(1).mul(127.5).round().clamp(0, 255).byte().permute(1, 2, 0).numpy() for column in columns
        ]
        side = pictures[0].shape[0]
        letters = [_enlarged(picture[y, x], side) for picture in pictures]
        lines.append(np.hstack([*pictures, *letters]))
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(lines), cv2.COLOR_RGB2BGR))


def _enlarged(box: np.ndarray, side: int) -> np.ndarray:
    """A box as large as fits into a white square."""
    scale = side / max(box.shape[:2])
    height, width = (min(side, round(length * scale)) for length in box.shape[:2])
    square = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = cv2.resize(box, (width, height), interpolation=cv2.INTER_NEAREST)
    return square
