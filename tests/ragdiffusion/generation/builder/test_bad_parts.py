"""What can be wrong with a download: one clear line each."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file

from ragdiffusion.generation.builder.locations import open_location
from ragdiffusion.generation.builder.published import (
    load_clip_vision,
    load_scheduler,
    load_tokenizer,
    load_unet,
    load_vae,
    open_sdxl,
)
from ragdiffusion.generation.builder.weights import find_weights
from tests.ragdiffusion.published import copied, shard


@pytest.fixture
def unet(sdxl, tmp_path):
    """A UNet's folder to damage, and its weights."""
    part = copied(sdxl / "unet", tmp_path / "unet")
    (file,) = part.glob("*.safetensors")
    return part, file


def test_a_missing_folder_file_or_shard_is_named(sdxl, unet, tmp_path):
    part, file = unet
    with pytest.raises(ValueError, match=r"the folder unet/ is missing; take the whole model"):
        open_sdxl(part)
    with pytest.raises(ValueError, match=r"no fp16 weights here \(diffusion_pytorch_model\.safetensors or model"):
        load_unet(part, variant="fp16")
    shard(part)
    next(part.glob("*-00002-of-00002.safetensors")).unlink()
    with pytest.raises(ValueError, match=r"00002-of-00002\.safetensors: this shard is missing; take all 2 of them"):
        load_unet(part)
    (part / "config.json").unlink()
    with pytest.raises(ValueError, match=r"config\.json is missing; take the whole folder of the published model"):
        load_unet(part)
    tokenizer = copied(sdxl / "tokenizer", tmp_path / "tokenizer")
    (tokenizer / "merges.txt").unlink()
    with pytest.raises(ValueError, match=r"merges\.txt is missing"):
        load_tokenizer(tokenizer)
    with pytest.raises(ValueError, match=r"scheduler_config\.json is missing"):
        load_scheduler(part)


def test_an_index_that_promises_too_much_is_refused(unet):
    part, _ = unet
    shard(part)
    file = next(part.glob("*-00001-of-00002.safetensors"))
    tensors = load_file(file)
    lost = sorted(tensors)[0]
    save_file({name: value for name, value in tensors.items() if name != lost}, file)
    with pytest.raises(ValueError, match=f"lacks {lost}, which its index promises"):
        load_unet(part)


def test_a_single_file_and_an_unknown_name_are_no_model(unet):
    _, file = unet
    with pytest.raises(ValueError, match=r"a single file; give the folder of the model in diffusers layout"):
        open_location(file)
    with pytest.raises(ValueError, match=r"'nowhere': no such folder, and no hub id like owner/name"):
        open_location("nowhere")
    with pytest.raises(ValueError, match=r"'nobody/nothing' is no folder here and can't be had from the hub"):
        open_location("nobody/nothing")


def test_a_pickle_and_a_lora_are_never_loaded(unet):
    part, file = unet
    save_file({"unet.down_blocks.0.lora_A.weight": torch.zeros(2, 2)}, file)
    with pytest.raises(ValueError, match="a LoRA, which changes a model and is none; give the folder of the model"):
        load_unet(part)
    file.rename(part / "sd_xl_base.ckpt")
    with pytest.raises(ValueError, match=r"sd_xl_base\.ckpt is a pickle, which is never loaded"):
        load_unet(part)


def test_a_truncated_file_is_named(unet):
    part, file = unet
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"damaged or cut short \(.*\); take the file anew"):
        find_weights(part)
    file.write_bytes(b"")
    with pytest.raises(ValueError, match="damaged or cut short"):
        find_weights(part)


def test_another_model_is_told_by_its_class_names_and_shapes(sdxl, clip, unet):
    part, file = unet
    with pytest.raises(ValueError, match="a AutoencoderKL, UNet2DConditionModel wanted"):
        load_unet(sdxl / "vae")
    with pytest.raises(ValueError, match="no CLIP with an image encoder"):
        load_clip_vision(sdxl / "text_encoder")
    tensors = load_file(file)
    save_file({**tensors, "more.weight": torch.zeros(1)}, file)
    with pytest.raises(ValueError, match=r"has 1 tensors that UNet2DConditionModel has not, such as more\.weight"):
        load_unet(part)
    save_file({**tensors, "conv_in.weight": torch.zeros(8, 16, 3, 3)}, file)
    with pytest.raises(ValueError, match=r"conv_in\.weight is \(8, 16, 3, 3\), \(8, 4, 3, 3\) wanted by UNet2DCond"):
        load_unet(part)
    del tensors["conv_out.bias"]
    save_file(tensors, file)
    with pytest.raises(ValueError, match=r"lacks 1 of the \d+ tensors of UNet2DConditionModel, such as conv_out\.bias"):
        load_unet(part)


def test_numbers_that_overflow_half_precision_are_refused(sdxl, tmp_path):
    part = copied(sdxl / "vae", tmp_path / "vae")
    (file,) = part.glob("*.safetensors")
    tensors = load_file(file)
    tensors["encoder.conv_in.bias"][0] = 1e6
    save_file(tensors, file)
    load_vae(part)
    with pytest.raises(ValueError, match=r"conv_in\.bias holds numbers that are not finite in torch\.float16"):
        load_vae(part, dtype=torch.float16)
