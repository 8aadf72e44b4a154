"""The drafted shape and its sliders as a person meets them, in a real Chromium."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Locator, Page, expect

from ragdiffusion.bank import Bank, EntryUpdate
from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.garments.patterns import draft
from ragdiffusion.images import encode_silhouette

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def checkpoint(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small model's checkpoint over a bank whose entries are drawn from measures."""
    folder = tmp_path_factory.mktemp("with_patterns") / "checkpoint"
    shutil.copytree(checkpoint, folder)
    with Bank.open(folder / "bank.sqlite3") as bank:
        ids, vectors = bank.embeddings()
        changes = []
        for entry, vector in zip(ids, vectors, strict=True):
            shirt = draft("t_shirt", {"body_length": 60.0 + 2 * entry})
            stored = encode_silhouette(torch.from_numpy(shirt.rasterise(512)).float() / 255)
            spec = PatternSpec("t_shirt", shirt.measures)
            changes.append(EntryUpdate(entry, embedding=vector, silhouette=stored, pattern=spec))
        bank.update(changes)
    return folder


@pytest.fixture
def page(long_page: Page, photo_bytes: Callable[..., bytes], request: pytest.FixtureRequest) -> Page:
    """The page with a photo of its own on it."""
    page = long_page
    colour = f"#{abs(hash(request.node.name)) & 0x7F7F7F:06x}"
    token = fact(page, "token")
    file = {"name": "shirt.png", "mimeType": "image/png", "buffer": photo_bytes(colour)}
    page.set_input_files("#photo_file input", file)
    page.wait_for_function(f"() => {{ {FACTS} return facts().token && facts().token !== '{token}' }}")
    if page.locator("[data-act=understood]").is_visible():
        page.locator("[data-act=understood]").click()
    return page


FACTS = (
    "const facts = () => ({...(document.querySelector('#canvas [data-steps], #canvas[data-steps]') ?? {}).dataset});"
)


def fact(page: Page, name: str) -> str | None:
    return page.evaluate(f"() => {{ {FACTS} return facts()['{name}'] ?? null }}")


def settled(page: Page) -> None:
    """Python has answered to the newest change."""
    page.wait_for_function(f"() => {{ {FACTS} return facts().settled === facts().serial }}")


def steps(page: Page, count: int) -> None:
    page.wait_for_function(f"() => {{ {FACTS} return facts().steps === '{count}' }}")


def tile(page: Page) -> Locator:
    return page.locator("#film .frame.drafted")


def outline(page: Page) -> str:
    return tile(page).locator("path").get_attribute("d")


def number(page: Page, key: str) -> Locator:
    return page.locator(f"#measures [data-row={key}] input[type=number]")


def runs(workspace: Path) -> list[tuple]:
    with sqlite3.connect(workspace / "studio.sqlite3") as database:
        return database.execute("SELECT id, status, landmark_source, pattern FROM runs ORDER BY id").fetchall()


