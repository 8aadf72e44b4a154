"""Importing: what comes through, what is named in the report, and what a kill leaves behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ragdiffusion.garments.datasets import import_dataset, open_dataset
from ragdiffusion.garments.datasets.conversion import _given_silhouette
from ragdiffusion.garments.datasets.importer import report_lines
from ragdiffusion.garments.datasets.layouts import Problem
from ragdiffusion.garments.datasets.records import Record

_ROOT = Path(__file__).resolve().parents[4]


def _pictures(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "report.json"
    }


@pytest.fixture(scope="module")
def viton(shop, tmp_path_factory):
    """VITON-HD with everything that can be wrong with it, and its import."""
    root = tmp_path_factory.mktemp("viton") / "VITON HD größe"
    shop.viton(root, {f"{i:05d}_00": i for i in range(6)}, {"00100_00": 102, "00101_00": 101})  # 100 encloses ground
    for folder, part in ((root / "train" / half, half) for half in ("image", "cloth", "cloth-mask")):
        shutil.copy(folder / "00001_00.jpg", folder / "00010_00.jpg")  # an exact duplicate
        if part != "cloth-mask":
            shop.jpeg_again(folder / "00002_00.jpg", folder / "00011_00.jpg", side=200, quality=85)  # a near one
            shop.jpeg_again(folder / "00000_00.jpg", root / "test" / part / "00110_00.jpg", side=200, quality=85)
    shop.save(root / "train/cloth/00012_00.jpg", shop.upright(shop.drawn(12).standard, 255))  # without a photo
    shop.save(root / "train/image/ein Name ü.jpg", shop.upright(shop.drawn(4).photo)[:-2])  # same garment, cut photo
    shop.save(root / "train/cloth/ein Name ü.jpg", shop.upright(shop.drawn(13).standard, 255))
    photo = root / "train/image/00004_00.jpg"
    photo.write_bytes(photo.read_bytes()[:900])  # broken
    shop.save(root / "train/cloth-mask/00005_00.jpg", shop.drawn(5).silhouette)  # a mask of another size
    with (root / "train_pairs.txt").open("a", encoding="utf-8") as handle:
        handle.writelines(
            f"{name}.jpg 00000_00.jpg\n" for name in ("00010_00", "00011_00", "00012_00", "ein Name ü", "00099_00")
        )
    with (root / "test_pairs.txt").open("a") as handle:
        handle.write("00110_00.jpg 00000_00.jpg\n")
    out = root.parent / "out"
    return root, out, import_dataset("viton-hd", root, out, side=128)


def test_each_wrong_file_is_named_with_its_reason(viton):
    refused = {item["file"]: item["reason"] for item in viton[2]["refused"]}
    assert set(refused) == {"train/image/00012_00", "train/image/00099_00", "train/image/00004_00.jpg"}
    assert "one half only" in refused["train/image/00012_00"]
    assert "both halves" in refused["train/image/00099_00"]
    assert "damaged or cut short" in refused["train/image/00004_00.jpg"]
    (mended,) = viton[2]["mended"]
    assert mended["file"] == "train/cloth-mask/00005_00.jpg" and "128x128, its flat-lay 128x170" in mended["reason"]


def test_a_masks_false_holes_are_filled_and_noted(tmp_path):
    mask = np.zeros((128, 96), np.uint8)
    mask[20:110, 15:81] = 255
    holed = mask.copy()
    holed[50:62, 40:56] = 0  # a print as light as the ground
    for name, silhouette in (("whole", mask), ("holed", holed)):
        Image.fromarray(silhouette).save(tmp_path / f"{name}.png")
    image = np.full((128, 96, 3), 90, np.uint8)
    for name, wanted in (
        ("whole", []),
        ("holed", [Problem("holed.png", "holes that no garment has (3.2% of it: prints, labels) were filled")]),
    ):
        mended: list[Problem] = []
        record = Record(name, "train", "top", "p.jpg", standard="s.jpg", silhouette=f"{name}.png")
        found = _given_silhouette(record, lambda ref: (tmp_path / ref).read_bytes(), image, mended)
        np.testing.assert_array_equal(found, mask)
        assert mended == wanted


def test_duplicates_and_leaks_are_dropped_and_reported(viton):
    report = viton[2]
    assert [(d["dropped"], d["kept"], d["match"]) for d in report["duplicates"]] == [
        ("train/00010_00", "train/00001_00", "exact"),
        ("train/00011_00", "train/00002_00", "near"),
    ]
    assert [(d["dropped"], d["train"], d["half"], d["match"]) for d in report["leaks"]] == [
        ("test/00110_00", "train/00000_00", "both", "near")
    ]
    assert report["pairs"] == {"train": 6, "test": 2}
    assert report["listed"] == 11 + 3


def test_the_text_of_a_report_says_it_all(viton):
    text = "\n".join(report_lines(viton[2]))
    assert text.startswith("8 of 14 pairs imported (6 train, 2 test)")
    assert "train/00011_00 repeats train/00002_00 (near)" in text and "refused: 3" in text


def test_the_dataset_holds_what_the_source_held(viton, shop):
    dataset = open_dataset(viton[1], 96, split="train")
    names = [dataset.name(i) for i in range(len(dataset))]
    assert names == [
        "train/00000_00",
        "train/00001_00",
        "train/00002_00",
        "train/00003_00",
        "train/00005_00",
        "train/ein Name ü",
    ]
    sample = dataset[0]
    pair = shop.drawn(0)
    assert sample.photo.shape == (96, 96, 3) and sample.category == "upper_body" and sample.photo_mask is not None
    small = np.asarray(Image.fromarray(pair.silhouette).resize((96, 96), Image.Resampling.BOX))
    both = (small > 127) & (sample.silhouette > 127)
    assert both.sum() / ((small > 127) | (sample.silhouette > 127)).sum() > 0.95
    assert (sample.standard[sample.silhouette == 0] == 255).all()
    used = {name for record in dataset.records for name in record.files()}
    all_files = {str(p.relative_to(viton[1])) for p in viton[1].rglob("*/*") if p.is_file()}
    test = {name for r in open_dataset(viton[1], 96, split="test").records for name in r.files()}
    assert all_files == used | test  # nothing of a dropped pair stays


def test_a_second_import_changes_nothing_and_another_one_is_refused(viton):
    root, out, report = viton
    before = _pictures(out)
    assert import_dataset("viton-hd", root, out, side=128) == report
    assert _pictures(out) == before
    with pytest.raises(ValueError, match="holds another dataset already"):
        import_dataset("viton-hd", root, out, side=200)
    with pytest.raises(ValueError, match="is not empty: give a new folder"):
        import_dataset("viton-hd", root, root / "train", side=128)


def test_dresscode_finds_the_silhouettes_that_it_lacks(shop, tmp_path):
    root = shop.dresscode(
        tmp_path / "DressCode",
        {"upper_body": ({"000001": 0, "000002": 5}, {"000003": 1}), "dresses": ({"010001": 2}, {})},
    )
    (root / "dresses" / "images" / "010001_0.jpg").unlink()
    white = np.full((160, 120, 3), 255, np.uint8)
    shop.save(root / "upper_body" / "images" / "000002_1.jpg", white)
    report = import_dataset("dresscode", root, tmp_path / "out", side=128)
    assert report["pairs"] == {"train": 1, "test": 1} and report["silhouettes"] == {"found": 2}
    reasons = {item["file"]: item["reason"] for item in report["refused"]}
    assert "one half only" in reasons["dresses/images/010001_0.jpg"]
    assert "white on white" in reasons["upper_body/images/000002_1.jpg"]
    sample = open_dataset(tmp_path / "out", 96)[0]
    true = np.asarray(Image.fromarray(shop.drawn(0).silhouette).resize((96, 96), Image.Resampling.BOX)) > 127
    found = sample.silhouette > 127
    assert (true & found).sum() / (true | found).sum() > 0.95


def test_an_import_killed_at_any_moment_is_no_dataset_and_goes_on(shop, tmp_path):
    root = shop.viton(tmp_path / "viton", {f"{i:05d}_00": i for i in range(12)}, {}, masks=False)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    call = [
        sys.executable,
        "-m",
        "ragdiffusion",
        "data",
        "import",
        "viton-hd",
        str(root),
        str(cut),
        "--size",
        "128",
        "--workers",
        "1",
    ]
    child = subprocess.Popen(
        call, cwd=_ROOT, env={**os.environ, "PYTHONPATH": str(_ROOT)}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    journal = cut / ".import" / "journal.jsonl"
    until = time.monotonic() + 300
    while not journal.is_file() or journal.read_bytes().count(b"\n") < 4:
        assert child.poll() is None and time.monotonic() < until, child.stderr.read()
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    if not (cut / "dataset.json").is_file():
        with pytest.raises(ValueError, match="its import has not come to its end: run the same `data import` again"):
            open_dataset(cut, 64)
    (cut / "photos" / f".left.jpg.{2**22 + 1}.partial").write_bytes(b"half a picture")
    lines = journal.read_bytes()
    journal.write_bytes(lines[:-20])  # a line half written
    report = import_dataset("viton-hd", root, cut, side=128)
    assert 2 <= report["resumed"] < 12
    import_dataset("viton-hd", root, whole, side=128)
    assert _pictures(cut) == _pictures(whole)


def test_an_import_begun_with_other_settings_is_not_mixed_in(shop, tmp_path):
    root = shop.viton(tmp_path / "viton", {"00000_00": 0}, {})
    work = tmp_path / "out" / ".import"
    work.mkdir(parents=True)
    settings = {"layout": "viton-hd", "source": str(root), "side": 999}
    (work / "settings.json").write_text(json.dumps(settings))
    with pytest.raises(ValueError, match="the beginning of another import.*999"):
        import_dataset("viton-hd", root, tmp_path / "out", side=128)


def test_a_source_that_is_not_laid_out_so_is_refused(tmp_path):
    for layout, words in (
        ("viton-hd", "not laid out like VITON-HD"),
        ("dresscode", "not laid out like DressCode"),
        ("folder", "no table of pairs"),
        ("zip", "no layout 'zip'"),
    ):
        with pytest.raises(ValueError, match=words):
            import_dataset(layout, tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
