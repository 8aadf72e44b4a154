"""Each worn garment through the product, held against its true flat-lay.

- `iou`, `top1` and `top5` are of the landmark and the nearest entries with the true silhouette, as `evaluate retrieval`
  counts them; `oracle_iou` is the best entry's of the whole bank; a garment that isn't found counts 0.
- `flow_px` is the mean distance, over points that the photo shows, between where the flow looks for a point of the true
  silhouette and where it is, in pixels of a photo of `SIDE` pixels.
- `gap_closed` is that of `evaluate generation`, with the true silhouette for landmark.
- `over_one_colour` is the perceptual distance of the picture, made as the product makes it, to the truth, over that of
  the truth's mean colour poured into the true silhouette, both in the canonical frame; the picture of a real pair is
  aligned to its truth by the bounding boxes first (11.1). At 1 a picture is worthless.
- `carried_in` is the share of the picture's garment pixels that were taken from the photo where it shows worn things or
  skin that are no part of this garment.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from ragdiffusion.api import RAGDiffusion
from ragdiffusion.attributes import UNKNOWN
from ragdiffusion.evaluation.generation.measure import filled_landmark
from ragdiffusion.evaluation.people.queries import WornQuery
from ragdiffusion.evaluation.retrieval.measure import CLOSE, Gallery, overlaps, small_mask
from ragdiffusion.images import photo_to_tensor
from ragdiffusion.metrics.image import align_by_box, foreground_of
from ragdiffusion.metrics.perceptual import PerceptualFeatures, lpips_distance
from ragdiffusion.retrieval.guide import StructureGuide
from ragdiffusion.retrieval.sight import Sight

SIDE = 256
"""Longer side of a photo in whose pixels the flow's errors are given."""
READ = ("sleeve_length", "collar", "length")
"""Attributes whose reading is counted."""
_SEEN = 0.5  # visibility from which a draft's pixel comes from the photo


@dataclass(frozen=True, eq=False)
class PersonFinding:
    """What became of one garment. Overlaps are IoU in [0, 1], distances LPIPS.

    Attributes:
        query: what was asked.
        found: whether the garment was found.
        iou: of the landmark.
        first: of the first candidate.
        nearest: of the first five entries.
        oracle: of the best entry of the bank.
        expected: of the silhouette that SilhouetteNet draws; None without one.
        drafted: of the drafted shape; None where there is none.
        right: for each attribute of `READ` that is known, whether it was read right.
        flow_px: see above; None where the map is not known.
        carried_in: see above; None where the photo's labels are not known, or no picture was made.
        distances: of the picture by the true landmark (`truth`), by the own (`own`), of the one-coloured silhouette
            (`filled`) and of the autoencoder's reconstruction (`rebuilt`), to the flat-lay; empty where no picture was
            made.
        guide: what retrieval gave.
        sight: what was seen.
        picture: what the product makes; None where no picture was made.
        draft: of that picture.
    """

    query: WornQuery
    found: bool
    iou: float = 0.0
    first: float = 0.0
    nearest: tuple[float, ...] = (0.0,)
    oracle: float = 0.0
    expected: float | None = None
    drafted: float | None = None
    right: dict[str, bool] = field(default_factory=dict)
    flow_px: float | None = None
    carried_in: float | None = None
    distances: dict[str, float] = field(default_factory=dict)
    guide: StructureGuide | None = None
    sight: Sight | None = None
    picture: Image.Image | None = None
    draft: Image.Image | None = None


