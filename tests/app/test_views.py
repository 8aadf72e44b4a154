"""What the page is told, by hand."""

from __future__ import annotations

import base64
import io
import re

import cv2
import numpy as np
import torch
from PIL import Image

from app.views import Facts, _veil, outline_path, status_view


def _area(path: str) -> float:
    """Signed sum of the polygons' areas: holes turn the other way."""
    total = 0.0
    for piece in path.split("M")[1:]:
        points = np.array([[float(v) for v in p.split(",")] for p in re.findall(r"[-\d.]+,[-\d.]+", piece)])
        total += cv2.contourArea(points.astype(np.float32), oriented=True)
    return abs(total)


def test_an_outline_encloses_its_mask_and_leaves_out_the_hole() -> None:
    mask = torch.zeros(64, 64)
    mask[8:40, 16:48] = 1
    assert abs(_area(outline_path(mask)) - 32 * 32) < 40
    mask[16:32, 24:40] = 0
    assert outline_path(mask).count("M") == 2
    assert abs(_area(outline_path(mask)) - (32 * 32 - 16 * 16)) < 60


def test_an_outline_that_touches_the_border_is_closed_there() -> None:
    path = outline_path(torch.ones(32, 32))
    assert abs(_area(path) - 32 * 32) < 20 and path.endswith("Z")


def test_an_empty_mask_has_no_outline() -> None:
    assert outline_path(torch.zeros(16, 16)) == ""


def test_a_veil_is_as_opaque_as_the_mask() -> None:
    mask = torch.tensor([[0.0, 0.5], [1.0, 0.2]])
    data = base64.b64decode(_veil(mask).removeprefix("data:image/png;base64,"))
    alpha = np.asarray(Image.open(io.BytesIO(data)).getchannel("A"))
    assert alpha.tolist() == [[0, 128], [255, 51]]


def test_the_status_line_leaves_out_what_is_not_known() -> None:
    assert status_view(Facts("loading", "Loading"))["facts"] == []
    facts = Facts(
        "ready", "", "cpu", "studio", "0123456789abcdef", "bank-r1-0000-more", 1234, (("a", 3.4), ("b", 2500.0))
    )
    view = status_view(facts)
    assert view["facts"][2:] == [["checkpoint", "0123456789ab"], ["bank", "bank-r1-0000 (1,234 entries)"]]
    assert view["timings"] == "a 3 ms · b 2.5 s"
