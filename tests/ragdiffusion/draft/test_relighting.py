"""RelightNet: drafts in even light."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ragdiffusion import RAGDiffusion
from ragdiffusion.draft.garment_view import GarmentView
from ragdiffusion.draft.relighting import (
    PART,
    Light,
    RelightNet,
    below_gleam,
    brightest,
    exposed,
    in_even_light,
    load_relighting,
    relighting,
    relit,
    tint_of_shadows,
)
from ragdiffusion.draft.warping import warp
from ragdiffusion.generation.generator import Generator


def _draft(size: int = 64) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    landmark = torch.zeros(1, 1, size, size)
    landmark[..., size // 4 : -size // 4, size // 4 : -size // 4] = 1
    cloth = torch.rand(1, 3, size, size) - 0.5
    return cloth * landmark + 1 - landmark, landmark, landmark.clone()


def test_untrained_it_changes_nothing() -> None:
    net = RelightNet(64, (8, 16, 16)).eval()
    draft, landmark, seen = _draft()
    assert torch.equal(net(draft, landmark, seen), torch.zeros(1, 1, 32, 32))
    assert torch.allclose(relit(draft, landmark, relighting(net)(draft, landmark, seen)), draft, atol=1e-6)


def test_factors_multiply_cloth_and_leave_the_ground_white() -> None:
    draft, landmark, _ = _draft()
    lit = in_even_light(draft, landmark, torch.full((1, 1, 16, 16), 2.0).log())
    inside = landmark.expand_as(draft) == 1
    assert torch.allclose(lit[inside], ((draft + 1) * 2 - 1).clamp(max=1)[inside], atol=1e-5)
    assert torch.equal(lit[~inside], torch.ones_like(lit[~inside]))


def test_the_brightest_cloth_is_what_a_tenth_exceeds() -> None:
    draft = torch.linspace(-1, 1, 101).repeat(3, 1)[None, :, None]
    seen = torch.ones(1, 1, 1, 101)
    assert torch.allclose(brightest(draft, seen), torch.full((1, 3, 1, 1), 0.8), atol=1e-6)
    assert torch.equal(brightest(draft, seen * 0), torch.ones(1, 3, 1, 1))


def test_what_gleams_is_held_back_and_what_gleamed_before_stays() -> None:
    draft = torch.tensor([-0.5, 0.6, 0.9]).view(1, 1, 1, 3).expand(1, 3, 1, 3)
    lit = torch.tensor([0.2, 0.8, 0.9]).view(1, 1, 1, 3).expand(1, 3, 1, 3)
    held = below_gleam(lit, draft, torch.full((1, 3, 1, 1), 0.4))
    assert torch.allclose(held[0, 0, 0], torch.tensor([0.2, 0.6 + 0.25 * 0.2, 0.9]))


def _tinted(shade: tuple[float, float, float]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Light grey cloth whose right third is lifted out of a shadow of another hue."""
    lit = torch.full((1, 3, 96, 96), 0.8)
    lit[..., 64:] = torch.tensor(shade).view(3, 1, 1) * 2 - 1
    factors = torch.zeros(1, 1, 96, 96)
    factors[..., 64:] = 0.4
    return lit, torch.ones(1, 1, 96, 96), factors


def test_a_lifted_shadow_takes_the_hue_of_the_cloth_in_the_light() -> None:
    lit, landmark, factors = _tinted((0.93, 0.88, 0.85))
    tints = tint_of_shadows(lit, landmark, factors)
    assert torch.allclose(tints.sum(1), torch.zeros(1, 96, 96), atol=1e-5), "it gets no lighter"
    even = (lit + 1) / 2 * tints.exp()
    before, after = lit[0, :, 48, 80], even[0, :, 48, 80] * 2 - 1
    assert float(after.max() - after.min()) < 0.35 * float(before.max() - before.min())
    assert torch.equal(tints[..., :60], torch.zeros_like(tints[..., :60])), "what lay in the light stays"


def test_another_colour_in_the_shadow_is_no_tint() -> None:
    assert torch.equal(tint_of_shadows(*_tinted((0.9, 0.5, 0.5))), torch.zeros(1, 3, 96, 96))
    lit, landmark, factors = _tinted((0.93, 0.88, 0.85))
    assert torch.equal(tint_of_shadows(lit, landmark, factors * 0), torch.zeros(1, 3, 96, 96)), "nothing was shadow"


def test_where_all_lay_in_shadow_there_is_nothing_to_compare_with() -> None:
    lit, landmark, factors = _tinted((0.93, 0.88, 0.85))
    tints = tint_of_shadows(lit, landmark, torch.full_like(factors, 0.5))
    assert torch.equal(tints, torch.zeros_like(tints)), "else pale cloth in the shade would turn grey"


