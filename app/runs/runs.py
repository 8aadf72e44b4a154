"""Runs: started from a bench or a batch, found again, restored, checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.files.image_store import ImageStore
from app.runs.bench import Bench
from app.runs.changes import changes_since, same_version
from app.runs.engine import Engine
from app.runs.followed import Followed
from app.runs.job import Job, Prepare, Request
from app.runs.queue import RunQueue
from app.runs.request import as_logged, garment_as_logged, garment_of, guided_inputs
from app.runs.sheets import ContactSheet, layout_of
from app.runs.work import Work
from app.session_log.framing import Framing
from app.session_log.log import SessionLog
from app.session_log.sampling import MAX_SEED, Sampling
from app.session_log.values import Run, RunGroup, RunInputs
from ragdiffusion.retrieval.guide import StructureGuide

if TYPE_CHECKING:
    from app.runs.past_banks import PastBanks

MAX_SEEDS = 16
MAX_BATCH = 1000
RESTORE_SCOPES = ("all", "all but seed", "settings")


@dataclass(frozen=True)
class Restored:
    """A run put back on the bench, and what could not be put back as it was ("" if all could)."""

    run: Run
    note: str


@dataclass(frozen=True)
class Started:
    """Runs that were started by one press.

    Args:
        runs: queued, in order.
        jobs: of each; follow their `progress`.
        group: that they form, None for a single one.
    """

    runs: list[Run]
    jobs: list[Job]
    group: RunGroup | None = None

    @property
    def followed(self) -> list[Followed]:
        """Number and job of each."""
        return [(run.id, job) for run, job in zip(self.runs, self.jobs, strict=True)]


class Runs:
    """Starts, stops, finds and restores runs; a person sees their own only.

    Args:
        engine: whose model the runs are made with.
        log: holds the runs.
        images: keeps their pictures.
        queue: hands them to workers.
        past: finds the banks that they were made from.
    """

    def __init__(self, engine: Engine, log: SessionLog, images: ImageStore, queue: RunQueue, past: PastBanks) -> None:
        self._engine = engine
        self._log = log
        self._images = images
        self._queue = queue
        self._past = past

    def start(self, bench: Bench, sampling: Sampling, *, seeds: int = 1, preview: bool = False) -> Started:
        """Log what lies on the bench as runs with consecutive seeds, and queue them.

        Args:
            bench: with a photo.
            sampling: its seed is the first one.
            seeds: 1 to 16.
            preview: whether pictures are wanted while they run.

        Raises:
            ValueError: if there is no photo, or the number of seeds is out of range.
        """
        if isinstance(seeds, bool) or seeds != int(seeds) or not 1 <= seeds <= MAX_SEEDS:
            raise ValueError(f"the number of seeds is 1 to {MAX_SEEDS}, got {seeds!r}")
        with bench.lock:
            work = bench.require()
            # The seed after the last one is the first one, so that every press works.
            each = [replace(sampling, seed=(sampling.seed + i) % (MAX_SEED + 1)) for i in range(int(seeds))]
            plans = [(work.guide, one) for one in each]
            title = f"{work.photo.name}, {len(plans)} seeds from {sampling.seed}"
            return self._add(bench, work, plans, kind="seeds", title=title, preview=preview)

    def start_sheet(self, bench: Bench, sampling: Sampling, sheet: ContactSheet, *, preview: bool = False) -> Started:
        """Log and queue one run for each cell of a contact sheet, all with the same seed.

        Raises:
            ValueError: if there is no photo.
        """
        with bench.lock:
            work = bench.require()
            plans = [(cell.guide, sampling) for cell in sheet.cells]
            title = f"{work.photo.name}, contact sheet of {len(plans)}"
            layout = layout_of(sheet)
            return self._add(bench, work, plans, kind="sheet", title=title, layout=layout, preview=preview)

    def start_batch(
        self,
        owner: str,
        photos: Iterable[tuple[str, bytes]],
        sampling: Sampling,
        *,
        k: int,
        alpha: float,
        attributes: dict[str, str] | None = None,
    ) -> Started:
        """Log and queue one run for each photo. Each is read and its structure found when its turn comes.

        Args:
            owner: login of the person.
            photos: name and bytes of each, 1 to 1000; a photo that cannot be used fails by itself.
            sampling: of all of them.
            k: number of candidates.
            alpha: share of the reconstruction.
            attributes: that override what is read.

        Raises:
            ValueError: if there are no photos or too many.
        """
        with self._images.keeping():
            inputs: list[RunInputs] = []
            for name, data in photos:  # one at a time: many photos at once would fill the memory
                if len(inputs) == MAX_BATCH:
                    raise ValueError(f"a batch has at most {MAX_BATCH} photos: use `launch.py batch` for more")
                inputs.append(
                    RunInputs(
                        owner=owner,
                        photo_sha256=hashlib.sha256(data).hexdigest(),
                        photo_name=name,
                        photo_path=self._images.put(data, "photo"),
                        sampling=sampling,
                        k=int(k),
                        alpha=float(alpha),
                        attributes=attributes or {},
                    )
                )
            if not inputs:
                raise ValueError("there are no photos: choose some")
            with self._queue.held() as queue:
                group, runs = self._log.add_group(inputs, kind="batch", title=f"{len(inputs)} photos")
                return Started(runs, queue.add(runs), group)

    def again(self, owner: str, run_id: int) -> Started:
        """Queue a run that failed, was cancelled or cut off, anew; the old one stays as it is.

        Raises:
            ValueError: if there is no such run of theirs, or it is done or under way.
        """
        run = self.get(owner, run_id)
        if run.status not in ("failed", "cancelled", "interrupted"):
            raise ValueError(f"run {run_id} is {run.status}: only runs that were cut short are tried again")
        return self._repeat(run, reproduces=None)

    def reproduce(self, owner: str, run_id: int) -> Started:
        """Queue a run that repeats a finished one and says whether its pixels are the same.

        Raises:
            ValueError: if there is no such run of theirs, or it has no picture.
        """
        run = self.get(owner, run_id)
        if run.result_path is None:
            raise ValueError(f"run {run_id} has no picture to compare with")
        return self._repeat(run, reproduces=run.id)

    def cancel(self, bench: Bench) -> bool:
        """Stop all that was started from a bench; False if none of it was going."""
        # The last first: else each would start when the one before it stops.
        return any([self._queue.cancel(run_id, bench.owner) for run_id, _ in reversed(bench.followed.going())])

    def latest(self, owner: str, count: int) -> list[Run]:
        """Return a person's latest runs, newest first."""
        return self._log.latest(count, owner=owner)

    def get(self, owner: str, run_id: int) -> Run:
        """Return one of a person's runs.

        Raises:
            ValueError: if there is no such run of theirs.
        """
        return self._log.get(run_id, owner=owner)

    def picture(self, name: str) -> bytes:
        """Return a stored picture of one of the runs."""
        return self._images.read(name)

    def restore(self, bench: Bench, run_id: int, *, scope: str = "all") -> Restored:
        """Put a run back on the bench.

        Args:
            bench: where to.
            run_id: one of the person's runs.
            scope: "all" and "all but seed" put photo, guide and landmark back; "settings" lays α, K and the
                attributes on the photo that lies there.

        Raises:
            ValueError: if there is no such run or scope, its pictures are gone, or the bench is empty for
                "settings"; the bench stays as it was.
        """
        if scope not in RESTORE_SCOPES:
            raise ValueError(f"{scope!r} cannot be restored: choose one of {', '.join(RESTORE_SCOPES)}")
        run = self.get(bench.owner, run_id)
        inputs = run.inputs
        if scope == "settings":
            self.apply(bench, inputs.k, inputs.alpha, inputs.attributes)
            return Restored(run, "")
        photo, garment = self.picture(inputs.photo_path), garment_of(inputs, self._images)
        if not inputs.landmark_path:
            framing = Framing.read(inputs.framing)
            bench.place(photo, inputs.photo_name, k=inputs.k, alpha=inputs.alpha, garment=garment, framing=framing)
            return Restored(run, "its outline was never found, so this is a new one")
        guide = bench.put_back(photo, inputs, self.picture(inputs.landmark_path), garment, past=self._past).guide
        then = same_version(inputs.bank_version, guide.bank_version)
        note = changes_since(inputs, checkpoint=guide.checkpoint, bank_version=guide.bank_version, kept=False)
        if then and not same_version(inputs.bank_version, self._engine.model().bank.version):
            note = "; ".join(filter(None, [note, f"its candidates are those of {inputs.bank_version}"]))
        return Restored(run, note)

    def apply(self, bench: Bench, k: int, alpha: float, attributes: dict[str, str] | None = None) -> None:
        """Lay settings on the photo of a bench; without a photo there is nothing to lay them on yet."""
        with bench.lock:
            if bench.work is None:
                return
            if attributes:
                bench.describe(attributes)
            bench.retune(k=min(k, len(bench.work.guide.neighbours.ids)), alpha=alpha)

    def changes_since(self, run: Run) -> str:
        """Say what became different since a run; "" if nothing did, or the model is not loaded yet."""
        if not self._engine.ready:
            return ""
        model = self._engine.model()
        kept = self._past.has(run.inputs.bank_version)
        return changes_since(run.inputs, checkpoint=model.checkpoint, bank_version=model.bank.version, kept=kept)

    def _add(
        self,
        bench: Bench,
        work: Work,
        plans: Sequence[tuple[StructureGuide, Sampling]],
        *,
        kind: str,
        title: str,
        preview: bool,
        layout: dict[str, Any] | None = None,
    ) -> Started:
        plans = [(as_logged(guide), sampling) for guide, sampling in plans]
        with self._images.keeping():
            inputs = self._inputs(bench, work, plans)
            with self._queue.held() as queue:
                if len(plans) == 1 and layout is None:
                    group, runs = None, [self._log.add(inputs[0])]
                else:
                    group, runs = self._log.add_group(inputs, kind=kind, title=title, layout=layout)
                prepared = [_ready(Request(work.sight, guide, sampling)) for guide, sampling in plans]
                jobs = queue.add(runs, prepared, preview=preview)
        started = Started(runs, jobs, group)
        bench.followed.start(started.followed)
        return started

    def _repeat(self, run: Run, *, reproduces: int | None) -> Started:
        with self._images.keeping(), self._queue.held() as queue:
            self.get(run.inputs.owner, run.id)  # its pictures are there as long as it is
            runs = [self._log.add(run.inputs, reproduces=reproduces)]
            return Started(runs, queue.add(runs))

    def _inputs(self, bench: Bench, work: Work, plans: Sequence[tuple[StructureGuide, Sampling]]) -> list[RunInputs]:
        model, images = self._engine.model(), self._images
        path, garment = images.put(work.photo.data, "photo"), garment_as_logged(work.garment, images)
        found = []
        for guide, sampling in plans:
            photo = RunInputs(
                owner=bench.owner,
                photo_sha256=work.photo.sha256,
                photo_name=work.photo.name,
                photo_path=path,
                sampling=sampling,
                k=guide.k,
                alpha=guide.alpha,
                garment=garment,
                framing=work.photo.framing.logged(),
            )
            found.append(guided_inputs(photo, guide, model=model, images=images))
        return found


def _ready(made: Request) -> Prepare:
    return lambda _: made
