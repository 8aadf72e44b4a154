"""The recipe by which each process of a rolling pool encodes the denoiser's samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ragdiffusion.training.denoiser import encode_samples
from ragdiffusion.training.latents import Encode
from ragdiffusion.training.sources import open_source


@dataclass(frozen=True)
class DenoiserSamples:
    """The recipe of the denoiser's samples.

    Attributes:
        checkpoint: with trained autoencoder, StructureNet and flow.
        preset: of it.
        garments: data set or pack, None: all are drawn by the engine.
        synthetic: share of drawn ones, in [0, 1].
        worn: share of the drawn ones that are worn; None: as the engine mixes displays.
        limit: take only so many real garments.
        device: torch device.
        batch_size: samples encoded at a time.
    """

    checkpoint: Path
    preset: str
    garments: Path | None
    synthetic: float
    worn: float | None = None
    limit: int | None = None
    device: str = "cpu"
    batch_size: int = 16

    def __call__(self) -> Encode:
        """Load everything."""
        import cv2
        import torch

        from ragdiffusion.api import RAGDiffusion
        from ragdiffusion.logs import quiet_libraries

        cv2.setNumThreads(1)
        torch.set_num_threads(1)  # there are as many processes as cores to spare
        quiet_libraries()
        model = RAGDiffusion.from_pretrained(self.checkpoint, preset=self.preset, device=self.device)
        source = open_source(
            self.garments, model.image_size, synthetic=self.synthetic, limit=self.limit, worn=self.worn
        )
        return encode_samples(model.pipeline, source.draw, batch_size=self.batch_size)
