"""Entries out of a bank and in again, and what must not come in."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from ragdiffusion.bank import Bank, NewEntry
from ragdiffusion.bank.exchange.archive import export_zip
from ragdiffusion.bank.exchange.importing import plan_import
from ragdiffusion.bank.making import EntryMaker
from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.bank.reencoding import encode_again
from ragdiffusion.bank.versions import open_version
from ragdiffusion.images import encode_silhouette, silhouette_pixels
from tests.ragdiffusion.bank.conftest import DIMENSION, tiny_net


@pytest.fixture(scope="module")
def maker() -> EntryMaker:
    return EntryMaker(tiny_net(0))


@pytest.fixture
def empty(tmp_path):
    with Bank.create(tmp_path / "empty.sqlite3", fingerprint="encoder-a", dimension=DIMENSION) as bank:
        yield bank


def shirt(size: int = 256, width: int = 60) -> np.ndarray:
    """A dark shirt on white: uint8 (S, S, 3)."""
    picture = np.full((size, size, 3), 245, np.uint8)
    half = size // 2
    cv2.rectangle(picture, (half - width, 60), (half + width, size - 40), (40, 60, 120), -1)
    cv2.rectangle(picture, (half - width - 25, 60), (half + width + 25, 110), (40, 60, 120), -1)
    return picture


def write(path: Path, picture: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture)
    return path


def mask_of(picture: np.ndarray) -> np.ndarray:
    return ((picture.min(2) < 200) * 255).astype(np.uint8)


# ---- ZIP


def test_an_exported_bank_comes_in_again_as_it_was(bank, empty, tmp_path, vectors, silhouettes):
    pattern = PatternSpec("t_shirt", {"chest": 50.0})
    thumbnail = (tmp_path / "t.png", write(tmp_path / "t.png", shirt(64, 10)))[1].read_bytes()
    bank.add([NewEntry(vectors(1, 7)[0], silhouettes[0], {}, "x:Été", ("a", "b"), thumbnail, pattern)])
    bank.set_enabled([3], False)
    bank.delete([4])
    report = export_zip(bank, tmp_path / "bank.zip")
    assert (report.entries, report.version) == (20, bank.version)
    with zipfile.ZipFile(tmp_path / "bank.zip") as archive:
        names = set(archive.namelist())
        assert {"bank.json", "masks/000001.png", "outlines/000001.svg", "images/000021.png"} <= names
        assert b'fill-rule="evenodd"' in archive.read("outlines/000001.svg")
    dry = plan_import(empty, tmp_path / "bank.zip", None)
    assert (dry.report.form, dry.report.found, dry.report.new, dry.report.refused) == ("bank", 20, 20, {})
    assert empty.revision == 0  # a dry run
    done = dry.apply(empty, author="Ann")
    assert len(done.added) == 20 and [(e.action, e.author) for e in empty.edits()] == [("import", "Ann")]
    old = [bank.entry(i) for i in range(1, 22) if i != 4]
    for before, after in zip(old, empty.entries(), strict=True):
        assert torch.allclose(before.embedding, after.embedding, atol=1e-6) and before.silhouette == after.silhouette
        assert (before.attributes, before.source, before.tags) == (after.attributes, after.source, after.tags)
        assert (before.thumbnail, before.enabled) == (after.thumbnail, after.enabled)
    assert empty.patterns([20]) == {20: pattern}
    again = plan_import(empty, tmp_path / "bank.zip", None).report
    assert again.new == 0 and len(again.repeated) == 20


def test_another_encoders_embeddings_are_refused_or_made_anew(bank, tmp_path, maker):
    export_zip(bank, tmp_path / "bank.zip", ids=[1, 2])
    with Bank.create(tmp_path / "other.sqlite3", fingerprint="encoder-b", dimension=DIMENSION) as other:
        report = plan_import(other, tmp_path / "bank.zip", None).report
        assert report.new == 0 and len(report.refused) == 2
        assert "is of encoder encoder-a, not of this bank's" in next(iter(report.refused.values()))
        assert plan_import(other, tmp_path / "bank.zip", maker).apply(other).embedded == 2
        made = other.entry(1)
        assert made.silhouette == bank.entry(1).silhouette and not torch.equal(made.embedding, bank.entry(1).embedding)


def broken_zip(path: Path, change) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        change(archive)
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda z: z.writestr("../evil.jsonl", "x"), "leads out of the archive"),
        (lambda z: z.writestr("/etc/evil", "x"), "leads out of the archive"),
        (lambda z: z.writestr("entries.jsonl", b"\0" * (3 << 20)), "200 times its size and more"),
        (lambda z: z.writestr("notes.txt", "x"), "holds no pictures, no annotations of COCO and no exported bank"),
        (lambda z: (z.writestr("entries.jsonl", "{}"), z.writestr("bank.json", "{")), "bank.json can't be read"),
        (
            lambda z: (
                z.writestr("entries.jsonl", "{}"),
                z.writestr("bank.json", '{"format": "ragdiffusion-bank", "schema_version": 9}'),
            ),
            "schema version 9",
        ),
        (lambda z: z.writestr("entries.jsonl", b"\xff\xfe\xff"), "not UTF-8"),
    ],
)
def test_archives_that_must_not_be_read_are_refused_whole(empty, tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        plan_import(empty, broken_zip(tmp_path / "bad.zip", change), None)
    assert empty.revision == 0 and not (tmp_path.parent / "evil.jsonl").exists()


def test_what_is_no_archive_is_refused(empty, tmp_path):
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(ValueError, match="neither a folder nor a ZIP"):
        plan_import(empty, tmp_path / "bad.zip", None)
    with pytest.raises(ValueError, match="no such file or folder"):
        plan_import(empty, tmp_path / "none", None)


def test_lines_are_judged_one_by_one_and_foreign_fields_are_named(bank, empty, tmp_path, maker):
    export_zip(bank, tmp_path / "bank.zip", ids=[1])
    root = tmp_path / "unpacked"
    with zipfile.ZipFile(tmp_path / "bank.zip") as archive:
        archive.extractall(root)
        good = json.loads(archive.read("entries.jsonl"))
    lines = [
        json.dumps({**good, "price": 12, "colour": "red"}),
        "{broken",
        "[1]",
        json.dumps({**good, "source": "b", "attributes": {"collar": "Teapot"}}),
        json.dumps({**good, "source": "c", "mask": "../../secret.png"}),
        json.dumps({**good, "source": "d", "mask": None, "image": None}),
        json.dumps({**good, "source": "e", "tags": [1]}),
    ]
    (root / "entries.jsonl").write_text("\n".join(lines))
    plan = plan_import(empty, root, maker)
    assert plan.report.found == 7 and plan.report.new == 1 and plan.report.foreign == {"price": 1, "colour": 1}
    said = " / ".join(plan.report.refused.values())
    for words in ("no JSON", "holds a list", "Teapot", "leads out", "neither a mask nor an image", "no text"):
        assert words in said, words


# ---- pictures, masks, COCO


def test_a_folder_of_pictures_comes_in(empty, tmp_path, maker):
    write(tmp_path / "in" / "shirt" / "a.png", shirt())
    write(tmp_path / "in" / "b.png", shirt(width=40))
    write(tmp_path / "in" / "black.png", np.zeros((128, 128, 3), np.uint8))
    write(tmp_path / "in" / "two.png", np.concatenate([shirt(), shirt(width=50)], axis=1))
    write(tmp_path / "in" / "air.png", np.zeros((128, 128, 4), np.uint8))
    done = plan_import(empty, tmp_path / "in", maker).apply(empty)
    assert done.form == "pictures" and len(done.added) == 2 and sorted(done.refused) == ["air", "black", "two"]
    assert "shows 2 garments apart, one wanted" in done.refused["two"]
    first = {e.source: e for e in empty.entries()}["in:shirt/a"]
    assert first.attributes["category"] == "Shirt" and first.tags == ("shirt",) and first.thumbnail
    with pytest.raises(ValueError, match="give the checkpoint"):
        plan_import(empty, tmp_path / "in", None)


def test_a_folder_with_masks_comes_in(empty, tmp_path, maker):
    photo = shirt()
    noisy = np.random.default_rng(0).integers(0, 255, photo.shape, np.uint8)
    noisy[mask_of(photo) > 0] = 90
    write(tmp_path / "in" / "images" / "dress" / "a.png", noisy)
    write(tmp_path / "in" / "masks" / "dress" / "a.png", mask_of(photo))
    write(tmp_path / "in" / "images" / "b.png", noisy)
    write(tmp_path / "in" / "images" / "nothing.png", noisy)
    write(tmp_path / "in" / "masks" / "nothing.png", np.zeros(photo.shape[:2], np.uint8))
    write(tmp_path / "in" / "images" / "all.png", noisy)
    write(tmp_path / "in" / "masks" / "all.png", np.full(photo.shape[:2], 255, np.uint8))
    done = plan_import(empty, tmp_path / "in", maker).apply(empty)
    assert done.form == "masks" and len(done.added) == 1 and len(done.refused) == 3
    assert "no mask beside it" in done.refused["images/b.png"]
    entry = empty.entry(1)
    assert entry.attributes["category"] == "Dress" and silhouette_pixels(entry.silhouette).any()


def coco(path: Path, segmentation, **image) -> Path:
    content = {
        "images": [{"id": 1, "width": 256, "height": 256, "file_name": "a.png", **image}],
        "categories": [{"id": 7, "name": "dress"}],
        "annotations": [{"id": 3, "image_id": 1, "category_id": 7, "segmentation": segmentation}],
    }
    path.write_text(json.dumps(content))
    return path


def test_coco_polygons_and_run_lengths_give_one_silhouette(empty, tmp_path, maker):
    masks = pytest.importorskip("pycocotools.mask")
    polygon = [[60, 40, 200, 40, 200, 220, 60, 220]]
    filled = masks.decode(masks.merge(masks.frPyObjects(polygon, 256, 256)))
    packed = masks.encode(np.asfortranarray(filled))
    flat = filled.flatten(order="F")
    changes = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *changes, len(flat)]).tolist()
    forms = (polygon, {"size": [256, 256], "counts": packed["counts"].decode()}, {"size": [256, 256], "counts": counts})
    shapes = []
    for segmentation in forms:
        plan = plan_import(empty, coco(tmp_path / "a.json", segmentation), maker)
        assert plan.report.refused == {} and plan.entries[0].attributes == {"category": "Dress"}
        shapes.append(silhouette_pixels(plan.entries[0].silhouette))
    assert (shapes[0] == shapes[1]).all() and (shapes[1] == shapes[2]).all()
    assert shapes[0].mean() == pytest.approx(140 / 180 / 1.12**2, abs=0.01)  # of its box, in the canonical frame
    write(tmp_path / "a.png", shirt())
    assert plan_import(empty, coco(tmp_path / "a.json", polygon), maker).entries[0].thumbnail
    wrong = plan_import(empty, coco(tmp_path / "a.json", polygon, width=200), maker).report
    assert "its annotations say 200x256" in wrong.refused["annotation 3"]


def zipped(folder: Path, path: Path, under: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, under + file.relative_to(folder).as_posix())
    return path


@pytest.mark.parametrize("under", ["", "mine/"])
def test_folders_come_in_as_a_zip_too(empty, tmp_path, maker, under):
    pytest.importorskip("pycocotools.mask")
    photo = shirt()
    write(tmp_path / "pictures" / "skirt" / "a.png", photo)
    write(tmp_path / "masks" / "images" / "a.png", photo)
    write(tmp_path / "masks" / "masks" / "a.png", mask_of(photo))
    write(tmp_path / "coco" / "images" / "a.png", photo)
    (tmp_path / "coco" / "annotations").mkdir()
    coco(tmp_path / "coco" / "annotations" / "instances.json", [[60, 40, 200, 40, 200, 220, 60, 220]])
    (tmp_path / "coco" / "about.json").write_text('{"made": "by hand"}')
    for form in ("pictures", "masks", "coco"):
        plan = plan_import(empty, zipped(tmp_path / form, tmp_path / f"{form}.zip", under), maker)
        assert (plan.report.form, plan.report.new, plan.report.refused) == (form, 1, {}), form
        assert plan.entries[0].thumbnail, "the picture was found"
        folder = plan_import(empty, tmp_path / form, maker)
        assert folder.entries[0].silhouette == plan.entries[0].silhouette
    coco(tmp_path / "coco" / "again.json", [])
    with pytest.raises(ValueError, match=r"annotations more than once \(again.json, annotations/instances.json\)"):
        plan_import(empty, tmp_path / "coco", maker)
    assert empty.revision == 0


def test_an_import_that_fails_leaves_the_bank_as_it_was(bank, empty, tmp_path):
    export_zip(bank, tmp_path / "all.zip")
    plan = plan_import(empty, tmp_path / "all.zip", None)
    empty.add([plan.entries[2]], author="Ben")  # since the plan was made
    version = empty.version
    with pytest.raises(ValueError, match="entry 2 of .* cannot be added: the bank has it already as entry 1"):
        plan.apply(empty, author="Ana")
    assert empty.version == version and len(empty) == 1 and [edit.author for edit in empty.edits()] == ["Ben"]


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ([], "no polygon"),
        ([[1, 2, 3]], "not three or more points"),
        ([[0, 0, 1, "x", 2, 2]], "not three or more points"),
        ([[0, 0, 1e9, 0, 1, 1]], "leaves the picture by far"),
        ({"size": [256, 256], "counts": [10, 20]}, "don't add up"),
        ({"size": [256, 256], "counts": [-5, 65541]}, "don't add up"),
        ({"size": [9, 9], "counts": [81]}, "not of a picture of 256x256"),
        ({"size": [256, 256], "counts": "ooooo"}, "cut off or not COCO's"),
        ({"size": [256, 256], "counts": "\u20ac"}, "cut off or not COCO's"),
        ({"size": [256, 256], "counts": [65536]}, "covers 0.0%"),
        ({"size": [256, 256], "counts": [0, 65536]}, "covers 100.0%"),
        (None, "not of a picture"),
    ],
)
def test_broken_segmentations_are_refused(empty, tmp_path, maker, segmentation, message):
    pytest.importorskip("pycocotools.mask")
    report = plan_import(empty, coco(tmp_path / "a.json", segmentation), maker).report
    assert report.new == 0 and message in report.refused["annotation 3"]


def test_json_that_is_not_cocos_is_refused(empty, tmp_path, maker):
    (tmp_path / "a.json").write_text('{"images": 3}')
    with pytest.raises(ValueError, match="no list of images"):
        plan_import(empty, tmp_path / "a.json", maker)


# ---- making and encoding


def test_entries_are_made_from_outlines_and_measures(empty, maker):
    outline = np.zeros((64, 64), np.float32)
    outline[10:50, 20:44] = 1
    new = maker.from_outline(outline, attributes={"category": "Vest"}, tags=["mine"])
    drawn = maker.from_measures("t_shirt", {"chest": 55.0}, attributes={"collar": "Round"})
    ids = empty.add([new, drawn])
    first, second = map(empty.entry, ids)
    assert silhouette_pixels(first.silhouette).mean() == pytest.approx(40 * 24 / 64**2, abs=0.01)
    assert (first.source, first.tags, first.attributes["category"]) == ("outline", ("mine",), "Vest")
    assert empty.patterns(ids)[ids[1]].measures["chest"] == 55.0 and second.attributes["collar"] == "Round"
    assert first.thumbnail and second.thumbnail
    with pytest.raises(ValueError, match="outline is empty"):
        maker.from_outline(np.zeros((64, 64), np.float32))


def test_a_bank_is_encoded_anew_while_it_serves_and_goes_on_where_it_was_cut_off(empty, tmp_path, maker):
    outlines = np.zeros((70, 32, 32), np.float32)
    for number, outline in enumerate(outlines):
        outline[4 : 10 + number // 4, 8 - number % 4 : 24] = 1
    empty.add([maker.from_outline(one, source=f"s{i}") for i, one in enumerate(outlines)], allow_duplicates=True)
    empty.delete([2])
    before = empty.version
    other = EntryMaker(tiny_net(1))
    with pytest.raises(KeyboardInterrupt):

        def stop(done: int, total: int) -> None:
            if done == 64:
                empty.tag([1], add=["changed meanwhile"])  # the bank serves
                raise KeyboardInterrupt

        encode_again(empty, other, "encoder-b", on_progress=stop)
    assert empty.fingerprint == "encoder-a" and len(empty) == 69
    seen = []
    version = encode_again(empty, other, "encoder-b", author="Ann", on_progress=lambda *step: seen.append(step))
    assert seen[0] == (63, 70) and seen[-1] == (70, 70)  # what was embedded is not embedded again, but for entry 1
    with pytest.raises(RuntimeError, match="was encoded for encoder encoder-b meanwhile: open it again"):
        len(empty)
    with Bank.open(empty.path, fingerprint="encoder-b") as bank:
        assert bank.version == version and bank.edits()[0].action == "encode" and bank.edits()[0].author == "Ann"
        expected = other.from_outline(outlines[9]).embedding
        assert torch.allclose(bank.entry(10).embedding, expected, atol=2e-2)
        assert bank.entry(1).tags == ("changed meanwhile",)
        with pytest.raises(RuntimeError, match="nothing to undo"):
            bank.undo()
        with open_version(bank, before, tmp_path) as old:
            assert old.fingerprint == "encoder-a" and old.version == before
            assert torch.allclose(old.entry(10).embedding, maker.from_outline(outlines[9]).embedding, atol=2e-2)
        bank.delete([5])
        assert bank.undo().action == "delete"
    assert not list(tmp_path.glob(".*.encoding"))


def test_a_foreign_silhouette_is_fitted_to_the_frame(maker):
    mask = np.zeros((120, 200), np.uint8)
    mask[30:90, 20:80] = 255
    ok, file = cv2.imencode(".png", mask)
    assert ok
    entry = maker.from_files(None, file.tobytes(), source="x")
    assert silhouette_pixels(entry.silhouette).mean() == pytest.approx(1 / 1.12**2, abs=0.02)
    stored = encode_silhouette(torch.from_numpy((mask[:, :120] > 0).astype(np.float32)))
    assert maker.from_files(None, stored, source="x").silhouette == stored
