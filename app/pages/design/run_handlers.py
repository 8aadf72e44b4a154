"""What the controls of runs do, without the page: values in, named views out (as in `app.pages.design.handlers`)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

from app.files.uploads import read_upload
from app.pages.shared.events import run_of, runs_of
from app.pages.shared.run_presenter import RunPresenter
from app.pages.shared.run_views import progress_view
from app.pages.shared.status import Status
from app.runs.bench import Bench
from app.runs.followed import Followed
from app.runs.queue import RunQueue
from app.runs.runs import Runs, Started
from app.runs.sheets import DRAFTED, plan_sheet
from app.runs.unsaved import UnsavedRun
from app.session_log.sampling import MAX_SEED, MODEL_SETTINGS, SETTINGS, Sampling
from app.session_log.values import FINAL, Run
from app.web.site import Views

START_SETTINGS = (*SETTINGS, "fresh", "preview")
"""Controls that every start of runs reads, in the order in which handlers get their values."""


class RunHandlers:
    """The handlers of runs.

    Args:
        runs: of the studio.
        queue: that they wait in.
        presenter: makes their views.
        status: the status line.
    """

    def __init__(self, runs: Runs, queue: RunQueue, presenter: RunPresenter, status: Status) -> None:
        self._runs = runs
        self._queue = queue
        self._presenter = presenter
        self._status = status
        self._told_unsaved: dict[int, str] = {}

    def open(self, bench: Bench) -> Iterator[Views]:
        """Show the latest runs and the queue at once, and the model's own settings as soon as it is loaded."""
        yield self._presenter.lists(bench.owner)
        defaults = self._status.defaults()
        if defaults is not None:
            yield {name: getattr(defaults, name) for name in MODEL_SETTINGS}

    def generate(self, bench: Bench, canvas: Any, seeds: float | None, *settings: Any) -> Views:
        """Log the runs that Generate asks for and queue them; the result pane then asks to `follow`."""
        bench.settle(canvas)
        sampling, preview = _set(settings)
        return self._started(bench, self._runs.start(bench, sampling, seeds=seeds or 1, preview=preview), sampling)

    def sheet(self, bench: Bench, canvas: Any, alphas: str, ks: str, candidates: str, *settings: Any) -> Views:
        """Start a contact sheet; its axes are lists of numbers, and "consensus" and "drafted" are candidates too."""
        bench.settle(canvas)
        sampling, preview = _set(settings)
        sheet = plan_sheet(
            bench.require().guide,
            alphas=[_number(word, "α") for word in _words(alphas)],
            ks=[_whole(word, "K") for word in _words(ks)],
            candidates=[_candidate(word) for word in _words(candidates)],
        )
        return self._started(bench, self._runs.start_sheet(bench, sampling, sheet, preview=preview), sampling)

    def batch(self, bench: Bench, paths: list[str] | None, k: int, alpha: float, *settings: Any) -> Views:
        """Start one run for each of many photos, under the settings of the page."""
        sampling, _ = _set(settings)
        photos = ((name, data) for data, name in map(read_upload, paths or []))
        started = self._runs.start_batch(bench.owner, photos, sampling, k=k, alpha=alpha)
        message = f"{len(started.runs)} photos are in the queue; each is read when its turn comes"
        views = {"seed": sampling.seed, "status": self._status.view(message)}
        return {**self._presenter.lists(bench.owner), **views}

    def follow(self, bench: Bench) -> Iterator[Views]:
        """Show what was started from this bench, until none of it is left."""
        followed = bench.followed
        while (going := followed.next()) is not None:
            run_id, job = going
            run = self._runs.get(bench.owner, run_id)
            for progress in job.progress():
                if progress.status in FINAL or followed.next() != going:
                    break
                yield {"result": progress_view(run, progress), "queue": self._presenter.queue(bench.owner)}
            if job.finished and followed.tell(run_id):
                yield self._ended(bench, going)
        yield {"cancel": {"interactive": False}, **self._presenter.lists(bench.owner, followed.last)}

    def cancel(self, bench: Bench) -> Views:
        """Stop what was started from this bench; `follow` tells how it ended."""
        self._runs.cancel(bench)
        return {}

    def show_preview(self, bench: Bench, preview: bool) -> Views:
        """Turn pictures on the way on or off, of what runs already too."""
        for _, job in bench.followed.all():
            job.preview = bool(preview)
        return {}

    def look(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Show a run of the history; the event holds its `run`. The bench stays as it is."""
        run = self._runs.get(bench.owner, run_of(event))
        kept = self._queue.unsaved(run.id, bench.owner)
        job = self._queue.follow(run.id, bench.owner)
        history = self._presenter.history(bench.owner, run.id)
        if kept is not None:
            return {"result": self._presenter.unsaved(kept), "history": history}
        if job is None:
            return {"result": self._presenter.result(run), "history": history}
        bench.followed.add([(run.id, job)])
        return {"result": self._presenter.progress(run, job), "history": history, "cancel": {"interactive": True}}

    def refresh(self, bench: Bench, shown: dict[str, Any] | None) -> Views:
        """Return the lists anew to a history that waits for runs which no page follows; it passes what it shows."""
        views = self._presenter.lists(bench.owner, (shown or {}).get("shown"))
        return {**views, **self._saved_meanwhile(bench.owner)}

    def export(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Give a file of the event's `run`, as `RunPresenter.download` describes it."""
        run = self._runs.get(bench.owner, run_of(event))
        return {"result": {**self._presenter.result(run), "download": self._presenter.download(run, event)}}

    def arrange(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Change the queue: `action` is cancel, cancel_all, pause, resume or move (with `runs` in order)."""
        action, owner = event.get("action"), bench.owner
        if action == "cancel":
            self._queue.cancel(run_of(event), owner)
        elif action == "cancel_all":
            self._queue.cancel_all(owner)
        elif action == "pause":
            self._queue.pause(owner)
        elif action == "resume":
            self._queue.resume(owner)
        elif action == "move":
            self._queue.move(runs_of(event), owner)
        else:
            raise ValueError(f"the queue cannot {action!r}: reload the page")
        return self._presenter.lists(owner, bench.followed.last)

    def _started(self, bench: Bench, started: Started, sampling: Sampling) -> Views:
        return {**self._presenter.started(bench.owner, started.followed), "seed": sampling.seed}

    def _ended(self, bench: Bench, followed: Followed) -> Views:
        run_id, _ = followed
        kept = self._queue.unsaved(run_id, bench.owner)  # first, as it may be written in between
        run = self._runs.get(bench.owner, run_id)
        lists = self._presenter.lists(bench.owner, run_id)
        if kept is not None and run.status not in FINAL:  # say what happened, not what the log still says
            self._told_unsaved[run_id] = bench.owner
            return {"result": self._presenter.unsaved(kept), "status": self._status.view(_kept(kept)), **lists}
        return {
            "result": self._presenter.result(run),
            "status": self._status.view(_outcome(run), run.timings_ms),
            **lists,
        }

    def _saved_meanwhile(self, owner: str) -> Views:
        """Say so when what could not be saved at first is."""
        told = [run_id for run_id, whose in self._told_unsaved.items() if whose == owner]
        saved = [run_id for run_id in told if self._queue.unsaved(run_id, owner) is None]
        for run_id in saved:
            self._told_unsaved.pop(run_id, None)
        return {"status": self._status.view(f"Run {saved[-1]} is saved")} if saved else {}


def _kept(kept: UnsavedRun) -> str:
    return f"Run {kept.run.id} is {kept.progress.status}, but not saved yet: {kept.why}"


def _set(values: tuple[Any, ...]) -> tuple[Sampling, bool]:
    """Return what the page's controls say, `START_SETTINGS`: the settings, and whether previews are wanted."""
    named = dict(zip(START_SETTINGS, values, strict=True))
    if named["fresh"]:
        named["seed"] = secrets.randbelow(MAX_SEED + 1)
    sampling = Sampling.read({**named, "colour_match": bool(named["colour_match"])})
    return sampling, bool(named["preview"])


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


def _candidate(word: str) -> int | str | None:
    if word == "consensus":
        return None
    return word if word == DRAFTED else _whole(word, "candidate") - 1


def _whole(word: str, name: str) -> int:
    if not word.isdecimal():
        raise ValueError(f"{name} must be a list of whole numbers such as 1, 2, 4; {word[:20]!r} is none")
    return int(word)
