"""Bad input and bad times as a person meets them: said in words, nothing lost, the page goes on."""

from __future__ import annotations

import base64
import io
import re
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin
from playwright.sync_api import Page, expect

from tests.app.in_browser import close_toasts, drawn

pytestmark = pytest.mark.browser

Draw = Callable[..., bytes]
_DROP = """async ([selector, files]) => {
  const carrier = new DataTransfer();
  for (const [name, text] of files) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    carrier.items.add(new File([bytes], name, { type: 'image/png' }));
  }
  const wish = { dataTransfer: carrier, bubbles: true, cancelable: true };
  document.querySelector(selector).dispatchEvent(new DragEvent('drop', wish));
}"""


@pytest.fixture(scope="module")
def checkpoint(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that may be removed."""
    return Path(shutil.copytree(checkpoint, tmp_path_factory.mktemp("weights") / "checkpoint"))


@pytest.fixture
def page(long_page: Page) -> Page:
    close_toasts(long_page)
    return long_page


def place(page: Page, data: bytes, name: str = "shirt.png") -> None:
    page.set_input_files("#photo_file input", {"name": name, "mimeType": "image/png", "buffer": data})
    expect(page.locator("#photo .name")).to_have_text(name)
    expect(page.locator("#film .frame")).to_have_count(4)


def toast(page: Page, text: str | re.Pattern):
    return page.get_by_test_id("toast-body").filter(has_text=text).first


def drop(page: Page, files: list[tuple[str, bytes]]) -> float:
    """Drop files on the photo pane; the seconds that the page's thread computed for it, however busy the machine is."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def computed() -> float:
        found = session.send("Performance.getMetrics")["metrics"]
        return next(metric["value"] for metric in found if metric["name"] == "ThreadTime")

    before = computed()
    page.evaluate(_DROP, ["#photo .stage", [[name, base64.b64encode(data).decode()] for name, data in files]])
    drawn(page)
    spent = computed() - before
    session.detach()
    return spent


def test_two_hundred_photos_at_once_are_offered_as_a_batch(page: Page, photo_bytes: Draw, workspace: Path) -> None:
    place(page, photo_bytes())
    data = photo_bytes("#335577", size=(60, 80))
    assert drop(page, [(f"p{i}.png", data) for i in range(200)]) < 1, "the page stays responsive"
    several = page.get_by_role("alertdialog", name="Several photos")
    expect(several).to_contain_text("200 files. Make a picture of each")
    expect(several.locator("[data-act=each]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(several).to_be_hidden()
    expect(page.locator("#photo .name")).to_have_text("shirt.png")

    drop(page, [("first.png", data), ("second.png", photo_bytes())])
    several.locator("[data-act=first]").click()
    expect(page.locator("#photo .name")).to_have_text("first.png")

    drop(page, [(f"p{i}.png", data) for i in range(200)])
    several.locator("[data-act=each]").click()
    expect(page.locator("#status .message")).to_have_text(re.compile("^200 photos are in the queue"))
    page.keyboard.press("2")
    expect(page.locator("#canvas .source")).to_have_text("candidate 2")
    page.locator("#queue [data-act=cancel_all]").click()
    expect(page.locator("#queue .count")).to_have_text("empty")
    with sqlite3.connect(workspace / "studio.sqlite3") as database:
        names = [name for (name,) in database.execute("SELECT photo_name FROM runs")]
    assert sorted(names, key=lambda name: int(name[1:-4])) == [f"p{i}.png" for i in range(200)]

    drop(page, [(f"p{i}.png", b"x") for i in range(1001)])
    expect(several).to_contain_text("1001 files are too many at once: 1000 is the most")
    expect(several.locator("[data-act=each]")).to_be_disabled()
    several.locator("[data-act=none]").click()


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, data in members.items():
            made.writestr(name, data)
    return buffer.getvalue()


def with_text() -> bytes:
    chunks, buffer = PngImagePlugin.PngInfo(), io.BytesIO()
    chunks.add_text("parameters", "masterpiece, <script>window.taken = 1</script> Steps: 20")
    chunks.add_itxt("workflow", '{"nodes": []}')
    Image.new("RGB", (64, 64), "#884422").save(buffer, "PNG", pnginfo=chunks)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("notes.zip", zipped({"notes.txt": b"no bundle"}), "bundle.json is not in it"),
        ("climbs.zip", zipped({"bundle.json": b"{}", "../../evil.png": b"x"}), "does not belong into it"),
        ("words.zip", b"PK no zip at all", "words.zip"),
        ("foreign.png", with_text(), "foreign.png"),
    ],
    ids="not-ours climbs no-zip foreign-metadata".split(),
)
def test_what_cannot_be_taken_into_the_history_is_said(
    page: Page, name: str, data: bytes, expected: str, workspace: Path
) -> None:
    page.get_by_role("tab", name="History").click()
    kind = "image/png" if name.endswith("png") else "application/zip"
    page.set_input_files("#bundle_in input", {"name": name, "mimeType": kind, "buffer": data})
    expect(toast(page, expected)).to_be_visible()
    expect(page.locator("#status .message")).to_contain_text(expected)
    assert page.evaluate("window.taken") is None
    assert [*workspace.parent.rglob("evil.png")] == []
    page.get_by_role("tab", name="Design").click()


def test_a_log_that_another_program_holds_is_said_and_nothing_is_lost(
    page: Page, photo_bytes: Draw, workspace: Path
) -> None:
    place(page, photo_bytes("#668822"), "held.png")
    page.locator("#steps input[type=number]").fill("1")
    page.locator("#steps input[type=number]").press("Tab")
    with closing(sqlite3.connect(workspace / "studio.sqlite3", isolation_level=None, timeout=30)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        page.locator("#generate").click()
        page.keyboard.press("3")
        expect(page.locator("#canvas .source")).to_have_text("candidate 3")
        refusal = toast(page, re.compile(r"cannot be used \(database is locked\).*no other program holds it"))
        expect(refusal).to_be_visible()
    page.locator("#generate").click()
    expect(page.locator("#status .message")).to_have_text(re.compile(r"Run \d+ is saved"))


def test_a_studio_whose_checkpoint_is_removed_goes_on_and_marks_it(
    page: Page, photo_bytes: Draw, checkpoint: Path
) -> None:
    shutil.rmtree(checkpoint)
    place(page, photo_bytes("#2233aa"), "later.png")
    page.keyboard.press("2")
    expect(page.locator("#status[data-warning=true], #status [data-warning=true]")).to_be_attached()
    expect(page.locator("#status .parts")).to_contain_text("files gone")
    expect(page.locator("#status .message")).to_contain_text("The checkpoint's folder is gone")
    page.locator("#generate").click()
    expect(page.locator("#status .message")).to_have_text(re.compile(r"Run \d+ is saved"))
