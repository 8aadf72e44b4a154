"""Bundles, settings inside PNGs, and exports: there and back, and what strangers' files do.

Long because each way in which a stranger's file can be wrong is a case of its own.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from app.errors import WorkspaceError
from app.files import bundle
from app.files.bundle import pack, unpack
from app.files.bundle_schema import read_manifest
from app.files.embedded import KEY, embed, read_settings, settings_of
from app.files.export import export_png, on_background
from app.files.image_store import ImageStore
from app.session_log.log import SessionLog
from app.session_log.sampling import Sampling, check_background
from app.session_log.values import FLAT_INPUTS, Run, RunInputs

SAMPLING = Sampling(seed=7, steps=30, strength=0.35, guidance=1.5, colour_match=True, background="#f4f1ea")
Change = Callable[[dict], None]


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SessionLog]:
    opened = SessionLog(tmp_path / "studio.sqlite3")
    yield opened
    opened.close()


@pytest.fixture
def images(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")


@pytest.fixture
def run(log: SessionLog, images: ImageStore, photo_bytes: Callable[..., bytes]) -> Run:
    """A finished run with real pictures."""
    photo = photo_bytes()
    mask = images.put(png(Image.new("L", (32, 32), 255)), "png")
    inputs = RunInputs(
        owner="ana",
        photo_sha256=hashlib.sha256(photo).hexdigest(),
        photo_name="Ärmel.png",
        photo_path=images.put(photo, "photo"),
        sampling=SAMPLING,
        k=1,
        alpha=0.25,
        attributes={"collar": "Polo"},
        garment={"mask": mask[3:-4]},
        checkpoint="c0ffee",
        bank_version="r1",
        candidates=[{"id": 7, "similarity": 0.91, "weight": -0.25, "iou": 0.5}],
        landmark_path=images.put(png(Image.new("L", (64, 64), 255)), "png"),
        preset="studio",
        device="cpu",
        embedding=bytes(range(8)),
    )
    made = log.add(inputs)
    log.start(made.id)
    result = images.put(png(Image.new("RGB", (64, 64), "#336699")), "png")
    log.finish(made.id, result_path=result, timings_ms={"total": 12.5}, colour={"before": 9.0, "after": 0.5})
    log.library.mark([made.id], "starred", owner="ana")
    log.library.note(made.id, "für die Braut", owner="ana")
    return log.get(made.id, owner="ana")


# ---- bundles


def test_a_bundle_opens_on_another_machine(run: Run, images: ImageStore, tmp_path: Path) -> None:
    data = pack([run], images)
    assert run.inputs.owner.encode() not in zipfile.ZipFile(io.BytesIO(data)).read("bundle.json"), "no login"
    other, store = SessionLog(tmp_path / "other.sqlite3"), ImageStore(tmp_path / "others")
    taken = unpack(data, "b.zip", owner="ben", log=other, images=store)
    found = other.get(taken[0].id, owner="ben")
    assert found == replace(run, id=found.id, inputs=replace(run.inputs, owner="ben"), imported=True)
    assert len(run.pictures) == 4
    for name in run.pictures:
        assert store.read(name) == images.read(name)
    assert other.search.thumbnails([found.id], owner="ben")[found.id].startswith(b"\xff\xd8")
    other.close()


def changed(data: bytes, *, manifest: Change | None = None, files: Callable[[dict], None] | None = None) -> bytes:
    """The bundle with its manifest or its files changed."""
    with zipfile.ZipFile(io.BytesIO(data)) as original:
        members = {name: original.read(name) for name in original.namelist()}
    if manifest:
        content = json.loads(members["bundle.json"])
        manifest(content)
        members["bundle.json"] = json.dumps(content).encode()
    if files:
        files(members)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return buffer.getvalue()


def test_a_bundle_of_a_studio_that_did_not_ask_which_garment_opens(
    run: Run, images: ImageStore, tmp_path: Path
) -> None:
    def earlier(manifest: dict) -> None:
        manifest["schema_version"] = 1
        for name in ("garment", "framing", "pattern"):
            del manifest["runs"][0]["inputs"][name]

    other, store = SessionLog(tmp_path / "other.sqlite3"), ImageStore(tmp_path / "others")
    (taken,) = unpack(changed(pack([run], images), manifest=earlier), "b.zip", owner="ben", log=other, images=store)
    assert taken.inputs == replace(run.inputs, owner="ben", garment=None)
    other.close()


def of_run(**values: object) -> Change:
    return lambda manifest: manifest["runs"][0].update(values)


def of_inputs(**values: object) -> Change:
    return lambda manifest: manifest["runs"][0]["inputs"].update(values)


def of_candidate(**values: object) -> Change:
    return lambda manifest: manifest["runs"][0]["inputs"]["candidates"][0].update(values)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"files": lambda m: m.pop("bundle.json")}, "bundle.json is not in it"),
        ({"files": lambda m: m.update({"../../evil.png": b"x"})}, "'../../evil.png' does not belong into it"),
        ({"files": lambda m: m.update({"/etc/cron": b"x"})}, "'/etc/cron' does not belong into it"),
        ({"files": lambda m: m.update({"pictures/..%2f.png": b"x"})}, "does not belong into it"),
        ({"files": lambda m: [m.pop(n) for n in list(m) if n.endswith(".photo")]}, "is missing"),
        ({"files": lambda m: m.update({n: b"other" for n in list(m) if n.endswith(".png")})}, "is not what it was"),
        ({"files": lambda m: m.update({"bundle.json": b"[" * 100_000})}, "bundle.json cannot be read"),
        ({"manifest": lambda m: m.update(format="zoo")}, "bundle.json is of something else"),
        ({"manifest": of_inputs(photo_path="../../../etc/passwd")}, "inputs.photo_path"),
        ({"manifest": of_inputs(photo_sha256="ab" * 32)}, "another hash than its run says"),
        ({"manifest": of_inputs(garment={"mask": "cd" * 32})}, "is missing"),
        ({"manifest": of_run(status="running")}, "run 0.status"),
    ],
)
def test_what_was_changed_is_refused_and_leaves_nothing(
    run: Run, images: ImageStore, tmp_path: Path, changes: dict, message: str
) -> None:
    data = changed(pack([run], images), **changes)
    other, store = SessionLog(tmp_path / "other.sqlite3"), ImageStore(tmp_path / "others")
    with pytest.raises(ValueError, match=f"b.zip .*{message}"):
        unpack(data, "b.zip", owner="ben", log=other, images=store)
    assert other.latest(9, owner="ben") == [] and not store.folder.exists()
    assert sorted(path.name for path in tmp_path.glob("*evil*")) == []
    other.close()


CHANGES: list[tuple[Change, str]] = [
    (lambda m: m.update(schema_version=9), "versions up to 4 are known here, and it has 9"),
    (lambda m: m.update(runs=[]), "at least 1 item"),
    (lambda m: m.update(runs={}), "valid list"),
    (lambda m: m.update(schema_version=True), "versions up to 4 are known here"),
    (lambda m: m["runs"][0].pop("note"), "run 0.note: Field required"),
    (of_inputs(extra=1), "inputs.extra: Extra inputs are not permitted"),
    (of_inputs(steps=10**9), "steps must be a whole number from 1 to 50"),
    (of_inputs(seed=10**30), "seed must be a whole number"),
    (of_inputs(seed="7"), "inputs.seed: .*integer"),
    (of_inputs(alpha="much"), "inputs.alpha: .*number, got 'much'"),
    (of_inputs(alpha=float("nan")), "NaN is no number"),
    (of_inputs(k=True), "inputs.k: .*integer"),
    (of_inputs(k=2), "there are 1 candidates, and K is 2"),
    (of_inputs(consensus=1), "none of the candidates"),
    (of_inputs(choice=4), "none of the candidates"),
    (of_inputs(landmark_source="candidate"), "which is not said"),
    (of_inputs(landmark_source="drafted"), "a drafted outline has a pattern"),
    (of_inputs(pattern={"kind": "t_shirt", "measures": {}}), "a drafted outline has a pattern, and no other has one"),
    (of_inputs(landmark_source="drafted", pattern={"kind": "t_shirt", "measures": {"chest": True}}), "are numbers"),
    (of_inputs(candidates=[{}]), "candidates.0.id: Field required"),
    (of_inputs(candidates=[7]), "candidates.0"),
    (of_candidate(similarity=2), "candidates.0.similarity"),
    (of_candidate(weight="x"), "candidates.0.weight"),
    (of_candidate(iou=float("inf")), "Infinity is no number"),
    (of_candidate(id=10**30), "candidates.0.id"),
    (of_candidate(more=1), "candidates.0.more"),
    (of_inputs(attributes={"collar": "Nehru"}), "Nehru"),
    (of_inputs(attributes={"collar": 5}), "attributes.collar"),
    (of_inputs(photo_path="ab/" + "cd" * 32 + ".photo"), "no name of a stored picture"),
    (of_inputs(photo_name="../evil.png"), "a file's name was wanted"),
    (of_inputs(photo_name="a\x00b"), "control characters"),
    (of_inputs(photo_name="x" * 300), "at most 255 characters"),
    (of_inputs(photo_name="\ud800"), "inputs.photo_name"),
    (of_inputs(embedding="zz"), "non-hexadecimal"),
    (of_inputs(embedding="00"), "little-endian float32"),
    (of_inputs(embedding="0000c07f"), "NaN or infinity"),
    (of_inputs(garment={"point": [1]}), "a garment is meant by a name, a point or a mask"),
    (of_inputs(garment={"point": [1, -5]}), "lies in no photo"),
    (of_inputs(colour_match="yes"), "inputs.colour_match: .*boolean"),
    (of_inputs(landmark_path=""), "has not begun"),
    (of_run(status="failed"), "a run has a picture if it is done"),
    (of_run(created_at="2026-01-01T00:00:00"), "its time zone is missing"),
    (of_run(created_at="0001-01-01T00:00:00+14:00"), "a year from 2000 to 2100"),
    (of_run(created_at=1234567890), "a moment such as"),
    (of_run(timings_ms={"total": -1}), "timings_ms.total"),
    (of_run(timings_ms={"total": "fast"}), "timings_ms.total"),
    (of_run(colour={"before": 1}), "colour.after: Field required"),
    (of_run(note="x" * 5000), "at most 4000 characters"),
    (of_run(starred=1), "starred: .*boolean"),
    (of_run(rejected=True), "starred or rejected, not both"),
    (of_run(result_path="ab/" + "ab" * 32 + ".exe"), "run 0.result_path"),
]


def test_every_part_of_a_manifest_is_checked(run: Run, images: ImageStore) -> None:
    with zipfile.ZipFile(io.BytesIO(pack([run], images))) as whole:
        text = whole.read("bundle.json")
    assert len(read_manifest(text)) == 1
    for change, message in CHANGES:
        manifest = json.loads(text)
        change(manifest)
        with pytest.raises(ValueError) as refused:
            read_manifest(json.dumps(manifest).encode())
        assert re.search(message, str(refused.value)), (message, str(refused.value))


JUNK = (
    None,
    True,
    -1,
    10**30,
    1.5,
    "",
    "x",
    "\ud800",
    [],
    {},
    [[]],
    {"a": 1},
    float("nan"),
    float("inf"),
    "x" * 10_000,
)


def places(value: object) -> Iterator[tuple[dict | list, str | int]]:
    """Every place in a manifest."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from places(value[key])


