"""From a run of the log to what the page shows of it: pictures are fetched here, and missing ones forgiven."""

from __future__ import annotations

import io
import itertools
from typing import TYPE_CHECKING, Any

from PIL import Image

from app.files.embedded import embed
from app.files.export import as_file, export_png
from app.files.pictures import thumbnail_jpeg, unit_mask
from app.pages.shared.run_views import detail_view, history_view, queue_view, result_view
from app.runs.bench import Services
from app.runs.runs import Runs
from app.session_log import Card, Filter, Run
from ragdiffusion.images import load_photo

if TYPE_CHECKING:
    from ragdiffusion.api import Enlarged

HISTORY_LENGTH = 24


class RunPresenter:
    """Makes the views of runs.

    Args:
        services: the engine, the log, the image store and the queue.
        runs: of the same services.
    """

    def __init__(self, services: Services, runs: Runs) -> None:
        self._services = services
        self._runs = runs
        self._tokens = itertools.count()

    def result(self, run: Run) -> dict[str, Any]:
        """A run in the result pane. What is gone from the disk is said in its note."""
        inputs, missing = run.inputs, []
        photo = result = saved = None
        try:
            photo = load_photo(self._runs.picture(inputs.photo_path), name=inputs.photo_name)
        except ValueError:
            missing.append("its photo cannot be read")
        try:
            if run.result_path:
                result = self._runs.picture(run.result_path)
                saved = self.exported(run, background=inputs.background, with_settings=True)
        except ValueError:
            missing.append("its picture is gone")
        notes = [_checked(run), self._runs.changes_since(run), *missing]
        shown = result_view(
            run, photo, result=result, saved=saved, sheet=self._sheet(run), note="; ".join(filter(None, notes))
        )
        return {**shown, "sizes": self._sizes(result, photo)}

    def exported(self, run: Run, *, background: str, with_settings: bool, size: int | None = None) -> bytes:
        """A run's picture as a file to give away.

        Args:
            run: of the log.
            background: "white", "transparent" or "#rrggbb".
            with_settings: whether all that made it is written into the file.
            size: side, pixels, up to the photo's own; None: as it was made.

        Raises:
            ValueError: it has no picture, its pictures are gone, the background is none, or the size cannot be had.
        """
        if run.result_path is None:
            raise ValueError(f"run {run.id} has no picture: it is {run.status}")
        if size is not None:
            large = self._enlarged(run, size)
            return as_file(run, large.image, large.silhouette, background=background, with_settings=with_settings)
        return export_png(
            run,
            self._runs.picture(run.result_path),
            self._runs.picture(run.inputs.landmark_path),
            background=background,
            with_settings=with_settings,
        )

    def silhouette(self, run: Run, *, size: int | None = None) -> bytes:
        """The outline that a run's picture follows, white on black; the size as in `exported`.

        Raises:
            ValueError: it has none yet, its pictures are gone, or the size cannot be had.
        """
        if not run.inputs.landmark_path:
            raise ValueError(f"run {run.id} has no outline: it is {run.status}")
        if size is not None:
            return embed(self._enlarged(run, size).silhouette, None)
        return self._runs.picture(run.inputs.landmark_path)

    def detail(self, run: Run) -> dict[str, Any]:
        """A run on the History page."""
        owner = run.inputs.owner
        inside = self._services.log.library.collections_of(run.id, owner=owner)
        return detail_view(run, self.result(run), inside)

    def history(self, owner: str, shown: int | None = None) -> dict[str, Any]:
        """The history strip."""
        found = self._services.log.search.find(Filter(), owner=owner, count=HISTORY_LENGTH)
        small = self.thumbnails(found.cards, owner)
        # The browser is told of a value only when it differs from the last one, and it is to ask again then.
        token = next(self._tokens)
        return {**history_view(found.cards, small, shown=shown, going=self.going(owner)), "token": token}

    def queue(self, owner: str) -> dict[str, Any]:
        """The queue."""
        queue = self._services.queue
        return queue_view(queue.places(owner), paused=queue.paused(owner))

    def going(self, owner: str) -> bool:
        """Whether something of theirs will change by itself."""
        places = self._services.queue.places(owner)
        running = any(place.progress.status == "running" for place in places)
        return running or bool(places) and not self._services.queue.paused(owner)

    def thumbnails(self, cards: tuple[Card, ...], owner: str) -> dict[int, bytes]:
        """Small pictures by run; those of runs of the first schema are made when they are first seen."""
        log = self._services.log
        found = log.search.thumbnails([card.id for card in cards], owner=owner)
        for card in cards:
            if card.id not in found and card.result_path is not None:
                try:
                    with Image.open(io.BytesIO(self._runs.picture(card.result_path))) as image:
                        found[card.id] = thumbnail_jpeg(image)
                except (ValueError, OSError):  # one lost or broken picture must not close the history
                    continue
                log.keep_thumbnail(card.id, found[card.id])
        return found

    def _enlarged(self, run: Run, size: int) -> Enlarged:
        if run.result_path is None:
            raise ValueError(f"run {run.id} has no picture: it is {run.status}")
        photo = load_photo(self._runs.picture(run.inputs.photo_path), name=run.inputs.photo_name)
        with Image.open(io.BytesIO(self._runs.picture(run.result_path))) as opened:
            picture = opened.convert("RGB")
        landmark = unit_mask(self._runs.picture(run.inputs.landmark_path))
        return self._services.engine.call(
            lambda model: model.enlarge(photo, picture, landmark, size=size), slow=True)

    def _sizes(self, result: bytes | None, photo: Image.Image | None) -> list[int]:
        """Sides at which a picture can be had: doubled from its own up to the photo's."""
        if result is None or photo is None or not self._services.engine.ready:
            return []
        model = self._services.engine.model()
        with Image.open(io.BytesIO(result)) as opened:
            own = opened.width
        most = model.largest_size(photo) if own == model.image_size else own
        return [*(side for side in (own << i for i in range(4)) if side < most), most]

    def _sheet(self, run: Run) -> bytes | None:
        if run.group_id is None:
            return None
        group, _ = self._services.log.group(run.group_id, owner=run.inputs.owner)
        try:
            return self._runs.picture(group.picture_path) if group.picture_path else None
        except ValueError:
            return None


def _checked(run: Run) -> str:
    if run.reproduces is None or run.same_pixels is None:
        return ""
    return f"pixels {'equal' if run.same_pixels else 'differ from'} those of run {run.reproduces}"
