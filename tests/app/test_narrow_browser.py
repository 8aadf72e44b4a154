"""Windows of every width: panes never lie over each other, nothing leaves the window, a phone gets one column."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import pytest
from playwright.sync_api import Page, expect

from tests.app.in_browser import Open, drawn

pytestmark = pytest.mark.browser

SIZES = [(1440, 900), (1280, 720), (960, 720), (768, 1024), (390, 844)]
PANES = {
    "Design": ("#photo .pane", "#canvas .pane", "#result .pane", "#settings", ".film", ".history", ".queue"),
    "History": (".history-page", ".history-detail"),
    "Bank": (".bank-room > .bank-page", ".bank-room > .bank-entry"),
    "Insight": (".insight-map", ".insight-similarity", ".insight-k", ".insight-alpha", ".insight-time"),
}
FRAME = (".masthead .mark", "#pages > .tab-wrapper", ".masthead .right", ".status")
# Controls that stick out of their pane or of the window, but for those in rows that scroll sideways.
_LOOSE = """(pane) => [...document.querySelectorAll(`:is(${pane}) :is(button, input, select, a)`)].filter((node) => {
  if (!node.offsetParent || node.closest('.examples, .film .row, .history .row')) return false;
  if (node.closest('.unseen, details:not([open])')) return false;
  const [box, room] = [node.getBoundingClientRect(), node.closest(pane).getBoundingClientRect()];
  return box.width > 1 && (box.left < room.left - 1 || box.right > Math.min(room.right, innerWidth) + 1);
}).map((node) => node.outerHTML.slice(0, 120))"""


def boxes(page: Page, selectors: tuple[str, ...]) -> dict[str, dict[str, float]]:
    found = {selector: page.locator(selector).bounding_box() for selector in selectors}
    assert all(box and box["width"] > 15 and box["height"] > 15 for box in found.values()), found
    return found


def overlap(a: dict[str, float], b: dict[str, float]) -> float:
    wide = min(a["x"] + a["width"], b["x"] + b["width"]) - max(a["x"], b["x"])
    high = min(a["y"] + a["height"], b["y"] + b["height"]) - max(a["y"], b["y"])
    return max(0.0, wide) * max(0.0, high)


def check(page: Page, panes: tuple[str, ...], width: int) -> dict[str, dict[str, float]]:
    drawn(page)
    found, frame = boxes(page, panes), boxes(page, FRAME)
    for (one, a), (other, b) in [*combinations(found.items(), 2), *combinations(frame.items(), 2)]:
        assert overlap(a, b) < 1, f"{one} lies over {other} at {width} px"
    for name, box in {**found, **frame}.items():
        assert box["x"] >= 0 and box["x"] + box["width"] <= width, f"{name} leaves the window at {width} px: {box}"
    assert page.evaluate("document.scrollingElement.scrollWidth") == width
    loose = {pane: controls for pane in panes if (controls := page.evaluate(_LOOSE, pane))}
    assert not loose, loose
    return found


def test_panes_lie_side_by_side_or_below_each_other(open_page: Open, photo_bytes: Callable[..., bytes]) -> None:
    page = open_page()
    page.set_input_files("#photo_file input", {"name": "a.png", "mimeType": "image/png", "buffer": photo_bytes()})
    expect(page.locator("#film .frame")).to_have_count(4)
    page.get_by_role("tab", name="Bank").click()
    page.locator(".bank-grid .card[data-id='2']").click()
    page.locator(".bank-grid .card[data-id='4']").click(modifiers=["Shift"])  # what is done to several stands there
    expect(page.locator(".bulk")).to_be_visible()
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        for title, panes in PANES.items():
            page.get_by_role("tab", name=title).click()
            expect(page.locator(panes[-1])).to_be_visible()
            found = check(page, panes, width)
            if width < 640:
                assert len({box["x"] for box in found.values()}) == 1, f"{title}: one column"
                assert min(box["width"] for box in found.values()) > 0.9 * width
        page.get_by_role("tab", name="Design").click()
        page.locator("#generate").click(trial=True)  # it can be reached by scrolling, and nothing covers it
        page.locator("#film .frame").first.click(trial=True)
    board = page.locator("#canvas .board")
    board.scroll_into_view_if_needed()
    assert board.bounding_box()["width"] > 280, "a finger finds the outline"


def test_the_list_of_keys_fits_every_window(open_page: Open) -> None:
    page = open_page()
    page.get_by_role("button", name="Keys").click()
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        box = dialog.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["y"] + box["height"] <= height
    expect(dialog).to_contain_text("Flip between result and photo")
