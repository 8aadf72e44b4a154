"""Parts of a checkpoint, read one by one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers import DDIMScheduler
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from ragdiffusion.generation.parts import load_parts

_INDEX = {"_class_name": "RAGDiffusionPipeline", "image_size": 768, "scheduler": ["diffusers", "DDIMScheduler"]}
_NUMBERS = [name for name in DDIMScheduler().config if not name.startswith("_")]


def test_the_schedule_is_the_one_that_diffusers_reads(tmp_path: Path):
    made = DDIMScheduler(beta_schedule="scaled_linear", rescale_betas_zero_snr=True, prediction_type="sample")
    made.save_pretrained(tmp_path / "scheduler")
    path = tmp_path / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "of_a_later_version": 1}))
    (found,) = load_parts(tmp_path, _INDEX, torch.float32).values()
    wanted = DDIMScheduler.from_pretrained(tmp_path / "scheduler")
    assert torch.equal(found.alphas_cumprod, wanted.alphas_cumprod)
    assert {name: found.config[name] for name in _NUMBERS} == {name: wanted.config[name] for name in _NUMBERS}


def test_what_is_no_part_of_ours_is_left_to_diffusers(tmp_path: Path):
    index = {"tokenizer": ["transformers", "PreTrainedTokenizerFast"], "tokenizer_2": [None, None]}
    assert load_parts(tmp_path, index, torch.float32) == {}


def test_a_part_that_is_not_there_is_an_error(tmp_path: Path):
    with pytest.raises(OSError, match="scheduler"):
        load_parts(tmp_path, _INDEX, torch.float32)


@pytest.mark.parametrize("kind", [CLIPTextModel, CLIPTextModelWithProjection])
@pytest.mark.parametrize("renamed", [False, True], ids=["as saved", "with names of before"])
def test_a_text_encoder_is_the_one_that_transformers_reads(tmp_path: Path, kind: type, renamed: bool):
    numbers = {"vocab_size": 20, "hidden_size": 8, "intermediate_size": 16, "projection_dim": 4}
    config = CLIPTextConfig(**numbers, num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=6)
    torch.manual_seed(0)
    kind(config).save_pretrained(tmp_path / "text_encoder")
    if renamed:  # what `transformers` reads by knowing its own past
        file = tmp_path / "text_encoder" / "model.safetensors"
        weights = {f"text_model.{name.removeprefix('text_model.')}": held for name, held in load_file(file).items()}
        save_file(weights, file, {"format": "pt"})
    index = {"text_encoder": ["transformers", kind.__name__]}
    (found,) = load_parts(tmp_path, index, torch.float16).values()
    wanted = kind.from_pretrained(tmp_path / "text_encoder", dtype=torch.float16)
    assert not found.training and found.dtype == torch.float16
    for name, held in wanted.state_dict().items():
        assert torch.equal(found.state_dict()[name], held), name
    tokens = torch.tensor([[1, 5, 7, 2, 0, 0]])
    assert torch.equal(found.float()(tokens).last_hidden_state, wanted.float()(tokens).last_hidden_state)
