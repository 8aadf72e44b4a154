"""Batches on Ray: the pictures are those of one process, whatever dies meanwhile."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

pytest.importorskip("ray", reason="Ray is not installed: requirements-cluster.txt")

from ragdiffusion.batch.executors import ThisProcess
from ragdiffusion.batch.ray_executor import Ledger, RayActors
from ragdiffusion.batch.report import ReportRow, read_report
from ragdiffusion.batch.request import PictureRequest
from ragdiffusion.batch.run import run_batch
from ragdiffusion.ray_cluster import Cluster
from ragdiffusion.ray_map import RayMap

PHOTOS, KILLS, PATIENCE = 12, 3, 600


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One cluster of this machine for all tests; starting it takes the longest."""
    here = Cluster()
    with here.connected(cpus=2, gpus=0):
        yield here


@pytest.fixture
def request_here(tiny_checkpoint: Path) -> PictureRequest:
    return PictureRequest(steps=1, k=2, checkpoint=str(tiny_checkpoint), device="cpu")


@pytest.fixture
def photos(tmp_path: Path, make_photo: Callable) -> Path:
    (tmp_path / "in").mkdir()
    for index in range(PHOTOS):
        make_photo(index).save(tmp_path / "in" / f"{index:02d}.png")
    return tmp_path / "in"


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.png")}


def makers() -> list[psutil.Process]:
    """The processes of the actors that have a model."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if "PictureMaker" in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_killed_actors_cost_nothing(
    cluster: Cluster, photos: Path, tmp_path: Path, request_here: PictureRequest
) -> None:
    """Three kills in mid-work: as many pictures as photos, each as one process makes it, one line each."""
    (photos / "broken.jpg").write_bytes(b"no picture at all")
    run_batch([photos], tmp_path / "one", request_here, ThisProcess())
    killed: set[int] = set()

    def killing(rows: Iterator[ReportRow], total: int | None) -> Iterator[ReportRow]:
        for row in rows:
            yield row
            if len(killed) < KILLS and (alive := [each for each in makers() if each.pid not in killed]):
                killed.add(alive[0].pid)
                alive[0].kill()

    result = run_batch([photos], tmp_path / "ray", request_here, RayActors(cluster, actors=2), track=killing)
    assert len(killed) == KILLS
    assert (result.photos, result.made, len(result.failed)) == (PHOTOS + 1, PHOTOS, 1)
    assert "broken.jpg" in result.failed[0].photo and "can't be read" in result.failed[0].error
    assert hashes(tmp_path / "ray") == hashes(tmp_path / "one") and len(hashes(tmp_path / "ray")) == 2 * PHOTOS
    report = read_report(tmp_path / "ray" / "report.csv")
    assert len(report) == PHOTOS + 1 and all(len(rows) == 1 for rows in report.values())


def test_a_model_that_cannot_be_loaded_ends_the_batch_with_its_line(
    cluster: Cluster, photos: Path, tmp_path: Path
) -> None:
    missing = PictureRequest(checkpoint=str(tmp_path / "none"), device="cpu")
    with pytest.raises(ValueError, match="not found: give a folder in diffusers layout"):
        run_batch([photos], tmp_path / "out", missing, RayActors(cluster))


def test_a_map_gives_what_map_gives_in_order(cluster: Cluster) -> None:
    assert list(RayMap(cluster, 2, chunk=3)(hash, range(20))) == list(map(hash, range(20)))
    assert list(RayMap(cluster)(str, iter(()))) == []


def test_a_killed_driver_goes_on_with_what_its_report_does_not_call_done(
    photos: Path, tmp_path: Path, tiny_checkpoint: Path
) -> None:
    out = tmp_path / "out"
    words = ["batch", str(photos), str(out), "--ray", "local", "--steps", "1", "--device", "cpu"]
    command = [sys.executable, "-m", "ragdiffusion", *words, "--checkpoint", str(tiny_checkpoint), "--json"]
    driver = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE
    while not read_report(out / "report.csv"):
        assert time.monotonic() < deadline and driver.poll() is None
        time.sleep(0.02)
    family = psutil.Process(driver.pid).children(recursive=True)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    psutil.wait_procs(family, PATIENCE)
    done = read_report(out / "report.csv")
    assert 0 < len(done) < PHOTOS
    before = {name: digest for name, digest in hashes(out).items()}
    again = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert again.returncode == 0 and f'"already_done": {len(done)}' in again.stdout, again.stderr[-2000:]
    report = read_report(out / "report.csv")
    assert len(report) == PHOTOS and {rows[0].status for rows in report.values()} == {"done"}
    assert {photo: report[photo] for photo in done} == done and before.items() <= hashes(out).items()


def test_a_ledger_counts_beginnings_and_knows_another_checkpoint() -> None:
    ledger = Ledger()
    assert [ledger.begin(b"a"), ledger.begin(b"a"), ledger.begin(b"b")] == [1, 2, 1]
    assert ledger.agree("c0ffee", "10.0.0.1") == ledger.agree("c0ffee", "10.0.0.2") == ""
    assert "node 10.0.0.3 has the checkpoint decade, and 10.0.0.1 has c0ffee" in ledger.agree("decade", "10.0.0.3")
