"""Qwen2-VL on this machine as an attribute reader (3.1, 9.2)."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from PIL import Image

from ragdiffusion.structure.readers.dialogue import MAX_ANSWER_TOKENS, Reply, Turn, converse
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

    @torch.no_grad()
    def read(self, photo: Image.Image) -> AttributeReading:
        """Read a photo."""
        started = time.perf_counter()
        seen = self._image_processor(images=[reduced(photo)], return_tensors="pt").to(self._model.device)
        try:
            outcome = converse(lambda turns: self._answer(turns, seen))
        except (ReadingFailed, RuntimeError) as error:
            if not isinstance(error, ReadingFailed):  # such as a device out of memory
                _LOG.exception("Qwen2-VL failed")
            note = f"Qwen2-VL could not read the attributes: {str(error).splitlines()[0]}"
            return complete_reading({}, {}, reader="qwen", started=started, note=note)
        return complete_reading(outcome.values, outcome.confidence, reader="qwen", started=started)

    def _answer(self, turns: list[Turn], seen: dict[str, torch.Tensor]) -> Reply:
        """Greedy decoding, with the probability of every token."""
        ids = self._prompt(turns, seen["image_grid_thw"])
        output = self._model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            mm_token_type_ids=(ids == self._place).long(),
            pixel_values=seen["pixel_values"],
            image_grid_thw=seen["image_grid_thw"],
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
        said = output.sequences[0, ids.shape[1] :].tolist()
        log_probabilities = [
            float(step[0].float().log_softmax(-1)[token]) for step, token in zip(output.logits, said, strict=True)
        ]
        pieces, text = [], ""
        for count in range(1, len(said) + 1):  # a letter may be spread over tokens, so each adds to the whole
            longer = self._tokenizer.decode(said[:count], skip_special_tokens=True)
            pieces.append(longer[len(text) :])
            text = longer
        return Reply(text, tuple(zip(pieces, log_probabilities, strict=True)))

    def _prompt(self, turns: list[Turn], grid: torch.Tensor) -> torch.Tensor:
        """The dialogue in Qwen's chat form: (1, L) token ids, one place token for each merged patch of the photo."""
        patches = int(grid[0].prod()) // self._image_processor.merge_size**2
        photo = _PHOTO.replace(_PLACE, _PLACE * patches)
        parts = ["<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"]
        for index, turn in enumerate(turns):
            # What the model said goes back without its marks, so that no text can pose as a turn or a photo.
            text = turn.text.replace("<|", "< |")
            parts.append(f"<|im_start|>{turn.role}\n{photo if index == 0 else ''}{text}<|im_end|>\n")
        prompt = "".join([*parts, "<|im_start|>assistant\n"])
        return self._tokenizer(prompt, return_tensors="pt").input_ids.to(self._model.device)
