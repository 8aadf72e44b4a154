"""The numbers of the Insight page, by hand and over a small real model; and the page in a real Chromium."""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect

from app.pages.insight.handlers import InsightHandlers
from app.pages.insight.numbers import histogram, landmark_by_k, likeness_by_alpha
from app.pages.shared.plane import principal_plane
from app.runs.bench import Bench
from app.runs.runs import Runs
from app.runs.services import Services
from app.session_log.sampling import Sampling
from ragdiffusion.retrieval.guide import Neighbours, StructureGuide, build_guide
from tests.app.in_browser import Open

ENTRIES = 12  # of the small bank in conftest.py


def guide_of(query: list[float], nearest: list[list[float]], masks: list[list[list[int]]], k: int) -> StructureGuide:
    count = len(nearest)
    neighbours = Neighbours(
        ids=tuple(range(10, 10 + count)),
        similarity=torch.tensor(nearest) @ torch.tensor(query),
        embeddings=torch.tensor(nearest),
        silhouettes=torch.tensor(masks, dtype=torch.float32),
        bank_version="v",
    )
    spent = {"encode": 1.0, "search": 1.0}
    return build_guide(torch.tensor(query), neighbours, k=k, alpha=0.5, attributes={}, checkpoint="c", timings_ms=spent)


def test_the_plane_is_that_of_the_largest_variance() -> None:
    # Two points 2 to either side along x, two points 1 to either side along z, around (5, 5, 5).
    cloud = np.array([[7, 5, 5], [3, 5, 5], [5, 5, 6], [5, 5, 4]], np.float32)
    plane = principal_plane(cloud)
    assert plane.axes == pytest.approx(np.array([[1, 0, 0], [0, 0, 1]]))
    assert plane.share == pytest.approx([8 / 10, 2 / 10])
    assert plane.place(cloud) == pytest.approx(np.array([[2, 0], [-2, 0], [0, 1], [0, -1]]))
    assert plane.place([[6, 9, 5]]) == pytest.approx(np.array([[1, 0]])), "what is off the plane is laid down on it"
    again = principal_plane(cloud[::-1])
    assert again.axes == pytest.approx(plane.axes), "the axes do not hang on the order"
    alone = principal_plane(np.ones((1, 3)))
    assert alone.share.tolist() == [0, 0] and alone.place([[1, 1, 1]]) == pytest.approx(np.zeros((1, 2)))


def test_a_histogram_counts_between_its_edges() -> None:
    assert histogram(np.array([0.0, 0.1, 0.5, 1.0]), bins=2) == ([2, 2], 0.0, 1.0)


def test_e_and_its_fusion_part_as_alpha_grows() -> None:
    guide = guide_of([1.0, 0.0], [[0.0, 1.0]], [[[1, 0], [0, 0]]], 1)
    # The only neighbour is at a right angle: ê = (1 - α, α).
    assert likeness_by_alpha(guide, (0, 0.5, 0.6, 1)) == pytest.approx([1, math.sqrt(0.5), 0.4 / math.sqrt(0.52), 0])


def test_the_consensus_of_each_k_is_measured_against_the_landmark_in_use() -> None:
    masks = [[[1, 1], [0, 0]], [[1, 1], [1, 1]], [[1, 1], [1, 0]]]
    guide = guide_of([1.0, 0.0, 0.0], [[0.8, 0.6, 0.0], [0.8, -0.6, 0.0], [0.6, 0.0, 0.8]], masks, 3)
    rows = landmark_by_k(guide.edit(torch.tensor([[1.0, 1.0], [1.0, 0.0]])), most=8)
    assert [row["k"] for row in rows] == [1, 2, 3]
    # K = 1: its own silhouette, two of three pixels.
    assert rows[0] == {"k": 1, "choice": 0, "id": 10, "iou": pytest.approx(2 / 3)}
    for row in rows:
        consensus = guide.retune(k=row["k"]).consensus
        assert (row["choice"], row["id"]) == (consensus, 10 + consensus)
        assert row["iou"] == pytest.approx([2 / 3, 3 / 4, 1][consensus])


@pytest.fixture
def page(services: Services) -> InsightHandlers:
    return InsightHandlers(services.engine, services.log.search)


def test_an_empty_bench_still_has_the_map(page: InsightHandlers, bench: Bench, services: Services) -> None:
    services.engine.model()
    (views,) = page.open(bench)
    shown = views["insight"]
    assert len(shown["map"]["ids"]) == ENTRIES and shown["map"]["own"] is None
    assert "nearest" not in shown and shown["timings"] == []


