"""Importing: from a dataset as its users have it to the library's own layout, without what would spoil training.

Every finished pair goes into a journal, so an import that was cut off goes on where it stopped. The mark that makes
the folder a dataset is written last.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ragdiffusion.files import read_object, write_json
from ragdiffusion.garments.augmentation import fit_square
from ragdiffusion.garments.datasets.conversion import Conversion, convert, stamp
from ragdiffusion.garments.datasets.duplicates import COMPARED_SIDE, first_of_each, same_picture, same_pictures
from ragdiffusion.garments.datasets.folder import MARK, REPORT, WORK, write_index
from ragdiffusion.garments.datasets.layouts import LAYOUTS
from ragdiffusion.garments.datasets.records import Record, folder_reader
from ragdiffusion.images import load_photo

DEFAULT_SIDE = 768  # pixels, the paper's (9.5)
_SCHEMA = 1
_JOURNAL, _SETTINGS = "journal.jsonl", "settings.json"
_CACHED = 512  # pictures at hand while duplicates are compared

Report = dict[str, Any]
Track = Callable[[Iterable[Any], int], Iterable[Any]]
"""Shows progress over so many items while they pass through."""


def import_dataset(
    layout: str,
    source: Path,
    out: Path,
    *,
    side: int = DEFAULT_SIDE,
    workers: int = 1,
    track: Track = lambda items, total: items,
) -> Report:
    """Import a dataset, or go on with an import that was cut off.

    Args:
        layout: `viton-hd`, `dresscode` or `folder` (with a table of pairs).
        source: where it lies; never changed.
        out: folder to write.
        side: longer side of the pictures written at most, pixels.
        workers: threads.
        track: shows progress.

    Returns:
        The report, as written to report.json.

    Raises:
        ValueError: unknown layout, a source that is not laid out so, a folder that holds something else or another
            import, or nothing that can be used.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"there is no layout {layout!r}: choose from {', '.join(LAYOUTS)}")
    if side < COMPARED_SIDE or workers < 1:
        raise ValueError(f"the side is {side} and workers are {workers}: {COMPARED_SIDE} pixels and 1 at least")
    started = time.monotonic()
    source, settings = Path(source), {"layout": layout, "source": str(Path(source).resolve()), "side": side}
    if (done := _finished(out, settings)) is not None:
        return done
    listing = LAYOUTS[layout](source)
    _open_work(out, settings)
    folder = source.parent if source.is_file() else source
    conversions, resumed = _convert_all(listing.records, folder, out, side=side, workers=workers, track=track)
    kept = [(record.name, c) for record, c in zip(listing.records, conversions, strict=True) if c.record is not None]
    if not kept:
        first = next((c.problem for c in conversions if c.problem is not None), None)
        first = first or next(iter(listing.problems), None)
        raise ValueError(
            f"{source}: no pair can be used"
            + (f", the first for {first.file}: {first.reason}" if first else "; it holds none")
        )
    duplicates, leaks = _repeats([c for _, c in kept], out)
    dropped = {item["dropped"] for item in [*duplicates, *leaks]}
    records = [c.record for name, c in kept if c.record is not None and name not in dropped]
    used = [c for name, c in kept if name not in dropped]
    refused = [*listing.problems, *(c.problem for c in conversions if c.problem is not None)]
    report: Report = {
        "schema": _SCHEMA,
        **settings,
        "listed": len(listing.records) + len(listing.problems),
        "pairs": dict(Counter(record.split for record in records)),
        "categories": dict(Counter(record.category for record in records)),
        "silhouettes": dict(Counter(c.silhouette for c in used)),
        "refused": [asdict(problem) for problem in refused],
        "mended": [asdict(problem) for c in used for problem in c.mended],
        "duplicates": duplicates,
        "leaks": leaks,
        "resumed": resumed,
        "seconds": round(time.monotonic() - started, 1),
    }
    _sweep(out, records)
    write_json(out / REPORT, report)
    write_index(out, records, source=layout)
    shutil.rmtree(out / WORK)
    return report


