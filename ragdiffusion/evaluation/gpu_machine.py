#!/usr/bin/env python3
"""Measure paper scale on a GPU machine that has torch, but no diffusers and no network.

  python gpu_machine.py pack FOLDER         here: this package and what it needs beside torch, in one zip
  python gpu_machine.py run FOLDER OUT      there: unpack, measure speed, memory and training, write OUT/report.json

Both machines must have one version of Python and one kind of processor: some packages hold compiled code.
`run --preset studio --device cpu --steps 2` tries it anywhere.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import zipfile
from importlib import metadata
from pathlib import Path

_NEEDED = ("diffusers", "transformers", "accelerate", "safetensors", "tqdm", "scipy")
_THERE = re.compile(
    r"torch$|nvidia-.*|cuda-.*|triton$|numpy$|sympy$|networkx$|jinja2$|mpmath$|markupsafe$|setuptools$", re.IGNORECASE
)  # come with torch
_UNUSED = ("scipy",)  # used where it is there, too large to bring
_PACK = "paper-scale.zip"
_HERE = Path(__file__).resolve().parents[1]


def closure(names: tuple[str, ...]) -> list[str]:
    """Packages and all that they need, beside what comes with torch."""
    found, left = [], [name for name in names if name not in _UNUSED]
    while left:
        name = left.pop().lower().replace("_", "-").replace(".", "-")
        if name in found or _THERE.match(name):
            continue
        try:
            wanted = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        found.append(name)
        for line in wanted:
            if "extra ==" not in line:
                left.append(re.match(r"[A-Za-z0-9._-]+", line)[0])
    return sorted(found)


def pack(folder: Path) -> Path:
    """Write the zip."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / _PACK
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as bundle:
        for path in sorted(_HERE.rglob("*.py")):
            bundle.write(path, f"ragdiffusion/{path.relative_to(_HERE).as_posix()}")
        for name in closure(_NEEDED):
            for file in metadata.files(name) or []:
                if ".." not in file.parts and "__pycache__" not in file.parts and file.locate().is_file():
                    bundle.write(file.locate(), file.as_posix())
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB; copy it and this file there")
    return target


def run(args: argparse.Namespace) -> int:
    """Unpack and measure."""
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as unpacked:
        with zipfile.ZipFile(args.folder / _PACK) as bundle:
            bundle.extractall(unpacked)
        sys.path.insert(0, unpacked)
        report = _measure(args)
    (args.out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report))
    return 0


def _measure(args: argparse.Namespace) -> dict:
    import torch

    from ragdiffusion.config import get_preset
    from ragdiffusion.evaluation.paper_speed import measure_speed, measure_training
    from ragdiffusion.logs import quiet_libraries

    quiet_libraries()
    preset, dtype = get_preset(args.preset), getattr(torch, args.dtype)
    report: dict = {"python": sys.version.split()[0]}
    ways = {"eager": False, **({"compiled": True} if args.compile else {})}
    for name, compiled in ways.items():
        report[name] = measure_speed(preset, args.device, dtype, steps=args.steps, compiled=compiled)
        print(f"{name}: {report[name]['photo_to_picture_s']:.2f} s, {report[name]['peak_mb']:.0f} MB", flush=True)
        if args.device == "cuda":
            torch.cuda.empty_cache()
    report["training"] = measure_training(preset, args.device, dtype)
    return report


def main(argv: list[str] | None = None) -> int:
    """Pack or run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    packing = actions.add_parser("pack")
    packing.add_argument("folder", type=Path)
    running = actions.add_parser("run")
    running.add_argument("folder", type=Path)
    running.add_argument("out", type=Path)
    running.add_argument("--preset", default="sdxl")
    running.add_argument("--device", default="cuda")
    running.add_argument("--dtype", default="bfloat16")
    running.add_argument("--steps", type=int, default=30)
    running.add_argument("--compile", action="store_true", help="measure with MainNet compiled, too")
    args = parser.parse_args(argv)
    if args.action == "pack":
        pack(args.folder)
        return 0
    return run(args)


if __name__ == "__main__":
    sys.exit(main())
