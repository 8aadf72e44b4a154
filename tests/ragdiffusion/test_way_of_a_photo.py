"""The way of a photo through the house: down into a room and back, few times."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import ragdiffusion
from ragdiffusion import RAGDiffusion, api

_HOUSE = str(Path(ragdiffusion.__file__).parent)
_WITHOUT_THE_PHOTO = ("over", "landmark_id")  # which bank is searched, and which entry was chosen
_ROOMS = ("parsing", "retrieval", "generation", "draft", "structure", "bank", "images.py", "decoding.py")


def _room(frame: FrameType | None) -> str:
    """The room or file of the package that a frame is in; "" outside of it."""
    file = "" if frame is None else frame.f_code.co_filename
    return Path(file).relative_to(_HOUSE).parts[0] if file.startswith(_HOUSE) else ""


def returns_to_the_facade(do: Callable[[], Any]) -> list[str]:
    """From which rooms a call comes back to the façade, in order."""
    came: list[str] = []

    def watch(frame: FrameType, event: str, _: Any) -> None:
        if event != "return" or frame.f_back is None or frame.f_back.f_code.co_filename != api.__file__:
            return
        if _room(frame) in _ROOMS and frame.f_code.co_name not in _WITHOUT_THE_PHOTO:
            came.append(_room(frame))

    sys.setprofile(watch)
    try:
        do()
    finally:
        sys.setprofile(None)
    return came


def test_a_photo_comes_back_to_the_facade_four_times_at_most(tiny_model: RAGDiffusion, make_photo: Callable) -> None:
    """It is decoded, seen, its guide is found, its picture is made."""
    photo = make_photo(0)
    came = returns_to_the_facade(lambda: tiny_model.generate(photo))
    assert len(came) <= 4 and (came[0], came[-1]) == ("images.py", "generation"), came
