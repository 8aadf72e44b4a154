"""Killed twenty times in mid-work, queue and edits: what was shown as saved is there, what was cut off says so."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.files.image_store import ImageStore
from app.pages.shared.context import PageContext
from app.runs.bench import Bench
from app.runs.engine import Engine
from app.runs.services import Services
from app.session_log.log import SessionLog
from app.session_log.sampling import Sampling
from app.session_log.search import RunFilter
from ragdiffusion.api import RAGDiffusion

KILLS = 20


def services_at(workspace: Path, model: RAGDiffusion) -> Services:
    log = SessionLog(workspace / "studio.sqlite3")
    return Services(Engine(lambda: model), log, ImageStore(workspace / "images"), workspace)


def drawn(turn: int) -> np.ndarray:
    """The outline that the person draws in a turn, uint8 256 x 256."""
    mask = np.zeros((256, 256), np.uint8)
    mask[40 : 200 + turn % 50, 60 - turn % 50 : 190] = 255
    return mask


def mask_png(mask: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    return buffer.getvalue()


def work(workspace: Path, model: RAGDiffusion, photo: bytes, told: int) -> None:
    """What a person does all day; whatever a page would show as saved is written to `told`."""

    def tell(**news: object) -> None:
        os.write(told, json.dumps(news).encode() + b"\n")

    services = services_at(workspace, model)
    services.start()
    runs, queue, library = PageContext(services).runs, services.queue, services.log.library
    queue.resume("ana")
    tell(ready=True)
    bench = Bench(services.engine, "ana")
    bench.place(photo, "edited.png", k=4, alpha=0.5)
    for turn in range(10_000):
        # What lies on the bench is not said to be saved; the outline of a run that was started is.
        bench.outline(mask_png(drawn(turn)), "outline.png")
        edited = runs.start(bench, Sampling(turn, 1, 1.0, 1.0)).runs[0]
        tell(edited=edited.id, turn=turn)
        library.mark([edited.id], "starred", owner="ana")
        tell(starred=edited.id)
        if len(queue.entries("ana")) < 3:
            photos = [(f"shirt {turn}.png", photo)] * 3
            started = runs.start_batch("ana", photos, Sampling(turn, 1, 1.0, 1.0), k=4, alpha=0.5)
            tell(queued=[run.id for run in started.runs])
            queue.move([started.runs[2].id], "ana")
        run_id = queue.entries("ana")[0].run.id
        job = queue.follow(run_id, "ana")
        if job is None or [*job.progress()][-1].status != "done":
            continue
        tell(done=run_id, path=services.log.get(run_id, owner="ana").result_path)
        library.note(run_id, f"note of {run_id}", owner="ana")
        tell(noted=run_id)
        library.collect([run_id], "Kept", owner="ana")
        tell(collected=run_id)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork and no SIGKILL")
def test_twenty_kills_lose_nothing_that_was_shown(
    tmp_path: Path, model: RAGDiffusion, photo_bytes: Callable[..., bytes]
) -> None:
    chance = random.Random(0)
    queued: set[int] = set()
    done: dict[int, str] = {}
    noted: set[int] = set()
    collected: set[int] = set()
    edited: dict[int, int] = {}
    starred: set[int] = set()
    cut = 0
    for _ in range(KILLS):
        read, told = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                work(tmp_path, model, photo_bytes(), told)
            finally:
                os._exit(1)
        os.close(told)
        with os.fdopen(read, "rb") as lines:
            assert lines.readline() == b'{"ready": true}\n', "the workspace opens after every kill"
            seen = [lines.readline() for _ in range(chance.randrange(8))]
            time.sleep(chance.uniform(0, 0.05))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            for line in [*seen, *lines.read().split(b"\n")[:-1]]:  # an unfinished line was being written
                news = json.loads(line)
                queued.update(news.get("queued", ()))
                edited.update({news["edited"]: news["turn"]} if "edited" in news else {})
                starred.update([news["starred"]] if "starred" in news else ())
                if "done" in news:
                    done[news["done"]] = news["path"]
                noted.update([news["noted"]] if "noted" in news else ())
                collected.update([news["collected"]] if "collected" in news else ())
        services = services_at(tmp_path, model)
        log = services.log
        found = {run.id: run for run in log.latest(10_000, owner="ana")}
        assert queued <= set(found)
        assert "running" not in {run.status for run in found.values()}, "what was cut off is marked"
        cut = sum(run.status == "interrupted" for run in found.values())
        for run_id, path in done.items():
            assert (found[run_id].status, found[run_id].result_path) == ("done", path)
        for run in found.values():
            assert (run.status == "done") == (run.result_path is not None)
            if run.result_path:
                data = services.images.read(run.result_path)
                assert hashlib.sha256(data).hexdigest() in run.result_path
                Image.open(io.BytesIO(data)).load()
        assert {run_id for run_id in noted if found[run_id].note != f"note of {run_id}"} == set()
        for run_id, turn in edited.items():
            inputs = found[run_id].inputs
            outline = np.asarray(Image.open(io.BytesIO(services.images.read(inputs.landmark_path))))
            assert inputs.landmark_source == "edited" and np.array_equal(outline, drawn(turn)), "the outline as drawn"
        assert {run_id for run_id in starred if not found[run_id].starred} == set()
        kept = {each.name: each.id for each in log.library.collections(owner="ana")}
        inside = log.search.find(RunFilter(collection=kept.get("Kept", -1)), owner="ana", count=10_000)
        assert collected <= {card.id for card in inside.cards}
        waiting = [run.id for run in found.values() if run.status == "queued"]
        assert services.queue.paused("ana") == bool(waiting)
        log.close()
    assert done and cut and edited and starred, "it was killed in mid-work, and after something was saved"
