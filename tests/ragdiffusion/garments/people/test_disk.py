"""Shots on disk: written whole, found again, gone on with."""

from __future__ import annotations

import json
import os

import cv2
import numpy as np


def test_rendering_goes_on_where_it_stopped(engine, shots, tmp_path):
    from ragdiffusion.garments.people.disk import render

    assert render(engine, tmp_path, range(2)) == 2
    before = (tmp_path / "0000001.jpg").read_bytes()
    assert render(engine, tmp_path, range(3), arrays=True) == 1
    assert (tmp_path / "0000001.jpg").read_bytes() == before
    labels = cv2.imread(str(tmp_path / "0000002.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(labels, shots[2].labels)
    photo = cv2.cvtColor(cv2.imread(str(tmp_path / "0000002.jpg")), cv2.COLOR_BGR2RGB)
    assert np.abs(photo.astype(int) - shots[2].photo).mean() < 6
    with np.load(tmp_path / "0000002.npz") as arrays:
        assert np.array_equal(arrays["instances"], shots[2].instances)
    told = json.loads((tmp_path / "0000002.json").read_text())
    assert [g["kind"] for g in told["garments"]] == [g.kind for g in shots[2].garments]
    assert not list(tmp_path.glob(".*"))


def test_all_of_a_shot_is_on_the_disk_before_its_photo_has_its_name(engine, tmp_path, monkeypatch):
    from ragdiffusion import files
    from ragdiffusion.garments.people import disk

    steps, rename = [], os.replace
    monkeypatch.setattr(disk, "sync", lambda path: steps.append(path.name))
    monkeypatch.setattr(files.os, "replace", lambda source, path: (steps.append(path.name), rename(source, path)))
    disk.render(engine, tmp_path / "shots", range(1), arrays=True)
    assert steps[-1] == "0000000.jpg" and set(steps[:-1]) == {"0000000.json", "0000000.png", "0000000.npz"}
    steps.clear()
    disk.render(engine, tmp_path / "pairs", range(1), pairs=True)
    assert steps[-2:] == ["0000000.jpg", disk.TABLE] and steps[:-2] == [
        "0000000.json",
        *(f"0000000_{name}.png" for name in ("standard", "silhouette", "photo_mask")),
    ]


def test_pairs_on_disk_are_a_dataset(engine, tmp_path):
    from ragdiffusion.garments.datasets.opening import open_dataset
    from ragdiffusion.garments.datasets.pack import write_pack
    from ragdiffusion.garments.people.disk import render

    assert render(engine, tmp_path / "pairs", range(3), pairs=True) == 3
    assert render(engine, tmp_path / "pairs", range(3), pairs=True) == 0
    dataset = open_dataset(tmp_path / "pairs", 96)
    assert len(dataset) == 3
    pair = engine.pair(1)
    sample = next(s for s in (dataset[i] for i in range(3)) if s.name == pair.structure)
    for name in ("silhouette", "photo_mask", "standard"):
        assert np.abs(getattr(sample, name).astype(int) - getattr(pair, name)).mean() < 5
    assert {k: v for k, v in sample.attributes.items() if k in pair.attributes} == pair.attributes
    assert write_pack(dataset, tmp_path / "pack").pairs == 3


def test_the_commands_render_and_draw_sheets(engine, tmp_path, capsys):
    from ragdiffusion.cli import main

    assert main(["data", "render", "people", str(tmp_path / "out"), "--count", "1", "--height", "64"]) == 0
    assert "1 shots rendered, 0 were there" in capsys.readouterr().out
    assert (
        main(["data", "people-sheet", str(tmp_path / "sheet.png"), "--count", "2", "--columns", "2", "--height", "64"])
        == 0
    )
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet.shape[0] == 64 and sheet.shape[1] == 2 * (48 + 48 + 64 // 3)
    assert main(["data", "render", "people", str(tmp_path / "out"), "--count", "0"]) != 0


def test_people_are_timed(engine, monkeypatch, capsys):
    from ragdiffusion.cli import main
    from ragdiffusion.commands import data_benchmark

    for name in ("_WARM_UP", "_WARM_UP_PEOPLE"):
        monkeypatch.setattr(data_benchmark, name, 1)
    monkeypatch.setattr(data_benchmark, "_GARMENTS", 2)
    assert main(["data", "benchmark", "--size", "64", "--pairs", "1", "--people", "2", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert 0 < report["people_per_wall_s"] <= report["people_per_s"] * 1.05
