"""What the weights that ship make of photos that people find hard: small garments, nothing at all, photos turned."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from ragdiffusion import RAGDiffusion
from ragdiffusion.attributes import group_of
from ragdiffusion.config import assets_folder
from ragdiffusion.parsing.choosing import NoGarmentError

pytestmark = pytest.mark.skipif(
    not (assets_folder() / "checkpoints" / "studio" / "garment_parser").is_dir(),
    reason="the bundled checkpoint is not in this checkout",
)
SHIRT = [(0.36, 0), (0.5, 0.07), (0.64, 0), (0.82, 0.08), (1, 0.33), (0.85, 0.43), (0.77, 0.35), (0.77, 0.85)]
SHIRT += [(1 - x, y) for x, y in reversed(SHIRT[3:])]  # its other half


@pytest.fixture(scope="module")
def model() -> RAGDiffusion:
    return RAGDiffusion.from_pretrained(device="cpu")


def shirt_on_a_table(size: tuple[int, int], share: float, middle: tuple[float, float] = (0.5, 0.5)) -> tuple:
    """A photo, and the shirt's mask in it.

    Args:
        size: of the photo.
        share: of its width that the shirt takes.
        middle: of the shirt, in shares of the photo's sides.
    """
    rng, side = np.random.default_rng(0), share * size[0]
    mask = Image.new("L", size, 0)
    corner = [centre * length - side / 2 for centre, length in zip(middle, size, strict=True)]
    ImageDraw.Draw(mask).polygon([(corner[0] + side * x, corner[1] + side * y) for x, y in SHIRT], fill=255)
    mask = mask.filter(ImageFilter.GaussianBlur(0.7))
    table = np.array([214, 208, 200]) + rng.normal(0, 4, (size[1], size[0], 1))
    folds = 1 + 0.12 * np.sin(np.arange(size[0]) / (0.06 * side))[None, :, None]
    alpha = np.asarray(mask, np.float32)[..., None] / 255
    photo = table * (1 - alpha) + np.array([60, 90, 150]) * folds * alpha
    return Image.fromarray(photo.clip(0, 255).astype(np.uint8)), alpha[..., 0]


def kinds(model: RAGDiffusion, sight: object) -> set[str]:
    """The groups of the candidates that are found."""
    return {group_of(model.bank.entry(found.id).attributes) for found in model.retrieve(sight).candidates}


@pytest.mark.parametrize(
    ("size", "share", "middle"),
    [
        ((1200, 900), 0.12, (0.5, 0.5)),
        ((900, 1200), 0.25, (0.3, 0.6)),
        ((1200, 900), 0.34, (0.6, 0.5)),
        ((900, 900), 0.5, (0.5, 0.5)),
        ((500, 1500), 0.8, (0.5, 0.4)),
        ((250, 2500), 0.8, (0.5, 0.6)),
        ((1500, 500), 0.2, (0.7, 0.5)),
        ((2500, 250), 0.07, (0.4, 0.5)),
    ],
)
def test_a_garment_is_found_and_looked_at_from_near_however_small(
    model: RAGDiffusion, size: tuple[int, int], share: float, middle: tuple[float, float]
) -> None:
    photo, mask = shirt_on_a_table(size, share, middle)
    sight = model.see(photo)
    left, top, right, bottom = sight.garment.crop or (0, 0, *size)
    assert share * size[0] >= 0.5 * max(right - left, bottom - top), "it fills what is looked at"
    found = np.zeros_like(mask)
    side = max(right - left, bottom - top)
    whole = np.asarray(Image.fromarray(sight.garment.mask).resize((side, side), Image.Resampling.BILINEAR))
    x, y = (side - (right - left)) // 2, (side - (bottom - top)) // 2
    found[top:bottom, left:right] = whole[y : y + bottom - top, x : x + right - left]
    assert np.minimum(found, mask).sum() / np.maximum(found, mask).sum() > 0.9
    assert kinds(model, sight) == {"upper"}


def nothing() -> dict[str, np.ndarray]:
    """Photos without a garment."""
    y, x = np.mgrid[:480, :400].astype(np.float32)
    rng = np.random.default_rng(0)
    grey = lambda plane: np.repeat(plane[..., None], 3, -1)  # noqa: E731
    return {
        "white": grey(np.full_like(x, 255)),
        "black": grey(np.zeros_like(x)),
        "a wall": grey(225 + rng.normal(0, 5, x.shape)),
        "light from the side": grey(60 + 0.4 * x),
        "a lamp": grey(235 - 0.3 * np.hypot(x - 100, y - 80)),
        "noise": rng.uniform(0, 255, (*x.shape, 3)),
        "tiles": grey(np.where((x // 60 + y // 60) % 2, 190, 212)),
        "wood": (140 + 20 * np.sin(x / 7 + 3 * np.sin(y / 90)))[..., None] * np.array([1, 0.8, 0.6]),
        "stripes": np.where((x // 25) % 2, 200, 120)[..., None] * np.array([0.8, 0.9, 1]),
    }


@pytest.mark.parametrize("name", list(nothing()))
def test_where_there_is_nothing_no_garment_is_made_up(model: RAGDiffusion, name: str) -> None:
    photo = Image.fromarray(nothing()[name].clip(0, 255).astype(np.uint8))
    with pytest.raises(NoGarmentError, match="no garment was found in the photo: point at it, mark it with the brush"):
        model.see(photo)


def test_a_photo_is_said_to_be_turned_where_that_is_plain_and_not_where_it_is_upright(model: RAGDiffusion) -> None:
    with Image.open(assets_folder() / "examples" / "02-dress-hung.jpg") as opened:
        upright = opened.convert("RGB")
    turns = [upright, upright.transpose(Image.Transpose.ROTATE_90), upright.transpose(Image.Transpose.ROTATE_180)]
    assert [model.looks_turned(model.see(photo)) for photo in turns] == [0, 1, 2]


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_shirt_that_lies_upside_down_is_told_of(model: RAGDiffusion, share: float) -> None:
    upright, _ = shirt_on_a_table((900, 900), share)
    photo = upright.transpose(Image.Transpose.ROTATE_180)
    try:
        seen: object = model.see(photo)
    except NoGarmentError:
        seen = photo
    assert model.looks_turned(seen) == 2, "whether or not a garment is found in it"
    assert model.looks_turned(model.see(upright)) == 0


def test_cases(model: RAGDiffusion, cases: Path) -> None:
    for path in sorted((cases / "small_garment").iterdir()):
        sight = model.see(path)
        assert kinds(model, sight) == {"upper"}, path.name
        cloth = (sight.garment.over(sight.photo.size) > 0.5).astype(np.uint8)
        _, kind = cv2.findContours(cloth, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        assert (kind[0, :, 3] < 0).all(), f"{path.name}: letters as white as the ground are no holes"
    for path in sorted((cases / "blank").iterdir()):
        with pytest.raises(NoGarmentError):
            model.see(BytesIO(path.read_bytes()).getvalue())
    for path in sorted((cases / "turned").iterdir()):
        assert model.looks_turned(model.see(path)) == 1, path.name
