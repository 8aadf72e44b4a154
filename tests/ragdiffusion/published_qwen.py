"""Qwen2-VL with a few thousand weights, in the layout in which it is published."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers import AddedToken
from tokenizers.pre_tokenizers import ByteLevel
from transformers import Qwen2Tokenizer, Qwen2VLConfig, Qwen2VLForConditionalGeneration, Qwen2VLImageProcessorPil

from ragdiffusion.attributes import ATTRIBUTES

WIDTH = 32
SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
REST = ", ".join(json.dumps(a.key) + ": null" for a in ATTRIBUTES if a.key != "collar")
PIECES = ('{"collar": "', "Polo", "Square", f'", {REST}}}')


def publish_qwen(folder: Path, *, seed: int = 0, scripted: bool = False) -> Path:
    """A random Qwen2-VL whose tokens are bytes; a scripted one says PIECES, with a known chance for the value."""
    vocabulary = {letter: index for index, letter in enumerate(sorted(ByteLevel.alphabet()))}
    vocabulary |= {token: len(vocabulary) + index for index, token in enumerate(SPECIAL)}
    tokenizer = Qwen2Tokenizer(vocab=vocabulary, merges=[], eos_token="<|im_end|>", extra_special_tokens=SPECIAL[1:])
    tokenizer.add_tokens([AddedToken(piece, normalized=False) for piece in PIECES])
    number = tokenizer.get_vocab()
    config = Qwen2VLConfig(
        text_config={
            "vocab_size": len(number),
            "hidden_size": WIDTH,
            "intermediate_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "bos_token_id": None,
            "eos_token_id": number["<|im_end|>"],
            "tie_word_embeddings": False,
            "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 1e4},
        },
        vision_config={"depth": 1, "embed_dim": 32, "hidden_size": WIDTH, "num_heads": 2, "mlp_ratio": 1},
        image_token_id=number["<|image_pad|>"],
        video_token_id=number["<|video_pad|>"],
        vision_start_token_id=number["<|vision_start|>"],
        vision_end_token_id=number["<|vision_end|>"],
        tie_word_embeddings=False,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Qwen2VLForConditionalGeneration(config)
    if scripted:
        _script(model, number)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    Qwen2VLImageProcessorPil().save_pretrained(folder)
    return folder


def _script(model: Qwen2VLForConditionalGeneration, number: dict[str, int]) -> None:
    """Weights by hand: nothing but the last token counts, and each token has one follower (the first piece two)."""
    layer, table = model.model.language_model.layers[0], model.get_input_embeddings().weight.data.zero_()
    layer.self_attn.o_proj.weight.data.zero_()
    layer.mlp.down_proj.weight.data.zero_()
    head = model.lm_head.weight.data.zero_()
    opening, value, rival, rest = (number[piece] for piece in PIECES)
    line_end = number[ByteLevel(add_prefix_space=False).pre_tokenize_str("\n")[0][0]]  # with which the prompt ends
    followers = {
        line_end: {opening: 4.0},
        opening: {value: 4.0, rival: 3.8},
        value: {rest: 4.0},
        rest: {number["<|im_end|>"]: 4.0},
    }
    for axis, (token, next_ones) in enumerate(followers.items()):
        table[token, axis] = 1.0
        for follower, weight in next_ones.items():
            head[follower, axis] = weight
