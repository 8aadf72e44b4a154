"""Record a walk through the studio as a moving picture: a photo, the skirt clicked, a strap erased, a pick, the result.

    python tools/record_walk.py assets/walk.webp

It takes Playwright, a Chromium, the packages of ``requirements-train.txt``, which render the person, and the bundled
checkpoint.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ragdiffusion.config import assets_folder
from ragdiffusion.garments.people.engine import PeopleEngine
from tests.app.in_browser import PATIENCE, Studio, pages

_SHOT = 700049  # of the engine: a woman in shirt and skirt, the strap of a bag across both
_STRAP = [(0.535, 0.36), (0.545, 0.4), (0.575, 0.46), (0.605, 0.53)]  # on the skirt, in shares of the photo's sides
_SKIRT = (0.45, 0.55)
_SIDE, _QUALITY = 1080, 80  # pixels across and quality of what is written
_TILES = 5  # candidates and the drafted shape
_GLANCE, _LOOK = 500, 1800  # ms for which a frame stays


class WalkRecorder:
    """Frames of a page, each with the time for which it stays.

    Args:
        page: of the studio.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self._frames: list[tuple[Image.Image, int]] = []

    def keep(self, milliseconds: int) -> None:
        """Take the page as it is."""
        picture = Image.open(BytesIO(self.page.screenshot())).convert("RGB")
        picture.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
        self._frames.append((picture, milliseconds))

    def write(self, path: Path) -> None:
        """Write an endless WebP."""
        pictures, times = zip(*self._frames, strict=True)
        pictures[0].save(
            path, save_all=True, append_images=pictures[1:], duration=list(times), loop=0, quality=_QUALITY, method=6
        )


def walk(page: Page, photo: Path) -> WalkRecorder:
    """Do what a person would do, and keep a frame of each step."""
    seen = WalkRecorder(page)
    seen.keep(_GLANCE)
    page.set_input_files("#photo_file input", photo)
    _settle(page)
    seen.keep(_LOOK)
    page.mouse.move(*_at(page, ".garments", _SKIRT))
    expect(page.locator("#photo .garments .tag:not([hidden])")).to_have_count(1)
    seen.keep(_LOOK)
    page.mouse.down()
    page.mouse.up()
    expect(page.locator("#photo .chip[aria-pressed=true]")).to_have_text(["trousers or skirt"])
    _settle(page)
    seen.keep(_LOOK)
    page.locator("#photo [data-tool=eraser]").click()
    page.locator("#photo .nib").fill("34")
    seen.keep(_GLANCE)
    places = [_at(page, ".mend", place) for place in _STRAP]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places:
        page.mouse.move(*place, steps=6)
        seen.keep(_GLANCE // 2)
    page.mouse.up()
    expect(page.locator("#photo .chip.own")).to_have_text("marked by you")
    page.keyboard.press("Escape")
    _settle(page)
    seen.keep(_LOOK)
    page.keyboard.press("2")
    expect(page.locator("#canvas .source")).to_have_text("candidate 2")
    seen.keep(_LOOK)
    page.locator("#generate").click()
    seen.keep(_GLANCE)
    expect(page.locator("#status .message")).to_have_text(re.compile(r"Run \d+ is saved"))
    expect(page.locator("#result .facts")).to_contain_text("seed")
    _shown(page, "#result")
    seen.keep(2 * _LOOK)
    return seen


def _settle(page: Page) -> None:
    """Wait until the photo was looked at and the candidates are filled."""
    expect(page.locator("#photo .busy")).to_be_hidden()
    expect(page.locator("#film .row:not(.further) .frame")).to_have_count(_TILES)
    expect(page.locator("#film [data-filled]").first).to_have_attribute("data-filled", str(_TILES - 1))
    _shown(page, "#film")


def _shown(page: Page, part: str) -> None:
    """Wait until every picture of a part is loaded."""
    page.wait_for_function(
        "part => [...document.querySelectorAll(`${part} img`)].every(image => image.complete && image.naturalWidth)",
        arg=part,
    )


def _at(page: Page, part: str, place: tuple[float, float]) -> tuple[float, float]:
    """A place of the photo, in shares of its sides, in pixels of the page."""
    box = page.locator(f"#photo {part}").bounding_box()
    assert box is not None  # it was waited for
    return box["x"] + box["width"] * place[0], box["y"] + box["height"] * place[1]


def main(argv: list[str] | None = None) -> int:
    """Render the person, walk and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path, help="file to write, such as assets/walk.webp")
    parser.add_argument(
        "--chromium", default=shutil.which("chromium"), help="path of the browser (default: the one that is found)"
    )
    args = parser.parse_args(argv)
    if args.chromium is None:
        parser.error("no Chromium is found: name one by --chromium")
    expect.set_options(timeout=PATIENCE)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright, ExitStack() as stack:
        photo = Path(folder) / "skirt-and-strap.jpg"
        Image.fromarray(PeopleEngine(1024).shot(_SHOT).photo).save(photo, quality=92)
        (workspace := Path(folder) / "workspace").mkdir()
        studio = Studio(workspace, assets_folder() / "checkpoints" / "studio")
        studio.start()
        stack.callback(studio.stop)
        open_page = stack.enter_context(pages(playwright, args.chromium, studio, Path(folder)))
        walk(open_page(), photo).write(args.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
