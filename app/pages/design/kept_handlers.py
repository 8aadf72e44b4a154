"""The bench that a browser left: put back when it opens the studio, with the settings of the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.pages.shared.bench_views import BenchPresenter
from app.pages.shared.status import Status
from app.runs.bench import Bench
from app.runs.kept_benches import PAGE_SETTINGS, KeptBenches
from app.web.site import Views
from ragdiffusion.parsing.choosing import NoGarmentError


class KeptHandlers:
    """The handlers of kept benches.

    Args:
        benches: keeps them.
        presenter: makes the views of a bench.
        status: the status line.
    """

    def __init__(self, benches: KeptBenches, presenter: BenchPresenter, status: Status) -> None:
        self._benches = benches
        self._presenter = presenter
        self._status = status

    def put_back(self, bench: Bench) -> Iterator[Views]:
        """Put back what lay here when this browser was here last."""
        try:
            kept = self._benches.put_back(bench)
        except NoGarmentError:  # as it was then
            kept = None
        except Exception as error:
            message, _ = self._status.refuse(error)
            yield {"status": self._status.view(f"Your last bench could not be put back: {message}")}
            return
        if not bench.empty:
            views = {**self._presenter.all(bench), **bench.page}
            if kept is not None:
                views["status"] = self._status.view(f"{kept.inputs.photo_name} lies here as you left it")
            yield views

    def keep(self, bench: Bench, *values: Any) -> Views:
        """Note the settings of the page, `PAGE_SETTINGS`."""
        bench.set_page(dict(zip(PAGE_SETTINGS, values, strict=True)))
        return {}
