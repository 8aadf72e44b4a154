"""The published parts that a paper-scale model starts from, each loaded strictly from its own layout.

SDXL base (UNet, two text encoders with tokenizers, scheduler, its 4-channel VAE), the 16-channel VAE of FLUX, and
CLIP ViT-L/14 (9.2). Every number is read from the configs that come with the weights.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModel,
    PreTrainedTokenizerFast,
)

from ragdiffusion.generation.autoencoder import GarmentAutoencoder
from ragdiffusion.generation.builder.locations import open_location
from ragdiffusion.generation.builder.weights import Weights, find_weights, load_into, read_config

SDXL_PARTS = ("unet", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler", "vae")
_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


@dataclass(frozen=True)
class TextBranch:
    """SDXL's two text encoders, or a model's only one, with what turns captions into their tokens."""

    text_encoder: CLIPTextModel
    tokenizer: Any
    text_encoder_2: CLIPTextModelWithProjection | None = None
    tokenizer_2: Any = None

    @property
    def encoders(self) -> list[torch.nn.Module]:
        """The text encoders that are there."""
        return [encoder for encoder in (self.text_encoder, self.text_encoder_2) if encoder is not None]

    @property
    def tokenizers(self) -> list[Any]:
        """One for each encoder."""
        return [tokenizer for tokenizer in (self.tokenizer, self.tokenizer_2) if tokenizer is not None]


def _model(
    kind: type,
    folder: Path,
    variant: str | None,
    dtype: torch.dtype,
    rename: Callable[[str], str | None] = lambda name: name,
) -> Any:
    """A model of diffusers from a part's folder.

    Raises:
        ValueError: if it is another class's, or its weights do not fit.
    """
    config = read_config(folder)
    if config.get("_class_name") != kind.__name__:
        raise ValueError(f"{folder}: a {config.get('_class_name', 'model of no known class')}, {kind.__name__} wanted")
    weights = find_weights(folder, variant)
    with init_empty_weights():
        module = kind.from_config(config)
    return load_into(module, weights, dtype=dtype, rename=rename)


def load_unet(folder: Path, *, variant: str | None = None, dtype: torch.dtype = torch.float32) -> UNet2DConditionModel:
    """A UNet from its folder, such as SDXL's, or one that PGEA has adapted."""
    return _model(UNet2DConditionModel, folder, variant, dtype)


def load_vae(
    folder: Path, *, variant: str | None = None, dtype: torch.dtype = torch.float32
) -> AutoencoderKL | GarmentAutoencoder:
    """An autoencoder from its folder: SDXL's of 4 channels, FLUX's of 16, with their scaling and shift, or our own."""
    if read_config(folder).get("_class_name") == GarmentAutoencoder.__name__:
        return _model(GarmentAutoencoder, folder, variant, dtype)

    def rename(name: str) -> str:  # the attention of older files
        return re.sub(
            r"(attentions\.\d+\.)(query|key|value|proj_attn)\.",
            lambda found: f"{found[1]}{_OLD_ATTENTION[found[2]]}.",
            name,
        )

    return _model(AutoencoderKL, folder, variant, dtype, rename)


def _clip_name(prefix: str, module: torch.nn.Module) -> Callable[[str], str | None]:
    """Published names have a prefix that newer versions of the library leave out, and a buffer that they make."""
    has_prefix = any(name.startswith(prefix) for name in module.state_dict())

    def rename(name: str) -> str | None:
        if name.endswith("position_ids"):
            return None
        return name if has_prefix else name.removeprefix(prefix)

    return rename


def load_text_branch(folder: Path, *, variant: str | None = None, dtype: torch.dtype = torch.float32) -> TextBranch:
    """A model's text encoders and tokenizers: both of SDXL's, or one where there is but one.

    Args:
        folder: of the whole model.
        variant: of the weights.
        dtype: of the parameters.

    Raises:
        ValueError: if a file is missing or does not fit.
    """
    first = _load_text_encoder(folder / "text_encoder", CLIPTextModel, variant, dtype)
    tokenizer = load_tokenizer(folder / "tokenizer")
    if not (folder / "text_encoder_2").is_dir():
        return TextBranch(first, tokenizer)
    second = _load_text_encoder(folder / "text_encoder_2", CLIPTextModelWithProjection, variant, dtype)
    return TextBranch(first, tokenizer, second, load_tokenizer(folder / "tokenizer_2"))


