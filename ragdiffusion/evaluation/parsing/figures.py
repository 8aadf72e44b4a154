"""What label maps and garments of a parse are worth beside true ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from ragdiffusion.garments.patterns.labels import GROUPS
from ragdiffusion.parsing.labels import GARMENTS, LABEL, LABELS
from ragdiffusion.parsing.parse import Parse

MAIN = 0.02
"""Share of a photo from which a garment counts as one of its main garments."""


@dataclass(frozen=True)
class JudgedParse:
    """One photo's figures.

    Attributes:
        confusion: int64 (9, 9), pixels by true (down) and found (across) label.
        garments: IoU of each main garment with what was found of its name.
        kinds: for each main garment, whether the largest part of it was given its kind (upper, lower, dress).
        groups: what the photo is counted under, such as {"framing": "waist"}.
    """

    confusion: np.ndarray
    garments: tuple[float, ...]
    kinds: tuple[bool, ...]
    groups: Mapping[str, str] = field(default_factory=dict)


def label_counts(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Confusion of label maps: int64 (9, 9), true labels down, found ones across; 255 in `true` is left out."""
    known = true < len(LABELS)
    pairs = true[known].astype(np.int64) * len(LABELS) + found[known]
    return np.bincount(pairs, minlength=len(LABELS) ** 2).reshape(len(LABELS), len(LABELS))


def label_ious(counts: np.ndarray) -> np.ndarray:
    """IoU of each label, from its confusion; nan where it is not in the true map."""
    hit = np.diag(counts)
    either = counts.sum(0) + counts.sum(1) - hit
    return np.where(counts.sum(1) > 0, hit / np.maximum(either, 1), np.nan)


def label_map(parse: Parse) -> np.ndarray:
    """The parse's likeliest labels at the photo's own size: uint8 (H, W)."""
    width, height = parse.photo_size
    side = parse.probabilities.shape[1]
    scale = side / max(width, height)
    h, w = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (side - h) // 2, (side - w) // 2
    planes = parse.probabilities[:, top : top + h, left : left + w]
    return (
        np.stack([cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in planes])
        .argmax(0)
        .astype(np.uint8)
    )


def judge_people(parse: Parse, true: np.ndarray, groups: Mapping[str, str]) -> JudgedParse:
    """Hold a parse against the true label map of a photo of people, uint8 (H, W)."""
    found = label_map(parse)
    masks = {name: np.zeros(true.shape, bool) for name in GARMENTS}
    for garment in parse.instances:
        masks[garment.name] |= garment.mask > 0.5
    ious, kinds = [], []
    for name in GARMENTS:
        own = true == LABEL[name]
        if own.mean() < MAIN:
            continue
        ious.append(mask_overlap(masks[name], own))
        shares = [int((masks[other] & own).sum()) for other in GARMENTS]
        largest = GARMENTS[int(np.argmax(shares))]
        kinds.append(max(shares) > 0 and GROUPS[largest] == GROUPS[name])
    return JudgedParse(label_counts(found, true), tuple(ious), tuple(kinds), groups)


def mask_overlap(first: np.ndarray, second: np.ndarray) -> float:
    """IoU of two bool masks; 1 where both are empty."""
    either = int((first | second).sum())
    return int((first & second).sum()) / either if either else 1.0


def report(photos: Iterable[JudgedParse]) -> dict[str, Any]:
    """Sum photos up.

    Returns:
        JSON-able: `n`; `miou` and `per_class` over all pixels; `garment_iou`, its mean, `garment_iou_min`, and
        `garments_below_08`, how many of `garments` are below 0.8; `kind_accuracy`; `by`, mIoU and number of photos for
        each group.

    Raises:
        ValueError: if there is no photo.
    """
    judged = list(photos)
    if not judged:
        raise ValueError("no photo to judge")
    ious = label_ious(sum(photo.confusion for photo in judged))
    garments = [iou for photo in judged for iou in photo.garments]
    kinds = [right for photo in judged for right in photo.kinds]
    return {
        "miou": _mean(ious),
        "per_class": {name: _number(iou) for name, iou in zip(LABELS, ious, strict=True)},
        "garment_iou": _mean(garments),
        "garment_iou_min": _number(min(garments, default=np.nan)),
        "garments": len(garments),
        "garments_below_08": sum(iou < 0.8 for iou in garments),
        "kind_accuracy": _mean(kinds),
        "n": len(judged),
        "by": _by_group(judged),
    }


def _by_group(judged: list[JudgedParse]) -> dict[str, dict[str, Any]]:
    sorts: dict[str, dict[str, list[JudgedParse]]] = {}
    for photo in judged:
        for sort, value in photo.groups.items():
            sorts.setdefault(sort, {}).setdefault(value, []).append(photo)
    return {
        sort: {
            value: {"miou": _mean(label_ious(sum(photo.confusion for photo in part))), "n": len(part)}
            for value, part in sorted(parts.items())
        }
        for sort, parts in sorted(sorts.items())
    }


def _mean(values: Iterable[float]) -> float | None:
    known = [float(value) for value in values if not np.isnan(value)]
    return sum(known) / len(known) if known else None


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
