"""The Bank page as a person meets it: the real server, the real page, a real Chromium; one studio for all tests.

Long because all of it shares one studio and one browser.
"""

from __future__ import annotations

import base64
import io
import json
import re
import sqlite3
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from ragdiffusion.api import RAGDiffusion
from ragdiffusion.bank import Bank, EntryUpdate, NewEntry
from tests.app.in_browser import Studio, visit

pytestmark = pytest.mark.browser

ENTRIES = 12  # of the small bank in conftest.py
Draw = Callable[..., bytes]


@pytest.fixture
def page(long_page: Page) -> Page:
    """The Bank page, on its grid, with nothing left out."""
    long_page.get_by_role("tab", name="Bank").click()
    long_page.get_by_role("tab", name="Grid").click()
    return long_page


def total(page: Page, count: int) -> None:
    expect(page.locator(".bank-foot .total")).to_have_text(re.compile(f"^{count} of"))


def says(page: Page, text: str) -> None:
    expect(page.locator(".bank-say")).to_have_text(re.compile(text))


def card(page: Page, entry: int) -> None:
    page.locator(f".bank-grid .card[data-id='{entry}']").click()
    expect(page.locator(f".bank-entry[data-entry='{entry}'] .drawing")).to_be_visible()


def rows(studio: Studio, bank: str, what: str) -> list[tuple]:
    with sqlite3.connect(studio.workspace / "banks" / f"{bank}.sqlite3") as database:
        return database.execute(what).fetchall()


