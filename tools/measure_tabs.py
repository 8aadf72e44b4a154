#!/usr/bin/env python3
"""What tabs of the studio hold in memory, and what is left of it within a minute after they are closed.

    python tools/measure_tabs.py PHOTO --tabs 6

Opens the page's sessions over its real server, each with its own bench and the photo on it, closes them, and prints
one JSON object of megabytes. Exit code 1 if more than a tenth of what the tabs held is still there after a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

MINUTE = 60.0  # seconds that closed tabs are given


def main() -> int:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--tabs", type=int, default=6)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, studio(Path(folder)) as (open_tab, free):
        with open_tab("warm") as place:
            place(args.photo.read_bytes(), "warm.jpg")
        wait_until(free)
        before = held()
        with ExitStack() as tabs:
            for number in range(args.tabs):
                tabs.enter_context(open_tab(f"tab{number}"))(args.photo.read_bytes(), f"{number}.jpg")
            full = held()
        closed = time.monotonic()
        wait_until(free)
        after, seconds = held(), time.monotonic() - closed
    found = {"before_mb": before, "tabs": args.tabs, "with_tabs_mb": full, "after_mb": after, "seconds": seconds}
    found |= {"a_tab_mb": (full - before) / args.tabs, "freed_of_a_tab_mb": (full - after) / args.tabs}
    print(json.dumps({name: round(value, 1) for name, value in found.items()}))
    return int(seconds > MINUTE or after - before > 0.1 * (full - before))


def held() -> float:
    """Return what this process alone holds, in MB."""
    return psutil.Process().memory_full_info().uss / 1e6


def wait_until(free: Callable[[], bool]) -> None:
    """Wait until no session is left; the studio looks every five seconds."""
    while not free():
        time.sleep(5)


@contextmanager
def studio(workspace: Path) -> Iterator[tuple[Callable, Callable[[], bool]]]:
    """Serve the page over the bundled model: yields what opens a tab, and what frees closed ones."""
    os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_HEARTBEAT_INTERVAL": "5"}
    os.environ["GRADIO_TEMP_DIR"] = str(workspace / "uploads")

    from app.__main__ import _open
    from app.files.uploads import Uploads
    from app.opening import open_services
    from app.options import StudioOptions
    from app.runs.bench import Bench
    from app.studio import build_page
    from app.web.tabs import Tabs

    options = StudioOptions(workspace=workspace, port=0, open_browser=False)
    services = open_services(options)
    page, tabs = build_page(services), Tabs()
    address = _open(page, options, Uploads(options.uploads), tabs).rstrip("/")
    services.start()

    @contextmanager
    def open_tab(session: str) -> Iterator[Callable[[bytes, str], None]]:
        with (
            httpx.Client(base_url=address, timeout=600) as client,
            client.stream("GET", f"/gradio_api/heartbeat/{session}") as heart,
        ):
            beats = heart.iter_lines()  # held, as the line is closed with it
            next(beats)
            (number,) = [number for number, each in page.fns.items() if each.name == "open_site"]
            call = {"fn_index": number, "session_hash": session, "data": [], "event_data": None, "trigger_id": None}
            client.post("/gradio_api/queue/join", json=call).raise_for_status()
            with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as lines:
                any("process_completed" in line for line in lines.iter_lines())
            (bench,) = [held for held in page.state_holder[session].state_data.values() if isinstance(held, Bench)]
            yield lambda photo, name: bench.place(photo, name, k=4, alpha=0.5)

    def free() -> bool:
        tabs.free(page.state_holder)
        return not page.state_holder.session_data

    try:
        yield open_tab, free
    finally:
        page.close(verbose=False)
        services.close()


if __name__ == "__main__":
    sys.exit(main())
