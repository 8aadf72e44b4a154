"""Building banks from real files with a tiny encoder: what goes in, what stays when it breaks."""

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from ragdiffusion.bank import Bank, EntryUpdate
from ragdiffusion.bank.building.build import check_target, choose, embed, write_banks
from ragdiffusion.bank.building.drafted import drawn_candidates, fitted_candidates, flat_lay
from ragdiffusion.bank.building.shapes import Lay, between, refit, stretched
from ragdiffusion.bank.building.sources import (
    EntrySource,
    FlatLay,
    folder_candidates,
    real_candidates,
)
from ragdiffusion.bank.rims import parts_and_waviness
from ragdiffusion.cli import main
from ragdiffusion.garments.outlines import without_holes
from ragdiffusion.garments.patterns import draft, kinds
from ragdiffusion.garments.patterns.population import Population, bundled_population
from ragdiffusion.images import encode_silhouette
from ragdiffusion.structure.structure_net import StructureNet

ROOT = Path(__file__).resolve().parents[3]


def box(width: int, height: int, side: int = 128) -> np.ndarray:
    mask = np.zeros((side, side), np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    mask[top : top + height, left : left + width] = 255
    return mask


@pytest.fixture(scope="module")
def garments(tmp_path_factory) -> Path:
    """Six rectangles of two categories, photographed on grey; one lies too crookedly."""
    root = tmp_path_factory.mktemp("garments")
    rows = []
    for i in range(6):
        category, name, (width, height) = ("t-shirt", "pants")[i % 2], f"g{i}", (50 + 6 * i, 90 - 4 * i)
        folder = root / "train" / category
        folder.mkdir(parents=True, exist_ok=True)
        mask = box(width, height)
        photo = np.where(mask[..., None] > 0, np.uint8([40 * i, 90, 200]), np.uint8(128))
        cv2.imwrite(str(folder / f"{name}.jpg"), photo)
        cv2.imwrite(str(folder / f"{name}.png"), mask)
        rows.append(
            {
                "split": "train",
                "category": category,
                "id": name,
                "width": 128,
                "height": 128,
                "box_x": 0,
                "box_y": 0,
                "box_w": width,
                "box_h": height,
                "symmetry": 0.8 if i == 5 else 0.97,
            }
        )
    with (root / "train.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return root


@pytest.fixture(scope="module")
def net(tiny_checkpoint) -> StructureNet:
    return StructureNet.from_pretrained(tiny_checkpoint / "structure_net", low_cpu_mem_usage=False).eval()


def test_a_shape_is_stretched_in_its_frame():
    lay = refit(Lay(np.zeros((64, 64, 3), np.uint8), box(40, 80)))
    rows, columns = np.nonzero(stretched(lay, 2.0).alpha > 127)
    # 40 x 80 becomes 1 : 1, and its side is the frame's by 1.12.
    assert abs(np.ptp(rows) - np.ptp(columns)) <= 1 and abs(np.ptp(rows) + 1 - 128 / 1.12) <= 3
    assert abs(rows.mean() - 63.5) < 0.6 and abs(columns.mean() - 63.5) < 0.6


def test_half_way_between_two_shapes():
    tall, wide = (refit(Lay(np.full((64, 64, 3), 7, np.uint8), box(*size))) for size in ((60, 100), (100, 100)))
    rows, columns = np.nonzero(between(tall, wide, 0.5).alpha > 127)
    assert (np.ptp(columns) + 1) / (np.ptp(rows) + 1) == pytest.approx(0.8, abs=0.03)
    rows, columns = np.nonzero(between(tall, wide, 0.0).alpha > 127)
    assert (np.ptp(columns) + 1) / (np.ptp(rows) + 1) == pytest.approx(0.6, abs=0.03)


def test_real_garments_come_first_as_themselves(garments):
    candidates = real_candidates(garments, variants=2)
    assert len(candidates) == 5 * (3 + 2)  # the crooked one stays out
    flat_lays = [candidate.make() for candidate in candidates]
    assert [flat.tags[1] for flat in flat_lays[:5]] == ["symmetric"] * 5
    assert {flat.tags[1] for flat in flat_lays} == {"symmetric", "as laid", "mirrored", "stretched", "between"}
    assert len({flat.source for flat in flat_lays}) == 25 and flat_lays[0].source == "real:g0"
    assert all(flat.silhouette.shape == (512, 512) and flat.image.shape == (256, 256, 3) for flat in flat_lays)
    symmetric = flat_lays[0].silhouette
    assert np.abs(symmetric.astype(int) - symmetric[:, ::-1]).max() <= 2
    again = real_candidates(garments, variants=2)[-1].make()
    np.testing.assert_array_equal(again.silhouette, flat_lays[-1].silhouette)


def test_flat_lay_pictures_of_a_folder(tmp_path):
    folder = tmp_path / "mine" / "skirt"
    folder.mkdir(parents=True)
    mask = box(60, 80)
    picture = np.where(mask[..., None] > 0, np.uint8([10, 200, 30]), np.uint8(250))
    Image.fromarray(picture).save(folder / "on_white.png")
    Image.fromarray(np.dstack([np.full((128, 128, 3), 255, np.uint8), mask])).save(folder / "cut_out.png")
    Image.fromarray(np.full((64, 64, 3), 255, np.uint8)).save(tmp_path / "mine" / "blank.png")
    blank, cut_out, on_white = folder_candidates(tmp_path / "mine")
    for candidate in (cut_out, on_white):
        flat = candidate.make()
        rows, columns = np.nonzero(flat.silhouette > 127)
        assert (np.ptp(columns) + 1) / (np.ptp(rows) + 1) == pytest.approx(0.75, abs=0.02)
        assert flat.tags == ("skirt",) and flat.attributes == {"category": "Skirt"}
    with pytest.raises(ValueError, match=r"blank.png: no garment stands out from the ground"):
        blank.make()
    with pytest.raises(ValueError, match="no picture in it"):
        folder_candidates((tmp_path / "empty").mkdir() or tmp_path / "empty")
    hole = picture.copy()
    hole[60:66, 60:66] = 250
    Image.fromarray(hole).save(folder / "print.png")
    (printed,) = [candidate for candidate in folder_candidates(folder) if candidate.garment.endswith(":print")]
    middle = printed.make().silhouette.shape[0] // 2
    assert printed.make().silhouette[middle, middle] == 255, "a print as white as the ground is no hole"


def test_sources_give_equal_parts_and_small_ones_all_they_have():
    def listed(kind: str, count: int) -> list[EntrySource]:
        return [EntrySource(kind, f"{kind}{i}", lambda: None) for i in range(count)]

    chosen = choose([listed("a", 3), listed("b", 50), listed("c", 50)], 43)
    assert [sum(c.category == kind for c in chosen) for kind in "abc"] == [3, 20, 20]
    assert len(choose([listed("a", 3)], 10)) == 3
    with pytest.raises(ValueError, match="no flat-lay to build a bank from"):
        choose([[], []], 5)


def test_banks_of_all_sizes_nest_and_say_what_was_done(net, tmp_path):
    pool = embed(net, drawn_candidates(40))
    outs = {size: tmp_path / f"b{size}.sqlite3" for size in (8, 16, 1000)}
    report = write_banks(pool, outs, fingerprint="tiny", name="mine", seed=3)
    held = []
    for built, out in zip(report.banks, outs.values(), strict=True):
        with Bank.open(out, fingerprint="tiny") as bank:
            entries = list(bank.entries())
            assert len(entries) == built.entries == sum(built.by_category.values())
            assert bank.version == built.version
            held.append({entry.source for entry in entries})
    assert held[0] < held[1] < held[2] and [len(h) for h in held] == [8, 16, 40 - report.noise]
    assert report.banks[0].thinned == 40 - report.noise - 8 and report.banks[2].coverage == 1.0
    assert sum(report.banks[1].histogram) >= 16 * 15 * 0.9
    assert not list(tmp_path.glob(".b*"))
    with pytest.raises(ValueError, match="made with encoder tiny"):
        Bank.open(outs[8], fingerprint="another")


def test_a_drawn_standard_encloses_no_ground():
    enclosing = 0
    for source in drawn_candidates(48 * len(kinds())):
        if source.category not in ("sweater", "hoodie"):
            continue
        flat = source.make()
        drawn = draft(flat.pattern.kind, flat.pattern.measures).rasterise(512)
        holes = [parts_and_waviness((mask > 127).astype(np.uint8))[1] for mask in (drawn, flat.silhouette)]
        assert holes[1] == 0
        if holes[0]:
            enclosing += 1
            assert 0 < (flat.silhouette != drawn).mean() < 0.01
    assert enclosing, "the sleeves of none touch its body: nothing was tested"


def test_a_silhouette_in_parts_does_not_enter(net, monkeypatch):
    whole = draft("t_shirt")
    apart = whole.rasterise(512)
    apart[250:260] = 0
    monkeypatch.setattr(type(whole), "rasterise", lambda *_, **__: apart)
    with pytest.raises(ValueError, match="drawn:me: its silhouette falls apart"):
        flat_lay(whole, np.random.default_rng(0), "drawn:me", "drawn")


def test_equal_flat_lays_enter_once(net):
    candidates = drawn_candidates(5)
    pool = embed(net, [*candidates, *candidates])
    assert len(pool.duplicates) == 5 and len(pool.entries) == 5
    source = candidates[2].garment
    assert f"{source} is the same as {source}" in pool.duplicates


def test_drawn_entries_keep_the_pattern_that_draws_their_silhouette(net, tmp_path):
    few = Population({kind: bundled_population().fits[kind][:3] for kind in ("skirt", "tank")})
    candidates = [*fitted_candidates(few)[:2], *drawn_candidates(4)]
    pool = embed(net, candidates)
    write_banks(pool, {6: tmp_path / "b.sqlite3"}, fingerprint="tiny", name="mine")
    with Bank.open(tmp_path / "b.sqlite3") as bank:
        entries = list(bank.entries())
        patterns = bank.patterns([entry.id for entry in entries])
        assert patterns.keys() == {entry.id for entry in entries}
        for entry in entries:
            spec = patterns[entry.id]
            drawn = without_holes(draft(spec.kind, spec.measures).rasterise(512))
            again = torch.from_numpy(drawn).float() / 255
            assert encode_silhouette(again) == entry.silhouette
        first = entries[0]
        bank.update([EntryUpdate(first.id, silhouette=entries[1].silhouette)])
        assert first.id not in bank.patterns([first.id, entries[1].id])
        bank.undo()
        assert bank.patterns([first.id]) == {first.id: patterns[first.id]}


def test_an_encoder_that_went_wrong_is_refused(tiny_checkpoint):
    broken = StructureNet.from_pretrained(tiny_checkpoint / "structure_net", low_cpu_mem_usage=False).eval()
    torch.nn.init.constant_(broken.to_embedding.weight, float("nan"))
    with pytest.raises(ValueError, match="embeddings that hold NaN or infinite values: take another checkpoint"):
        embed(broken, drawn_candidates(2))


def test_unreadable_flat_lays_are_left_out_and_named(net):
    def fails() -> FlatLay:
        raise ValueError("a.png: torn")

    pool = embed(net, [*drawn_candidates(3), EntrySource("x", "x", fails)])
    assert len(pool.entries) == 3 and pool.unreadable == ("a.png: torn",)
    with pytest.raises(ValueError, match="none of the 1 flat-lays could be read, the first because: a.png: torn"):
        embed(net, [EntrySource("x", "x", fails)])


def test_the_command_builds_from_all_sources(garments, tiny_checkpoint, tmp_path, capsys):
    words = [
        "bank",
        "build",
        str(tmp_path / "bank.sqlite3"),
        "--checkpoint",
        str(tiny_checkpoint),
        "--garments",
        str(garments),
    ]
    assert main([*words, "--sizes", "6", "12", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    # A rectangle's mirror image is the rectangle again.
    assert report["candidates"] + len(report["duplicates"]) == 36 and len(report["duplicates"]) >= 1
    assert [bank["entries"] for bank in report["banks"]] == [6, 12]
    assert {path.name for path in tmp_path.iterdir()} == {"bank-6.sqlite3", "bank-12.sqlite3"}
    assert main([*words, "--size", "5", "--drawn", "0"]) == 0
    assert "5 entries, version studio-r1-" in capsys.readouterr().out
    with Bank.open(tmp_path / "bank.sqlite3") as bank:
        assert all(entry.source.startswith("real:") for entry in bank.entries())


def test_pictures_are_added_to_a_bank_once(tiny_checkpoint, net, tmp_path, capsys):
    out, folder = tmp_path / "bank.sqlite3", tmp_path / "mine" / "skirt"
    folder.mkdir(parents=True)
    for name, height in (("a", 80), ("b", 100), ("same_as_a", 80)):
        Image.fromarray(np.where(box(60, height)[..., None] > 0, np.uint8([10, 200, 30]), np.uint8(250))).save(
            folder / f"{name}.png"
        )
    (folder / "torn.png").write_bytes(b"no picture")
    out.write_bytes((tiny_checkpoint / "bank.sqlite3").read_bytes())
    words = ["bank", "add", str(out), str(tmp_path / "mine"), "--checkpoint", str(tiny_checkpoint)]
    with Bank.open(out) as bank:
        before = len(bank)
        assert main([*words, "--json"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert list(report["added"]) == ["mine:skirt/a", "mine:skirt/b"] and len(bank) == before + 2
        torn, twice = report["left_out"]
        assert "torn.png" in torn and twice == "mine:skirt/same_as_a is the same as mine:skirt/a"
        assert bank.entry(report["added"]["mine:skirt/b"]).attributes["category"] == "Skirt"
        # Another batch of the same pictures: all of them are known, and nothing happens.
        assert main(words) == 0
        said = capsys.readouterr().out
        entry_id = report["added"]["mine:skirt/a"]
        assert f"mine:skirt/a: the bank has it already as entry {entry_id} (mine:skirt/a)" in said
        assert f"0 added, 4 left out, version {report['version']}" in said and len(bank) == before + 2


def test_adding_is_refused_by_a_sealed_bank_and_another_encoders(tiny_checkpoint, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    words = ["--checkpoint", str(tiny_checkpoint)]
    Bank.create(tmp_path / "other.sqlite3", fingerprint="another", dimension=8).close()
    assert main(["bank", "add", str(tmp_path / "other.sqlite3"), str(tmp_path / "mine"), *words]) == 2
    assert "was made with encoder another" in capsys.readouterr().err
    sealed = tmp_path / "sealed.sqlite3"
    sealed.write_bytes((tiny_checkpoint / "bank.sqlite3").read_bytes())
    sealed.chmod(0o444)
    assert main(["bank", "add", str(sealed), str(tmp_path / "mine"), *words]) == 1
    assert "read-only: copy it to your workspace" in capsys.readouterr().err


def test_what_is_no_bank_is_never_replaced(tiny_checkpoint, tmp_path, capsys):
    letter = tmp_path / "letter.txt"
    letter.write_text("dear all, this is a letter and no bank " * 40)
    assert main(["bank", "build", str(letter), "--checkpoint", str(tiny_checkpoint), "--size", "3"]) == 2
    assert "is not a bank" in capsys.readouterr().err and letter.read_text().startswith("dear all")
    assert main(["bank", "build", str(tmp_path / "no" / "b.sqlite3"), "--checkpoint", str(tiny_checkpoint)]) == 2
    assert "there is no folder" in capsys.readouterr().err


def test_a_bank_in_use_stays(net, tmp_path):
    out = tmp_path / "bank.sqlite3"
    pool = embed(net, drawn_candidates(6))
    write_banks(pool, {4: out}, fingerprint="tiny", name="old")
    with Bank.open(out) as user:
        version = user.version
        user.set_enabled([1], False)
        with pytest.raises(RuntimeError, match="open in another program: it stays as it is"):
            write_banks(pool, {3: out}, fingerprint="tiny", name="new")
        assert len(user) == 3 and user.version != version
    report = write_banks(pool, {3: out}, fingerprint="tiny", name="new")
    with Bank.open(out) as bank:
        assert bank.version == report.banks[0].version and len(bank) == 3


def test_a_killed_build_leaves_the_old_bank(tiny_checkpoint, tmp_path):
    out = tmp_path / "bank.sqlite3"
    out.write_bytes((tiny_checkpoint / "bank.sqlite3").read_bytes())
    with Bank.open(out) as bank:
        version = bank.version
    before = out.read_bytes()
    build = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "ragdiffusion",
            "bank",
            "build",
            str(out),
            "--checkpoint",
            str(tiny_checkpoint),
            "--size",
            "3000",
            "--pool",
            "1",
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
    )
    os.set_blocking(build.stderr.fileno(), False)
    shown = b""
    while b"flat-lay/s" not in shown and build.poll() is None:  # as long as a busy machine needs
        shown += build.stderr.read() or b""
        time.sleep(0.05)
    assert b"flat-lay/s" in shown and build.poll() is None, shown.decode()  # in the middle of it
    build.send_signal(signal.SIGKILL)
    build.wait()
    assert out.read_bytes() == before
    with Bank.open(out) as bank:
        assert bank.version == version
    with sqlite3.connect(out) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_what_a_killed_build_left_is_swept_at_the_next_start(tmp_path):
    left = tmp_path / f".bank.sqlite3.{2**22 + 1}.partial"  # of no process
    left.mkdir()
    (left / "working.sqlite3").write_bytes(b"half a bank")
    check_target(tmp_path / "bank.sqlite3")
    assert not list(tmp_path.iterdir())
