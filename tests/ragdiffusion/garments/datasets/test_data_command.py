"""`data` from the command line: import, preview, stats, pack and unpack, and what they refuse."""

from __future__ import annotations

import json

from PIL import Image

from ragdiffusion import cli


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
