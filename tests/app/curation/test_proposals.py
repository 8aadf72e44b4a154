"""What is proposed from a picture, and from measures that contradict each other."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

from app.curation.drawing import curves_of, drawn, fields_of, measures_of
from app.curation.proposals import SIDE, ProposalTray, found_in
from ragdiffusion.api import RAGDiffusion
from ragdiffusion.garments.patterns import defaults, draft


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_a_cut_out_becomes_its_silhouette_in_the_canonical_frame(
    model: RAGDiffusion, flat_lay_bytes: Callable[..., bytes]
) -> None:
    tray = ProposalTray()
    found = found_in(model, flat_lay_bytes(), "dress.png", tray)
    assert found.mask.shape == (SIDE, SIDE) and found.picture.size == (SIDE, SIDE)
    wanted = Image.new("L", (SIDE, SIDE))
    # The drawn dress is 0.6 wide and 0.8 high; in its frame it is 1 / 1.12 high.
    scale, points = SIDE / (1.12 * 0.8), [(0.4, 0.1), (0.6, 0.1), (0.62, 0.4), (0.8, 0.9), (0.2, 0.9), (0.38, 0.4)]
    ImageDraw.Draw(wanted).polygon([((x - 0.5) * scale + 256, (y - 0.5) * scale + 256) for x, y in points], fill=255)
    one, other = found.mask > 127, np.asarray(wanted) > 127
    assert (one & other).sum() / (one | other).sum() > 0.98
    assert tray.get(found.token) is found and found.source == "photo:dress.png"
    inside = np.asarray(found.picture)[one].astype(int)
    assert np.abs(inside - (0x34, 0x5B, 0x8C)).mean() < 8, "the picture lies in the same frame"
    with pytest.raises(ValueError, match="give the picture again"):
        tray.get("unknown")


def test_a_picture_of_nothing_is_refused_by_name(model: RAGDiffusion) -> None:
    with pytest.raises(ValueError, match=r"air\.png"):
        found_in(model, _png(Image.new("RGBA", (64, 64), (9, 9, 9, 0))), "air.png", ProposalTray())
    with pytest.raises(ValueError, match=r"words\.png"):
        found_in(model, b"no picture", "words.png", ProposalTray())


def test_of_two_garments_the_larger_is_proposed_and_said(
    model: RAGDiffusion, flat_lay_bytes: Callable[..., bytes]
) -> None:
    with Image.open(io.BytesIO(flat_lay_bytes())) as dress:
        both = Image.new("RGBA", (900, 400))
        both.paste(dress, (20, 0))
        both.paste(dress.resize((300, 300)), (520, 50))
    found = found_in(model, _png(both), "two.png", ProposalTray())
    alone = found_in(model, flat_lay_bytes(), "dress.png", ProposalTray())
    assert found.note == "the picture shows 2 garments apart, and this is the largest" and alone.note == ""
    one, other = found.mask > 127, alone.mask > 127
    assert (one & other).sum() / (one | other).sum() > 0.95


def test_black_on_black_and_one_colour_all_over_are_refused(model: RAGDiffusion) -> None:
    black = Image.new("RGB", (200, 200), (0, 0, 0))
    with pytest.raises(ValueError, match=r"black\.png is of one colour all over"):
        found_in(model, _png(black), "black.png", ProposalTray())
    cut_out = Image.new("RGBA", (64, 64), (9, 9, 9, 255))  # nothing of it is transparent, all of it is garment
    with pytest.raises(ValueError, match=r"all\.png"):
        found_in(model, _png(cut_out), "all.png", ProposalTray())


def test_measures_that_contradict_each_other_are_named() -> None:
    good = drawn("t_shirt", defaults("t_shirt"))
    assert good.wrong == "" and curves_of(good.pattern)["outline"] == draft("t_shirt").outline.svg()
    low = fields_of("t_shirt", {})[0]
    bad = drawn("t_shirt", {low["key"]: low["high"] + 50})
    assert bad.pattern is None and low["key"] in bad.measures and low["key"] in bad.wrong
    with pytest.raises(ValueError, match="no measure of t_shirt"):
        measures_of("t_shirt", {"wings": 3})
    with pytest.raises(ValueError, match="no measure of t_shirt"):
        measures_of("t_shirt", {low["key"]: "long"})
