"""Runs: started from a bench or a batch, found again, restored, checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from app.bench import Bench, Services, Work
from app.engine import Job, Request
from app.run_queue import Prepare
from app.run_request import as_logged, inputs_of, photo_inputs, request
from app.sampling import MAX_SEED, Sampling
from app.session_log import Group, Run, RunInputs
from app.sheets import Sheet, layout_of
from ragdiffusion.retrieval.guide import StructureGuide

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
    group: Group | None = None


class Runs:
    """Starts, stops, finds and restores runs; a person sees their own only.

    Args:
        services: the engine, the log, the image store and the queue.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def start(self, bench: Bench, sampling: Sampling, *, seeds: int = 1) -> Started:
        """Log what lies on the bench as runs with consecutive seeds, and queue them.

        Args:
            bench: with a photo.
            sampling: its seed is the first one.
            seeds: 1 to 16.

        Raises:
            ValueError: there is no photo, or the number of seeds is out of range.
        """
        if isinstance(seeds, bool) or seeds != int(seeds) or not 1 <= seeds <= MAX_SEEDS:
            raise ValueError(f"the number of seeds is 1 to {MAX_SEEDS}, got {seeds!r}")
        with bench.lock:
            work = bench.require()
            # The seed after the last one is the first one, so that every press works.
            each = [replace(sampling, seed=(sampling.seed + i) % (MAX_SEED + 1)) for i in range(int(seeds))]
            plans = [(work.guide, one) for one in each]
            title = f"{work.photo.name}, {len(plans)} seeds from {sampling.seed}"
            return self._queue(bench, work, plans, kind="seeds", title=title)

    def start_sheet(self, bench: Bench, sampling: Sampling, sheet: Sheet) -> Started:
        """Log and queue one run for each cell of a contact sheet, all with the same seed.

        Raises:
            ValueError: there is no photo.
        """
        with bench.lock:
            work = bench.require()
            plans = [(cell.guide, sampling) for cell in sheet.cells]
            title = f"{work.photo.name}, contact sheet of {len(plans)}"
            return self._queue(bench, work, plans, kind="sheet", title=title, layout=layout_of(sheet))

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
            ValueError: there are no photos or too many.
        """
        images, log = self._services.images, self._services.log
        inputs: list[RunInputs] = []
        for name, data in photos:  # one at a time: many photos at once would fill the memory
            if len(inputs) == MAX_BATCH:
                raise ValueError(f"a batch has at most {MAX_BATCH} photos: use `launch.py batch` for more")
            digest, path = hashlib.sha256(data).hexdigest(), images.put(data, "photo")
            inputs.append(
                photo_inputs(
                    owner, name, sha256=digest, path=path, sampling=sampling, k=k, alpha=alpha, attributes=attributes
                )
            )
        if not inputs:
            raise ValueError("there are no photos: choose some")
        with self._services.queue.held() as queue:
            group, runs = log.add_group(inputs, kind="batch", title=f"{len(inputs)} photos")
            return Started(runs, queue.add(runs), group)

    def again(self, owner: str, run_id: int) -> Started:
        """Queue a run that failed, was cancelled or cut off, anew; the old one stays as it is.

        Raises:
            ValueError: there is no such run of theirs, or it is done or under way.
        """
        run = self.get(owner, run_id)
        if run.status not in ("failed", "cancelled", "interrupted"):
            raise ValueError(f"run {run_id} is {run.status}: only runs that were cut short are tried again")
        return self._repeat(run, reproduces=None)

    def reproduce(self, owner: str, run_id: int) -> Started:
        """Queue a run that repeats a finished one and says whether its pixels are the same.

        Raises:
            ValueError: there is no such run of theirs, or it has no picture.
        """
        run = self.get(owner, run_id)
        if run.result_path is None:
            raise ValueError(f"run {run_id} has no picture to compare with")
        return self._repeat(run, reproduces=run.id)

    def cancel(self, bench: Bench) -> bool:
        """Stop all that was started from a bench; False if none of it was going."""
        going = [job for job in bench.jobs if not job[1].finished]
        # The last first: else each would start when the one before it stops.
        return any([self._services.queue.cancel(run_id, bench.owner) for run_id, _ in reversed(going)])

    def latest(self, owner: str, count: int) -> list[Run]:
        """A person's latest runs, newest first."""
        return self._services.log.latest(count, owner=owner)

    def get(self, owner: str, run_id: int) -> Run:
        """One of a person's runs.

        Raises:
            ValueError: there is no such run of theirs.
        """
        return self._services.log.get(run_id, owner=owner)

    def picture(self, name: str) -> bytes:
        """A stored picture of one of the runs."""
        return self._services.images.read(name)

    def restore(self, bench: Bench, run_id: int, *, scope: str = "all") -> Restored:
        """Put a run back on the bench.

        Args:
            bench: where to.
            run_id: one of the person's runs.
            scope: "all" and "all but seed" put photo, guide and landmark back; "settings" lays α, K and the
                attributes on the photo that lies there.

        Raises:
            ValueError: there is no such run or scope, its pictures are gone, or the bench is empty for
                "settings"; the bench stays as it was.
        """
        if scope not in RESTORE_SCOPES:
            raise ValueError(f"{scope!r} cannot be restored: choose one of {', '.join(RESTORE_SCOPES)}")
        run = self.get(bench.owner, run_id)
        if scope == "settings":
            self.apply(bench, run.inputs.k, run.inputs.alpha, run.inputs.attributes)
            return Restored(run, "")
        photo = self.picture(run.inputs.photo_path)
        if not run.inputs.landmark_path:
            bench.place(photo, run.inputs.photo_name, k=run.inputs.k, alpha=run.inputs.alpha)
            return Restored(run, "its outline was never found, so this is a new one")
        return Restored(run, bench.put_back(photo, run.inputs, self.picture(run.inputs.landmark_path)))

    def apply(self, bench: Bench, k: int, alpha: float, attributes: dict[str, str] | None = None) -> None:
        """Lay settings on the photo of a bench; without a photo there is nothing to lay them on yet."""
        with bench.lock:
            if bench.work is None:
                return
            if attributes:
                bench.describe(attributes)
            bench.retune(k=min(k, len(bench.work.guide.neighbours.ids)), alpha=alpha)

    def changes_since(self, run: Run) -> str:
        """What became different since a run: "" if checkpoint and bank are the same."""
        engine = self._services.engine
        if not engine.ready or not run.inputs.checkpoint:
            return ""
        model = engine.model()
        changed = [
            label
            for label, then, now in (
                ("the checkpoint", run.inputs.checkpoint, model.checkpoint),
                ("the bank", run.inputs.bank_version, model.bank.version),
            )
            if then != now
        ]
        return f"{' and '.join(changed)} changed since" if changed else ""

    def _queue(
        self,
        bench: Bench,
        work: Work,
        plans: Sequence[tuple[StructureGuide, Sampling]],
        *,
        kind: str,
        title: str,
        layout: dict | None = None,
    ) -> Started:
        log = self._services.log
        plans = [(as_logged(guide), sampling) for guide, sampling in plans]
        inputs = self._inputs(bench, work, plans)
        with self._services.queue.held() as queue:
            if len(plans) == 1 and layout is None:
                group, runs = None, [log.add(inputs[0])]
            else:
                group, runs = log.add_group(inputs, kind=kind, title=title, layout=layout)
            prepared = [_ready(request(work.photo.image, guide, sampling)) for guide, sampling in plans]
            jobs = queue.add(runs, prepared, preview=plans[0][1].preview)
        untold = [pair for pair in bench.jobs if pair[0] not in bench.told]
        bench.jobs = untold + [(run.id, job) for run, job in zip(runs, jobs, strict=True)]
        bench.told.clear()
        return Started(runs, jobs, group)

    def _repeat(self, run: Run, *, reproduces: int | None) -> Started:
        with self._services.queue.held() as queue:
            runs = [self._services.log.add(run.inputs, reproduces=reproduces)]
            return Started(runs, queue.add(runs))

    def _inputs(self, bench: Bench, work: Work, plans: Sequence[tuple[StructureGuide, Sampling]]) -> list[RunInputs]:
        images, model = self._services.images, self._services.engine.model()
        path = images.put(work.photo.data, "photo")
        found = []
        for guide, sampling in plans:
            photo = photo_inputs(
                bench.owner,
                work.photo.name,
                sha256=work.photo.sha256,
                path=path,
                sampling=sampling,
                k=guide.k,
                alpha=guide.alpha,
            )
            found.append(inputs_of(guide, sampling, photo=photo, model=model, images=images))
        return found


def _ready(made: Request) -> Prepare:
    return lambda _: made
