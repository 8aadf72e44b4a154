"""The command line over tiny random weights: what it prints, writes, and refuses.

Long because all commands share one checkpoint, which is made once.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ragdiffusion import cli
from ragdiffusion.bank import Bank
from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.garments.patterns import defaults, draft

_ROOT = Path(__file__).resolve().parents[2]
_GUIDE_KEYS = {"candidates", "consensus", "alpha", "k", "timings_ms", "checkpoint", "bank_version"}
_READ_KEYS = {"attributes", "attribute_confidence", "attribute_note", "drafted"}
_RETRIEVE_TIMINGS = {"encode", "search", "slle", "fuse"}


@pytest.fixture
def run(capfd, tiny_checkpoint) -> Callable[..., tuple[int, str, str]]:
    """Runs a command on the tiny checkpoint: exit code, stdout, stderr."""

    def call(*words: object, checkpoint: object = tiny_checkpoint) -> tuple[int, str, str]:
        capfd.readouterr()
        code = cli.main([*map(str, words), "--checkpoint", str(checkpoint), "--device", "cpu"])
        return code, *capfd.readouterr()

    return call


@pytest.fixture
def out(tmp_path) -> Path:
    """Where to write: an empty folder, so that whatever is left there is seen."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder / "flat.png"


def _the_json(stdout: str) -> dict:
    assert stdout.count("\n") == 1 and stdout.endswith("\n")
    return json.loads(stdout)


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


# ---- retrieve


def test_retrieve_json(run, photo_path, tiny_model) -> None:
    code, stdout, stderr = run("retrieve", photo_path, "--json", "--k", 3, "--alpha", 0.25)
    report = _the_json(stdout)
    assert (code, stderr) == (0, "")
    assert set(report) == _GUIDE_KEYS | _READ_KEYS and set(report["timings_ms"]) == _RETRIEVE_TIMINGS
    assert (report["k"], report["alpha"], report["checkpoint"]) == (3, 0.25, tiny_model.checkpoint)
    assert report["bank_version"] == tiny_model.bank.version
    wanted = tiny_model.retrieve(photo_path, k=3, alpha=0.25).summary()
    assert report["candidates"] == wanted["candidates"] and report["consensus"] == wanted["consensus"]
    assert all(set(c) == {"id", "similarity", "weight", "iou"} for c in report["candidates"])


def test_retrieve_for_people(run, photo_path, tiny_model) -> None:
    code, stdout, _ = run("retrieve", photo_path)
    guide = tiny_model.retrieve(photo_path)
    assert code == 0 and len(stdout.splitlines()) == guide.k + 3
    marked = [line for line in stdout.splitlines() if "landmark" in line]
    assert len(marked) == 1 and str(guide.candidates[guide.consensus].id) in marked[0]


def test_attributes_as_words_or_as_a_file(run, photo_path, tmp_path) -> None:
    file = tmp_path / "attributes.json"
    file.write_text('{"collar": "Polo", "fit": "loose"}')
    plain, words, filed = (
        _the_json(run("retrieve", photo_path, "--json", *more)[1])["candidates"]
        for more in ([], ["--attributes", "collar=polo", "fit=Loose"], ["--attributes", file])
    )
    assert words == filed != plain


def test_a_bank_of_ones_own(run, photo_path, tiny_checkpoint, tmp_path) -> None:
    bank = tmp_path / "mine.sqlite3"
    shutil.copy(tiny_checkpoint / "bank.sqlite3", bank)
    with Bank.open(bank) as opened:
        opened.delete([entry.id for entry in opened.entries()][5:])
    report = _the_json(run("retrieve", photo_path, "--json", "--k", 5, "--bank", bank)[1])
    assert {c["id"] for c in report["candidates"]} == {1, 2, 3, 4, 5}
    code, _, stderr = run("retrieve", photo_path, "--k", 6, "--bank", bank)
    assert code == 2 and "the bank holds 5 enabled entries, K=6 asked: lower K to at most 5" in stderr


# ---- generate


