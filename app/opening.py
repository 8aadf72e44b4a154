"""Opening what a studio or a worker runs on: the model, the log, the pictures, and the queue between them."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from PIL import Image

from app.files.bucket import open_images
from app.files.image_store import ImageStore
from app.options import LOG_FORM, StudioOptions
from app.runs.engine import Engine
from app.runs.services import Services
from app.session_log.log import SessionLog

if TYPE_CHECKING:
    from ragdiffusion.api import RAGDiffusion

MOST_CLOCK_SECONDS = 60.0
_LOG = logging.getLogger(__name__)


def open_services(settings: StudioOptions) -> Services:
    """Open log and pictures; the model is loaded when the services start.

    Raises:
        ValueError: if the log is no session log, or its address cannot be read.
        WorkspaceError: if the log or the pictures cannot be used.
    """
    log = open_log(settings)
    if log.team is None:
        images = ImageStore(settings.images)
        images.sweep()
        return Services(Engine(partial(load_model, settings)), log, images, settings.workspace, settings.bank)
    try:
        images = open_images(settings.pictures or "")
        images.check()
        ahead = log.team.clock_difference()
    except BaseException:
        log.close()
        raise
    if abs(ahead) > MOST_CLOCK_SECONDS:
        _LOG.warning("%s", clock_line(ahead))
    return Services(Engine(partial(load_and_join, settings, log)), log, images, settings.workspace, settings.bank)


def open_log(settings: StudioOptions) -> SessionLog:
    """Open the log that the settings name.

    Raises:
        ValueError, WorkspaceError: as for `SessionLog`, and for an address that cannot be read.
    """
    if settings.log is None:
        return SessionLog(settings.database, overseers=settings.overseers)
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        address = make_url(settings.log)
    except (ArgumentError, ValueError) as error:
        raise ValueError(f"--log cannot be read as an address: write {LOG_FORM}") from error
    return SessionLog(address, overseers=settings.overseers)


def clock_line(ahead: float) -> str:
    """Say what it means that this machine's clock differs from the database's.

    Args:
        ahead: seconds.
    """
    side = "ahead of" if ahead > 0 else "behind"
    return (
        f"this machine's clock is {abs(ahead) / 60:.1f} minutes {side} the database's: "
        "runs go by the database's, so none is lost; set the clock all the same"
    )


def load_and_join(settings: StudioOptions, log: SessionLog) -> RAGDiffusion:
    """Load the model and become one of those who make the log's pictures.

    Raises:
        ValueError: if the model cannot be loaded, or others work with other weights.
    """
    model = load_model(settings)
    log.team.join(model.checkpoint)
    return model


def load_model(settings: StudioOptions) -> RAGDiffusion:
    """Return the model that the settings name, with its first retrieval, which is slow, behind it."""
    # Imported here, so that the page is up before it.
    from ragdiffusion.api import RAGDiffusion
    from ragdiffusion.config import assets_folder
    from ragdiffusion.logs import quiet_libraries
    from ragdiffusion.parsing.choosing import NoGarmentError

    quiet_libraries()
    model = RAGDiffusion.from_pretrained(
        settings.checkpoint,
        preset=settings.preset,
        bank=settings.bank,
        device=settings.device,
        reader=settings.reader,
    )
    examples = sorted((assets_folder() / "examples").glob("*.jpg"))  # the folder may be missing
    with suppress(NoGarmentError):  # a parser of one's own may see none, least of all on a blank picture
        model.retrieve(next(iter(examples), Image.new("RGB", (256, 256), "white")), k=1)
    return model
