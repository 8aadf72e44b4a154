"""Training of the appearance flow on pairs whose dense map is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from ragdiffusion.draft.alignment import align
from ragdiffusion.draft.appearance_flow import AppearanceFlow, FlowPrediction, follow, sample_at
from ragdiffusion.draft.garment_view import NODES, lattice
from ragdiffusion.garments.pair import Pair
from ragdiffusion.training.doubt import uncertain
from ragdiffusion.training.loop import Batch, LoopConfig
from ragdiffusion.training.on_pairs import train_on_pairs

SINGLE = 2 / 3
"""Share of batches in which points are moved once only: most is learned there, at little more than half the cost."""
_PUT_OFF = (0.005, 0.06)  # how far its nodes are off, standard deviation, half sides of the photo
_SURE = 1e-3  # a mask that is given is taken for no surer than this


def flow_batch(pairs: Sequence[Pair], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Stack pairs as the flow's trainer wants them: uint8 images, the flow in [-1, 1] at half size.

    Where a photo shows other garments too, `chosen` (B,) is true, and `given` is the mask by which this one is meant,
    soft and a little wrong. `start` (B, 2, g, g) are lattices as rough as those that the flow is to mend.
    """
    size = pairs[0].photo.shape[0]
    half = lambda image: cv2.resize(image, (size // 2, size // 2), interpolation=cv2.INTER_AREA)  # noqa: E731
    return {
        "photo": np.stack([p.photo for p in pairs]).transpose(0, 3, 1, 2).copy(),
        "standard": np.stack([half(p.standard) for p in pairs]).transpose(0, 3, 1, 2).copy(),
        "silhouette": np.stack([p.silhouette for p in pairs])[:, None],
        "photo_mask": np.stack([p.photo_mask for p in pairs])[:, None],
        "flow": np.stack([half((p.flow + 0.5) * (2 / size) - 1) for p in pairs]).transpose(0, 3, 1, 2).copy(),
        "visible": np.stack([half(p.visible) for p in pairs])[:, None],
        "start": np.stack([rough_lattice(p, rng) if p.chosen else as_lattice(rough_map(p, rng)) for p in pairs]),
        "chosen": np.array([p.chosen for p in pairs]),
        "given": np.stack([_given(p, rng) for p in pairs])[:, None],
    }


def _given(pair: Pair, rng: np.random.Generator) -> np.ndarray:
    """The mask by which a garment among others is meant, uint8 (N, N)."""
    if not pair.chosen:
        return pair.photo_mask
    mask = pair.photo_mask.astype(np.float32) / 255
    return np.rint(255 * uncertain(mask, rng)).astype(np.uint8) if rng.random() < 0.5 else pair.photo_mask


def meant(found: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Logits of the garment that is meant, (B, 1, S, S): as found, or as given where there are others."""
    given = torch.logit(batch["given"].float() / 255, eps=_SURE).to(found)
    return torch.where(batch["chosen"][:, None, None, None], given, found)


def rough_map(pair: Pair, rng: np.random.Generator) -> np.ndarray:
    """The affine map nearest to the known one, then put off: what the flow is to mend.

    Returns:
        float32 (2, 3): (x, y, 1) in [-1, 1] of the landmark to (x, y) in [-1, 1] of the photo.
    """
    size = pair.photo.shape[0]
    step = max(1, size // 32)
    positions = (np.stack(np.meshgrid(*[np.arange(0, size, step)] * 2), -1) + 0.5) * (2 / size) - 1
    weight = np.sqrt((pair.silhouette[::step, ::step] > 127) * (0.1 + pair.visible[::step, ::step])).ravel()[:, None]
    known = np.concatenate([positions.reshape(-1, 2), np.ones((positions.shape[0] ** 2, 1))], 1)
    found = (pair.flow[::step, ::step].reshape(-1, 2) + 0.5) * (2 / size) - 1
    nearest = np.linalg.lstsq(known * weight, found * weight, rcond=None)[0].T  # (2, 3)
    far = 1.0 if rng.random() < 0.7 else 2.5
    angle, stretch = rng.normal() * 0.07 * far, np.exp(rng.normal(size=2) * 0.04 * far)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * stretch
    off = np.concatenate([turn, rng.normal(size=(2, 1)) * 0.025 * far], 1)
    return (nearest @ np.vstack([off, [0, 0, 1]])).astype(np.float32)


def rough_lattice(pair: Pair, rng: np.random.Generator) -> np.ndarray:
    """The known map at the nodes of a lattice, then put off smoothly, as PlacementNet would: float32 (2, g, g)."""
    size = pair.photo.shape[0]
    known = cv2.resize((pair.flow + 0.5) * np.float32(2 / size) - 1, (size // 2,) * 2, interpolation=cv2.INTER_AREA)
    axis = (np.linspace(0, 1, NODES) * (len(known) - 1)).round().astype(int)
    nodes = known[axis][:, axis].transpose(2, 0, 1)
    off = rng.normal(size=(4, 4, 2)).astype(np.float32) * rng.uniform(*_PUT_OFF)
    off = cv2.resize(off, (NODES, NODES), interpolation=cv2.INTER_CUBIC).transpose(2, 0, 1)
    off += rng.normal(size=(2, 1, 1)) * rng.uniform(*_PUT_OFF)
    return (nodes + off).astype(np.float32)


def as_lattice(affine: np.ndarray) -> np.ndarray:
    """An affine map (2, 3) at the nodes of a lattice: float32 (2, g, g)."""
    axis = np.linspace(-1, 1, NODES)
    positions = np.stack([*np.meshgrid(axis, axis), np.ones((NODES, NODES))])
    return np.einsum("ij,jhw->ihw", affine, positions).astype(np.float32)


def flow_losses(prediction: FlowPrediction, batch: Batch) -> dict[str, torch.Tensor]:
    """Compare a prediction with the known map.

    Args:
        prediction: of the network, at half size h.
        batch: of `flow_batch`, images as uint8.

    Returns:
        `loss`, and its parts: `px` is the mean error in pixels of a 256-pixel photo over visible points.
    """
    known = (batch["visible"] > 0.5).float()
    inside = F.avg_pool2d(batch["silhouette"].float() / 255, 2)
    errors = [
        ((level - batch["flow"]).abs().sum(1, keepdim=True) * known).sum() / known.sum().clamp(min=1)
        for level in prediction.levels
    ]
    bend = batch["flow"] - prediction.flow
    slope = sum(
        (
            bend.diff(dim=d).abs().sum(1, keepdim=True)
            * known.narrow(d, 1, known.shape[d] - 1)
            * known.narrow(d, 0, known.shape[d] - 1)
        ).mean()
        for d in (2, 3)
    )
    # Where nothing is known the flow should at least stay smooth.
    second = sum(prediction.flow.diff(n=2, dim=d).abs().mean() for d in (2, 3))
    photo = batch["photo"].float() / 127.5 - 1
    standard = batch["standard"].float() / 127.5 - 1
    photometric = ((sample_at(photo, prediction.flow) - standard).abs() * known).sum() / (3 * known.sum().clamp(min=1))
    visibility = (
        F.binary_cross_entropy_with_logits(prediction.visibility.float(), batch["visible"], reduction="none")
        * (inside > 0.5)
    ).sum() / (inside > 0.5).sum().clamp(min=1)
    alone = (~batch["chosen"]).float()  # the finder is not asked for one among others
    missed = F.binary_cross_entropy_with_logits(
        prediction.garment.float(), batch["photo_mask"].float() / 255, reduction="none"
    )
    garment = (missed.flatten(1).mean(1) * alone).sum() / alone.sum().clamp(min=1)
    loss = 6 * sum(errors) / len(errors) + 6 * slope + second + 0.3 * photometric + 0.1 * visibility + garment
    distance = ((prediction.flow - batch["flow"]).norm(dim=1, keepdim=True) * known).sum() / known.sum().clamp(min=1)
    return {
        "loss": loss,
        "px": distance.detach() * 128,
        "photometric": photometric.detach(),
        "visibility": visibility.detach(),
        "garment": garment.detach(),
        "garment_iou": _soft_iou(prediction.garment, batch["photo_mask"]),
    }


def _soft_iou(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean IoU of masks at one half: (B, 1, H, W) logits, (B, 1, H, W) uint8."""
    found, wanted = logits.detach().flatten(1) > 0, mask.flatten(1) > 127
    return ((found & wanted).sum(1) / (found | wanted).sum(1).clamp(min=1)).mean()


def train_flow(
    config: LoopConfig,
    draw: Callable[[np.random.Generator], Pair],
    held_out: Mapping[str, Sequence[Pair]],
    *,
    model: AppearanceFlow,
) -> AppearanceFlow:
    """Train an appearance flow; writes `flow/` in diffusers layout and sample sheets under `config.out`.

    Args:
        config: budget and optimiser.
        draw: gives a pair at the model's input size.
        held_out: pairs never drawn, by kind, for the curves and the sheets.
        model: to train (resumed from `config.out` where there is a state).
    """

    def look(module: AppearanceFlow, step: int, batches: Mapping[str, Batch]) -> None:
        for kind, batch in batches.items():
            write_sheet(config.out / f"sheet-{kind}-{step:07d}.jpg", batch, as_used(module, batch))

    return train_on_pairs(
        config,
        model,
        "appearance_flow",
        draw=lambda rng, count: [draw(rng) for _ in range(count)],
        batch_of=flow_batch,
        losses_of=lambda module, batch: flow_losses(as_used(module, batch), batch),
        held_out=held_out,
        shown=("px", "photometric", "visibility", "garment_iou"),
        learn=learned_losses,
        look=look,
    )


def learned_losses(module: AppearanceFlow, batch: Batch, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """`flow_losses` of points that are moved once or as often as in use, from where chance puts them.

    Half of them begin where the garment that is found so far leads, as in use; the others as far off as drawn.
    """
    photo = batch["photo"].float() / 127.5 - 1
    landmark = batch["silhouette"].float() / 255
    garment = meant(module.find_garment(photo), batch)
    corners = lattice(NODES, like=photo).expand(len(photo), -1, -1, -1)
    own = follow(align(landmark, garment.detach().sigmoid()), corners)
    drawn = torch.rand(len(photo), 1, 1, 1, generator=generator, device=photo.device) < 0.5
    drawn = drawn | batch["chosen"][:, None, None, None]
    single = float(torch.rand(1, generator=generator, device=photo.device)) < SINGLE
    start = torch.where(drawn, batch["start"], own)
    return flow_losses(module(photo, landmark, start, garment, refinements=1 if single else None), batch)


def as_used(module: AppearanceFlow, batch: Batch) -> FlowPrediction:
    """What the flow says as it is used: garments among others from their lattices, those alone from their masks."""
    photo = batch["photo"].float() / 127.5 - 1
    garment = meant(module.find_garment(photo), batch)
    start = batch["start"] if bool(batch["chosen"].all()) else None
    return module(photo, batch["silhouette"].float() / 255, start, garment)


def write_sheet(path: Path, batch: Batch, prediction: FlowPrediction, *, rows: int = 8) -> None:
    """Write a picture of photo, standard, draft and visibility for the first samples, four to a row."""
    size = batch["photo"].shape[-1]
    flow = F.interpolate(prediction.flow, size=size, mode="bilinear", align_corners=False)
    mask = batch["silhouette"].float() / 255
    draft = sample_at(batch["photo"].float(), flow) * mask + 255 * (1 - mask)
    standard = F.interpolate(batch["standard"].float(), size=size)
    visible = F.interpolate(prediction.visibility.float().sigmoid(), size=size).expand(-1, 3, -1, -1) * 255 * mask
    strips = torch.cat([batch["photo"].float(), standard, draft, visible], 3).clamp(0, 255).byte()
    strips = strips.permute(0, 2, 3, 1).cpu().numpy()[: 4 * rows]
    across = min(4, len(strips))
    lines = [np.hstack(list(strips[i : i + across])) for i in range(0, len(strips) - across + 1, across)]
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(lines), cv2.COLOR_RGB2BGR))
