"""The inside of a back that shows above the front neckline of a picture, though no photo of its wearer shows it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ragdiffusion.draft.inside import inside_of_back, shade_inside
from ragdiffusion.garments.patterns import Pattern, draft

SIZE = 256
BACK = {"neck_drop_back": 2.5, "neck_width": 20.0}


def _seen(pattern: Pattern) -> np.ndarray:
    """What a photo of somebody who wears it shows: all but what the front neckline leaves free."""
    whole = pattern.rasterise(SIZE).astype(np.float32)
    return np.clip(whole - _back(pattern), 0, 255) / 255


def _back(pattern: Pattern) -> np.ndarray:
    return pattern.covered(pattern.parts["back"].polygon(), SIZE)


@pytest.mark.parametrize(("drop", "shape"), [(10.0, 0.5), (16.0, 0.1), (20.0, 0.8)])
def test_the_inside_lies_above_where_cloth_is_seen(drop: float, shape: float) -> None:
    worn = draft("t_shirt", {**BACK, "neck_drop_front": drop, "neck_shape": shape})
    inside = inside_of_back(draft("t_shirt", BACK), _seen(worn), SIZE)
    wanted = _back(worn) / 255
    assert np.minimum(inside, wanted).sum() / np.maximum(inside, wanted).sum() > 0.85


def test_it_does_not_matter_which_neckline_a_kind_has() -> None:
    waistcoat = draft("waistcoat")
    assert waistcoat.measures["neck_shape"] < 0.4 and waistcoat.measures["neck_drop_front"] > 14
    round_one = waistcoat.covered(waistcoat.above_neckline(9.0, 0.5), SIZE) / 255
    visibility = np.clip(waistcoat.rasterise(SIZE) / 255 - round_one, 0, 1)
    inside = inside_of_back(waistcoat, visibility, SIZE)
    assert np.minimum(inside, round_one).sum() / np.maximum(inside, round_one).sum() > 0.85


def test_where_cloth_is_seen_or_nothing_is_there_is_no_inside() -> None:
    pattern = draft("t_shirt", BACK)
    assert inside_of_back(pattern, pattern.rasterise(SIZE) / 255, SIZE) is None
    assert inside_of_back(pattern, np.zeros((SIZE, SIZE)), SIZE) is None
    for kind in ("shirt", "trousers", "hoodie"):  # a collar, no neck, a hood
        assert inside_of_back(draft(kind), np.zeros((SIZE, SIZE)), SIZE) is None


def test_what_is_hidden_by_something_else_is_no_inside() -> None:
    pattern = draft("t_shirt", BACK)
    visibility = pattern.rasterise(SIZE) / 255
    visibility[: SIZE // 2, SIZE // 2 - 12 :] = 0  # hair over a shoulder
    assert inside_of_back(pattern, visibility, SIZE) is None


def test_the_inside_is_darker_most_of_all_below_the_front_and_seen_cloth_stays() -> None:
    landmark = torch.ones(1, 1, 64, 64)
    inside = torch.zeros(1, 1, 64, 64)
    inside[..., 8:32, 16:48] = 1
    picture = torch.full((1, 3, 64, 64), 0.5)
    shaded = shade_inside(picture, inside, landmark, torch.zeros(1, 1, 64, 64))
    assert torch.equal(shaded[..., 40:, :], picture[..., 40:, :]), "the front stays"
    assert float(shaded[0, 0, 20, 32]) == pytest.approx(1.5 * 0.86 - 1, abs=1e-3)
    assert float(shaded[0, 0, 31, 32]) < float(shaded[0, 0, 20, 32]) - 0.1
    assert torch.allclose(shade_inside(picture, inside, landmark, torch.ones(1, 1, 64, 64)), picture)
