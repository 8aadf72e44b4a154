#!/usr/bin/env python3
"""A batch by processes of this machine, and the same by actors of a Ray cluster on it: photos a second of both.

    python tools/compare_executors.py PHOTOS --limit 60 --workers 2

The whole batch counts, from the start of processes or cluster to the report. Exit code 1 if a photo fails or one of
the two makes another picture than the other.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ragdiffusion.batch.executors import Executor, local_executor
from ragdiffusion.batch.ray_executor import RayActors
from ragdiffusion.batch.report import ReportRow
from ragdiffusion.batch.request import PictureRequest
from ragdiffusion.batch.run import run_batch
from ragdiffusion.picture_files import pictures_in
from ragdiffusion.ray_cluster import Cluster


@dataclass(frozen=True)
class Pace:
    """How fast a batch was.

    Args:
        photos: that were made.
        seconds: of the whole batch.
        first: seconds until the first picture was there.
        photos_a_second: over the whole batch.
        photos_a_second_at_work: after the first picture.
    """

    photos: int
    seconds: float
    first: float
    photos_a_second: float
    photos_a_second_at_work: float


def measure(photos: Sequence[Path], out: Path, request: PictureRequest, executor: Executor) -> Pace:
    """Make the pictures of photos in a new folder.

    Raises:
        RuntimeError: if one fails.
    """
    started, moments = time.perf_counter(), []

    def timed(rows: Iterable[ReportRow], total: int | None) -> Iterator[ReportRow]:
        for row in rows:
            moments.append(time.perf_counter() - started)
            yield row

    result = run_batch(photos, out, request, executor, track=timed)
    if result.failed:
        raise RuntimeError(f"{result.failed[0].photo}: {result.failed[0].error}")
    count, seconds = result.made, time.perf_counter() - started
    at_work = (count - 1) / max(moments[-1] - moments[0], 1e-9)
    return Pace(count, round(seconds, 1), round(moments[0], 1), round(count / seconds, 3), round(at_work, 3))


def main(argv: list[str] | None = None, *, tell: Callable[[str], None] = print) -> int:
    """Measure both and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="folder with photos")
    parser.add_argument("--limit", type=int, default=60, help="photos, spread over the folder (default %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="processes, and actors (default %(default)s)")
    parser.add_argument("--steps", type=int, help="of the sampler (default: the checkpoint's)")
    parser.add_argument("--checkpoint", help="folder (default: the bundled one)")
    args = parser.parse_args(argv)
    found = pictures_in(args.photos, recursive=True).pictures
    photos = found[:: max(1, len(found) // args.limit)][: args.limit]
    request = PictureRequest(device="cpu", steps=args.steps, checkpoint=args.checkpoint, size=None)
    with tempfile.TemporaryDirectory() as folder:
        places = Path(folder) / "local", Path(folder) / "ray"
        local = measure(photos, places[0], request, local_executor(args.workers))
        print(f"local: {local}", file=sys.stderr, flush=True)
        ray = measure(photos, places[1], request, RayActors(Cluster(), actors=args.workers))
        same = _content(places[0]) == _content(places[1])
    share = {"whole": ray.photos_a_second / local.photos_a_second}
    share["at_work"] = ray.photos_a_second_at_work / local.photos_a_second_at_work
    found_out = {"local": asdict(local), "ray": asdict(ray), "ray_to_local": share, "same_pictures": same}
    tell(json.dumps(found_out, indent=1))
    return 0 if same else 1


def _content(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*.png")
    }


if __name__ == "__main__":
    sys.exit(main())
