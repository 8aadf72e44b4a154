"""`checkpoint update`: trained parts in the place of others, the rest to the byte."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file

from ragdiffusion.cli import main
from ragdiffusion.draft.relighting import RelightNet, load_relighting


def test_parts_are_replaced_and_the_rest_stays(tiny_checkpoint, other_checkpoint, tmp_path, capsys):
    shutil.copytree(other_checkpoint / "unet", tmp_path / "training" / "unet")
    out = tmp_path / "out"
    words = ["checkpoint", "update", str(tiny_checkpoint), str(out), "--parts", str(tmp_path / "training")]
    assert main(words) == 0
    weights = "diffusion_pytorch_model.safetensors"
    assert (out / "unet" / weights).read_bytes() == (other_checkpoint / "unet" / weights).read_bytes()
    for name in ("reference_net", "structure_net", "landmark_guider"):
        assert (out / name / weights).read_bytes() == (tiny_checkpoint / name / weights).read_bytes()
    assert (out / "bank.sqlite3").is_file()
    from ragdiffusion import RAGDiffusion

    RAGDiffusion.from_pretrained(out, device="cpu").bank.close()
    assert main(words) == 2
    assert "there is something already" in capsys.readouterr().err


def test_another_encoder_leaves_the_bank_behind(tiny_checkpoint, other_checkpoint, tmp_path, capsys):
    shutil.copytree(other_checkpoint / "structure_net", tmp_path / "training" / "structure_net")
    assert (
        main(
            ["checkpoint", "update", str(tiny_checkpoint), str(tmp_path / "out"), "--parts", str(tmp_path / "training")]
        )
        == 0
    )
    assert not (tmp_path / "out" / "bank.sqlite3").exists()
    assert "make a bank for it" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("parts", "message"),
    [("nothing", "no such folder"), ("empty", "holds no component"), ("foreign", "it was trained for another one")],
)
def test_what_does_not_fit_is_refused(tiny_checkpoint, tmp_path, capsys, parts, message):
    (tmp_path / "empty").mkdir()
    shutil.copytree(tiny_checkpoint / "ep_adapter", tmp_path / "foreign" / "ep_adapter")
    config = tmp_path / "foreign" / "ep_adapter" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "tokens": 99}))
    assert (
        main(["checkpoint", "update", str(tiny_checkpoint), str(tmp_path / "out"), "--parts", str(tmp_path / parts)])
        == 2
    )
    assert message in capsys.readouterr().err and not (tmp_path / "out").exists()
    assert (
        main(
            ["checkpoint", "update", str(tmp_path / "empty"), str(tmp_path / "out"), "--parts", str(tmp_path / "empty")]
        )
        == 2
    )


def test_parts_beside_the_pipeline_are_taken_too(tiny_checkpoint, tmp_path, capsys):
    RelightNet(64, (8, 16, 16)).save_pretrained(tmp_path / "training" / "relight_net")
    out = tmp_path / "out"
    assert main(["checkpoint", "update", str(tiny_checkpoint), str(out), "--parts", str(tmp_path / "training")]) == 0
    before, after = (sorted((folder / "relight_net").iterdir()) for folder in (tmp_path / "training", out))
    assert [path.read_bytes() for path in before] == [path.read_bytes() for path in after]
    RelightNet(64, (8, 16, 32)).save_pretrained(tmp_path / "other" / "relight_net")
    words = ["checkpoint", "update", str(out), str(tmp_path / "again"), "--parts", str(tmp_path / "other")]
    assert main(words) == 2
    assert "it was trained for another one" in capsys.readouterr().err
    assert not (tmp_path / "again").exists()


def test_parts_beside_the_pipeline_are_assembled_in_half(tmp_path):
    RelightNet(64, (8, 16, 16)).save_pretrained(tmp_path / "training" / "relight_net")
    words = ["--parts", str(tmp_path / "training"), "--half"]
    assert main(["checkpoint", "assemble", str(tmp_path / "out"), *words]) == 0
    weights = load_file(tmp_path / "out" / "relight_net" / "diffusion_pytorch_model.safetensors")
    kept = {torch.float16 if value.ndim == 1 else torch.float8_e4m3fn for value in weights.values()}
    assert {value.dtype for value in weights.values()} == kept and len(kept) == 2
    assert load_relighting(tmp_path / "out") is not None