def test_generate_json_and_files(run, photo_path, out, tiny_model) -> None:
    code, stdout, stderr = run(
        "generate", photo_path, "--out", out, "--json", "--steps", 4, "--seed", 9, "--size", "model"
    )
    report = _the_json(stdout)
    assert code == 0 and "2/2" in stderr, "a bar of the steps that are run: 4 at strength 0.5"
    own = {"landmark_source", "measures", "image", "landmark", "size", "seed", "steps", "peak_rss_mb", "seen"}
    assert set(report) == _GUIDE_KEYS | own and (report["landmark_source"], report["measures"]) == ("consensus", None)
    assert set(report["timings_ms"]) == _RETRIEVE_TIMINGS | {"reference", "denoise", "decode", "total"}
    assert (report["seed"], report["steps"]) == (9, 4) and 50 < report["peak_rss_mb"] < 100_000
    assert report["image"] == str(out) and report["landmark"] == str(out.with_name("flat.landmark.png"))
    assert sorted(p.name for p in out.parent.iterdir()) == ["flat.landmark.png", "flat.png"]
    wanted = tiny_model.generate(photo_path, seed=9, steps=4)
    np.testing.assert_array_equal(_pixels(out), np.asarray(wanted.image))
    np.testing.assert_allclose(_pixels(Path(report["landmark"])) / 255, wanted.landmark, atol=0.5001 / 255)


def test_the_size_is_cut_to_the_photos_own_with_a_notice(run, photo_path, out) -> None:
    code, stdout, stderr = run("generate", photo_path, "--out", out, "--json", "--steps", 2, "--size", 1024)
    assert code == 0 and "note: --size 1024 is cut to 96, the most for a photo of 96x96" in stderr
    assert _the_json(stdout)["size"] == 96 and _pixels(out).shape == (96, 96, 3)
    code, _, stderr = run("generate", photo_path, "--out", out, "--size", 10)
    assert code == 2 and "size is 10, a whole number from 64 to 96 wanted" in stderr


def test_generate_for_people_names_both_files(run, photo_path, out) -> None:
    code, stdout, _ = run("generate", photo_path, "--out", out, "--steps", 2)
    assert code == 0 and str(out) in stdout and "flat.landmark.png" in stdout and "seed 0, 2 steps" in stdout


def test_the_picked_candidate_is_the_landmark(run, photo_path, out, tiny_model) -> None:
    guide = tiny_model.retrieve(photo_path)
    index = (guide.consensus + 1) % guide.k
    code, stdout, _ = run(
        "generate", photo_path, "--out", out, "--json", "--steps", 2, "--candidate", index, "--size", "model"
    )
    landmark = _pixels(Path(_the_json(stdout)["landmark"])) / 255
    assert code == 0
    np.testing.assert_allclose(landmark, guide.candidates[index].silhouette, atol=0.5 / 255)
    assert not np.allclose(landmark, guide.landmark, atol=0.1)


def test_the_drafted_shape_is_obeyed_with_measures_moved(run, photo_path, out, tiny_model, monkeypatch) -> None:
    known = PatternSpec("t_shirt", defaults("t_shirt"))
    monkeypatch.setattr(type(tiny_model.bank), "patterns", lambda bank, ids: dict.fromkeys(ids, known))
    call = ("generate", photo_path, "--out", out, "--json", "--steps", 2, "--size", "model", "--drafted")
    predicted = _the_json(run(*call)[1])
    assert predicted["landmark_source"] == "drafted"
    code, stdout, _ = run(*call, "body_length=88")
    report = _the_json(stdout)
    assert code == 0 and report["measures"] == {**predicted["measures"], "body_length": 88}
    np.testing.assert_allclose(
        _pixels(Path(report["landmark"])), draft("t_shirt", report["measures"]).rasterise(64), atol=1
    )
    for word, message in (("body_length", "is no measure"), ("wings=2", "t_shirt has no measure 'wings'")):
        assert message in run(*call, word)[2]


