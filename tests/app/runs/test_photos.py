"""A photo as it is looked at, and what a bench does with one: turned, cut, its garment marked and mended."""

from __future__ import annotations

import io
from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from app.pages.shared.bench_views import garment_view
from app.pages.shared.context import PageContext
from app.runs.bench import Bench
from app.runs.garments import drawn_mask, over_photo, usable_mask
from app.runs.photos import garment_on_photo, read_photo
from app.session_log.framing import Framing
from app.session_log.sampling import Sampling
from ragdiffusion.parsing.choosing import NoGarmentError

SETTINGS = {"k": 4, "alpha": 0.5}


def png_of(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def cut_out() -> bytes:
    """A red rectangle in the upper left of a clear picture, sheer in its lower half."""
    pixels = np.zeros((120, 80, 4), np.uint8)
    pixels[10:60, 10:50] = (200, 30, 30, 255)
    pixels[35:60, 10:50, 3] = 128
    return png_of(pixels)


def test_a_photo_is_turned_clockwise_and_then_cut() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (60, 40, 3), np.uint8)
    photo = read_photo(png_of(pixels), "a.png", Framing(1, (5, 4, 50, 34)))
    np.testing.assert_array_equal(np.asarray(photo.whole), np.rot90(pixels, -1))
    np.testing.assert_array_equal(np.asarray(photo.image), np.rot90(pixels, -1)[4:34, 5:50])
    assert photo.stored_size == (40, 60)
    with pytest.raises(ValueError, match=r"leaves the photo, which is 60 x 40: draw it again"):
        read_photo(png_of(pixels), "a.png", Framing(1, (5, 4, 61, 34)))


@pytest.mark.parametrize("turns", range(4))
def test_mirroring_is_of_what_is_looked_at(turns: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (60, 40, 4), np.uint8)
    pixels[..., 3] = np.where(pixels[..., 3] > 99, 255, 0)
    framing = Framing(turns, (5, 4, 35, 34))
    before = read_photo(png_of(pixels), "a.png", framing)
    after = read_photo(png_of(pixels), "a.png", framing.reflected(before.stored_size))
    np.testing.assert_array_equal(np.asarray(after.image), np.asarray(before.image)[:, ::-1])
    np.testing.assert_array_equal(after.alpha, before.alpha[:, ::-1])
    assert after.stored_size == before.stored_size
    mask = np.zeros((60, 40), np.float32)
    mask[:20, :8] = 1  # over the file
    np.testing.assert_array_equal(over_photo(mask, after), over_photo(mask, before)[:, ::-1])


def test_opacity_is_turned_and_cut_along(cut_out: bytes) -> None:
    whole = read_photo(cut_out, "a.png")
    turned = read_photo(cut_out, "a.png", Framing(3, (10, 30, 60, 70)))
    np.testing.assert_array_equal(turned.alpha, np.rot90(whole.alpha)[30:70, 10:60])
    assert read_photo(cut_out, "a.png", Framing(0, (55, 70, 80, 120))).alpha is None, "nothing is left of it"


def test_a_cut_outs_opacity_is_its_mask(bench: Bench, cut_out: bytes) -> None:
    work = bench.place(cut_out, "a.png", **SETTINGS)
    assert work.sight.garment.source == "alpha" and work.sight.alpha is not None
    marked = garment_on_photo(work.sight)
    true = np.zeros((120, 80), bool)
    true[10:60, 10:50] = True
    assert ((marked > 0.5) & true).sum() / ((marked > 0.5) | true).sum() > 0.9, "sheer cloth counts whole"
    assert garment_view(work)["own"] == "cut out"


def test_sheer_cloth_keeps_its_opacity_in_a_transparent_export(
    context: PageContext, bench: Bench, cut_out: bytes
) -> None:
    bench.place(cut_out, "a.png", **SETTINGS)
    started = context.runs.start(bench, Sampling(seed=1, steps=1, strength=1.0, guidance=1.0))
    assert [*started.jobs[0].progress()][-1].status == "done"
    run = context.runs.get("ana", started.runs[0].id)
    made = context.files.exported(run, background="transparent", with_settings=False)
    alpha = np.asarray(Image.open(io.BytesIO(made)).getchannel("A"), np.float32)
    sight, landmark = bench.work.sight, bench.work.guide.landmark
    wanted = np.asarray(context.engine.model().opacity(sight, landmark, alpha.shape[0]), np.float32)
    np.testing.assert_allclose(alpha, wanted, atol=1)
    silhouette = np.asarray(context.engine.model().silhouette(landmark, alpha.shape[0]), np.float32)
    assert np.abs(alpha - silhouette).max() > 10, "it is no mere outline"


