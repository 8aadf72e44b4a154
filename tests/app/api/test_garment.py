"""Which garment is meant, as a program says it: the handlers over a parser that sees bands, and one real call."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from app.api.handlers import ApiHandlers, GuideRequest
from tests.app.in_browser import Studio

STEPS = {"seed": 0, "steps": 1}


@pytest.fixture
def handlers(make_services: Callable, parsing: Callable) -> ApiHandlers:
    return ApiHandlers(make_services(lambda: parsing("upper", "lower")))


@pytest.fixture
def marked(tmp_path: Path) -> Path:
    mask = np.zeros((400, 300), np.uint8)
    mask[60:340, 30:270] = 255
    Image.fromarray(mask).save(tmp_path / "garment.png")
    return tmp_path / "garment.png"


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        (None, None),
        ("lower", {"name": "lower"}),
        (" Lower ", {"name": "lower"}),
        ("150, 380", {"point": [150.0, 380.0]}),
    ],
)
def test_a_garment_is_named_or_pointed_at(
    handlers: ApiHandlers, upload: Callable, said: str | None, logged: dict | None
) -> None:
    started, _ = handlers.start("ana", GuideRequest(upload(), garment=said), STEPS, seeds=1)
    assert started.runs[0].inputs.garment == logged
    found = handlers.history("ana", {}, count=1, before=None)
    assert found["runs"][0]["garment"] == logged


def test_another_garment_has_another_structure(handlers: ApiHandlers, upload: Callable) -> None:
    guides = [
        handlers.retrieve("ana", GuideRequest(upload(), garment=said))[0] for said in (None, "upper", "lower", "9,390")
    ]
    similar = [[each["similarity"] for each in guide["candidates"]] for guide in guides]
    assert similar[0] == similar[1] != similar[2] and similar[2] == similar[3]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("dress", "no dress garment"),
        ("hat", "'hat' is not known: one of upper"),
        ("each", "several pictures"),
        ("900,10", "outside the photo"),
        ("/etc/hostname", "is not known"),
        ("garment.png", "is not known"),
    ],
)
def test_what_means_no_garment_is_refused(handlers: ApiHandlers, upload: Callable, said: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        handlers.start("ana", GuideRequest(upload(), garment=said), STEPS, seeds=1)
    assert handlers.history("ana", {}, count=1, before=None)["total"] == 0


def test_one_way_to_say_it_is_enough(handlers: ApiHandlers, upload: Callable, marked: Path) -> None:
    with pytest.raises(ValueError, match="send one of them"):
        handlers.retrieve("ana", GuideRequest(upload(), garment="upper", garment_mask=str(marked)))


def test_a_program_marks_the_garment_by_a_mask(studio: Studio, upload: Callable, marked: Path, tmp_path: Path) -> None:
    """Over HTTP, where the checkpoint has no parser."""
    client = Client(studio.address, download_files=tmp_path / "received", verbose=False)
    given = {"garment_mask": handle_file(marked), "steps": 1}
    made, _, _ = client.predict(handle_file(upload()), **given, api_name="/generate")
    digest = made["runs"][0]["garment"]["mask"]
    (stored,) = (studio.workspace / "images").rglob(f"{digest}.png")
    assert hashlib.sha256(stored.read_bytes()).hexdigest() == digest
    np.testing.assert_array_equal(np.asarray(Image.open(stored)), np.asarray(Image.open(marked)))
    found = client.predict(count=1, api_name="/history")
    assert found["runs"][0]["garment"] == {"mask": digest}
    with pytest.raises(AppError, match="no parser that tells garments apart"):
        client.predict(handle_file(upload()), garment="upper", api_name="/retrieve")
    client.close()
