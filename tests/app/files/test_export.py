"""Exports at full size: of the run's own picture, mixed by the silhouette that is exported beside it."""

from __future__ import annotations

import base64
import io
import sqlite3
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from app.files.embedded import read_settings
from app.files.pictures import png, unit_mask
from app.pages.design.run_handlers import RunHandlers
from app.pages.shared.context import PageContext
from app.runs.bench import Bench
from app.runs.runs import Runs
from app.runs.services import Services
from app.session_log.sampling import Sampling
from app.session_log.values import Run
from ragdiffusion.api import RAGDiffusion
from ragdiffusion.images import load_photo


@pytest.fixture
def run(runs: Runs, bench: Bench, placed: Callable[..., Bench]) -> Run:
    """A finished run of a photo of 300 x 400."""
    placed(bench)
    bench.pick(1)
    started = runs.start(bench, Sampling(seed=3, steps=1, strength=1.0, guidance=1.0))
    assert [*started.jobs[0].progress()][-1].status == "done"
    return runs.get("ana", started.runs[0].id)


def downloaded(run_handlers: RunHandlers, bench: Bench, run: Run, **wish: object) -> tuple[str, bytes]:
    download = run_handlers.export(bench, {"run": run.id, **wish})["result"]["download"]
    return download["name"], base64.b64decode(download["url"].partition(",")[2])


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)), np.float32)


def test_the_sizes_offered_end_at_the_photos_own(context: PageContext, run: Run) -> None:
    assert context.run_presenter.result(run)["sizes"] == [256, 400]


def test_a_picture_is_shown_and_saved_at_its_photos_size_with_a_smooth_edge(
    runs: Runs, context: PageContext, run: Run, bench: Bench, model: RAGDiffusion
) -> None:
    shown, work = context.run_presenter.result(run), bench.require()
    wanted = np.asarray(model.generate(work.photo.image, work.guide, seed=3, steps=1, size="photo").image)
    for name in ("image", "saved"):
        made = pixels(base64.b64decode(shown[name].partition(",")[2]))
        assert made.shape == (400, 400, 3)
        np.testing.assert_array_equal(made, wanted)
    silhouette = pixels(context.files.silhouette(run))
    np.testing.assert_array_equal(silhouette, np.asarray(model.silhouette(work.guide.landmark, 400)))
    rim = (silhouette > 0) & (silhouette < 255)
    assert rim.sum() > 100 and len(np.unique(silhouette)) > 50, "no stairs of the model's pixels"


@pytest.fixture
def small_run(runs: Runs, run: Run, model: RAGDiffusion, bench: Bench, services: Services) -> Run:
    """The same as earlier studios kept it, at the model's size."""
    work = bench.require()
    image = model.generate(work.photo.image, work.guide, seed=3, steps=1, strength=1.0, guidance=1.0).image
    with sqlite3.connect(services.workspace / "studio.sqlite3") as database:
        name = services.images.put(png(image), "png")
        database.execute("UPDATE runs SET result_path = ? WHERE id = ?", (name, run.id))
    return runs.get("ana", run.id)


def test_a_run_of_an_earlier_studio_is_enlarged_for_an_export_and_reproduced_as_it_was(
    small_run: Run, runs: Runs, context: PageContext, run_handlers: RunHandlers, bench: Bench, model: RAGDiffusion
) -> None:
    assert context.run_presenter.result(small_run)["sizes"] == [256, 400]
    name, data = downloaded(run_handlers, bench, small_run, size=400, background="white", with_settings=False)
    assert name == f"shirt-flat-{small_run.id}-400.png" and Image.open(io.BytesIO(data)).info == {}
    work = bench.require()
    wanted = model.generate(work.photo.image, work.guide, seed=3, steps=1, size=400).image
    apart = np.abs(pixels(data) - np.asarray(wanted, np.float32))
    assert apart.mean() < 2 and np.percentile(apart, 99) < 20
    again = runs.reproduce("ana", small_run.id)
    assert [*again.jobs[0].progress()][-1].status == "done"
    assert runs.get("ana", again.runs[0].id).same_pixels is True


def test_a_smaller_export_is_the_picture_made_smaller(
    run: Run, run_handlers: RunHandlers, bench: Bench, runs: Runs
) -> None:
    _, data = downloaded(run_handlers, bench, run, size=256, background="white", with_settings=False)
    whole = Image.open(io.BytesIO(runs.picture(run.result_path)))
    np.testing.assert_array_equal(pixels(data), np.asarray(whole.resize((256, 256), Image.Resampling.LANCZOS)))
    assert pixels(downloaded(run_handlers, bench, run, size=256, what="silhouette")[1]).shape == (256, 256)


def test_a_large_export_keeps_what_the_denoiser_or_the_colour_match_made(
    runs: Runs, small_run: Run, bench: Bench, model: RAGDiffusion
) -> None:
    work, stored = bench.require(), pixels(runs.picture(small_run.result_path))
    changed = Image.fromarray(np.uint8(255 - (255 - stored) * 0.2))
    large = np.asarray(model.enlarge(work.photo.image, changed, work.guide.landmark, size=400).image, np.float32)
    inside = lambda side: np.asarray(model.silhouette(work.guide.landmark, side)) == 255  # noqa: E731
    wanted = np.asarray(changed, np.float32)[inside(256)].mean(0)
    np.testing.assert_allclose(large[inside(400)].mean(0), wanted, atol=6)


def test_what_is_clear_is_what_the_silhouette_leaves(run: Run, run_handlers: RunHandlers, bench: Bench) -> None:
    _, clear = downloaded(run_handlers, bench, run, size=400, background="transparent", with_settings=True)
    name, mask = downloaded(run_handlers, bench, run, size=400, what="silhouette")
    assert name == f"shirt-flat-{run.id}-400.silhouette.png" and pixels(mask).shape == (400, 400)
    np.testing.assert_array_equal(pixels(clear)[..., 3], pixels(mask))
    assert read_settings(clear, "shirt.png").sampling.seed == 3
    _, blue = downloaded(run_handlers, bench, run, size=400, background="#0000ff")
    assert (pixels(blue)[pixels(mask) == 0] == [0, 0, 255]).all()


def test_at_its_own_size_it_is_the_picture_itself(
    runs: Runs, run: Run, run_handlers: RunHandlers, bench: Bench
) -> None:
    stored = runs.picture(run.result_path)
    for wish in ({}, {"size": 400}):
        _, data = downloaded(run_handlers, bench, run, background="white", **wish)
        np.testing.assert_array_equal(pixels(data), pixels(stored))


@pytest.mark.parametrize("size", [255, 401, 0, -1, 300.5, "400", [400]])
def test_a_size_that_cannot_be_had_is_refused(size: object, run: Run, run_handlers: RunHandlers, bench: Bench) -> None:
    with pytest.raises(ValueError, match="from 256 to 400 wanted, the most for a photo of 300x400"):
        downloaded(run_handlers, bench, run, size=size)


def test_a_picture_of_another_model_is_not_enlarged(runs: Runs, model: RAGDiffusion, run: Run) -> None:
    photo = load_photo(runs.picture(run.inputs.photo_path), name="shirt.png")
    landmark = unit_mask(runs.picture(run.inputs.landmark_path))
    with pytest.raises(ValueError, match="the picture is 128x128, 256x256 wanted"):
        model.enlarge(photo, Image.new("RGB", (128, 128)), landmark, size=400)
