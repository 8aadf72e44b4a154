"""The denoiser: the draft first, conditions dropped row by row, gradients everywhere they should be."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from ragdiffusion.generation.denoiser import ConditionMask, Sources


@pytest.fixture
def sources(randn):
    """Two rows of sources for a pipeline."""

    def make(pipeline, rows: int = 2) -> Sources:
        side = pipeline.config.latent_packing * pipeline.grid
        with torch.no_grad():
            text = pipeline.encode_text(["a flat-lay photo of a dress", "a flat-lay photo of a shirt"][:rows])
        drafted = pipeline.denoiser.takes_draft
        return Sources(
            photo=randn(rows, 16, side, side),
            landmark=torch.sigmoid(randn(rows, 1, *(16 * pipeline.grid,) * 2)),
            embedding=randn(rows, 12),
            text=text,
            draft=randn(rows, 16, side, side) if drafted else None,
            visibility=torch.sigmoid(randn(rows, 1, side, side)) if drafted else None,
        )

    return make


def _keep(**dropped: list[bool]) -> ConditionMask:
    """Everything kept but what is given."""
    rows = {"reference": [True, True], "embedding": [True, True], "landmark": [True, True], "draft": [True, True]}
    return ConditionMask(**{name: torch.tensor(kept) for name, kept in {**rows, **dropped}.items()})


@torch.no_grad()
def test_an_untrained_denoiser_returns_exactly_the_draft(build, presets, sources, randn):
    pipeline = build(presets["studio"])
    given = sources(pipeline)
    prepared = pipeline.denoiser.prepare(given)
    packed = F.pixel_unshuffle(given.draft, 2)
    noisy = randn(*packed.shape)
    assert torch.equal(pipeline.denoiser(noisy, torch.tensor([0, 999]), prepared), packed)
    dropped = pipeline.denoiser.prepare(given, _keep(draft=[True, False]))
    answer = pipeline.denoiser(noisy, torch.tensor([0, 999]), dropped)
    assert torch.equal(answer[0], packed[0]) and not answer[1].any()


@torch.no_grad()
def test_with_a_dropped_draft_the_answer_is_the_bare_correction(build, presets, sources, randn):
    pipeline = build(presets["studio"], trained=True)
    denoiser, given = pipeline.denoiser, sources(pipeline)
    prepared = denoiser.prepare(given, _keep(draft=[False, False]))
    noisy = randn(*prepared.base.shape)
    assert not prepared.base.any()
    blank = torch.zeros(2, 64 + 4, *noisy.shape[-2:])
    correction = denoiser.unet(
        torch.cat([noisy, denoiser.landmark_guider(given.landmark), blank], 1),
        500,
        given.text.hidden,
        cross_attention_kwargs=prepared.conditioning.kwargs(),
    ).sample
    assert torch.equal(denoiser(noisy, torch.tensor(500), prepared), correction)
    kept = denoiser.prepare(given)
    assert torch.equal(kept.base, F.pixel_unshuffle(given.draft, 2))
    assert torch.equal(kept.extra[:, 8:72], kept.base)
    assert torch.equal(kept.extra[:, 72:], F.pixel_unshuffle(given.visibility, 2))


_CHANGES = {
    "reference": ("photo", "studio"),
    "embedding": ("embedding", "studio"),
    "landmark": ("landmark", "studio"),
    "draft": ("draft", "studio"),
    "reference of sdxl": ("photo", "sdxl"),
    "embedding of sdxl": ("embedding", "sdxl"),
    "landmark of sdxl": ("landmark", "sdxl"),
}


@pytest.mark.parametrize("condition", _CHANGES)
@torch.no_grad()
def test_a_dropped_condition_is_as_if_never_given_and_a_kept_one_matters(build, presets, sources, randn, condition):
    field, preset = _CHANGES[condition]
    pipeline = build(presets[preset], trained=True)
    given = sources(pipeline)
    other = replace(given, **{field: getattr(given, field).flip(-1) * 0.5})
    keep = _keep(**{condition.split()[0]: [True, False]})
    noisy = randn(2, presets[preset].packed_channels, pipeline.grid, pipeline.grid)
    first, second = (
        pipeline.denoiser(noisy, torch.tensor(400), pipeline.denoiser.prepare(s, keep)) for s in (given, other)
    )
    torch.testing.assert_close(second[1], first[1], atol=1e-5, rtol=1e-5)
    assert (second[0] - first[0]).abs().max() > 1e-4


@torch.no_grad()
def test_reference_net_rests_when_no_row_looks_at_it(build, presets, sources, randn):
    pipeline = build(presets["studio"], trained=True)
    calls = []
    pipeline.reference_net.register_forward_hook(lambda *_: calls.append(1))
    given, noisy = sources(pipeline), randn(2, 64, pipeline.grid, pipeline.grid)
    some = pipeline.denoiser.prepare(given, _keep(reference=[True, False]))
    assert len(calls) == 1
    none = pipeline.denoiser.prepare(given, _keep(reference=[False, False]))
    assert len(calls) == 1 and none.conditioning.reference is None
    hidden = replace(none, conditioning=replace(some.conditioning, has_reference=torch.zeros(2, dtype=torch.bool)))
    torch.testing.assert_close(
        pipeline.denoiser(noisy, torch.tensor(400), none),
        pipeline.denoiser(noisy, torch.tensor(400), hidden),
        atol=1e-5,
        rtol=1e-5,
    )


@torch.no_grad()
def test_a_new_landmark_guider_changes_nothing_until_its_columns_learn(build, presets, sources, randn):
    pipeline = build(presets["sdxl"])
    given, noisy = sources(pipeline), randn(2, 16, pipeline.grid, pipeline.grid)
    other = replace(given, landmark=1 - given.landmark)
    answer = lambda s: pipeline.denoiser(noisy, torch.tensor(9), pipeline.denoiser.prepare(s))  # noqa: E731
    assert torch.equal(answer(given), answer(other))
    pipeline.unet.conv_in.weight[:, 16:].fill_(0.02)
    assert not torch.allclose(answer(given), answer(other), atol=1e-4)


def test_keep_drops_the_share_asked_for():
    draw = lambda seed, **share: ConditionMask.draw(
        4000,
        torch.device("cpu"),
        torch.Generator().manual_seed(seed),  # noqa: E731
        **share,
    )
    keep = draw(0, drop=0.1, drop_draft=0.4)
    for kept, share in ((keep.reference, 0.9), (keep.embedding, 0.9), (keep.landmark, 0.9), (keep.draft, 0.6)):
        assert kept.float().mean().item() == pytest.approx(share, abs=0.03)
    # Independently of each other: pairs of dropped rows are as rare as their product.
    assert (~keep.reference & ~keep.embedding).float().mean().item() == pytest.approx(0.01, abs=0.006)
    assert torch.equal(draw(0, drop=0.1, drop_draft=0.4).draft, keep.draft)
    assert draw(1, drop=0.0, drop_draft=0.0).draft.all() and not draw(1, drop=1.0, drop_draft=1.0).landmark.any()


def test_wrong_sources_are_refused(build, presets, sources):
    pipeline = build(presets["studio"])
    given = sources(pipeline)
    with pytest.raises(ValueError, match=r"landmark is \(32, 32\), \(64, 64\) wanted"):
        pipeline.denoiser.prepare(replace(given, landmark=given.landmark[..., :32, :32]))
    with pytest.raises(ValueError, match="give its latent and its visibility"):
        pipeline.denoiser.prepare(replace(given, draft=None))
    with pytest.raises(ValueError, match="give its latent and its visibility"):
        pipeline.denoiser.prepare(replace(given, visibility=None))


@torch.no_grad()
def test_sdxl_gets_pooled_text_and_the_size_ids(build, presets, sources):
    pipeline = build(presets["sdxl"])
    given = sources(pipeline)
    added = pipeline.denoiser.prepare(given).added
    assert torch.equal(added["text_embeds"], given.text.pooled)
    assert added["time_ids"].tolist() == [[64, 64, 0, 0, 64, 64]] * 2
    studio = build(presets["studio"])
    assert studio.denoiser.prepare(sources(studio)).added is None


@pytest.mark.parametrize("preset", ["studio", "sdxl"])
def test_gradients_reach_every_trained_part_with_and_without_checkpointing(build, presets, sources, randn, preset):
    pipeline = build(presets[preset], trained=True)
    denoiser, given = pipeline.denoiser.train(), sources(pipeline)
    noisy = randn(2, presets[preset].packed_channels, pipeline.grid, pipeline.grid)
    weight = randn(*noisy.shape)

    def gradients() -> dict[str, torch.Tensor]:
        denoiser.zero_grad(set_to_none=True)
        (denoiser(noisy, torch.tensor([5, 600]), denoiser.prepare(given)) * weight).sum().backward()
        return {name: p.grad for name, p in denoiser.named_parameters() if p.requires_grad}

    plain = gradients()
    for name, gradient in plain.items():
        assert gradient is not None and gradient.abs().sum() > 0, name
    for net in (pipeline.unet, pipeline.reference_net):
        net.enable_gradient_checkpointing()
    for name, gradient in gradients().items():
        torch.testing.assert_close(gradient, plain[name], atol=1e-4, rtol=1e-3, msg=name)