@torch.no_grad()
def measure_people(
    model: RAGDiffusion, queries: Iterable[WornQuery], gallery: Gallery, features: PerceptualFeatures, *, pictures: int
) -> Iterator[PersonFinding]:
    """Take every garment through the product.

    Args:
        model: over the bank that `gallery` was read from.
        queries: what to ask.
        gallery: the bank's entries.
        features: the perceptual network.
        pictures: of the first so many garments pictures are made too.
    """
    place = {entry: index for index, entry in enumerate(gallery.ids)}
    for number, query in enumerate(queries):
        truth = small_mask(torch.from_numpy(query.silhouette).float() / 255)
        row = torch.cat([overlaps(truth[None], part) for part in gallery.silhouettes.split(512)], 1)[0]
        try:
            sight = model.see(query.photo, query.garment)
        except ValueError:
            yield PersonFinding(query, False, oracle=float(row.max()))
            continue
        guide = model.retrieve(sight)
        against = lambda mask: float(overlaps(small_mask(mask)[None], truth[None]))  # noqa: B023, E731
        drafted = None
        if guide.drafted is not None:
            drafted = against(torch.from_numpy(guide.drafted.pattern.rasterise(SIDE)).float() / 255)
        finding = {
            "query": query,
            "found": True,
            "iou": against(guide.landmark),
            "first": against(guide.neighbours.silhouettes[0]),
            "nearest": tuple(float(row[place[entry]]) for entry in guide.neighbours.ids[:5]),
            "oracle": float(row.max()),
            "expected": None if sight.expected is None else against(_upscaled(sight.expected)),
            "drafted": drafted,
            "right": {
                key: guide.attributes.get(key) == query.attributes[key]
                for key in READ
                if query.attributes.get(key, UNKNOWN) != UNKNOWN
            },
            "flow_px": flow_error(model, sight, query),
            "guide": guide,
            "sight": sight,
        }
        yield PersonFinding(**finding, **(_picture(model, sight, guide, query, features) if number < pictures else {}))


def _upscaled(mask: torch.Tensor) -> torch.Tensor:
    return F.interpolate(mask[None, None].float(), size=(SIDE, SIDE), mode="bilinear", align_corners=False)[0, 0]


def flow_error(model: RAGDiffusion, sight: Sight, query: WornQuery) -> float | None:
    """Mean error of the flow over the points that are seen, with the true silhouette; None where nobody knows."""
    if query.flow is None or query.visible is None or model.pipeline.appearance_flow is None:
        return None
    known = torch.from_numpy(query.visible > 0.5)
    if not bool(known.any()):
        return None
    found = places_in_photo(model.draft(sight, _landmark(model, query)).flow[0], sight, query.visible.shape[0])
    distance = (found - torch.from_numpy(query.flow)).norm(dim=-1)[known].mean()
    return float(distance) * SIDE / max(query.photo.size)


