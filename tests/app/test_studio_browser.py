"""The studio as a person meets it: the real server, the real page, a real Chromium."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.app.in_browser import PATIENCE, Open, close_toasts, until

pytestmark = pytest.mark.browser


def runs(workspace: Path) -> list[tuple]:
    with sqlite3.connect(workspace / "studio.sqlite3") as database:
        return database.execute(
            "SELECT status, photo_name, k, choice, landmark_source, seed, steps FROM runs ORDER BY id"
        ).fetchall()


def give_photo(page: Page, name: str, data: bytes) -> None:
    page.set_input_files("#photo_file input", {"name": name, "mimeType": "image/png", "buffer": data})


def set_number(page: Page, name: str, value: float) -> None:
    field = page.locator(f"#{name} input[type=number]")
    field.fill(str(value))
    field.press("Tab")


def state(page: Page, name: str):
    return page.locator(f"#result[data-state={name}], #result [data-state={name}]")


def frames(page: Page):
    return page.locator("#film .frame")


def begin_long_run(open_page: Open, workspace: Path, name: str, data: bytes) -> Page:
    """A page from which a run of seconds has begun."""
    page, before = open_page(), len(runs(workspace))
    give_photo(page, name, data)
    expect(frames(page)).to_have_count(4)
    set_number(page, "steps", 50)
    set_number(page, "strength", 1)
    page.locator("#generate").click()
    until(page, lambda: len(runs(workspace)) > before)
    return page


def test_from_first_visit_to_a_saved_result(
    open_page: Open, workspace: Path, photo_bytes: Callable[..., bytes], tmp_path: Path, recorded: Callable
) -> None:
    page = open_page()
    with recorded(page):
        walk(page, workspace, photo_bytes(), tmp_path)


def walk(page: Page, workspace: Path, photo: bytes, folder: Path) -> None:
    """From a photo to files: tune, pick, generate, save, compare, draw, generate again, export at full size."""
    before = len(runs(workspace))
    for act in ("flip", "save", "restore"):  # what cannot be done says why
        control = page.locator(f"#result [data-act={act}]").first
        expect(control).to_have_attribute("title", "There is no picture yet: press Generate")
    expect(page.locator("#queue [data-act=pause]")).to_have_attribute("title", "The queue is empty")
    give_photo(page, "My shirt.png", photo)
    expect(frames(page)).to_have_count(4)
    expect(page.locator("#photo .name")).to_have_text(re.compile("My shirt"))
    expect(page.locator("#film .badge:not([hidden])")).to_have_text(["consensus"])
    expect(page.locator("#canvas .source")).to_have_text("consensus")
    assert "similarity" in frames(page).first.inner_text() and "IoU" in frames(page).first.inner_text()

    set_number(page, "k", 6)
    expect(frames(page)).to_have_count(6)
    frames(page).nth(4).click()
    expect(page.locator("#canvas .source")).to_have_text("candidate 5")
    expect(frames(page).nth(4)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("2")
    expect(page.locator("#canvas .source")).to_have_text("candidate 2")
    page.keyboard.press("0")
    expect(page.locator("#canvas .source")).to_have_text("consensus")
    page.keyboard.press("3")
    expect(page.locator("#canvas .source")).to_have_text("candidate 3")

    set_number(page, "seed", 11)
    set_number(page, "steps", 4)
    page.keyboard.press("Control+Enter")
    expect(state(page, "done")).to_be_attached()
    expect(page.locator("#status .message")).to_have_text(re.compile(r"Run \d+ is saved"))
    assert runs(workspace)[before:] == [("done", "My_shirt.png", 6, 2, "candidate", 11, 4)] or runs(workspace)[
        before:
    ] == [("done", "My shirt.png", 6, 2, "candidate", 11, 4)]

    with page.expect_download() as download:
        page.get_by_text("Save PNG").click()
    saved = folder / "flat.png"
    download.value.save_as(saved)
    stored = {Image.open(path).tobytes() for path in (workspace / "images").rglob("*.png")}
    assert Image.open(saved).tobytes() in stored, "what is saved is what the log holds"
    page.get_by_label("Compare", exact=True).check()
    expect(page.locator("#result .divider")).to_be_visible()

    expect(page.locator("#canvas .hint")).to_be_hidden()  # it goes with the first picture
    board = page.locator("#canvas .board").bounding_box()
    page.keyboard.press("b")
    page.mouse.move(board["x"] + board["width"] / 2, board["y"] + board["height"] * 0.9)
    page.mouse.down()
    page.mouse.move(board["x"] + board["width"] * 0.6, board["y"] + board["height"] * 0.9, steps=5)
    page.mouse.up()
    expect(page.locator("#canvas .source")).to_have_text("edited")
    page.locator("#generate").click()
    expect(page.locator("#status .message")).to_have_text(re.compile(rf"Run {before + 2} is saved"), timeout=PATIENCE)
    assert runs(workspace)[-1][4] == "edited"
    page.get_by_label("More ways to save").click()
    page.locator("select[data-of=size]").select_option("400")
    page.locator("select[data-of=background]").select_option("transparent")
    page.get_by_label("Settings inside the file").uncheck()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export PNG").click()
    download.value.save_as(folder / "large.png")
    with Image.open(folder / "large.png") as image:
        assert (image.size, image.mode, image.info) == ((400, 400), "RGBA", {})
    assert download.value.suggested_filename.endswith("-400.png")
    expect(page.get_by_role("button", name="Export PNG")).to_be_hidden()


def test_seeds_keep_all_their_digits(open_page: Open, workspace: Path, photo_bytes: Callable[..., bytes]) -> None:
    page = open_page()
    give_photo(page, "large.png", photo_bytes())
    expect(frames(page)).to_have_count(4)
    set_number(page, "steps", 1)
    field, last = page.locator("#seed input"), 2**63 - 1
    for typed, seed in ((str(2**53 + 1), 2**53 + 1), (f"00{last}", last)):
        field.fill(typed)
        field.press("Tab")
        expect(field).to_have_value(str(seed))
        page.locator("#generate").click()
        expect(page.locator("#result .facts")).to_contain_text(f"seed {seed}")
        expect(page.locator("#status .message")).to_have_text(re.compile(r"Run \d+ is saved"))
        assert runs(workspace)[-1][5] == seed
    field.press("ArrowUp")
    expect(field).to_have_value(str(last))
    field.press("ArrowDown")
    expect(field).to_have_value(str(last - 1))
    before = len(runs(workspace))
    for wrong in (str(last + 1), "-1", "1.5", ""):
        field.fill(wrong)
        page.locator("#generate").click()
        refusal = page.get_by_test_id("toast-body").filter(has_text="seed must be a whole number from 0 to")
        expect(refusal.filter(has_text=str(last)).first).to_be_visible()
        close_toasts(page)
        expect(refusal).to_have_count(0)
    assert len(runs(workspace)) == before


def test_bad_photos_are_messages_and_leave_no_trace(
    open_page: Open, workspace: Path, photo_bytes: Callable[..., bytes]
) -> None:
    page = open_page()
    before, pictures = runs(workspace), len([*(workspace / "images").rglob("*.*")])
    page.locator("#generate").click()
    expect(page.get_by_test_id("toast-body").first).to_contain_text("no photo yet")
    for name, data in (
        ("cut.png", photo_bytes()[:300]),
        ("words.jpg", b"no picture at all"),
        ("dot.png", photo_bytes(size=(4, 4))),
        ("nothing.png", b""),
    ):
        give_photo(page, name, data)
        toast = page.get_by_test_id("toast-body").filter(has_text=name)
        expect(toast).to_be_visible()
        assert str(workspace) not in toast.inner_text() and "Traceback" not in toast.inner_text()
        expect(page.locator("#status .message")).to_contain_text(name)
        expect(page.locator("#photo .busy")).to_be_hidden()
    expect(frames(page)).to_have_count(0)
    give_photo(page, "good.png", photo_bytes())
    expect(frames(page)).to_have_count(4)
    page.set_input_files("#mask_file input", {"name": "photo.png", "mimeType": "image/png", "buffer": photo_bytes()})
    expect(page.get_by_test_id("toast-body").filter(has_text="map of 3 labels")).to_be_visible()
    expect(page.locator("#canvas .source")).to_have_text("consensus")
    assert runs(workspace) == before
    assert len([*(workspace / "images").rglob("*.*")]) == pictures


def test_a_run_is_cancelled_and_says_so(open_page: Open, workspace: Path, photo_bytes: Callable[..., bytes]) -> None:
    page = open_page()
    give_photo(page, "shirt.png", photo_bytes())
    expect(frames(page)).to_have_count(4)
    set_number(page, "steps", 50)
    set_number(page, "strength", 1)
    set_number(page, "seeds", 8)  # one that is nearly done is no test
    page.locator("#guidance input[type=number]").fill("3")
    page.locator("#guidance input[type=number]").press("Tab")
    expect(page.locator("#cancel")).to_be_disabled()
    page.locator("#generate").click()
    expect(page.locator("#cancel")).to_be_enabled()
    page.locator("#cancel").click()
    expect(state(page, "cancelled")).to_be_attached()
    expect(page.locator("#generate")).to_be_enabled()
    assert runs(workspace)[-1][0] == "cancelled"


def test_a_run_goes_on_when_its_page_is_closed(
    open_page: Open, workspace: Path, photo_bytes: Callable[..., bytes]
) -> None:
    page = begin_long_run(open_page, workspace, "left.png", photo_bytes())
    page.close()
    newest = open_page().locator("#history .card").first
    expect(newest).to_have_attribute("aria-label", re.compile("left.png, seed 0, done"))
    assert runs(workspace)[-1][:2] == ("done", "left.png")


def test_a_page_reloaded_in_mid_run_finds_it_again(
    open_page: Open, workspace: Path, photo_bytes: Callable[..., bytes]
) -> None:
    page = begin_long_run(open_page, workspace, "reloaded.png", photo_bytes())
    page.reload()
    expect(page.locator("#status[data-state=ready], #status [data-state=ready]")).to_be_attached(timeout=PATIENCE)
    page.locator("#history .card").first.click()
    expect(state(page, "done")).to_be_attached(timeout=PATIENCE)
    expect(page.locator("#result .facts")).to_contain_text("steps 50")
    assert runs(workspace)[-1][:2] == ("done", "reloaded.png")


def test_two_people_at_once_keep_their_own_benches(open_page: Open, photo_bytes: Callable[..., bytes]) -> None:
    ana, ben = open_page(), open_page()
    give_photo(ana, "ana.png", photo_bytes())
    expect(frames(ana)).to_have_count(4)
    expect(frames(ben)).to_have_count(0)
    give_photo(ben, "ben.png", photo_bytes("#224488"))
    expect(frames(ben)).to_have_count(4)
    ana.keyboard.press("2")
    expect(ana.locator("#canvas .source")).to_have_text("candidate 2")
    set_number(ben, "k", 3)
    expect(frames(ben)).to_have_count(3)
    expect(ben.locator("#canvas .source")).to_have_text("consensus")
    expect(frames(ana)).to_have_count(4)
    expect(ana.locator("#photo .name")).to_have_text("ana.png")
    for page in (ana, ben):
        set_number(page, "steps", 2)
        page.locator("#generate").click()
    for page, name in ((ana, "ana"), (ben, "ben")):
        expect(state(page, "done")).to_be_attached()
        expect(page.locator("#result [data-act=save]")).to_have_attribute(
            "download", re.compile(rf"{name}-flat-\d+\.png")
        )


def test_a_run_of_yesterday_is_looked_at_and_restored(open_page: Open, photo_bytes: Callable[..., bytes]) -> None:
    first = open_page()
    give_photo(first, "old.png", photo_bytes())
    expect(frames(first)).to_have_count(4)
    first.keyboard.press("4")
    expect(first.locator("#canvas .source")).to_have_text("candidate 4")
    set_number(first, "seed", 77)
    set_number(first, "steps", 2)
    first.locator("#generate").click()
    expect(state(first, "done")).to_be_attached()

    page = open_page()
    give_photo(page, "new.png", photo_bytes("#224488"))
    expect(frames(page)).to_have_count(4)
    page.locator("#history .card").first.click()
    expect(page.locator("#result .facts")).to_contain_text("seed 77")
    expect(page.locator("#photo .name")).to_have_text("new.png")
    page.get_by_text("Restore", exact=True).click()
    page.get_by_role("menuitem", name="Restore all", exact=True).click()
    expect(page.locator("#photo .name")).to_have_text("old.png")
    expect(page.locator("#canvas .source")).to_have_text("candidate 4")
    expect(page.locator("#seed input")).to_have_value("77")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1280, 720)])
def test_all_of_it_is_on_one_screen(
    open_page: Open, photo_bytes: Callable[..., bytes], width: int, height: int, scheme: str
) -> None:
    page = open_page(width, height, scheme)
    give_photo(page, "shirt.png", photo_bytes())
    expect(frames(page)).to_have_count(4)
    set_number(page, "k", 8)
    expect(frames(page)).to_have_count(8)
    size = page.evaluate(
        "() => { const a = document.querySelector('#app');"
        " return [a.scrollWidth, a.scrollHeight, document.scrollingElement.scrollHeight] }"
    )
    assert size == [width, height, height], "nothing scrolls"
    below = page.locator("#settings").evaluate("column => column.scrollHeight - column.clientHeight")
    assert below <= 0 or height < 900, "nor do the settings, where there is room"
    for part in ("#photo .picture", "#canvas .board", "#generate", "#status .parts", "#history .history"):
        box = page.locator(part).bounding_box()
        assert box["width"] > 0 and box["x"] >= 0 and box["y"] >= 0
        assert box["x"] + box["width"] <= width and box["y"] + box["height"] <= height, part
    last = frames(page).nth(7).bounding_box()
    assert last["x"] + last["width"] <= width, "the eighth candidate is in sight"
    ground = page.evaluate("getComputedStyle(document.querySelector('#app')).backgroundColor")
    assert ground == {"light": "rgb(244, 244, 242)", "dark": "rgb(22, 22, 24)"}[scheme]
