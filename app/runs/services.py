"""What the studio runs on: a model at work, the log, the pictures and the queue between them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from app.errors import WorkspaceError
from app.files.bucket import BucketStore
from app.files.image_store import ImageStore
from app.runs.engine import Engine
from app.runs.kept_benches import KeptBenches
from app.runs.past_banks import PastBanks
from app.runs.pulse import Pulse
from app.runs.queue import RunQueue
from app.session_log.log import SessionLog


@dataclass(frozen=True)
class Services:
    """The engine, the log, the image store, the queue that the engine takes its jobs from, and the kept benches.

    Args:
        engine: a model at work.
        log: what was done.
        images: the pictures.
        workspace: folder of what this machine keeps: benches and banks.
        bank: file or database URL of the bank that the studio was started with; None is the checkpoint's own.
    """

    engine: Engine
    log: SessionLog
    images: ImageStore | BucketStore
    workspace: Path
    bank: str | Path | None = None
    past: PastBanks = field(init=False)
    queue: RunQueue = field(init=False)
    benches: KeptBenches = field(init=False)
    _pulse: Pulse | None = field(init=False)

    def __post_init__(self) -> None:
        past = PastBanks(self.engine, self.banks, given=self.bank is not None)
        object.__setattr__(self, "past", past)
        object.__setattr__(self, "queue", RunQueue(self.log, self.images, past))
        object.__setattr__(self, "benches", KeptBenches(self.workspace / "benches", self.engine, past))
        team = self.log.team
        object.__setattr__(self, "_pulse", None if team is None else Pulse(team, self.queue))

    @property
    def banks(self) -> Path:
        """Folder of the banks that people make here."""
        return self.workspace / "banks"

    def start(self) -> None:
        """Begin to load the model and to run what is queued; return at once."""
        self.benches.sweep()
        if self._pulse is not None:
            self._pulse.start()
        self.engine.start(self.queue)

    def close(self) -> None:
        """Stop what runs; what waits stays in the log, and where others share it, they make what was begun."""
        self.benches.close()
        self.queue.close()
        if self._pulse is not None:
            with suppress(WorkspaceError):  # without its server, leases end by themselves
                self.log.team.leave()
        self.engine.close()
        if self._pulse is not None:
            self._pulse.close()
        self.queue.save_left()
        self.log.close()
