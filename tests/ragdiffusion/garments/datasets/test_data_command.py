"""`data` from the command line: import, preview, stats, pack and unpack, and what they refuse."""

from __future__ import annotations

import json

import numpy as np
from PIL import Image

from ragdiffusion import cli
from ragdiffusion.attributes import caption, decode_all
from ragdiffusion.garments.datasets import garments_of, open_dataset
from ragdiffusion.garments.real import RealPairs
from ragdiffusion.training.denoiser import denoiser_batch
from tests.ragdiffusion.published_qwen import publish_qwen


def _run(capfd, *words) -> tuple[int, str, str]:
    capfd.readouterr()
    code = cli.main(["data", *map(str, words)])
    return code, *capfd.readouterr()


def test_from_import_to_pack_and_back(shop, tmp_path, capfd):
    root = shop.viton(tmp_path / "VITON HD", {"00000_00": 0, "00001_00": 1}, {"00002_00": 2})
    code, out, _ = _run(capfd, "import", "viton-hd", root, tmp_path / "set", "--size", 128, "--json")
    assert code == 0 and json.loads(out)["pairs"] == {"train": 2, "test": 1}
    assert json.loads((tmp_path / "set" / "report.json").read_text()) == json.loads(out)
    code, out, _ = _run(capfd, "stats", tmp_path / "set", "--json")
    assert code == 0 and json.loads(out)["splits"] == {"train": 2, "test": 1}
    code, out, _ = _run(capfd, "stats", tmp_path / "set", "--split", "test")
    assert code == 0 and out.startswith("1 pairs, 1 with") and "split: test 1" in out
    code, out, _ = _run(capfd, "preview", tmp_path / "set", tmp_path / "sheet.png", "--columns", 2, "--cell", 64)
    assert code == 0 and out.startswith(f"{tmp_path / 'sheet.png'}: 3 of 3 samples")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (402, 176)
    code, out, _ = _run(capfd, "pack", tmp_path / "set", tmp_path / "pack")
    assert code == 0 and "2 pairs in 1 shards" in out
    code, out, _ = _run(capfd, "unpack", tmp_path / "pack", tmp_path / "again")
    assert code == 0 and out.endswith("again: 2 pairs\n")


def test_what_it_refuses_it_says_in_one_line(tmp_path, capfd):
    for words, message in (
        (("stats", tmp_path), "holds no dataset that is known"),
        (("stats", tmp_path / "none"), "was not found"),
        (("import", "viton-hd", tmp_path, tmp_path / "out"), "not laid out like VITON-HD"),
        (("pack", tmp_path, tmp_path / "out", "--size", 8), "--size is 8: 64 pixels at least"),
        (("preview", "synthetic", tmp_path / "a.jpg"), "pictures are written as PNG"),
        (("preview", "synthetic", tmp_path / "a.png", "--count", 0), "a sheet of 0 samples"),
        (("unpack", tmp_path, tmp_path / "out"), "is no whole pack"),
    ):
        code, out, error = _run(capfd, *words)
        assert code == 2 and out == "" and error.count("\n") == 1 and message in error, error


def test_a_model_reads_the_attributes_and_captions_are_made_of_them(shop, tmp_path, capfd):
    """Qwen2-VL's real classes; this one sees a polo collar in everything."""
    root, reader = tmp_path / "set", f"qwen:{publish_qwen(tmp_path / 'QWEN', scripted=True)}"
    viton = shop.viton(tmp_path / "VITON", {f"{n:05d}_00": n for n in range(3)}, {})
    assert _run(capfd, "import", "viton-hd", viton, root, "--size", 128)[0] == 0
    words = ("attributes", root, "--reader", reader, "--batch-size", 2, "--json")
    code, out, _ = _run(capfd, *words, "--limit", 2)
    assert code == 0 and json.loads(out).items() >= {"read": 2, "kept": 0, "failed": 0, "photos": 2}.items()
    code, out, _ = _run(capfd, *words)  # goes on
    assert code == 0 and json.loads(out).items() >= {"read": 3, "kept": 2, "photos": 1, "attributes": 1.0}.items()
    code, out, _ = _run(capfd, "stats", root, "--json")
    assert json.loads(out)["attributes"] == {"collar": {"Polo": 3}}
    assert open_dataset(root, 64)[0].caption == "a flat-lay photo of a garment with a polo collar"
    # What a trainer's text encoders read is made of the labels of its pairs.
    (garment,) = garments_of(root, 64, limit=1)
    pair = RealPairs([garment], other_silhouette=0, warped_target=0).sample(np.random.default_rng(0))
    labels = denoiser_batch(lambda _: pair, 32, np.random.default_rng(0), 1)["labels"][0]
    assert caption(decode_all(labels.tolist())) == "a flat-lay photo of a garment with a polo collar"
    code, out, _ = _run(capfd, "attributes", root, "--reader", reader, "--time", 1, 2)
    assert code == 0 and out.startswith("| photos at a time | s a photo, mean of 3 |") and out.count("\n") == 4
    code, out, _ = _run(capfd, "pack", root, tmp_path / "pack")
    assert code == 0 and open_dataset(tmp_path / "pack", 64)[0].attributes == {"collar": "Polo"}


def test_a_photo_that_cannot_be_read_is_named_and_the_rest_is_kept(shop, tmp_path, capfd):
    root, reader = tmp_path / "set", f"qwen:{publish_qwen(tmp_path / 'QWEN')}"  # which babbles
    viton = shop.viton(tmp_path / "VITON", {"00000_00": 0}, {})
    assert _run(capfd, "import", "viton-hd", viton, root, "--size", 128)[0] == 0
    before = (root / "index.jsonl").read_bytes()
    code, out, _ = _run(capfd, "attributes", root, "--reader", reader)
    assert code == 0 and "0 photos read" in out and "no usable answer in two attempts" in out
    assert (root / "index.jsonl").read_bytes() == before
    for words, message in (
        (("attributes", viton, "--reader", reader), "is no whole dataset"),
        (("attributes", root, "--reader", "qwen"), "there is no reader 'qwen'"),
        (("attributes", root, "--reader", f"qwen:{tmp_path}"), "can't be loaded as Qwen2-VL"),
        (("attributes", root, "--reader", reader, "--batch-size", 0), "--batch-size is 0, 1 or more wanted"),
        (("attributes", root, "--reader", reader, "--time", 0), "--time is 0, 1 or more wanted"),
    ):
        code, out, error = _run(capfd, *words)
        assert code == 2 and out == "" and error.count("\n") == 1 and message in error, error
