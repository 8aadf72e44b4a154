"""How well photos are parsed."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from ragdiffusion.parsing.labels import LABELS
from ragdiffusion.parsing.network import GarmentParser


def label_counts(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Confusion of label maps: int64 (9, 9), true labels down, found ones across; 255 in `true` is left out."""
    known = true < len(LABELS)
    pairs = true[known].astype(np.int64) * len(LABELS) + found[known]
    return np.bincount(pairs, minlength=len(LABELS) ** 2).reshape(len(LABELS), len(LABELS))


def label_ious(counts: np.ndarray) -> np.ndarray:
    """IoU of each label, from its confusion; nan where it is in neither."""
    hit = np.diag(counts)
    either = counts.sum(0) + counts.sum(1) - hit
    return np.where(either > 0, hit / np.maximum(either, 1), np.nan)


@torch.no_grad()
def people_figures(model: GarmentParser, folder: Path, *, limit: int | None = None) -> dict[str, float]:
    """mIoU and the IoU of each label on a folder of rendered people, the network alone."""
    counts = np.zeros((len(LABELS), len(LABELS)), np.int64)
    for path in sorted(folder.glob("*.png"))[:limit]:
        true = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        photo = cv2.imread(str(path.with_suffix(".jpg")), cv2.IMREAD_COLOR_RGB)
        scale = model.config.input_size / max(true.shape)
        size = [max(1, round(side * scale / model.multiple)) * model.multiple for side in true.shape]
        small = cv2.resize(photo, size[::-1], interpolation=cv2.INTER_AREA)
        x = torch.from_numpy(small).permute(2, 0, 1)[None].float() / 127.5 - 1
        logits = F.interpolate(model(x), size=true.shape, mode="bilinear", align_corners=False)
        counts += label_counts(logits[0].argmax(0).numpy(), true)
    ious = label_ious(counts)
    return {"miou": float(np.nanmean(ious)), **{f"iou_{name}": float(iou) for name, iou in zip(LABELS, ious,
                                                                                               strict=True)}}
