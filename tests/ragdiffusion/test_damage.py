"""Damaged files of every kind that we write: a message in one line with the remedy, never a library's error."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ragdiffusion import cli
from ragdiffusion.config import SamplingDefaults
from ragdiffusion.files import read_object
from ragdiffusion.garments.datasets.folder import read_index
from ragdiffusion.garments.datasets.pack import Pack
from ragdiffusion.garments.datasets.records import Record
from ragdiffusion.training.shards import read_shards

HUGE = 10**30


def said(work: Callable[[], object]) -> str:
    with pytest.raises(ValueError) as caught:
        work()
    assert type(caught.value) is ValueError and "\n" not in str(caught.value)
    return str(caught.value)


# ---- JSON


@pytest.mark.parametrize("content", ["", "{", "[]", "3", '"x"', '{"a": 1}}', "\ud800x", "[" * 100_000])
def test_json_that_is_no_object(tmp_path: Path, content: str) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    assert "settings.json" in (message := said(lambda: read_object(path, "do it again"))) and "do it again" in message


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"k": HUGE}, "k is 1000000000000000000000000000000000000"[:12]),
        ({"steps": HUGE}, "steps is 1000"),
        ({"guidance": float("nan")}, "guidance is nan"),
        ({"guidance": float("inf")}, "guidance is inf"),
        ({"alpha": "0.5"}, "alpha is 0.5, 0 to 1 wanted"),
        ({"strength": 0}, "strength is 0"),
        ({"k": 2.5}, "k is 2.5"),
        ({"steps": True}, "steps is True"),
        ({"depth": 3}, "'depth' is not known"),
    ],
)
def test_settings_of_a_checkpoint_are_held_to_what_can_be(settings: dict, problem: str) -> None:
    assert problem in said(lambda: SamplingDefaults.checked(settings))
    assert SamplingDefaults.checked({"k": 6}) == SamplingDefaults(k=6)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sampling", {"steps": HUGE}),
        ("sampling", 7),
        ("image_size", HUGE),
        ("image_size", "large"),
        ("latent_packing", HUGE),
        ("preset_name", HUGE),
        ("unet", 3),
        ("scheduler", ["diffusers", HUGE]),
    ],
)
def test_a_checkpoints_index_with_impossible_numbers(
    tiny_checkpoint: Path, tmp_path: Path, key: str, value: object, capfd: pytest.CaptureFixture[str], photo_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(tiny_checkpoint, broken)
    index = json.loads((broken / "model_index.json").read_text())
    (broken / "model_index.json").write_text(json.dumps({**index, key: value}))
    assert cli.main(["retrieve", str(photo_path), "--checkpoint", str(broken), "--device", "cpu"]) == 2
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("ragdiffusion:")]
    assert line.startswith("ragdiffusion: error: ") and len(line) < 700


def test_settings_of_a_run_out_of_all_bounds(tiny_model, make_photo) -> None:
    photo = make_photo(1)
    for settings in ({"steps": HUGE}, {"seed": HUGE}, {"guidance": HUGE}, {"strength": HUGE}, {"size": HUGE}):
        assert next(iter(settings)) in said(lambda settings=settings: tiny_model.generate(photo, **settings))
    assert "K=" in said(lambda: tiny_model.retrieve(photo, k=HUGE))
    assert "alpha" in said(lambda: tiny_model.retrieve(photo, alpha=HUGE))
    assert "collar cannot be" in said(lambda: tiny_model.retrieve(photo, attributes={"collar": HUGE}))


# ---- packs, datasets, shards


@pytest.mark.parametrize(
    "manifest",
    [
        {},
        {"pairs": 1},
        {"pairs": 1, "shards": 5},
        {"pairs": 1, "shards": [{}]},
        {"pairs": "x", "shards": []},
        {"pairs": 1, "shards": [{"file": "../outside.tar", "sha256": ""}]},
        {"pairs": 1, "shards": [{"file": 3}]},
        {"pairs": HUGE, "shards": []},
    ],
)
def test_manifests_of_packs(tmp_path: Path, manifest: dict) -> None:
    from ragdiffusion.garments.datasets import pack

    whole = {"format": pack._FORMAT, "schema": pack._SCHEMA}
    (tmp_path / pack.MANIFEST).write_text(json.dumps(whole | manifest))
    assert pack.MANIFEST in said(lambda: Pack(tmp_path))


@pytest.mark.parametrize("content", [b"", b"no tar at all" * 100, b"\0" * 700])
def test_shards_of_packs_whose_hash_is_right(tmp_path: Path, content: bytes) -> None:
    import hashlib

    from ragdiffusion.garments.datasets import pack

    (tmp_path / "shard-0.tar").write_bytes(content)
    shard = {"file": "shard-0.tar", "sha256": hashlib.sha256(content).hexdigest()}
    manifest = {"format": pack._FORMAT, "schema": pack._SCHEMA, "pairs": 1, "shards": [shard]}
    (tmp_path / pack.MANIFEST).write_text(json.dumps(manifest))
    assert str(tmp_path) in said(lambda: Pack(tmp_path))


@pytest.mark.parametrize(
    "line",
    [
        "3",
        "[]",
        "null",
        '{"name": 3}',
        '{"name": "a", "split": "t", "category": "c", "photo": 5}',
        '{"name": "a", "split": "t", "category": "c", "photo": "p", "attributes": [1]}',
        '{"name": "a", "split": "t", "category": "c", "photo": "p", "mask_labels": 5}',
        "[" * 100_000,
    ],
)
def test_lines_of_an_index(tmp_path: Path, line: str) -> None:
    assert said(lambda: Record.from_json(line, "index.jsonl, line 1")).startswith("index.jsonl, line 1: ")
    (tmp_path / "dataset.json").write_text("[]")
    assert "dataset.json" in said(lambda: read_index(tmp_path))


@pytest.mark.parametrize("manifest", ["[]", "{}", '{"shards": [{}], "trainings": []}', '{"shards": 3, "trainings": 3}'])
def test_manifests_of_trainings(tmp_path: Path, manifest: str) -> None:
    (tmp_path / "shards.json").write_text(manifest)
    assert "give the folder that a training left" in said(lambda: read_shards(tmp_path, tmp_path / "out"))


# ---- checkpoints


def test_a_checkpoint_is_not_assembled_from_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    for words, message in (
        (["--parts", str(tmp_path / "empty")], "no trained part here"),
        (["--parts", str(tmp_path / "none")], "no such folder"),
        ([], "the following arguments are required: --parts"),
    ):
        assert cli.main(["checkpoint", "assemble", str(tmp_path / "out"), *words]) == 2
        assert message in capfd.readouterr().err and not (tmp_path / "out").exists()


def test_a_damaged_part_is_not_assembled(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    part = tmp_path / "run" / "text_encoder"
    part.mkdir(parents=True)
    (part / "config.json").write_text('{"hidden_size": 64}')
    (part / "model.safetensors").write_bytes(b"cut")
    assert cli.main(["checkpoint", "assemble", str(tmp_path / "out"), "--parts", str(tmp_path / "run")]) == 2
    assert "text_encoder: the part is damaged, or of another preset" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()
