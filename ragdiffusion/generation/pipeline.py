"""The pipeline: photo, landmark and structure embedding to the flat-lay picture (3.3).

Long because diffusers wants a pipeline as one class: what it is made of, how it is loaded and placed, and its call.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler, DiffusionPipeline, UNet2DConditionModel
from torch.nn import functional as F

from ragdiffusion.draft.appearance_flow import AppearanceFlow, FlowPrediction
from ragdiffusion.draft.garment_view import GarmentView
from ragdiffusion.draft.warping import DraftTensors, find_flow, warp
from ragdiffusion.generation.conditioners import EPAdapter, LandmarkGuider
from ragdiffusion.generation.denoiser import ConditionMask, GarmentDenoiser, Sources
from ragdiffusion.generation.offload import Offload
from ragdiffusion.generation.parts import load_parts
from ragdiffusion.generation.sampling import Sampler, Surroundings, seeded_noise
from ragdiffusion.generation.text import TextFeatures, encode_captions
from ragdiffusion.narrow_imports import loading, tell_compiler
from ragdiffusion.structure.silhouette_net import SilhouetteNet
from ragdiffusion.structure.structure_net import StructureNet

StepCallback = Callable[[int, int, Callable[[], torch.Tensor]], None]
"""Called after each step with its number (from 1), the number of steps, and a function that decodes a preview
(B, 3, H, W). What it raises ends the run."""


@dataclass(frozen=True)
class PipelineOutput:
    """What a run returns.

    Attributes:
        images: (B, 3, H, W) in [-1, 1].
        draft: what MainNet corrected, None in a preset without one.
        timings_ms: `reference` (everything once per picture), `denoise`, `decode`.
    """

    images: torch.Tensor
    draft: DraftTensors | None
    timings_ms: dict[str, float]

    def row(self, index: int) -> PipelineOutput:
        """What it returns of one photo of several; each took its share of the time."""
        one = slice(index, index + 1)
        draft, count = self.draft, len(self.images)
        if draft is not None:
            said = draft.prediction
            garment = said.garment if len(said.garment) == 1 else said.garment[one]
            levels = tuple(level[one] for level in said.levels)
            prediction = replace(said, levels=levels, visibility=said.visibility[one], garment=garment)
            light = None if draft.light is None else draft.light.row(index)
            draft = DraftTensors(draft.image[one], draft.visibility[one], prediction, light)
        spent = {stage: ms / count for stage, ms in self.timings_ms.items()}
        return PipelineOutput(self.images[one], draft, spent)


class RAGDiffusionPipeline(DiffusionPipeline):
    """Generates flat-lay pictures under a landmark, a structure embedding and a photo.

    Components are as in `build_components`; `text_encoder_2`, `tokenizer_2`, `appearance_flow` and
    `silhouette_net` may be None. So may `reference_net`, where MainNet serves as its own, `ep_adapter` and
    `landmark_guider`, where MainNet was not trained to read them.

    Args:
        preset_name: name of the preset the components were built by.
        latent_packing: latents are folded p x p into channels.
        image_size: side of the output, pixels.
        sampling: default `k`, `alpha`, `steps`, `guidance`, `strength`.
        white_outside: keep what lies outside the landmark white in every step, for a MainNet that takes no landmark.
        zero_empty_text: an empty caption is encoded as zeros, as SDXL was trained.
    """

    _optional_components = [
        "reference_net",
        "ep_adapter",
        "landmark_guider",
        "text_encoder_2",
        "tokenizer_2",
        "appearance_flow",
        "silhouette_net",
    ]

    def __init__(
        self,
        vae: torch.nn.Module,
        text_encoder: torch.nn.Module,
        tokenizer: Any,
        structure_net: StructureNet,
        unet: UNet2DConditionModel,
        scheduler: DDIMScheduler,
        reference_net: UNet2DConditionModel | None = None,
        ep_adapter: EPAdapter | None = None,
        landmark_guider: LandmarkGuider | None = None,
        text_encoder_2: torch.nn.Module | None = None,
        tokenizer_2: Any = None,
        appearance_flow: AppearanceFlow | None = None,
        silhouette_net: SilhouetteNet | None = None,
        preset_name: str = "studio",
        latent_packing: int = 1,
        image_size: int = 768,
        sampling: dict | None = None,
        white_outside: bool = False,
        zero_empty_text: bool = False,
    ) -> None:
        super().__init__()
        self.register_modules(
            vae=vae,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            text_encoder_2=text_encoder_2,
            tokenizer_2=tokenizer_2,
            structure_net=structure_net,
            unet=unet,
            reference_net=reference_net,
            ep_adapter=ep_adapter,
            landmark_guider=landmark_guider,
            appearance_flow=appearance_flow,
            silhouette_net=silhouette_net,
            scheduler=scheduler,
        )
        self.register_to_config(
            preset_name=preset_name,
            latent_packing=latent_packing,
            image_size=image_size,
            sampling=sampling,
            white_outside=white_outside,
            zero_empty_text=zero_empty_text,
        )
        self.denoiser = GarmentDenoiser(
            unet=unet,
            reference_net=reference_net or unet,
            ep_adapter=ep_adapter,
            landmark_guider=landmark_guider,
            packing=latent_packing,
        )
        self.offload: Offload | None = None

    @classmethod
    def from_pretrained(cls, location: str | Path, **kwargs: Any) -> RAGDiffusionPipeline:
        """Load from a folder in diffusers layout, or a hub id. Only safetensors are read.

        Raises:
            ValueError: if the folder holds no pipeline of this kind, or not the whole of one.
        """
        folder = Path(location)
        if not folder.is_dir():
            folder = Path(cls.download(str(location), use_safetensors=True))
        if not (folder / "model_index.json").is_file():
            raise ValueError(f"{folder}: no checkpoint here (model_index.json is missing)")
        try:
            index = cls.load_config(str(folder))
            if index.get("_class_name") != cls.__name__:
                raise ValueError(f"{folder}: a checkpoint of {index.get('_class_name')}, {cls.__name__} wanted")
            dtype = kwargs.get("dtype", torch.float32)
            parts = load_parts(folder, index, dtype)
            with loading():
                pipeline = super().from_pretrained(
                    str(folder), **{**kwargs, **parts, "dtype": dtype, "use_safetensors": True}
                )
        except MemoryError:
            raise
        except Exception as error:  # the libraries raise a dozen kinds for broken folders
            if isinstance(error, ValueError) and str(error).startswith(f"{folder}: "):
                raise
            reason = str(error).strip().partition("\n")[0][:300] or type(error).__name__
            raise ValueError(
                f"{folder}: the checkpoint is incomplete or damaged ({reason}); take a whole copy"
            ) from error
        if dtype == torch.float16 and getattr(pipeline.vae.config, "force_upcast", False):
            pipeline.vae.to(torch.float32)  # its activations leave the range of half precision
        return pipeline

    def place(self, device: torch.device | str, mode: str = "whole") -> None:
        """Bring the parts to where they compute; `mode` as in `offload.MODES`.

        Raises:
            ValueError: for an unknown mode.
        """
        parts = {name: part for name, part in self.components.items() if isinstance(part, torch.nn.Module)}
        self.offload = Offload(parts, device, mode)
        if self.offload.device.type == "cuda":  # convolutions are faster so, and no slower elsewhere
            for name in ("unet", "reference_net", "vae"):
                if (part := parts.get(name)) is not None:
                    part.to(memory_format=torch.channels_last)

    def compile(self, backend: str = "inductor") -> None:
        """Compile MainNet at its first call; torch keeps the result on disk for the next start.

        Args:
            backend: of `torch.compile`.
        """
        tell_compiler()
        self.unet.compile(backend=backend, dynamic=False)

    def _at_work(self, *names: str) -> AbstractContextManager[None]:
        return nullcontext() if self.offload is None else self.offload.at_work(*names)

    @property
    def grid(self) -> int:
        """Side of the packed latent."""
        return self.config.image_size // (8 * self.config.latent_packing)

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) in [-1, 1] -> latents (B, C, H/8, W/8) as diffusion wants them."""
        shift = getattr(self.vae.config, "shift_factor", None) or 0.0
        latent = self.vae.encode(images.to(self.vae.dtype)).latent_dist.mode()
        return (latent - shift) * self.vae.config.scaling_factor

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents -> (B, 3, H, W) float32, clipped to [-1, 1]."""
        shift = getattr(self.vae.config, "shift_factor", None) or 0.0
        latents = (latents / self.vae.config.scaling_factor + shift).to(self.vae.dtype)
        return self.vae.decode(latents).sample.float().clamp(-1, 1)

    def encode_text(self, captions: Sequence[str]) -> TextFeatures:
        """Encode captions with every text encoder of the preset."""
        return encode_captions(
            captions,
            [t for t in (self.tokenizer, self.tokenizer_2) if t is not None],
            [e for e in (self.text_encoder, self.text_encoder_2) if e is not None],
            pooled=self.unet.config.addition_embed_type == "text_time",
            zero_empty=self.config.zero_empty_text,
            device=None if self.offload is None else self.offload.device,
        )

    def find_flow(
        self, photo: torch.Tensor, landmark: torch.Tensor, garment: GarmentView | None = None
    ) -> FlowPrediction:
        """Find where the points of landmarks lie in a photo, as `warping.find_flow`.

        Raises:
            RuntimeError: if this checkpoint has no appearance flow.
        """
        if self.appearance_flow is None:
            raise RuntimeError(f"the {self.config.preset_name} checkpoint has no appearance flow, so no draft")
        return find_flow(self.appearance_flow, photo, landmark, garment)

    def draft(self, photo: torch.Tensor, landmark: torch.Tensor, garment: GarmentView | None = None) -> DraftTensors:
        """Warp a photo into landmarks; arguments and errors as in `find_flow`."""
        return warp(photo, landmark, self.find_flow(photo, landmark, garment), garment)

    def sources(
        self,
        photo: torch.Tensor,
        landmark: torch.Tensor,
        embedding: torch.Tensor,
        text: TextFeatures,
        draft: DraftTensors | None,
    ) -> Sources:
        """Encode everything that a picture is made from.

        Args:
            photo: (B, 3, H, W) in [-1, 1], H = W = `image_size`.
            landmark: (B, 1, S, S) in [0, 1].
            embedding: (B, D), ê.
            text: from `encode_text`.
            draft: from `draft_for`.
        """
        side, dtype = 16 * self.grid, self.unet.dtype
        raster = F.interpolate(landmark, size=(side, side), mode="bilinear", antialias=True)
        return Sources(
            photo=self.encode(photo).to(dtype),
            landmark=raster.to(dtype),
            embedding=embedding.to(dtype),
            text=text,
            draft=None if draft is None else self.encode(draft.image).to(dtype),
            visibility=None if draft is None else F.avg_pool2d(draft.visibility, 8).to(dtype),
        )

    def draft_for(
        self, photo: torch.Tensor, landmark: torch.Tensor, garment: GarmentView | None = None
    ) -> DraftTensors | None:
        """The draft at the photo's size, None in a preset without one."""
        if self.appearance_flow is None:
            return None
        small = F.interpolate(landmark, size=photo.shape[-2:], mode="bilinear", antialias=True)
        return self.draft(photo, small, garment)

    def surroundings(self, landmark: torch.Tensor) -> Surroundings | None:
        """White wherever no part of a landmark lies, None where the denoiser draws that too.

        Args:
            landmark: (B, 1, S, S) in [0, 1].
        """
        if not self.config.white_outside:
            return None
        side = self.config.image_size
        white = self.encode(torch.ones(1, 3, side, side, device=landmark.device))
        inside = F.adaptive_max_pool2d(
            F.interpolate(landmark, size=(side, side), mode="bilinear", antialias=True), self.grid
        )
        return Surroundings(inside=(inside > 0.01).float(), clean=F.pixel_unshuffle(white, self.config.latent_packing))

    @torch.no_grad()
    def __call__(
        self,
        photo: torch.Tensor,
        landmark: torch.Tensor,
        embedding: torch.Tensor,
        caption: str | Sequence[str],
        *,
        seeds: Sequence[int] = (0,),
        num_inference_steps: int = 30,
        guidance_scale: float = 1.0,
        strength: float = 1.0,
        without: Sequence[str] = (),
        garment: GarmentView | None = None,
        on_step: StepCallback | None = None,
    ) -> PipelineOutput:
        """Generate one picture for each seed.

        Pictures of one photo share everything that does not depend on t. Several photos may be given too, a seed each.

        Args:
            photo: (B, 3, H, W) in [-1, 1], H = W = `image_size`; B is 1 or the number of seeds.
            landmark: (B, 1, S, S) in [0, 1].
            embedding: (B, D), ê.
            caption: of the garment, or one for each photo.
            seeds: of the noise.
            num_inference_steps: of DDIM, 1 to 1000.
            guidance_scale: of classifier-free guidance; 1 runs no second branch.
            strength: share of the schedule in (0, 1]; below 1 sampling starts from the noised draft.
            without: conditions that this run goes without, of `ConditionMask`, as a model that was trained so wants it.
            garment: the photo's garment; None: the flow finds it itself.
            on_step: called after each step.

        Raises:
            ValueError: if steps, guidance or strength is out of range, strength is below 1 without a draft, or
                there is no such condition.
        """
        captions = [caption] if isinstance(caption, str) else list(caption)
        self._check_rows(len(photo), len(landmark), len(embedding), len(captions), len(seeds))
        if not 1 <= num_inference_steps <= self.scheduler.config.num_train_timesteps:
            raise ValueError(f"steps is {num_inference_steps}, 1 to {self.scheduler.config.num_train_timesteps} wanted")
        if not 0 <= guidance_scale <= 100:
            raise ValueError(f"guidance is {guidance_scale}, 0 to 100 wanted (1 is off)")
        if not 0 < strength <= 1:
            raise ValueError(f"strength is {strength}, above 0 to 1 wanted")
        if strength < 1 and (self.appearance_flow is None or "draft" in without):
            raise ValueError(
                f"strength {strength} starts from a draft, which the {self.config.preset_name} "
                "checkpoint has not; use 1"
                if self.appearance_flow is None
                else f"strength {strength} starts from the draft, which this run goes without; use 1"
            )
        sampler = Sampler(
            self.denoiser, self.scheduler, steps=num_inference_steps, strength=strength, guidance=guidance_scale
        )
        while True:
            try:
                return self._draw(photo, landmark, embedding, captions, seeds, sampler, without, on_step, garment)
            except torch.OutOfMemoryError as error:
                if self.offload is None:
                    raise
                self.offload.make_room(error)

    def _draw(
        self,
        photo: torch.Tensor,
        landmark: torch.Tensor,
        embedding: torch.Tensor,
        captions: list[str],
        seeds: Sequence[int],
        sampler: Sampler,
        without: Sequence[str],
        on_step: StepCallback | None,
        garment: GarmentView | None,
    ) -> PipelineOutput:
        packing = self.config.latent_packing
        started = time.perf_counter()
        draft = self.draft_for(photo, landmark, garment)
        with self._at_work("text_encoder", "text_encoder_2"):
            text = self.encode_text(captions)
            empty = self.encode_text([""] * len(photo)) if sampler.guidance != 1 else None
        with self._at_work("vae"):
            sources = self.sources(photo, landmark, embedding, text, draft)
            surroundings = self.surroundings(landmark)
        everyone = torch.ones(len(photo), dtype=torch.bool, device=photo.device)
        keep = ConditionMask(everyone, everyone, everyone, everyone).without(without) if without else None
        with self._at_work("reference_net" if self.reference_net is not None else "unet"):
            captured = self.denoiser.capture(sources, keep)
        with self._at_work("unet"):
            inputs, unconditional = self.denoiser.prepare(sources, keep, captured), None
            if empty is not None:
                kept = ConditionMask(reference=~everyone, embedding=~everyone, landmark=everyone, draft=everyone)
                unconditional = self.denoiser.prepare(replace(sources, text=empty), kept.without(without))
            prepared_at = self._now()
            noise = seeded_noise(
                seeds, (self.vae.config.latent_channels * packing**2, self.grid, self.grid), photo.device
            )
            latents = sampler.run(
                noise,
                inputs,
                unconditional,
                surroundings=surroundings,
                start=None if draft is None else F.pixel_unshuffle(sources.draft, packing),
                on_step=None
                if on_step is None
                else lambda step, count, clean: on_step(step, count, lambda: self._decode_packed(clean)),
            )
            denoised_at = self._now()
        images = self._decode_packed(latents)
        if not bool(images.isfinite().all()):
            raise RuntimeError(
                f"the picture came out with numbers that are not finite in {self.unet.dtype}: load the "
                "model in bfloat16 or float32"
            )
        return PipelineOutput(
            images=images,
            draft=draft,
            timings_ms={
                "reference": (prepared_at - started) * 1e3,
                "denoise": (denoised_at - prepared_at) * 1e3,
                "decode": (self._now() - denoised_at) * 1e3,
            },
        )

    def _decode_packed(self, latents: torch.Tensor) -> torch.Tensor:
        with self._at_work("vae"):
            return self.decode(F.pixel_shuffle(latents, self.config.latent_packing))

    def _now(self) -> float:
        """The time when all that was asked for so far is done."""
        if self.unet.device.type == "cuda":
            torch.cuda.synchronize(self.unet.device)
        return time.perf_counter()

    @staticmethod
    def _check_rows(photos: int, landmarks: int, embeddings: int, captions: int, seeds: int) -> None:
        if not photos == landmarks == embeddings == captions or photos not in (1, seeds):
            raise ValueError(
                f"{photos} photos, {landmarks} landmarks, {embeddings} embeddings and {captions} captions "
                f"for {seeds} seeds: one of each, or one for each seed, wanted"
            )
