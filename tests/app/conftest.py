"""A small untrained model with a drawn bank, made once; real classes throughout."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from playwright.sync_api import Page, Playwright, expect, sync_playwright

from app.files.image_store import ImageStore
from app.pages.design.run_handlers import RunHandlers
from app.pages.shared.context import PageContext
from app.pages.shared.run_actions import RunActions
from app.runs.bench import Bench
from app.runs.engine import Engine
from app.runs.runs import Runs
from app.runs.services import Services
from app.session_log.log import SessionLog
from ragdiffusion.api import RAGDiffusion
from ragdiffusion.bank import Bank, NewEntry
from ragdiffusion.config import PRESETS, Preset
from ragdiffusion.fingerprint import ENCODER_PARTS, fingerprint
from ragdiffusion.generation.builder.untrained import build_components
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline
from ragdiffusion.images import encode_silhouette
from ragdiffusion.parsing.parse import Instance, Parse
from tests.app.in_browser import PATIENCE, Open, Studio, pages

ENTRIES = 12


def tiny_preset() -> Preset:
    """The studio preset with its structure kept and its widths cut."""
    full = PRESETS["studio"]
    vision = {**full.structure.vision, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1}
    return replace(
        full,
        autoencoder=("GarmentAutoencoder", {"latent_channels": 16, "widths": (16, 16)}),
        unet={**full.unet, "block_out_channels": (16, 32), "cross_attention_dim": 16, "norm_num_groups": 8},
        text=({**full.text[0], "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1},),
        structure=replace(
            full.structure,
            vision=vision,
            feature_dim=32,
            embedding_dim=32,
            resampler_dim=32,
            resampler_depth=1,
        ),
        ep_dim=16,
        flow=replace(full.flow, finder_widths=(8, 8, 16, 24), refiner_widths=(8, 8, 16)),
    )


def _silhouette(index: int) -> np.ndarray:
    """A T of its own proportions, float 512 x 512."""
    mask = np.zeros((512, 512), np.float32)
    half, sleeve = 90 + 6 * index, 30 + 10 * index
    cv2.rectangle(mask, (256 - half, 40), (256 + half, 470), 1.0, -1)
    cv2.rectangle(mask, (30, 40), (482, 60 + sleeve), 1.0, -1)
    return mask


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint folder with its bank, as from_pretrained wants it."""
    folder = tmp_path_factory.mktemp("checkpoint")
    preset = tiny_preset()
    torch.manual_seed(0)
    RAGDiffusionPipeline(
        **build_components(preset),
        preset_name="studio",
        latent_packing=preset.latent_packing,
        image_size=preset.image_size,
        sampling=asdict(preset.defaults),
    ).save_pretrained(folder)
    vectors = torch.nn.functional.normalize(torch.randn(ENTRIES, preset.structure.embedding_dim), dim=1)
    silhouettes = [encode_silhouette(torch.from_numpy(_silhouette(i))) for i in range(ENTRIES)]
    with Bank.create(
        folder / "bank.sqlite3", fingerprint=fingerprint(folder, ENCODER_PARTS), dimension=vectors.shape[1]
    ) as bank:
        bank.add([NewEntry(v, s, {}, source="drawn") for v, s in zip(vectors, silhouettes, strict=True)])
    return folder


@pytest.fixture(scope="session")
def model(checkpoint: Path) -> RAGDiffusion:
    return RAGDiffusion.from_pretrained(checkpoint, device="cpu")


