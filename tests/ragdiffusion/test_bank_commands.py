"""`bank list|show|export|import|snapshot|compare|restore|undo|redo|check`, from a workspace's banks."""

from __future__ import annotations

import json

import pytest
import torch

from ragdiffusion import cli
from ragdiffusion.bank import Bank, NewEntry
from ragdiffusion.images import encode_silhouette


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "banks").mkdir()
    with Bank.create(tmp_path / "banks" / "mine.sqlite3", fingerprint="encoder-a", dimension=4) as bank:
        for number in range(3):
            mask = torch.zeros(64, 64)
            mask[10 : 40 + 4 * number, 20:44] = 1
            vector = torch.nn.functional.normalize(torch.tensor([1.0, number, 0, 0]), dim=0)
            bank.add([NewEntry(vector, encode_silhouette(mask), {"category": "Dress"}, f"x:{number}")], author="Ann")
    return tmp_path


def test_a_bank_is_looked_after_from_the_command_line(workspace, capsys):
    def bank(*words: str) -> dict:
        assert cli.main(["bank", *words, "--workspace", str(workspace), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    listed = {info["key"]: info for info in bank("list")["banks"]}
    assert listed["mine"]["entries"] == 3
    assert bank("snapshot", "mine", "start", "--author", "Ann", "--note", "before")["revision"] == 3
    shown = bank("show", "mine", "--limit", "1")
    assert shown["entries"] == 3 and shown["snapshots"][0]["note"] == "before" and len(shown["edits"]) == 1
    assert bank("show", "mine", "--where", "category=Dress", "--text", "x:2")["entries"][0]["id"] == 3
    entry = bank("show", "mine", "--entry", "1")
    assert entry["neighbours"][0]["id"] == 2 and entry["history"][0]["by"] == "Ann" and entry["findings"] == []
    assert bank("export", "mine", str(workspace / "out.zip"), "--ids", "1", "2")["entries"] == 2
    assert bank("undo", "mine", "--author", "Bob")["action"] == "add"
    assert bank("compare", "mine", "start") == {"added": [], "removed": [3], "changed": {}}
    assert bank("redo", "mine")["revision"] == 3
    bank("undo", "mine")
    assert bank("restore", "mine", "start")["entries"] == 1
    assert bank("compare", "mine", "start", "0")["removed"] == [1, 2, 3]
    checked = bank("check", "mine")
    assert checked["entries"] == 3 and checked["problems"] == []


def test_banks_are_filled_and_encoded_from_the_command_line(workspace, tiny_checkpoint, other_checkpoint, capsys):
    def bank(*words: object) -> dict:
        assert cli.main(["bank", *map(str, words), "--workspace", str(workspace), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    with Bank.open(tiny_checkpoint / "bank.sqlite3", read_only=True) as own:
        about = {"fingerprint": own.fingerprint, "dimension": own.dimension}
        first = own.entry(1)
    Bank.create(workspace / "banks" / "spring.sqlite3", **about).close()
    archive = workspace / "three.zip"
    assert bank("export", tiny_checkpoint / "bank.sqlite3", archive, "--ids", 1, 2, 3)["entries"] == 3
    source = ("import", "spring", archive, "--checkpoint", tiny_checkpoint)
    planned = bank(*source, "--dry-run")
    assert (planned["form"], planned["found"], planned["new"], planned["added"]) == ("bank", 3, 3, [])
    assert bank("show", "spring")["entries"] == 0, "a dry run leaves it as it is"
    assert bank(*source, "--author", "Ann")["added"] == [1, 2, 3]
    again = bank(*source)
    assert again["added"] == [] and len(again["repeated"]) == 3
    edit = bank("show", "spring")["edits"][0]
    assert (edit["action"], edit["entries"], edit["by"]) == ("import", 3, "Ann")
    encoded = bank("encode", "spring", "--checkpoint", other_checkpoint, "--author", "Ben")
    assert encoded["from"] == about["fingerprint"] != encoded["to"]
    with Bank.open(workspace / "banks" / "spring.sqlite3", fingerprint=encoded["to"], read_only=True) as spring:
        assert len(spring) == 3 and spring.entry(1).silhouette == first.silhouette
        assert not torch.allclose(spring.entry(1).embedding, first.embedding, atol=1e-2)
    assert cli.main(["bank", *map(str, source), "--workspace", str(workspace)]) in (1, 2)
    assert "encode the bank for this one" in capsys.readouterr().err


def test_what_is_not_there_is_said(workspace, capsys):
    for words, message in (
        (["show", "none"], "there is no bank 'none': give a file, a URL, or one of"),
        (["undo", "bundled"], "can't be changed"),
        (["compare", "mine", "nine"], "no version or snapshot 'nine'"),
        (["restore", "mine", "99"], "no revision 99"),
        (["export", "mine", str(workspace / "none" / "x.zip")], "choose a file name in an existing folder"),
    ):
        assert cli.main(["bank", *words, "--workspace", str(workspace)]) in (1, 2)
        assert message in capsys.readouterr().err
