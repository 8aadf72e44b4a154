"""The pictures of runs, fetched and made ready to be shown or given away."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from app.errors import WorkspaceError
from app.files.export import as_file, export_png
from app.files.image_store import ImageStore
from app.files.pictures import png, thumbnail_jpeg, unit_mask
from app.runs.engine import Engine
from app.runs.photos import BenchPhoto, look_at, read_photo
from app.runs.request import garment_of
from app.runs.unsaved import UnsavedRun
from app.session_log.framing import Framing
from app.session_log.log import SessionLog
from app.session_log.patterns import drawn_pattern
from app.session_log.sampling import check_background
from app.session_log.search import Card
from app.session_log.values import Run

if TYPE_CHECKING:
    from ragdiffusion.api import Enlarged, RAGDiffusion


@dataclass(frozen=True)
class Sized:
    """A run's picture, RGB on white, and the silhouette that it is mixed with the white by, L, of its size or less."""

    image: Image.Image
    silhouette: Image.Image


class RunFiles:
    """The pictures of runs.

    Args:
        engine: whose model enlarges them.
        log: holds the runs and their thumbnails.
        images: keeps the pictures.
    """

    def __init__(self, engine: Engine, log: SessionLog, images: ImageStore) -> None:
        self._engine = engine
        self._log = log
        self._images = images

    def picture(self, name: str) -> bytes:
        """Return a stored picture.

        Raises:
            ValueError: if it is gone.
        """
        return self._images.read(name)

    def photo(self, run: Run) -> Image.Image:
        """Return a run's photo, RGB.

        Raises:
            ValueError: if it is gone or cannot be read.
        """
        return self._photo(run).image

    def exported(self, run: Run, *, background: str, with_settings: bool, size: int | None = None) -> bytes:
        """Return a run's picture as a file to give away.

        Args:
            run: of the log.
            background: "white", "transparent" or "#rrggbb".
            with_settings: whether all that made it is written into the file.
            size: side, pixels, up to the photo's own; None: as it was made.

        Raises:
            ValueError: if it has no picture, its pictures are gone, or the background or size cannot be had.
        """
        _require_picture(run)
        chosen = {"background": background, "with_settings": with_settings}
        opacity = None if check_background(background) == "white" else self._opacity(run, size)
        sized = self._sized(run, size)
        return as_file(run, sized.image, opacity or sized.silhouette, **chosen)

    def exported_unsaved(self, kept: UnsavedRun, *, background: str, with_settings: bool) -> bytes:
        """Return the picture of a run that is done and cannot be written yet, as `exported` does.

        Raises:
            ValueError: if its outline is gone, or there is no such background.
        """
        run = kept.as_ended()
        result, landmark = png(kept.progress.result.image), self.picture(run.inputs.landmark_path)
        return export_png(run, result, landmark, background=background, with_settings=with_settings)

    def silhouette(self, run: Run, *, size: int | None = None) -> bytes:
        """Return the outline that a run's picture follows, white on black; the size as in `exported`.

        Raises:
            ValueError: if it has none yet, its pictures are gone, or the size cannot be had.
        """
        if not run.inputs.landmark_path:
            raise ValueError(f"run {run.id} has no outline: it is {run.status}")
        if run.result_path is None and size is None:
            return self.picture(run.inputs.landmark_path)
        return png(self._sized(run, size).silhouette)

    def sizes(self, result: bytes | None, photo: Image.Image | None) -> list[int]:
        """Return the sides at which a picture can be had: doubled from the model's up to the photo's."""
        from ragdiffusion.generation.finishing import SHOWN_SIZE

        if result is None or photo is None or not self._engine.ready:
            return []
        model = self._engine.model()
        with Image.open(io.BytesIO(result)) as opened:
            own = opened.width
        least, most = min(model.image_size, own), own
        if own in (model.image_size, SHOWN_SIZE):  # else it is the photo's own size already, or another model's
            most = max(own, model.largest_size(photo))
        return [*(side for side in (least << i for i in range(4)) if side < most), most]

    def sheet(self, run: Run) -> bytes | None:
        """Return the contact sheet that a run is part of, as PNG; None without one, or where it is gone."""
        if run.group_id is None:
            return None
        group, _ = self._log.group(run.group_id, owner=run.inputs.owner)
        try:
            return self.picture(group.picture_path) if group.picture_path else None
        except ValueError:
            return None

    def thumbnails(self, cards: Sequence[Card], owner: str) -> dict[int, bytes]:
        """Return small pictures by run; those of runs of the first schema are made when they are first seen."""
        found = self._log.search.thumbnails([card.id for card in cards], owner=owner)
        for card in cards:
            if card.id not in found and card.result_path is not None:
                try:
                    with Image.open(io.BytesIO(self.picture(card.result_path))) as image:
                        found[card.id] = thumbnail_jpeg(image)
                except (ValueError, OSError):  # one lost or broken picture must not close the history
                    continue
                with suppress(WorkspaceError):  # it is made again next time
                    self._log.keep_thumbnail(card.id, found[card.id])
        return found

    def _photo(self, run: Run) -> BenchPhoto:
        inputs = run.inputs
        return read_photo(self.picture(inputs.photo_path), inputs.photo_name, Framing.read(inputs.framing))

    def _opacity(self, run: Run, size: int | None) -> Image.Image | None:
        """Return how opaque the picture of a photo that came cut out is, as sheer cloth keeps it; None for others."""
        try:
            photo = self._photo(run)
        except ValueError:  # it is gone: the outline is all that is known
            return None
        if photo.alpha is None or not self._engine.ready:
            return None
        with Image.open(io.BytesIO(self.picture(run.result_path))) as opened:
            side = opened.width if size is None else size
        landmark, garment = unit_mask(self.picture(run.inputs.landmark_path)), garment_of(run.inputs, self._images)
        pattern = drawn_pattern(run.inputs.pattern)

        def opacity(model: RAGDiffusion) -> Image.Image:
            return model.opacity(look_at(model, photo, garment), landmark, side, pattern)

        return self._engine.call(opacity, slow=True)

    def _sized(self, run: Run, size: int | None) -> Sized:
        """Return a run's picture and silhouette at a size, or as it was made.

        Raises:
            ValueError: if it has none, its pictures are gone, or the size cannot be had.
        """
        _require_picture(run)
        with Image.open(io.BytesIO(self.picture(run.result_path))) as opened:
            picture = opened.convert("RGB")
        side = picture.width if size is None else size
        with Image.open(io.BytesIO(self.picture(run.inputs.landmark_path))) as opened:
            drawn = opened.convert("L")
        if side == picture.width and (side == drawn.width or not self._engine.ready):
            return Sized(picture, drawn)
        if side != picture.width and side not in range(self._engine.model().image_size, picture.width):
            return self._enlarged(run, picture, side)
        landmark, pattern = unit_mask(png(drawn)), drawn_pattern(run.inputs.pattern)
        silhouette = self._engine.call(lambda model: model.silhouette(landmark, side, pattern))
        shown = picture if side == picture.width else picture.resize((side, side), Image.Resampling.LANCZOS)
        return Sized(shown, silhouette)

    def _enlarged(self, run: Run, picture: Image.Image, size: int) -> Sized:
        photo, landmark = self._photo(run), unit_mask(self.picture(run.inputs.landmark_path))
        garment, pattern = garment_of(run.inputs, self._images), drawn_pattern(run.inputs.pattern)

        def enlarge(model: RAGDiffusion) -> Enlarged:
            from ragdiffusion.generation.finishing import SHOWN_SIZE

            own, base = model.image_size, picture
            if picture.width == SHOWN_SIZE:  # its detail comes from the photo anew
                base = picture.resize((own, own), Image.Resampling.BOX)
            return model.enlarge(look_at(model, photo, garment), base, landmark, size=size, pattern=pattern)

        large = self._engine.call(enlarge, slow=True)
        return Sized(large.image, large.silhouette)


def _require_picture(run: Run) -> None:
    if run.result_path is None:
        raise ValueError(f"run {run.id} has no picture: it is {run.status}")
