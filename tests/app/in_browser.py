"""The real server and a real Chromium, as the browser tests use them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, Playwright, expect

PATIENCE = 180_000  # ms; an idle machine needs a hundredth of it
_ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
Open = Callable[..., Page]


class Studio:
    """A studio, started as `launch.py` starts it; it can be killed and started again over the same workspace.

    Args:
        workspace: made by the caller.
        checkpoint: folder of the weights.
        options: more of the command line.

    Attributes:
        address: of its page.
        killed: whether it ever was.
    """

    def __init__(self, workspace: Path, checkpoint: Path, *options: str) -> None:
        self.workspace = workspace
        self._options = ["--workspace", str(workspace), "--checkpoint", str(checkpoint), *options]
        self._server: subprocess.Popen | None = None
        self.address = ""
        self.killed = False

    def start(self) -> None:
        """Start it and wait for its page."""
        call = [sys.executable, "-m", "app", "--port", "0", "--no-browser", "--device", "cpu", *self._options]
        with open(self.workspace / "log", "ab") as log:
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            self._server = subprocess.Popen(
                call, cwd=_ROOT, stdout=subprocess.PIPE, stderr=log, text=True, env=environment
            )
        found = re.search(r"http://127\.0\.0\.1:\d+", self._server.stdout.readline())
        assert found, (self.workspace / "log").read_text()
        self.address = found.group()

    def log(self) -> list[str]:
        """Return the last lines that it wrote."""
        return (self.workspace / "log").read_text(errors="replace").splitlines()[-200:]

    def stop(self) -> None:
        """End it as Ctrl+C does."""
        self._server.terminate()
        self._wait()

    def freeze(self) -> None:
        """Let it do nothing until it goes on or is killed."""
        self._server.send_signal(signal.SIGSTOP)
        while (Path(f"/proc/{self._server.pid}/stat")).exists() and not self._stopped():
            time.sleep(0.001)

    def go_on(self) -> None:
        """Let a frozen one go on."""
        self._server.send_signal(signal.SIGCONT)

    def _stopped(self) -> bool:
        stat = Path(f"/proc/{self._server.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] in "Tt"

    def kill(self) -> None:
        """End it at once, as the system does when memory runs out."""
        self.killed = True
        self._server.kill()
        self._wait()

    def _wait(self) -> None:
        self._server.wait(PATIENCE / 1000)
        self._server.stdout.close()


@contextmanager
def pages(playwright: Playwright, chromium: str, studio: Studio, folder: Path) -> Iterator[Open]:
    """Opens pages in browsers of their own; asserts at the end that no request left the machine, no script failed.

    Args:
        playwright: that drives the browser.
        chromium: path of the browser.
        studio: whose page is opened.
        folder: for the browsers' profiles.
    """
    contexts: list[BrowserContext] = []
    asked: list[str] = []
    errors: list[str] = []

    def open_(width: int = 1440, height: int = 900, scheme: str = "light") -> Page:
        context = playwright.chromium.launch_persistent_context(
            str(folder / f"profile{len(contexts)}"),
            executable_path=chromium,
            args=FLAGS,
            headless=True,
            viewport={"width": width, "height": height},
            color_scheme=scheme,
        )
        contexts.append(context)
        page = context.pages[0]
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
        visit(page, studio)
        return page

    yield open_
    for context in contexts:
        context.close()
    local = ("http://127.0.0.1:", "data:", "blob:", "about:", "chrome:")
    foreign = [url for url in asked if not url.startswith(local)]
    assert not foreign, foreign
    # What a killed studio did not answer, or a reload cut off, is no fault of the page.
    killed = ("net::ERR_", "network error", "Failed to fetch") if studio.killed else ()
    lost = ("AbortError", "Connection errored out", *killed)
    found = [text for text in errors if not any(words in text for words in lost)]
    assert not found, "\n".join([*found, "The studio's log:", *studio.log()])


def until(page: Page, condition: Callable[[], object]) -> None:
    """Wait for what is told by Python alone, while the page goes on."""
    patience = time.monotonic() + PATIENCE / 1000
    while not condition():
        assert time.monotonic() < patience, "it did not come about"
        page.wait_for_timeout(10)


def close_toasts(page: Page) -> None:
    """Take away the notices that are there; some go by themselves meanwhile."""
    page.evaluate("document.querySelectorAll('[data-testid=toast-close]').forEach((button) => button.click())")


def drawn(page: Page) -> None:
    """Wait until what was changed is laid out: sizes are told to scripts a frame later, and seen in the next."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def visit(page: Page, studio: Studio) -> None:
    """Open the studio's page and wait for its model."""
    page.goto(studio.address)
    expect(page.locator("#status[data-state=ready], #status [data-state=ready]")).to_be_attached(timeout=PATIENCE)
