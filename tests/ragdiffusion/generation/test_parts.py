"""Parts of a checkpoint, read one by one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers import DDIMScheduler

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