def test_whatever_stands_anywhere_is_taken_whole_or_refused_in_words(run: Run, images: ImageStore) -> None:
    """Each value of a manifest replaced by each kind of junk, and each key left out."""
    with zipfile.ZipFile(io.BytesIO(pack([run], images))) as whole:
        text = whole.read("bundle.json")
    taken, count = 0, sum(1 for _ in places(json.loads(text)))
    for index in range(count):
        for junk in (*JUNK, ...):
            manifest = json.loads(text)
            holder, key = [*places(manifest)][index]
            if junk is ...:
                holder.pop(key)
            else:
                holder[key] = junk
            try:
                (found,) = read_manifest(json.dumps(manifest).encode())
            except ValueError as refused:
                assert str(refused).isprintable() and len(str(refused)) < 400
                continue
            taken += 1
            json.dumps(found.inputs.candidates, allow_nan=False)
            found.inputs.photo_name.encode()
            assert found.inputs.sampling.seed < 2**63 and math.isfinite(found.inputs.alpha)
    assert 0 < taken < count * len(JUNK) / 4


@pytest.mark.parametrize("data", [b"", b"no zip at all", b"PK\x03\x04" + bytes(60)])
def test_what_is_no_zip_is_refused(data: bytes, log: SessionLog, images: ImageStore) -> None:
    with pytest.raises(ValueError, match="b.zip is no ZIP that can be read"):
        unpack(data, "b.zip", owner="ana", log=log, images=images)