def test_a_landmark_of_ones_own_is_obeyed(run, photo_path, out, tmp_path, make_mask) -> None:
    mask = tmp_path / "mask.png"
    mask.write_bytes(make_mask(11))
    code, stdout, _ = run(
        "generate", photo_path, "--out", out, "--json", "--steps", 2, "--landmark", mask, "--size", "model"
    )
    landmark = _pixels(Path(_the_json(stdout)["landmark"]))
    assert code == 0 and (_pixels(out)[landmark == 0] == 255).all()
    with Image.open(mask) as drawn:
        np.testing.assert_allclose(landmark, np.asarray(drawn.resize((64, 64), Image.Resampling.BOX)), atol=1)


def test_a_second_run_replaces_the_first(run, photo_path, out) -> None:
    pictures = []
    for seed in (1, 2, 1):
        assert run("generate", photo_path, "--out", out, "--steps", 2, "--seed", seed)[0] == 0
        pictures.append(_pixels(out))
    assert (pictures[0] != pictures[1]).any() and (pictures[0] == pictures[2]).all()


@pytest.mark.parametrize(
    ("option", "value"), [("--guidance", 4.0), ("--strength", 1.0), ("--steps", 7), ("--alpha", 1.0)]
)
def test_every_setting_reaches_the_picture(run, photo_path, out, option: str, value: float) -> None:
    assert run("generate", photo_path, "--out", out, "--steps", 3, "--candidate", 0)[0] == 0
    plain = _pixels(out)
    assert run("generate", photo_path, "--out", out, "--steps", 3, "--candidate", 0, option, value)[0] == 0
    assert (_pixels(out) != plain).any()


# ---- refusals: exit code 2, one line, nothing written


def _bytes(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind)
    return buffer.getvalue()


def _bomb() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


_GREY = Image.new("RGB", (64, 64), "grey")
_BAD_PHOTOS = {
    "text": (b"not a picture at all", "photo.jpg is not a picture that can be read: give a JPEG"),
    "empty": (b"", "photo.jpg is empty"),
    "truncated": (
        _bytes(Image.effect_noise((256, 256), 90).convert("RGB"), "JPEG")[:3000],
        "photo.jpg is damaged or cut short",
    ),
    "tiny": (_bytes(Image.new("RGB", (1, 1)), "PNG"), "photo.jpg is 1 x 1, too small"),
    "bomb": (_bomb(), "photo.jpg is too large"),
    "missing": (None, "photo.jpg was not found"),
}


def _refused(result: tuple[int, str, str], message: str, out: Path) -> None:
    code, stdout, stderr = result
    assert (code, stdout) == (2, "")
    assert stderr.startswith("ragdiffusion: error: ") and stderr.count("\n") == 1, stderr
    assert message in stderr
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize("kind", _BAD_PHOTOS)
def test_bad_photos(run, tmp_path, out, kind: str) -> None:
    data, message = _BAD_PHOTOS[kind]
    photo = tmp_path / "photo.jpg"
    if data is not None:
        photo.write_bytes(data)
    _refused(run("generate", photo, "--out", out, "--json"), message, out)
    code, stdout, stderr = run("retrieve", photo, "--json")
    assert (code, stdout) == (2, "") and message in stderr


_GOOD_PHOTOS = {
    "cmyk.jpg": lambda photo: _bytes(photo.convert("CMYK"), "JPEG"),
    "sixteen.png": lambda photo: _bytes(Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 257), "PNG"),
    "palette.png": lambda photo: _bytes(photo.quantize(32), "PNG"),
    "moving.gif": lambda photo: _bytes(photo.quantize(64), "GIF"),
    "alpha.webp": lambda photo: _bytes(Image.merge("RGBA", (*photo.split(), photo.getchannel(1))), "WEBP"),
}