class Bands:
    """A parser that sees garments as bands across any photo, from top to bottom; the last is twice as high."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def parse(self, photo: Image.Image, *, point: tuple[float, float] | None = None) -> Parse:
        width, height = photo.size
        each, found = height // (len(self.names) + 1), []
        for i, name in enumerate(self.names):
            top, bottom = i * each, height if i + 1 == len(self.names) else (i + 1) * each
            alpha = np.full((bottom - top, width), 255, np.uint8)
            found.append(Instance(name, (0, top, width, bottom), alpha, photo.size, 1.0))
        found.sort(key=lambda garment: -garment.area)
        return Parse(np.full((9, 8, 8), 1 / 9, np.float32), tuple(found), photo.size)


@pytest.fixture
def parsing(model: RAGDiffusion) -> Callable[..., RAGDiffusion]:
    """The small model with a parser that sees bands of the given names."""

    def make(*names: str) -> RAGDiffusion:
        return RAGDiffusion(model.pipeline, model.bank, model.checkpoint, parser=Bands(*names))

    return make


@pytest.fixture
def curated(model: RAGDiffusion) -> RAGDiffusion:
    """The small model as one of its own, so that its bank may be exchanged."""
    return RAGDiffusion(model.pipeline, model.bank, model.checkpoint)


@pytest.fixture
def curated_services(make_services: Callable[..., Services], curated: RAGDiffusion) -> Services:
    """Everything of a studio whose bank may be exchanged, at work."""
    made = make_services(lambda: curated)
    made.start()
    return made


@pytest.fixture
def make_services(tmp_path: Path) -> Iterator[Callable[..., Services]]:
    """Makes engine, log and image store; a loader may be given."""
    opened: list[Services] = []

    def make(load: Callable[[], RAGDiffusion]) -> Services:
        services = Services(
            Engine(load), SessionLog(tmp_path / "studio.sqlite3"), ImageStore(tmp_path / "images"), tmp_path
        )
        opened.append(services)
        return services

    yield make
    for services in opened:
        services.close()


@pytest.fixture
def services(make_services: Callable[..., Services], model: RAGDiffusion) -> Services:
    """A started engine over the small model, with an empty log."""
    made = make_services(lambda: model)
    made.start()
    return made


def _photo(colour: str = "#8c3b4a", size: tuple[int, int] = (300, 400), form: str = "PNG") -> bytes:
    """A photo of a striped T-shirt, drawn."""
    image = Image.new("RGB", size, "#e8e4dc")
    draw = ImageDraw.Draw(image)
    width, height = size
    draw.rectangle((width * 0.3, height * 0.15, width * 0.7, height * 0.85), fill=colour)
    draw.rectangle((width * 0.1, height * 0.15, width * 0.9, height * 0.35), fill=colour)
    for y in range(int(height * 0.2), int(height * 0.8), 24):
        draw.line((width * 0.3, y, width * 0.7, y), fill="#ffffff", width=6)
    buffer = io.BytesIO()
    image.save(buffer, form)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def drawn_silhouette() -> Callable[[int], np.ndarray]:
    """Draws the bank's entry of an index, float 512 x 512."""
    return _silhouette


def _cut_out(size: int = 400, colour: str = "#345b8c") -> bytes:
    """A flat-lay of a dress, drawn, transparent around it."""
    image = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    points = [(0.4, 0.1), (0.6, 0.1), (0.62, 0.4), (0.8, 0.9), (0.2, 0.9), (0.38, 0.4)]
    draw.polygon([(x * size, y * size) for x, y in points], fill=colour)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="session")
def flat_lay_bytes() -> Callable[..., bytes]:
    """Draws a flat-lay of a dress as a cut-out PNG: `size`, `colour`."""
    return _cut_out


@pytest.fixture(scope="session")
def photo_bytes() -> Callable[..., bytes]:
    """Draws a photo of a striped T-shirt: `colour`, `size`, `form`."""
    return _photo


# ---- in a real browser


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture(scope="module")
def studio(workspace: Path, checkpoint: Path) -> Iterator[Studio]:
    """The studio over the small model; one for all tests of a module."""
    made = Studio(workspace, checkpoint)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as started:
        yield started


@pytest.fixture
def recorded(request: pytest.FixtureRequest) -> Callable[[Page], AbstractContextManager[None]]:
    """Records what a page does as a Playwright trace, into the folder that STUDIO_TRACES names, if any.

    `playwright show-trace FILE` plays it.
    """
    folder = os.environ.get("STUDIO_TRACES")

    @contextmanager
    def record(page: Page) -> Iterator[None]:
        if not folder:
            yield
            return
        tracing = page.context.tracing
        tracing.start(screenshots=True, snapshots=True)
        try:
            yield
        finally:
            Path(folder).mkdir(parents=True, exist_ok=True)
            tracing.stop(path=Path(folder) / f"{request.node.name}.zip")

    return record


@pytest.fixture
def open_page(playwright: Playwright, chromium: str, studio: Studio, tmp_path: Path) -> Iterator[Open]:
    """Opens the page in a browser of its own; asserts at the end that no request left the machine."""
    with pages(playwright, chromium, studio, tmp_path) as open_:
        yield open_


@pytest.fixture(scope="module")
def long_page(
    playwright: Playwright, chromium: str, studio: Studio, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    """One page for all tests of a module; the same is asserted when they are through."""
    with pages(playwright, chromium, studio, tmp_path_factory.mktemp("browser")) as open_:
        yield open_()


@pytest.fixture
def context(services: Services) -> PageContext:
    """What pages are wired to, over the small model."""
    return PageContext(services)


@pytest.fixture
def runs(context: PageContext) -> Runs:
    return context.runs


@pytest.fixture
def run_handlers(context: PageContext) -> RunHandlers:
    return RunHandlers(context.runs, context.queue, context.run_presenter, context.status)


@pytest.fixture
def run_actions(context: PageContext) -> RunActions:
    return RunActions(context.runs, context.run_presenter, context.bench_presenter, context.status)


@pytest.fixture
def bench(services: Services) -> Bench:
    return Bench(services.engine, "ana")


@pytest.fixture
def placed(photo_bytes: Callable[..., bytes]) -> Callable[..., Bench]:
    """Puts the drawn photo on a bench."""

    def place(bench: Bench, **settings: float) -> Bench:
        bench.place(photo_bytes(), "shirt.png", **{"k": 4, "alpha": 0.5, **settings})
        return bench

    return place
