"""What several pages do with a run of the log: put it back on the bench, or make it again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app.pages.shared.bench_views import BenchPresenter
from app.pages.shared.events import run_of
from app.pages.shared.run_presenter import RunPresenter
from app.pages.shared.status import Status
from app.runs.bench import Bench
from app.runs.runs import Runs
from app.session_log.sampling import SETTINGS
from app.web.site import Views

RESTORED = (*SETTINGS, "fresh")


class RunActions:
    """Handlers that several pages wire to their own parts.

    Args:
        runs: of the studio.
        presenter: makes the views of runs.
        bench_presenter: makes the views of a bench.
        status: the status line.
    """

    def __init__(
        self,
        runs: Runs,
        presenter: RunPresenter,
        bench_presenter: BenchPresenter,
        status: Status,
    ) -> None:
        self._runs = runs
        self._presenter = presenter
        self._bench_presenter = bench_presenter
        self._status = status

    def restore(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Put a run back on the bench; the event holds its `run` and the `scope`."""
        scope = str(event.get("scope", "all"))
        restored = self._runs.restore(bench, run_of(event), scope=scope)
        inputs = restored.run.inputs
        views = self._bench_presenter.all(bench) if bench.work else {"k": inputs.k, "alpha": inputs.alpha}
        said = {"settings": "The settings of run {} are set"}.get(scope, "Run {} is back on the bench")
        message = said.format(restored.run.id)
        views["status"] = self._status.view(f"{message}; {restored.note}" if restored.note else message)
        settings = asdict(inputs.sampling)
        seed = settings.pop("seed")
        views.update(settings)
        if scope == "all":
            views.update(seed=seed, fresh=False)
        return views

    def repeat(self, bench: Bench, event: dict[str, Any]) -> Views:
        """Make a run again; the event holds its `run` and whether to `check` it against its old pixels."""
        again = self._runs.reproduce if event.get("check") else self._runs.again
        started = again(bench.owner, run_of(event))
        bench.followed.add(started.followed)
        return self._presenter.started(bench.owner, started.followed)
