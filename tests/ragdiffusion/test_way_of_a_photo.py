"""A photo goes down through the rooms, and seldom comes up again on its way to a picture."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType

from PIL import Image

from ragdiffusion.retrieval.sight import Sight

_PACKAGE = Path(__file__).resolve().parents[2] / "ragdiffusion"
_LAYERS = {"api.py": 3, "generation": 2, "retrieval": 2, "parsing": 1, "structure": 1, "draft": 1, "bank": 1}
"""Room: how high it stands. The façade, the two halves, what they ask; the foundation below is nobody's way back."""


class Way:
    """Records the layers of the calls that are given a photo, or a sight of one, while it is entered."""

    def __init__(self) -> None:
        self.stops: list[tuple[int, str]] = []

    def __enter__(self) -> Way:
        sys.setprofile(self._watch)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _watch(self, frame: FrameType, event: str, _: object) -> None:
        file = Path(frame.f_code.co_filename)
        if event != "call" or not file.is_relative_to(_PACKAGE):
            return
        layer = _LAYERS.get(file.relative_to(_PACKAGE).parts[0])
        if layer is not None and any(isinstance(value, Image.Image | Sight) for value in frame.f_locals.values()):
            self.stops.append((layer, f"{file.stem}.{frame.f_code.co_name}"))

    def returns(self) -> list[str]:
        """The stops that stand higher than the one before."""
        return [after[1] for before, after in zip(self.stops, self.stops[1:], strict=False) if after[0] > before[0]]


def test_a_way_by_hand():
    way = Way()
    way.stops = [(3, "see"), (2, "observe"), (1, "find"), (2, "frame"), (2, "read"), (3, "generate"), (2, "draw")]
    assert way.returns() == ["frame", "generate"]


def test_a_photo_comes_up_at_most_four_times_on_its_way_through_generate(tiny_model, make_photo):
    photo = make_photo(3)
    tiny_model.generate(photo, steps=1)  # what is imported and made once is no part of the way
    with Way() as way:
        tiny_model.generate(photo, steps=1)
    assert {layer for layer, _ in way.stops} == {1, 2, 3}, way.stops
    assert len(way.returns()) <= 4, [name for _, name in way.stops]
