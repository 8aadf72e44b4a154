"""Photos, landmarks and settings at the edge of sense: a picture or a clear message, never NaN pixels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

_SIZE = 64


def _plain(shade: int | tuple[int, int, int]) -> Callable[[], Image.Image]:
    return lambda: Image.new("RGB", (96, 120), shade if isinstance(shade, tuple) else (shade,) * 3)


def _noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (120, 96, 3), dtype=np.uint8))


def _nearly_uniform() -> Image.Image:
    pixels = np.full((120, 96, 3), 128, np.uint8)
    pixels[::7, ::5] = 129
    return Image.fromarray(pixels)


def _landmarks() -> dict[str, torch.Tensor]:
    axis = torch.linspace(-1, 1, _SIZE)
    radius = (axis[:, None].square() + axis[None].square()).sqrt()
    stripes = (torch.arange(_SIZE) % 4 < 2).float()[None].expand(_SIZE, _SIZE) * (radius < 0.8)
    return {
        "a ring": ((radius > 0.5) & (radius < 0.7)).float(),
        "a dot": (radius < 0.06).float(),
        "a line": (torch.arange(_SIZE) == 30).float()[:, None].expand(_SIZE, _SIZE),
        "stripes": stripes,
        "half transparent": 0.6 * (radius < 0.8),
        "half transparent stripes": 0.6 * stripes,
        "noise": torch.rand(_SIZE, _SIZE, generator=torch.Generator().manual_seed(0)),
        "nearly all": torch.ones(_SIZE, _SIZE) * (axis.abs() < 0.99),
    }


def _check(result, landmark: torch.Tensor, size: int = _SIZE) -> None:
    """`tensor_to_images` lets no NaN pass, so that a picture is there means finite pixels."""
    pixels = np.asarray(result.image)
    assert pixels.shape == (size, size, 3)
    if size == _SIZE:
        assert (pixels[landmark.numpy() == 0] == 255).all()


@pytest.mark.parametrize(
    "photo",
    [_plain(0), _plain(255), _plain(128), _plain((255, 0, 0)), _nearly_uniform, _noise],
    ids=["black", "white", "grey", "red", "nearly uniform", "no garment"],
)
def test_photos_without_a_garment_give_a_picture(tiny_model, photo: Callable[[], Image.Image]) -> None:
    image = photo()
    guide = tiny_model.retrieve(image)
    assert bool(torch.isfinite(guide.embedding).all()) and bool(torch.isfinite(guide.weights).all())
    _check(tiny_model.generate(image, guide, steps=2), guide.landmark)
    _check(tiny_model.generate(image, guide, steps=1, size=120), guide.landmark, 120)


@pytest.mark.parametrize("name", _landmarks())
def test_landmarks_unlike_any_garment_are_obeyed(tiny_model, make_photo, name: str) -> None:
    photo, landmark = make_photo(3), _landmarks()[name]
    guide = tiny_model.retrieve(photo).edit(landmark)
    _check(tiny_model.generate(photo, guide, steps=2), landmark)
    _check(tiny_model.generate(photo, guide, steps=1, size=96), landmark, 96)


def test_masks_that_mark_nothing_or_everything_are_refused(tiny_model) -> None:
    clear = Image.new("RGBA", (96, 96), (255, 255, 255, 100))  # opaque nowhere
    for picture, share in ((clear, "0.0%"), (Image.new("L", (96, 96), 255), "100.0%")):
        with pytest.raises(ValueError, match=f"marks {share} of the picture as garment"):
            tiny_model.landmark_from_mask(picture)


def test_a_landmark_opaque_nowhere_is_refused(tiny_model, make_photo) -> None:
    with pytest.raises(ValueError, match="landmark is empty: no pixel is above 0.5"):
        tiny_model.retrieve(make_photo(3)).edit(0.5 * _landmarks()["stripes"])


@pytest.mark.parametrize(
    "settings",
    [
        {"steps": 1},
        {"steps": 1, "strength": 1.0},
        {"steps": 1000, "strength": 0.004},
        {"steps": 1, "strength": 0.001},
        {"steps": 3, "guidance": 0},
        {"steps": 3, "guidance": 30, "strength": 1.0},
        {"steps": 2, "guidance": 100},
    ],
    ids=str,
)
def test_settings_at_their_ends_give_a_picture(tiny_model, make_photo, settings: dict) -> None:
    photo = make_photo(3)
    guide = tiny_model.retrieve(photo)
    _check(tiny_model.generate(photo, guide, **settings), guide.landmark)


@pytest.mark.parametrize(("size", "limit"), [(63, 96), (97, 96), (0, 96), (64.5, 96), (10**6, 96)])
def test_sizes_that_the_photo_cannot_fill_are_refused(tiny_model, make_photo, size: float, limit: int) -> None:
    with pytest.raises(ValueError, match=f"size is {size}, a whole number from 64 to {limit} wanted.*96x96"):
        tiny_model.generate(make_photo(3), size=size)


def test_a_larger_picture_shows_the_same_and_small_photos_have_the_models_size(tiny_model, make_photo) -> None:
    photo = make_photo(3).resize((192, 192))
    guide = tiny_model.retrieve(photo)
    small, large = (tiny_model.generate(photo, guide, steps=2, size=size).image for size in (64, 192))
    apart = np.asarray(large.resize((64, 64), Image.Resampling.BOX)).astype(int) - np.asarray(small)
    assert np.abs(apart).mean() < 6
    assert tiny_model.largest_size(photo) == 192 and tiny_model.largest_size(photo.resize((40, 40))) == 64
