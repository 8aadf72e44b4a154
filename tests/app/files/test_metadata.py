"""Photos lose what cameras write into them, and no pixel."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from app.files.metadata import without_metadata
from ragdiffusion.images import load_photo_and_alpha

SECRETS = (b"PhoneMaker", b"48.2082", b"Atelier", b"\x88\x25")  # maker, a place in words, a comment, the tag of GPS
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><place>48.2082</place></x:xmpmeta>'


def exif(orientation: int | None) -> Image.Exif:
    made = Image.Exif()
    made[0x010F] = "PhoneMaker"
    made[0x013B] = "Atelier"
    if orientation:
        made[0x0112] = orientation
    made.get_ifd(0x8825).update({1: "N", 2: (48.0, 12.0, 29.5), 3: "E", 4: (16.0, 22.0, 25.0)})
    return made


def picture(mode: str = "RGB") -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 4), np.uint8)
    noise[:, :20, 3] = 0
    noise[:, 20:, 3] = 255
    return Image.fromarray(noise).convert(mode)


def saved(image: Image.Image, form: str, orientation: int | None = 6, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, exif=exif(orientation).tobytes(), **options)
    return buffer.getvalue()


def png_with_words(orientation: int | None) -> bytes:
    words = PngImagePlugin.PngInfo()
    words.add_text("Comment", "Atelier")
    words.add_itxt("XML:com.adobe.xmp", XMP.decode())
    return saved(picture("RGBA"), "PNG", orientation, pnginfo=words)


PHOTOS: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: saved(picture(), "JPEG", quality=90, comment=b"Atelier", xmp=XMP),
    "progressive jpeg": lambda: saved(picture(), "JPEG", quality=90, progressive=True),
    "upright jpeg": lambda: saved(picture(), "JPEG", None),
    "grey jpeg": lambda: saved(picture("L"), "JPEG"),
    "cmyk jpeg": lambda: saved(picture("CMYK"), "JPEG"),
    "jpeg with a film behind it": lambda: saved(picture(), "JPEG") + b"\0\0\0\x18ftypmp42 PhoneMaker 48.2082",
    "jpeg with restarts": lambda: saved(picture(), "JPEG", restart_marker_rows=1),
    "png": lambda: png_with_words(8),
    "upright png": lambda: png_with_words(None),
    "palette png": lambda: saved(picture().quantize(9), "PNG", 3),
    "grey png of 16 bits": lambda: saved(Image.fromarray(np.arange(2400, dtype=np.uint16).reshape(40, 60) * 20), "PNG"),
    "webp": lambda: saved(picture("RGBA"), "WEBP", lossless=True, xmp=XMP),
    "lossy webp": lambda: saved(picture(), "WEBP", quality=80),
    "tiff": lambda: saved(picture(), "TIFF", description="Atelier"),
    "gif": lambda: saved(picture().quantize(20), "GIF", comment=b"Atelier"),
    "bmp": lambda: saved(picture(), "BMP", None),
    "avif": lambda: saved(picture(), "AVIF"),
}


@pytest.mark.parametrize("kind", PHOTOS)
def test_pixels_stay_and_all_else_goes(kind: str) -> None:
    data = PHOTOS[kind]()
    bare = without_metadata(data, "photo")
    before, after = load_photo_and_alpha(data), load_photo_and_alpha(bare)
    np.testing.assert_array_equal(np.asarray(after[0]), np.asarray(before[0]))
    assert (before[1] is None) == (after[1] is None)
    if before[1] is not None:
        np.testing.assert_array_equal(after[1], before[1])
    assert not [secret for secret in SECRETS[:3] if secret in bare]
    assert set(Image.open(io.BytesIO(bare)).getexif()) <= {0x0112}, "how it is turned, and no more"
    assert without_metadata(bare, "photo") == bare


def test_heic_becomes_a_png_of_the_same_pixels() -> None:
    heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    heif.from_pillow(picture()).save(buffer, exif=exif(6).tobytes(), quality=90)
    bare = without_metadata(buffer.getvalue(), "photo.heic")
    assert Image.open(io.BytesIO(bare)).format == "PNG" and b"PhoneMaker" not in bare
    shown = [np.asarray(load_photo_and_alpha(data)[0]) for data in (buffer.getvalue(), bare)]
    np.testing.assert_array_equal(*shown)


def test_a_colour_profile_stays() -> None:
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for form in ("JPEG", "PNG", "WEBP"):
        bare = without_metadata(saved(picture(), form, icc_profile=made), "photo")
        assert Image.open(io.BytesIO(bare)).info["icc_profile"] == made, form


@pytest.mark.parametrize("kind", PHOTOS)
def test_damaged_photos_are_refused_or_read_as_before(kind: str) -> None:
    data, chance = PHOTOS[kind](), np.random.default_rng(1)
    for _ in range(20):
        broken = bytearray(data)
        for at in chance.integers(0, len(data), 3):
            broken[at] = chance.integers(0, 256)
        cut = bytes(broken[: chance.integers(1, len(broken) + 1)] if chance.random() < 0.3 else broken)
        try:
            bare = without_metadata(cut, "photo")
        except ValueError as refused:
            assert str(refused).startswith("photo ")
            continue
        try:
            before = load_photo_and_alpha(cut)[0]
        except ValueError:
            continue
        np.testing.assert_array_equal(np.asarray(load_photo_and_alpha(bare)[0]), np.asarray(before))


def test_a_segment_that_says_too_much_is_no_way_out() -> None:
    data = PHOTOS["jpeg"]()
    at = data.index(b"\xff\xe1")
    longer = data[: at + 2] + struct.pack(">H", 65535) + data[at + 4 :]
    with pytest.raises(ValueError, match="photo"):
        without_metadata(longer, "photo")
