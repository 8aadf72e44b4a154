"""What retrieval must beat, on the same queries and the same bank.

The bank keeps silhouettes and no pictures, so a baseline that looks at pictures sees each entry's silhouette, filled
with plain grey on white, which is shape and nothing else. "raw pixels" sees the photo as it was taken; all others see
what StructureNet sees: the garment framed, its background faded to white. That framing is the model's own learned work,
and makes "framed pixels" nearly a comparison of outlines: a strong baseline where garments lie straight.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch.nn import functional as F

from ragdiffusion.api import RAGDiffusion
from ragdiffusion.attributes import EMBEDDED
from ragdiffusion.evaluation.retrieval.measure import Gallery, Query
from ragdiffusion.images import load_photo, photo_to_array, photo_to_tensor
from ragdiffusion.metrics.imagenet import load_imagenet_features
from ragdiffusion.structure.framing import framed
from ragdiffusion.structure.structure_net import StructureNet

RANDOM, RAW_PIXELS, FRAMED_PIXELS, UNTRAINED, IMAGENET = (
    "random of the category",
    "raw pixels",
    "framed pixels",
    "untrained tower",
    "ImageNet features",
)
PIXEL_SIDE = 32  # side of the pictures compared pixel by pixel
_IMAGENET_SIDE = 128  # enough for a silhouette, and three times as fast as 224
_GREY = 0.0  # of [-1, 1]
_BATCH = 32

Features = Callable[[torch.Tensor, str], torch.Tensor]


def baseline_overlaps(
    model: RAGDiffusion, queries: Sequence[Query], gallery: Gallery, truth: torch.Tensor
) -> dict[str, list[float]]:
    """IoU, for each query, of the entry that each baseline picks.

    Args:
        model: lends its framing and the build of its towers.
        queries: what to ask.
        gallery: the bank's entries.
        truth: (Q, N) IoU of each query's true silhouette with each entry.

    Returns:
        Baseline -> Q overlaps. "random of the category" is the mean over all entries of the query's category, which is
        what a random pick gives on average (all entries where the bank has none of it). ImageNet is left out where its
        weights are not installed.
    """
    photos = torch.cat([framed_photo(model, query) for query in queries])
    size = photos.shape[-1]
    taken = torch.cat([photo_to_tensor(load_photo(query.photo), size) for query in queries])
    nearest = {
        RAW_PIXELS: _nearest(_pixels, taken, gallery),
        FRAMED_PIXELS: _nearest(_pixels, photos, gallery),
        UNTRAINED: _nearest(_untrained(model), photos, gallery),
    }
    network = load_imagenet_features()
    if network is not None:
        nearest[IMAGENET] = _nearest(lambda images, domain: network(_resized(images, _IMAGENET_SIDE)), photos, gallery)
    picked = {name: truth.gather(1, best[:, None])[:, 0].tolist() for name, best in nearest.items()}
    return {RANDOM: _random(queries, gallery, truth), **picked}


@torch.no_grad()
def framed_photo(model: RAGDiffusion, query: Query) -> torch.Tensor:
    """A query's photo as StructureNet sees it: (1, 3, S, S) in [-1, 1]."""
    sight, size = model.see(query.photo), model.pipeline.structure_net.image_size
    if sight.garment is None:
        return sight.tensor(size)
    square = framed(photo_to_array(sight.image, 2 * model.image_size), sight.garment.mask, size)
    return torch.from_numpy(square).permute(2, 0, 1)[None].float() / 127.5 - 1


def _random(queries: Sequence[Query], gallery: Gallery, truth: torch.Tensor) -> list[float]:
    categories = np.array(gallery.categories)
    rows = []
    for query, row in zip(queries, truth, strict=True):
        same = torch.from_numpy(categories == query.category)
        rows.append(float(row[same].mean() if bool(same.any()) else row.mean()))
    return rows


@torch.no_grad()
def _nearest(features: Features, photos: torch.Tensor, gallery: Gallery) -> torch.Tensor:
    """The entry of the most similar features, for each photo: (Q,)."""
    asked = torch.cat([features(part, "photo") for part in photos.split(_BATCH)])
    best = torch.full((len(photos),), -2.0)
    place = torch.zeros(len(photos), dtype=torch.long)
    for start in range(0, len(gallery.ids), _BATCH):
        shapes = gallery.silhouettes[start : start + _BATCH, None].float()
        entries = features(_resized(1 + (_GREY - 1) * shapes, photos.shape[-1]).expand(-1, 3, -1, -1), "standard")
        value, index = (asked @ entries.T).max(1)
        place = torch.where(value > best, index + start, place)
        best = torch.maximum(value, best)
    return place


def _pixels(images: torch.Tensor, domain: str) -> torch.Tensor:
    """Normalised correlation: how dark each pixel is, without mean and scale, so that cloth of any shade compares."""
    dark = 1 - _resized(images, PIXEL_SIDE).mean(1).flatten(1)
    return F.normalize(dark - dark.mean(1, keepdim=True), dim=1)


def _untrained(model: RAGDiffusion) -> Features:
    """StructureNet of the same build as it is before training, told no attribute."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = StructureNet.from_config(dict(model.pipeline.structure_net.config)).eval()

    def features(images: torch.Tensor, domain: str) -> torch.Tensor:
        return net(_resized(images, net.image_size), torch.zeros(len(images), len(EMBEDDED), dtype=torch.long), domain)

    return features


def _resized(images: torch.Tensor, side: int) -> torch.Tensor:
    if images.shape[-1] == side:
        return images
    return F.interpolate(images, size=(side, side), mode="area" if side < images.shape[-1] else "bilinear")
