"""What the photo pane is told of garments, and what its choice does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.landmark_editor.rle import decode
from app.pages.design.handlers import DesignHandlers
from app.pages.shared.bench_views import BENCH_VIEWS, NOTHING_FOUND, BenchPresenter
from app.pages.shared.status import Status
from app.runs.bench import Bench
from app.runs.services import Services


@pytest.fixture
def photo(photo_bytes: Callable[..., bytes], tmp_path: Path) -> Callable[..., str]:
    """A photo as an upload, a square one if nothing else is said."""

    def write(name: str = "shirt.png", size: tuple[int, int] = (240, 240)) -> str:
        (tmp_path / name).write_bytes(photo_bytes(size=size))
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
    settled = handlers.settle(bench, views["canvas"])
    assert settled["status"]["message"] == views["status"]["message"], "it stays when a candidate is picked"

    photo_id = views["photo"]["sha256"]
    after = handlers.choose(bench, {"photo": photo_id, "garment": 0})
    assert set(after) == set(BENCH_VIEWS) and after["photo"]["chosen"] == 0
    assert "image" not in after["photo"], "the picture is not sent again"
    below = decode(after["photo"]["mask"]["mask"], 240) > 127
    assert below[100:].all() and not below[:60].any(), "the brush begins with the garment that is meant"
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


def test_a_photo_without_a_garment_stays_until_one_is_marked(
    make_services: Callable, parsing: Callable, photo: Callable
) -> None:
    services = make_services(lambda: parsing())
    handlers, bench = handlers_of(services), Bench(services.engine, "ana")
    views = handlers.place_photo(bench, photo("empty.png"), 4, 0.5)
    assert views["photo"]["name"] == "empty.png" and views["photo"]["image"]
    assert views["photo"]["unmarked"] == views["status"]["message"] == NOTHING_FOUND
    assert views["film"]["neighbours"] == [] and "canvas" not in views
    with pytest.raises(ValueError, match="no garment is marked in the photo yet"):
        bench.require()
    late = [*handlers.drafts(bench), handlers.draft(bench), handlers.ghost(bench)]  # of a garment that lay here before
    assert late == [{}, {}], "what the page asks by itself says nothing over what is said of this photo"

    box = {"photo": views["photo"]["sha256"], "box": [0.05, 0.1, 0.95, 0.9]}
    marked = handlers.mark(bench, box)
    assert marked["photo"]["unmarked"] is None and marked["photo"]["own"] == "marked by you"
    assert set(marked) == set(BENCH_VIEWS) and len(marked["film"]["neighbours"]) > 0
    with pytest.raises(ValueError, match="that box is the whole photo"):
        handlers.mark(bench, {**box, "box": [0, 0, 1, 1]})
    with pytest.raises(ValueError, match="another photo lies here by now"):
        handlers.mark(bench, {**box, "photo": "another"})


def test_a_photo_is_turned_and_cut_in_shares_of_its_sides(bench: Bench, services: Services, photo: Callable) -> None:
    handlers = handlers_of(services)
    views = handlers.place_photo(bench, photo(size=(300, 400)), 4, 0.5)
    sha256 = views["photo"]["sha256"]
    cut = handlers.frame(bench, {"photo": sha256, "box": [0, 0.25, 1, 1]})["photo"]
    assert cut["size"] == "300 × 300" and cut["box"] == [0, 0.25, 1, 1] and cut["ratio"] == 0.75
    turned = handlers.frame(bench, {"photo": sha256, "quarters": 1})["photo"]
    assert (turned["size"], turned["turns"], turned["box"]) == ("300 × 300", 1, [0, 0, 0.75, 1]), "the box turns along"
    whole = handlers.frame(bench, {"photo": sha256, "box": None})["photo"]
    assert (whole["size"], whole["turns"], whole["box"]) == ("400 × 300", 1, None)
    back = handlers.frame(bench, {"photo": sha256, "quarters": -1})["photo"]
    assert (back["size"], back["turns"]) == ("300 × 400", 0)
    with pytest.raises(ValueError, match="is too small"):
        handlers.frame(bench, {"photo": sha256, "box": [0.5, 0.5, 0.51, 0.51]})
    with pytest.raises(ValueError, match="is no box"):
        handlers.frame(bench, {"photo": sha256, "box": "all"})


def test_a_mask_that_looks_inverted_is_asked_about(
    bench: Bench, services: Services, photo: Callable, tmp_path: Path
) -> None:
    handlers = handlers_of(services)
    handlers.place_photo(bench, photo(), 4, 0.5)
    ground = np.full((256, 256), 255, np.uint8)
    ground[40:220, 60:200] = 0

    def upload() -> str:
        Image.fromarray(ground).save(tmp_path / "ground.png")
        return str(tmp_path / "ground.png")

    asked = handlers.outline(bench, upload())
    assert asked["canvas"]["inverted"]["name"] == "ground.png" and bench.work.guide.landmark_source == "consensus"
    taken = handlers.doubted(bench, {"invert": True})
    assert taken["canvas"]["source"] == "edited"
    assert bench.work.guide.landmark[128, 128] == 1 and bench.work.guide.landmark[5, 5] == 0
    with pytest.raises(ValueError, match="not here any more"):
        handlers.doubted(bench, {"invert": True})
    handlers.outline(bench, upload())
    handlers.doubted(bench, {"invert": False})
    assert bench.work.guide.landmark[128, 128] == 0 and bench.work.guide.landmark[30, 30] == 1


def test_without_a_parser_there_is_nothing_to_choose(services: Services, bench: Bench, photo: Callable) -> None:
    views = handlers_of(services).place_photo(bench, photo(), 4, 0.5)
    assert views["photo"]["garments"] is None and views["photo"]["chosen"] is None