def test_a_zip_bomb_is_never_unpacked(
    run: Run, images: ImageStore, log: SessionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "MAX_MANIFEST", 4 << 10)
    bomb = changed(pack([run], images), manifest=of_run(note="x" * (1 << 20)))
    assert len(bomb) < 20_000, "a thousand times smaller than what it holds"
    with pytest.raises(ValueError, match="bundle.json is larger than"):
        unpack(bomb, "b.zip", owner="ana", log=log, images=images)
    monkeypatch.setattr(bundle, "MAX_TOTAL", 1 << 10)
    with pytest.raises(ValueError, match="unpacks to more than"):
        unpack(bomb, "b.zip", owner="ana", log=log, images=images)


def test_a_header_that_lies_about_a_size_is_not_believed(run: Run, images: ImageStore, log: SessionLog) -> None:
    data = bytearray(changed(pack([run], images), manifest=of_run(note="y" * 3000)))
    with zipfile.ZipFile(io.BytesIO(data)) as made:
        true = made.getinfo("bundle.json").file_size
    for at in range(len(data) - 4):
        if data[at : at + 4] == true.to_bytes(4, "little"):
            data[at : at + 4] = (10).to_bytes(4, "little")
    with pytest.raises(ValueError, match="b.zip is no"):
        unpack(bytes(data), "b.zip", owner="ana", log=log, images=images)


