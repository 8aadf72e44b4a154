"""Published parts: the same tensors come out as went in, whatever the layout; CLIP's second-to-last layer."""

from __future__ import annotations

import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file
from transformers import CLIPModel

from ragdiffusion.generation.builder.published import (
    load_clip_vision,
    load_scheduler,
    load_text_branch,
    load_unet,
    load_vae,
)
from tests.ragdiffusion.published import WORDS, copied, halve, shard


def test_a_unet_is_read_as_its_own_library_reads_it(sdxl):
    ours, theirs = load_unet(sdxl / "unet"), UNet2DConditionModel.from_pretrained(sdxl / "unet")
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name
    assert dict(ours.config)["addition_embed_type"] == "text_time" and not ours.training


@pytest.mark.parametrize("variant", [None, "fp16"])
def test_shards_and_fp16_give_the_same_weights(sdxl, tmp_path, variant):
    part = copied(sdxl / "unet", tmp_path / "unet")
    if variant is not None:
        halve(part)
    shard(part, variant=variant)
    found, whole = load_unet(part), load_unet(sdxl / "unet")  # fp16 alone is taken without being asked for
    for name, value in whole.state_dict().items():
        wanted = value if variant is None else value.half().float()
        assert torch.equal(found.state_dict()[name], wanted), name
    assert load_unet(part, variant=variant, dtype=torch.bfloat16).dtype == torch.bfloat16


def test_full_precision_is_preferred_where_both_lie(sdxl, tmp_path):
    part = copied(sdxl / "vae", tmp_path / "vae")
    (file,) = part.glob("*.safetensors")
    whole = file.read_bytes()
    halve(part)
    file.write_bytes(whole)
    name = "encoder.conv_in.weight"
    full = load_vae(part).state_dict()[name]
    assert torch.equal(full, load_file(file)[name])
    assert torch.equal(load_vae(part, variant="fp16").state_dict()[name], full.half().float())


def test_autoencoders_keep_their_scaling_and_shift(sdxl, flux):
    four, sixteen = load_vae(sdxl / "vae"), load_vae(flux / "vae")
    assert (four.config.latent_channels, four.config.scaling_factor) == (4, 0.13025)
    assert (sixteen.config.latent_channels, sixteen.config.scaling_factor, sixteen.config.shift_factor) == (
        16,
        0.3611,
        0.1159,
    )
    assert sixteen.quant_conv is None


def test_older_names_of_an_autoencoders_attention_are_known(sdxl, tmp_path):
    from safetensors.torch import save_file

    part = copied(sdxl / "vae", tmp_path / "vae")
    (file,) = part.glob("*.safetensors")
    tensors = load_file(file)
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    for new, name in old.items():
        tensors = {
            key.replace(f".attentions.0.{new}.", f".attentions.0.{name}."): value for key, value in tensors.items()
        }
    assert any("proj_attn" in name for name in tensors)
    save_file(tensors, file)
    found = load_vae(part).state_dict()
    for name, value in load_vae(sdxl / "vae").state_dict().items():
        assert torch.equal(found[name], value), name


def test_text_encoders_and_tokenizers_come_in_pairs(sdxl):
    text = load_text_branch(sdxl)
    written = load_file(sdxl / "text_encoder" / "model.safetensors")
    name = "encoder.layers.1.self_attn.k_proj.weight"
    own = text.text_encoder.state_dict()
    assert torch.equal(own[name if name in own else f"text_model.{name}"], written[f"text_model.{name}"])
    words = " ".join(WORDS[:11])
    for tokenizer, pad in ((text.tokenizer, "<|endoftext|>"), (text.tokenizer_2, "!")):
        ids = tokenizer(words, padding="max_length", max_length=tokenizer.model_max_length).input_ids
        assert len(ids) == 24 and tokenizer.decode(ids, skip_special_tokens=True).startswith(words)
        assert tokenizer.pad_token == pad and ids[-1] == tokenizer.pad_token_id
        assert ids[0] == tokenizer.bos_token_id
        assert ids[1 + len(tokenizer.tokenize(words))] == tokenizer.eos_token_id
    assert text.text_encoder_2.config.hidden_act == "gelu"


def test_a_tower_is_clip_up_to_its_second_to_last_layer(clip):
    tower = load_clip_vision(clip)
    whole = CLIPModel.from_pretrained(clip).eval()
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted = whole.vision_model(images, output_hidden_states=True).hidden_states[-2]
        torch.testing.assert_close(tower(images).last_hidden_state, wanted)
    assert tower.config.num_hidden_layers == whole.config.vision_config.num_hidden_layers - 1


def test_the_schedule_is_the_published_one_from_its_last_step(sdxl):
    scheduler = load_scheduler(sdxl / "scheduler")
    scheduler.set_timesteps(30)
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    torch.testing.assert_close(scheduler.alphas_cumprod, (1 - betas).cumprod(0))
    assert scheduler.timesteps[0] == 999 and scheduler.config.prediction_type == "epsilon"
    assert scheduler.final_alpha_cumprod == 1
