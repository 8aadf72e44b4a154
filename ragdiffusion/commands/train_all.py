"""`train-all`: every part of a preset one after the other within a time, checked, and packed to travel.

Made for a machine that is lent for minutes: one call unpacks what an earlier call left, trains, assembles a
checkpoint, and writes weights in shards of a limited size, logs and the newest sample sheets.
"""

from __future__ import annotations

import argparse
from pathlib import Path

PARTS = {"autoencoder": 0.12, "flow": 0.3, "structure": 0.15, "silhouette": 0.13, "denoiser": 0.3}
"""Trained part: its share of the time. The denoiser comes last, for it learns on what the others make."""
_BANK = 1000  # entries of the bank that the denoiser's ê is fused from


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--out", type=Path, required=True, help="folder for trainings/, checkpoint/ and shards/")
    parser.add_argument("--minutes", type=float, required=True, help="training time of all parts together")
    parser.add_argument("--parts", nargs="+", choices=tuple(PARTS), default=tuple(PARTS), help="default: all")
    parser.add_argument("--shards", type=Path, help="folder of shards that an earlier call left, to go on from")
    parser.add_argument(
        "--garments", type=Path, help="data set or pack of real garments; without it all pairs are drawn"
    )
    parser.add_argument("--preset", default="studio")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--workers", type=int, default=12, help="processes that make data")
    parser.add_argument("--bfloat16", action="store_true", help="autocast to bfloat16")
    parser.add_argument("--steps", type=int, help="stop each part after so many optimiser steps in all")
    parser.add_argument("--limit", type=int, help="take only so many real garments")
    parser.add_argument(
        "--bank-size", type=int, default=_BANK, help="entries of the bank made for the denoiser (default %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Train every part, then pack."""
    import shutil

    from ragdiffusion.files import write_json
    from ragdiffusion.training.shards import read_shards, write_shards

    trainings, checkpoint = args.out / "trainings", args.out / "checkpoint"
    if args.shards is not None:
        read_shards(args.shards, trainings)
    parts = [part for part in PARTS if part in args.parts and _exists(part, args.preset)]
    whole = sum(PARTS[part] for part in parts)
    for part in parts:
        if part == "denoiser":
            _assemble(trainings, checkpoint, args)
        _train(part, args.minutes * PARTS[part] / whole, trainings, checkpoint, args)
    _assemble(trainings, checkpoint, args)
    done = [trainings / part for part in PARTS if (trainings / part / "state.safetensors").is_file()]
    shards = args.out / "shards"
    written = write_shards(done, shards)
    for folder in done:
        shutil.copyfile(folder / "log.jsonl", shards / f"{folder.name}.jsonl")
        for sheet in sorted(folder.glob("sheet-*.jpg"))[-1:]:
            shutil.copyfile(sheet, shards / f"{folder.name}.jpg")
    report = {folder.name: _last_figures(folder / "log.jsonl") for folder in done}
    write_json(shards / "report.json", report)
    size = sum(path.stat().st_size for path in written) / 1e6
    print(f"{shards}: {len(written) - 1} shards, {size:.1f} MB")
    for name, figures in report.items():
        print(f"{name}: {figures}")
    return 0


def _exists(part: str, preset: str) -> bool:
    """Whether a preset has this part."""
    from ragdiffusion.config import get_preset

    chosen = get_preset(preset)
    return {"flow": chosen.flow, "silhouette": chosen.silhouette}.get(part, chosen) is not None


def _train(part: str, minutes: float, trainings: Path, checkpoint: Path, args: argparse.Namespace) -> None:
    """One part, by the command that trains it alone."""
    from ragdiffusion.commands import train

    words = [
        part,
        "--out",
        str(trainings / part),
        "--minutes",
        str(minutes),
        "--preset",
        args.preset,
        "--device",
        args.device,
        "--batch-size",
        str(args.batch_size),
        "--workers",
        str(args.workers),
    ]
    for name in ("garments", "limit", "steps"):
        if (value := getattr(args, name)) is not None:
            words += [f"--{name}", str(value)]
    if args.bfloat16:
        words.append("--bfloat16")
    if part == "denoiser":
        words += ["--checkpoint", str(checkpoint)]
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    train.run(parser.parse_args(words))


def _assemble(trainings: Path, checkpoint: Path, args: argparse.Namespace) -> None:
    """A whole checkpoint of what is trained so far, with a bank of its own."""
    from ragdiffusion.commands import bank
    from ragdiffusion.commands import checkpoint as assembly

    def call(command, words: list[str]) -> None:
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        command.run(parser.parse_args(words))

    parts = [str(trainings / part) for part in PARTS if list((trainings / part).glob("*/config.json"))]
    if not parts:
        raise ValueError(
            f"{trainings}: nothing is trained yet that a checkpoint could be made of; train the other parts first"
        )
    call(assembly, ["assemble", str(checkpoint), "--preset", args.preset, "--half", "--parts", *parts])
    words = ["build", str(checkpoint / "bank.sqlite3"), "--checkpoint", str(checkpoint), "--size", str(args.bank_size)]
    if args.garments is not None and (args.garments / "train.csv").is_file():  # a pack's bank is drawn
        words += ["--garments", str(args.garments)]
    call(bank, words)


def _last_figures(log: Path) -> dict:
    """The newest value of every figure in a training's log."""
    import json

    figures: dict = {}
    for line in log.read_text().splitlines():
        figures |= json.loads(line)
    return figures
