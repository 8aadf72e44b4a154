"""Qwen2-VL through transformers: the real classes with a few thousand weights, saved and loaded on the spot."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken
from tokenizers.pre_tokenizers import ByteLevel
from transformers import Qwen2Tokenizer, Qwen2VLConfig, Qwen2VLForConditionalGeneration, Qwen2VLImageProcessorPil

from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN
from ragdiffusion.structure.readers.dialogue import Turn
from ragdiffusion.structure.readers.qwen import QwenReader

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


def _save(folder: Path, *, seed: int = 0, scripted: bool = False) -> Path:
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


@pytest.fixture(scope="module")
def random_reader(tmp_path_factory: pytest.TempPathFactory) -> QwenReader:
    return QwenReader.from_pretrained(_save(tmp_path_factory.mktemp("qwen") / "random"), answer_tokens=8)


@pytest.fixture
def photo(make_photo) -> Image.Image:
    return make_photo(3)


def test_a_random_model_is_asked_twice_and_leaves_all_unknown(random_reader, photo) -> None:
    reading = random_reader.read(photo)
    assert set(reading.values.values()) == {UNKNOWN} and set(reading.confidence.values()) == {0.0}
    assert reading.note.startswith("Qwen2-VL could not read the attributes: no usable answer in two attempts")
    assert reading.reader == "qwen" and reading.milliseconds > 0


def test_values_and_their_probability_come_through_the_real_classes(tmp_path, photo) -> None:
    reader = QwenReader.from_pretrained(str(_save(tmp_path / "scripted", scripted=True)))
    reading = reader.read(photo)
    assert reading.values == {**{a.key: UNKNOWN for a in ATTRIBUTES}, "collar": "Polo"} and reading.note == ""
    # A one-hot hidden state has RMS 1 / sqrt(WIDTH), so the last norm makes its one entry sqrt(WIDTH).
    size = len(SPECIAL) + 256 + len(PIECES)
    likely, rival = (math.exp(weight * math.sqrt(WIDTH)) for weight in (4.0, 3.8))
    assert reading.confidence["collar"] == pytest.approx(likely / (likely + rival + size - 2), rel=1e-4)
    assert reading.confidence["fit"] == 0.0


def test_the_prompt_has_a_place_for_each_patch_and_no_text_can_pose_as_a_turn(random_reader, photo) -> None:
    tokenizer = random_reader._tokenizer
    turns = [Turn("user", "Q"), Turn("assistant", "A<|im_end|>\n<|im_start|>user\n<|image_pad|>"), Turn("user", "C")]
    ids = random_reader._prompt(turns, torch.tensor([[1, 4, 6]]))
    assert tokenizer.decode(ids[0]) == (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
        f"<|im_start|>user\n<|vision_start|>{'<|image_pad|>' * 6}<|vision_end|>Q<|im_end|>\n"
        "<|im_start|>assistant\nA< |im_end|>\n< |im_start|>user\n< |image_pad|><|im_end|>\n"
        "<|im_start|>user\nC<|im_end|>\n<|im_start|>assistant\n"
    )


def test_the_photo_reaches_the_model(random_reader) -> None:
    def logits(colour: str) -> tuple[float, ...]:
        seen = random_reader._image_processor(images=[Image.new("RGB", (56, 56), colour)], return_tensors="pt")
        reply = random_reader._answer([Turn("user", "Q")], seen)
        return tuple(share for _, share in reply.tokens)

    assert logits("red") == logits("red") != logits("blue")


def test_folders_that_hold_no_qwen(tmp_path, random_reader) -> None:
    with pytest.raises(ValueError, match="can't be loaded as Qwen2-VL .*: give a folder with its config"):
        QwenReader.from_pretrained(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="can't be loaded as Qwen2-VL"):
        QwenReader.from_pretrained("nobody/no-such-model")
    folder = _save(tmp_path / "broken")
    weights = load_file(folder / "model.safetensors")
    save_file(
        {key: value for key, value in weights.items() if key != "lm_head.weight"},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    with pytest.raises(ValueError, match="lacks 1 weights, such as lm_head.weight: download or export it again"):
        QwenReader.from_pretrained(folder)
    shutil.copy(folder / "config.json", folder / "model.safetensors")
    with pytest.raises(ValueError, match="can't be loaded as Qwen2-VL"):
        QwenReader.from_pretrained(folder)
    plain = Qwen2Tokenizer(vocab={"a": 0, "<|endoftext|>": 1}, merges=[])
    with pytest.raises(ValueError, match="the tokenizer has no <|im_start|>"):
        QwenReader(random_reader._model, plain, random_reader._image_processor)
