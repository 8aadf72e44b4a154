"""The sampling loop: DDIM over a denoiser, with guidance, from noise or from a noised draft (4.1).

Latents stay in float32 between steps, whatever MainNet computes in: a step's rounding errors would add up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from diffusers import DDIMScheduler

from ragdiffusion.generation.denoiser import DenoiserInputs, GarmentDenoiser

LatentCallback = Callable[[int, int, torch.Tensor], None]
"""Called after each step with its number (from 1), the number of steps and the clean latent it foresees."""


@dataclass(frozen=True)
class Surroundings:
    """What is known to lie outside the garment, put back after each step.

    Attributes:
        inside: (1 or B, 1, h, w) in {0, 1}, where the denoiser draws.
        clean: (1, C, h, w), the packed latent of what lies outside.
    """

    inside: torch.Tensor
    clean: torch.Tensor


@dataclass(frozen=True)
class Sampler:
    """One way to run the loop.

    Attributes:
        denoiser: MainNet with all that conditions it.
        scheduler: of the noise; its time steps are set by each run.
        steps: of the whole schedule.
        strength: share of it that is run, in (0, 1].
        guidance: classifier-free guidance scale.
    """

    denoiser: GarmentDenoiser
    scheduler: DDIMScheduler
    steps: int
    strength: float = 1.0
    guidance: float = 1.0

    def timesteps(self, device: torch.device) -> torch.Tensor:
        """Time steps to run, from the noisiest: those of the schedule's last `strength`."""
        self.scheduler.set_timesteps(self.steps, device=device)
        return self.scheduler.timesteps[self.steps - max(1, round(self.steps * self.strength)) :]

    def run(
        self,
        noise: torch.Tensor,
        inputs: DenoiserInputs,
        unconditional: DenoiserInputs | None = None,
        *,
        start: torch.Tensor | None = None,
        surroundings: Surroundings | None = None,
        on_step: LatentCallback | None = None,
    ) -> torch.Tensor:
        """Draw latents.

        Args:
            noise: (B, C, h, w) float32, packed.
            inputs: of B rows, or of one for all.
            unconditional: for guidance, None without.
            start: (1 or B, C, h, w), the clean latent that a strength below 1 starts from.
            surroundings: what lies outside the garment; None: it is drawn too.
            on_step: called after each step.

        Returns:
            (B, C, h, w) float32.
        """
        count, dtype = len(noise), self.denoiser.unet.dtype
        times = self.timesteps(noise.device)
        latents = noise
        if self.strength < 1:
            latents = self.scheduler.add_noise(start.float().expand(count, -1, -1, -1), noise, times[:1])
        inputs = repeat_rows(inputs, count)
        unconditional = repeat_rows(unconditional, count) if unconditional is not None else None
        for index, t in enumerate(times):
            output = self.denoiser(latents.to(dtype), t, inputs).float()
            if unconditional is not None:
                unguided = self.denoiser(latents.to(dtype), t, unconditional).float()
                output = unguided + self.guidance * (output - unguided)
            step = self.scheduler.step(output, t, latents)
            latents = step.prev_sample
            if surroundings is not None:
                latents = self._put_back(latents, surroundings, noise, times[index + 1 :])
            if on_step is not None:
                on_step(index + 1, len(times), step.pred_original_sample)
        return latents

    def _put_back(
        self, latents: torch.Tensor, surroundings: Surroundings, noise: torch.Tensor, left: torch.Tensor
    ) -> torch.Tensor:
        """Latents with the surroundings at the noise of the next step, or clean after the last."""
        outside = surroundings.clean.float().expand_as(latents)
        if len(left):
            outside = self.scheduler.add_noise(outside, noise, left[:1])
        return torch.where(surroundings.inside > 0, latents, outside)


def seeded_noise(seeds: Sequence[int], shape: tuple[int, int, int], device: torch.device) -> torch.Tensor:
    """Noise of each seed, made on the CPU so that every machine draws the same picture: (B, *shape) float32."""
    return torch.stack([torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]).to(device)


def repeat_rows(inputs: DenoiserInputs, count: int) -> DenoiserInputs:
    """One picture's conditions for several seeds, or as they are for as many pictures; attention broadcasts its own."""
    rows = lambda t: None if t is None else t.expand(count, *t.shape[1:])  # noqa: E731
    added = {name: rows(value) for name, value in inputs.added.items()} if inputs.added else None
    return replace(inputs, extra=rows(inputs.extra), base=rows(inputs.base), text=rows(inputs.text), added=added)
