"""`checkpoint update`: a checkpoint with some of its parts replaced by trained ones, file by file.

Nothing is loaded, so it takes no memory, and what is not replaced stays as it is to the byte.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from pathlib import Path

from ragdiffusion.commands.parts_beside import PARTS_BESIDE

_TOLERATED = ("_name_or_path", "_diffusers_version", "_use_default_values", "transformers_version", "dtype")
"""Keys of a config that say nothing about what a part is."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("checkpoint", type=Path, help="folder to start from; it stays as it is")
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument(
        "--parts",
        type=Path,
        nargs="+",
        required=True,
        help="folders of trainings: every component found in them is taken, later folders win",
    )


def run(args: argparse.Namespace) -> int:
    """Put together."""
    from ragdiffusion.generation.builder.saving import forget_places, whole_folder

    index = args.checkpoint / "model_index.json"
    if not index.is_file():
        raise ValueError(f"{args.checkpoint}: no checkpoint here (model_index.json is missing)")
    names = [
        name
        for name, entry in json.loads(index.read_text()).items()
        if isinstance(entry, list) and entry[0] is not None
    ]
    taken = _found(args.parts, [*names, *PARTS_BESIDE])
    for name, folder in taken.items():
        if (args.checkpoint / name).is_dir():
            _check(args.checkpoint / name, folder)
    with whole_folder(args.out) as folder:
        beside = [args.checkpoint / name for name in taken if not (args.checkpoint / name).exists()]
        for source in (*sorted(args.checkpoint.iterdir()), *beside):
            if source.name == "bank.sqlite3" and "structure_net" in taken:
                continue  # it was made by another encoder
            _copy(taken.get(source.name, source), folder / source.name)
        forget_places(folder)
    print(f"{args.out}: " + ", ".join(f"{name} from {folder}" for name, folder in taken.items()))
    if "structure_net" in taken:
        print("StructureNet is another one: make a bank for it (`bank build`)")
    return 0


def _found(parts: list[Path], names: list[str]) -> dict[str, Path]:
    """Each component that the folders hold, and where.

    Raises:
        ValueError: if a folder is missing or holds none.
    """
    taken: dict[str, Path] = {}
    for folder in parts:
        if not folder.is_dir():
            raise ValueError(f"{folder}: no such folder; --parts are the --out folders of trainings")
        held = {name: folder / name for name in names if (folder / name / "config.json").is_file()}
        if not held:
            raise ValueError(f"{folder}: holds no component of this checkpoint ({', '.join(names)})")
        taken |= held
    return taken


def _check(old: Path, new: Path) -> None:
    """See to it that a trained part is of the same build.

    Raises:
        ValueError: naming what differs.
    """
    was, now = (json.loads((folder / "config.json").read_text()) for folder in (old, new))
    for key in {**was, **now}:
        if key not in _TOLERATED and was.get(key) != now.get(key):
            raise ValueError(
                f"{new}: {key} is {now.get(key)!r}, and {was.get(key)!r} in the checkpoint: it was "
                "trained for another one"
            )


def _copy(source: Path, target: Path) -> None:
    """Copy a file or folder; large files share their place on the disk where it allows that."""
    if source.is_dir():
        shutil.copytree(source, target, copy_function=_link)
    else:
        _link(source, target)


def _link(source: str | Path, target: str | Path) -> None:
    if Path(source).suffix == ".safetensors":  # written once and never changed
        try:
            os.link(source, target)
            return
        except OSError:
            pass
    shutil.copyfile(source, target)
