"""What the studio runs on: a model at work, the log, the pictures and the queue between them."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.files.image_store import ImageStore
from app.runs.engine import Engine
from app.runs.kept_benches import KeptBenches
from app.runs.queue import RunQueue
from app.session_log.log import SessionLog


@dataclass(frozen=True)
class Services:
    """The engine, the log, the image store, the queue that the engine takes its jobs from, and the kept benches."""

    engine: Engine
    log: SessionLog
    images: ImageStore
    queue: RunQueue = field(init=False)
    benches: KeptBenches = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "queue", RunQueue(self.log, self.images))
        object.__setattr__(self, "benches", KeptBenches(self.images.folder.parent / "benches", self.engine))

    def start(self) -> None:
        """Begin to load the model and to run what is queued; return at once."""
        self.benches.sweep()
        self.engine.start(self.queue)

    def close(self) -> None:
        """Stop what runs; what waits stays in the log."""
        self.benches.close()
        self.queue.close()
        self.engine.close()
        self.log.close()
