"""The bundled reader: one linear head for each attribute on StructureNet's photo tower."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
import torch
from PIL import Image

from ragdiffusion.attributes import ATTRIBUTES
from ragdiffusion.structure.network import StructureNet
from ragdiffusion.structure.readers.reading import AttributeReading, complete_reading

SURE = 0.5
"""An attribute is read when its likeliest value has more than this probability."""


class HeadReader:
    """Reads attributes with StructureNet's heads.

    Args:
        net: in eval mode; a head that never saw a label is still all zeros, and its attribute stays "Unknown".
        look: photo -> (1, L, feature_dim) tokens of the photo tower.
        sure: in [0, 1), see `SURE`.

    Raises:
        ValueError: if `sure` is out of range.
    """

    def __init__(self, net: StructureNet, look: Callable[[Image.Image], torch.Tensor], *, sure: float = SURE) -> None:
        if not 0 <= sure < 1:
            raise ValueError(f"sure is {sure}, a probability from 0 to just below 1 wanted")
        self._net, self._look, self.sure = net, look, sure
        self.taught: frozenset[str] = frozenset(
            attribute.key for attribute, head in zip(ATTRIBUTES, net.attribute_heads, strict=True)
            if bool(head.weight.any()) or bool(head.bias.any()))

    @torch.no_grad()
    def read(self, photo: Image.Image) -> AttributeReading:
        """Read a photo."""
        started = time.perf_counter()
        return self._decide(self._look(photo), started)

    @torch.no_grad()
    def read_tokens(self, tokens: torch.Tensor) -> AttributeReading:
        """Read a photo whose tokens, (1, L, feature_dim), are at hand."""
        return self._decide(tokens, time.perf_counter())

    def probabilities(self, tokens: torch.Tensor) -> dict[str, np.ndarray]:
        """What the heads give each value of the attributes they were taught: key -> (values,) that sum to 1.

        Args:
            tokens: (1, L, feature_dim) of the photo tower.
        """
        logits = torch.cat(self._net.read_attributes(tokens), -1)[0].double().cpu()  # one transfer for all heads
        parts = zip(ATTRIBUTES, logits.split([len(a.values) for a in ATTRIBUTES]), strict=True)
        return {attribute.key: own.softmax(-1).numpy() for attribute, own in parts if attribute.key in self.taught}

    def _decide(self, tokens: torch.Tensor, started: float) -> AttributeReading:
        return sure_reading(self.probabilities(tokens), self.sure, started=started)


def sure_reading(shares: Mapping[str, np.ndarray], sure: float, *, started: float) -> AttributeReading:
    """The likeliest value of each attribute where it is likely enough; the rest is "Unknown".

    Args:
        shares: key -> probabilities of its values, (values,), which sum to at most 1.
        sure: what a probability must exceed.
        started: `time.perf_counter()` when reading began.
    """
    values, confidence = {}, {}
    for attribute in ATTRIBUTES:
        own = shares.get(attribute.key)
        if own is not None and own.max() > sure:
            values[attribute.key] = attribute.values[int(own.argmax())]
            confidence[attribute.key] = min(1.0, float(own.max()))
    return complete_reading(values, confidence, reader="heads", started=started)