@pytest.mark.parametrize("name", _GOOD_PHOTOS)
def test_odd_photos_that_work(run, tmp_path, make_photo, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(_GOOD_PHOTOS[name](make_photo(2)))
    code, stdout, _ = run("retrieve", path, "--json")
    assert code == 0 and _the_json(stdout)["k"] == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--k 0", "K must be a whole number of at least 1, got 0"),
        ("--k -2", "K must be a whole number of at least 1, got -2"),
        ("--k 31", "the bank holds 30 enabled entries, K=31 asked: lower K to at most 30"),
        ("--k four", "argument --k: invalid int value: 'four'; see `ragdiffusion generate --help`"),
        ("--alpha 1.5", "alpha"),
        ("--alpha -0.1", "alpha"),
        ("--alpha nan", "alpha"),
        ("--attributes collar=Square-ish", "collar cannot be 'Square-ish': choose from"),
        ("--attributes colour=Red", "there is no attribute 'colour': choose from"),
        ("--attributes nowhere.json", "'nowhere.json' is neither an assignment such as collar=Polo nor a readable"),
        ("--candidate 4", "candidate must be a whole number from 0 to 3 (K=4), got 4"),
        ("--candidate -1", "got -1"),
        ("--landmark nowhere.png", "nowhere.png was not found"),
        ("--steps 0", "steps is 0, 1 to 1000 wanted"),
        ("--steps -5", "steps is -5"),
        ("--seed -1", "seed is -1"),
        ("--guidance nan", "guidance is nan"),
        ("--strength 0", "strength is 0.0"),
        ("--strength nan", "strength is nan"),
        ("--preset huge", "unknown preset 'huge': choose one of studio, sdxl"),
        ("--preset sdxl", "pass --preset studio"),
        ("--bank nowhere.sqlite3", "there is no bank"),
        ("--candidate 1 --landmark mask.png", "not allowed with argument"),
        ("--drafted", "no shape was drafted for this photo"),
        ("--color red", "unrecognized arguments: --color red"),
    ],
)
def test_bad_arguments(run, photo_path, out, words: str, message: str) -> None:
    _refused(run("generate", photo_path, "--out", out, "--json", *words.split()), message, out)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("empty", "mask.png marks 0.0% of the picture as garment"),
        ("full", "mask.png marks 100.0% of the picture as garment"),
        ("oblong", "mask.png is 128x96: a landmark must be square and at least 64x64"),
        ("small", "mask.png is 40x40: a landmark must be square and at least 64x64"),
        ("text", "mask.png is not a picture"),
    ],
)
def test_bad_landmarks(run, photo_path, tmp_path, out, make_mask, name: str, message: str) -> None:
    masks = {
        "empty": _bytes(Image.new("L", (128, 128)), "PNG"),
        "full": _bytes(Image.new("L", (128, 128), 255), "PNG"),
        "oblong": make_mask(0, 128, 96),
        "small": make_mask(0, 40, 40),
        "text": b"no picture",
    }
    mask = tmp_path / "mask.png"
    mask.write_bytes(masks[name])
    _refused(run("generate", photo_path, "--out", out, "--landmark", mask), message, out)


def test_bad_outputs(run, photo_path, out, tmp_path) -> None:
    before = photo_path.read_bytes()
    for target, message in (
        (out.parent / "none" / "flat.png", f"there is no folder {out.parent / 'none'}, make it first"),
        (out.parent / "flat.jpg", "pictures are written as PNG, name it flat.png"),
        (out.parent, "name it out.png"),
        (photo_path, "would be overwritten: choose another --out"),
    ):
        _refused(run("generate", photo_path, "--out", target), message, out)
    (tmp_path / "folder.png").mkdir()
    _refused(run("generate", photo_path, "--out", tmp_path / "folder.png"), "is a folder", out)
    landmark = tmp_path / "shirt2.landmark.png"
    shutil.copy(photo_path, landmark)
    words = ["generate", photo_path, "--out", tmp_path / "shirt2.png", "--landmark", landmark]
    _refused(run(*words), "shirt2.landmark.png is read by this run and would be overwritten", out)
    assert photo_path.read_bytes() == before == landmark.read_bytes()


