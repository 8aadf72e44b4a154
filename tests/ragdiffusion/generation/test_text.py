"""Captions to features: every word is known, layers and pooling are those that SDXL takes."""

from __future__ import annotations

import pytest
import torch

from ragdiffusion.attributes import ATTRIBUTES, caption
from ragdiffusion.generation.text import caption_tokenizer, encode_captions


@pytest.fixture(scope="module")
def tokenizer():
    return caption_tokenizer(40)


def test_every_attribute_value_is_read_word_for_word(tokenizer):
    for attribute in ATTRIBUTES:
        for value in attribute.values:
            sentence = caption({attribute.key: value})
            ids = tokenizer(sentence).input_ids
            assert tokenizer.unk_token_id not in ids, sentence
            assert ids[0] == tokenizer.bos_token_id and ids[-1] == tokenizer.eos_token_id
            assert len(ids) == len(sentence.split()) + 2  # a hyphen joins, a comma goes


def test_categories_differ_and_case_does_not(tokenizer):
    category = next(a for a in ATTRIBUTES if a.key == "category")
    read = {tuple(tokenizer(caption({"category": value})).input_ids) for value in category.values}
    assert len(read) == len(category.values)
    assert tokenizer("A Flat-Lay photo").input_ids == tokenizer("a flat-lay photo").input_ids
    assert tokenizer("a zeppelin").input_ids[-2] == tokenizer.unk_token_id


def test_a_caption_that_is_too_long_is_cut_and_ended(tokenizer):
    ids = tokenizer("dress " * 100, truncation=True, max_length=tokenizer.model_max_length).input_ids
    assert len(ids) == 40 and ids[-1] == tokenizer.eos_token_id and ids[-2] == ids[1]


@torch.no_grad()
def test_features_are_second_to_last_layers_side_by_side_and_the_last_encoders_pooled_output(build, presets):
    pipeline = build(presets["sdxl"], trained=True)
    sentences = ["a flat-lay photo of a dress", ""]
    features = pipeline.encode_text(sentences)
    ids = pipeline.tokenizer(sentences, padding="max_length", max_length=48, return_tensors="pt").input_ids
    first, second = (
        encoder(ids, output_hidden_states=True) for encoder in (pipeline.text_encoder, pipeline.text_encoder_2)
    )
    assert torch.equal(features.hidden, torch.cat([first.hidden_states[1], second.hidden_states[1]], -1))
    # Pooled: the last layer at the end token, normalised, projected.
    end = (ids == pipeline.tokenizer.eos_token_id).int().argmax(1)
    assert end.tolist() == [7, 1]
    wanted = pipeline.text_encoder_2.text_projection(second.last_hidden_state[torch.arange(2), end])
    torch.testing.assert_close(features.pooled, wanted)


@torch.no_grad()
def test_one_encoder_gives_no_pooled_output(build, presets):
    pipeline = build(presets["studio"])
    one = pipeline.encode_text(["a flat-lay photo of a shirt"])
    assert one.pooled is None
    other = pipeline.encode_text(["a flat-lay photo of a T-shirt"])
    assert not torch.allclose(one.hidden, other.hidden)
    with pytest.raises(ValueError, match="longer"):
        encode_captions(["a"], [pipeline.tokenizer], [pipeline.text_encoder] * 2, pooled=False)
