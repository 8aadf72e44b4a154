"""How well the appearance flow finds each point of a landmark in the photo, where the map is known."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from ragdiffusion.garments import GarmentEngine
from ragdiffusion.garments.garment import RealGarment
from ragdiffusion.garments.pair import Pair
from ragdiffusion.garments.real import RealPairs
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline
from ragdiffusion.images import mask_to_tensor, photo_to_tensor
from ragdiffusion.metrics.image import mask_iou

SIDE = 256  # pixels of the photo that errors are given in
FAR = 8.0  # an error that shows as a displaced print, pixels

KINDS: dict[str, dict[str, float]] = {
    "untouched": {"other_silhouette": 0, "warped_target": 0, "untouched": 1},
    "composite": {"other_silhouette": 0, "warped_target": 0, "untouched": 0},
    "composite, reshaped": {"other_silhouette": 0, "warped_target": 1, "untouched": 0},
    "composite, another's silhouette": {"other_silhouette": 1, "warped_target": 0, "untouched": 0},
}
"""What photos and landmarks are made from a real garment: shares as `RealPairs` takes them."""


@dataclass(frozen=True)
class FlowTrial:
    """One photo laid into one landmark.

    Attributes:
        kind: of the sample.
        mean_px: error over the points that can be seen, pixels of a 256-pixel photo; nan if there are none.
        median_px: of the same.
        far: share of these points that are more than `FAR` off.
        visibility: IoU of what is said to be seen with what is.
        garment: IoU of the garment found in the photo with its mask.
        ms: of the draft at the photo's size.
    """

    kind: str
    mean_px: float
    median_px: float
    far: float
    visibility: float
    garment: float
    ms: float


def real_pairs(garments: list[RealGarment], *, seed: int = 0) -> Iterable[tuple[str, Pair]]:
    """Each garment once in every kind, the same on each call."""
    for kind, shares in KINDS.items():
        pairs, rng = RealPairs(garments, **shares), np.random.default_rng(seed)
        for index in range(len(garments)):
            yield kind, pairs.sample(rng, index)


def drawn_pairs(size: int, count: int, *, seed: int = 1 << 42) -> Iterable[tuple[str, Pair]]:
    """So many drawn garments in every display, which no training draws."""
    engine = GarmentEngine(size)
    for display in ("laid", "hung", "worn"):
        for index in range(count):
            yield f"drawn, {display}", engine.pair(seed + index, display)


@torch.inference_mode()
def judge_flow(pipeline: RAGDiffusionPipeline, samples: Iterable[tuple[str, Pair]]) -> list[FlowTrial]:
    """Lay each sample's photo into its landmark and compare the map with the known one."""
    trials = []
    for kind, pair in samples:
        size = pair.photo.shape[0]
        photo = photo_to_tensor(Image.fromarray(pair.photo), size).to(pipeline.device)
        landmark = mask_to_tensor(pair.silhouette.astype(np.float32) / 255, size)[None].to(pipeline.device)
        started = time.perf_counter()
        draft = pipeline.draft(photo, landmark)
        elapsed = (time.perf_counter() - started) * 1e3
        trials.append(_compare(kind, pair, draft, elapsed))
    return trials


def _compare(kind: str, pair: Pair, draft: Any, elapsed: float) -> FlowTrial:
    size = pair.photo.shape[0]
    flow = F.interpolate(draft.prediction.flow, size=(size, size), mode="bicubic", align_corners=False)[0]
    wanted = torch.from_numpy((pair.flow + 0.5) * (2 / size) - 1)
    known = torch.from_numpy(pair.visible > 0.5)
    distance = (flow.permute(1, 2, 0).cpu() - wanted).norm(dim=-1)[known] * (SIDE / 2)
    garment = F.interpolate(draft.prediction.garment, size=(size, size), mode="bilinear")[0].cpu() > 0
    inside = torch.from_numpy(pair.silhouette > 127)
    empty = not bool(known.any())
    return FlowTrial(
        kind=kind,
        mean_px=float("nan") if empty else float(distance.mean()),
        median_px=float("nan") if empty else float(distance.median()),
        far=float("nan") if empty else float((distance > FAR).float().mean()),
        visibility=float(mask_iou((draft.visibility[0].cpu() > 0.5) & inside, (known & inside)[None])),
        garment=float(mask_iou(garment, torch.from_numpy(pair.photo_mask > 127)[None])),
        ms=elapsed,
    )


def summarise_flow(trials: list[FlowTrial]) -> Mapping[str, Mapping[str, float]]:
    """Means by kind, and the median time of a draft."""
    kinds = list(dict.fromkeys(trial.kind for trial in trials))
    return {
        kind: {
            **{
                name: float(np.nanmean([getattr(t, name) for t in trials if t.kind == kind]))
                for name in ("mean_px", "median_px", "far", "visibility", "garment")
            },
            "ms": float(np.median([t.ms for t in trials if t.kind == kind])),
            "n": sum(t.kind == kind for t in trials),
        }
        for kind in kinds
    }