def test_foreign_checkpoints(run, photo_path, out, tmp_path, tiny_checkpoint) -> None:
    words = ["generate", photo_path, "--out", out]
    _refused(run(*words, checkpoint=tmp_path / "none"), "not found: give a folder in diffusers layout", out)
    _refused(run(*words, checkpoint=out.parent), "no checkpoint here (model_index.json is missing)", out)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "model_index.json").write_text('{"_class_name": "StableDiffusionXLPipeline"}')
    _refused(run(*words, checkpoint=foreign), "a checkpoint of StableDiffusionXLPipeline", out)
    (foreign / "model_index.json").write_text("[]")
    _refused(run(*words, checkpoint=foreign), "incomplete or damaged", out)


@pytest.mark.parametrize("part", ["unet", "structure_net", "text_encoder"])
def test_damaged_checkpoints(run, photo_path, out, tmp_path, tiny_checkpoint, part: str) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(tiny_checkpoint, broken)
    (weights,) = (broken / part).glob("*.safetensors")
    words = ["generate", photo_path, "--out", out]
    weights.write_bytes(weights.read_bytes()[:1000])
    _refused(run(*words, checkpoint=broken), "incomplete or damaged", out)
    weights.unlink()
    _refused(run(*words, checkpoint=broken), "incomplete or damaged", out)


class _Harm:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_pickled_weights_are_never_opened(run, photo_path, out, tmp_path, tiny_checkpoint) -> None:
    broken, mark = tmp_path / "broken", tmp_path / "harmed"
    shutil.copytree(tiny_checkpoint, broken)
    (broken / "structure_net" / "diffusion_pytorch_model.safetensors").unlink()
    torch.save({"weight": _Harm(mark)}, broken / "structure_net" / "diffusion_pytorch_model.bin")
    _refused(
        run("generate", photo_path, "--out", out, checkpoint=broken),
        "no file named diffusion_pytorch_model.safetensors",
        out,
    )
    assert not mark.exists()


def test_a_bank_of_another_encoder(run, photo_path, out, other_checkpoint) -> None:
    words = ["generate", photo_path, "--out", out, "--bank", other_checkpoint / "bank.sqlite3"]
    _refused(run(*words), "encode the bank again with this one", out)


def test_no_bundled_weights(photo_path, out, capfd) -> None:
    _refused(
        (cli.main(["generate", str(photo_path), "--out", str(out), "--preset", "sdxl"]), *capfd.readouterr()),
        "no weights are bundled for the preset 'sdxl'",
        out,
    )


# ---- errors of our own, help, and the process


def test_other_errors_are_short_unless_asked_for(run, photo_path, tmp_path, tiny_checkpoint) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(tiny_checkpoint, broken)
    bank = broken / "bank.sqlite3"
    bank.write_bytes(bank.read_bytes()[:9000])
    code, stdout, stderr = run("retrieve", photo_path, checkpoint=broken)
    assert (code, stdout, stderr.count("\n")) == (1, "", 1)
    assert stderr.startswith("ragdiffusion: error: ") and "the file is damaged" in stderr and "--debug" in stderr
    code, _, stderr = run("retrieve", photo_path, "--debug", checkpoint=broken)
    assert code == 1 and "Traceback" in stderr and stderr.splitlines()[-1].startswith("ragdiffusion: error: ")


