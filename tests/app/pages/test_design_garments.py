"""What the photo pane is told of garments, and what its choice does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.landmark_editor.rle import decode
from app.pages.design.handlers import DesignHandlers
from app.pages.shared.bench_views import BENCH_VIEWS, BenchPresenter
from app.pages.shared.status import Status
from app.runs.bench import Bench
from app.runs.services import Services


@pytest.fixture
def photo(photo_bytes: Callable[..., bytes], tmp_path: Path) -> Callable[..., str]:
    """A square photo as an upload."""

    def write(name: str = "shirt.png") -> str:
        (tmp_path / name).write_bytes(photo_bytes(size=(240, 240)))
        return str(tmp_path / name)

    return write


def handlers_of(services: Services) -> DesignHandlers:
    services.engine.model()
    status = Status(services.engine, services.queue)
    return DesignHandlers(services.engine, BenchPresenter(status), status, {})


def test_the_garments_are_named_and_one_is_chosen(make_services: Callable, parsing: Callable, photo: Callable) -> None:
    services = make_services(lambda: parsing("upper", "lower"))
    handlers, bench = handlers_of(services), Bench(services.engine, "ana")
    views = handlers.place_photo(bench, photo(), 4, 0.5)
    garments = views["photo"]["garments"]
    assert [each["title"] for each in garments["found"]] == ["trousers or skirt", "top"]
    assert views["photo"]["chosen"] == 1
    assert (garments["width"], garments["height"]) == (240, 240)
    indices = decode(garments["map"], 240)
    assert np.unique(indices[:80]) == [2] and np.unique(indices[80:]) == [1]
    assert views["status"]["message"] == ("The largest top or dress is taken, the top; there is also trousers or skirt")

    photo_id = views["photo"]["sha256"]
    after = handlers.choose(bench, {"photo": photo_id, "garment": 0})
    assert set(after) == set(BENCH_VIEWS) and after["photo"] == {"chosen": 0}, "the picture is not sent again"
    assert after["film"]["token"] > views["film"]["token"]
    assert after["status"]["message"] == "Pick a candidate or keep the consensus, then Generate"
    assert bench.work.garment == "lower"
    for event, message in (
        ({"photo": "another", "garment": 0}, "another photo"),
        ({"photo": photo_id, "garment": 5}, "no garment 6"),
        ({"photo": photo_id, "garment": -1}, "-1 is no garment"),
        ({"photo": photo_id, "garment": None}, "None is no garment"),
    ):
        with pytest.raises(ValueError, match=message):
            handlers.choose(bench, event)
    assert bench.work.garment == "lower"


def test_a_photo_without_a_garment_is_a_message(make_services: Callable, parsing: Callable, photo: Callable) -> None:
    services = make_services(lambda: parsing())
    handlers, bench = handlers_of(services), Bench(services.engine, "ana")
    with pytest.raises(ValueError, match=r"empty\.png: no garment was found in this photo; take one that"):
        handlers.place_photo(bench, photo("empty.png"), 4, 0.5)


def test_without_a_parser_there_is_nothing_to_choose(services: Services, bench: Bench, photo: Callable) -> None:
    views = handlers_of(services).place_photo(bench, photo(), 4, 0.5)
    assert views["photo"]["garments"] is None and views["photo"]["chosen"] is None
