"""Batches on Ray: the pictures are those of one process, whatever dies meanwhile.

Long because all of it shares one cluster, which takes longer to start than the tests to run.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from PIL import Image

pytest.importorskip("ray", reason="Ray is not installed: requirements-cluster.txt")

from ragdiffusion import cli
from ragdiffusion.bank import edit_log
from ragdiffusion.batch.destination import Bucket, Folder
from ragdiffusion.batch.executors import BatchJob, ThisProcess
from ragdiffusion.batch.making import failed
from ragdiffusion.batch.ray_executor import TRIES, Crew, PictureMaker, RayActors, Readiness
from ragdiffusion.batch.report import ReportRow, read_report
from ragdiffusion.batch.request import PictureRequest
from ragdiffusion.batch.run import run_batch
from ragdiffusion.batch.tasks import Task
from ragdiffusion.ray_cluster import Cluster, _speaks_grpc
from ragdiffusion.ray_map import RayMap

PHOTOS, KILLS, PATIENCE, LINGERING = 12, 3, 600, 5  # the last two in seconds


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
    assert "broken.jpg is not a picture that can be read" in result.failed[0].error
    assert hashes(tmp_path / "ray") == hashes(tmp_path / "one") and len(hashes(tmp_path / "ray")) == 2 * PHOTOS
    report = read_report(tmp_path / "ray" / "report.csv")
    assert len(report) == PHOTOS + 1 and all(len(rows) == 1 for rows in report.values())


def test_a_running_cluster_is_joined_at_its_address(
    cluster: Cluster, photos: Path, tmp_path: Path, tiny_checkpoint: Path, request_here: PictureRequest
) -> None:
    """By another process, as from another machine."""
    import ray

    run_batch([photos], tmp_path / "one", replace(request_here, k=None), ThisProcess())
    words = ["batch", str(photos), str(tmp_path / "ray"), "--ray", ray.get_runtime_context().gcs_address]
    words += ["--workers", "2", "--steps", "1", "--device", "cpu", "--checkpoint", str(tiny_checkpoint)]
    done = subprocess.run(
        [sys.executable, "-m", "ragdiffusion", *words], capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0 and f"{PHOTOS} made" in done.stdout, done.stderr[-2000:]
    assert hashes(tmp_path / "ray") == hashes(tmp_path / "one") and len(hashes(tmp_path / "ray")) == 2 * PHOTOS


def test_actors_keep_their_pictures_in_a_bucket(
    cluster: Cluster, photos: Path, tmp_path: Path, request_here: PictureRequest
) -> None:
    bucket = Bucket((tmp_path / "bucket").as_uri())
    result = run_batch([photos], bucket, request_here, RayActors(cluster, actors=2))
    assert (result.made, result.failed) == (PHOTOS, ())
    run_batch([photos], tmp_path / "one", request_here, ThisProcess())
    assert hashes(tmp_path / "bucket") == hashes(tmp_path / "one")
    assert run_batch([photos], bucket, request_here, RayActors(cluster, actors=2)).already_done == PHOTOS


_SHARING = """
import json, sys, time
from pathlib import Path

import ray

from ragdiffusion.batch.ray_executor import RayActors
from ragdiffusion.batch.request import PictureRequest
from ragdiffusion.batch.run import run_batch
from ragdiffusion.ray_cluster import Cluster

photos, out, checkpoint, share, patience = sys.argv[1:]
for _ in range(5):  # on a busy machine Ray gives its own processes up after half a minute
    try:
        ray.init(address="local", num_cpus=4, num_gpus=1, include_dashboard=False, log_to_driver=False)
        break
    except Exception:
        ray.shutdown()
left = []

def watching(rows, total):
    for row in rows:  # the second actor may come late
        deadline = time.monotonic() + float(patience)
        while (free := ray.available_resources().get("GPU", 0.0)) and time.monotonic() < deadline:
            time.sleep(0.05)
        left.append(free)
        yield row

request = PictureRequest(steps=1, k=2, checkpoint=checkpoint, device="cpu")
actors = RayActors(Cluster(), actors=2, gpus=float(share))
result = run_batch([Path(photos)], Path(out), request, actors, track=watching)
print(json.dumps({"made": result.made, "left": left}))
"""


def test_two_actors_share_a_gpu(photos: Path, tmp_path: Path, tiny_checkpoint: Path) -> None:
    """Ray is told of a GPU that nobody computes on: half of it for each leaves room for the other, and nothing else."""
    words = [str(photos), str(tmp_path / "out"), str(tiny_checkpoint), "0.5", str(PATIENCE / 2)]
    done = subprocess.run([sys.executable, "-c", _SHARING, *words], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["made"] == PHOTOS and set(told["left"]) == {0.0}


def test_a_model_that_cannot_be_loaded_ends_the_batch_with_its_line(
    cluster: Cluster, photos: Path, tmp_path: Path
) -> None:
    missing = PictureRequest(checkpoint=str(tmp_path / "none"), device="cpu")
    with pytest.raises(ValueError, match="not found: give a folder in diffusers layout"):
        run_batch([photos], tmp_path / "out", missing, RayActors(cluster))


# ---- banks and data sets


@pytest.fixture
def garments(tmp_path: Path, make_photo: Callable, make_mask: Callable[..., bytes]) -> Path:
    """Eight garments with masks, laid out as real ones are; the photo of one is torn."""
    folder = tmp_path / "garments" / "train" / "dress"
    folder.mkdir(parents=True)
    columns = ("split", "category", "id", "width", "height", "box_x", "box_y", "box_w", "box_h", "symmetry")
    with (tmp_path / "garments" / "train.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(columns)
        for index in range(8):
            make_photo(index).save(folder / f"g{index}.jpg")
            (folder / f"g{index}.png").write_bytes(make_mask(index, 96, 96))
            rows.writerow(("train", "dress", f"g{index}", 96, 96, 0, 0, 96, 96, 0.97))
    (folder / "g3.jpg").write_bytes(b"torn")
    return tmp_path / "garments"


class Noon(datetime):
    """A clock that stands: a bank's file holds the moment when it was filled."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Noon:
        return cls(2026, 1, 1, 12, tzinfo=tz)


