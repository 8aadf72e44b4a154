"""A bank that a team shares on PostgreSQL, on the page: others' edits arrive, and of two at once a person chooses."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import APIResponse, Page, Playwright, Route, expect

from ragdiffusion.bank import Bank, EntryUpdate, NewEntry
from tests.app.in_browser import Studio, pages, until
from tests.postgres import empty_database

pytestmark = pytest.mark.browser
ASKED = "**/component_server/"


@pytest.fixture(scope="module")
def team_url(postgres_server: str) -> Iterator[str]:
    with empty_database(postgres_server) as url:
        yield url


@pytest.fixture(scope="module")
def bank(team_url: str, checkpoint: Path) -> Iterator[Bank]:
    """The small bank on a server, as another studio has it open."""
    with Bank.open(checkpoint / "bank.sqlite3", read_only=True) as small:
        about = {"fingerprint": small.fingerprint, "dimension": small.dimension, "name": "team"}
        entries = [NewEntry(each.embedding, each.silhouette, {}, source=each.source) for each in small.entries()]
    with Bank.create(team_url, **about) as made:
        made.add(entries)
        yield made


@pytest.fixture(scope="module")
def studio(bank: Bank, team_url: str, checkpoint: Path, workspace: Path) -> Iterator[Studio]:
    made = Studio(workspace, checkpoint, "--bank", team_url)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def page(playwright: Playwright, chromium: str, studio: Studio, tmp_path: Path) -> Iterator[Page]:
    """Its Bank page."""
    with pages(playwright, chromium, studio, tmp_path) as open_:
        page = open_()
        page.get_by_role("tab", name="Bank").click()
        yield page


class Held:
    """Holds back what the Bank page asks of Python, from being asked or from being answered."""

    def __init__(self, page: Page, what: str, *, answered: bool) -> None:
        self._page, self._what, self._answered = page, what, answered
        self._waiting: list[tuple[Route, APIResponse | None]] = []
        self._open = False

    def hold(self, route: Route) -> None:
        if self._open or f'"what":"{self._what}"' not in (route.request.post_data or ""):
            route.fallback()
        else:
            self._waiting.append((route, route.fetch() if self._answered else None))

    def wait(self) -> None:
        """Wait until something is held back."""
        until(self._page, lambda: self._waiting)

    def release(self) -> None:
        """Let all of it through, and whatever comes."""
        self._open = True
        while self._waiting:
            route, answer = self._waiting.pop()
            if answer is None:
                route.continue_()
            else:
                route.fulfill(response=answer)


@contextmanager
def held(page: Page, what: str, *, answered: bool = False) -> Iterator[Held]:
    """Holds back one kind of question, or where `answered` is set its answer, until the block's end at the latest."""
    made = Held(page, what, answered=answered)
    page.route(ASKED, made.hold)
    yield made
    made.release()
    page.unroute(ASKED, made.hold)


def test_a_team_sees_each_others_edits(page: Page, bank: Bank) -> None:
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
    with held(page, "state"):  # what the filters find tells of his edit first
        bank.update([EntryUpdate(2, attributes={"category": "Vest"})], author="Ben")
        page.locator(".bank-filters [data-field=sort]").select_option("newest")
        expect(entry.locator("select[name=category]")).to_have_value("Vest")
    bank.delete([2], author="Ben")
    expect(page.locator(".bank-foot .total")).to_contain_text("11 of 11 entries")
    page.locator(".bank-bar [data-act=undo]").click()
    expect(page.locator(".bank-say")).to_have_text(re.compile("Undone: .*delete by Ben"))
    assert bank.entry(2).deleted_at is None


def test_of_two_edits_at_once_a_person_chooses(page: Page, bank: Bank) -> None:
    """Whichever comes first of the other's edit, what the page asks, and the answer: nothing is overwritten unasked."""

    def wrote(category: str) -> None:
        bank.update([EntryUpdate(3, attributes={"category": category})], author="Ben")

    def choose(theirs: str, own: str, *, mine: bool) -> None:
        clash = page.locator(".bank-clash")
        expect(clash.locator("table")).to_contain_text(re.compile(f"{theirs}.*{own}"))
        clash.locator(f"[data-clash={'mine' if mine else 'theirs'}]").click()
        expect(clash).to_be_hidden()
        expect(pane).to_be_hidden()
        expect(shown).to_have_value(own if mine else theirs)  # at once where it was chosen there: the bank may be later
        until(page, lambda: bank.entry(3).attributes["category"] == (own if mine else theirs))

    def save(category: str) -> None:
        expect(pane.locator("[data-add=save]")).to_be_enabled()
        pane.locator("select[name=category]").select_option(category)
        pane.locator("[data-add=save]").click()

    def open_while_he_writes(category: str, *, shows: str, answered: bool) -> None:
        with held(page, "outline", answered=answered) as asked:
            entry.locator("[data-act=edit_shown]").click()
            asked.wait()
            wrote(category)
            asked.release()
            expect(pane.locator("select[name=category]")).to_have_value(shows)

    card = page.locator(".bank-grid .card[data-id='3']")
    card.click()
    entry = page.locator(".bank-entry[data-entry='3']")
    shown, pane = entry.locator("select[name=category]"), page.locator(".bank-add")
    open_while_he_writes("Polo", shows="Polo", answered=False)  # quicker than the question: the pane shows his
    wrote("Shirt")
    save("Hoodie")
    choose("Shirt", "Hoodie", mine=False)
    open_while_he_writes("Dress", shows="Shirt", answered=True)  # quicker than the answer
    save("Hoodie")
    choose("Dress", "Hoodie", mine=True)
    with held(page, "undo", answered=True) as asked:  # the answer to an own step comes when the pane is open
        page.locator(".bank-bar [data-act=undo]").click()
        asked.wait()
        entry.locator("[data-act=edit_shown]").click()
        expect(pane.locator("select[name=category]")).to_have_value("Dress")
        wrote("Tank")
        asked.release()
        expect(page.locator(".bank-say")).to_have_text(re.compile("Undone"))
        expect(card).to_have_attribute("aria-label", re.compile("Tank"))
    save("Hoodie")
    choose("Tank", "Hoodie", mine=False)
    expect(page.locator(".bank-say")).to_have_attribute("data-busy", "0")  # the entry is not asked for any more
    with held(page, "entry") as asked:  # the grid shows his edit, the entry beside it does not yet
        wrote("Vest")
        expect(card).to_have_attribute("aria-label", re.compile("Vest"))
        expect(shown).to_have_value("Tank")
        shown.select_option("Hoodie")
        expect(page.locator(".bank-clash")).to_be_visible()
        asked.release()
        choose("Vest", "Hoodie", mine=True)
