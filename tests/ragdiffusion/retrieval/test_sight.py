"""A photo is looked at once, and everything takes what was seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from ragdiffusion.api import RAGDiffusion
from ragdiffusion.images import mask_to_tensor
from ragdiffusion.parsing.choosing import NoGarmentError
from ragdiffusion.parsing.parse import Instance, Parse
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
    mask[20:70, 10:47] = 1
    whole = tiny_model.see(photo)
    sight = tiny_model.see(whole, mask)
    assert (whole.garment.source, sight.garment.source) == ("flow", "given")
    torch.testing.assert_close(sight.garment_tensor()[0], mask_to_tensor(mask, 32))
    # A box of 50 x 37 fills the canonical frame by its longer side over the margin of 1.12.
    height, width = (int((sight.outline > 0.5).any(axis).sum()) for axis in (1, 0))
    assert (height, width) == pytest.approx((64 / 1.12, 0.74 * 64 / 1.12), abs=2)
    assert not torch.equal(tiny_model.retrieve(sight).query, tiny_model.retrieve(whole).query)


@pytest.mark.parametrize(
    ("garment", "message"),
    [
        ("upper", "no parser that tells garments apart"),
        ((10, 20), "no parser"),
        (np.zeros((5, 4), np.float32), "the garment's mask is 4x5 and the photo 96x96"),
        (np.full((96, 96), 2, np.float32), r"\[0, 1\]"),
    ],
)
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


def test_a_small_garment_is_looked_at_in_a_crop(tiny_model, make_photo) -> None:
    """A photo far larger than its garment is seen as the garment's own photo is, whatever lies around."""
    garment, ground = make_photo(3), Image.new("RGB", (600, 400), (120, 130, 110))
    ground.paste(garment, (350, 100))
    mask = np.zeros((400, 600), np.float32)
    mask[110:180, 360:430] = 1
    sight = tiny_model.see(ground, mask)
    assert sight.photo.size == (600, 400) and sight.garment.crop == (339, 89, 451, 201)
    assert sight.image.size == (112, 112)
    np.testing.assert_array_equal(np.asarray(sight.image), np.asarray(ground.crop(sight.garment.crop)))
    by_hand = tiny_model.see(ground.crop(sight.garment.crop), mask[89:201, 339:451])
    assert torch.equal(tiny_model.retrieve(sight).query, tiny_model.retrieve(by_hand).query)
    again = tiny_model.see(sight, np.ones((400, 600), np.float32))  # another garment of the same photo
    assert again.photo.size == (600, 400) and again.garment.crop is None


def test_a_parser_tells_which_garment_is_meant(tiny_model) -> None:
    photo = Image.new("RGB", (90, 120), "white")
    model = RAGDiffusion(tiny_model.pipeline, tiny_model.bank, tiny_model.checkpoint, parser=_Halves())
    assert [garment.name for garment in model.parse(photo).instances] == ["lower", "upper"]
    assert (model.see(photo).garment.name, model.see(photo).garment.source) == ("upper", "parser")
    assert "there is also trousers or skirt" in model.see(photo).garment.why
    for garment, name in (("lower", "lower"), ((45, 100), "lower"), ((45, 20), "upper")):
        assert model.see(photo, garment).garment.name == name
    with pytest.raises(NoGarmentError, match="no dress garment"):
        model.see(photo, "dress")


def test_a_garment_that_lies_alone_is_found_by_the_flow_and_named_by_the_parser(tiny_model, photo) -> None:
    """The flow's own finder is the more exact one there."""
    model = RAGDiffusion(tiny_model.pipeline, tiny_model.bank, tiny_model.checkpoint, parser=_Halves(only="upper"))
    garment = model.see(photo).garment
    assert (garment.source, garment.name) == ("flow", "upper")
    np.testing.assert_array_equal(garment.mask, tiny_model.see(photo).garment.mask)
    assert model.see(photo, "upper").garment.source == "parser"  # whoever names it wants that one


def test_a_checkpoint_without_a_parser_says_so(tiny_model, photo) -> None:
    with pytest.raises(RuntimeError, match="has no parser"):
        tiny_model.parse(photo)


class _Halves:
    """A parser that calls the upper third of every photo a top and the rest trousers, or sees one of them only."""

    def __init__(self, only: str | None = None) -> None:
        self.only = only

    def parse(self, photo, *, point=None) -> Parse:
        width, height = photo.size
        third = height // 3
        boxes = {"lower": (0, third, width, height), "upper": (0, 0, width, third)}
        instances = tuple(
            Instance(name, box, np.full((box[3] - box[1], box[2] - box[0]), 255, np.uint8), photo.size, 1.0)
            for name, box in boxes.items()
            if self.only in (None, name)
        )
        return Parse(np.full((9, 8, 8), 1 / 9, np.float32), instances, photo.size)