def _finished(out: Path, settings: dict[str, Any]) -> Report | None:
    """The report of an import that is complete; None where there is work to do."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file: give a folder")
    if (out / MARK).is_file():
        report = read_object(out / REPORT, "import it again, to a new folder") if (out / REPORT).is_file() else {}
        if {key: report.get(key) for key in settings} != settings:
            raise ValueError(f"{out} holds another dataset already: give a new folder")
        shutil.rmtree(out / WORK, ignore_errors=True)
        return report
    if out.exists() and any(out.iterdir()) and not (out / WORK / _SETTINGS).is_file():
        if [path.name for path in out.iterdir()] != [WORK]:
            raise ValueError(f"{out} is not empty: give a new folder")
    return None


def _open_work(out: Path, settings: dict[str, Any]) -> None:
    path = out / WORK / _SETTINGS
    if not path.is_file():
        write_json(path, settings)
    elif (there := read_object(path, f"remove {path.parent} and import again")) != settings:
        raise ValueError(
            f"{out} holds the beginning of another import ({there}): go on with that one, or give a new folder"
        )


def _convert_all(
    records: Sequence[Record], source: Path, out: Path, *, side: int, workers: int, track: Track
) -> tuple[list[Conversion], int]:
    """Convert what the journal does not have yet; how many it had comes second."""
    journal = out / WORK / _JOURNAL
    before = dict(_read_journal(journal))
    read = folder_reader(source)
    done: dict[str, Conversion] = {}
    for record in records:
        listed, conversion = before.get(record.name, ("", None))
        if (
            conversion is not None
            and conversion.record is not None
            and listed == record.to_json()
            and conversion.stamp == stamp(record, source)
            and all(size for size, _ in stamp(conversion.record, out))
        ):
            done[record.name] = conversion
    resumed = len(done)
    missing = [record for record in records if record.name not in done]
    with journal.open("ab") as handle, ThreadPoolExecutor(workers) as pool:
        handle.write(b"\n")  # ends a line that was cut off
        futures = {pool.submit(convert, record, read, out, side=side, source=source): record for record in missing}
        try:
            for future in track(as_completed(futures), len(futures)):
                record, conversion = futures[future], future.result()
                done[record.name] = conversion
                line = {"name": record.name, "listed": record.to_json(), "conversion": conversion.to_json()}
                handle.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
                handle.flush()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [done[record.name] for record in records], resumed


def _read_journal(path: Path) -> Iterator[tuple[str, tuple[str, Conversion]]]:
    """What was done, later lines after earlier ones; a line cut off by a crash is left out."""
    if not path.is_file():
        return
    for line in path.read_bytes().split(b"\n"):
        try:
            content = json.loads(line)
            yield content["name"], (content["listed"], Conversion.from_json(content["conversion"]))
        except (ValueError, KeyError, TypeError):
            continue


def _repeats(conversions: list[Conversion], out: Path) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Pairs to drop: those that repeat another of their split, and those of which half is in the training split.

    A pair repeats another if both halves do: two photos of one garment are two pairs. A leak is dropped from the split
    that measures, so what is left of it is new to a model trained on the rest.
    """
    records = [c.record for c in conversions if c.record is not None]

    @lru_cache(_CACHED)
    def picture(i: int, half: int) -> np.ndarray:
        name = records[i].photo if half else records[i].standard or records[i].photo
        return fit_square(np.asarray(load_photo(out / name)), COMPARED_SIDE)

    hashes = [np.array([list(bytes.fromhex(c.hashes[half])) for c in conversions], np.uint8) for half in (0, 1)]

    def match(a: int, b: int, halves: Iterable[int]) -> str:
        exact = all(conversions[a].digests[half] == conversions[b].digests[half] for half in halves)
        return "exact" if exact else "near"

    duplicates, alive = [], []
    for split in dict.fromkeys(record.split for record in records):
        members = [i for i, record in enumerate(records) if record.split == split]
        flats = same_pictures(hashes[0][members], lambda k, m=members: picture(m[k], 0))
        pairs = [(a, b) for a, b in flats if same_picture(picture(members[a], 1), picture(members[b], 1))]
        later = first_of_each(pairs)
        alive += [i for k, i in enumerate(members) if k not in later]
        duplicates += [
            {
                "split": split,
                "dropped": records[members[b]].name,
                "kept": records[members[a]].name,
                "match": match(members[a], members[b], (0, 1)),
            }
            for b, a in later.items()
        ]
    train = [i for i in alive if records[i].split == "train"]
    others = [i for i in alive if records[i].split != "train"]
    halves: dict[int, tuple[int, list[int]]] = {}
    for half in (0, 1):
        for a, b in same_pictures(
            hashes[half][others],
            lambda k, h=half: picture(others[k], h),
            hashes[half][train],
            lambda k, h=half: picture(train[k], h),
        ):
            halves.setdefault(others[a], (train[b], []))[1].append(half)
    leaks = []
    for i, (j, which) in sorted(halves.items()):
        shared = sorted(set(which))
        leaks.append(
            {
                "split": records[i].split,
                "dropped": records[i].name,
                "train": records[j].name,
                "half": "both" if len(shared) == 2 else ("flat-lay", "photo")[shared[0]],
                "match": match(i, j, shared),
            }
        )
    return duplicates, leaks


def _sweep(out: Path, records: Iterable[Record]) -> None:
    """Remove pictures that no pair of the dataset uses: of dropped pairs, and what a crash left behind."""
    used = {out / name for record in records for name in record.files()}
    for folder in ("photos", "standards", "silhouettes", "photo_masks"):
        for place, _, names in os.walk(out / folder):
            for name in names:
                if (path := Path(place) / name) not in used:
                    path.unlink()


def report_lines(report: Report, *, most: int = 20) -> Iterator[str]:
    """A report for reading.

    Args:
        report: from `import_dataset`.
        most: lines of each list at most; the file holds them all.
    """
    pairs = ", ".join(f"{count} {split}" for split, count in report["pairs"].items())
    yield (
        f"{sum(report['pairs'].values())} of {report['listed']} pairs imported ({pairs}) in {report['seconds']} s"
        + (f", {report['resumed']} of them before" if report["resumed"] else "")
    )
    yield "silhouettes: " + ", ".join(f"{count} {how}" for how, count in report["silhouettes"].items())
    texts = {
        "refused": lambda item: f"{item['file']}: {item['reason']}",
        "mended": lambda item: f"{item['file']}: {item['reason']}",
        "duplicates": lambda item: f"{item['dropped']} repeats {item['kept']} ({item['match']})",
        "leaks": lambda item: f"{item['dropped']} is in train as {item['train']} ({item['half']}, {item['match']})",
    }
    for key, text in texts.items():
        yield f"{key}: {len(report[key])}"
        yield from (f"  {text(item)}" for item in report[key][:most])
        if len(report[key]) > most:
            yield f"  … and {len(report[key]) - most} more in {REPORT}"
