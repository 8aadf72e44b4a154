"""`batch SRC… DST`: the flat-lay picture of every photo in folders, with a report; goes on where it stopped."""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import multiprocessing
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from ragdiffusion.commands.common import add_model_arguments, load_model, print_json, write_pictures

if TYPE_CHECKING:
    from PIL.Image import Image

    from ragdiffusion.api import RAGDiffusion

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".heic", ".heif")
REPORT = "report.csv"
_SETTINGS = ("preset", "checkpoint", "bank", "k", "alpha", "attributes", "steps", "seed", "guidance", "strength")
_TRIES = 2  # of a photo whose worker process died


@dataclass(frozen=True)
class Task:
    """One photo and where its picture goes.

    Args:
        photo: to be read.
        picture: to be written; the landmark goes beside it.
    """

    photo: Path
    picture: Path


@dataclass(frozen=True)
class Row:
    """A line of the report.

    Args:
        photo: as it was given.
        status: done or failed.
        picture: relative to the report's folder; "" if there is none.
        sha256: of the photo's bytes, "" if it could not be read.
        settings: fingerprint of everything that was asked for.
        seconds: that it took.
        seed: of the noise.
        k: candidates.
        alpha: share of the reconstruction.
        similarity: of the nearest bank entry, "" if it failed.
        category: as read or given.
        checkpoint: fingerprint of the weights.
        bank_version: of the bank.
        error: one line, of a photo that failed.
    """

    photo: str
    status: str
    picture: str = ""
    sha256: str = ""
    settings: str = ""
    seconds: str = ""
    seed: str = ""
    k: str = ""
    alpha: str = ""
    similarity: str = ""
    category: str = ""
    checkpoint: str = ""
    bank_version: str = ""
    error: str = ""


