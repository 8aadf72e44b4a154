"""Training of RelightNet."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from ragdiffusion.draft.relighting import RelightNet
from ragdiffusion.garments.pair import Pair
from ragdiffusion.training.loop import LoopConfig
from ragdiffusion.training.relighting import drafts_of, relighting_batch, relighting_losses, train_relighting

SIZE = 64


def shaded(seed: int) -> Pair:
    """A plain garment half of which lies in shadow."""
    rng = np.random.default_rng(seed)
    colour = rng.integers(120, 220, 3)
    standard = np.full((SIZE, SIZE, 3), 255, np.uint8)
    inside = np.zeros((SIZE, SIZE), np.uint8)
    inside[8:56, 12:52] = 255
    standard[inside > 0] = colour
    photo = standard.copy()
    photo[:, : SIZE // 2] = photo[:, : SIZE // 2] // 2
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    return Pair(
        photo=photo,
        standard=standard,
        silhouette=inside,
        flow=np.stack([x, y], -1),
        visible=(inside > 0).astype(np.float32),
        photo_mask=inside,
        category="top",
        structure=f"shaded-{seed}",
    )


def _tensors(pairs: list[Pair]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(value) for name, value in relighting_batch(pairs, np.random.default_rng(0)).items()}


def test_a_draft_shows_the_photo_where_it_is_seen_and_white_around() -> None:
    batch = _tensors([shaded(0)])
    batch["astray"] = torch.zeros_like(batch["astray"])
    batch["mask"] = batch["silhouette"]
    draft, landmark, seen = drafts_of(batch)
    photo = batch["photo"].float() / 127.5 - 1
    assert torch.allclose(draft[..., 12:52, 16:48], photo[..., 12:52, 16:48], atol=1e-4)
    assert torch.equal(draft[..., :6, :], torch.ones_like(draft[..., :6, :]))
    assert torch.equal(seen > 0.5, landmark > 0.5)


def test_the_figures_of_an_untouched_draft_are_by_hand() -> None:
    batch = _tensors([shaded(1)])
    batch["astray"] = torch.zeros_like(batch["astray"])
    batch["mask"] = batch["silhouette"]
    figures = relighting_losses(RelightNet(SIZE, (8, 16, 16)), batch)
    colour = batch["standard"][0, :, 30, 30].float()
    half = float((colour - torch.div(colour, 2, rounding_mode="floor")).mean()) / 2  # one half lies in shadow
    assert abs(float(figures["untouched"]) - half) < 1 and torch.isclose(figures["error"], figures["untouched"])


def test_shadows_are_learned_away(config: Callable[..., LoopConfig]) -> None:
    torch.manual_seed(0)
    net = RelightNet(SIZE, (8, 16, 16))
    loop = config(60, batch_size=4, learning_rate=3e-3)
    net = train_relighting(loop, lambda rng: shaded(int(rng.integers(1000))), {"one": [shaded(5000)]}, model=net)
    figures = relighting_losses(net, _tensors([shaded(6000)]))
    assert float(figures["error"]) < 0.75 * float(figures["untouched"])
    assert (loop.out / "relight_net" / "config.json").is_file()
