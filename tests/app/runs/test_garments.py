"""Which garment of a photo is meant: on the bench, in the log, and on the next photo."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from app.pages.shared.context import PageContext
from app.runs.bench import Bench
from app.runs.bench_drafts import make_drafts
from app.runs.garments import chosen, garment_map, meaning, remembered
from app.session_log.sampling import Sampling
from ragdiffusion.generation import generator
from ragdiffusion.parsing.choosing import NoGarmentError
from ragdiffusion.parsing.parse import Instance, Parse

SETTINGS = {"k": 4, "alpha": 0.5}


def parse_of(*garments: tuple[str, tuple[int, int, int, int]], size: tuple[int, int] = (100, 200)) -> Parse:
    """Garments that fill their boxes, largest first."""
    found = tuple(
        Instance(name, box, np.full((box[3] - box[1], box[2] - box[0]), 255, np.uint8), size, 1.0)
        for name, box in garments
    )
    return Parse(np.full((9, 8, 8), 1 / 9, np.float32), found, size)


def test_the_map_shows_what_a_click_finds() -> None:
    parse = parse_of(("outer", (0, 0, 100, 120)), ("inner", (40, 20, 60, 100)), ("lower", (20, 120, 80, 180)))
    found = garment_map(parse)
    assert found.indices.shape == (200, 100) and found.titles == ("jacket", "top under the jacket", "trousers or skirt")
    for x, y in ((5, 5), (50, 50), (50, 150), (5, 190)):
        index, there = int(found.indices[y, x]), parse.at(x, y)
        assert (there is None) if index == 0 else (there is parse.instances[index - 1])
    for (x, y), garment in zip(found.centres, parse.instances, strict=True):
        assert parse.at(x * 100, y * 200) is garment, "each name stands on its garment"
    assert found.centres[2] == pytest.approx((0.5, 0.75), abs=0.06)


def test_a_large_photo_has_a_small_map() -> None:
    found = garment_map(parse_of(("upper", (500, 0, 1000, 2000)), size=(1000, 2000)))
    assert found.indices.shape == (512, 256)
    assert (found.indices[:, :128] == 0).all() and (found.indices[:, 128:] == 1).all()


def test_a_garment_is_meant_by_its_name_or_where_several_have_it_by_a_point() -> None:
    parse = parse_of(("lower", (0, 100, 100, 200)), ("upper", (0, 0, 60, 90)), ("upper", (70, 0, 100, 90)))
    assert garment_map(parse).titles == ("trousers or skirt", "top 1", "top 2")
    assert meaning(parse, 0) == "lower"
    x, y = meaning(parse, 2)
    assert parse.at(x, y) is parse.instances[2]
    assert [chosen(parse, meaning(parse, index)) for index in range(3)] == [0, 1, 2]
    assert chosen(parse, None) == 1, "the largest top"
    assert chosen(parse, np.ones((200, 100), np.float32)) is None, "a mask need not be one of them"
    with pytest.raises(ValueError, match="no garment 4 in the photo, it shows 3"):
        meaning(parse, 3)


def test_a_name_is_remembered_where_it_tells_garments_apart() -> None:
    both = parse_of(("lower", (0, 100, 100, 200)), ("upper", (0, 0, 60, 90)))
    assert remembered(both, "lower") == "lower"
    assert remembered(both, "dress") is None
    assert remembered(parse_of(("lower", (0, 100, 100, 200))), "lower") is None, "it is the only one anyway"


def test_choosing_begins_anew_and_is_remembered(
    make_services: Callable, parsing: Callable, photo_bytes: Callable[..., bytes]
) -> None:
    services = make_services(lambda: parsing("upper", "lower"))
    bench = Bench(services.engine, "ana")
    before = bench.place(photo_bytes(), "ana.png", **SETTINGS)
    assert (before.sight.garment.name, before.garment) == ("upper", None)
    bench.describe({"collar": "Polo"})
    after = bench.choose(0)
    assert (after.sight.garment.name, after.garment, after.corrected) == ("lower", "lower", {})
    assert after.token > before.token and after.photo is bench.work.photo
    assert not torch.equal(after.guide.query, before.guide.query)
    assert (after.guide.k, after.guide.alpha) == (4, 0.5)
    assert bench.describe({"collar": "Polo"}).garment == "lower", "a correction leaves the garment"
    assert bench.place(photo_bytes("#224488"), "next.png", **SETTINGS).garment == "lower"
    assert bench.place(photo_bytes(), "said.png", **SETTINGS, garment="upper").garment == "upper"
    with pytest.raises(ValueError, match="no garment 8"):
        bench.choose(7)
    assert bench.work.garment == "upper"


def test_a_run_is_logged_with_its_garment_and_restored(
    make_services: Callable, parsing: Callable, photo_bytes: Callable[..., bytes]
) -> None:
    services = make_services(lambda: parsing("upper", "upper", "lower"))
    context = PageContext(services)
    bench = Bench(services.engine, "ana")
    bench.place(photo_bytes(), "three.png", **SETTINGS)
    for index, logged in ((0, {"name": "lower"}), (2, {"point": list(bench.choose(2).garment)})):
        work = bench.choose(index)
        (run,) = context.runs.start(bench, Sampling(seed=1, steps=1, strength=1.0, guidance=1.0)).runs
        assert context.log.get(run.id, owner="ana").inputs.garment == logged
        other = Bench(services.engine, "ana")
        context.runs.restore(other, run.id)
        assert chosen(other.work.parse, other.work.garment) == index
        assert torch.equal(other.work.guide.query, work.guide.query)


def test_a_photo_without_a_garment_leaves_the_bench_as_it_was(
    make_services: Callable, parsing: Callable, photo_bytes: Callable[..., bytes]
) -> None:
    bench = Bench(make_services(lambda: parsing()).engine, "ana")
    with pytest.raises(NoGarmentError, match="no garment was found"):
        bench.place(photo_bytes(), "nothing.png", **SETTINGS)
    assert bench.work is None
    whole = np.zeros((400, 300), np.float32)
    whole[60:340, 30:270] = 1
    work = bench.place(photo_bytes(), "marked.png", **SETTINGS, garment=whole)
    assert work.sight.garment.source == "given" and chosen(work.parse, work.garment) is None


def test_a_photo_is_parsed_once(
    make_services: Callable, parsing: Callable, photo_bytes: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, asked = parsing("upper", "lower"), []
    parse = model.parser.parser.parse
    monkeypatch.setattr(model.parser.parser, "parse", lambda *what, **how: asked.append(what) or parse(*what, **how))
    bench = Bench(make_services(lambda: model).engine, "ana")
    bench.place(photo_bytes(), "ana.png", **SETTINGS)
    bench.choose(0)
    bench.describe({"collar": "Polo"})
    assert len(asked) == 1


def test_without_a_parser_nothing_can_be_chosen(bench: Bench, placed: Callable[..., Bench]) -> None:
    assert placed(bench).work.parse is None
    with pytest.raises(ValueError, match="no parser"):
        bench.choose(0)


@pytest.mark.parametrize("size", [(16, 16), (3000, 20)])
def test_photos_of_any_shape_have_a_map(size: tuple[int, int]) -> None:
    found = garment_map(parse_of(("dress", (0, 0, *size)), size=size))
    assert (found.indices == 1).all() and max(found.indices.shape) <= 512


def test_a_bench_tells_what_no_photo_shows_once_its_drafts_are_laid(
    make_services: Callable, parsing: Callable, photo_bytes: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(make_services(lambda: parsing("upper", "lower")).engine, "ana")
    bench.place(photo_bytes(0), "photo.png", **SETTINGS)
    why = bench.require().notes
    assert len(why) == 1 and why[0].startswith("the largest top or dress is taken")
    monkeypatch.setattr(
        generator, "seen_share", lambda seen, _: torch.linspace(0.1, 0.9, len(seen)) if len(seen) > 1 else torch.ones(1)
    )
    first = next(make_drafts(bench))
    assert first.seen[0] == pytest.approx(0.1)
    bench.pick(0)
    assert bench.require().notes == (*why, "90% of it is not seen in the photo, and completed from its own cloth")
    bench.pick(3)
    assert bench.require().seen[3] > 0.5 and bench.require().notes == why