def places_in_photo(flow: torch.Tensor, sight: Sight, size: int) -> torch.Tensor:
    """Where a flow points, in pixels of the whole photo.

    Args:
        flow: (2, h, w), (x, y) in [-1, 1] of the padded picture that was seen.
        sight: of the photo.
        size: side of the result, pixels.

    Returns:
        (size, size, 2), pixel centres at integers.
    """
    dense = F.interpolate(flow[None].float(), size=(size, size), mode="bicubic", align_corners=False)[0]
    width, height = sight.image.size
    side = max(width, height)
    left, top = (0, 0) if sight.garment is None or sight.garment.crop is None else sight.garment.crop[:2]
    shift = torch.tensor([left - (side - width) // 2, top - (side - height) // 2], dtype=dense.dtype)
    return (dense.permute(1, 2, 0) + 1) * (side / 2) - 0.5 + shift


def carried_in(model: RAGDiffusion, sight: Sight, guide: StructureGuide, query: WornQuery) -> float | None:
    """Share of a picture's garment pixels that show what is no part of the garment; None where nobody knows."""
    if query.mask is None or query.ground is None:
        return None
    draft = model.draft(sight, guide.landmark)
    size = draft.visibility.shape[-1]
    where = places_in_photo(draft.flow[0], sight, size).numpy().astype(np.float32)
    foreign = (~query.mask & ~query.ground).astype(np.float32)
    taken = cv2.remap(foreign, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = F.interpolate(guide.landmark[None, None].float(), size=(size, size), mode="area")[0, 0].numpy() > 0.5
    seen = draft.visibility[0].numpy() > _SEEN
    return float((taken * seen * inside).sum() / max(int(inside.sum()), 1))


def _landmark(model: RAGDiffusion, query: WornQuery) -> torch.Tensor:
    mask = torch.from_numpy(query.silhouette).float()[None, None] / 255
    return F.interpolate(mask, size=(model.image_size,) * 2, mode="bilinear", antialias=True)[0, 0].clamp(0, 1)


def _picture(
    model: RAGDiffusion, sight: Sight, guide: StructureGuide, query: WornQuery, features: PerceptualFeatures
) -> dict[str, Any]:
    """The picture by the own landmark, the one by the true one, and how far both are from the truth."""
    landmark, size = _landmark(model, query), model.image_size
    truth = photo_to_tensor(Image.fromarray(query.standard), size)
    levels = features(truth)[0]
    distance = lambda image: float(lpips_distance(features(image)[0], levels))  # noqa: E731
    own = model.generate(sight, guide, seed=0)
    by_truth = model.generate(sight, guide.edit(landmark), seed=0)
    picture = photo_to_tensor(own.image, size)
    if query.flow is None:  # a real pair: nothing says how large the flat-lay lies
        picture = align_by_box(picture, foreground_of(picture), foreground_of(truth))
    rebuilt = model.pipeline.decode(model.pipeline.encode(truth)).float().clamp(-1, 1)
    return {
        "distances": {
            "truth": distance(photo_to_tensor(by_truth.image, size)),
            "own": distance(picture),
            "filled": distance(filled_landmark(truth, landmark[None])),
            "rebuilt": distance(rebuilt),
        },
        "carried_in": carried_in(model, sight, guide, query),
        "picture": own.image,
        "draft": own.draft,
    }


def summarise_people(findings: Sequence[PersonFinding]) -> dict[str, Any]:
    """Sum findings up.

    Returns:
        JSON-able: the figures of the module's text, `first_iou` of the first candidate, `expected_iou`,
        `drafted_iou`, `read` (share of attributes read right, by key), `missed` (garments that weren't found), `n`,
        `pictures` (how many were made) and `by`: the same for each value of each group, `iou` and `flow_px` only.

    Raises:
        ValueError: if there is none.
    """
    if not findings:
        raise ValueError("no worn garment to judge")
    pictured = [one.distances for one in findings if one.distances]
    total = lambda key: statistics.fmean(one[key] for one in pictured) if pictured else None  # noqa: E731
    filled, truth, own, rebuilt = (total(key) for key in ("filled", "truth", "own", "rebuilt"))
    return {
        **_shape_figures(findings),
        "flow_px": _mean(one.flow_px for one in findings),
        "gap_closed": None if filled is None else (filled - truth) / (filled - rebuilt),
        "over_one_colour": None if filled is None else own / filled,
        "carried_in": _mean(one.carried_in for one in findings),
        "expected_iou": _mean(one.expected for one in findings),
        "drafted_iou": _mean(one.drafted for one in findings),
        "read": {key: _mean(float(one.right[key]) for one in findings if key in one.right) for key in READ},
        "missed": sum(not one.found for one in findings),
        "n": len(findings),
        "pictures": len(pictured),
        "by": _by_group(findings),
    }


def _shape_figures(findings: Sequence[PersonFinding]) -> dict[str, float | None]:
    return {
        "iou": _mean(one.iou for one in findings),
        "first_iou": _mean(one.first for one in findings),
        "top1": _mean(float(one.nearest[0] > CLOSE) for one in findings),
        "top5": _mean(float(max(one.nearest) > CLOSE) for one in findings),
        "oracle_iou": _mean(one.oracle for one in findings),
    }


def _by_group(findings: Sequence[PersonFinding]) -> dict[str, dict[str, dict[str, float | int | None]]]:
    sorts: dict[str, dict[str, list[PersonFinding]]] = {}
    for one in findings:
        for sort, value in one.query.groups.items():
            sorts.setdefault(sort, {}).setdefault(value, []).append(one)
    return {
        sort: {
            value: {
                "iou": _mean(one.iou for one in part),
                "flow_px": _mean(one.flow_px for one in part),
                "carried_in": _mean(one.carried_in for one in part),
                "n": len(part),
            }
            for value, part in sorted(parts.items())
        }
        for sort, parts in sorted(sorts.items())
    }


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None
