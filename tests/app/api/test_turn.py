"""How a photo is to be turned, as a program says it: the handlers over a parser that sees bands, and one real call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from app.api.handlers import ApiHandlers, GuideRequest
from ragdiffusion import RAGDiffusion
from ragdiffusion.api import Sight
from tests.app.in_browser import Studio

TAKEN = "the largest top or dress is taken, the top; there is also trousers or skirt"


@pytest.fixture
def upright(photo_bytes: Callable[..., bytes], tmp_path: Path) -> Path:
    """300 x 400."""
    (tmp_path / "upright.png").write_bytes(photo_bytes())
    return tmp_path / "upright.png"


@pytest.fixture
def aside(upright: Path, tmp_path: Path) -> Path:
    """The same, lying on its left side."""
    with Image.open(upright) as photo:
        photo.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "aside.png")
    return tmp_path / "aside.png"


@pytest.fixture
def handlers(make_services: Callable, parsing: Callable, monkeypatch: pytest.MonkeyPatch) -> ApiHandlers:
    """Over a model to which what is wider than high looks turned."""

    def looks_turned(self: RAGDiffusion, photo: Image.Image | Sight) -> int:
        width, height = (photo.photo if isinstance(photo, Sight) else photo).size
        return int(width > height)

    monkeypatch.setattr(RAGDiffusion, "looks_turned", looks_turned)
    return ApiHandlers(make_services(lambda: parsing("upper", "lower")))


def turns(answer: dict) -> tuple[int, int]:
    return answer["turned"], answer["looks_turned"]


def test_a_photo_is_turned_or_told_of(handlers: ApiHandlers, upright: Path, aside: Path) -> None:
    right, outline = handlers.retrieve("ana", GuideRequest(str(upright)))
    assert turns(right) == (0, 0)
    told, _ = handlers.retrieve("ana", GuideRequest(str(aside)))
    assert turns(told) == (0, 90) and told["candidates"] != right["candidates"]
    for words in ("90", "auto", " Auto "):
        found, same = handlers.retrieve("ana", GuideRequest(str(aside), turn=words))
        assert turns(found) == (90, 0) and found["candidates"] == right["candidates"] and same == outline
    assert turns(handlers.retrieve("ana", GuideRequest(str(upright), turn="auto"))[0]) == (0, 0)
    assert turns(handlers.retrieve("ana", GuideRequest(str(aside), turn="0"))[0]) == (0, 0), "it is upright, they say"
    with pytest.raises(ValueError, match="turned by 0, 90, 180 or 270 degrees, or auto, got '45'"):
        handlers.retrieve("ana", GuideRequest(str(aside), turn="45"))


def test_what_is_marked_turns_along(handlers: ApiHandlers, upright: Path, aside: Path, tmp_path: Path) -> None:
    pointed, _ = handlers.retrieve("ana", GuideRequest(str(upright), garment="9,390"))
    below = handlers.retrieve("ana", GuideRequest(str(aside), garment="390,290", turn="auto"))[0]
    assert below["candidates"] == pointed["candidates"] and turns(below) == (90, 0)
    mask = np.zeros((400, 300), np.uint8)
    mask[60:200, 30:270] = 255
    found = []
    for path, quarters in ((upright, 0), (aside, 1)):
        Image.fromarray(np.rot90(mask, quarters).copy()).save(given := tmp_path / "mask.png")
        for name in ("garment_mask", "mask"):
            guide, outline = handlers.retrieve("ana", GuideRequest(str(path), turn="auto", **{name: str(given)}))
            found.append((guide["candidates"], outline))
    assert found[0] == found[2] and found[1] == found[3]


def test_a_run_remembers_how_its_photo_was_turned(handlers: ApiHandlers, aside: Path) -> None:
    settings = {"seed": 0, "steps": 1}
    started, hint = handlers.start("ana", GuideRequest(str(aside), turn="auto", mirror=True), settings, seeds=1)
    assert hint == {"turned": 90, "looks_turned": 0, "notes": [TAKEN]}
    assert started.runs[0].inputs.framing == {"turns": 1, "box": None, "mirrored": True}
    _, hint = handlers.start("ana", GuideRequest(str(aside)), settings, seeds=1)
    assert hint == {"turned": 0, "looks_turned": 90, "notes": [TAKEN]}


def test_where_no_garment_is_found_it_is_told_too(handlers: ApiHandlers, aside: Path) -> None:
    with pytest.raises(ValueError, match=r"no dress garment.*; the photo looks turned: turn=90 turns it"):
        handlers.retrieve("ana", GuideRequest(str(aside), garment="dress"))
    with pytest.raises(ValueError, match=r"no dress garment[^;]*$"):
        handlers.retrieve("ana", GuideRequest(str(aside), garment="dress", turn="auto"))


def test_over_http_a_number_serves_too(studio: Studio, aside: Path, tmp_path: Path) -> None:
    client = Client(studio.address, download_files=tmp_path / "received", verbose=False)
    assert turns(client.predict(handle_file(aside), turn=90, api_name="/retrieve")[0]) == (90, 0)
    made, _, _ = client.predict(handle_file(aside), turn="270", steps=1, api_name="/generate")
    assert turns(made) == (270, 0) and made["runs"][0]["framing"]["turns"] == 3
    with pytest.raises(AppError, match="got 'left'"):
        client.predict(handle_file(aside), turn="left", api_name="/generate")
    client.close()
