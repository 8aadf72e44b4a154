"""The photo at work in a real Chromium: turned, cropped, its garment marked and mended; left and found again."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from ragdiffusion.config import assets_folder
from tests.app.in_browser import PATIENCE, Open, Studio, close_toasts, visit

pytestmark = pytest.mark.browser

WORN = "04-sweater-worn.jpg"


@pytest.fixture(scope="module")
def checkpoint(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small model's checkpoint with the parser of the bundled one."""
    parser = assets_folder() / "checkpoints" / "studio" / "garment_parser"
    if not parser.is_dir():
        pytest.skip("the bundled checkpoint has no garment_parser")
    folder = tmp_path_factory.mktemp("with_parser") / "checkpoint"
    shutil.copytree(checkpoint, folder)
    shutil.copytree(parser, folder / "garment_parser", dirs_exist_ok=True)
    return folder


@pytest.fixture
def page(long_page: Page) -> Page:
    close_toasts(long_page)
    return long_page


def place(page: Page, path: Path) -> None:
    page.set_input_files("#photo_file input", path)
    expect(page.locator("#photo .name")).to_have_text(path.name)
    settled(page)


def place_worn(page: Page) -> None:
    place(page, assets_folder() / "examples" / WORN)
    expect(page.locator("#film .row:not(.further) .frame")).to_have_count(4)


def settled(page: Page) -> None:
    expect(page.locator("#photo .busy")).to_be_hidden()


def size(page: Page) -> str:
    return page.locator("#photo .size").inner_text()


def expect_size(page: Page, text: str | re.Pattern) -> None:
    expect(page.locator("#photo .size")).to_have_text(text)
    settled(page)


