"""The text branch: captions to what cross-attention reads, with one or two CLIP text encoders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import nn
from transformers import PreTrainedTokenizerFast

from ragdiffusion.attributes import vocabulary

_PAD, _UNKNOWN, _BEGIN, _END = "<pad>", "<unknown>", "<begin>", "<end>"


@dataclass(frozen=True)
class TextFeatures:
    """Encoded captions.

    Attributes:
        hidden: (B, L, width) second-to-last layers of the encoders, side by side.
        pooled: (B, width) pooled output of the last encoder, None where the UNet takes none.
    """

    hidden: torch.Tensor
    pooled: torch.Tensor | None


def caption_tokenizer(max_length: int) -> PreTrainedTokenizerFast:
    """A word-level tokenizer over every word that a caption of Table 6's attributes can hold."""
    words = [_PAD, _UNKNOWN, _BEGIN, _END, *vocabulary()]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token=_UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    # What `attributes.words` finds: a hyphen joins ("T-shirt" is one word), punctuation goes.
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("[a-z0-9]+(?:-[a-z0-9]+)*"), behavior="removed", invert=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{_BEGIN} $A {_END}", special_tokens=[(_BEGIN, 2), (_END, 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=_PAD,
        unk_token=_UNKNOWN,
        bos_token=_BEGIN,
        eos_token=_END,
        model_max_length=max_length,
    )


def encode_captions(
    captions: Sequence[str],
    tokenizers: Sequence,
    encoders: Sequence[nn.Module],
    *,
    pooled: bool,
    zero_empty: bool = False,
    device: torch.device | None = None,
) -> TextFeatures:
    """Encode captions.

    Args:
        captions: B sentences; an empty one stands for no text.
        tokenizers: one for each encoder.
        encoders: CLIP text models; the last one is pooled.
        pooled: whether the UNet wants the pooled output.
        device: where the encoders compute; None: where their weights are.
        zero_empty: an empty caption becomes zeros, where the UNet was trained so.
    """
    hidden, last = [], None
    for tokenizer, encoder in zip(tokenizers, encoders, strict=True):
        tokens = tokenizer(
            list(captions),
            padding="max_length",
            truncation=True,
            max_length=tokenizer.model_max_length,
            return_tensors="pt",
        ).input_ids
        last = encoder(tokens.to(device or next(encoder.parameters()).device), output_hidden_states=True)
        hidden.append(last.hidden_states[-2])
    features = TextFeatures(hidden=torch.cat(hidden, -1), pooled=last[0] if pooled else None)
    return _without_empty(features, captions) if zero_empty else features


def _without_empty(features: TextFeatures, captions: Sequence[str]) -> TextFeatures:
    """The same, zero in the rows of empty captions."""
    said = torch.tensor([bool(caption) for caption in captions], device=features.hidden.device)
    rows = lambda t: t * said.to(t.dtype).view(-1, *(1,) * (t.ndim - 1))  # noqa: E731
    return TextFeatures(rows(features.hidden), None if features.pooled is None else rows(features.pooled))
