"""The run book for a lent machine, at the smallest size: train all, pack, go on from what was packed."""

from __future__ import annotations

import json

from ragdiffusion.cli import main


def test_one_call_trains_packs_and_the_next_goes_on(tmp_path, capsys):
    def call(name: str, *more: str) -> dict:
        out = tmp_path / name
        assert (
            main(
                [
                    "train-all",
                    "--out",
                    str(out),
                    "--minutes",
                    "5",
                    "--parts",
                    "flow",
                    "silhouette",
                    "--device",
                    "cpu",
                    "--batch-size",
                    "2",
                    "--workers",
                    "0",
                    "--bank-size",
                    "2",
                    *more,
                ]
            )
            == 0
        )
        return json.loads((out / "shards" / "report.json").read_text())

    report = call("first", "--steps", "2")
    assert report["flow"]["step"] == report["silhouette"]["step"] == 2 and "held_out_worn_iou" in report["silhouette"]
    shards = tmp_path / "first" / "shards"
    assert {path.name for path in shards.iterdir()} >= {
        "shard-00.bin",
        "shards.json",
        "flow.jsonl",
        "flow.jpg",
        "silhouette.jsonl",
        "silhouette.jpg",
    }
    assert all(path.stat().st_size <= 16 * 2**20 for path in shards.iterdir())
    assert call("second", "--steps", "3", "--shards", str(shards))["flow"]["step"] == 3
    log = (tmp_path / "second" / "trainings" / "flow" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in log] == [3]  # it went on from step 2, not from 0
    checkpoint = tmp_path / "second" / "checkpoint"
    assert (checkpoint / "bank.sqlite3").is_file()
    configs = [file.read_text() for file in checkpoint.glob("*/config.json")]
    assert configs and not any(str(tmp_path) in config for config in configs)  # it does not say where it was made
    assert "shards" in capsys.readouterr().out