def alpha_of(cut_out: bytes) -> bytes:
    """The mask of a cut-out picture."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(cut_out)) as image:
        image.getchannel("A").save(file, "PNG")
    return file.getvalue()


def test_the_first_change_makes_a_copy_and_goes_back_and_forth(page: Page, studio: Studio) -> None:
    total(page, ENTRIES)
    expect(page.locator(".bank-grid .card .shape").first).to_have_css("mask-image", re.compile("data:image/png"))
    expect(page.locator(".bank-choice")).to_have_value("bundled")
    page.locator(".bank-menu summary").click()
    page.locator("[data-form=author] input").fill("Ana")
    page.locator("[data-form=author] button").click()
    says(page, "logged as Ana's")
    card(page, 2)
    expect(page.locator(".bank-entry .near")).to_have_count(6)
    page.locator(".bank-entry select[name=category]").select_option("Dress")
    says(page, "copy of it.*Entry 2 changed")
    expect(page.locator(".bank-choice")).not_to_have_value("bundled")
    expect(page.locator(".bank-entry .entry-list").last).to_contain_text("by Ana: category Unknown → Dress")
    expect(page.locator("#status")).to_contain_text("my-bank-r2")
    page.locator(".bank-grid .card[data-id='3']").click()
    page.locator(".bank-grid .card[data-id='5']").click(modifiers=["Shift"])
    expect(page.locator(".bank-foot .picked")).to_have_text("3 selected")
    page.locator(".bulk input[name=tag]").fill("spring")
    page.locator("[data-bulk=tag]").click()
    says(page, "3 entries tagged")
    page.locator(".bulk [name=attribute]").select_option("fit")
    page.locator(".bulk [name=value]").select_option("Loose")
    page.locator("[data-bulk=attribute]").click()
    says(page, "3 entries changed")
    page.locator(".bank-filters [data-field=tag]").select_option("spring")
    total(page, 3)
    page.locator(".bank-filters [data-field=tag]").select_option("")
    total(page, ENTRIES)
    page.locator(".bank-grid .card[data-id='4']").click()
    page.keyboard.press("Delete")
    total(page, ENTRIES - 1)
    page.locator(".bank-filters [data-field=state]").select_option("bin")
    total(page, 1)
    page.locator(".bank-filters [data-field=state]").select_option("")
    total(page, ENTRIES - 1)
    page.keyboard.press("Control+z")
    total(page, ENTRIES)
    page.keyboard.press("Control+Shift+z")
    total(page, ENTRIES - 1)
    page.locator(".bank-bar [data-act=undo]").click()
    total(page, ENTRIES)
    found = rows(studio, "My bank", "SELECT action FROM edit ORDER BY revision")
    assert [action for (action,) in found][-5:] == ["update", "delete", "undo", "redo", "undo"]


def test_filters_words_and_sorts(page: Page) -> None:
    page.locator(".bank-filters [data-field=text]").fill("#7")
    total(page, 1)
    page.locator(".bank-filters [data-field=text]").fill("")
    total(page, ENTRIES)
    page.locator(".bank-filters [data-field=add]").select_option("category Dress")
    total(page, 1)
    page.locator(".bank-filters .chip").click()
    total(page, ENTRIES)
    tomorrow = f"{datetime.now().astimezone().date() + timedelta(days=1)}"
    page.get_by_label("Added from").fill(tomorrow)
    total(page, 0)
    expect(page.locator(".bank-body > .empty")).to_have_text("No entry is like that. Take a filter away.")
    page.get_by_label("Added from").fill("")
    page.get_by_label("Added until").fill(tomorrow)
    total(page, ENTRIES)
    page.get_by_label("Added until").fill("")
    card(page, 6)
    page.locator(".bank-filters [data-field=sort]").select_option("similar")
    expect(page.locator(".bank-grid .card[data-id='6']")).to_have_css(
        "transform", re.compile(r"matrix\(1, 0, 0, 1, 8, 8\)")
    )
    page.locator(".bank-filters [data-field=sort]").select_option("oldest")


def test_a_garment_is_drawn_by_measures(page: Page) -> None:
    page.locator(".bank-bar [data-act=add_measures]").click()
    pane = page.locator(".bank-add")
    expect(pane.locator(".add-pattern path.outline")).to_be_attached()
    before = pane.locator(".add-pattern path.outline").get_attribute("d")
    pane.locator("[data-row=body_length] input[type=number]").fill("75")
    expect(pane.locator(".add-pattern path.outline")).not_to_have_attribute("d", before)
    pane.locator("[data-row=chest] input[type=number]").fill("2")
    expect(pane.locator(".measure.wrong")).to_have_attribute("data-row", "chest")
    expect(pane.locator("[data-add=save]")).to_be_disabled()
    pane.locator("[data-row=chest] input[type=number]").fill("52")
    expect(pane.locator("[data-add=save]")).to_be_enabled()
    expect(pane.locator("select[name=category]")).to_have_value("T-shirt")
    pane.locator("[data-add=save]").click()
    says(page, f"Entry {ENTRIES + 1} is in")
    expect(page.locator(".bank-entry svg.pattern")).to_be_visible()
    expect(page.locator(".bank-entry .entry-facts").first).to_contain_text("75 cm")
    with page.expect_download() as download:
        page.locator("[data-act=svg_shown]").click()
    assert download.value.suggested_filename == f"t_shirt-{ENTRIES + 1}.svg"
    svg = ElementTree.parse(download.value.path()).getroot()
    names = [path.get("id") for path in svg.iter("{http://www.w3.org/2000/svg}path")]
    assert names[0] == "outline" and "neckline_front" in names and 70 < float(svg.get("height").removesuffix("cm")) < 85
    total(page, ENTRIES + 1)
    page.locator(f".bank-grid .card[data-id='{ENTRIES}']").click(modifiers=["Control"])
    page.locator(".bulk [name=measure]").select_option("body_length")
    page.locator(".bulk [name=by]").fill("4")
    page.locator("[data-bulk=measure]").click()
    says(page, f"entry {ENTRIES} has no measure body length that could be moved: leave it out")


def test_photos_are_added_after_a_correction(page: Page, flat_lay_bytes: Draw) -> None:
    files = [
        {"name": "dress.png", "mimeType": "image/png", "buffer": flat_lay_bytes()},
        {"name": "words.png", "mimeType": "image/png", "buffer": b"no picture"},
    ]
    page.set_input_files("#bank_photos input", files)
    pane = page.locator(".bank-add")
    expect(pane.locator(".add-list button")).to_have_count(2)
    expect(pane.locator("[data-add=save]")).to_be_enabled()
    pane.locator("[data-tool=eraser]").click()
    pane.locator(".board").scroll_into_view_if_needed()
    board = pane.locator(".board").bounding_box()
    page.mouse.move(board["x"] + board["width"] / 2 - 60, board["y"] + board["height"] / 2 - 60)
    page.mouse.down()
    page.mouse.move(board["x"] + board["width"] / 2 + 60, board["y"] + board["height"] / 2 - 60, steps=6)
    page.mouse.up()
    expect(pane.locator("[data-draw=undo]")).to_be_enabled()
    pane.locator("select[name=category]").select_option("Dress")
    pane.locator("input[aria-label=Tags]").fill("hand, new")
    pane.locator("[data-add=save]").click()
    says(page, f"Entry {ENTRIES + 2} is in")
    expect(pane.locator(".findings")).to_contain_text("words.png")
    pane.locator("[data-add=drop]").click()
    expect(pane).to_be_hidden()
    total(page, ENTRIES + 2)
    expect(page.locator(".bank-entry .chip").first).to_have_text("hand ×")


def test_an_outline_is_drawn_by_the_measures_that_are_read_off_it(page: Page) -> None:
    card(page, ENTRIES + 2)
    expect(page.locator(".bank-entry .entry-read")).to_contain_text("As a t shirt is cut to the outline")
    page.locator("[data-act=edit_shown]").click()
    pane = page.locator(".bank-add")
    expect(pane.locator(".add-read")).to_contain_text("body length")
    pane.locator("[data-add=by_measures]").click()
    expect(pane.locator(".add-pattern path.outline")).to_be_visible()
    expect(pane.locator("[data-add=save]")).to_have_text("Save the change")
    expect(pane.locator("select[name=category]")).to_have_value("T-shirt")
    pane.locator("[data-add=cancel]").click()
    expect(pane).to_be_hidden()


def test_photos_that_come_while_an_entry_is_changed_wait_for_that(page: Page, flat_lay_bytes: Draw) -> None:
    card(page, 2)
    page.locator("[data-act=edit_shown]").click()
    pane = page.locator(".bank-add")
    expect(pane).to_be_visible()
    late = {"name": "late.png", "mimeType": "image/png", "buffer": flat_lay_bytes(320)}
    page.set_input_files("#bank_photos input", late)
    says(page, "1 of 1 pictures hold a garment")
    expect(pane.locator(".title")).to_have_text("Change entry 2")
    expect(pane.locator("[data-add=save]")).to_have_text("Save the change")
    expect(pane.locator(".add-list")).to_be_hidden()
    pane.locator("[data-add=cancel]").click()
    expect(pane.locator(".title")).to_have_text("Add to the bank")
    expect(pane.locator(".add-about")).to_have_text("late.png")
    pane.locator("[data-add=cancel]").click()
    expect(pane).to_be_hidden()


def test_the_map_lassoes_into_the_grid(page: Page) -> None:
    page.get_by_role("tab", name="Map").click()
    canvas = page.locator(".bank-map canvas[data-entries]")
    box = canvas.bounding_box()
    corners = [(0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99)]
    for i, (x, y) in enumerate(corners):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=3)
        if i == 0:
            page.mouse.down()
    page.mouse.up()
    expect(page.locator(".bank-filters .chip")).to_have_text(f"{ENTRIES + 2} of the map ×")
    page.locator(".bank-filters .chip").click()
    total(page, ENTRIES + 2)


def test_lists_versions_and_banks(page: Page) -> None:
    for view in ("Quality", "Coverage"):
        page.get_by_role("tab", name=view).click()
        expect(page.locator(f".bank-report[data-ready={view.lower()}]")).to_be_visible()
    page.get_by_role("tab", name="Versions").click()
    page.locator(".snapshot input").fill("spring")
    page.locator(".snapshot button").click()
    says(page, "is kept as spring")
    card(page, 1)
    page.locator("[data-act=delete_shown]").click()
    total(page, ENTRIES + 1)
    page.get_by_role("tab", name="Versions").click()
    page.locator("[data-compare=spring]").click()
    expect(page.locator(".difference")).to_contain_text("0 added, 1 removed, 0 changed since spring")
    page.locator("[data-back=spring]").click()
    total(page, ENTRIES + 2)
    page.locator(".bank-menu summary").click()
    page.locator("[data-form=create] input").fill("Autumn")
    page.locator("[data-form=create] button").click()
    says(page, "Autumn is empty")
    expect(page.locator(".bank-body > .empty")).to_have_text("This bank is empty.")
    own = page.locator(".bank-choice option").filter(has_text="My bank")
    page.locator(".bank-choice").select_option(value=own.get_attribute("value"))
    says(page, "Retrieval uses My bank")
    total(page, ENTRIES + 2)


def test_duplicates_are_selected_seen_deleted_and_brought_back(page: Page, studio: Studio) -> None:
    page.locator(".bank-menu summary").click()
    page.locator("[data-form=copy] input").fill("Twice")
    page.locator("[data-form=copy] button").click()
    says(page, "Twice lies open now")
    page.locator(".bank-menu summary").click()
    page.locator("[data-form=rename] input").fill("Summer")
    page.locator("[data-form=rename] button").click()
    says(page, "The bank is called Summer now")
    with Bank.open(studio.workspace / "banks" / "Summer.sqlite3") as theirs:
        twin = theirs.entry(3)
        theirs.add([NewEntry(twin.embedding, twin.silhouette, {}, source="twin:3")], allow_duplicates=True)
    total(page, ENTRIES + 3)  # by itself
    page.get_by_role("tab", name="Quality").click()
    expect(page.locator(".bank-report[data-ready=quality]")).to_be_visible()
    exact = page.locator("details.quality", has_text="Exact duplicates")
    exact.locator("summary").click()
    exact.locator("[data-spare]").click()
    total(page, 2)
    expect(page.locator(".bank-foot .picked")).to_have_text("1 selected")
    page.locator(".bank-foot [data-act=delete]").click()
    total(page, 1)
    page.locator(".bank-bar [data-act=undo]").click()
    total(page, 2)
    page.locator(".bank-choice").select_option(value="My bank")
    says(page, "Retrieval uses My bank")
    total(page, ENTRIES + 2)


def test_pictures_are_dropped_on_the_page(page: Page, flat_lay_bytes: Draw) -> None:
    given = page.evaluate_handle(
        """([data, ...names]) => {
          const all = new DataTransfer(), bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
          for (const name of names) all.items.add(new File([bytes], name, { type: 'image/png' }));
          return all;
        }""",
        [base64.b64encode(flat_lay_bytes()).decode(), "one.png", "two.png"],
    )
    page.locator(".bank-grid").dispatch_event("drop", {"dataTransfer": given})
    pane = page.locator(".bank-add")
    expect(pane.locator(".add-list button")).to_have_count(2)
    expect(pane.locator(".add-list")).to_contain_text("two.png")
    pane.locator("[data-add=cancel]").click()
    expect(pane).to_be_hidden()


def test_a_drawn_landmark_goes_from_design_to_the_bank(page: Page, photo_bytes: Draw) -> None:
    page.get_by_role("tab", name="Design").click()
    page.set_input_files("#photo_file input", {"name": "shirt.png", "mimeType": "image/png", "buffer": photo_bytes()})
    expect(page.locator("#film .row:not(.further) .frame:not(.drafted)")).to_have_count(4)
    page.locator("#canvas [data-tool=eraser]").click()
    page.locator("#canvas .board").scroll_into_view_if_needed()
    board = page.locator("#canvas .board").bounding_box()
    page.mouse.move(board["x"] + board["width"] / 2, board["y"] + board["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(board["x"] + board["width"] / 2 + 30, board["y"] + board["height"] * 0.55, steps=4)
    page.mouse.up()
    expect(page.locator("#canvas .source")).to_have_text("edited")
    page.locator("#canvas .menu summary").click()
    page.locator("#canvas [data-act=to_bank]").click()
    expect(page.locator("#status .message")).to_have_text(re.compile(f"Entry {ENTRIES + 3} is in My bank"))
    page.get_by_role("tab", name="Bank").click()
    total(page, ENTRIES + 3)
    page.get_by_role("tab", name="Try a photo").click()
    photos = [{"name": f"{n}.png", "mimeType": "image/png", "buffer": photo_bytes()} for n in ("shirt", "again")]
    page.set_input_files("#bank_try input", photos)
    expect(page.locator(".bank-report .near")).to_have_count(8)
    page.get_by_role("tab", name="Versions").click()
    page.locator("[data-compare=spring]").click()
    expect(page.locator(".difference h4")).to_have_count(2)
    expect(page.locator(".difference .then-now .near").first).to_be_visible()


def test_a_generated_picture_goes_to_the_bank_in_one_click(page: Page, studio: Studio) -> None:
    page.get_by_role("tab", name="Design").click()
    page.locator("#generate").click()
    expect(page.locator("#result .facts")).to_contain_text("seed")
    page.locator("#result [data-menu=save] summary").click()
    page.locator("#result [data-act=to_bank]").click()
    expect(page.locator("#status .message")).to_have_text(re.compile(f"Entry {ENTRIES + 4} is in My bank"))
    page.get_by_role("tab", name="Bank").click()
    total(page, ENTRIES + 4)
    card(page, ENTRIES + 4)
    expect(page.locator(".bank-entry")).to_contain_text("generated:run 1")
    expect(page.locator(".bank-entry .chip").first).to_have_text("generated ×")
    found = rows(studio, "My bank", f"SELECT thumbnail IS NOT NULL FROM entry WHERE id = {ENTRIES + 4}")
    assert found == [(1,)], "the picture that was embedded is kept"
    page.locator(".bank-bar [data-act=undo]").click()
    total(page, ENTRIES + 3)


def test_a_garment_is_drawn_before_the_lists_are_there(studio: Studio, long_page: Page) -> None:
    page = long_page.context.new_page()
    page.add_init_script(
        """const pressing = setInterval(() => {  // as soon as the page hears it
          if (document.querySelector('.bank-add')?.hidden === false) clearInterval(pressing);
          else document.querySelector('.bank-bar [data-act=add_measures]')?.click();
        }, 5);"""
    )
    visit(page, studio)
    page.get_by_role("tab", name="Bank").click()
    expect(page.locator(".bank-add select[name=category]")).to_have_value("T-shirt")
    page.close()


def test_a_bank_of_another_checkpoint_is_encoded_from_the_page(page: Page, studio: Studio, model: RAGDiffusion) -> None:
    with Bank.create(studio.workspace / "banks" / "Old.sqlite3", fingerprint="x", dimension=4, name="Old") as old:
        entries = enumerate(model.bank.entries())
        old.add([NewEntry(np.eye(4)[i % 4], entry.silhouette, {}) for i, entry in entries])
    card(page, 1)
    page.locator(".bank-entry input[name=tag]").fill("seen")
    page.locator(".bank-entry input[name=tag]").press("Enter")
    menu = page.locator(".bank-menu summary")
    menu.click()
    expect(page.locator(".bank-menu .unusable")).to_contain_text("made with encoder x")
    page.locator("[data-encode=Old]").click()
    says(page, "Old is encoded for this checkpoint")
    page.locator(".bank-choice").select_option(value="Old")
    says(page, "Retrieval uses Old")
    total(page, ENTRIES)
    page.locator(".bank-choice").select_option(value="My bank")
    says(page, "Retrieval uses My bank")


def test_an_outline_that_somebody_else_changed_meanwhile_is_chosen_from_both(page: Page, studio: Studio) -> None:
    bank = studio.workspace / "banks" / "My bank.sqlite3"
    for mine in (False, True):
        card(page, 2)
        page.locator("[data-act=edit_shown]").click()
        expect(page.locator(".bank-add")).to_be_visible()
        page.locator(".add-tools [data-tool=eraser]").click()
        board = page.locator(".bank-add .board").bounding_box()
        page.mouse.move(board["x"] + board["width"] / 2, board["y"] + board["height"] / 2)
        page.mouse.down()
        page.mouse.move(board["x"] + board["width"] / 2 + 40, board["y"] + board["height"] / 2, steps=4)
        page.mouse.up()
        expect(page.locator(".bank-add [data-draw=undo]")).to_be_enabled()
        with Bank.open(bank) as theirs:
            theirs.update([EntryUpdate(2, attributes={"collar": "Polo" if mine else "Hooded"})], author="Ben")
        page.locator(".bank-add [data-add=save]").click()
        clash = page.locator(".bank-clash")
        expect(clash.locator(".clash-about")).to_contain_text("entry 2 was changed by Ben meanwhile")
        expect(clash.locator(".clash-sides .shape")).to_have_count(2)
        expect(clash.locator(".entry-list")).to_contain_text("update by Ben")
        expect(clash.locator("[data-clash=theirs]")).to_have_text("Keep Ben's")
        clash.locator(f"[data-clash={'mine' if mine else 'theirs'}]").click()
        expect(page.locator(".bank-add")).to_be_hidden()
        says(page, "Entry 2 has another outline" if mine else "Entry 2 stays as Ben left it")
        newest = page.locator(".bank-entry .entry-list").last.locator("li").first
        expect(newest).to_contain_text("another outline" if mine else "collar Unknown → Hooded")
    assert rows(studio, "My bank", "SELECT json_extract(attributes, '$.collar') FROM entry WHERE id = 2") == [("Polo",)]


def test_what_was_exported_and_folders_and_coco_come_in(page: Page, tmp_path: Path, flat_lay_bytes: Draw) -> None:
    menu = page.locator(".bank-menu summary")
    menu.click()
    page.locator(".bank-menu [data-act=export]").click()
    says(page, f"{ENTRIES + 3} entries of .* are ready")
    with page.expect_download() as download:
        page.locator("#bank-out a").first.click()
    download.value.save_as(tmp_path / "all.zip")
    menu.click()
    page.locator("[data-form=create] input").fill("Winter")
    page.locator("[data-form=create] button").click()
    says(page, "Winter is empty")

    def taken(field: str, files: object, *, form: str, found: int, new: int) -> None:
        page.set_input_files(f"[data-files={field}]", files)
        plan = page.locator(".bank-report[data-ready=import]")
        garments = "garment" if found == 1 else "garments"
        expect(plan).to_contain_text(f"{found} {garments} found ({form}), {new} of them can enter")
        if not new:
            expect(plan.locator("[data-enter]")).to_be_disabled()
            page.get_by_role("tab", name="Grid").click()
            return
        plan.locator("[data-enter]").click()
        says(page, f"{new} entries came in as one action")

    taken("files", tmp_path / "all.zip", form="bank", found=ENTRIES + 3, new=ENTRIES + 3)
    total(page, ENTRIES + 3)
    taken("files", tmp_path / "all.zip", form="bank", found=ENTRIES + 3, new=0)
    folder = tmp_path / "spring"
    for name, data in (("images/a.png", flat_lay_bytes(300)), ("masks/a.png", alpha_of(flat_lay_bytes(300)))):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    taken("folder", folder, form="masks", found=1, new=1)
    total(page, ENTRIES + 4)
    expect(page.locator(".bank-filters [data-field=source]")).to_contain_text("spring (1)")
    polygon = [120, 40, 180, 40, 190, 120, 240, 270, 60, 270, 110, 120]
    about = {
        "images": [{"id": 1, "width": 300, "height": 300, "file_name": "a.png"}],
        "categories": [{"id": 7, "name": "dress"}],
        "annotations": [
            {"id": 3, "image_id": 1, "category_id": 7, "segmentation": [polygon]},
            {"id": 4, "image_id": 1, "category_id": 7, "segmentation": {"size": [300, 300], "counts": "oo"}},
        ],
    }
    picture = {"name": "a.png", "mimeType": "image/png", "buffer": flat_lay_bytes(300, "#884422")}
    words = {"name": "coco.json", "mimeType": "application/json", "buffer": json.dumps(about).encode()}
    taken("files", [words, picture], form="coco", found=2, new=1)
    total(page, ENTRIES + 5)
    page.locator(".bank-bar [data-act=undo]").click()
    total(page, ENTRIES + 4)
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../evil.png", b"x")
    page.set_input_files("[data-files=files]", tmp_path / "evil.zip")
    says(page, "leads out of the archive")
    total(page, ENTRIES + 4)
