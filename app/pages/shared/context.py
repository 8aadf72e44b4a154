"""What every page is given: the studio's services, and what makes views of them."""

from __future__ import annotations

from app.curation.curator import Curator
from app.curation.proposals import ProposalTray
from app.pages.shared.bench_views import BenchPresenter
from app.pages.shared.run_presenter import RunPresenter
from app.pages.shared.status import Status
from app.runs.run_files import RunFiles
from app.runs.runs import Runs
from app.runs.services import Services


class PageContext:
    """The parts that pages are wired to; one of each for the whole site.

    Args:
        services: the engine, the log, the image store and the queue.

    Attributes:
        engine, log, images, queue, benches: of the services.
        curator: opens and switches banks.
        tray: what is about to be added to a bank.
        runs: starts, finds and restores runs.
        files: the pictures of runs.
        status: the status line.
        run_presenter: the views of runs.
        bench_presenter: the views of a bench.
    """

    def __init__(self, services: Services) -> None:
        self.engine, self.log = services.engine, services.log
        self.images, self.queue, self.benches = services.images, services.queue, services.benches
        self.curator, self.tray = Curator(services.engine, services.banks, services.bank), ProposalTray()
        self.runs = Runs(self.engine, self.log, self.images, self.queue, services.past)
        self.files = RunFiles(self.engine, self.log, self.images)
        self.status = Status(self.engine, self.queue)
        self.run_presenter = RunPresenter(self.runs, self.log, self.queue, self.files, self.status)
        self.bench_presenter = BenchPresenter(self.status)
