"""What the controls of runs do, without the page: values in, named views out (as in `app.pages.design.handlers`)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

from app.pages.shared.presenter import RunPresenter
from app.pages.shared.run_views import file_name, png_url, progress_view
from app.pages.shared.status import Status, Views
from app.runs.bench import Bench, Services, read_upload
from app.runs.engine import FINAL, Job, Progress
from app.runs.runs import Runs, Started
from app.runs.sheets import plan_sheet
from app.session_log import Run
from app.session_log.sampling import MAX_SEED, Sampling

SAMPLING = ("steps", "strength", "guidance")
FINISHING = ("preview", "colour_match", "background")
RESTORED = ("seed", "fresh", *SAMPLING, "colour_match", "background")


class RunHandlers:
    """The handlers of runs.

    Args:
        services: the engine, the log, the image store and the queue.
        status: the status line.
        whole: all views of what lies on a bench.
    """

    def __init__(self, services: Services, status: Status, whole: Callable[[Bench], Views]) -> None:
        self.runs = Runs(services)
        self.showing = RunPresenter(services, self.runs)
        self._queue = services.queue
        self._status = status
        self.whole = whole

    def open(self, bench: Bench) -> Iterator[Views]:
        """Show the latest runs and the queue at once, and the model's own settings as soon as it is loaded."""
        yield self._lists(bench)
        defaults = self._status.defaults()
        if defaults is not None:
            yield {name: getattr(defaults, name) for name in SAMPLING}

    def generate(
        self, bench: Bench, canvas: Any, seed: float | None, fresh: bool, seeds: float | None, *settings: Any
    ) -> Views:
        """Generate was pressed: log the runs and queue them; the result pane then asks to `follow`."""
        bench.settle(canvas)
        sampling = _sampling(seed, fresh, *settings)
        return self._started(bench, self.runs.start(bench, sampling, seeds=seeds or 1), sampling)

    def sheet(
        self,
        bench: Bench,
        canvas: Any,
        alphas: str,
        ks: str,
        candidates: str,
        seed: float | None,
        fresh: bool,
        *settings: Any,
    ) -> Views:
        """A contact sheet is wanted; its axes are lists of numbers, and "consensus" is a candidate too."""
        bench.settle(canvas)
        sampling = _sampling(seed, fresh, *settings)
        sheet = plan_sheet(
            bench.require().guide,
            alphas=[_number(word, "α") for word in _words(alphas)],
            ks=[_whole(word, "K") for word in _words(ks)],
            candidates=[None if word == "consensus" else _whole(word, "candidate") - 1 for word in _words(candidates)],
        )
        return self._started(bench, self.runs.start_sheet(bench, sampling, sheet), sampling)

    def batch(
        self,
        bench: Bench,
        paths: list[str] | None,
        k: int,
        alpha: float,
        seed: float | None,
        fresh: bool,
        *settings: Any,
    ) -> Views:
        """Many photos were dropped or chosen: one run for each, under the settings of the page."""
        sampling = _sampling(seed, fresh, *settings)
        photos = ((name, data) for data, name in map(read_upload, paths or []))
        started = self.runs.start_batch(bench.owner, photos, sampling, k=k, alpha=alpha)
        message = f"{len(started.runs)} photos are in the queue; each is read when its turn comes"
        return {**self._lists(bench), "seed": sampling.seed, "status": self._status.view(message)}

    def follow(self, bench: Bench) -> Iterator[Views]:
        """Show what was started from this bench, until none of it is left."""
        while (going := _next(bench)) is not None:
            run_id, job = going
            run = self.runs.get(bench.owner, run_id)
            for progress in job.progress():
                if progress.status in FINAL or _next(bench) != going:
                    break
                yield {"result": progress_view(run, progress), "queue": self.showing.queue(bench.owner)}
            if job.finished and _untold(bench, run_id):
                yield self._ended(bench, run_id, job.latest)
        yield {"cancel": {"interactive": False}, **self._lists(bench, self._last(bench))}

    def cancel(self, bench: Bench) -> Views:
        """Cancel was pressed; `follow` tells how it ended."""
        self.runs.cancel(bench)
        return {}

    def show_preview(self, bench: Bench, preview: bool) -> Views:
        """Pictures on the way are wanted or not, of what runs already too."""
        for _, job in bench.jobs:
            job.preview = bool(preview)
        return {}

    def look(self, bench: Bench, event: dict[str, Any]) -> Views:
        """A run of the history was clicked; the event holds its `run`. The bench stays as it is."""
        run = self.runs.get(bench.owner, run_id_of(event))
        job = self._queue.follow(run.id, bench.owner)
        if job is None:
            return {"result": self.showing.result(run), "history": self.showing.history(bench.owner, run.id)}
        with bench.lock:
            if all(run_id != run.id for run_id, _ in bench.jobs):
                bench.jobs.append((run.id, job))
        shown = {**progress_view(run, job.latest), "follow": True}
        return {"result": shown, "history": self.showing.history(bench.owner, run.id), "cancel": {"interactive": True}}

    def refresh(self, bench: Bench, shown: dict[str, Any] | None) -> Views:
        """The history waits for runs that no page follows any more; it passes what it shows."""
        return self._lists(bench, (shown or {}).get("shown"))

    def restore(self, bench: Bench, event: dict[str, Any]) -> Views:
        """A run is wanted back on the bench; the event holds its `run` and the `scope`."""
        scope = str(event.get("scope", "all"))
        restored = self.runs.restore(bench, run_id_of(event), scope=scope)
        inputs = restored.run.inputs
        views = self.whole(bench) if bench.work else {"k": inputs.k, "alpha": inputs.alpha}
        said = {"settings": "The settings of run {} are set"}.get(scope, "Run {} is back on the bench")
        message = said.format(restored.run.id)
        views["status"] = self._status.view(f"{message}; {restored.note}" if restored.note else message)
        views.update({name: getattr(inputs, name) for name in (*SAMPLING, "colour_match", "background")})
        if scope == "all":
            views.update(seed=inputs.seed, fresh=False)
        return views

    def repeat(self, bench: Bench, event: dict[str, Any]) -> Views:
        """A run is to be made again; the event holds its `run` and whether to `check` it against its old pixels."""
        run_id = run_id_of(event)
        started = (self.runs.reproduce if event.get("check") else self.runs.again)(bench.owner, run_id)
        with bench.lock:
            bench.jobs += [(run.id, job) for run, job in zip(started.runs, started.jobs, strict=True)]
        return self._started(bench, started, None)

    def export(self, bench: Bench, event: dict[str, Any]) -> Views:
        """A file is wanted of the event's `run`.

        It may hold a `size`, and tell `what`: the "silhouette", or else the picture on a `background`, perhaps
        `with_settings`.
        """
        run = self.runs.get(bench.owner, run_id_of(event))
        size = event.get("size")
        suffix = "" if size is None else f"-{size}"
        if event.get("what") == "silhouette":
            data, name = self.showing.silhouette(run, size=size), file_name(run, f"{suffix}.silhouette.png")
        else:
            background = str(event.get("background") or run.inputs.background)
            inside = bool(event.get("with_settings"))
            data = self.showing.exported(run, background=background, with_settings=inside, size=size)
            name = file_name(run, f"{suffix}.png")
        download = {"name": name, "url": png_url(data), "token": secrets.token_hex(4)}
        return {"result": {**self.showing.result(run), "download": download}}

    def arrange(self, bench: Bench, event: dict[str, Any]) -> Views:
        """The queue was changed: `action` is cancel, cancel_all, pause, resume or move (with `runs` in order)."""
        action, owner = event.get("action"), bench.owner
        if action == "cancel":
            self._queue.cancel(run_id_of(event), owner)
        elif action == "cancel_all":
            self._queue.cancel_all(owner)
        elif action == "pause":
            self._queue.pause(owner)
        elif action == "resume":
            self._queue.resume(owner)
        elif action == "move":
            self._queue.move([run_id_of({"run": run}) for run in event.get("runs") or []], owner)
        else:
            raise ValueError(f"the queue cannot {action!r}: reload the page")
        return self._lists(bench, self._last(bench))

    def _started(self, bench: Bench, started: Started, sampling: Sampling | None) -> Views:
        run, job = started.runs[0], started.jobs[0]
        several = f"Runs {run.id} to {started.runs[-1].id} are" if len(started.runs) > 1 else f"Run {run.id} is"
        waits = "in the queue, which is paused" if self._queue.paused(bench.owner) else "under way"
        views = {
            "result": {**progress_view(run, job.latest), "follow": True},
            "status": self._status.view(f"{several} {waits}"),
            "cancel": {"interactive": True},
            **self._lists(bench),
        }
        return views if sampling is None else {**views, "seed": sampling.seed}

    def _ended(self, bench: Bench, run_id: int, progress: Progress) -> Views:
        run = self.runs.get(bench.owner, run_id)
        if run.status not in FINAL:  # it could not be recorded: say what happened, not what the log still says
            shown = progress_view(run, progress)
            return {"result": shown, "status": self._status.view(f"Run {run.id}: {progress.error}"),
                    **self._lists(bench, run_id)}
        views = {"result": self.showing.result(run), **self._lists(bench, run_id)}
        return {**views, "status": self._status.view(_outcome(run), run.timings_ms)}

    def _lists(self, bench: Bench, shown: int | None = None) -> Views:
        return {"history": self.showing.history(bench.owner, shown), "queue": self.showing.queue(bench.owner)}

    def _last(self, bench: Bench) -> int | None:
        return bench.jobs[-1][0] if bench.jobs else None