def test_white_cloth_shows_on_white_and_colours_stay() -> None:
    landmark = torch.zeros(1, 1, 8, 8)
    landmark[..., 2:6, 2:6] = 1
    white = torch.ones(1, 3, 8, 8)
    shown = exposed(white, landmark, torch.ones(1, 3, 1, 1))
    assert torch.allclose(shown[..., 3, 3], torch.tensor(0.945 * 2 - 1)), "as catalogues expose it"
    assert torch.equal(shown[..., 0, 0], white[..., 0, 0])
    yellow = torch.tensor([1.0, 0.9, 0.2]).view(1, 3, 1, 1)
    cloth = yellow * landmark + 1 - landmark
    assert torch.allclose(exposed(cloth, landmark, yellow), cloth, atol=1e-6)


def test_factors_are_bounded() -> None:
    net = RelightNet(64, (8, 16, 16), reach=0.5).eval()
    torch.nn.init.normal_(net.unet.head.weight, std=10)
    assert 0.4 < float(net(*_draft()).detach().abs().max()) <= 0.5


def test_a_draft_of_any_size_is_relit_by_the_same_factors() -> None:
    net = RelightNet(64, (8, 16, 16)).eval()
    torch.nn.init.constant_(net.unet.head.bias, -0.3)
    draft, landmark, seen = _draft(160)
    lit = relit(draft, landmark, relighting(net)(draft, landmark, seen))
    middle = (slice(None), slice(None), slice(60, 100), slice(60, 100))
    factor = float((0.8 * 0.7 * torch.tanh(torch.tensor(-0.3 / 0.7))).exp())
    assert torch.allclose((lit + 1)[middle], (draft + 1)[middle] * factor, atol=1e-4)


def test_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="RelightNet wants"):
        RelightNet(64, (8, 16, 16))(*_draft(32))
    with pytest.raises(ValueError, match="multiple of 16"):
        RelightNet(72, (8, 16, 16))


def test_it_is_saved_and_loaded_and_a_broken_one_says_so(tmp_path: Path) -> None:
    assert load_relighting(tmp_path) is None
    net = RelightNet(64, (8, 16, 16)).eval()
    torch.nn.init.constant_(net.unet.head.bias, 0.2)
    net.save_pretrained(tmp_path / PART)
    draft, landmark, seen = _draft()
    relight = load_relighting(tmp_path)
    assert relight is not None
    found, wanted = relight(draft, landmark, seen), relighting(net)(draft, landmark, seen)
    assert torch.equal(found.factors, wanted.factors) and torch.equal(found.limit, wanted.limit)
    next((tmp_path / PART).glob("*.safetensors")).write_bytes(b"torn")
    with pytest.raises(ValueError, match="no whole RelightNet"):
        load_relighting(tmp_path)


def _dim(draft: torch.Tensor, *_: torch.Tensor) -> Light:
    """Half of the light."""
    return Light(torch.full((1, 3, 8, 8), 0.5).log(), torch.full((1, 3, 1, 1), -1.0))


def test_a_batch_relights_each_draft_in_its_own_way() -> None:
    draft, landmark, seen = _draft()
    together = GarmentView.together([GarmentView(landmark, relight=_dim), GarmentView(landmark)])
    assert together.relight is not None
    both = [torch.cat([part, part]) for part in (draft, landmark, seen)]
    light = together.relight(*both)
    lit = relit(both[0], both[1], light)
    inside = landmark[0].expand_as(draft[0]) == 1
    assert torch.allclose((lit[0] + 1)[inside], (draft[0] + 1)[inside] / 2, atol=1e-5)
    assert torch.allclose(lit[1], draft[0], atol=1e-6)
    assert torch.equal(light.row(0).factors, _dim(draft).factors) and not light.row(1).factors.any()
    assert GarmentView.together([GarmentView(landmark), GarmentView(landmark)]).relight is None


def test_a_picture_larger_than_its_draft_has_the_same_light(tiny_model: RAGDiffusion, make_photo: Callable) -> None:
    asked: list[int] = []

    def once(draft: torch.Tensor, *_: torch.Tensor) -> Light:
        asked.append(draft.shape[-1])
        return _dim(draft)

    sight = tiny_model.see(make_photo(0))
    guide, mask = tiny_model.retrieve(sight), sight.garment_tensor()
    assert sight.garment is not None and mask is not None
    settings = {"seed": 0, "steps": 1, "strength": None, "guidance": None, "size": 96, "on_step": None}
    generator = Generator(tiny_model.pipeline, tiny_model.defaults, "tiny", relight=once)
    made = generator.generate(replace(sight, garment=replace(sight.garment, worn=True)), guide, **settings)
    assert made.image.size == (96, 96) and asked == [64]
    photo, landmark, larger = sight.tensor(96), guide.landmark[None, None], torch.ones(1, 1, 96, 96)
    found = tiny_model.pipeline.find_flow(photo, landmark)
    light = warp(photo, landmark, found, GarmentView(mask, relight=once)).light
    lit = warp(photo, larger, found, GarmentView(mask, relight=once), light)
    plain = warp(photo, larger, found, GarmentView(mask))
    assert asked == [64, 64] and plain.light is None and light is not None
    assert torch.equal(lit.image, relit(plain.image, larger, light))
    assert torch.allclose(lit.image + 1, (plain.image + 1) / 2, atol=1e-5)
