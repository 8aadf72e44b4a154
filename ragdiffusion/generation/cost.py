"""What a model holds and what a picture costs, counted without weights: on the meta device nothing is allocated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import CLIPVisionConfig, CLIPVisionModel

from ragdiffusion.config import Preset
from ragdiffusion.generation.builder.untrained import build_components, build_pipeline
from ragdiffusion.generation.denoiser import Captured, DenoiserInputs, Sources
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline
from ragdiffusion.generation.sampling import repeat_rows
from ragdiffusion.generation.text import TextFeatures

_TEXT_TOKENS = 77


@dataclass(frozen=True)
class Cost:
    """The floating-point operations of one picture, in two ways.

    Attributes:
        stages: FLOPs of each stage that runs once a picture, and of one `step`.
        plain_step: of one step where ReferenceNet, EP-Adapter, guider and all keys and values run in every step.
        steps: of the sampler.
    """

    stages: dict[str, int]
    plain_step: int
    steps: int

    @property
    def picture(self) -> int:
        """FLOPs of a whole picture."""
        once = sum(count for name, count in self.stages.items() if name != "step")
        return once + self.steps * self.stages["step"]

    @property
    def plain_picture(self) -> int:
        """FLOPs of the same picture in the plain way."""
        seen = sum(self.stages[name] for name in ("text", "encode", "decode"))
        return seen + self.steps * self.plain_step

    @property
    def saved(self) -> float:
        """How many times more a plain step costs."""
        return self.plain_step / self.stages["step"]


def meta_pipeline(preset: Preset) -> RAGDiffusionPipeline:
    """A preset's pipeline without memory for its weights."""
    with torch.device("meta"):
        components = build_components(preset)
    for part in components.values():
        if isinstance(part, nn.Module):
            part.eval().requires_grad_(False)
    return build_pipeline(preset, components)


def count_parameters(pipeline: RAGDiffusionPipeline) -> dict[str, int]:
    """Parameters of each component."""
    return {
        name: sum(parameter.numel() for parameter in part.parameters())
        for name, part in pipeline.components.items()
        if isinstance(part, nn.Module)
    }


def published_parts(preset: Preset) -> dict[str, nn.Module]:
    """The published parts that a preset starts from, as they were published, without memory for their weights.

    They are made of the preset's own numbers; what it changes afterwards (more channels at both ends, a layer left
    out) is not changed yet.
    """
    layers = preset.structure.vision["num_hidden_layers"] + 1  # the second-to-last one's output is read (9.2)
    make = {
        "unet": lambda: UNet2DConditionModel(in_channels=4, out_channels=4, **preset.unet),
        "vae": lambda: AutoencoderKL(**preset.autoencoder[1]),
        "clip_vision": lambda: CLIPVisionModel(
            CLIPVisionConfig(**{**preset.structure.vision, "num_hidden_layers": layers})
        ),
    }
    with torch.device("meta"):
        return {name: make[name]() for name in preset.published}


@torch.no_grad()
def count_flops(pipeline: RAGDiffusionPipeline, *, batch: int = 1, steps: int | None = None) -> Cost:
    """Count what each stage computes.

    Args:
        pipeline: from `meta_pipeline`, or a real one, which then computes all of it once.
        batch: pictures of one photo that are drawn together.
        steps: of the sampler; None: the preset's.
    """
    inputs = stage_inputs(pipeline, batch)
    stages = {name: _flops(call) for name, call in fast_stages(pipeline, inputs).items()}
    steps = (pipeline.config.sampling or {}).get("steps", 30) if steps is None else steps
    # What `plain_step` computes: everything anew for every picture, then the step.
    plain = batch * (stages["reference"] + stages["conditions"]) + stages["step"]
    return Cost(stages=stages, plain_step=plain, steps=steps)


def _flops(call: Callable[[], object]) -> int:
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


