"""What lies on a browser's bench is found again by the next page, and by the next studio."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from app.runs import kept_benches
from app.runs.bench import Bench
from app.runs.engine import Engine
from app.runs.kept_benches import KeptBenches
from app.runs.past_banks import PastBanks
from app.session_log.framing import Framing
from ragdiffusion.api import RAGDiffusion
from ragdiffusion.parsing.choosing import NoGarmentError

SETTINGS = {"k": 3, "alpha": 0.25}
BROWSER = "ab" * 16


@pytest.fixture
def engine(model: RAGDiffusion) -> Engine:
    return Engine(lambda: model)


def reopened(folder: Path, engine: Engine, owner: str = "ana", browser: str = BROWSER) -> tuple[Bench, object]:
    """Return the bench that the next studio finds, and what was kept; that studio has ended, so it writes no more."""
    benches = KeptBenches(folder, engine, PastBanks(engine, folder))
    bench = benches.open(owner, browser)
    kept = benches.put_back(bench)
    benches.close()
    return bench, kept


def test_a_bench_is_found_again_as_it_was_left(
    tmp_path: Path, engine: Engine, photo_bytes: Callable[..., bytes]
) -> None:
    benches = KeptBenches(tmp_path, engine, PastBanks(engine, tmp_path))
    bench = benches.open("ana", BROWSER)
    assert benches.put_back(bench) is None, "there is nothing yet"
    bench.place(photo_bytes(), "shirt.png", **SETTINGS, framing=Framing(1, (10, 10, 390, 290)))
    mask = np.zeros((280, 380), np.float32)
    mask[40:240, 40:340] = 1
    bench.mend(mask)
    bench.describe({"collar": "Polo"})
    left = bench.pick(1)
    bench.set_page({"seed": 2**60, "steps": 7, "fresh": True})
    benches.close()

    again, kept = reopened(tmp_path, engine)
    work = again.work
    assert (work.photo.data, work.photo.name, work.photo.framing) == (left.photo.data, "shirt.png", left.photo.framing)
    np.testing.assert_array_equal(work.garment, left.garment)
    assert (work.guide.k, work.guide.alpha, work.guide.choice) == (3, 0.25, 1)
    assert work.corrected == {"collar": "Polo"}, "what was read is no correction"
    assert torch.equal(work.guide.landmark, left.guide.landmark)
    assert again.page == {"seed": 2**60, "steps": 7, "fresh": True} == kept.page
    for owner, browser in (("ben", BROWSER), ("ana", "cd" * 16), ("ana", "")):
        assert reopened(tmp_path, engine, owner, browser)[0].empty, "it is nobody else's"


def test_an_outline_of_ones_own_and_a_photo_without_a_garment_are_kept(
    tmp_path: Path, engine: Engine, parsing: Callable, photo_bytes: Callable[..., bytes]
) -> None:
    benches = KeptBenches(tmp_path, engine, PastBanks(engine, tmp_path))
    bench = benches.open("ana", BROWSER)
    work = bench.place(photo_bytes(), "shirt.png", **SETTINGS)
    bench.take_entry(work.guide.candidates[2].id)
    benches.close()
    again, _ = reopened(tmp_path, engine)
    assert again.work.guide.landmark_source == "edited"
    assert torch.equal(again.work.guide.landmark, bench.work.guide.landmark)

    blind = Engine(lambda: parsing())
    benches = KeptBenches(tmp_path, blind, PastBanks(blind, tmp_path))
    bench = benches.open("ana", BROWSER)
    with pytest.raises(NoGarmentError):
        bench.place(photo_bytes("#446688"), "other.png", **SETTINGS)
    benches.close()
    later = KeptBenches(tmp_path, blind, PastBanks(blind, tmp_path))
    with pytest.raises(NoGarmentError):
        later.put_back(bench := later.open("ana", BROWSER))
    assert bench.unmarked.photo.name == "other.png"
    assert len([*(tmp_path / bench.key).glob("*/*.photo")]) == 1, "the photo before is not kept"


def test_what_cannot_be_put_back_leaves_the_bench_empty(
    tmp_path: Path, engine: Engine, photo_bytes: Callable[..., bytes]
) -> None:
    benches = KeptBenches(tmp_path, engine, PastBanks(engine, tmp_path))
    bench = benches.open("ana", BROWSER)
    bench.place(photo_bytes(), "shirt.png", **SETTINGS)
    benches.close()
    file = tmp_path / bench.key / "bench.json"
    content = json.loads(file.read_text())
    for change, message in (
        ({"schema_version": 9}, "version 1 was wanted"),
        ({"inputs": {**content["inputs"], "framing": [1]}}, "turns and a box"),
        ({"inputs": {}}, "cannot be read"),
        ({"page": 3}, "cannot be read"),
    ):
        file.write_text(json.dumps({**content, **change}))
        other = KeptBenches(tmp_path, engine, PastBanks(engine, tmp_path))
        with pytest.raises(ValueError, match=message):
            other.put_back(fresh := other.open("ana", BROWSER))
        assert fresh.empty
    file.write_text("{")
    with pytest.raises(ValueError):
        reopened(tmp_path, engine)
    file.write_text(json.dumps(content))
    for photo in file.parent.glob("*/*.photo"):
        photo.unlink()
    with pytest.raises(ValueError, match="cannot be read"):
        reopened(tmp_path, engine)


def test_old_benches_are_forgotten(tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_benches, "MOST_BENCHES", 2)
    for days, name in ((0, "new"), (1, "older"), (2, "oldest"), (61, "forgotten")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "bench.json").write_text("{}")
        os.utime(tmp_path / name / "bench.json", (time.time() - days * 86_400,) * 2)
    (tmp_path / "cut short").mkdir()
    KeptBenches(tmp_path, engine, PastBanks(engine, tmp_path)).sweep()
    assert {path.name for path in tmp_path.iterdir()} == {"new", "older"}
