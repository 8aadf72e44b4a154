"""What a batch is asked for: one value that goes to every worker, and decides what is made again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ragdiffusion.parsing.choice import EACH

if TYPE_CHECKING:
    from ragdiffusion.api import PictureSize, RAGDiffusion

_ONLY_HOW = ("device", "offload", "compiled", "together")  # what is made is the same


@dataclass(frozen=True)
class PictureRequest:
    """What is made of every photo, and with which model; it travels to worker processes.

    Attributes:
        preset, checkpoint, bank, device, offload, compiled, reader, parser: as `RAGDiffusion.from_pretrained` takes
            them.
        dtype: name of torch's.
        k, alpha, attributes: as `RAGDiffusion.retrieve` takes them.
        steps, seed, guidance, strength: as `RAGDiffusion.generate` takes them.
        size: as `RAGDiffusion.generate` takes it, but that a photo too small for a number gets its own size.
        garment: which garment of each photo is meant, in words as `parse_choice` reads them.
        turn: how each photo is turned, as `turned_photo.look_at` takes it.
        drafted: whether each picture obeys the shape that is drafted for its photo, and not the consensus.
        together: pictures that are made in one call of the model, 1 to 256.

    Raises:
        ValueError: if there are fewer or more together.
    """

    preset: str = "studio"
    checkpoint: str | None = None
    bank: str | None = None
    device: str | None = None
    dtype: str = "float32"
    offload: str = "whole"
    compiled: bool = False
    reader: str = "heads"
    parser: str = "bundled"
    k: int | None = None
    alpha: float | None = None
    attributes: Mapping[str, str] | None = None
    steps: int | None = None
    seed: int = 0
    guidance: float | None = None
    strength: float | None = None
    size: PictureSize = "photo"
    garment: str | None = None
    turn: int | str | None = None
    drafted: bool = False
    together: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.together <= 256:
            raise ValueError(f"--together is {self.together}, 1 to 256 wanted")

    def fingerprint(self) -> str:
        """Everything that decides how a picture looks, in 12 letters: under another one it is made again."""
        asked = {name: value for name, value in asdict(self).items() if name not in _ONLY_HOW}
        for name in ("drafted", "turn"):  # what reports of earlier releases say still holds
            if asked[name] == getattr(PictureRequest, name):
                del asked[name]
        return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:12]

    def load_model(self) -> RAGDiffusion:
        """Load the model that is asked for, without the libraries' own bars and notices.

        Raises:
            ValueError: if it can't be loaded, or each garment of a photo is wanted and it has no parser.
        """
        import torch

        from ragdiffusion.api import RAGDiffusion
        from ragdiffusion.logs import quiet_libraries

        quiet_libraries()
        model = RAGDiffusion.from_pretrained(
            self.checkpoint,
            preset=self.preset,
            bank=self.bank,
            device=self.device,
            dtype=getattr(torch, self.dtype),
            offload=self.offload,
            compiled=self.compiled,
            reader=self.reader,
            parser=self.parser,
        )
        if self.garment == EACH and model.parser is None:
            raise ValueError(
                "`each` garment of a photo needs a checkpoint with a parser, which this one has not: name one "
                "garment, or leave it out"
            )
        return model