@pytest.mark.parametrize(
    "words",
    [
        ("bank", "--debug", "build"),
        ("bank", "build", "--debug"),
        ("evaluate", "retrieval", "--debug"),
        ("data", "stats", "--debug"),
    ],
)
def test_debug_may_stand_behind_an_action(words, capsys, tmp_path) -> None:
    given = {
        "bank": [str(tmp_path / "no" / "b.sqlite3"), "--checkpoint", str(tmp_path)],
        "evaluate": ["--limit", "0", "--checkpoint", str(tmp_path)],
        "data": [str(tmp_path / "none")],
    }[words[0]]
    assert cli.main([*words, *given]) == 2
    stderr = capsys.readouterr().err
    assert "Traceback" in stderr and stderr.splitlines()[-1].startswith("ragdiffusion: error: ")


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_of_every_command(name: str, capsys) -> None:
    with pytest.raises(SystemExit, match="^0$"):
        cli.main([name, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert text.startswith(f"usage: ragdiffusion {name}") and "--debug" in text


def test_help_lists_the_commands_and_unknown_ones_are_refused(capsys) -> None:
    with pytest.raises(SystemExit, match="^0$"):
        cli.main(["--help"])
    text = capsys.readouterr().out
    assert all(name in text for name in cli.COMMANDS)
    assert cli.main(["paint"]) == 2 and "invalid choice: 'paint'" in capsys.readouterr().err
    assert cli.main([]) == 2 and "required: COMMAND" in capsys.readouterr().err


def _start(*words: object) -> subprocess.Popen:
    call = [sys.executable, "-m", "ragdiffusion", *map(str, words)]
    return subprocess.Popen(
        call,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        # A run in the background hands an ignored SIGINT on to its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def test_help_loads_no_library() -> None:
    code = """import sys
from ragdiffusion.cli import main
try:
    main(["generate", "--help"])
except SystemExit:
    print("torch" in sys.modules or "numpy" in sys.modules, file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(_ROOT)}
    )
    assert done.stderr.strip() == "False" and "--landmark" in done.stdout


def test_a_real_process_keeps_stdout_for_the_json(photo_path, out, tiny_checkpoint) -> None:
    words = ["generate", photo_path, "--out", out, "--checkpoint", tiny_checkpoint, "--steps", 2, "--json"]
    with _start(*words) as process:
        stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0 and _the_json(stdout)["steps"] == 2 and out.is_file()
    lines = [line for line in stderr.replace("\r", "\n").split("\n") if line.strip()]
    told = "note: 100% of it is not seen in the photo, and completed from its own cloth"  # an untrained flow sees none
    assert all(line.startswith("generate:") or line == told for line in lines) and lines.count(told) == 1, stderr


@pytest.mark.skipif(os.name == "nt", reason="SIGINT is sent in another way there")
def test_ctrl_c_ends_it_with_130_and_writes_nothing(photo_path, out, tiny_checkpoint) -> None:
    words = ["generate", photo_path, "--out", out, "--checkpoint", tiny_checkpoint]
    with _start(*words, "--steps", 1000, "--strength", 1) as process:
        seen = ""
        deadline = time.monotonic() + 300
        while "step" not in seen and time.monotonic() < deadline:
            seen += process.stderr.read(1)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 130 and stdout == ""
    assert stderr.splitlines()[-1] == "ragdiffusion: stopped" and "Traceback" not in stderr
    assert list(out.parent.iterdir()) == []


# ---- benchmark


def test_benchmark_measures_what_it_says(run, monkeypatch) -> None:
    monkeypatch.delenv("RAGDIFFUSION_GARMENTS", raising=False)
    code, stdout, _ = run("benchmark", "--limit", 2, "--landmark", "truth", "--json")
    report = _the_json(stdout)
    assert code == 0 and report["bank_entries"] == 30
    speed, faith = report["speed"], report["faithfulness"]
    assert 0 < speed["retune_ms"] < speed["retrieve_ms"] < speed["generate_s"] * 1e3 < speed["cold_start_s"] * 1e3
    assert 50 < speed["peak_rss_mb"] < 100_000
    assert faith["photos"] == "drawn" and faith["count"] == len(faith["each"]) == 2
    assert 0.8 < faith["iou_min"] <= faith["iou_mean"] <= 1, "what is outside the landmark is white by construction"
    assert faith["delta_e_mean_colour"] > 0 and faith["delta_e_pixelwise"] > 0


def test_benchmark_refuses(run, tmp_path) -> None:
    code, stdout, stderr = run("benchmark", "--photos", tmp_path)
    assert (code, stdout) == (2, "") and "no val.csv here" in stderr
    code, stdout, stderr = run("benchmark", "--limit", 0)
    assert (code, stdout) == (2, "") and "--limit is 0, 1 or more wanted" in stderr
