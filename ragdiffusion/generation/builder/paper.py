"""The paper's model put together from published parts: what a training of the denoiser starts from (4.1)."""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

from ragdiffusion.config import Preset
from ragdiffusion.generation.builder.ip_adapter import start_from_ip_adapter
from ragdiffusion.generation.builder.locations import open_location
from ragdiffusion.generation.builder.published import (
    SDXL_PARTS,
    TextBranch,
    load_clip_vision,
    load_scheduler,
    load_text_branch,
    load_unet,
    load_vae,
)
from ragdiffusion.generation.conditioners import EPAdapter, LandmarkGuider, expand_conv_in
from ragdiffusion.structure.structure_net import DOMAINS, StructureNet

_VISION = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "image_size",
    "patch_size",
    "hidden_act",
)


@dataclass(frozen=True)
class PaperParts:
    """Where the published parts lie, each a folder or a hub id.

    Attributes:
        sdxl: SDXL base, with all its parts.
        vae: the 16-channel autoencoder itself, or the folder of a model with one in `vae/` (FLUX).
        clip: CLIP ViT-L/14.
        unet: SDXL's UNet adapted to the autoencoder's channels by PGEA; None: SDXL's own.
        ip_adapter: file of IP-Adapter-plus for SDXL, None: the EP-Adapter starts new.
        variant: of the weights, such as `fp16`.
    """

    sdxl: str | Path
    vae: str | Path
    clip: str | Path
    unet: str | Path | None = None
    ip_adapter: Path | None = None
    variant: str | None = None


def paper_components(preset: Preset, parts: PaperParts, dtype: torch.dtype = torch.float32) -> dict[str, Any]:
    """Every component of the paper's pipeline; torch's global generator decides the weights of new parts.

    MainNet and ReferenceNet start from the same weights (3.3), both towers of StructureNet from CLIP's, without its
    last layer (9.2). EP-Adapter and Landmark Guider are new.

    Args:
        preset: gives the sizes of the new parts.
        parts: where the published ones lie.
        dtype: of all parameters.

    Raises:
        ValueError: if a part can't be loaded or two do not fit together.
    """
    sdxl = open_location(parts.sdxl, SDXL_PARTS)
    clip = open_location(parts.clip)
    vae = load_vae(vae_folder(parts.vae), variant=parts.variant, dtype=dtype)
    unet_folder = sdxl / "unet" if parts.unet is None else open_location(parts.unet)
    unet = load_unet(unet_folder, variant=parts.variant if parts.unet is None else None, dtype=dtype)
    check_fit(vae, unet)
    text = load_text_branch(sdxl, variant=parts.variant, dtype=dtype)
    check_text(text, unet)
    adapter = EPAdapter.of_unet(unet, **preset.ep_adapter)
    if parts.ip_adapter is not None:
        start_from_ip_adapter(adapter, parts.ip_adapter)
    reference_net = copy.deepcopy(unet)
    expand_conv_in(unet, unet.config.in_channels + preset.guider_channels[-1])
    return {
        "vae": vae,
        "text_encoder": text.text_encoder,
        "tokenizer": text.tokenizer,
        "text_encoder_2": text.text_encoder_2,
        "tokenizer_2": text.tokenizer_2,
        "structure_net": structure_from_clip(preset, clip, variant=parts.variant, dtype=dtype),
        "unet": unet,
        "reference_net": reference_net,
        "ep_adapter": adapter.to(dtype).eval(),
        "landmark_guider": LandmarkGuider(channels=preset.guider_channels).to(dtype).eval(),
        "appearance_flow": None,
        "silhouette_net": None,
        "scheduler": load_scheduler(sdxl / "scheduler"),
    }


def vae_folder(location: str | Path) -> Path:
    """An autoencoder may be given itself or as the `vae/` of a model."""
    folder = Path(location)
    if folder.is_dir():
        return folder / "vae" if (folder / "vae").is_dir() else folder
    return open_location(location, ("vae",)) / "vae"


def structure_from_clip(
    preset: Preset, folder: Path, *, variant: str | None = None, dtype: torch.dtype = torch.float32
) -> StructureNet:
    """A new StructureNet whose towers are CLIP's image encoder, positions and all, without its last layer."""
    tower = load_clip_vision(folder, variant=variant, dtype=dtype)
    vision = {key: value for key, value in tower.config.to_dict().items() if key in _VISION}
    net = StructureNet(**asdict(replace(preset.structure, vision=vision))).to(dtype)
    for domain in DOMAINS:
        net.towers[domain].load_state_dict(tower.state_dict())
    return net.eval()


def check_fit(vae: AutoencoderKL, unet: UNet2DConditionModel) -> None:
    """See to it that a UNet draws the latents of an autoencoder.

    Raises:
        ValueError: if their channels differ.
    """
    latent, wanted = vae.config.latent_channels, unet.config.in_channels
    if not latent == wanted == unet.config.out_channels:
        raise ValueError(
            f"the autoencoder has {latent} channels and the UNet takes {wanted} and gives "
            f"{unet.config.out_channels}: adapt the UNet first by `train pgea`, then pass it with --unet"
        )


def check_text(text: TextBranch, unet: UNet2DConditionModel) -> None:
    """See to it that a UNet reads what the text encoders write.

    Raises:
        ValueError: if their widths differ.
    """
    width = sum(encoder.config.hidden_size for encoder in text.encoders)
    if width != unet.config.cross_attention_dim:
        raise ValueError(
            f"the text encoders give {width} numbers a token, the UNet reads "
            f"{unet.config.cross_attention_dim}: take text encoders and UNet of one model"
        )
