"""What the controls of photo, guide and outline do, without the page: values in, named views out.

Every handler returns `Views`. A `ValueError` is for the person and changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from app.files.pictures import THUMBNAIL_SIDE, jpeg_url, within
from app.files.uploads import read_upload
from app.pages.shared.bench_views import (
    FIELDS,
    BenchPresenter,
    attribute_views,
    canvas_view,
    film_view,
    garment_view,
)
from app.pages.shared.events import box_in, garment_number, whole_number
from app.pages.shared.status import Status, loading_view, sentences
from app.runs.bench import Bench
from app.runs.bench_drafts import make_draft, make_drafts
from app.runs.drafts import in_landmark_frame
from app.runs.engine import Engine
from app.runs.garments import drawn_mask
from app.runs.photos import BenchPhoto
from app.runs.work import Work
from app.web.site import Views
from ragdiffusion.decoding import SUFFIXES
from ragdiffusion.images import InvertedMaskError
from ragdiffusion.parsing.choosing import NoGarmentError

_NEXT = "Pick a candidate or keep the consensus, then Generate"


class DesignHandlers:
    """The handlers of the Design page, without runs.

    Args:
        engine: whose model the page waits for.
        presenter: makes the views of a bench.
        status: the status line.
        examples: photos to try, by name.
    """

    def __init__(self, engine: Engine, presenter: BenchPresenter, status: Status, examples: dict[str, Path]) -> None:
        self._engine = engine
        self._presenter = presenter
        self._status = status
        self._examples = examples

    def open(self, bench: Bench) -> Iterator[Views]:
        """Show what is there at once, and the model's own settings as soon as it is loaded."""
        yield {
            "photo": {
                "examples": [example_view(name, path) for name, path in self._examples.items()],
                "endings": list(SUFFIXES),
            },
            "status": loading_view(),
        }
        try:
            defaults = self._engine.model().defaults
        except Exception as error:
            yield {"status": self._status.failed(error)}
            return
        yield {"status": self._status.view("Ready for a photo"), "k": defaults.k, "alpha": defaults.alpha}

    def place_photo(self, bench: Bench, path: str, k: int, alpha: float) -> Views:
        """Put a photo on the bench that was uploaded, dropped or pasted."""
        data, name = read_upload(path)
        return self._placed(bench, data, name, k, alpha)

    def place_example(self, bench: Bench, event: dict[str, Any], k: int, alpha: float) -> Views:
        """Put an example on the bench; the event holds its `name`."""
        path = self._examples.get(str(event.get("name")))
        if path is None:
            raise ValueError("that example is not there any more: reload the page")
        return self._placed(bench, path.read_bytes(), path.name, k, alpha)

    def choose(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Take another garment of the photo; the event holds its index as `garment`, and the `photo` it is of."""
        if event.get("photo") != bench.require().photo.sha256:
            raise ValueError("another photo lies here by now: choose a garment of that one")
        work = bench.choose(garment_number(event.get("garment")))
        return {**self._presenter.all(bench), "photo": garment_view(work), "status": self._began(work)}

    def frame(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Mirror the photo if the event says `mirror`, turn it by its `quarters`, or cut it to its `box`, in shares of
        the turned photo's sides.
        """
        photo = _photo_of(bench, event)
        if event.get("mirror"):
            framing = photo.framing.reflected(photo.stored_size)
        elif "quarters" in event:
            framing = photo.framing.turned(whole_number(event["quarters"]), photo.stored_size)
        else:
            framing = photo.framing.cut(box_in(event.get("box"), photo.whole.size))
        return self._shown(bench, lambda: bench.reframe(framing))

    def turned(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Say by how many quarters the event's photo looks turned; nothing where that is not clear."""
        shown = bench.shown()
        if event.get("photo") != shown.photo.sha256:
            return {}
        seen = shown.sight if isinstance(shown, Work) else shown.photo.image
        quarters = self._engine.call(lambda model: model.looks_turned(seen))
        if not quarters or bench.shown().token != shown.token:
            return {}
        return {"photo": {"looks_turned": {"photo": shown.photo.sha256, "quarters": quarters, "token": shown.token}}}

    def mark(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Take what the event's `box`, in shares of the photo as it is looked at, holds for the garment."""
        box = box_in(event.get("box"), _photo_of(bench, event).image.size)
        if box is None:
            raise ValueError("that box is the whole photo: draw it around the garment")
        return self._shown(bench, lambda: bench.mark(box))

    def mend(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Take the event's `mask`, run lengths over the photo, for the garment's; None takes all mending back."""
        photo, text = _photo_of(bench, event), event.get("mask")
        mask = None if text is None else drawn_mask(text, photo.image.size)
        views = self._shown(bench, lambda: bench.mend(mask))
        told = garment_view(bench.shown())
        told.pop("mask")  # the brush knows it, and may be ahead
        return {**views, "photo": told}

    def settle(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Agree with a change on the canvas: K, α, the choice, the outline, or several of them."""
        received = time.time() * 1e3
        work = bench.settle(event)
        return {"canvas": {**canvas_view(work), "received": received}, "status": self._presenter.timings(work)}

    def drafts(self, bench: Bench) -> Iterator[Views]:
        """Warp the garment into the silhouettes that the page shows."""
        started = time.perf_counter()
        for work in make_drafts(bench):
            done = {**work.guide.timings_ms, "drafts": (time.perf_counter() - started) * 1e3}
            # More of the garment may be known by now.
            yield {"film": film_view(work), "status": self._status.of_work(None, work, done)}

    def draft(self, bench: Bench) -> Views:
        """Warp the garment into the edited outline that the page shows."""
        started = time.perf_counter()
        work = make_draft(bench)
        if work is None:
            return {}
        done = {**work.guide.timings_ms, "draft": (time.perf_counter() - started) * 1e3}
        return {"canvas": canvas_view(work), "status": self._status.view(None, done)}

    def describe(self, bench: Bench, *values: str) -> Views:
        """Retrieve again after an attribute was changed; all 14 come in table order."""
        if bench.work is None:
            return {}
        work = bench.describe(dict(zip(FIELDS, values, strict=True)))
        # What was set to unknown was read from the photo again.
        return {**self._presenter.guide(work), **attribute_views(work)}

    def outline(self, bench: Bench, path: str) -> Views:
        """Take an uploaded mask as the landmark; one that looks inverted is kept until the person says what it is."""
        data, name = read_upload(path)
        try:
            return self._presenter.landmark(bench.outline(data, name))
        except InvertedMaskError:
            bench.doubted = data, name
            question = {"name": name, "asked": time.time()}
            return {"canvas": {**canvas_view(bench.require()), "inverted": question}}

    def doubted(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Take the mask that looked inverted, as the event says: whether to `invert` it."""
        doubted, bench.doubted = bench.doubted, None
        if doubted is None:
            raise ValueError("that mask is not here any more: import it again")
        return self._presenter.landmark(bench.outline(*doubted, invert=bool(event.get("invert"))))

    def photo_outline(self, bench: Bench) -> Views:
        """Take the garment's own outline as the landmark."""
        return self._presenter.landmark(bench.photo_outline())

    def ghost(self, bench: Bench) -> Views:
        """Show the photo under the outline."""
        work = bench.work
        if work is None:  # the page asked by itself, and a photo without a known garment came between
            return {}
        return {"canvas": {**canvas_view(work), "ghost": jpeg_url(in_landmark_frame(work.screen))}}

    def say(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Say why the browser refuses a file or an outline by itself; the event holds its `message`."""
        raise ValueError(str(event.get("message"))[:300])

    def _placed(self, bench: Bench, data: bytes, name: str, k: int, alpha: float) -> Views:
        views = self._shown(bench, lambda: bench.place(data, name, k=k, alpha=alpha))
        return {**views, "photo": {**views["photo"], "fresh": True}}

    def _shown(self, bench: Bench, change: Callable[[], Work]) -> Views:
        """Return all views after a change; a photo without a garment is shown, and says what can be done."""
        before = bench.unmarked
        try:
            work = change()
        except NoGarmentError:
            if bench.unmarked is before:  # another one waits still, or none at all
                raise
            return self._presenter.all(bench)
        return {**self._presenter.all(bench), "status": self._began(work)}

    def _began(self, work: Work) -> dict[str, Any]:
        """Return the status line of a new guide: what is to be said of its garment, else what comes next."""
        return self._status.view(sentences(work.notes) or _NEXT, work.guide.timings_ms)


def _photo_of(bench: Bench, event: dict[str, Any]) -> BenchPhoto:
    photo = bench.shown().photo
    if event.get("photo") != photo.sha256:
        raise ValueError("another photo lies here by now: do it once more")
    return photo


def example_view(name: str, path: Path) -> dict[str, Any]:
    """Return one example photo to try."""
    with Image.open(path) as image:
        image.draft("RGB", (THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        return {"name": name, "image": jpeg_url(within(image.convert("RGB"), THUMBNAIL_SIDE))}
