"""Tiny random models in the layout in which the real ones are published: folders, configs, names of the tensors."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
)

WORDS = ("a", "flat", "lay", "photo", "of", "shirt", "dress", "with", "collar", "round", "t", "-", ",", ".", "!")
_BEGIN, _END = "<|startoftext|>", "<|endoftext|>"

UNET = {
    "sample_size": 8,
    "block_out_channels": (8, 16, 16),
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 1, 2),
    "cross_attention_dim": 32,
    "attention_head_dim": (1, 2, 2),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 4,
    "projection_class_embeddings_input_dim": 6 * 4 + 16,
}
VAE = {
    "block_out_channels": (4, 4, 8, 8),
    "layers_per_block": 1,
    "norm_num_groups": 2,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
}
TEXT = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 24,
}
VISION = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 16,
}


def publish_sdxl(folder: Path, *, seed: int = 0) -> Path:
    """SDXL base: every part in its own folder, its autoencoder of 4 channels."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        UNet2DConditionModel(in_channels=4, out_channels=4, **UNET).save_pretrained(folder / "unet")
        AutoencoderKL(latent_channels=4, scaling_factor=0.13025, **VAE).save_pretrained(folder / "vae")
        for name, kind, extra in (
            ("", CLIPTextModel, {}),
            ("_2", CLIPTextModelWithProjection, {"projection_dim": 16, "hidden_act": "gelu"}),
        ):
            publish_tokenizer(folder / f"tokenizer{name}", pad=_END if not name else "!")
            config = {
                **TEXT,
                **extra,
                "vocab_size": len(_vocabulary()),
                "bos_token_id": _vocabulary()[_BEGIN],
                "eos_token_id": _vocabulary()[_END],
            }
            _publish_clip(kind(CLIPTextConfig(**config)), folder / f"text_encoder{name}", "text_model.")
    EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, timestep_spacing="leading"
    ).save_pretrained(folder / "scheduler")
    (folder / "model_index.json").write_text(
        json.dumps({"_class_name": "StableDiffusionXLPipeline", "force_zeros_for_empty_prompt": True})
    )
    return folder


def publish_flux(folder: Path, *, seed: int = 1) -> Path:
    """FLUX, of which only the autoencoder of 16 channels is of use here."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        AutoencoderKL(
            latent_channels=16,
            scaling_factor=0.3611,
            shift_factor=0.1159,
            use_quant_conv=False,
            use_post_quant_conv=False,
            **VAE,
        ).save_pretrained(folder / "vae")
    return folder


def publish_clip(folder: Path, *, seed: int = 2) -> Path:
    """A whole CLIP, image and text, as ViT-L/14 is published."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = CLIPModel(CLIPConfig(text_config={**TEXT, "vocab_size": 49408}, vision_config=VISION, projection_dim=8))
    _publish_clip(model, folder, "")
    return folder


def publish_unet(folder: Path, channels: int, *, seed: int = 3) -> Path:
    """A UNet of so many channels in and out, as PGEA leaves it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        UNet2DConditionModel(in_channels=channels, out_channels=channels, **UNET).save_pretrained(folder)
    return folder


def publish_tokenizer(folder: Path, *, pad: str) -> None:
    """CLIP's tokenizer: vocabulary, merges and their settings, in the files of old."""
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps(_vocabulary()))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(_merges()) + "\n")
    tokens = {"bos_token": _BEGIN, "eos_token": _END, "unk_token": _END, "pad_token": pad}
    (folder / "special_tokens_map.json").write_text(json.dumps(tokens))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({**tokens, "model_max_length": TEXT["max_position_embeddings"], "tokenizer_class": "CLIPTokenizer"})
    )


def _merges() -> list[str]:
    """Merges that put each word together from its letters, left to right."""
    merges: dict[str, None] = {}
    for word in WORDS:
        letters = [*word[:-1], f"{word[-1]}</w>"]
        while len(letters) > 1:
            merges[f"{letters[0]} {letters[1]}"] = None
            letters = [letters[0] + letters[1], *letters[2:]]
    return list(merges)


def _vocabulary() -> dict[str, int]:
    letters = sorted({*"abcdefghijklmnopqrstuvwxyz", *WORDS[-4:]})
    pieces = [
        *letters,
        *(f"{letter}</w>" for letter in letters),
        *(merge.replace(" ", "") for merge in _merges()),
        _BEGIN,
        _END,
    ]
    return {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}


def _publish_clip(model: torch.nn.Module, folder: Path, prefix: str) -> None:
    """Save under the published names, with the positions that older files hold too."""
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(folder)
    tensors = {
        name if name.startswith(prefix) or name.startswith("text_projection") else f"{prefix}{name}": value.contiguous()
        for name, value in model.state_dict().items()
    }
    for branch in ("text_model", "vision_model"):
        if any(name.startswith(branch) for name in tensors):
            tensors[f"{branch}.embeddings.position_ids"] = torch.arange(5)[None]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def shard(part: Path, *, variant: str | None = None, count: int = 2) -> None:
    """Cut a part's weights into shards with an index, as large models are published."""
    from safetensors.torch import load_file

    (file,) = part.glob("*.safetensors")
    stem = file.stem.partition(".")[0]
    tensors = load_file(file)
    names = sorted(tensors)
    places = {}
    for number in range(count):
        tag = "" if variant is None else f".{variant}"
        target = f"{stem}{tag}-{number + 1:05d}-of-{count:05d}.safetensors"
        own = names[number::count]
        save_file({name: tensors[name] for name in own}, part / target)
        places |= dict.fromkeys(own, target)
    tag = "" if variant is None else f".{variant}"
    (part / f"{stem}.safetensors.index{tag}.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    file.unlink()


def halve(part: Path) -> None:
    """Replace a part's weights by their fp16 variant."""
    from safetensors.torch import load_file

    (file,) = part.glob("*.safetensors")
    save_file(
        {name: value.half() if value.is_floating_point() else value for name, value in load_file(file).items()},
        file.with_name(f"{file.stem}.fp16.safetensors"),
    )
    file.unlink()


def copied(folder: Path, target: Path) -> Path:
    """A copy to damage."""
    shutil.copytree(folder, target)
    return target
