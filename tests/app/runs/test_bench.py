"""The bench and the page's handlers over a small real model, without a browser."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from app.pages.design.handlers import DesignHandlers
from app.pages.shared.bench_views import FIELDS, BenchPresenter
from app.pages.shared.context import PageContext
from app.pages.shared.status import Status
from app.runs.bench import Bench
from app.runs.bench_drafts import make_draft
from app.runs.services import Services
from ragdiffusion.api import RAGDiffusion
from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN

Draw = Callable[..., bytes]
Shape = Callable[[int], np.ndarray]


def design_handlers(services: Services, examples: dict[str, Path]) -> DesignHandlers:
    status = Status(services.engine, services.queue)
    return DesignHandlers(services.engine, BenchPresenter(status), status, examples)


def mask_png(mask: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray((mask * 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


# ---- the structure


def test_a_pick_lasts_as_long_as_its_candidate(bench: Bench, placed: Callable[..., Bench]) -> None:
    work = placed(bench).work
    assert len(work.drafts) == 8, "as many as K can ask for"
    assert bench.pick(2).guide.landmark_source == "candidate"
    assert bench.work.pushed == 1


def test_an_own_outline_is_used_as_shown_and_survives_another_reading(
    bench: Bench, placed: Callable[..., Bench], drawn_silhouette: Shape
) -> None:
    mask = drawn_silhouette(3)
    placed(bench)
    drawn = bench.outline(mask_png(mask), "mine.png")
    assert drawn.guide.landmark_source == "edited" and drawn.draft is None
    draft = make_draft(bench).draft
    halved = torch.nn.functional.avg_pool2d(torch.from_numpy(mask)[None], 2)[0]
    assert torch.equal(drawn.guide.landmark, (halved * 255).round() / 255), "to the 8 bits of the log"
    described = bench.describe({"collar": "Polo"})
    assert torch.equal(described.guide.landmark, drawn.guide.landmark) and described.draft is draft
    assert described.token > drawn.token


def test_a_corrected_attribute_changes_the_embedding_until_it_is_given_back(
    bench: Bench, handlers: DesignHandlers, placed: Callable[..., Bench]
) -> None:
    before = placed(bench).work.guide
    values = [before.attributes[key] for key in FIELDS]
    at = FIELDS.index("sleeve_length")
    other = "Long" if values[at] != "Long" else "Short"
    views = handlers.describe(bench, *values[:at], other, *values[at + 1 :])
    after = bench.work.guide
    assert after.attributes["sleeve_length"] == other and not torch.equal(after.query, before.query)
    assert bench.work.corrected == {"sleeve_length": other}
    assert views["sleeve_length"]["label"].endswith(" · yours") and views["sleeve_length"]["value"] == other
    shown = [after.attributes[key] for key in FIELDS]
    handlers.describe(bench, *shown[:at], UNKNOWN, *shown[at + 1 :])
    assert bench.work.corrected == {} and torch.equal(bench.work.guide.query, before.query)


def test_fields_say_how_sure_their_reader_was(bench: Bench, context: PageContext, placed: Callable[..., Bench]) -> None:
    views, sure = context.bench_presenter.all(placed(bench)), bench.work.guide.attribute_confidence
    for attribute in ATTRIBUTES:
        label = views[attribute.key]["label"]
        assert label == (f"{attribute.name} · {sure[attribute.key]:.0%}" if attribute.key in sure else attribute.name)


# ---- bad input: a message, and nothing written


BAD_PHOTOS = {
    "empty.jpg": lambda draw: b"",
    "text.jpg": lambda draw: b"this is no picture",
    "cut.png": lambda draw: draw()[:200],
    "dot.png": lambda draw: draw(size=(8, 8)),
}


@pytest.mark.parametrize("name", BAD_PHOTOS)
def test_a_bad_photo_changes_nothing(bench: Bench, name: str, placed: Callable[..., Bench], photo_bytes: Draw) -> None:
    before = placed(bench).work
    with pytest.raises(ValueError, match=name) as caught:
        bench.place(BAD_PHOTOS[name](photo_bytes), name, k=4, alpha=0.5)
    assert "\n" not in str(caught.value)
    assert bench.work is before


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (np.zeros((300, 300)), "marks 0.0% of the picture"),
        (np.ones((300, 300)), "marks 100.0%"),
        (np.eye(300, 200), "must be square"),
    ],
)
def test_a_bad_outline_changes_nothing(
    bench: Bench, mask: np.ndarray, expected: str, placed: Callable[..., Bench]
) -> None:
    before = placed(bench).work
    with pytest.raises(ValueError, match=expected):
        bench.outline(mask_png(mask), "mine.png")
    assert bench.work is before


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"k": 0}, "K must be a whole number"),
        ({"k": 99}, "K|k"),
        ({"alpha": 1.5}, "alpha|α"),
        ({"alpha": float("nan")}, "alpha|α"),
    ],
)
def test_a_guide_out_of_range_is_refused(
    bench: Bench, values: dict, expected: str, placed: Callable[..., Bench], photo_bytes: Draw
) -> None:
    before = placed(bench).work
    with pytest.raises(ValueError, match=expected):
        bench.place(photo_bytes(), "shirt.png", **{"k": 4, "alpha": 0.5, **values})
    assert bench.work is before


# ---- the page's handlers


@pytest.fixture
def handlers(services: Services, tmp_path: Path, photo_bytes: Draw) -> DesignHandlers:
    example = tmp_path / "dress.jpg"
    example.write_bytes(photo_bytes(form="JPEG"))
    return design_handlers(services, {"dress.jpg": example})


def test_the_page_opens_and_shows_a_photo_and_a_pick(bench: Bench, handlers: DesignHandlers) -> None:
    first, ready = handlers.open(bench)
    assert [example["name"] for example in first["photo"]["examples"]] == ["dress.jpg"]
    assert ready["status"]["state"] == "ready" and (ready["k"], ready["alpha"]) == (4, 0.5)

    views = handlers.place_example(bench, {"name": "dress.jpg"}, 5, 0.5)
    assert len(views["film"]["neighbours"]) == 8 and set(FIELDS) <= set(views)
    assert views["film"]["drafts"] == [None] * 8 and views["canvas"]["source"] == "consensus"
    *_, last = handlers.drafts(bench)
    assert all(url.startswith("data:image/jpeg;base64,") for url in last["film"]["drafts"])
    token = views["canvas"]["token"]
    event = {"token": token, "serial": 1, "k": 3, "alpha": 0.1, "source": "candidate", "choice": 2, "mask": None}
    canvas = handlers.settle(bench, event)["canvas"]
    assert (canvas["settled"], canvas["choice"], canvas["k"], canvas["draft"]) == (1, 2, 3, None)
    assert handlers.ghost(bench)["canvas"]["ghost"].startswith("data:image/jpeg")
    with pytest.raises(ValueError, match="drawing.svg: no shape"):
        handlers.say(bench, {"message": "drawing.svg: no shape"})


def test_without_weights_the_page_says_what_to_do(
    make_services: Callable[..., Services], tmp_path: Path, photo_bytes: Draw
) -> None:
    missing = tmp_path / "nowhere"
    services = make_services(lambda: RAGDiffusion.from_pretrained(missing))
    bench = Bench(services.engine, "")
    first, last = design_handlers(services, {}).open(bench)
    assert first["status"]["state"] == "loading" and last["status"]["state"] == "failed"
    assert f"'{missing}' not found: give a folder" in last["status"]["message"]
    with pytest.raises(ValueError, match="not found: give a folder"):
        bench.place(photo_bytes(), "shirt.png", k=4, alpha=0.5)
    assert bench.work is None


def test_nothing_happens_before_a_photo(bench: Bench, handlers: DesignHandlers) -> None:
    assert handlers.describe(bench, *[UNKNOWN] * 14) == {}
    with pytest.raises(ValueError, match="no photo yet: drop, paste or choose one"):
        handlers.settle(bench, {})


def test_a_refusal_is_said_and_the_unexpected_is_short(services: Services, caplog) -> None:
    status = Status(services.engine, services.queue)
    message, views = status.refuse(ValueError("do this"))
    assert message == "do this" == views["status"]["message"]
    again = status.refuse(ValueError("do this"))[1]
    assert views["photo"] != again["photo"], "or the browser would not hear of the second one"
    message, _ = status.refuse(ZeroDivisionError("division by zero\nsecond line"))
    assert message == "ZeroDivisionError: division by zero (the whole of it is in the terminal)"
    assert "second line" in caplog.text
