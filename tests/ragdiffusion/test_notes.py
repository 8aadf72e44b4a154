"""What a person is told of a garment and its picture: in Python, by commands and in a batch's report."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ragdiffusion import cli
from ragdiffusion.api import RAGDiffusion
from ragdiffusion.draft.completion import completed_notes
from ragdiffusion.draft.warping import seen_share
from ragdiffusion.generation import generator
from ragdiffusion.parsing.found import FROM_BEHIND, FoundGarment

WHY = "the largest top or dress is taken, the top; there is also trousers or skirt"


def test_a_garment_has_notes() -> None:
    plain = FoundGarment(np.ones((4, 4), np.float32), "parser")
    assert plain.notes == () and replace(plain, why=WHY).notes == (WHY,)
    assert replace(plain, why=WHY, from_behind=True).notes == (WHY, FROM_BEHIND)


def test_the_share_that_is_seen() -> None:
    landmark = torch.zeros(2, 1, 8, 8)
    landmark[:, :, 2:6, 2:6] = 1
    landmark[:, :, 1, 2:6] = 0.5  # a soft rim
    visibility = landmark * torch.tensor([1.0, 0.5]).view(2, 1, 1, 1)
    visibility[1, :, 2:4] = landmark[1, :, 2:4]
    assert seen_share(visibility, landmark).tolist() == pytest.approx([1.0, 8 / 18])


def test_what_is_completed_is_told_where_it_is_more_than_a_half() -> None:
    assert completed_notes(1.0) == completed_notes(0.5) == ()
    assert completed_notes(0.333) == ("67% of it is not seen in the photo, and completed from its own cloth",)


@pytest.fixture
def run(capfd, tiny_checkpoint, monkeypatch) -> Callable[..., tuple[int, str, str]]:
    """Runs a command on the tiny checkpoint, whose garments are seen from behind, a quarter of each."""
    load = RAGDiffusion.from_pretrained

    def loaded(*words: object, **named: object) -> RAGDiffusion:
        model = load(*words, **named)
        find = model.observer.finder.find
        model.observer.finder.find = lambda *asked: replace(find(*asked), why=WHY, from_behind=True)
        return model

    monkeypatch.setattr(RAGDiffusion, "from_pretrained", loaded)
    monkeypatch.setattr(generator, "seen_share", lambda visibility, _: torch.full((len(visibility),), 0.25))

    def call(*words: object) -> tuple[int, str, str]:
        capfd.readouterr()
        code = cli.main([*map(str, words), "--checkpoint", str(tiny_checkpoint), "--device", "cpu"])
        return code, *capfd.readouterr()

    return call


def test_commands_and_reports_tell_them(run, make_photo, tmp_path: Path) -> None:
    (photos := tmp_path / "photos").mkdir()
    make_photo(3).save(path := photos / "shirt.png")
    code, _, stderr = run("retrieve", path)
    assert code == 0 and stderr == f"note: {WHY}\nnote: {FROM_BEHIND}\n"
    code, stdout, stderr = run("generate", path, "--out", tmp_path / "flat.png", "--steps", 1, "--json")
    told = [line for line in stderr.splitlines() if line.startswith("note:")]
    completed = "75% of it is not seen in the photo, and completed from its own cloth"
    assert code == 0 and told == [f"note: {WHY}", f"note: {FROM_BEHIND}", f"note: {completed}"]
    assert json.loads(stdout)["seen"] == 0.25
    code, _, _ = run("batch", photos, tmp_path / "out", "--steps", 1)
    with open(tmp_path / "out" / "report.csv", newline="", encoding="utf-8") as file:
        assert [row["notes"] for row in csv.DictReader(file)] == ["; ".join((WHY, FROM_BEHIND, completed))]
    assert code == 0 and Image.open(tmp_path / "out" / "shirt.png").size


def test_a_laid_garment_that_is_all_seen_is_told_nothing(tiny_model, make_photo) -> None:
    sight = tiny_model.see(make_photo(3))
    result = tiny_model.generate(sight, steps=1)
    draft = tiny_model.draft(sight, result.landmark)
    assert result.seen == pytest.approx(draft.seen[0], abs=0.02) and 0 <= result.seen <= 1
    assert result.notes == completed_notes(result.seen) and sight.garment.notes == ()