def test_photos_lose_their_place_unless_asked(run: Run, images: ImageStore) -> None:
    exif = Image.Exif()
    exif[0x010F] = "PhoneMaker"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 12.0, 29.5)})
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(buffer, "JPEG", exif=exif)
    photo = buffer.getvalue()
    taken = replace(
        run,
        inputs=replace(
            run.inputs, photo_path=images.put(photo, "photo"), photo_sha256=hashlib.sha256(photo).hexdigest()
        ),
    )
    for metadata in (False, True):
        with zipfile.ZipFile(io.BytesIO(pack([taken, taken], images, metadata=metadata))) as bundle:
            (name,) = [name for name in bundle.namelist() if name.endswith(".photo")]
            content = bundle.read(name)
            inputs = json.loads(bundle.read("bundle.json"))["runs"][0]["inputs"]
        assert (b"PhoneMaker" in content) == metadata and (content == photo) == metadata
        assert hashlib.sha256(content).hexdigest() == inputs["photo_sha256"] == inputs["photo_path"][3:-6]


def test_only_runs_that_have_ended_are_packed(run: Run, log: SessionLog, images: ImageStore) -> None:
    going = log.add(run.inputs)
    with pytest.raises(ValueError, match=f"run {going.id} has not ended yet"):
        pack([run, going], images)
    with pytest.raises(ValueError, match="1 to 500 runs, got 0"):
        pack([], images)
    images.remove(run.result_path)
    with pytest.raises(ValueError, match="was it moved out of"):
        pack([run], images)


def test_a_picture_of_another_kind_is_refused(run: Run, images: ImageStore, tmp_path: Path) -> None:
    """Whole and of the right name, but no outline."""
    colours = images.put(png(Image.new("RGB", (64, 64), "red")), "png")
    words = images.put(b"no picture at all", "png")
    for path, message in ((colours, "another kind of picture"), (words, "not a picture")):
        wrong = replace(run, inputs=replace(run.inputs, landmark_path=path))
        other, store = SessionLog(tmp_path / "other.sqlite3"), ImageStore(tmp_path / "others")
        with pytest.raises(ValueError, match=message):
            unpack(pack([wrong], images), "b.zip", owner="ben", log=other, images=store)
        assert other.latest(9, owner="ben") == [] and not store.folder.exists()
        other.close()


def test_a_run_that_could_not_read_its_photo_keeps_it(run: Run, images: ImageStore, log: SessionLog) -> None:
    path = images.put(b"no picture", "photo")
    inputs = RunInputs("ana", path[3:-6], "words.png", path, SAMPLING, k=4, alpha=0.5)
    failed = log.add(inputs)
    log.fail(failed.id, "words.png is not a picture that can be read")
    failed = log.get(failed.id, owner="ana")
    with pytest.raises(ValueError, match=f"run {failed.id}: words.png is not a picture.*leave the run out"):
        pack([failed], images)
    (taken,) = unpack(pack([failed], images, metadata=True), "b.zip", owner="ben", log=log, images=images)
    assert (taken.status, taken.inputs.photo_path) == ("failed", path)


def test_all_or_nothing_when_the_log_or_the_disk_gives_out(
    run: Run, images: ImageStore, log: SessionLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = pack([run], images)
    other, store = SessionLog(tmp_path / "other.sqlite3"), ImageStore(tmp_path / "others")
    kept = store.put(images.read(run.result_path), "png")

    def fails(*_: object, **__: object) -> None:
        raise WorkspaceError("the session log is locked")

    with monkeypatch.context() as patch:
        patch.setattr(other, "adopt", fails)
        with pytest.raises(WorkspaceError):
            unpack(data, "b.zip", owner="ben", log=other, images=store)
    left = [path for path in store.folder.rglob("*") if path.is_file()]
    assert left == [store.folder / kept], "what was there before stays, and nothing else"
    assert len(unpack(data, "b.zip", owner="ben", log=other, images=store)) == 1
    other.close()


# ---- settings inside a PNG


def test_settings_survive_in_the_png_and_the_pixels_are_untouched(run: Run) -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8))
    data = embed(picture, settings_of(run))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), np.asarray(picture))
    found = read_settings(data, "flat.png")
    assert (found.k, found.alpha, found.sampling, found.attributes["collar"]) == (1, 0.25, SAMPLING, "Polo")
    assert found.photo_sha256 == run.inputs.photo_sha256 and found.garment == run.inputs.garment
    earlier = {key: value for key, value in settings_of(run).items() if key != "garment"}
    assert read_settings(embed(picture, earlier), "flat.png").garment is None, "a studio that did not ask which"
    assert b"ana" not in data, "no login"
    assert read_settings(embed(picture, None), "flat.png") is None