@dataclass(frozen=True)
class StageInputs:
    """Tensors of the shapes that the stages take.

    Attributes:
        photo: (1, 3, H, H), float32.
        tokens: (1, L) of each text encoder.
        sources: what a picture is made from, of one row.
        noisy: (B, C, h, w).
        t: a time step.
        prepared: the sources digested.
    """

    photo: torch.Tensor
    tokens: list[torch.Tensor]
    sources: Sources
    noisy: torch.Tensor
    t: torch.Tensor
    prepared: DenoiserInputs


def stage_inputs(pipeline: RAGDiffusionPipeline, batch: int = 1) -> StageInputs:
    """Random inputs on the pipeline's device, of its sizes."""
    unet, config = pipeline.unet, pipeline.config
    device, dtype = unet.device, unet.dtype
    draw = lambda *shape: torch.randn(shape, device=device, dtype=dtype)  # noqa: E731
    side, channels = config.latent_packing * pipeline.grid, pipeline.vae.config.latent_channels
    pooled = unet.config.addition_embed_type == "text_time"
    width = pipeline.text_encoder_2.config.projection_dim if pooled else 0
    drafted = pipeline.appearance_flow is not None
    encoders = [e for e in (pipeline.text_encoder, pipeline.text_encoder_2) if e is not None]
    length = min([_TEXT_TOKENS, *(e.config.max_position_embeddings for e in encoders)])
    sources = Sources(
        photo=draw(1, channels, side, side),
        landmark=draw(1, 1, *(16 * pipeline.grid,) * 2),
        embedding=draw(1, pipeline.structure_net.config.embedding_dim),
        text=TextFeatures(draw(1, length, unet.config.cross_attention_dim), draw(1, width) if pooled else None),
        draft=draw(1, channels, side, side) if drafted else None,
        visibility=draw(1, 1, side, side) if drafted else None,
    )
    return StageInputs(
        photo=torch.randn(1, 3, config.image_size, config.image_size, device=device),
        tokens=[torch.ones(1, length, dtype=torch.long, device=device) for _ in encoders],
        sources=sources,
        noisy=draw(batch, channels * config.latent_packing**2, pipeline.grid, pipeline.grid),
        t=torch.tensor(500, device=device),
        prepared=repeat_rows(pipeline.denoiser.prepare(sources), batch),
    )


def fast_stages(pipeline: RAGDiffusionPipeline, inputs: StageInputs) -> dict[str, Callable[[], object]]:
    """What a picture takes, stage by stage: what depends on no time step, one step, and the picture itself."""
    encoders = [e for e in (pipeline.text_encoder, pipeline.text_encoder_2) if e is not None]
    latents = torch.empty(len(inputs.noisy), *inputs.sources.photo.shape[1:], device=inputs.noisy.device)
    pictures = 1 + (pipeline.appearance_flow is not None) + pipeline.config.white_outside
    denoiser, sources = pipeline.denoiser, inputs.sources
    captured = Captured(inputs.prepared.conditioning.reference)
    return {
        "text": lambda: [e(t, output_hidden_states=True) for e, t in zip(encoders, inputs.tokens, strict=True)],
        "encode": lambda: [pipeline.encode(inputs.photo) for _ in range(pictures)],
        "reference": lambda: denoiser.capture(sources),
        "conditions": lambda: denoiser.prepare(sources, captured=captured),
        "step": lambda: denoiser(inputs.noisy, inputs.t, inputs.prepared),
        "decode": lambda: pipeline.decode(latents),
    }


def plain_step(pipeline: RAGDiffusionPipeline, inputs: StageInputs) -> torch.Tensor:
    """One step as it would be without anything computed in advance, for every picture of the batch."""
    denoiser = pipeline.denoiser
    rows = [denoiser.prepare(inputs.sources) for _ in inputs.noisy]
    return denoiser(inputs.noisy, inputs.t, repeat_rows(rows[0], len(inputs.noisy)))