def drag(page: Page, selector: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag over an element, in shares of its sides."""
    box = page.locator(selector).bounding_box()
    at = lambda place: (box["x"] + box["width"] * place[0], box["y"] + box["height"] * place[1])  # noqa: E731
    page.mouse.move(*at(start))
    page.mouse.down()
    page.mouse.move(*at(end), steps=5)
    page.mouse.up()


def generate(page: Page, workspace: Path) -> None:
    (last,) = newest(workspace, "id") or (0,)
    page.locator("#steps input[type=number]").fill("1")
    page.locator("#steps input[type=number]").press("Tab")
    page.locator("#generate").click()
    expect(page.locator("#status .message")).to_have_text(re.compile(f"Run {last + 1} is saved"))


def newest(workspace: Path, *columns: str) -> list:
    with sqlite3.connect(workspace / "studio.sqlite3") as database:
        found = database.execute(f"SELECT {', '.join(columns)} FROM runs ORDER BY id DESC LIMIT 1").fetchone()
    return [json.loads(value) if isinstance(value, str) else value for value in found or ()]


def test_a_photo_is_turned_and_cropped_and_a_run_remembers_it(page: Page, workspace: Path) -> None:
    place_worn(page)
    expect_size(page, "504 × 672")
    page.keyboard.press("r")
    expect_size(page, "672 × 504")
    page.locator("#photo [data-tool=left]").click()
    expect_size(page, "504 × 672")

    page.keyboard.press("c")
    frame = page.locator("#photo .cropper .rectangle")
    expect(frame).to_be_visible()
    expect(page.locator("#photo .cropper")).to_be_focused()
    drag(page, "#photo .cropper", (0.02, 0.02), (0.8, 0.6))  # outside of what was found it draws anew
    expect_size(page, re.compile(r"39\d × 39\d|3[89]\d × 3[89]\d"))
    drag(page, "#photo .cropper .rectangle", (0.5, 0.5), (0.6, 0.6))
    settled(page)
    before = size(page)
    page.keyboard.press("Shift+ArrowDown")
    expect(page.locator("#photo .size")).not_to_have_text(before)
    settled(page)
    cropped = size(page)
    page.keyboard.press("Escape")
    expect(frame).to_be_hidden()
    expect(page.locator("#photo .kept")).to_be_visible()
    mirror = page.locator("#photo [data-tool=mirror]")
    mirror.click()
    expect(mirror).to_have_attribute("aria-pressed", "true")
    expect_size(page, cropped)

    generate(page, workspace)
    (framing,) = newest(workspace, "framing")
    assert framing["mirrored"] is True
    left, top, right, bottom = framing["box"]
    assert framing["turns"] == 0 and f"{right - left} × {bottom - top}" == cropped
    page.keyboard.press("c")
    page.locator("#photo [data-tool=whole]").click()
    expect_size(page, "504 × 672")
    page.keyboard.press("Escape")
    page.keyboard.press("l")
    expect(mirror).to_have_attribute("aria-pressed", "false")
    settled(page)
    page.get_by_text("Restore", exact=True).click()
    page.get_by_role("menuitem", name="Restore all", exact=True).click()
    expect_size(page, cropped)
    expect(mirror).to_have_attribute("aria-pressed", "true")


def test_a_photo_that_looks_turned_is_offered_to_be_turned(page: Page, tmp_path: Path) -> None:
    with Image.open(assets_folder() / "examples" / "02-dress-hung.jpg") as upright:
        upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "aside.png")
        across, down = upright.size
    place(page, tmp_path / "aside.png")
    remark = page.locator("#photo .remark")
    expect(remark).to_contain_text("Looks turned: turn it?")
    remark.get_by_role("button", name="Turn it").click()
    expect_size(page, f"{across} × {down}")
    expect(remark).to_be_hidden()


def test_a_photo_without_a_garment_stays_and_one_can_be_marked(page: Page, tmp_path: Path) -> None:
    Image.new("RGB", (300, 300), "#dddddd").save(tmp_path / "wall.png")
    place(page, tmp_path / "wall.png")
    remark = page.locator("#photo .remark")
    expect(remark).to_contain_text("No garment was found in this photo: draw a box around it, paint it with the brush")
    expect(page.locator("#status .message")).to_contain_text("No garment was found in this photo")
    expect(page.locator("#film .frame")).to_have_count(0)
    expect(page.locator("#film .empty")).to_contain_text("no garment is known in this photo")
    expect(page.locator("#canvas .board")).to_be_hidden()

    page.keyboard.press("x")
    drag(page, "#photo .marker", (0.2, 0.2), (0.8, 0.8))
    toast = page.get_by_test_id("toast-body").filter(has_text="nothing in the box stands out")
    expect(toast).to_be_visible()
    settled(page)
    page.locator("#photo [data-tool=brush]").click()
    page.locator("#photo .nib").fill("120")
    drag(page, "#photo .mend", (0.3, 0.3), (0.7, 0.6))
    expect(page.locator("#photo .chip.own")).to_have_text("marked by you")
    expect(page.locator("#film .row:not(.further) .frame")).to_have_count(4)
    expect(remark).to_be_hidden()
    page.keyboard.press("Control+z")
    expect(remark).to_be_visible()
    expect(page.locator("#film .frame")).to_have_count(0)
    expect(page.locator("#mix")).to_contain_text("α mixes the photo's own structure")  # and no longer says how much
    page.keyboard.press("Control+Shift+z")
    expect(page.locator("#photo .chip.own")).to_have_text("marked by you")
    settled(page)
    page.keyboard.press("Escape")


def test_eraser_and_brush_mend_the_garment(page: Page, workspace: Path) -> None:
    place_worn(page)
    expect(page.locator("#photo .chip[aria-pressed=true]")).to_have_text(["top"])
    page.locator("#photo [data-tool=eraser]").click()
    drag(page, "#photo .mend", (0.5, 0.4), (0.5, 0.6))
    own = page.locator("#photo .chip.own")
    expect(own).to_have_text("marked by you")
    settled(page)
    expect(page.locator("#photo [data-mends]")).to_have_attribute("data-mends", "1")
    page.keyboard.press("b")
    expect(page.locator("#photo [data-tool=brush]")).to_have_attribute("aria-pressed", "true")
    page.locator("#photo .mend").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#photo [data-mends]")).to_have_attribute("data-mends", "2")
    page.keyboard.press("Control+z")
    page.keyboard.press("Escape")
    settled(page)
    generate(page, workspace)
    (garment,) = newest(workspace, "garment")
    assert set(garment) == {"mask"}
    mask = Image.open(workspace / "images" / garment["mask"][:2] / f"{garment['mask']}.png")
    assert mask.size == (504, 672) and mask.getpixel((252, 336)) < 128 < mask.getpixel((150, 400))
    page.keyboard.press("Control+z")  # the canvas has nothing to undo
    expect(own).to_have_count(0)
    expect(page.locator("#photo .chip[aria-pressed=true]")).to_have_text(["top"])


def test_the_bank_is_looked_through_beyond_the_candidates(page: Page) -> None:
    place_worn(page)
    page.locator("#film [data-act=more]").click()
    further = page.locator("#film .further")
    expect(further.locator(".frame")).to_have_count(8)
    expect(page.locator("#film .row:not(.further)")).to_be_hidden()
    expect(page.locator("#film .kinds")).to_have_value("")
    expect(further).to_have_attribute("data-filled", "8")
    further.locator(".frame").nth(5).click()
    expect(page.locator("#canvas .source")).to_have_text("edited")
    expect(further.locator(".frame[aria-selected=true]")).to_have_count(1)
    expect(page.locator("#status .message")).to_have_text(re.compile(r"The shape of bank entry \d+ is the landmark"))
    expect(page.locator("#k input[type=number]")).to_have_value("4")
    page.keyboard.press("2")
    expect(page.locator("#canvas .source")).to_have_text("candidate 2")
    expect(further.locator(".frame[aria-selected=true]")).to_have_count(0)
    page.locator("#film [data-act=more]").click()
    expect(page.locator("#film .row:not(.further) .frame")).to_have_count(4)
    expect(further).to_be_hidden()


def test_a_mask_that_looks_inverted_is_asked_about(page: Page, tmp_path: Path) -> None:
    place_worn(page)
    ground = Image.new("L", (256, 256), 255)
    ground.paste(0, (60, 40, 200, 220))
    ground.save(tmp_path / "ground.png")
    page.set_input_files("#canvas input[type=file]", tmp_path / "ground.png")
    question = page.get_by_role("alertdialog", name="The mask looks inverted")
    expect(question).to_contain_text("ground.png marks the border of the picture")
    expect(question.get_by_role("button", name="Invert it")).to_be_focused()
    page.keyboard.press("Enter")
    expect(question).to_be_hidden()
    expect(page.locator("#canvas .source")).to_have_text("edited")


def drop(page: Page, data: dict) -> None:
    """Drop files and folders of this machine, or other things, as the system does."""
    box = page.locator("#photo .stage").bounding_box()
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        wish = {"items": [], "dragOperationsMask": 1, **data}
        session.send("Input.dispatchDragEvent", {"type": kind, **place, "data": wish})
    session.detach()


def test_a_folder_offers_its_photos_and_an_address_says_what_to_do(
    page: Page, tmp_path: Path, photo_bytes: Callable[..., bytes]
) -> None:
    place_worn(page)
    deep = tmp_path / "season" / "tops" / "red"
    deep.mkdir(parents=True)
    for path in (deep / "a.png", deep.parent / "b.PNG", deep.parent / ".hidden.png", tmp_path / "season" / "notes.txt"):
        path.write_bytes(photo_bytes(size=(60, 80)))
    drop(page, {"files": [str(tmp_path / "season")]})
    several = page.get_by_role("alertdialog", name="Several photos")
    expect(several).to_contain_text("2 files. Make a picture of each")
    expect(several).to_contain_text("Left out, as they are no pictures that can be read: notes.txt.")
    several.locator("[data-act=first]").click()
    expect(page.locator("#photo .name")).to_have_text("b.PNG")
    settled(page)
    (tmp_path / "empty").mkdir()
    drop(page, {"files": [str(tmp_path / "empty")]})
    toasts = page.get_by_test_id("toast-body")
    expect(toasts.filter(has_text="There is no picture in that folder")).to_be_visible()
    (tmp_path / "empty" / "raw.cr2").write_bytes(b"raw")
    drop(page, {"files": [str(tmp_path / "empty")]})
    expect(toasts.filter(has_text="no pictures that can be read: raw.cr2")).to_be_visible()
    address = {"mimeType": "text/uri-list", "data": "https://example.org/shirt.jpg"}
    drop(page, {"items": [address]})
    expect(toasts.filter(has_text="Nothing is fetched from the web")).to_be_visible()
    expect(page.locator("#photo .name")).to_have_text("b.PNG")


def test_reload_another_tab_and_another_start_find_the_bench(
    open_page: Open, studio: Studio, photo_bytes: Callable[..., bytes], tmp_path: Path
) -> None:
    page = open_page()
    (tmp_path / "left.png").write_bytes(photo_bytes())
    place(page, tmp_path / "left.png")
    canvas = page.locator("#canvas [data-guide]")
    before = canvas.get_attribute("data-guide")
    page.keyboard.press("l")
    mirror = "#photo [data-tool=mirror]"
    expect(page.locator(mirror)).to_have_attribute("aria-pressed", "true")
    settled(page)
    expect(canvas).not_to_have_attribute("data-guide", before)
    page.keyboard.press("3")
    expect(page.locator("#canvas .source")).to_have_text("candidate 3")
    page.locator("#steps input[type=number]").fill("1")
    page.locator("#steps input[type=number]").press("Tab")
    page.locator("#colour-match input").check()
    wait_until_kept(page, studio, "left.png", choice=2, page_settings={"steps": 1, "colour_match": True})

    def expect_as_left(tab: Page) -> None:
        expect(tab.locator("#photo .name")).to_have_text("left.png")
        expect(tab.locator(mirror)).to_have_attribute("aria-pressed", "true")
        expect(tab.locator("#canvas .source")).to_have_text("candidate 3")
        expect(tab.locator("#steps input[type=number]")).to_have_value("1")
        expect(tab.locator("#colour-match input")).to_be_checked()

    page.reload()
    expect_as_left(page)
    page.goto("about:blank")
    page.go_back()
    expect_as_left(page)
    other = page.context.new_page()
    visit(other, studio)
    expect_as_left(other)
    cards = other.locator("#history .card")
    with sqlite3.connect(studio.workspace / "studio.sqlite3") as database:
        (count,) = database.execute("SELECT count(*) FROM runs").fetchone()
    expect(cards).to_have_count(count)
    page.locator("#generate").click()
    expect(page.locator("#status .message")).to_have_text(re.compile(r"Run \d+ is saved"))
    expect(cards).to_have_count(count + 1)
    other.close()

    studio.stop()
    studio.start()
    studio.killed = True  # what the page asked meanwhile is lost
    visit(page, studio)
    expect_as_left(page)


def wait_until_kept(page: Page, studio: Studio, name: str, *, choice: int, page_settings: dict) -> None:
    """Wait for a bench in the workspace."""
    patience = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < patience:
        for file in studio.workspace.glob("benches/*/bench.json"):
            kept = json.loads(file.read_text())
            inputs, settings = kept["inputs"], kept["page"]
            same = {key: settings.get(key) for key in page_settings} == page_settings
            if inputs["photo_name"] == name and inputs["choice"] == choice and same:
                return
        page.wait_for_timeout(100)
    raise AssertionError("the bench was not kept")
