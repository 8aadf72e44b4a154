"""What a studio does when its disk is full or its files are taken away while it runs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from app.errors import WorkspaceError
from app.pages.shared.bench_views import BenchPresenter
from app.pages.shared.context import PageContext
from app.pages.shared.status import Status
from app.runs.bench import Bench
from app.runs.runs import Runs
from app.runs.services import Services
from app.session_log.sampling import Sampling
from ragdiffusion.api import RAGDiffusion

SAMPLING = Sampling(seed=3, steps=1, strength=1.0, guidance=1.0)


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """Nothing this process writes may make a file longer: the system refuses it as a full disk would."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def pictures(services: Services) -> list[Path]:
    return [path for path in services.images.folder.rglob("*") if path.is_file()]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit on the size of files")
def test_a_full_disk_is_said_and_what_was_kept_stays(
    services: Services, runs: Runs, bench: Bench, placed: Callable[..., Bench], photo_bytes: Callable[..., bytes]
) -> None:
    placed(bench)
    first = runs.start(bench, SAMPLING)
    assert [*first.jobs[0].progress()][-1].status == "done"
    before = pictures(services)
    bench.place(photo_bytes("#227755"), "other.png", k=4, alpha=0.5)
    with files_up_to(1000), pytest.raises(WorkspaceError, match=r"cannot be kept in .*: check free space"):
        runs.start(bench, SAMPLING)
    assert pictures(services) == before, "nothing half-written is left"
    assert [run.id for run in runs.latest("ana", 9)] == [first.runs[0].id]
    with files_up_to(4096), pytest.raises(WorkspaceError, match=r"the session log .* cannot be used"):
        for _ in range(100):  # until its write-ahead log is at its limit
            services.log.library.note(first.runs[0].id, "x" * 3000, owner="ana")
    assert runs.get("ana", first.runs[0].id).status == "done"
    again = runs.start(bench, SAMPLING)
    assert [*again.jobs[0].progress()][-1].status == "done", "it goes on when there is room again"


@pytest.mark.skipif(sys.platform == "win32", reason="open files cannot be removed there")
def test_all_goes_on_when_the_checkpoint_is_removed_and_the_status_line_says_so(
    make_services: Callable[..., Services],
    checkpoint: Path,
    tmp_path: Path,
    placed: Callable[..., Bench],
    photo_bytes: Callable[..., bytes],
) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(checkpoint, folder)
    services = make_services(lambda: RAGDiffusion.from_pretrained(folder, device="cpu"))
    services.start()
    bench, status = Bench(services.engine, "ana"), Status(services.engine, services.queue)
    guide = placed(bench).work.guide
    assert not status.view("")["warning"]
    shutil.rmtree(folder)
    shown = status.view("")
    assert shown["warning"] and shown["state"] == "ready" and "checkpoint's folder is gone" in shown["message"]
    assert [value for label, value in shown["facts"] if label == "checkpoint"][0].endswith("files gone")
    assert status.view("Run 1 is saved")["message"] == "Run 1 is saved", "it hides nothing"
    views = BenchPresenter(status).all(bench)
    assert views["canvas"]["token"] == bench.work.token
    found = bench.place(photo_bytes(), "again.png", k=4, alpha=0.5).guide
    assert torch.equal(found.landmark, guide.landmark), "retrieval still finds the same"
    started = PageContext(services).runs.start(bench, SAMPLING)
    assert [*started.jobs[0].progress()][-1].status == "done"