def test_the_photo_its_neighbours_and_its_runs_are_measured(
    page: InsightHandlers, bench: Bench, placed: Callable[..., Bench], services: Services, runs: Runs
) -> None:
    guide = placed(bench).require().guide
    started = runs.start(bench, Sampling(seed=1, steps=2, strength=1.0, guidance=1.0))
    assert [*started.jobs[0].progress()][-1].status == "done"
    shown = [*page.open(bench)][-1]["insight"]
    assert [item["id"] for item in shown["nearest"]] == [candidate.id for candidate in guide.candidates]
    _, vectors = services.engine.model().bank.embeddings()
    similarity = (vectors.double() @ guide.query.double()).numpy()
    assert shown["similarity"]["mean"] == pytest.approx(similarity.mean(), abs=1e-6)
    assert sum(shown["similarity"]["counts"]) == ENTRIES
    now = shown["by_k"][guide.k - 1]
    assert now == {"k": guide.k, "choice": guide.consensus, "id": guide.candidates[guide.consensus].id, "iou": 1.0}
    assert shown["by_alpha"][0] == [0, pytest.approx(1)]
    cosine = torch.nn.functional.cosine_similarity(guide.query.double(), guide.embedding.double(), dim=0)
    assert shown["by_alpha"][10] == [0.5, pytest.approx(float(cosine), abs=1e-5)]
    (run,) = shown["timings"]
    kept = services.log.get(started.runs[0].id, owner="ana").timings_ms
    assert run["denoise"] == kept["denoise"] and run["total"] == kept["total"] and run["steps"] == 2
    assert run["retrieve"] == pytest.approx(sum(kept[name] for name in ("encode", "search", "slle", "fuse")))
    stages = ("retrieve", "prepare", "denoise", "decode", "other")
    assert run["total"] == pytest.approx(sum(run[name] for name in stages)) and min(run[name] for name in stages) >= 0
    assert [*page.open(Bench(services.engine, "ben"))][-1]["insight"]["timings"] == [], "another's runs are not theirs"
    low, high = np.reshape(shown["map"]["xy"], (-1, 2)).min(axis=0), shown["map"]["extent"]
    assert (low >= 0).all() and max(high) == 4000


def test_an_entry_is_shown_with_its_silhouette(page: InsightHandlers, bench: Bench, services: Services) -> None:
    number = services.engine.model().bank.embeddings()[0][3]
    entry = page.look(bench, {"id": number})["insight_entry"]
    assert (entry["id"], entry["source"]) == (number, "drawn")
    alpha = Image.open(io.BytesIO(base64.b64decode(entry["shape"].partition(",")[2]))).getchannel("A")
    assert alpha.size == (128, 128) and alpha.getpixel((64, 64)) == 255 and alpha.getpixel((2, 2)) == 0
    with pytest.raises(ValueError, match="no entry"):
        page.look(bench, {"id": "3"})


@pytest.mark.browser
def test_the_page_shows_the_photo_in_the_bank(open_page: Open, photo_bytes: Callable[..., bytes]) -> None:
    page = open_page()
    page.get_by_role("tab", name="Insight").click()
    insight = page.locator("#insight")
    expect(page.locator(f"#insight[data-entries='{ENTRIES}'], #insight [data-entries='{ENTRIES}']")).to_be_attached()
    expect(insight.locator(".insight-similarity .empty")).to_contain_text("Place a photo")
    page.get_by_role("tab", name="Design").click()
    page.set_input_files("#photo_file input", {"name": "a.png", "mimeType": "image/png", "buffer": photo_bytes()})
    expect(page.locator("#film .frame")).to_have_count(4)
    page.get_by_role("tab", name="Insight").click()
    expect(insight.locator(".nearest button")).to_have_count(4)
    expect(insight.locator(".insight-k .column")).to_have_count(8)
    expect(insight.locator(".insight-k .column.now")).to_have_count(1)
    expect(insight.locator(".insight-alpha .node")).to_have_count(21)
    expect(insight.locator(".insight-time .empty")).to_contain_text("Press Generate")
    entry = page.locator("#insight_entry b")
    insight.locator(".nearest button").nth(1).click()
    expect(entry).to_have_text("Entry " + insight.locator(".nearest button").nth(1).get_attribute("data-id"))
    insight.locator("canvas").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(entry).to_have_text(re.compile(r"Entry \d+"))
    before = entry.inner_text()
    # The point is at the far right by now, or one of the next presses takes it there: left of it there is another.
    for _ in range(ENTRIES):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(entry).not_to_have_text(before)
    ink = insight.locator("canvas").evaluate(
        "node => node.getContext('2d').getImageData(0, 0, node.width, node.height).data.some((value) => value > 0)"
    )
    assert ink, "the map is drawn"
