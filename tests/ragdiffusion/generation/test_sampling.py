"""The sampling loop: what lies outside stays as it is known to be, and precision is kept between steps."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from ragdiffusion.config import get_preset
from ragdiffusion.generation.attention import Conditioning, attention_layers, install_processors
from ragdiffusion.generation.builder.untrained import build_scheduler
from ragdiffusion.generation.conditioners import capture_reference
from ragdiffusion.generation.denoiser import DenoiserInputs
from ragdiffusion.generation.sampling import Sampler, Surroundings, seeded_noise


class _Constant(torch.nn.Module):
    """A denoiser that always foresees the same clean latent, and notes what it was given."""

    def __init__(self, clean: torch.Tensor, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.clean, self.seen = clean, []
        self.unet = torch.nn.Linear(1, 1, dtype=dtype)
        self.unet.dtype = dtype

    def forward(self, noisy: torch.Tensor, t: torch.Tensor, inputs: DenoiserInputs) -> torch.Tensor:
        self.seen.append((int(t), noisy.clone()))
        return self.clean.to(noisy.dtype).expand_as(noisy)


_INPUTS = DenoiserInputs(conditioning=Conditioning(), extra=None, base=None, text=torch.zeros(1, 1, 1), added=None)


def test_outside_is_noised_as_each_step_wants_it_and_clean_at_the_end():
    clean, white = torch.full((1, 2, 4, 4), 0.5), torch.full((1, 2, 4, 4), -0.75)
    inside = torch.zeros(1, 1, 4, 4)
    inside[..., :2] = 1
    model = _Constant(clean)
    sampler = Sampler(model, build_scheduler(get_preset("studio")), steps=4)
    noise = seeded_noise([3], (2, 4, 4), torch.device("cpu"))
    result = sampler.run(noise, _INPUTS, surroundings=Surroundings(inside, white))
    torch.testing.assert_close(result[..., :2], clean[..., :2])
    assert torch.equal(result[..., 2:], white[..., 2:])
    for t, seen in model.seen[1:]:
        signal = sampler.scheduler.alphas_cumprod[t]
        wanted = signal**0.5 * white + (1 - signal) ** 0.5 * noise
        torch.testing.assert_close(seen[..., 2:], wanted[..., 2:])


def test_latents_keep_their_precision_where_mainnet_has_less():
    clean = torch.full((1, 2, 4, 4), 0.5)
    noise = seeded_noise([3], (2, 4, 4), torch.device("cpu"))
    half = Sampler(_Constant(clean, torch.bfloat16), build_scheduler(get_preset("studio")), steps=9)
    full = Sampler(_Constant(clean), build_scheduler(get_preset("studio")), steps=9)
    assert half.denoiser.seen == [] and half.run(noise, _INPUTS).dtype == torch.float32
    torch.testing.assert_close(half.run(noise, _INPUTS), full.run(noise, _INPUTS))
    assert half.denoiser.seen[0][1].dtype == torch.bfloat16


@pytest.mark.parametrize("seeds", [(5,), (5, 9)])
def test_noise_depends_on_its_seed_alone(seeds):
    noise = seeded_noise(seeds, (2, 3, 3), torch.device("cpu"))
    assert torch.equal(noise[0], torch.randn(2, 3, 3, generator=torch.Generator().manual_seed(5)))


@torch.no_grad()
def test_a_reference_equal_to_what_is_drawn_changes_nothing(build, presets, randn):
    """Eq. 4 with the own keys and values twice is plain self-attention, so stock weights may serve as ReferenceNet."""
    unet = build(presets["sdxl"], trained=True).reference_net
    install_processors(unet)
    latent, text = randn(1, 16, 8, 8), randn(1, 5, 32)
    added = {"text_embeds": randn(1, 16), "time_ids": torch.full((1, 6), 64.0)}
    captured = capture_reference(unet, latent, text, added)
    assert set(captured) == set(attention_layers(unet, "attn1"))
    call = lambda **kwargs: (
        unet(
            latent,
            torch.tensor(0),
            text,
            added_cond_kwargs=added,  # noqa: E731
            cross_attention_kwargs=Conditioning(**kwargs).kwargs(),
        ).sample
    )
    torch.testing.assert_close(call(reference=captured), call(), atol=1e-5, rtol=1e-4)
    other = capture_reference(unet, F.pad(latent[..., 2:], (0, 2)), text, added)
    assert not torch.allclose(call(reference=other), call(), atol=1e-3)
