"""What the appearance flow is told of the garment that is meant: where it is, and where landmarks lie over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from ragdiffusion.draft.alignment import align
from ragdiffusion.draft.appearance_flow import follow
from ragdiffusion.draft.relighting import Light, Relighting

NODES = 9
"""Of a lattice, along each side."""


@dataclass(frozen=True)
class GarmentView:
    """The garment that is meant in a photo, as the appearance flow is told.

    Attributes:
        mask: (1 or B, 1, h, w) in [0, 1], on the padded photo.
        place: landmarks (B, 1, H, W) in [0, 1] -> lattices to begin with (`appearance_flow.follow`); None: the mask's
            outline is laid over the landmark's.
        relight: finds what takes the light of wearing off drafts; None: they keep the photo's.
    """

    mask: torch.Tensor
    place: Callable[[torch.Tensor], torch.Tensor] | None = None
    relight: Relighting | None = None

    @classmethod
    def together(cls, views: Sequence[GarmentView]) -> GarmentView:
        """Views of one photo each as those of a batch, masks at the largest's size."""
        if len(views) == 1:
            return views[0]
        side = max(view.mask.shape[-1] for view in views)
        masks = torch.cat([F.interpolate(view.mask.float(), size=(side, side), mode="bilinear") for view in views])
        relight = _relit_apart([view.relight for view in views])
        if all(view.place is None for view in views):
            return cls(masks, relight=relight)

        def place(landmarks: torch.Tensor) -> torch.Tensor:
            lattices = [view._lattice(landmark[None]) for view, landmark in zip(views, landmarks, strict=True)]
            return torch.cat(lattices)

        return cls(masks, place, relight)

    def _lattice(self, landmark: torch.Tensor) -> torch.Tensor:
        """Where a landmark lies, as a lattice in any case."""
        if self.place is not None:
            return self.place(landmark)
        return follow(align(landmark, self.mask), lattice(NODES, like=landmark))


def _relit_apart(ways: Sequence[Relighting | None]) -> Relighting | None:
    """Find the light of each draft of a batch in its own way; None where none has one."""
    if not any(ways):
        return None

    def relight(*batch: torch.Tensor) -> Light:
        rows = zip(ways, *(part.split(1) for part in batch), strict=True)
        found = [Light.as_it_is(draft) if way is None else way(draft, *rest) for way, draft, *rest in rows]
        size = max(light.factors.shape[-2:] for light in found)
        factors = [F.interpolate(light.factors, size=size, mode="bilinear") for light in found]
        return Light(torch.cat(factors), torch.cat([light.limit for light in found]))

    return relight


def lattice(nodes: int, *, like: torch.Tensor) -> torch.Tensor:
    """(x, y) of a lattice from corner to corner of a frame: (1, 2, nodes, nodes) in [-1, 1]."""
    axis = torch.linspace(-1, 1, nodes, device=like.device, dtype=like.dtype)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([x, y])[None]
