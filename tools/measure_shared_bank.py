#!/usr/bin/env python3
"""After how long studios that share a bank on a database server see each other's edits, on their pages.

    python tools/measure_shared_bank.py postgresql+psycopg://USER@HOST/EMPTY_DATABASE --edits 20

Starts two studios over a copy of the bundled bank in that database, opens the Bank page of each in Chromium, and tags
one entry by turns in one of them. Timed is from the press of Enter there, the edit itself included, until the other
page shows the tag by itself. Prints one JSON object of seconds; exit code 1 if one edit took longer than 2.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ragdiffusion.bank import Bank, NewEntry
from ragdiffusion.config import assets_folder
from tests.app.in_browser import Studio, pages

WANTED = 2.0  # seconds
_ENTRY = 7
_LOOKS = 0.7  # seconds between two looks of a page, over which the moments of the edits are spread


def main(argv: list[str] | None = None) -> int:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("bank", help="URL of an empty database")
    parser.add_argument("--edits", type=int, default=20, help="by turns in both (default %(default)s)")
    parser.add_argument(
        "--chromium", default=shutil.which("chromium"), help="path of the browser (default: the one that is found)"
    )
    args = parser.parse_args(argv)
    if args.chromium is None:
        parser.error("no Chromium is found: name one by --chromium")
    checkpoint = assets_folder() / "checkpoints" / "studio"
    share(args.bank, checkpoint / "bank.sqlite3")
    seconds = measure(args.bank, checkpoint, args.edits, args.chromium)
    found = {
        "edits": len(seconds),
        "least_s": min(seconds),
        "median_s": statistics.median(seconds),
        "most_s": max(seconds),
        "wanted_s": WANTED,
    }
    print(json.dumps({name: round(value, 2) for name, value in found.items()}))
    return int(max(seconds) > WANTED)


def share(location: str, path: Path) -> None:
    """Copy a bank file into an empty database."""
    with Bank.open(path, read_only=True) as own:
        about = {"fingerprint": own.fingerprint, "dimension": own.dimension, "name": own.name}
        entries = [
            NewEntry(each.embedding, each.silhouette, each.attributes, source=each.source, tags=each.tags)
            for each in own.entries()
        ]
    with Bank.create(location, precision=own.precision, **about) as shared:
        shared.add(entries, allow_duplicates=True)


def measure(location: str, checkpoint: Path, edits: int, chromium: str) -> list[float]:
    """Seconds until each edit was seen on the other page."""
    dice, seconds = random.Random(0), []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright, ExitStack() as stack:
        both: list[Page] = []
        for name in ("one", "two"):
            (workspace := Path(folder) / name).mkdir()
            studio = Studio(workspace, checkpoint, "--bank", location)
            studio.start()
            stack.callback(studio.stop)
            opened = pages(playwright, chromium, studio, Path(folder) / f"browser {name}")
            both.append(stack.enter_context(opened)())
        for page in both:
            page.get_by_role("tab", name="Bank").click()
            page.locator(f".bank-grid .card[data-id='{_ENTRY}']").click()
            expect(page.locator(f".bank-entry[data-entry='{_ENTRY}'] .drawing")).to_be_visible()
        for number in range(edits):
            writer, reader = both[number % 2], both[1 - number % 2]
            writer.wait_for_timeout(1000 * dice.random() * _LOOKS)
            field = writer.locator(".bank-entry input[name=tag]")
            field.fill(f"edit {number}")
            begun = time.perf_counter()
            field.press("Enter")
            reader.wait_for_selector(f".bank-entry [data-untag='edit {number}']")
            seconds.append(time.perf_counter() - begun)
            expect(writer.locator(f".bank-entry [data-untag='edit {number}']")).to_be_visible()
    return seconds


if __name__ == "__main__":
    sys.exit(main())
