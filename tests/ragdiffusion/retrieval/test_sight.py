"""A photo is looked at once, and everything takes what was seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ragdiffusion.images import mask_to_tensor
from ragdiffusion.retrieval.sight import own_outline


@pytest.fixture(scope="module")
def photo(make_photo):
    return make_photo(3)


@pytest.fixture
def looks(tiny_model, monkeypatch) -> list[object]:
    """Every garment that the model's finder was asked for."""
    asked, find = [], tiny_model.observer.finder.find

    def counted(image, garment=None):
        asked.append(garment)
        return find(image, garment)

    monkeypatch.setattr(tiny_model.observer.finder, "find", counted)
    return asked


def test_one_sight_serves_everything(tiny_model, photo, looks) -> None:
    sight = tiny_model.see(photo)
    guide = tiny_model.retrieve(sight)
    result = tiny_model.generate(sight, guide, seed=0)
    tiny_model.draft(sight, guide.landmark)
    tiny_model.enlarge(sight, result.image, guide.landmark, size=80)
    tiny_model.photo_outline(sight)
    tiny_model.expected_silhouette(sight)
    assert looks == [None]


def test_a_photo_is_looked_at_once_from_end_to_end(tiny_model, photo, looks) -> None:
    tiny_model.generate(photo)
    assert looks == [None]


def test_a_sight_gives_what_its_photo_gives(tiny_model, photo) -> None:
    sight = tiny_model.see(photo)
    assert tiny_model.see(sight) is sight
    by_photo, by_sight = tiny_model.retrieve(photo), tiny_model.retrieve(sight)
    assert torch.equal(by_photo.query, by_sight.query)
    assert torch.equal(tiny_model.photo_outline(photo), tiny_model.photo_outline(sight))
    pictures = [np.asarray(tiny_model.generate(source, by_photo, seed=3).image) for source in (photo, sight)]
    np.testing.assert_array_equal(*pictures)


def test_the_garment_that_is_meant_is_the_one_that_is_seen(tiny_model, photo) -> None:
    mask = np.zeros(photo.size[::-1], np.float32)
    mask[20:60, 10:40] = 1
    whole = tiny_model.see(photo)
    sight = tiny_model.see(whole, mask)
    assert (whole.garment.source, sight.garment.source) == ("flow", "given")
    torch.testing.assert_close(sight.garment_tensor()[0], mask_to_tensor(mask, 32))
    # A box of 40 x 30 fills the canonical frame by its longer side over the margin of 1.12.
    height, width = (int((sight.outline > 0.5).any(axis).sum()) for axis in (1, 0))
    assert (height, width) == pytest.approx((64 / 1.12, 0.75 * 64 / 1.12), abs=2)
    assert not torch.equal(tiny_model.retrieve(sight).query, tiny_model.retrieve(whole).query)


@pytest.mark.parametrize(("garment", "message"), [
    ("upper", "no parser that tells garments apart"),
    ((10, 20), "no parser"),
    (np.zeros((5, 4), np.float32), "the garment's mask is 4x5 and the photo 96x96"),
    (np.full((96, 96), 2, np.float32), r"\[0, 1\]"),
])
def test_a_garment_that_cannot_be_told_is_refused(tiny_model, photo, garment, message) -> None:
    with pytest.raises(ValueError, match=message):
        tiny_model.see(photo, garment)


def test_where_no_garment_is_there_is_no_outline(tiny_model, photo) -> None:
    sight = tiny_model.see(photo, np.zeros((96, 96), np.float32))
    assert sight.outline is None and sight.expected is None
    with pytest.raises(ValueError, match="no garment is found"):
        sight.require_outline()


def test_an_outline_is_symmetric() -> None:
    mask = np.zeros((64, 64), np.float32)
    mask[10:50, 20:40], mask[10:20, 40:50] = 1, 1
    outline = own_outline(mask, 64)
    torch.testing.assert_close(outline, outline.flip(1))
    assert own_outline(np.zeros((64, 64), np.float32), 64) is None
