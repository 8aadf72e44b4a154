"""History, queue and batch as a person meets them: the real server, the real page, a real Chromium."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.app.in_browser import PATIENCE, Open, Studio, until, visit

pytestmark = pytest.mark.browser

Draw = Callable[..., bytes]


@pytest.fixture
def page(open_page: Open) -> Page:
    return open_page()


def rows(studio: Studio, what: str) -> list[tuple]:
    with sqlite3.connect(studio.workspace / "studio.sqlite3") as database:
        return database.execute(f"SELECT {what} FROM runs ORDER BY id").fetchall()


def place(page: Page, data: bytes, name: str = "shirt.png") -> None:
    page.set_input_files("#photo_file input", {"name": name, "mimeType": "image/png", "buffer": data})
    expect(page.locator("#film .frame")).to_have_count(4)


def set_number(page: Page, name: str, value: float) -> None:
    field = page.locator(f"#{name} input[type=number]")
    field.fill(str(value))
    field.press("Tab")


def total(page: Page, count: int) -> None:
    expect(page.locator(f"#history_page[data-total='{count}'], #history_page [data-total='{count}']")).to_be_attached()


def ended(studio: Studio, count: int) -> None:
    """Wait until so many runs have ended; what the page shows of the queue may be of a moment ago."""
    patience = time.monotonic() + PATIENCE / 1000
    while sum(status not in ("queued", "running") for (status,) in rows(studio, "status")) < count:
        assert time.monotonic() < patience, rows(studio, "id, status")
        time.sleep(0.2)


def killed_while_one_runs(studio: Studio) -> int:
    """Kill the studio in the middle of a run, and return its number; between two runs it is let go on."""
    while True:
        studio.freeze()
        running = [run for run, status in rows(studio, "id, status") if status == "running"]
        if running:
            studio.kill()
            return running[0]
        assert "queued" in {status for (status,) in rows(studio, "status")}, "all have ended already"
        studio.go_on()
        time.sleep(0.01)


def waiting(page: Page, count: int) -> None:
    expect(page.locator(f"#queue[data-count='{count}'], #queue [data-count='{count}']")).to_be_attached()


def test_seeds_queue_up_and_history_finds_notes_bins_and_restores(
    page: Page, studio: Studio, photo_bytes: Draw
) -> None:
    place(page, photo_bytes())
    set_number(page, "steps", 2)
    set_number(page, "seeds", 3)
    set_number(page, "seed", 40)
    page.locator("#generate").click()
    page.get_by_role("tab", name="History").click()
    total(page, 3)
    expect(page.locator("#history_page .card.done")).to_have_count(3)
    assert rows(studio, "seed, status") == [(40, "done"), (41, "done"), (42, "done")]
    page.locator("#history_page .card[data-run='2']").click()
    detail = page.locator("#history_detail")
    expect(detail.locator(".title")).to_contain_text("2 · shirt.png")
    detail.locator("textarea").fill("für die Braut")
    detail.locator("textarea").blur()
    search = page.locator("#history_page input[type=search]")
    search.fill("fur BRAUT")
    total(page, 1)
    detail.locator(".collect input").fill("Spring")
    detail.locator(".collect input").press("Enter")
    expect(detail.locator(".tag")).to_have_text("Spring ×")
    search.fill("")
    total(page, 3)
    page.locator("#history_page .card[data-run='3']").click()
    page.locator("#history_page .card[data-run='1']").click(modifiers=["Shift"])
    expect(page.locator("#history_page .picked")).to_have_text("3 selected")
    page.locator("#history_page .card[data-run='2']").click(modifiers=["Control"])
    page.locator("#history_page [data-act=discard]").click()
    total(page, 1)
    page.get_by_label("Bin", exact=True).check()
    total(page, 2)
    page.locator("#history_page .card[data-run='3']").click()
    page.locator("#history_page [data-act=bring_back]").click()
    total(page, 1)
    page.get_by_label("Bin", exact=True).uncheck()
    total(page, 2)
    page.locator("#history_page .card[data-run='3']").click()
    expect(detail.locator(".title")).to_contain_text("3 · shirt.png")
    detail.get_by_role("button", name="Restore all").click()
    expect(page.locator("#status .message")).to_have_text(re.compile("Run 3 is back on the bench"))
    expect(page.locator("#seed input")).to_have_value("42")
    expect(page.locator("#photo .name")).to_have_text(re.compile("shirt"))


def test_many_photos_become_runs_and_a_broken_one_stops_nothing(page: Page, studio: Studio, photo_bytes: Draw) -> None:
    before = len(rows(studio, "id"))
    set_number(page, "steps", 1)
    files = [{"name": f"p{i}.png", "mimeType": "image/png", "buffer": photo_bytes(f"#{i:02x}8040")} for i in range(3)]
    files.insert(1, {"name": "words.png", "mimeType": "image/png", "buffer": b"no picture"})
    page.set_input_files("#batch_files input", files)
    expect(page.locator("#status .message")).to_have_text(re.compile("4 photos are in the queue"))
    ended(studio, before + 4)
    waiting(page, 0)
    found = rows(studio, "photo_name, status")[before:]
    assert found == [("p0.png", "done"), ("words.png", "failed"), ("p1.png", "done"), ("p2.png", "done")]


def test_a_killed_studio_comes_back_with_its_queue_paused(page: Page, studio: Studio, photo_bytes: Draw) -> None:
    place(page, photo_bytes())
    set_number(page, "steps", 50)
    set_number(page, "strength", 1)
    set_number(page, "seeds", 8)
    before = len(rows(studio, "id"))
    page.locator("#generate").click()
    until(page, lambda: len(rows(studio, "id")) == before + 8)
    running = killed_while_one_runs(studio)
    left = [run for run, status in rows(studio, "id, status") if status == "queued"]
    assert len(left) >= 3, "nothing was lost"
    studio.start()
    visit(page, studio)
    now = dict(rows(studio, "id, status"))
    assert now[running] == "interrupted" and {now[run] for run in left} == {"queued"}
    waiting(page, len(left))
    expect(page.locator("#queue .count")).to_have_text(f"paused, {len(left)} waiting")
    page.locator("#queue [data-act=toggle]").click()
    entries = page.locator("#queue li")
    for fewer in range(len(left) - 1, 2, -1):
        entries.last.locator("[data-act=cancel]").click()
        waiting(page, fewer)
    last = entries.nth(2).get_attribute("data-run")
    entries.nth(2).locator("[data-act=up]").click()
    expect(entries.nth(1)).to_have_attribute("data-run", last)
    entries.nth(0).locator("[data-act=cancel]").click()
    waiting(page, 2)
    page.locator("#queue [data-act=resume]").click()
    ended(studio, len(now))
    waiting(page, 0)
    now = dict(rows(studio, "id, status"))
    assert sorted(now[run] for run in left) == ["cancelled"] * (len(left) - 2) + ["done", "done"]


def test_thousands_of_runs_open_and_filter_piece_by_piece(page: Page, studio: Studio, photo_bytes: Draw) -> None:
    """The page asks for sixty at a time, however many there are; how long it takes is printed, and is no test."""
    if not [status for (status,) in rows(studio, "status") if status == "done"]:
        place(page, photo_bytes())
        page.locator("#generate").click()
        ended(studio, 1)
    with sqlite3.connect(studio.workspace / "studio.sqlite3") as database:
        names = [row[1] for row in database.execute("PRAGMA table_info(runs)") if row[1] != "id"]
        made = {"photo_name": "'many ' || (i % 50) || '.jpg'", "search_text": "'many ' || (i % 50) || '.jpg'"}
        made |= {"status": "'done'", "deleted_at": "NULL", "group_id": "NULL"}
        first = database.execute("SELECT min(id) FROM runs WHERE status = 'done'").fetchone()[0]
        jpeg = database.execute("SELECT jpeg FROM thumbnails WHERE run_id = ?", (first,)).fetchone()[0]
        newest = database.execute("SELECT max(id) FROM runs").fetchone()[0]
        count = 5000 - database.execute("SELECT count(*) FROM runs WHERE deleted_at IS NULL").fetchone()[0]
        numbers = f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) INSERT INTO"
        values = ", ".join(made.get(name, name) for name in names)
        database.execute(f"{numbers} runs ({', '.join(names)}) SELECT {values} FROM n, runs WHERE runs.id = {first}")
        database.execute(f"{numbers} thumbnails SELECT {newest} + i, ? FROM n", (jpeg,))
    started = time.perf_counter()
    page.get_by_role("tab", name="History").click()
    total(page, 5000)
    expect(page.locator("#history_page .card")).to_have_count(60)
    opened = time.perf_counter()
    page.locator("#history_page input[type=search]").fill("y 17.jpg")
    total(page, len([1 for i in range(1, count + 1) if i % 50 == 17]))
    filtered = time.perf_counter()
    print(f"5,000 runs: open {1e3 * (opened - started):.0f} ms, filter {1e3 * (filtered - opened):.0f} ms")
    page.locator("#history_page input[type=search]").fill("")
    total(page, 5000)
    card = page.locator("#history_page .card").first
    assert card.locator(".when").bounding_box()["y"] < card.bounding_box()["y"] + card.bounding_box()["height"] - 10
    page.locator("#history_page .grid").evaluate("node => { node.scrollTop = node.scrollHeight; }")
    expect(page.locator("#history_page .card")).to_have_count(120)
