"""A bank that a team shares on PostgreSQL, on the page: others' edits arrive, and of two at once a person chooses."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Playwright, expect

from ragdiffusion.bank import Bank, EntryUpdate, NewEntry
from tests.app.in_browser import Studio, pages

pytestmark = pytest.mark.browser


@pytest.fixture
def bank(postgres_url: str, checkpoint: Path) -> Iterator[Bank]:
    """The small bank on a server, as another studio has it open."""
    with Bank.open(checkpoint / "bank.sqlite3", read_only=True) as small:
        about = {"fingerprint": small.fingerprint, "dimension": small.dimension, "name": "team"}
        entries = [NewEntry(each.embedding, each.silhouette, {}, source=each.source) for each in small.entries()]
    with Bank.create(postgres_url, **about) as made:
        made.add(entries)
        yield made


@pytest.fixture
def page(bank: Bank, postgres_url: str, checkpoint: Path, playwright: Playwright, chromium: str, tmp_path: Path):
    (workspace := tmp_path / "workspace").mkdir()
    studio = Studio(workspace, checkpoint, "--bank", postgres_url)
    studio.start()
    with pages(playwright, chromium, studio, tmp_path / "browser") as open_:
        yield open_()
    studio.stop()


def test_a_team_sees_each_others_edits_and_chooses_between_two(page: Page, bank: Bank) -> None:
    page.get_by_role("tab", name="Bank").click()
    page.locator(".bank-grid .card[data-id='2']").click()
    entry = page.locator(".bank-entry[data-entry='2']")
    expect(entry.locator(".drawing")).to_be_visible()
    bank.update([EntryUpdate(2, attributes={"category": "Skirt"})], author="Ben")
    expect(entry.locator(".entry-list").last).to_contain_text("by Ben: category Unknown → Skirt")  # by itself
    seen_after = []
    for number in range(6):
        page.wait_for_timeout(170 * number)  # at another moment between two looks of the page each time
        bank.tag([2], add=[f"his-{number}"], author="Ben")
        begun = time.perf_counter()
        expect(entry.locator(f"[data-untag=his-{number}]")).to_be_visible()
        seen_after.append(time.perf_counter() - begun)
    print(f"another's edits were seen after {min(seen_after):.2f} to {max(seen_after):.2f} s")  # pytest -rP shows it
    for mine in (False, True):
        entry.locator("[data-act=edit_shown]").click()
        pane = page.locator(".bank-add")
        expect(pane.locator("[data-add=save]")).to_be_enabled()
        bank.update([EntryUpdate(2, attributes={"category": "Dress" if mine else "Shirt"})], author="Ben")
        pane.locator("select[name=category]").select_option("Hoodie")
        pane.locator("[data-add=save]").click()
        clash = page.locator(".bank-clash")
        expect(clash.locator("table")).to_contain_text(re.compile(f"{'Dress' if mine else 'Shirt'}.*Hoodie"))
        clash.locator(f"[data-clash={'mine' if mine else 'theirs'}]").click()
        expect(clash).to_be_hidden()
        expect(pane).to_be_hidden()
        expect(entry.locator("select[name=category]")).to_have_value("Hoodie" if mine else "Shirt")
    assert bank.entry(2).attributes["category"] == "Hoodie"
    bank.delete([2], author="Ben")
    expect(page.locator(".bank-foot .total")).to_contain_text("11 of 11 entries")
    page.locator(".bank-bar [data-act=undo]").click()
    expect(page.locator(".bank-say")).to_have_text(re.compile("Undone: .*delete by Ben"))
    assert bank.entry(2).deleted_at is None
