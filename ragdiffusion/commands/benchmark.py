"""`benchmark`: speed, memory and faithfulness of a checkpoint on this machine."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from ragdiffusion.commands import benchmark_random
from ragdiffusion.commands.common import add_model_arguments, load_model, print_json

if TYPE_CHECKING:
    from ragdiffusion.api import RAGDiffusion

STEPS = 30
_PHOTOS_VARIABLE = "RAGDIFFUSION_GARMENTS"
_RETRIEVALS, _RETUNES, _GENERATIONS = 21, 40, 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--photos",
        type=Path,
        metavar="FOLDER",
        default=os.environ.get(_PHOTOS_VARIABLE),
        help="val.csv beside val/CATEGORY/ID.jpg and ID.png (default: the variable "
        f"{_PHOTOS_VARIABLE}; without either, garments are drawn)",
    )
    parser.add_argument(
        "--limit", type=int, default=20, help="photos to generate, spread over the list (default %(default)s)"
    )
    parser.add_argument(
        "--landmark",
        choices=("retrieved", "truth"),
        default="retrieved",
        help="what the pictures "
        "obey: the bank's answer, or the garment's own silhouette, which also lets pixels be compared "
        "(default %(default)s)",
    )
    parser.add_argument(
        "--random-weights",
        action="store_true",
        help="measure a preset's stages without a checkpoint, photo or bank, and the plain way beside the fast one",
    )
    parser.add_argument(
        "--steps", type=int, default=STEPS, help="with --random-weights: of the sampler (default %(default)s)"
    )
    parser.add_argument(
        "--training-steps", type=int, default=0, metavar="N", help="with --random-weights: take N steps of training too"
    )
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    if args.random_weights:
        return benchmark_random.run(args)
    from tqdm import tqdm

    from ragdiffusion.evaluation.generation.faithfulness import drawn_samples, folder_samples, measure, summarise

    if args.limit < 1:
        raise ValueError(f"--limit is {args.limit}, 1 or more wanted")
    model = load_model(args)
    size = model.image_size
    samples = folder_samples(args.photos, size, args.limit) if args.photos else drawn_samples(size, args.limit)
    photo = samples[0].photo_file()
    speed = {**_speed(model, photo), "cold_start_s": _cold_start(photo, args)}
    each = list(
        tqdm(measure(model, samples, landmark=args.landmark), total=len(samples), desc="photos", unit="picture")
    )
    report = {
        "machine": _machine(model),
        "checkpoint": model.checkpoint,
        "bank_version": model.bank.version,
        "bank_entries": len(model.bank),
        "speed": speed,
        "faithfulness": {
            "photos": str(args.photos) if args.photos else "drawn",
            "landmark": args.landmark,
            **summarise(each),
        },
    }
    if args.json:
        print_json(report)
    else:
        _print_table(report)
    return 0


def _machine(model: RAGDiffusion) -> dict[str, Any]:
    import torch

    return {
        "device": torch.cuda.get_device_name() if model.device.startswith("cuda") else model.device,
        "processor": platform.machine(),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def _speed(model: RAGDiffusion, photo: bytes) -> dict[str, float]:
    """Medians after a warm-up; the peak of memory is that of loading and all of these.

    The picture is made with every step run (strength 1), whatever the checkpoint's default.
    """
    from tqdm import tqdm

    from ragdiffusion.memory import peak_rss_mb

    guide = model.retrieve(photo)
    model.generate(photo, guide, steps=2)
    kept = len(guide.neighbours.ids)
    retrieve = median(_seconds(lambda: model.retrieve(photo)) for _ in range(_RETRIEVALS))
    retune = median(_seconds(lambda i=i: guide.retune(k=1 + i % kept, alpha=i / _RETUNES)) for i in range(_RETUNES))
    generate = median(
        _seconds(lambda: model.generate(photo, guide, steps=STEPS, strength=1.0))
        for _ in tqdm(range(_GENERATIONS), desc="speed", unit="picture")
    )
    return {
        "retrieve_ms": retrieve * 1e3,
        "retune_ms": retune * 1e3,
        "generate_s": generate,
        "steps": STEPS,
        "peak_rss_mb": peak_rss_mb(),
    }


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _cold_start(photo: bytes, args: argparse.Namespace) -> float:
    """Seconds of `generate` in a new process, from its start to its end."""
    package = Path(__file__).resolve().parents[2]
    path = os.pathsep.join(part for part in (str(package), os.environ.get("PYTHONPATH")) if part)
    model = [
        word
        for name in ("preset", "checkpoint", "bank", "device")
        if getattr(args, name) is not None
        for word in (f"--{name}", str(getattr(args, name)))
    ]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "photo").write_bytes(photo)
        call = [
            sys.executable,
            "-m",
            "ragdiffusion",
            "generate",
            str(Path(folder) / "photo"),
            "--out",
            str(Path(folder) / "flat.png"),
            "--steps",
            str(STEPS),
            "--json",
            *model,
        ]
        started = time.perf_counter()
        done = subprocess.run(call, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
        seconds = time.perf_counter() - started
    if done.returncode != 0:
        raise RuntimeError(f"generate in a new process failed: {done.stderr.strip().splitlines()[-1:]}")
    return seconds


def _print_table(report: dict[str, Any]) -> None:
    speed, faith, machine = report["speed"], report["faithfulness"], report["machine"]
    rows = [
        ("retrieve from a photo", f"{speed['retrieve_ms']:.0f} ms", f"bank of {report['bank_entries']}"),
        ("change of alpha or K", f"{speed['retune_ms']:.1f} ms", ""),
        (f"generate, {STEPS} steps", f"{speed['generate_s']:.1f} s", "all of them run, after retrieval"),
        ("peak memory", f"{speed['peak_rss_mb']:.0f} MB", ""),
        ("generate from a cold start", f"{speed['cold_start_s']:.1f} s", "a new process"),
        (
            "IoU with the landmark given",
            f"{faith['iou_mean']:.3f}",
            f"mean of {faith['count']}, least {faith['iou_min']:.3f}, landmark {faith['landmark']}",
        ),
        ("delta E 2000 of mean colour", f"{faith['delta_e_mean_colour']:.1f}", f"median, photos: {faith['photos']}"),
    ]
    if "delta_e_pixelwise" in faith:
        rows.append(("delta E 2000 pixel by pixel", f"{faith['delta_e_pixelwise']:.1f}", "median of medians"))
    for what, value, note in rows:
        print(f"{what:<28} {value:>9}  {note}".rstrip())
    print(
        f"checkpoint {report['checkpoint']}, bank {report['bank_version']}, {machine['device']}, "
        f"{machine['threads']} threads of {machine['cores']} cores, torch {machine['torch']}"
    )
