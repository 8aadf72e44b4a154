"""Colour profiles count for what they say of colours: in every mode of picture, and whatever they are called."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from ragdiffusion.images import load_photo

SRGB = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
P3 = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))  # adapted to D50
_D50 = (0.9642, 1.0, 0.8249)


def icc(name: str, gamma: float, primaries: tuple | None = SRGB) -> bytes:
    """A matrix profile, or a grey one without primaries; a curve of 0 is that of sRGB."""
    fixed = lambda *numbers: b"".join(struct.pack(">i", round(x * 65536)) for x in numbers)  # noqa: E731
    if gamma:
        curve = b"curv" + struct.pack(">4xIH2x", 1, round(gamma * 256))
    else:
        curve = b"para" + struct.pack(">4xHxx", 3) + fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    text = name.encode() + b"\0"
    tags = {
        b"desc": b"desc" + struct.pack(">4xI", len(text)) + text + bytes(78 + -(len(text) + 90) % 4),
        b"wtpt": b"XYZ \0\0\0\0" + fixed(*_D50),
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
    }
    if primaries is None:
        tags[b"kTRC"] = curve
    else:
        for channel, column in zip("rgb", primaries, strict=True):
            tags[f"{channel}XYZ".encode()] = b"XYZ \0\0\0\0" + fixed(*column)
            tags[f"{channel}TRC".encode()] = curve
    table, body, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for tag, content in tags.items():
        table += tag + struct.pack(">II", start + len(body), len(content))
        body += content
    head = struct.pack(
        ">I4xI4s4s4s12x4s28x",
        start + len(body),
        0x04300000,
        b"mntr",
        b"GRAY" if primaries is None else b"RGB ",
        b"XYZ ",
        b"acsp",
    ) + fixed(*_D50)
    return head.ljust(128, b"\0") + table + body


def read(image: Image.Image, profile: bytes, kind: str = "PNG", **options: object) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, kind, icc_profile=profile, **options)
    return load_photo(buffer.getvalue())


def encoded(linear: float) -> int:
    """sRGB's curve, written out: a share of light as a level of 255."""
    return round(255 * (12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055))


def in_srgb(colour: tuple[int, int, int], primaries: tuple) -> list[int]:
    """A colour written with sRGB's curve and other primaries, by the matrices themselves."""
    shares = np.array(colour) / 255
    light = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    linear = np.linalg.inv(np.array(SRGB).T) @ np.array(primaries).T @ light
    return [encoded(float(share)) for share in linear.clip(0, 1)]


@pytest.mark.parametrize("name", ["sRGB IEC61966-2.1", "Display P3", "x"])
def test_primaries_and_curve_count_and_no_name(name: str) -> None:
    photo = Image.new("RGB", (16, 16), (200, 64, 32))
    assert read(photo, icc(name, 0)).getpixel((0, 0)) == (200, 64, 32)
    linear = [encoded(level / 255) for level in (200, 64, 32)]
    assert read(photo, icc(name, 1.0)).getpixel((0, 0)) == pytest.approx(linear, abs=1)
    assert read(photo, icc(name, 0, P3)).getpixel((0, 0)) == pytest.approx(in_srgb((200, 64, 32), P3), abs=1)


def test_srgb_itself_costs_no_level() -> None:
    levels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (own, icc("some monitor", 0)):
        np.testing.assert_array_equal(np.asarray(read(Image.fromarray(levels), profile)), levels)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "PA-like", "L"])
def test_every_mode_takes_an_rgb_profile(mode: str) -> None:
    colour, options = (200, 64, 32), {}
    photo = Image.new("RGB", (16, 16), colour)
    if mode == "RGBA":
        photo.putalpha(255)
        photo.putpixel((15, 15), (*colour, 0))
    elif mode == "P":
        photo = photo.quantize(4)
    elif mode == "PA-like":  # a palette of which one colour is clear
        photo.putpixel((15, 15), (0, 0, 255))
        photo = photo.quantize(4)
        options = {"transparency": photo.getpixel((15, 15))}
    elif mode == "L":
        colour, photo = (120, 120, 120), Image.new("L", (16, 16), 120)
    expected = in_srgb(colour, P3)
    result = read(photo, icc("P3", 0, P3), **options)
    assert result.mode == "RGB" and result.getpixel((0, 0)) == pytest.approx(expected, abs=1)
    if mode in ("RGBA", "PA-like"):
        assert result.getpixel((15, 15)) == (255, 255, 255), "what is clear stays clear"


def test_grey_profiles_are_used_for_8_and_16_bits_and_with_alpha() -> None:
    linear = icc("Gray", 1.0, None)
    assert read(Image.new("L", (16, 16), 64), linear).getpixel((0, 0)) == pytest.approx((encoded(64 / 255),) * 3, abs=1)
    grey = Image.new("LA", (16, 16), (64, 255))
    grey.putpixel((3, 3), (64, 0))
    result = read(grey, linear)
    assert result.getpixel((0, 0)) == pytest.approx((encoded(64 / 255),) * 3, abs=1)
    assert result.getpixel((3, 3)) == (255, 255, 255)
    dark = np.linspace(0, 2000, 256).astype(np.uint16)[None].repeat(16, axis=0)  # 8 levels when cut to 8 bits first
    for kind in ("PNG", "TIFF"):
        shown = np.asarray(read(Image.fromarray(dark), linear, kind))[0, :, 0]
        assert len(np.unique(shown)) > 30
        np.testing.assert_allclose(shown, [encoded(level / 65535) for level in dark[0].tolist()], atol=3)
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(16, axis=0)
    same = np.asarray(read(Image.fromarray(ramp), icc("Gray sRGB", 0, None)))
    np.testing.assert_array_equal(same[0, :, 1], np.arange(256))


def test_a_profile_of_another_kind_or_a_damaged_one_is_left_out() -> None:
    photo = Image.new("RGB", (16, 16), (200, 64, 32))
    for profile in (icc("Gray", 1.0, None), b"broken", icc("cut", 1.0)[:200]):
        assert read(photo, profile).getpixel((0, 0)) == (200, 64, 32)


@pytest.mark.parametrize(("name", "primaries", "gamma"), [("p3_palette", P3, 0), ("linear_srgb_named", SRGB, 1)])
def test_cases(cases: Path, name: str, primaries: tuple, gamma: float) -> None:
    path = cases / "icc" / f"{name}.png"
    with Image.open(path) as stored:
        colours = np.asarray(stored.convert("RGB"))
    result = np.asarray(load_photo(path))
    for y, x in ((300, 300), (10, 10), (450, 200)):
        stored = tuple(colours[y, x].tolist())
        expected = in_srgb(stored, primaries) if not gamma else [encoded(level / 255) for level in stored]
        assert result[y, x].tolist() == pytest.approx(expected, abs=2)
