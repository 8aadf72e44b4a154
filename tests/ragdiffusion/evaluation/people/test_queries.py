"""Photos of people whose flat-lays are known: folders of real pairs, and shots as they are rendered."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ragdiffusion.evaluation.people.queries import real_queries, rendered_queries
from ragdiffusion.images import CANONICAL_MARGIN
from tests.ragdiffusion.evaluation.people.conftest import write_pair, write_shot


def test_a_real_pair_stands_in_the_canonical_frame(tmp_path) -> None:
    write_pair(tmp_path, "b")
    write_pair(tmp_path, "a", (80, 60, 180, 140))  # 100 wide, 80 high
    wide, tall = real_queries(tmp_path, 112)
    assert (wide.name, tall.name) == ("a", "b") and wide.photo.size == (60, 90)
    # The longer side fills 112 / 1.12 = 100 pixels, the middle is the middle.
    for query, width, height in ((wide, 100, 80), (tall, 100 * 80 / 120, 100)):
        inside = query.silhouette > 127
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        assert (np.ptp(columns) + 1, np.ptp(rows) + 1) == pytest.approx((width, height), abs=1.01)
        assert (columns.mean(), rows.mean()) == pytest.approx((55.5, 55.5), abs=1.01)
        assert np.abs(query.standard[56, 56].astype(int) - (20, 40, 160)).max() <= 3
        assert (query.standard[0, 0] == 255).all() and query.flow is query.mask is query.garment is None
    assert [query.name for query in real_queries(tmp_path, 64, limit=1)] == ["a"]
    assert CANONICAL_MARGIN == 1.12


def test_a_folder_without_pairs_is_refused(tmp_path) -> None:
    (tmp_path / "worn").mkdir()
    Image.new("RGB", (32, 32)).save(tmp_path / "worn" / "a.jpg")
    with pytest.raises(ValueError, match="holds no pair worn/ID.jpg and flat/ID.jpg"):
        next(real_queries(tmp_path, 64))


def test_the_main_garments_of_shots_are_asked_for(tmp_path) -> None:
    write_shot(tmp_path, 4, {"t_shirt": (15, 15, 45, 40), "trousers": (15, 40, 45, 65)})
    write_shot(tmp_path, 5, {"t_shirt": (15, 15, 45, 40), "tank": (15, 40, 45, 65)})  # two tops: which is meant?
    write_shot(tmp_path, 6, {"t_shirt": (15, 15, 24, 23), "trousers": (15, 40, 45, 65)})  # 72 of 4800 pixels
    found = list(rendered_queries(tmp_path))
    assert [(query.name, query.garment) for query in found] == [
        ("4-t_shirt", "upper"),
        ("4-trousers", "lower"),
        ("6-trousers", "lower"),
    ]
    top = found[0]
    assert top.attributes == {"sleeve_length": "Short"} and top.photo.size == (60, 80)
    assert top.groups["framing"] == "full" and top.groups["garment"] == "upper"
    assert top.mask.sum() == 30 * 25 and top.mask[15, 15] and not top.mask[14, 15]
    assert top.ground.sum() == 80 * 60 - 60 * 30
    np.testing.assert_allclose(top.flow[0, 0], [15 + 30 / 32 - 0.5, 15 + 25 / 32 - 0.5], atol=0.02)
    assert len(list(rendered_queries(tmp_path, limit=1))) == 2
    with pytest.raises(ValueError, match="holds no rendered people with arrays"):
        next(rendered_queries(tmp_path / "nowhere"))