def test_a_framing_is_logged_restored_and_reproduced(
    context: PageContext, bench: Bench, photo_bytes: Callable[..., bytes]
) -> None:
    bench.place(photo_bytes(), "shirt.png", **SETTINGS)
    framing = Framing(2, (20, 40, 280, 360))
    work = bench.reframe(framing)
    assert work.photo.image.size == (260, 320) and work.sight.photo.size == (260, 320)
    (run,) = (started := context.runs.start(bench, Sampling(seed=1, steps=1, strength=1.0, guidance=1.0))).runs
    assert [*started.jobs[0].progress()][-1].status == "done"
    assert context.runs.get("ana", run.id).inputs.framing == framing.logged()
    assert context.files.photo(run).size == (260, 320)
    other = Bench(context.engine, "ana")
    assert context.runs.restore(other, run.id).note == ""
    assert other.work.photo.framing == framing and torch.equal(other.work.guide.query, work.guide.query)
    again = context.runs.reproduce("ana", run.id)
    assert [*again.jobs[0].progress()][-1].status == "done"
    assert context.runs.get("ana", again.runs[0].id).same_pixels is True
    with pytest.raises(ValueError, match="leaves the photo"):
        bench.reframe(Framing(1, (0, 0, 300, 400)))
    assert bench.work is work


def test_a_box_marks_a_garment_and_the_brush_mends_it(
    context: PageContext, bench: Bench, photo_bytes: Callable[..., bytes]
) -> None:
    before = bench.place(photo_bytes(), "shirt.png", **SETTINGS)
    marked = bench.mark((10, 40, 290, 370))
    assert marked.sight.garment.source == "given" and marked.garment.shape == (400, 300)
    assert marked.garment[100, 150] > 0.5 and marked.garment[5, 5] == 0, "what is in the box and unlike the ground"
    bench.describe({"collar": "Polo"})
    drawn = bench.outline(png_of(np.uint8(cv2.circle(np.zeros((256, 256)), (128, 128), 90, 255, -1))), "o.png").guide
    mask = np.array(marked.garment)
    mask[60:140, 30:90] = 0
    mended = bench.mend(mask)
    assert mended.garment[100, 60] == 0 and mended.corrected == {"collar": "Polo"}
    assert torch.equal(mended.guide.landmark, drawn.landmark), "an outline of one's own stays"
    (run,) = context.runs.start(bench, Sampling(seed=1, steps=1, strength=1.0, guidance=1.0)).runs
    other = Bench(context.engine, "ana")
    context.runs.restore(other, run.id)
    np.testing.assert_array_equal(other.work.garment, mended.garment)
    np.testing.assert_array_equal(bench.mend(None).garment, marked.garment)
    bench.place(photo_bytes(), "shirt.png", **SETTINGS)
    bench.mend(mask)
    assert bench.mend(None).garment is before.garment is None
    with pytest.raises(ValueError, match=r"the brush marks 0\.00% of the photo"):
        bench.mend(np.zeros((400, 300), np.float32))


def test_mending_all_away_brings_back_that_nothing_was_found(
    make_services: Callable, parsing: Callable, photo_bytes: Callable[..., bytes]
) -> None:
    bench = Bench(make_services(lambda: parsing()).engine, "ana")
    with pytest.raises(NoGarmentError):
        bench.place(photo_bytes(), "shirt.png", **SETTINGS)
    waiting = bench.unmarked
    assert waiting.photo.name == "shirt.png" and waiting.settings == SETTINGS and bench.shown() is waiting
    mask = np.zeros((400, 300), np.float32)
    mask[60:340, 60:240] = 1
    assert bench.mend(mask).unmended is None and bench.unmarked is None
    with pytest.raises(NoGarmentError):
        bench.mend(None)
    assert bench.work is None and bench.unmarked is not None
    with pytest.raises(NoGarmentError, match="nothing in the box stands out"):
        bench.mark((1, 1, 25, 25))


def test_a_mask_that_lies_over_the_file_turns_with_the_photo() -> None:
    photo = read_photo(png_of(np.full((60, 40, 3), 200, np.uint8)), "a.png", Framing(1))
    over = np.zeros((120, 80), np.float32)
    over[5:30, 5:30] = 1
    np.testing.assert_array_equal(over_photo(over, photo), np.rot90(over, -1))
    square = np.zeros((64, 64), np.float32)
    square[5:59, 5:59] = 1
    assert over_photo(square, photo) is square, "it is drawn in the landmark's frame"


def test_a_painted_mask_arrives_at_the_photos_size() -> None:
    from app.landmark_editor.rle import encode

    small = np.zeros((512, 256), np.uint8)
    small[100:200, 50:150] = 255
    mask = drawn_mask(encode(small), (500, 1000))
    assert mask.shape == (1000, 500) and mask[300, 200] == 1 and mask[50, 50] == 0
    assert abs(float(mask.mean()) - float(small.mean()) / 255) < 1e-3
    with pytest.raises(ValueError, match="256 x 512 were wanted"):
        drawn_mask(encode(small[:100]), (500, 1000))
    assert set(np.unique(np.rint(usable_mask(mask * 0.7) * 255) % 1)) == {0.0}, "as 8 bits have it"
