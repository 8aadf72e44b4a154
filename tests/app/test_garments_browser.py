"""Which garment is meant, as a person chooses it in a real Chromium, over the bundled parser."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from ragdiffusion.config import assets_folder
from tests.app.in_browser import Open

pytestmark = pytest.mark.browser

NAMES = ["top", "trousers or skirt"]


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


def place(page: Page, name: str = "04-sweater-worn.jpg") -> None:
    page.set_input_files("#photo_file input", assets_folder() / "examples" / name)
    expect(page.locator("#photo .name")).to_have_text(name)
    expect(page.locator("#film .frame")).to_have_count(4)


def chip(page: Page, name: str):
    return page.locator("#photo .chips").get_by_role("button", name=name, exact=True)


def expect_chosen(page: Page, name: str) -> None:
    expect(page.locator("#photo .chip[aria-pressed=true]")).to_have_text([name])
    expect(page.locator("#photo .busy")).to_be_hidden()


def point_at(page: Page, x: float, y: float) -> None:
    """Move the pointer to a place of the photo, in shares of its sides."""
    box = page.locator("#photo .garments").bounding_box()
    page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)


def lit(page: Page):
    return page.locator("#photo .garments .tag:not([hidden])")


def tinted(page: Page) -> list[float]:
    """Top and bottom of what is lit up, in shares of the photo's height."""
    return page.locator("#photo .garments canvas").evaluate(
        "canvas => { const { data, width, height } = canvas.getContext('2d').getImageData(0, 0, canvas.width,"
        " canvas.height); const rows = []; for (let i = 0; i < data.length; i += 4) if (data[i + 3])"
        " rows.push(Math.floor(i / 4 / width)); return [rows[0] / height, rows[rows.length - 1] / height]; }"
    )


def test_garments_are_named_and_lit_and_one_is_clicked(open_page: Open, workspace: Path) -> None:
    page = open_page()
    place(page)
    expect(page.locator("#photo .chip")).to_have_text(NAMES)
    expect_chosen(page, "top")
    expect(page.locator("#status .message")).to_have_text(re.compile("The largest top or dress is taken, the top"))

    picture, area = (page.locator(f"#photo {part}").bounding_box() for part in (".picture", ".garments"))
    assert area["width"] / area["height"] == pytest.approx(504 / 672, abs=0.01), "it lies on the photo"
    assert area["height"] == pytest.approx(picture["height"], abs=1) or area["width"] == pytest.approx(
        picture["width"], abs=1
    )
    point_at(page, 0.5, 0.5)
    expect(lit(page)).to_have_text("top")
    above = tinted(page)
    point_at(page, 0.02, 0.02)
    expect(lit(page)).to_have_count(0)
    chip(page, "trousers or skirt").hover()
    expect(lit(page)).to_have_text("trousers or skirt")
    below = tinted(page)
    assert above[0] < below[0] and above[1] <= below[1], "trousers lie below the top"

    point_at(page, 0.5, (below[0] + below[1]) / 2)
    expect(lit(page)).to_have_text("trousers or skirt")
    page.mouse.down()
    page.mouse.up()
    expect_chosen(page, "trousers or skirt")
    expect(page.locator("#status .message")).to_have_text(
        "100% of it is not seen in the photo, and completed from its own cloth"  # an untrained flow sees none
    )

    page.locator("#steps input[type=number]").fill("1")
    page.locator("#steps input[type=number]").press("Tab")
    page.locator("#generate").click()
    expect(page.locator("#status .message")).to_have_text(re.compile(r"Run \d+ is saved"))
    with sqlite3.connect(workspace / "studio.sqlite3") as database:
        (garment,) = database.execute("SELECT garment FROM runs ORDER BY id DESC LIMIT 1").fetchone()
    assert json.loads(garment) == {"name": "lower"}

    place(page, "06-polo-worn.jpg")
    expect_chosen(page, "trousers or skirt")  # remembered
    chip(page, "top").click()
    expect_chosen(page, "top")
    page.get_by_text("Restore", exact=True).click()
    page.get_by_role("menuitem", name="Restore all", exact=True).click()
    expect(page.locator("#photo .name")).to_have_text("04-sweater-worn.jpg")
    expect_chosen(page, "trousers or skirt")


def test_keys_choose_a_garment(open_page: Open) -> None:
    page = open_page()
    place(page)
    area = page.locator("#photo .garments")
    area.focus()
    expect(lit(page)).to_have_count(0)
    page.keyboard.press("ArrowRight")
    expect(lit(page)).to_have_text("trousers or skirt")
    page.keyboard.press("ArrowDown")
    expect(lit(page)).to_have_text("top")
    page.keyboard.press("ArrowUp")
    expect(lit(page)).to_have_text("trousers or skirt")
    page.keyboard.press("Enter")
    expect_chosen(page, "trousers or skirt")
    expect(area).to_be_focused()
    page.keyboard.press("Enter")  # it is chosen already
    expect_chosen(page, "trousers or skirt")


def test_a_photo_without_a_garment_says_what_to_do(open_page: Open, tmp_path: Path) -> None:
    page = open_page()
    Image.new("RGB", (300, 300), "#dddddd").save(tmp_path / "wall.png")
    page.set_input_files("#photo_file input", tmp_path / "wall.png")
    expect(page.locator("#photo .name")).to_have_text("wall.png")
    expect(page.locator("#photo .remark")).to_contain_text("draw a box around it, paint it with the brush")
    expect(page.locator("#status .message")).to_contain_text("No garment was found in this photo")
    expect(page.locator("#photo .busy")).to_be_hidden()
    expect(page.locator("#photo .chips")).to_be_hidden()
