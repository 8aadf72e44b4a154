"""Quality lists and coverage, on silhouettes and vectors whose findings are known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from ragdiffusion.bank import Bank, NewEntry
from ragdiffusion.bank.coverage import cover
from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.bank.quality import (
    Finding,
    broken_shapes,
    exact_duplicates,
    findings_of,
    near_duplicates,
    outliers,
    similar_entries,
)
from ragdiffusion.images import encode_silhouette


def drawn(*draw) -> bytes:
    """A body of 200 x 300 pixels in the middle, and what else is drawn."""
    mask = np.zeros((512, 512), np.uint8)
    cv2.rectangle(mask, (156, 106), (355, 405), 1, -1)
    for one in draw:
        one(mask)
    return encode_silhouette(torch.from_numpy(mask).float())


def wavy_rim() -> np.ndarray:
    """A circle of forty waves that covers the body."""
    angle = np.linspace(0, 2 * np.pi, 4000, endpoint=False)
    radius = 512 * (0.4 + 0.012 * np.sin(40 * angle))
    return np.rint(256 + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)).astype(np.int32)


def unit(*values: float) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.tensor([*map(float, values), *[0.0] * (4 - len(values))]), dim=0)


@pytest.fixture
def shelf(path):
    with Bank.create(path, fingerprint="a", dimension=4) as bank:
        yield bank


def test_duplicates_are_grouped_about_the_oldest(shelf, silhouettes):
    wider = drawn(lambda m: cv2.rectangle(m, (154, 106), (355, 405), 1, -1))
    vectors = (unit(1), unit(1), unit(1, 0.1), unit(1, 0.1), unit(0, 1), unit(1))
    shapes = (drawn(), drawn(), wider, silhouettes[0], drawn(), drawn())
    shelf.add([NewEntry(v, s, {}) for v, s in zip(vectors, shapes, strict=True)], allow_duplicates=True)
    shelf.delete([6])
    shelf.set_enabled([2], False)
    assert [group.ids for group in exact_duplicates(shelf)] == [(1, 2)]
    (group,) = near_duplicates(shelf)
    assert group.ids == (1, 2, 3)  # 4 has another outline, 5 another embedding, 6 is in the bin
    assert group.similarity == pytest.approx(1 / np.hypot(1, 0.1), abs=1e-5) and 0.95 < group.overlap < 1
    assert [g.ids for g in near_duplicates(shelf, overlap=0.999)] == [(1, 2)]
    near = similar_entries(shelf, NewEntry(unit(1, 0.1), drawn(), {}))
    assert [entry_id for entry_id, *_ in near] == [3, 1, 2] and near[0][1] == pytest.approx(1)
    assert similar_entries(shelf, NewEntry(unit(0, 0, 1), drawn(), {})) == []


def test_an_entry_that_nothing_is_like_is_an_outlier(shelf):
    rng = np.random.default_rng(0)
    near = [unit(1, *(rng.normal(size=2) * 0.05)) for _ in range(30)]
    entries = [NewEntry(v, drawn(), {}, source=f"s{i}") for i, v in enumerate([*near, unit(0, 0, 0, 1)])]
    shelf.add(entries, allow_duplicates=True)
    found = outliers(shelf, share=0.04)
    assert found[0].id == 31 and found[0].noise and found[0].similarity == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    ("draw", "problem"),
    [
        (lambda m: cv2.circle(m, (450, 450), 20, 1, -1), "parts"),
        (lambda m: cv2.circle(m, (256, 250), 9, 0, -1), "holes"),
        (lambda m: cv2.rectangle(m, (200, 0), (300, 120), 1, -1), "border"),
        (lambda m: cv2.rectangle(m, (0, 0), (511, 140), 0, -1) is not None and m[141:380].fill(0), "small"),
        (lambda m: cv2.rectangle(m, (20, 20), (491, 491), 1, -1), "large"),
        (lambda m: cv2.rectangle(m, (300, 60), (480, 300), 1, -1), "lopsided"),
        (lambda m: cv2.fillPoly(m, [wavy_rim()], 1), "wavy"),
    ],
)
def test_broken_shapes_are_named(shelf, vectors, draw, problem):
    assert findings_of(drawn()) == []
    silhouette = drawn(draw)
    assert problem in [finding.problem for finding in findings_of(silhouette)]
    shelf.add([NewEntry(unit(1), drawn(), {}), NewEntry(unit(0, 1), silhouette, {})])
    seen = []
    found = broken_shapes(shelf, on_progress=lambda done, total: seen.append((done, total)))
    assert {finding.id for finding in found} == {2} and seen == [(2, 2)]
    assert all(finding.text for finding in found) and broken_shapes(shelf, [1]) == []
    known: dict = {}
    assert broken_shapes(shelf, known=known) == found and len(known) == 2
    known[next(iter(known))] = ()
    known |= {digest: [Finding(0, "holes", 1.0, "told before")] for digest, each in known.items() if each}
    assert [(each.id, each.text) for each in broken_shapes(shelf, known=known)] == [(2, "told before")]


def test_empty_corners_are_named(shelf):
    lengths = [("Long", "Long")] * 5 + [("Short", "Short")] * 5 + [("Short", "Long")] * 4
    shelf.add(
        [
            NewEntry(
                unit(1),
                drawn(),
                {"category": "Dress", "length": length, "sleeve_length": sleeves, "collar": "Polo"},
                pattern=PatternSpec("t_shirt", {"chest": 40.0 + number, "body_length": 70.0}),
            )
            for number, (length, sleeves) in enumerate(lengths)
        ],
        allow_duplicates=True,
    )
    found = cover(shelf)
    assert found.categories == {"Dress": 14}
    (gap,) = [gap for gap in found.gaps if gap.kind is None]
    assert gap.text == "no long Dress with short sleeves" and gap.near == 5
    assert gap.attributes == {"category": "Dress", "length": "Long", "sleeve_length": "Short"}
    chest = next(cell for cell in found.measures if cell.measure == "chest")
    assert sum(chest.counts) == 14 and chest.unit == "cm"
    empty = next(gap for gap in found.gaps if gap.kind == "t_shirt" and "chest" in gap.measures)
    low, high = chest.edges[chest.counts.index(0)], chest.edges[chest.counts.index(0) + 1]
    assert empty.text == f"no t shirt with a chest of {low:.0f} to {high:.0f} cm"
    assert empty.measures["chest"] == pytest.approx((low + high) / 2, abs=0.01)
    shelf.set_enabled(list(range(1, 15)), False)
    assert cover(shelf).gaps == ()