def made_both_ways(command: list[str], out: Path, left_out: str, capsys: pytest.CaptureFixture) -> list[bytes]:
    """What a command writes here, and what it writes on the cluster, which is the same."""
    found = []
    for words in ([], ["--ray", "local", "--workers", "2"]):
        out.parent.mkdir()
        assert cli.main([*command, *words]) == 0
        told = capsys.readouterr()
        assert left_out in told.out + told.err
        found.append({path.relative_to(out.parent): path.read_bytes() for path in out.parent.rglob("*.*")})
        shutil.rmtree(out.parent)
    assert found[0] == found[1]
    return list(found[0].values())


def test_a_bank_built_on_the_cluster_is_that_of_one_process(
    cluster: Cluster,
    garments: Path,
    tiny_checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(edit_log, "datetime", Noon)
    white = tmp_path / "white"
    white.mkdir()
    for path in garments.rglob("*.png"):
        mask = np.asarray(Image.open(path).convert("RGB"))
        Image.fromarray(np.where(mask > 127, np.uint8([200, 60, 90]), np.uint8(255))).save(white / path.name)
    (white / "torn.png").write_bytes(b"torn")
    out = tmp_path / "out" / "bank.sqlite3"
    command = ["bank", "build", str(out), "--checkpoint", str(tiny_checkpoint), "--garments", str(garments)]
    command += ["--flat-lays", str(white), "--drawn", "6", "--size", "12"]
    (content,) = made_both_ways(command, out, "2 unreadable", capsys)
    assert content.startswith(b"SQLite format 3")


def test_a_pack_made_on_the_cluster_is_that_of_one_process(
    cluster: Cluster, garments: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    pack = tmp_path / "out" / "pack"
    made_both_ways(["data", "pack", str(garments), str(pack), "--size", "64"], pack, "g3", capsys)


def test_a_map_gives_what_map_gives_in_order(cluster: Cluster) -> None:
    assert list(RayMap(cluster, 2, chunk=3)(hash, range(20))) == list(map(hash, range(20)))
    assert list(RayMap(cluster)(str, iter(()))) == []


# ---- killed drivers, other checkpoints


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
    _, left = psutil.wait_procs(family, LINGERING)  # they notice by themselves, after a minute
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, PATIENCE)
    done = read_report(out / "report.csv")
    assert 0 < len(done) < PHOTOS
    before = {name: digest for name, digest in hashes(out).items()}
    again = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert again.returncode == 0 and f'"already_done": {len(done)}' in again.stdout, again.stderr[-2000:]
    report = read_report(out / "report.csv")
    assert len(report) == PHOTOS and {rows[0].status for rows in report.values()} == {"done"}
    assert {photo: report[photo] for photo in done} == done and before.items() <= hashes(out).items()


def test_what_failed_on_one_worker_is_tried_on_another(
    tmp_path: Path, request_here: PictureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the disk of one is full."""
    tasks = [Task(tmp_path / f"{name}.png", tmp_path / "out" / f"{name}.png") for name in "abc"]
    full, tried = "out cannot be written to (No space left on device): check its free space and your rights", []

    def made(
        actors: RayActors, ray: object, given: list[Task], job: BatchJob
    ) -> Iterator[tuple[Task, list[ReportRow]]]:
        tried.append([task.photo.stem for task in given])
        for task in given:
            fails = task.photo.stem == "c" or (task.photo.stem == "b" and len(tried) == 1)
            yield task, [failed(task, job.request, full) if fails else ReportRow(str(task.photo), "done")]

    monkeypatch.setattr(RayActors, "_made", made)
    monkeypatch.setattr(Cluster, "connected", lambda *_, **__: nullcontext())
    rows = list(RayActors(Cluster()).run(tasks, BatchJob(request_here, Folder(tmp_path / "out"))))
    assert tried == [["a", "b", "c"], ["b", "c"]]
    assert [(Path(row.photo).stem, row.status, row.error) for row in rows] == [
        ("a", "done", ""),
        ("b", "done", ""),
        ("c", "failed", full),
    ]


# ---- who has what in hand


class Said:
    """What a call of an actor came to, or will have when it is its turn."""

    def __init__(self, actor: Hand, value: object) -> None:
        self.actor, self.value = actor, value


class Hand:
    """An actor as Ray's handles look, which does what it is told when it is asked for, or is dead."""

    def __init__(self, readiness: Readiness | None, deadly: str = "") -> None:
        self.readiness, self.deadly, self.made, self.held, self.most = readiness, deadly, [], 0, 0
        self.ready, self.make = SimpleNamespace(remote=self._ready), SimpleNamespace(remote=self._make)

    def _ready(self) -> Said:
        return Said(self, self.readiness)

    def _make(self, lot: list[Task]) -> Said:
        self.held += 1
        self.most = max(self.most, self.held)
        return Said(self, lot)

    def get(self, said: Said) -> object:
        if said.value is None or (
            isinstance(said.value, list) and any(t.photo.stem in self.deadly for t in said.value)
        ):
            self.readiness = None
        if self.readiness is None:
            raise DiedError
        if isinstance(said.value, Readiness):
            return said.value
        self.held -= 1
        self.made.append([task.photo.stem for task in said.value])
        return [(ReportRow(str(task.photo), "done"),) for task in said.value]


class DiedError(Exception):
    """As `RayActorError`."""


def crew_of(hands: list[Hand], photos: str, together: int = 1) -> Crew:
    """A crew of hands that are hired in their order; they answer in turn, the oldest call first."""
    tasks = [Task(Path(f"{name}.png"), Path(f"out/{name}.png")) for name in photos]
    ray = SimpleNamespace(
        wait=lambda going, num_returns: (going[:1], going[1:]),
        get=lambda said: said.actor.get(said),
        exceptions=SimpleNamespace(RayActorError=DiedError, OutOfMemoryError=MemoryError),
    )
    waiting = list(hands)
    return Crew(ray, lambda: waiting.pop(0), [tasks[i : i + together] for i in range(0, len(tasks), together)])


HERE = Readiness("", "c0ffee" * 8, "10.0.0.9")


def worked(crew: Crew, actors: int) -> dict[str, bool]:
    """Each photo that is told of, once, and whether it has lines."""
    told = [(task.photo.stem, bool(rows)) for task, rows in crew.work(actors)]
    assert len(dict(told)) == len(told)
    return dict(told)


def test_no_actor_holds_more_than_two_lots_and_all_share_the_work() -> None:
    hands = [Hand(HERE), Hand(HERE)]
    assert worked(crew_of(hands, "abcdefghij", 2), 2) == dict.fromkeys("abcdefghij", True)
    assert {hand.most for hand in hands} == {2} and sorted(len(hand.made) for hand in hands) == [2, 3]


def test_a_photo_that_ends_actors_is_made_alone_then_given_up_and_costs_the_others_nothing() -> None:
    hands = [Hand(HERE, deadly="c") for _ in range(6)]
    assert worked(crew_of(hands, "abcdef", 2), 2) == {**dict.fromkeys("abdef", True), "c": False}
    made = [lot for hand in hands for lot in hand.made]
    assert ["d"] in made and ["c"] not in made, "its neighbour is made without it"
    assert sum(hand.readiness is None for hand in hands) == TRIES


def test_what_a_dead_actor_had_goes_to_one_that_is_idle() -> None:
    hands = [Hand(HERE), Hand(HERE, deadly="b")]
    assert worked(crew_of(hands, "ab"), 2) == {"a": True, "b": True}, "and no third is hired"
    assert hands[0].made == [["a"], ["b"]]


def test_actors_that_die_before_they_have_a_model_end_the_batch_with_a_line() -> None:
    with pytest.raises(ValueError, match="3 workers died while they loaded the model"):
        worked(crew_of([Hand(None) for _ in range(5)], "abc"), 1)
    hands = [Hand(HERE), *(Hand(None) for _ in range(3))]
    assert worked(crew_of(hands, "abc"), 2) == dict.fromkeys("abc", True), "one that works does it all"


def test_a_node_with_another_checkpoint_makes_nothing_and_says_so() -> None:
    other = Hand(Readiness("", "decade" * 8, "10.0.0.3"))
    with pytest.raises(ValueError, match=r"node 10.0.0.3 has the checkpoint decadedecade, and 10.0.0.9 has c0ffeec0ff"):
        worked(crew_of([Hand(HERE), other], "abc"), 2)
    assert not other.made


def test_a_cluster_is_known_by_how_it_answers(cluster: Cluster) -> None:
    import ray

    host, port = ray.get_runtime_context().gcs_address.rsplit(":", 1)
    with socket.create_connection((host, int(port))) as line:
        assert _speaks_grpc(line)


def test_an_actor_tells_which_weights_it_has(cluster: Cluster, tmp_path: Path, request_here: PictureRequest) -> None:
    maker = PictureMaker(BatchJob(request_here, Folder(tmp_path)), 1)
    told = maker.ready()
    assert told.refused == "" and told.checkpoint == request_here.load_model().checkpoint and told.node
