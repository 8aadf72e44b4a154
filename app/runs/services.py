"""What the studio runs on: a model at work, the log, the pictures and the queue between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from app.files.image_store import ImageStore
from app.runs.engine import Engine
from app.runs.queue import RunQueue
from app.session_log.log import SessionLog


@dataclass(frozen=True)
class Services:
    """The engine, the log and the image store, and the queue that the engine takes its jobs from.

    Args:
        engine: a model at work.
        log: what was done.
        images: the pictures.
        bank: file or database URL of the bank that the studio was started with; None is the checkpoint's own.
    """

    engine: Engine
    log: SessionLog
    images: ImageStore
    bank: str | Path | None = None
    queue: RunQueue = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "queue", RunQueue(self.log, self.images))

    @property
    def banks(self) -> Path:
        """Folder of the banks that people make here."""
        return self.log.path.parent / "banks"

    def start(self) -> None:
        """Begin to load the model and to run what is queued; return at once."""
        self.engine.start(self.queue)

    def close(self) -> None:
        """Stop what runs; what waits stays in the log."""
        self.queue.close()
        self.engine.close()
        self.log.close()
