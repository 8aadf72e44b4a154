"""Training of RelightNet on worn garments whose flat-lay in even light is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch.nn import functional as F

from ragdiffusion.draft.relighting import PART, RelightNet, brightest, in_even_light
from ragdiffusion.draft.warping import laid
from ragdiffusion.garments.pair import Pair
from ragdiffusion.training.doubt import uncertain
from ragdiffusion.training.loop import Batch, LoopConfig
from ragdiffusion.training.on_pairs import train_on_pairs

_UNSEEN = 0.3  # weight of what the photo does not show; 1 for what it shows
_EDGES = (1, 2, 4)  # pixels over which differences are compared: folds are edges
_EDGE_WEIGHT = 1.5
_ASTRAY = 5.0  # pixels by which a flow may be wrong, of a draft of 256
_DARK = 0.1  # of a range of 2: cloth is not taken for darker
_UNCERTAIN = 0.5  # how often a mask is
_NODES = 6  # of the lattice by which it is


def relighting_batch(pairs: Sequence[Pair], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Photos, and where the points of their flat-lays lie in them; the garment's mask is soft and a little wrong.

    Returns:
        `photo` and `standard` uint8 (B, 3, S, S), their colours swapped alike at random; `silhouette` uint8
        (B, 1, S, S), as `mask` of the photo; `flow` float32 (B, 2, S, S) in [-1, 1]; `visible` float32 (B, 1, S, S);
        `astray` float32 (B, 2, 6, 6) in [-1, 1], by how much the flow is to be wrong.
    """
    examples = [_example(pair, rng) for pair in pairs]
    return {name: np.stack([example[name] for example in examples]) for name in examples[0]}


def _example(pair: Pair, rng: np.random.Generator) -> dict[str, np.ndarray]:
    size, channels = len(pair.photo), rng.permutation(3) if rng.random() < 0.5 else np.arange(3)
    picture = lambda image: image[..., channels].transpose(2, 0, 1).copy()  # noqa: E731
    mask = pair.photo_mask.astype(np.float32) / 255
    mask = uncertain(mask, rng) if rng.random() < _UNCERTAIN else mask
    astray = rng.normal(0, _ASTRAY * rng.uniform(0, 1) / 128, (2, _NODES, _NODES))
    return {
        "photo": picture(pair.photo),
        "standard": picture(pair.standard),
        "silhouette": pair.silhouette[None],
        "mask": np.rint(mask[None] * 255).astype(np.uint8),
        "flow": ((pair.flow + 0.5) * (2 / size) - 1).transpose(2, 0, 1).astype(np.float32),
        "visible": pair.visible[None].astype(np.float32),
        "astray": astray.astype(np.float32),
    }


def drafts_of(batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Make drafts as `warping.warp` does; return them, their landmarks and their visibility."""
    photo, landmark = batch["photo"].float() / 127.5 - 1, batch["silhouette"].float() / 255
    astray = F.interpolate(batch["astray"], size=photo.shape[-2:], mode="bicubic", align_corners=False)
    mask, flow = batch["mask"].float() / 255, batch["flow"] + astray
    draft, seen = laid(photo, mask, landmark, flow, batch["visible"])
    return draft, landmark, seen


def exposed_alike(standard: torch.Tensor, draft: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Make flat-lays as bright as their photo, whose exposure is none of the network's business.

    Args:
        standard: (B, 3, H, W) in [-1, 1].
        draft: the same of the photo.
        seen: (B, 1, H, W) in [0, 1].
    """
    ratio = (brightest(draft, seen) + 1) / (brightest(standard, seen) + 1).clamp(min=_DARK)
    return ((standard + 1) * ratio).clamp(0, 2) - 1


def relighting_losses(net: RelightNet, batch: Batch) -> dict[str, torch.Tensor]:
    """How far relit drafts are from their flat-lays, in colour and in edges.

    Returns:
        `loss`; `error`, the mean difference of seen cloth in levels of 255; `untouched`, that of the drafts.
    """
    draft, landmark, seen = drafts_of(batch)
    truth = batch["standard"].float() / 127.5 - 1
    truth = exposed_alike(truth, draft, seen)
    lit = in_even_light(draft, landmark, net(draft, landmark, seen))
    weight = landmark * (_UNSEEN + (1 - _UNSEEN) * seen)
    apart = (lit - truth) * weight
    edges = sum(
        (apart[..., step:, :] - apart[..., :-step, :]).abs().mean()
        + (apart[..., :, step:] - apart[..., :, :-step]).abs().mean()
        for step in _EDGES
    )
    total = seen.sum().clamp(min=1)
    error = lambda picture: ((picture - truth).abs().mean(1, keepdim=True) * seen).sum() / total * 127.5  # noqa: E731
    return {
        "loss": apart.abs().mean() + _EDGE_WEIGHT / len(_EDGES) * edges,
        "error": error(lit.detach()),
        "untouched": error(draft),
    }


def train_relighting(
    config: LoopConfig,
    draw: Callable[[np.random.Generator], Pair],
    held_out: Mapping[str, Sequence[Pair]],
    *,
    model: RelightNet,
) -> RelightNet:
    """Train RelightNet; writes `relight_net/` in diffusers layout under `config.out`.

    Args:
        config: budget and optimiser.
        draw: gives a pair at the model's input size.
        held_out: pairs never drawn, by kind, for the curves.
        model: to train (resumed from `config.out` where there is a state).
    """
    return train_on_pairs(
        config,
        model,
        PART,
        draw=lambda rng, count: [draw(rng) for _ in range(count)],
        batch_of=relighting_batch,
        losses_of=relighting_losses,
        held_out=held_out,
        shown=("loss", "error", "untouched"),
    )
