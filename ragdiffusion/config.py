"""Every number of the presets, in one place.

`studio` is small, trained here and bundled; `sdxl` is the paper's; `sdxl-refine` draws over the studio's draft with
published weights alone; `ablation` is smaller still, so that a machine without a GPU can train each of the paper's
variants for comparison. The code never asks which preset it runs: it
reads these numbers. Configurations of library classes (UNet, CLIP, FLUX VAE) are plain keyword dictionaries.

Long because each preset is written out whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

KEPT_NEIGHBOURS = 8
"""Bank entries that every search keeps, so that K can move up to it without another."""


@dataclass(frozen=True)
class StructureConfig:
    """StructureNet (3.1, 9.2).

    Attributes:
        vision: keywords of `CLIPVisionConfig` for each of the two towers. A tower's last layer is its features:
            the second-to-last of CLIP's is had by leaving the last one out.
        feature_dim: width of an image token after projection.
        attribute_dim: width of one attribute's embedding.
        embedding_dim: D, length of the structure embedding e.
        resampler_dim: width inside the Resampler.
        resampler_depth: its attention layers, each followed by an MLP.
        resampler_heads: attention heads.
        resampler_queries: learned queries; their mean becomes e.
        temperature: τ of Eq. 1 to start with (it is learned).
    """

    vision: dict[str, Any]
    feature_dim: int
    embedding_dim: int
    resampler_dim: int
    resampler_heads: int
    attribute_dim: int = 32
    resampler_depth: int = 4
    resampler_queries: int = 8
    temperature: float = 0.07


@dataclass(frozen=True)
class FlowConfig:
    """The appearance flow, which makes the draft.

    Attributes:
        input_size: side of photo and landmark given to it, pixels.
        finder_widths: channels of the U-Net that finds the garment, finest first.
        refiner_widths: channels of the U-Net that moves points into place, finest first.
        refinements: how often it does so.
    """

    input_size: int = 128
    finder_widths: tuple[int, ...] = (24, 48, 80, 128, 160)
    refiner_widths: tuple[int, ...] = (64, 96, 128, 128)
    refinements: int = 2


@dataclass(frozen=True)
class SilhouetteConfig:
    """SilhouetteNet, whose silhouettes rank the bank's.

    Attributes:
        input_size: side of photo and mask given to it, pixels.
        widths: channels of the U-Net, finest first.
        depth: layers of attention at its coarsest level.
        heads: their heads.
        label_channels: labels of a parse that it sees beside the mask; 0: none.
        context_widths: channels of what sees mask and labels in a wider frame, finest first; None: nothing does.
        context_photo: whether that sees the photo too.
        glances: places of fine features that attributes are read at; 0: they are read off the whole alone.
    """

    input_size: int = 128
    widths: tuple[int, ...] = (40, 64, 112, 160)
    depth: int = 3
    heads: int = 4
    label_channels: int = 9
    context_widths: tuple[int, ...] | None = None
    context_photo: bool = False
    glances: int = 0


@dataclass(frozen=True)
class SamplingDefaults:
    """What a person gets without touching a setting.

    Attributes:
        k: candidates of Eq. 2.
        alpha: share of the reconstruction in Eq. 3, in [0, 1].
        steps: DDIM steps.
        guidance: classifier-free guidance scale; 1 is off.
        strength: share of the noise schedule that is run, in (0, 1]; below 1 sampling starts from the noised draft.
    """

    k: int = 4
    alpha: float = 0.5
    steps: int = 30
    guidance: float = 1.0
    strength: float = 1.0

    @classmethod
    def checked(cls, settings: Mapping[str, Any] | SamplingDefaults) -> SamplingDefaults:
        """What a checkpoint stores, held to what can be.

        Args:
            settings: by name; what is missing is as above.

        Raises:
            ValueError: if a setting is unknown or out of range.
        """
        if isinstance(settings, SamplingDefaults):
            return settings
        if not isinstance(settings, Mapping):
            raise ValueError(f"the checkpoint's settings are {str(settings)[:40]!r}, values by name wanted")
        unknown = sorted(set(settings) - {field.name for field in fields(cls)})
        if unknown:
            raise ValueError(f"the checkpoint's setting {unknown[0]!r} is not known: update RAGDiffusion")
        found = cls(**settings)
        for name, kind, low, high in (
            ("k", int, 1, 10_000),
            ("alpha", float, 0, 1),
            ("steps", int, 1, 1000),
            ("guidance", float, 0, 100),
            ("strength", float, 0, 1),
        ):
            value = getattr(found, name)
            fits = isinstance(value, int if kind is int else int | float) and not isinstance(value, bool)
            if not fits or not low <= value <= high or (name == "strength" and value == 0):
                raise ValueError(f"the checkpoint's setting {name} is {str(value)[:40]}, {low} to {high} wanted")
        return found


@dataclass(frozen=True)
class Preset:
    """One size of the whole system.

    Attributes:
        name: of the preset.
        image_size: side of the output, pixels.
        latent_channels: of the autoencoder.
        latent_packing: latents are folded p x p into channels before the UNets (1: not at all).
        autoencoder: class and keywords, `(class name, keywords)`.
        unet: keywords of `UNet2DConditionModel`, shared by MainNet and ReferenceNet; channels in and out are derived.
        text: keywords of each text encoder's `CLIPTextConfig`; the second, if any, is one with a projection.
        structure: of StructureNet.
        ep_tokens: N, tokens that the EP-Adapter makes from ê; 0: there is no EP-Adapter.
        ep_dim: width inside its Resampler.
        ep_heads: its attention heads.
        guider_channels: of the Landmark Guider's four convolutions; empty: there is none.
        flow: of the appearance flow, None where the preset draws without a draft.
        corrects_draft: MainNet sees the draft and corrects it; else sampling only starts from it.
        own_reference: ReferenceNet has weights of its own; else MainNet serves as ReferenceNet too.
        white_outside: what lies outside the landmark is kept white in every step.
        zero_empty_text: an empty caption is encoded as zeros.
        published: parameters of the published parts that it starts from, by name.
        silhouette: of SilhouetteNet, None where the order of the neighbours is the embedding's alone; it needs the
            garment mask that the appearance flow finds.
        prediction_type: what MainNet predicts: `sample` (x0, on top of the draft) or `v_prediction` or `epsilon`.
        defaults: of sampling.
    """

    name: str
    image_size: int
    latent_packing: int
    autoencoder: tuple[str, dict[str, Any]]
    unet: dict[str, Any]
    text: tuple[dict[str, Any], ...]
    structure: StructureConfig
    ep_tokens: int
    ep_dim: int
    ep_heads: int
    flow: FlowConfig | None
    prediction_type: str
    silhouette: SilhouetteConfig | None = None
    latent_channels: int = 16
    guider_channels: tuple[int, ...] = (16, 32, 64, 128)
    corrects_draft: bool = True
    own_reference: bool = True
    white_outside: bool = False
    zero_empty_text: bool = False
    published: dict[str, int] = field(default_factory=dict)
    defaults: SamplingDefaults = field(default_factory=SamplingDefaults)

    def __post_init__(self) -> None:
        if self.flow is not None and self.corrects_draft and self.prediction_type != "sample":
            raise ValueError(
                f"preset {self.name}: a draft is corrected in x0, so prediction_type must be 'sample', "
                f"got {self.prediction_type!r}"
            )
        if self.silhouette is not None and self.flow is None:
            raise ValueError(f"preset {self.name}: SilhouetteNet needs the garment mask that an appearance flow finds")

    @property
    def ep_adapter(self) -> dict[str, int]:
        """Settings of the EP-Adapter, as `EPAdapter.of_unet` takes them."""
        return {
            "embedding_dim": self.structure.embedding_dim,
            "tokens": self.ep_tokens,
            "dim": self.ep_dim,
            "attention_heads": self.ep_heads,
        }

    @property
    def packed_channels(self) -> int:
        """Channels of a packed latent."""
        return self.latent_channels * self.latent_packing**2

    def with_latent_channels(self, channels: int) -> Preset:
        """The same preset on an autoencoder of another number of channels, such as the 4-channel twin (PGEA).

        Raises:
            ValueError: if the number is not positive.
        """
        if channels < 1:
            raise ValueError(f"preset {self.name}: latents of {channels} channels were asked for, 1 at least wanted")
        name, keywords = self.autoencoder
        return replace(self, latent_channels=channels, autoencoder=(name, {**keywords, "latent_channels": channels}))

    @property
    def main_in_channels(self) -> int:
        """Channels into MainNet: packed latent, guider, and draft with its visibility where there is one."""
        drafted = self.flow is not None and self.corrects_draft
        draft = self.packed_channels + self.latent_packing**2 if drafted else 0
        return self.packed_channels + (self.guider_channels or (0,))[-1] + draft


_STUDIO = Preset(
    name="studio",
    image_size=256,
    latent_packing=2,
    autoencoder=("GarmentAutoencoder", {"latent_channels": 16, "widths": (56, 128)}),
    unet={
        "sample_size": 16,
        "block_out_channels": (96, 160),
        "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        "layers_per_block": 1,
        "cross_attention_dim": 96,
        "attention_head_dim": 4,
        "norm_num_groups": 16,
        "use_linear_projection": True,
    },
    text=(
        {
            "hidden_size": 96,
            "intermediate_size": 288,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "max_position_embeddings": 48,
        },
    ),
    structure=StructureConfig(
        vision={
            "hidden_size": 192,
            "intermediate_size": 576,
            "num_hidden_layers": 5,
            "num_attention_heads": 4,
            "image_size": 128,
            "patch_size": 16,
        },
        feature_dim=192,
        embedding_dim=256,
        resampler_dim=192,
        resampler_heads=4,
    ),
    ep_tokens=4,
    ep_dim=96,
    ep_heads=4,
    flow=FlowConfig(),
    silhouette=SilhouetteConfig(depth=6, context_widths=(40, 56, 96), context_photo=True, glances=8),
    prediction_type="sample",
    defaults=SamplingDefaults(strength=0.5),
)

_SDXL = Preset(
    name="sdxl",
    image_size=768,
    latent_packing=1,
    autoencoder=(
        "AutoencoderKL",
        {
            "latent_channels": 16,
            "block_out_channels": (128, 256, 512, 512),
            "layers_per_block": 2,
            "down_block_types": ("DownEncoderBlock2D",) * 4,
            "up_block_types": ("UpDecoderBlock2D",) * 4,
            "scaling_factor": 0.3611,
            "shift_factor": 0.1159,
            "use_quant_conv": False,
            "use_post_quant_conv": False,
        },
    ),
    unet={
        "sample_size": 96,
        "block_out_channels": (320, 640, 1280),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "layers_per_block": 2,
        "transformer_layers_per_block": (1, 2, 10),
        "cross_attention_dim": 2048,
        "attention_head_dim": (5, 10, 20),
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
    text=(
        {
            "hidden_size": 768,
            "intermediate_size": 3072,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "vocab_size": 49408,
        },
        {
            "hidden_size": 1280,
            "intermediate_size": 5120,
            "num_hidden_layers": 32,
            "num_attention_heads": 20,
            "projection_dim": 1280,
            "hidden_act": "gelu",
            "vocab_size": 49408,
        },
    ),
    structure=StructureConfig(
        vision={
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_hidden_layers": 23,
            "num_attention_heads": 16,
            "image_size": 224,
            "patch_size": 14,
        },
        feature_dim=768,
        embedding_dim=768,
        resampler_dim=1024,
        resampler_heads=16,
    ),
    ep_tokens=16,
    ep_dim=1280,
    ep_heads=20,
    flow=None,
    prediction_type="v_prediction",
    published={"unet": 2_567_463_684, "vae": 83_819_683, "clip_vision": 303_179_776},
    defaults=SamplingDefaults(guidance=2.0),
)

# Published weights alone, to draw over a draft (nothing here was trained for garments).
_SDXL_REFINE = replace(
    _SDXL,
    name="sdxl-refine",
    latent_channels=4,
    autoencoder=(
        "AutoencoderKL",
        {
            "latent_channels": 4,
            "block_out_channels": (128, 256, 512, 512),
            "layers_per_block": 2,
            "down_block_types": ("DownEncoderBlock2D",) * 4,
            "up_block_types": ("UpDecoderBlock2D",) * 4,
            "scaling_factor": 0.13025,
            "sample_size": 1024,
        },
    ),
    structure=_STUDIO.structure,
    ep_tokens=0,
    guider_channels=(),
    flow=FlowConfig(),
    silhouette=_STUDIO.silhouette,
    corrects_draft=False,
    own_reference=False,
    white_outside=True,
    zero_empty_text=True,
    prediction_type="epsilon",
    published={"unet": 2_567_463_684, "vae": 83_653_863},
    defaults=SamplingDefaults(strength=0.35, guidance=3.0),
)

_ABLATION = replace(
    _STUDIO,
    name="ablation",
    image_size=128,
    autoencoder=("GarmentAutoencoder", {"latent_channels": 16, "widths": (32, 72), "blocks": 2}),
    unet={**_STUDIO.unet, "sample_size": 8, "block_out_channels": (64, 112), "cross_attention_dim": 64},
    text=({**_STUDIO.text[0], "hidden_size": 64, "intermediate_size": 192, "num_hidden_layers": 2},),
    ep_dim=64,
    defaults=SamplingDefaults(),
)

PRESETS: dict[str, Preset] = {preset.name: preset for preset in (_STUDIO, _SDXL, _SDXL_REFINE, _ABLATION)}


def get_preset(name: str) -> Preset:
    """Look a preset up.

    Raises:
        ValueError: if there is none of that name.
    """
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}: choose one of {', '.join(PRESETS)}")
    return PRESETS[name]


def assets_folder() -> Path:
    """Where the bundled checkpoint, bank and examples lie: beside the package."""
    return Path(__file__).resolve().parent.parent / "assets"
