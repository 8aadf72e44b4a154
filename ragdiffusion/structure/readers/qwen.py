"""Qwen2-VL on this machine as an attribute reader (3.1, 9.2)."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch.nn import functional as F

from ragdiffusion.structure.readers.dialogue import MAX_ANSWER_TOKENS, Dialogue, Reply, Turn
from ragdiffusion.structure.readers.reading import AttributeReading, ReadingFailed, complete_reading, reduced

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
    from transformers.image_processing_utils import BaseImageProcessor

_LOG = logging.getLogger(__name__)
_PLACE = "<|image_pad|>"
_PHOTO = f"<|vision_start|>{_PLACE}<|vision_end|>"


class QwenReader:
    """Asks a Qwen2-VL model for the attributes; where it has no valid answer they stay "Unknown".

    Made with `from_pretrained`. The processor class of transformers would also load its video half, which demands
    torchvision; a photo needs only the tokenizer and the image processor, so these are used directly.

    Args:
        model: `Qwen2VLForConditionalGeneration` or one with the same inputs, in eval mode.
        tokenizer: with Qwen's chat and vision tokens.
        image_processor: that cuts photos into patches.
        answer_tokens: an answer's longest, tokens.

    Raises:
        ValueError: if the tokenizer lacks the tokens of Qwen2-VL.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        image_processor: BaseImageProcessor,
        *,
        answer_tokens: int = MAX_ANSWER_TOKENS,
    ) -> None:
        known = tokenizer.get_vocab()
        missing = [
            token
            for token in ("<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", _PLACE)
            if token not in known
        ]
        if missing:
            raise ValueError(f"the tokenizer has no {', '.join(missing)}: give a Qwen2-VL model")
        self._model, self._tokenizer, self._image_processor = model, tokenizer, image_processor
        self._place, self._end = known[_PLACE], known["<|im_end|>"]
        self._answer_tokens = answer_tokens

    @classmethod
    def from_pretrained(
        cls, location: str | Path, *, device: str = "cpu", answer_tokens: int = MAX_ANSWER_TOKENS
    ) -> QwenReader:
        """Load a model.

        Args:
            location: folder in transformers layout, or hub id such as Qwen/Qwen2-VL-2B-Instruct; with
                HF_HUB_OFFLINE=1 only what is already in the hub's cache.
            device: torch device.
            answer_tokens: an answer's longest, tokens.

        Raises:
            ValueError: if it can't be found, read, or is no whole Qwen2-VL.
        """
        from safetensors import SafetensorError
        from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer

        name = str(location)
        try:
            tokenizer = AutoTokenizer.from_pretrained(name)
            image_processor = AutoImageProcessor.from_pretrained(name, backend="pil")
            model, report = AutoModelForImageTextToText.from_pretrained(
                name, dtype="auto", use_safetensors=True, output_loading_info=True
            )
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ValueError(
                f"{name!r} can't be loaded as Qwen2-VL ({reason}): give a folder with its config, "
                "tokenizer, preprocessor and safetensors, or a hub id and a network"
            ) from error
        if report["missing_keys"]:
            raise ValueError(
                f"{name!r} lacks {len(report['missing_keys'])} weights, such as "
                f"{min(report['missing_keys'])}: download or export it again"
            )
        return cls(
            model.to(device).eval().requires_grad_(False), tokenizer, image_processor, answer_tokens=answer_tokens
        )

    def read(self, photo: Image.Image) -> AttributeReading:
        """Read a photo."""
        return self.read_many([photo])[0]

    @torch.no_grad()
    def read_many(self, photos: Sequence[Image.Image]) -> list[AttributeReading]:
        """Read photos together; where memory does not hold all of them, fewer at a time."""
        started, dialogues = time.perf_counter(), [Dialogue() for _ in photos]
        try:
            seen = [self._image_processor(images=[reduced(photo)], return_tensors="pt") for photo in photos]
            while waiting := [number for number, dialogue in enumerate(dialogues) if not dialogue.over]:
                replies = self._answers([dialogues[n].turns for n in waiting], [seen[n] for n in waiting])
                for number, reply in zip(waiting, replies, strict=True):
                    dialogues[number].take(reply)
        except torch.OutOfMemoryError as error:
            if len(photos) > 1:
                half = len(photos) // 2
                _LOG.warning("memory does not hold %d photos for Qwen2-VL: going on with %d", len(photos), half)
                return [*self.read_many(photos[:half]), *self.read_many(photos[half:])]
            return [_unread(error, started)]
        except RuntimeError as error:
            _LOG.exception("Qwen2-VL failed")
            return [_unread(error, started) for _ in photos]
        share = (time.perf_counter() - started) * 1e3 / max(1, len(photos))
        return [replace(_reading(dialogue, started), milliseconds=share) for dialogue in dialogues]

    def _answers(self, dialogues: Sequence[list[Turn]], seen: Sequence[Mapping[str, torch.Tensor]]) -> list[Reply]:
        """Greedy decoding of several dialogues, with the probability of every token."""
        device = self._model.device
        rows = [self._prompt(turns, own["image_grid_thw"]) for turns, own in zip(dialogues, seen, strict=True)]
        ids, mask = _padded_left(rows, self._end)
        output = self._model.generate(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            mm_token_type_ids=(ids == self._place).long().to(device),
            pixel_values=torch.cat([own["pixel_values"] for own in seen]).to(device),
            image_grid_thw=torch.cat([own["image_grid_thw"] for own in seen]).to(device),
            max_new_tokens=self._answer_tokens,
            do_sample=False,
            temperature=None,
            top_p=None,
            top_k=None,
            repetition_penalty=1.0,
            eos_token_id=self._end,
            pad_token_id=self._end,
            output_logits=True,
            return_dict_in_generate=True,
        )
        said = output.sequences[:, ids.shape[1] :]  # (B, L)
        likely = [step.float().log_softmax(-1).gather(1, said[:, [i]]) for i, step in enumerate(output.logits)]
        return [self._reply(*row) for row in zip(said.tolist(), torch.cat(likely, 1).tolist(), strict=True)]

    def _reply(self, said: list[int], log_probabilities: list[float]) -> Reply:
        """What one row says, up to its end: rows that end early are filled up."""
        count = said.index(self._end) + 1 if self._end in said else len(said)
        pieces, text = [], ""
        for length in range(1, count + 1):  # a letter may be spread over tokens, so each adds to the whole
            longer = self._tokenizer.decode(said[:length], skip_special_tokens=True)
            pieces.append(longer[len(text) :])
            text = longer
        return Reply(text, tuple(zip(pieces, log_probabilities[:count], strict=True)))

    def _prompt(self, turns: list[Turn], grid: torch.Tensor) -> torch.Tensor:
        """The dialogue in Qwen's chat form: (L,) token ids, one place token for each merged patch of the photo."""
        patches = int(grid[0].prod()) // self._image_processor.merge_size**2
        photo = _PHOTO.replace(_PLACE, _PLACE * patches)
        parts = ["<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"]
        for index, turn in enumerate(turns):
            # What the model said goes back without its marks, so that no text can pose as a turn or a photo.
            text = turn.text.replace("<|", "< |")
            parts.append(f"<|im_start|>{turn.role}\n{photo if index == 0 else ''}{text}<|im_end|>\n")
        prompt = "".join([*parts, "<|im_start|>assistant\n"])
        return self._tokenizer(prompt, return_tensors="pt").input_ids[0]


def _padded_left(rows: Sequence[torch.Tensor], filler: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of token ids (L_i,) as one batch (B, L) that ends with each row's last token, and its mask."""
    longest = max(len(row) for row in rows)
    pad = lambda row, value: F.pad(row, (longest - len(row), 0), value=value)  # noqa: E731
    return (
        torch.stack([pad(row, filler) for row in rows]),
        torch.stack([pad(torch.ones_like(row), 0) for row in rows]),
    )


def _reading(dialogue: Dialogue, started: float) -> AttributeReading:
    try:
        outcome = dialogue.outcome()
    except ReadingFailed as error:
        return _unread(error, started)
    return complete_reading(outcome.values, outcome.confidence, reader="qwen", started=started)


def _unread(error: Exception, started: float) -> AttributeReading:
    note = f"Qwen2-VL could not read the attributes: {str(error).splitlines()[0]}"
    return complete_reading({}, {}, reader="qwen", started=started, note=note)