def run_id_of(event: dict[str, Any]) -> int:
    """The run that an event names.

    Raises:
        ValueError: it names none.
    """
    value = event.get("run")
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is no run: reload the page")
    return value


def _next(bench: Bench) -> tuple[int, Job] | None:
    """What to follow: what ended before anybody followed it, else what runs, else what waits longest."""
    with bench.lock:
        left = [pair for pair in bench.jobs if pair[0] not in bench.told]
    ended = [pair for pair in left if pair[1].finished]
    running = [pair for pair in left if pair[1].latest.status == "running"]
    return next(iter(ended + running + left), None)


def _untold(bench: Bench, run_id: int) -> bool:
    """Whether the end of a run is still to be shown; True once only, as several may follow the same bench."""
    with bench.lock:
        untold = run_id not in bench.told
        bench.told.add(run_id)
    return untold


def _sampling(
    seed: float | None,
    fresh: bool,
    steps: float,
    strength: float,
    guidance: float,
    preview: bool,
    colour_match: bool,
    background: str,
) -> Sampling:
    chosen = secrets.randbelow(MAX_SEED + 1) if fresh else seed
    return Sampling(chosen, steps, strength, guidance, preview, bool(colour_match), background)


def _outcome(run: Run) -> str:
    if run.status == "done":
        return f"Run {run.id} is saved"
    return f"Run {run.id} {run.status}" + (f": {run.error}" if run.error else "")


def _words(text: str) -> list[str]:
    return [word for word in str(text).replace(",", " ").replace(";", " ").lower().split() if word]


def _number(word: str, name: str) -> float:
    try:
        return float(word)
    except ValueError as error:
        raise ValueError(f"{name} must be a list of numbers such as 0, 0.5, 1; {word[:20]!r} is none") from error


def _whole(word: str, name: str) -> int:
    if not word.isdecimal():
        raise ValueError(f"{name} must be a list of whole numbers such as 1, 2, 4; {word[:20]!r} is none")
    return int(word)