def with_text(**chunks: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    for key, text in chunks.items():
        info.add_itxt(key.replace("_", "-"), text, zip=True)
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def test_other_peoples_metadata_is_let_be() -> None:
    assert read_settings(with_text(parameters="a cat, Steps: 20", workflow="{}"), "other.png") is None
    assert read_settings(with_text(parameters="x" * (3 << 20)), "long.png") is None, "a text that unpacks too large"
    with pytest.raises(ValueError, match="photo.jpg is no PNG"):
        read_settings(b"\xff\xd8\xff\xe0 not a png", "photo.jpg")
    with pytest.raises(ValueError, match="cut.png is no PNG"):
        read_settings(with_text(parameters="a")[:20], "cut.png")


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "null", "{}", '{"schema_version": 9}', '{"schema_version": 1}', "[" * 100_000, '"' + "x" * 300_000],
    ids=lambda text: text[:20],
)
def test_settings_of_ours_that_are_broken_are_named(text: str) -> None:
    with pytest.raises(ValueError, match="the settings in flat.png cannot be used"):
        read_settings(with_text(**{KEY.replace("-", "_"): text}), "flat.png")


@pytest.mark.parametrize(
    ("key", "value"),
    [("k", 0), ("k", True), ("alpha", 2), ("steps", 10**9), ("attributes", {"collar": "Nehru"}), ("background", "x")],
)
def test_settings_out_of_range_are_refused(run: Run, key: str, value: object) -> None:
    data = embed(Image.new("RGB", (4, 4)), {**settings_of(run), key: value})
    with pytest.raises(ValueError, match="the settings in flat.png cannot be used"):
        read_settings(data, "flat.png")


# ---- exports


def test_a_soft_rim_loses_its_white() -> None:
    """A red garment whose rim is half white: on blue the rim must be half blue, with no white left."""
    mask = Image.fromarray(np.array([[0, 128, 255]], np.uint8))
    share = np.array([0, 128 / 255, 1])[None, :, None]
    red = np.array([200.0, 0, 0])
    picture = Image.fromarray(np.rint(red * share + 255 * (1 - share)).astype(np.uint8))
    blue = np.asarray(on_background(picture, mask, "#0000ff"), np.float32)
    np.testing.assert_allclose(blue, np.rint(red * share + np.array([0, 0, 255]) * (1 - share)), atol=1)
    clear = np.asarray(on_background(picture, mask, "transparent"))
    assert clear.shape == (1, 3, 4) and clear[0, :, 3].tolist() == [0, 128, 255]
    np.testing.assert_allclose(clear[0, 1:, :3], [[200, 0, 0]] * 2, atol=2)


def test_white_is_exported_as_it_was_made(run: Run, images: ImageStore) -> None:
    result, landmark = images.read(run.result_path), images.read(run.inputs.landmark_path)
    data = export_png(run, result, landmark, background="white", with_settings=False)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), np.asarray(Image.open(io.BytesIO(result))))
    with pytest.raises(ValueError, match="white, transparent or a colour such as #f4f1ea, got 'blue'"):
        export_png(run, result, landmark, background="blue", with_settings=False)


def test_backgrounds_are_read_in_any_case() -> None:
    assert (check_background(" #F4F1EA "), check_background("Transparent")) == ("#f4f1ea", "transparent")
    for wrong in ("", None, 7, "#fff", "#gggggg", "url(x)"):
        with pytest.raises(ValueError, match="the background is white"):
            check_background(wrong)


def test_every_input_of_a_run_is_in_the_bundle(run: Run, images: ImageStore) -> None:
    manifest = json.loads(zipfile.ZipFile(io.BytesIO(pack([run], images))).read("bundle.json"))
    assert set(manifest["runs"][0]["inputs"]) == set(FLAT_INPUTS) - {"owner"}