def _load_text_encoder(folder: Path, kind: type, variant: str | None, dtype: torch.dtype) -> Any:
    config = read_config(folder)
    if kind.__name__ not in config.get("architectures", []):
        raise ValueError(f"{folder}: a {config.get('architectures')}, {kind.__name__} wanted")
    with init_empty_weights():
        module = kind(CLIPTextConfig.from_dict(config))
    return load_into(module, find_weights(folder, variant), dtype=dtype, rename=_clip_name("text_model.", module))


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """CLIP's tokenizer from its vocabulary and merges, or the studio's own from its one file.

    Raises:
        ValueError: if a file is missing or can't be read.
    """
    whole = (folder / "tokenizer.json").is_file()
    for name in () if whole else ("vocab.json", "merges.txt"):
        if not (folder / name).is_file():
            raise ValueError(f"{folder}: {name} is missing; take the whole folder of the published model")
    try:
        settings = json.loads((folder / "tokenizer_config.json").read_text())
        kind = CLIPTokenizer if settings.get("tokenizer_class", "").startswith("CLIP") else PreTrainedTokenizerFast
        return kind.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(f"{folder}: no tokenizer that can be read ({reason}); take the folder anew") from error


def load_scheduler(folder: Path) -> DDIMScheduler:
    """DDIM over the schedule that a published model was trained on, from its last step down.

    Raises:
        ValueError: if its config is missing or of no such schedule.
    """
    path = folder / "scheduler_config.json"
    if not path.is_file():
        raise ValueError(f"{folder}: scheduler_config.json is missing; take the whole folder of the published model")
    try:
        config = DDIMScheduler.load_config(folder, local_files_only=True)
        return DDIMScheduler.from_config(
            config, timestep_spacing="trailing", clip_sample=False, set_alpha_to_one=True, steps_offset=0
        )
    except (OSError, ValueError, NotImplementedError) as error:
        raise ValueError(
            f"{path}: no schedule that can be read ({str(error).strip().partition(chr(10))[0]})"
        ) from error


def load_clip_vision(
    folder: Path, *, variant: str | None = None, leave_out: int = 1, dtype: torch.dtype = torch.float32
) -> CLIPVisionModel:
    """CLIP's image encoder, without its last layers, so that its output is the second-to-last one's (9.2).

    Args:
        folder: of a whole CLIP model or of its image encoder alone.
        variant: of the weights.
        leave_out: layers at the end to leave out.
        dtype: of the parameters.

    Raises:
        ValueError: if it is no CLIP, or its weights do not fit.
    """
    config = read_config(folder)
    vision = config.get("vision_config", config)
    if "patch_size" not in vision and config.get("model_type") != "clip":
        raise ValueError(f"{folder}: no CLIP with an image encoder (its config has no vision_config)")
    whole = CLIPVisionConfig.from_dict(vision)
    layers = whole.num_hidden_layers - leave_out
    if layers < 1:
        raise ValueError(
            f"{folder}: an image encoder of {whole.num_hidden_layers} layers, more than {leave_out} wanted"
        )
    kept = CLIPVisionConfig.from_dict({**whole.to_dict(), "num_hidden_layers": layers})
    with init_empty_weights():
        module = CLIPVisionModel(kept)
    weights = find_weights(folder, variant)
    of_vision = {name: file for name, file in weights.files.items() if name.startswith("vision_model.")}
    own_name = _clip_name("vision_model.", module)

    def rename(name: str) -> str | None:
        layer = re.search(r"encoder\.layers\.(\d+)\.", name)
        return None if layer and int(layer[1]) >= layers else own_name(name)

    return load_into(module, Weights(weights.location, of_vision or weights.files), dtype=dtype, rename=rename)


def open_sdxl(location: str | Path) -> Path:
    """The folder of SDXL base with all its parts; see `open_location` for errors."""
    return open_location(location, SDXL_PARTS)