_COLUMNS = [field.name for field in fields(Row)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("sources", metavar="SRC", nargs="+", type=Path, help="folders with photos, or photos")
    parser.add_argument("destination", metavar="DST", type=Path, help="folder for the pictures and report.csv; made if "
                        "missing")
    parser.add_argument("--recursive", action="store_true", help="take the folders inside the folders too")
    parser.add_argument("--workers", type=int, default=1, help="processes that work at once, each with a model of its "
                        "own (default %(default)s)")
    parser.add_argument("--again", action="store_true", help="make pictures that are there already once more")
    parser.add_argument("--k", type=int, help="candidates (default: the checkpoint's)")
    parser.add_argument("--alpha", type=float, help="share of the reconstruction in Eq. 3 (default: the checkpoint's)")
    parser.add_argument("--attributes", action="append", metavar="k=v", help="an attribute for all photos, such as "
                        "collar=Polo; may be given several times")
    parser.add_argument("--steps", type=int, help="DDIM steps (default: the checkpoint's)")
    parser.add_argument("--seed", type=int, default=0, help="of the noise (default %(default)s)")
    parser.add_argument("--guidance", type=float, help="guidance scale (default: the checkpoint's)")
    parser.add_argument("--strength", type=float, help="share of the noise schedule that is run (default: the "
                        "checkpoint's)")
    parser.add_argument("--size", type=_size, metavar="N|photo", help="side of the pictures, pixels, or `photo` for "
                        "each photo's own; a photo that is smaller gets its own (default: the model's)")
    add_model_arguments(parser)


def _size(text: str) -> int | str:
    if text == "photo":
        return text
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number of pixels nor `photo`")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Find the photos, leave out what is done, make the rest, write the report."""
    from tqdm import tqdm

    from ragdiffusion.attributes import parse_assignments

    if not 1 <= args.workers <= 64:
        raise ValueError(f"--workers is {args.workers}, 1 to 64 wanted")
    args.attributes = parse_assignments(args.attributes) if args.attributes else None
    tasks = find_tasks(args.sources, args.destination, recursive=args.recursive)
    settings = fingerprint_of(args)
    report = args.destination / REPORT
    kept = {} if args.again else read_report(report)
    finished = {task.photo: kept[str(task.photo)] for task in tasks if _is_done(task, kept, settings, args.destination)}
    waiting = [task for task in tasks if task.photo not in finished]
    rows = {**kept, **{str(photo): row for photo, row in finished.items()}}
    started = time.perf_counter()
    args.destination.mkdir(parents=True, exist_ok=True)
    with open(report, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        if file.tell() == 0:
            writer.writeheader()
        for row in tqdm(_rows(waiting, args, settings), total=len(waiting), unit="photo", desc="batch"):
            rows[row.photo] = row
            writer.writerow(asdict(row))
            file.flush()  # a stopped batch goes on from here
    write_report(report, rows.values())
    failed = [rows[str(task.photo)] for task in waiting if rows[str(task.photo)].status == "failed"]
    seconds = time.perf_counter() - started
    if args.json:
        print_json({"photos": len(tasks), "already_done": len(finished), "made": len(waiting) - len(failed),
                    "failed": {row.photo: row.error for row in failed}, "seconds": seconds, "report": str(report)})
    else:
        print(f"{len(tasks)} photos: {len(waiting) - len(failed)} made, {len(finished)} were there, {len(failed)} "
              f"failed, {seconds:.1f} s; {report}")
        for row in failed:
            print(f"  {row.photo}: {row.error}")
    return 1 if failed else 0


def find_tasks(sources: Sequence[Path], destination: Path, *, recursive: bool) -> list[Task]:
    """Name every photo and its picture; photos of one name in one folder keep their suffix in it.

    Args:
        sources: folders and photos.
        destination: where the pictures go; what lies in it is no photo.
        recursive: whether folders inside folders are looked into; the pictures keep their folders.

    Raises:
        ValueError: a source is missing, there is no photo, or the destination is a file or a source.
    """
    if destination.exists() and not destination.is_dir():
        raise ValueError(f"{destination} is a file: the last argument is the folder for the pictures")
    found: list[tuple[Path, Path]] = []
    for source in sources:
        if source.is_dir():
            if source.resolve() == destination.resolve():
                raise ValueError(f"{destination} holds the photos: give another folder for the pictures")
            inside = sorted(source.rglob("*") if recursive else source.iterdir())
            photos = [path for path in inside if path.suffix.lower() in PHOTO_SUFFIXES and path.is_file()]
            own = destination.resolve()
            found += [(path, path.relative_to(source)) for path in photos if own not in path.resolve().parents]
        elif source.is_file():
            found.append((source, Path(source.name)))
        else:
            raise ValueError(f"{source} is not there: give folders with photos, or photos")
    if not found:
        raise ValueError(f"there is no photo in {', '.join(map(str, sources))} ({', '.join(PHOTO_SUFFIXES)} are taken)")
    taken: set[Path] = set()
    tasks = []
    for photo, relative in dict.fromkeys(found):
        stems = [relative.stem, f"{relative.stem}-{relative.suffix[1:]}"]
        stems += [f"{stems[1]}-{count}" for count in range(2, len(found) + 2)]
        target = next(path for path in (relative.with_name(f"{stem}.png") for stem in stems) if path not in taken)
        taken.add(target)
        tasks.append(Task(photo, destination / target))
    return tasks


def fingerprint_of(args: argparse.Namespace) -> str:
    """Everything that was asked for, in 12 letters: a picture made under other settings is made again."""
    names = _SETTINGS if args.size is None else (*_SETTINGS, "size")  # what was made before sizes stays made
    asked = json.dumps({name: getattr(args, name) for name in names}, sort_keys=True, default=str)
    return hashlib.sha256(asked.encode()).hexdigest()[:12]


def read_report(path: Path) -> dict[str, Row]:
    """The newest line of each photo; a line that was cut off is passed over."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            lines = [line for line in csv.DictReader(file) if set(line) == set(_COLUMNS) and None not in line.values()]
    except (FileNotFoundError, UnicodeDecodeError, csv.Error):
        return {}
    return {line["photo"]: Row(**line) for line in lines}


def write_report(path: Path, rows: Iterable[Row]) -> None:
    """Write the report whole or not at all, one line a photo."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with open(partial, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, _COLUMNS)
            writer.writeheader()
            writer.writerows(asdict(row) for row in rows)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def make(task: Task, model: RAGDiffusion, args: argparse.Namespace, settings: str) -> Row:
    """Make one picture; whatever goes wrong becomes a line of the report."""
    from ragdiffusion.images import load_photo

    started, digest = time.perf_counter(), ""
    try:
        data = task.photo.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        photo = load_photo(data, name=task.photo.name)
        guide = model.retrieve(photo, k=args.k, alpha=args.alpha, attributes=args.attributes)
        result = model.generate(photo, guide, seed=args.seed, steps=args.steps, strength=args.strength,
                                guidance=args.guidance, size=_side(args.size, photo, model))
        task.picture.parent.mkdir(parents=True, exist_ok=True)
        landmark = task.picture.with_name(f"{task.picture.stem}.landmark.png")
        silhouette = model.silhouette(result.landmark, result.image.width)
        write_pictures({task.picture: result.image, landmark: silhouette})
    except Exception as error:
        line = " ".join(str(error).split()) or type(error).__name__
        return Row(str(task.photo), "failed", sha256=digest, settings=settings, error=line[:500],
                   seconds=f"{time.perf_counter() - started:.2f}")
    return Row(
        photo=str(task.photo), status="done", picture=task.picture.relative_to(args.destination).as_posix(),
        sha256=digest, settings=settings, seconds=f"{time.perf_counter() - started:.2f}", seed=str(result.seed),
        k=str(guide.k), alpha=f"{guide.alpha:g}", similarity=f"{guide.candidates[0].similarity:.4f}",
        category=guide.attributes["category"], checkpoint=result.checkpoint, bank_version=result.bank_version,
    )


def _side(size: int | str | None, photo: Image, model: RAGDiffusion) -> int | None:
    if size is None:
        return None
    most = model.largest_size(photo)
    return most if size == "photo" else min(size, most)


def _is_done(task: Task, kept: dict[str, Row], settings: str, destination: Path) -> bool:
    row = kept.get(str(task.photo))
    if row is None or row.status != "done" or row.settings != settings or not task.picture.is_file():
        return False
    if (destination / row.picture).resolve() != task.picture.resolve():
        return False
    try:
        return hashlib.sha256(task.photo.read_bytes()).hexdigest() == row.sha256
    except OSError:
        return False


def _rows(tasks: list[Task], args: argparse.Namespace, settings: str) -> Iterator[Row]:
    if not tasks:
        return
    if args.workers == 1:
        model = load_model(args)
        for task in tasks:
            yield make(task, model, args, settings)
    else:
        yield from _pooled(tasks, args, settings)


def _pooled(tasks: list[Task], args: argparse.Namespace, settings: str) -> Iterator[Row]:
    """Spread tasks over processes. One that dies costs its own photo a second try, never the batch."""
    waiting, tries = list(reversed(tasks)), dict.fromkeys(tasks, 0)
    while waiting:
        going: dict[Future[Row], Task] = {}
        with _pool(args) as pool:
            try:
                while waiting or going:
                    while waiting and len(going) < args.workers:
                        task = waiting.pop()
                        going[pool.submit(_make_here, task, args, settings)] = task
                    for future in wait(going, return_when=FIRST_COMPLETED).done:
                        row = future.result()
                        del going[future]
                        yield row
            except BrokenProcessPool:
                for task in going.values():
                    tries[task] += 1
                    if tries[task] < _TRIES:
                        waiting.append(task)
                    else:
                        yield Row(str(task.photo), "failed", settings=settings, error="its process died (no memory?)")


def _pool(args: argparse.Namespace) -> ProcessPoolExecutor:
    # Forking a process that runs torch's threads can hang; so each worker starts afresh.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(args.workers, mp_context=context, initializer=_load_here, initargs=(args,))


_here: list[RAGDiffusion | ValueError] = []  # the model of a worker process, or why it has none


def _load_here(args: argparse.Namespace) -> None:
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // args.workers))
    try:
        _here.append(load_model(args))
    except ValueError as error:  # raised here it would look like a process that died
        _here.append(error)


def _make_here(task: Task, args: argparse.Namespace, settings: str) -> Row:
    if isinstance(_here[0], ValueError):
        raise _here[0]
    return make(task, _here[0], args, settings)