def test_the_drafted_shape_is_picked_moved_and_taken_back(page: Page) -> None:
    expect(page.locator("#film .frame")).to_have_count(5)
    expect(tile(page)).to_have_attribute(
        "aria-label", re.compile(r"Drafted shape, t shirt: fit \d\.\d\d, IoU \d\.\d\d")
    )
    expect(tile(page).locator("img")).to_be_visible()  # the garment is laid into it
    expect(page.locator("#measures .measures")).to_be_hidden()
    page.locator("#film .frame").nth(3).focus()
    page.keyboard.press("ArrowRight")
    expect(tile(page)).to_be_focused()
    page.keyboard.press("Enter")
    expect(tile(page)).to_have_attribute("aria-selected", "true")
    expect(page.locator("#canvas .source")).to_have_text("drafted")
    predicted = number(page, "body_length").input_value()
    expect(page.locator("[data-act=reset_all]")).to_be_disabled()
    before = outline(page)

    # One press of a key on a slider: the outline follows, and it is one step.
    page.locator("#measures [data-row=body_length] input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    steps(page, 2)
    expect(number(page, "body_length")).to_have_value(f"{float(predicted) + 0.1:g}")
    expect(tile(page)).to_have_attribute("aria-label", re.compile("measures 1 moved"))
    page.locator("#measures [data-row=body_length] [data-reset]").click()
    steps(page, 3)
    expect(number(page, "body_length")).to_have_value(predicted)

    # A drag of the mouse is one step, however far it goes.
    page.evaluate("document.querySelector('#measures .measures').dataset.drawn = '0'")
    slider = page.locator("#measures [data-row=hem] input[type=range]").bounding_box()
    y = slider["y"] + slider["height"] / 2
    page.mouse.move(slider["x"] + slider["width"] * 0.45, y)
    page.mouse.down()
    page.mouse.move(slider["x"] + slider["width"] * 0.6, y, steps=12)
    page.wait_for_function(
        "Number(document.querySelector('#measures .measures').dataset.drawn) > 0"
    )  # while it is held
    assert fact(page, "steps") == "3"
    page.mouse.up()
    steps(page, 4)
    settled(page)
    moved = outline(page)
    assert moved != before

    # Undo takes the sliders along; another shape hides them, and coming back finds them as they were left.
    hem = number(page, "hem").input_value()
    page.keyboard.press("Control+z")
    expect(number(page, "hem")).not_to_have_value(hem)
    page.keyboard.press("Control+Shift+z")
    expect(number(page, "hem")).to_have_value(hem)
    page.locator("#canvas .board").focus()
    page.keyboard.press("2")
    expect(page.locator("#measures .measures")).to_be_hidden()
    page.locator("#canvas .ghost").select_option("drafted")  # it can be compared with
    page.keyboard.press("Escape")
    page.locator("#canvas .board").focus()
    page.keyboard.press("d")
    expect(number(page, "hem")).to_have_value(hem)
    assert outline(page) == moved
    page.locator("[data-act=reset_all]").click()
    expect(tile(page)).to_have_attribute("aria-label", re.compile("fit"))
    assert outline(page) == before


def test_measures_that_contradict_are_named_at_their_slider(page: Page) -> None:
    page.keyboard.press("d")
    number(page, "body_length").fill("15")
    row = page.locator("#measures [data-row=body_length]")
    expect(row.get_by_role("alert")).to_contain_text("body length is 15 cm")
    expect(number(page, "body_length")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#measures .note")).to_contain_text("The outline stays as it was")
    steps(page, 1)
    expect(number(page, "chest")).to_have_attribute("aria-invalid", "false")
    number(page, "body_length").fill("80")
    number(page, "body_length").press("Enter")
    steps(page, 2)
    expect(row.get_by_role("alert")).to_be_hidden()
    page.locator("#measures .kind").select_option("tank")
    steps(page, 3)
    expect(tile(page)).to_have_attribute("aria-label", re.compile("Drafted shape, tank: measures"))
    expect(page.locator("#measures [data-row=sleeve_length]")).to_have_count(0)
    expect(number(page, "body_length")).to_have_value("80")
    page.locator("[data-act=reset_all]").click()
    expect(page.locator("#measures .kind")).to_have_value("t_shirt")
    steps(page, 4)


def test_a_run_of_it_is_logged_restored_and_saved_into_the_bank(page: Page, workspace: Path) -> None:
    page.keyboard.press("d")
    number(page, "sleeve_length").fill("25")
    number(page, "sleeve_length").press("Enter")
    steps(page, 2)
    page.get_by_label("Steps").nth(0).fill("1")
    page.locator("#generate").click()
    expect(page.locator("#result .facts")).to_contain_text("drafted, t shirt")
    ((_, status, source, pattern),) = runs(workspace)
    assert (status, source, json.loads(pattern)["measures"]["sleeve_length"]) == ("done", "drafted", 25)
    page.locator("#canvas .board").focus()
    page.keyboard.press("1")
    expect(page.locator("#measures .measures")).to_be_hidden()
    page.get_by_text("Restore", exact=True).click()
    page.get_by_role("menuitem", name="Restore all", exact=True).click()
    expect(number(page, "sleeve_length")).to_have_value("25")
    expect(page.locator("#canvas .source")).to_have_text("drafted")
    page.locator("[data-act=keep]").click()
    expect(page.locator("#status .message")).to_contain_text(re.compile(r"Entry \d+ is in"))
    for width, height in ((1280, 720), (960, 720), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        slider = page.locator("#measures [data-row=body_length] input[type=range]")
        slider.click(trial=True)
        assert slider.bounding_box()["width"] >= 60
        assert page.evaluate("document.scrollingElement.scrollWidth") == width
        for pane in ("#photo .photo-tools", "#measures .measures"):
            room = page.locator(pane).bounding_box()
            for button in page.locator(f"{pane} button:visible").all():
                box = button.bounding_box()
                assert box["x"] + box["width"] <= room["x"] + room["width"] + 1, (width, pane)
        page.locator("#generate").click(trial=True)
