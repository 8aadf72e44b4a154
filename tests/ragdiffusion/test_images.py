"""Photos in, pixels out: what people really upload, and what the models may rely on.

Long because each kind of file that people upload is a case of its own.
"""

from __future__ import annotations

import io
import struct
import time
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ragdiffusion import images


def _noise(width: int, height: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def _bytes(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def _png_claiming(width: int, height: int) -> bytes:
    """A well-formed PNG of a few bytes whose header claims any size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


# ---- what a photo may be


@pytest.mark.parametrize("wrap", [str, Path, Path.read_bytes, Image.open], ids=["str", "path", "bytes", "pil"])
def test_every_kind_of_source_gives_the_same_pixels(tmp_path: Path, wrap) -> None:
    pixels = _noise(33, 20)
    path = tmp_path / "shirt.png"
    Image.fromarray(pixels).save(path)
    photo = images.load_photo(wrap(path))
    assert photo.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(photo), pixels)


def test_arrays_of_bytes_and_of_floats_agree() -> None:
    pixels = _noise(18, 24)
    np.testing.assert_array_equal(np.asarray(images.load_photo(pixels)), pixels)
    np.testing.assert_array_equal(np.asarray(images.load_photo(pixels / 255.0)), pixels)
    np.testing.assert_array_equal(np.asarray(images.load_photo((pixels / 255.0).astype(np.float16))), pixels)
    grey = pixels[:, :, 0]
    np.testing.assert_array_equal(np.asarray(images.load_photo(grey))[:, :, 2], grey)
    np.testing.assert_array_equal(np.asarray(images.load_photo(grey / 255.0))[:, :, 1], grey)
    np.testing.assert_array_equal(np.asarray(images.load_photo(pixels[::-1, :, ::-1])), pixels[::-1, :, ::-1])


def test_the_callers_picture_is_left_alone() -> None:
    original = Image.fromarray(_noise(20, 20))
    original.info["note"] = "mine"
    photo = images.load_photo(original)
    photo.putpixel((0, 0), (1, 2, 3))
    assert original.info == {"note": "mine"} and photo.info == {}
    assert original.getpixel((0, 0)) == tuple(_noise(20, 20)[0, 0])


# Where the corner marked at the top left of the upright photo lies in the file, as (right, bottom).
_STORED_CORNER = {1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (0, 1), 7: (1, 1), 8: (1, 0)}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(orientation: int, kind: str) -> None:
    swapped = orientation >= 5
    width, height = (32, 48) if swapped else (48, 32)  # as stored; upright is always 48 x 32
    stored = np.zeros((height, width, 3), np.uint8)
    right, bottom = _STORED_CORNER[orientation]
    stored[bottom * (height - 16) :, right * (width - 16) :][:16, :16] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    options |= {"lossless": True} if kind == "WEBP" else {}
    photo = images.load_photo(_bytes(Image.fromarray(stored), kind, exif=exif, **options))
    assert photo.size == (48, 32)
    red = np.asarray(photo)[:, :, 0] > 128
    assert red[:16, :16].all() and red.sum() == 256
    assert images.load_photo(photo).size == (48, 32), "applying it twice must not turn the photo again"


def test_damaged_exif_does_not_cost_the_photo() -> None:
    data = _bytes(Image.fromarray(_noise(32, 32)), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff garbage")
    assert images.load_photo(data).size == (32, 32)


def test_transparency_is_laid_on_white() -> None:
    rgba = np.zeros((16, 16, 4), np.uint8)
    rgba[:, :8] = (200, 100, 0, 255)
    rgba[:, 8:12] = (200, 100, 0, 51)  # one fifth of the colour, four fifths of white
    photo = images.load_photo(_bytes(Image.fromarray(rgba), "PNG"))
    assert photo.getpixel((0, 0)) == (200, 100, 0)
    assert photo.getpixel((9, 0)) == pytest.approx((244, 224, 204), abs=1)
    assert photo.getpixel((15, 0)) == (255, 255, 255)
    assert images.load_photo(rgba).getpixel((15, 0)) == (255, 255, 255)


def test_grey_with_alpha() -> None:
    la = Image.new("LA", (16, 16), (40, 255))
    la.putpixel((3, 3), (40, 0))
    photo = images.load_photo(_bytes(la, "PNG"))
    assert photo.getpixel((0, 0)) == (40, 40, 40) and photo.getpixel((3, 3)) == (255, 255, 255)


@pytest.mark.parametrize("transparency", [1, bytes([255, 0, 255])], ids=["index", "table"])
def test_palette_with_transparency(transparency) -> None:
    image = Image.new("P", (16, 16), 0)
    image.putpalette([10, 20, 30, 200, 0, 0, 0, 0, 200])
    image.paste(1, (8, 0, 12, 16))
    image.paste(2, (12, 0, 16, 16))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        photo = images.load_photo(_bytes(image, "PNG", transparency=transparency))
    assert [photo.getpixel((x, 0)) for x in (0, 9, 15)] == [(10, 20, 30), (255, 255, 255), (0, 0, 200)]


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(16, axis=0)  # [16, 256], steps of 257
    for kind in ("PNG", "TIFF"):
        photo = images.load_photo(_bytes(Image.fromarray(ramp), kind))
        np.testing.assert_array_equal(np.asarray(photo)[0, :, 0], np.arange(256))


def test_cmyk_jpeg() -> None:
    photo = images.load_photo(_bytes(Image.new("CMYK", (32, 32), (0, 255, 255, 0)), "JPEG", quality=100))
    red, green, blue = photo.getpixel((16, 16))
    assert red > 240 and green < 15 and blue < 15


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_gives_its_first_frame(kind: str) -> None:
    frames = [Image.new("RGB", (24, 24), color) for color in ("red", "lime", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = _bytes(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert images.load_photo(data).getpixel((5, 5)) == (255, 0, 0)


# ---- what is refused, in one line


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"^shirt\.jpg is empty \(0 bytes\): export"),
        (b"hello, I am a text", r"^shirt\.jpg is not a picture that can be read: give a JPEG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", r"^shirt\.jpg is not a picture that can be read"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", r"^shirt\.jpg is not a picture"),
        (
            _bytes(Image.fromarray(_noise(64, 64)), "JPEG")[:900],
            r"^shirt\.jpg is damaged or cut short: export",
        ),
        (_bytes(Image.fromarray(_noise(64, 64)), "PNG")[:900], r"^shirt\.jpg is damaged or cut short"),
        (_bytes(Image.fromarray(_noise(64, 64)), "PNG")[:20], r"^shirt\.jpg is (damaged|not a picture)"),
        (_bytes(Image.fromarray(_noise(64, 64)), "WEBP")[:900], r"^shirt\.jpg is (damaged|not a picture)"),
        (_bytes(Image.fromarray(_noise(64, 64)), "GIF")[:900], r"^shirt\.jpg is damaged"),
        (_bytes(Image.new("RGB", (1, 1)), "PNG"), r"^shirt\.jpg is 1 x 1, too small .* 16 pixels"),
        (_bytes(Image.new("RGB", (15, 400)), "PNG"), r"^shirt\.jpg is 15 x 400, too small"),
        (
            _bytes(Image.new("LAB", (20, 20)), "TIFF"),
            r"^shirt\.jpg is stored in Lab colours.*: save it as RGB",
        ),
    ],
    ids="empty text heic eps jpeg-cut png-cut png-head webp-cut gif-cut 1x1 narrow lab".split(),
)
def test_bad_files_are_refused_by_name(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "shirt.jpg"
    path.write_bytes(content)
    for load in (images.load_photo, images.load_mask):
        with pytest.raises(ValueError, match=message) as caught:
            load(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=message.replace(r"shirt\.jpg", "upload 3")):
        images.load_photo(content, name="upload 3")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^none\.png was not found: check the path '.*none\.png'"):
        images.load_photo(tmp_path / "none.png")
    with pytest.raises(ValueError, match=r"is a folder: give one picture in it"):
        images.load_photo(str(tmp_path))
    with pytest.raises(ValueError, match=r"cannot be opened|was not found"):
        images.load_photo("x" * 5000)


@pytest.mark.parametrize(
    ("width", "height"),
    [(20_000, 20_000), (10_000, 10_000), (8_001, 8_001), (100, 16_385), (2**31 - 1, 2**31 - 1)],
)
def test_a_bomb_is_refused_by_its_header(width: int, height: int) -> None:
    start = time.thread_time()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=r"^bomb\.png is too large .*64 megapixels.*smaller copy"):
            images.load_photo(_png_claiming(width, height), name="bomb.png")
    assert time.thread_time() - start < 0.5


def test_a_large_photo_under_the_limit_is_read_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = _bytes(Image.new("1", (8_000, 8_000)), "PNG")
        assert images.load_photo(data).size == (8_000, 8_000)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((20, 20, 3), np.nan), "holds NaN or infinity"),
        (np.full((20, 20), np.inf), "holds NaN or infinity"),
        (np.full((20, 20, 3), 128.0), r"runs from 128 to 128: numbers in \[0, 1\]"),
        (np.full((20, 20, 3), -0.5), r"runs from -0.5 to -0.5"),
        (np.zeros((20, 20, 3), np.int64), "array of int64: uint8"),
        (np.zeros((20, 20, 2), np.uint8), r"shape \(20, 20, 2\): \(H, W\), \(H, W, 3\) or \(H, W, 4\)"),
        (np.zeros((1, 20, 20, 3), np.uint8), r"shape \(1, 20, 20, 3\)"),
        (np.zeros(400, np.uint8), r"shape \(400,\)"),
        (np.zeros((0, 20, 3), np.uint8), r"shape \(0, 20, 3\)"),
        (np.zeros((4, 4, 3), np.uint8), "4 x 4, too small"),
        (np.broadcast_to(np.uint8(0), (20_000, 16)), "16 x 20000"),
    ],
)
def test_bad_arrays_are_refused(array: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        images.load_photo(array)


def test_other_types_are_refused() -> None:
    with pytest.raises(ValueError, match="the picture is a list: give a path, bytes, a picture or an array"):
        images.load_photo([1, 2, 3])


# ---- masks


def test_a_mask_is_taken_from_alpha_where_alpha_is_in_use() -> None:
    rgba = np.full((20, 20, 4), 255, np.uint8)
    rgba[5:15, 5:15, :3] = 0
    opaque = images.load_mask(rgba, invert=False)
    np.testing.assert_array_equal(opaque > 0.5, rgba[:, :, 0] == 255)  # luminance counts
    rgba[:, :, 3] = 0
    rgba[2:12, 2:12, 3] = 204
    mask = images.load_mask(_bytes(Image.fromarray(rgba), "PNG"))
    assert mask.dtype == np.float32 and mask[5, 5] == pytest.approx(0.8) and mask[15, 15] == 0


def test_a_float_mask_keeps_its_precision_and_a_boolean_one_is_read() -> None:
    soft = np.linspace(0, 1, 20 * 20, dtype=np.float32).reshape(20, 20)
    np.testing.assert_array_equal(images.load_mask(soft), soft)
    np.testing.assert_array_equal(images.load_mask(soft > 0.3), soft > 0.3)
    deep = (soft * 65535).round().astype(np.uint16)
    np.testing.assert_allclose(images.load_mask(_bytes(Image.fromarray(deep), "PNG")), soft, atol=1e-5)


@pytest.mark.parametrize(("value", "share"), [(0, "0.0%"), (255, "100.0%")])
def test_empty_and_full_masks_are_refused(value: int, share: str) -> None:
    with pytest.raises(ValueError, match=f"^m.png marks {share} of the picture as garment.*white"):
        images.load_mask(np.full((32, 32), value, np.uint8), name="m.png")


# ---- squares and tensors


def test_padding_repeats_the_border_and_centres() -> None:
    pixels = _noise(20, 17)
    padded = np.asarray(images.pad_to_square(Image.fromarray(pixels)))
    np.testing.assert_array_equal(padded[1:18], pixels)  # three rows are missing: one above, two below
    np.testing.assert_array_equal(padded[0], pixels[0])
    np.testing.assert_array_equal(padded[19], pixels[-1])


def _overlaps(have: int, want: int) -> np.ndarray:
    """Share of each of ``have`` old pixels in each of ``want`` new ones: what an area average is."""
    edges = np.arange(want + 1) * have / want
    old = np.arange(have)
    covered = np.minimum(edges[1:, None], old + 1) - np.maximum(edges[:-1, None], old)
    return covered.clip(0) * want / have


@settings(deadline=None, max_examples=60)
@given(st.integers(16, 90), st.integers(16, 90), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_squares_are_area_averages_of_the_centred_photo(width: int, height: int, part: float, seed: int) -> None:
    """Against the definition: one scale for both axes (never stretched), photo and mask aligned."""
    side = max(width, height)
    size = 1 + round(part * (side - 1))
    pixels = _noise(width, height, seed=seed)
    mask = pixels[:, :, 0] / np.float32(255)
    top, left = (side - height) // 2, (side - width) // 2
    gaps = ((top, side - height - top), (left, side - width - left))
    weights = _overlaps(side, size)
    expected_mask = weights @ np.pad(mask, gaps) @ weights.T
    expected_red = weights @ np.pad(mask, gaps, mode="edge") @ weights.T * 2 - 1
    np.testing.assert_allclose(images.mask_to_tensor(mask, size)[0], expected_mask, atol=1e-5)
    red = images.photo_to_tensor(Image.fromarray(pixels), size)[0, 0]
    np.testing.assert_allclose(red, expected_red, atol=1.1 / 127.5)  # two roundings to 8 bits


def test_enlarging_is_smooth_and_centred() -> None:
    mask = np.zeros((16, 8), np.float32)
    mask[4:12, 2:6] = 1
    large = images.mask_to_tensor(mask, 64)[0]
    torch.testing.assert_close(large, large.flip(0))
    torch.testing.assert_close(large, large.flip(1))
    assert large.sum() == pytest.approx(mask.sum() * 16) and 0.1 < large[32, 23] < 0.9


def test_shrinking_averages_areas() -> None:
    checks = np.kron(np.indices((8, 8)).sum(0) % 2, np.ones((1, 1))).astype(np.float32)
    torch.testing.assert_close(images.mask_to_tensor(checks, 4), torch.full((1, 4, 4), 0.5))
    photo = Image.fromarray((np.kron(checks, np.ones((2, 2))) * 255).astype(np.uint8)).convert("RGB")
    assert images.photo_to_tensor(photo, 4).abs().max() < 0.01


def test_a_thin_strip_does_not_become_a_huge_square() -> None:
    strip = np.zeros((16, 16_000), np.float32)
    strip[:, 8_000:] = 1
    expected = torch.zeros(32, 32)
    expected[15:17, 16:] = 16 / 500 / 2  # 16 rows of 16,000 shared by the two middle rows of 500 each
    torch.testing.assert_close(images.mask_to_tensor(strip, 32)[0], expected)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_round_trip_of_bytes_is_exact(size: int, seed: int) -> None:
    pixels = _noise(size, size, seed=seed)
    tensor = images.photo_to_tensor(Image.fromarray(pixels), size)
    assert tensor.shape == (1, 3, size, size) and tensor.min() >= -1 and tensor.max() <= 1
    np.testing.assert_array_equal(np.asarray(images.tensor_to_images(tensor)[0]), pixels)
    grey = torch.from_numpy(pixels[:, :, 0]) / 255.0
    np.testing.assert_array_equal(np.asarray(images.tensor_to_mask_image(grey)), pixels[:, :, 0])


def test_all_256_levels_round_trip_and_the_range_is_symmetric() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)[:, :, None].repeat(3, axis=2)
    tensor = images.photo_to_tensor(Image.fromarray(levels), 16)
    assert tensor.flatten()[0] == -1 and tensor.flatten()[255] == 1
    np.testing.assert_array_equal(np.asarray(images.tensor_to_images(tensor)[0]), levels)


def test_overshoot_is_clipped_in_any_dtype() -> None:
    x = torch.tensor([-1.7, -1.0, 0.0, 1.0, 9.0], dtype=torch.bfloat16).expand(2, 3, 4, 5)
    pictures = images.tensor_to_images(x)
    assert len(pictures) == 2 and pictures[1].size == (5, 4)
    assert np.asarray(pictures[1])[3, :, 1].tolist() == [0, 0, 128, 255, 255]


def test_wrong_tensors_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(B, 3, H, W\) were wanted, and the shape is \(3, 8, 8\)"):
        images.tensor_to_images(torch.zeros(3, 8, 8))
    with pytest.raises(ValueError, match=r"the shape is \(1, 8, 8\)"):
        images.tensor_to_mask_image(torch.zeros(1, 8, 8))
    with pytest.raises(ValueError, match="NaN or infinity"):
        images.tensor_to_images(torch.full((1, 3, 8, 8), float("nan")))
    with pytest.raises(ValueError, match="the mode is L: read it with load_photo"):
        images.photo_to_tensor(Image.new("L", (20, 20)), 16)
    with pytest.raises(ValueError, match="a size of 0 pixels"):
        images.photo_to_tensor(Image.new("RGB", (20, 20)), 0)
    with pytest.raises(ValueError, match=r"mask \(H, W\) was wanted, and the shape is \(2, 8, 8\)"):
        images.mask_to_tensor(np.zeros((2, 8, 8), np.float32), 8)


# ---- canonical frame and silhouettes


def test_canonical_square_by_hand() -> None:
    mask = np.zeros((100, 60), np.float32)
    mask[10:20, 5:9] = 1
    mask[50, 50] = 0.5  # not above the threshold
    assert images.canonical_square(mask) == pytest.approx((7.0, 15.0, 11.2))
    mask[19, 54] = 1
    assert images.canonical_square(mask) == pytest.approx((30.0, 15.0, 56.0))


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 40), st.integers(1, 40))
def test_canonical_square_holds_the_box_and_moves_with_it(x: int, y: int, width: int, height: int) -> None:
    mask = np.zeros((80, 80), np.float32)
    mask[y : y + height, x : x + width] = 1
    cx, cy, side = images.canonical_square(mask)
    assert (cx, cy) == (x + width / 2, y + height / 2)
    assert side == pytest.approx(1.12 * max(width, height))
    assert cx - side / 2 < x and x + width < cx + side / 2


def test_canonical_square_of_nothing() -> None:
    with pytest.raises(ValueError, match="the mask is empty"):
        images.canonical_square(np.zeros((20, 20), np.float32))
    with pytest.raises(ValueError, match="NaN"):
        images.canonical_square(np.full((20, 20), np.nan))
    with pytest.raises(ValueError, match="runs from 0 to 255"):
        images.canonical_square(np.eye(20) * 255)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 0.99))
def test_silhouettes_round_trip(seed: int, density: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    mask = (torch.rand(512, 512, generator=generator) < density).float()
    stored = images.encode_silhouette(mask)
    assert Image.open(io.BytesIO(stored)).mode == "1"
    torch.testing.assert_close(images.decode_silhouettes([stored], 512)[0], mask, atol=0, rtol=0)
    quarter = torch.nn.functional.avg_pool2d(mask[None], 4)
    torch.testing.assert_close(images.decode_silhouettes([stored, stored], 128), quarter.expand(2, -1, -1))


def test_a_silhouette_of_another_size_keeps_its_shape() -> None:
    y, x = torch.meshgrid(*[torch.arange(128) + 0.5] * 2, indexing="ij")
    disc = (torch.hypot(x - 70, y - 60) < 40).float()
    stored = images.encode_silhouette(disc)
    back = images.decode_silhouettes([stored], 128)[0]
    assert (back - disc).abs().mean() < 0.01
    assert len(stored) < 4_000
    assert images.decode_silhouettes([], 64).shape == (0, 64, 64)


def test_bad_silhouettes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"square silhouette was wanted, and the shape is \(8, 9\)"):
        images.encode_silhouette(torch.zeros(8, 9))
    with pytest.raises(ValueError, match="runs from -1 to -1"):
        images.encode_silhouette(torch.full((8, 8), -1.0))
    good = images.encode_silhouette(torch.ones(64, 64))
    with pytest.raises(ValueError, match="silhouette 1 is 64 x 64 of mode L, and a 1-bit PNG of 512 x 512"):
        images.decode_silhouettes([good, _bytes(Image.new("L", (64, 64)), "PNG")], 32)
    with pytest.raises(ValueError, match="silhouette 0 is damaged or cut short"):
        images.decode_silhouettes([good[:60]], 32)
    with pytest.raises(ValueError, match="a size of -1 pixels"):
        images.decode_silhouettes([good], -1)


def test_silhouettes_are_read_coarsely_as_finely():
    mask = torch.zeros(512, 512)
    mask[100:402, 31:290] = 1  # its rims cut cells of 8 in half, a little more and a little less
    mask[104:108, 400:500] = 1  # half of a row of cells is not more than half
    stored = images.encode_silhouette(mask)
    for size in (1, 64, 256):
        coarse = images.reduce_silhouettes([stored, stored], size)
        np.testing.assert_array_equal(coarse[1], images.decode_silhouettes([stored], size)[0].numpy() > 0.5)
    assert images.reduce_silhouettes([], 64).shape == (0, 64, 64)
    for size in (0, 100, 512):
        with pytest.raises(ValueError, match=f"size is {size}, and a divisor of 512 up to its half was wanted"):
            images.reduce_silhouettes([stored], size)
    with pytest.raises(ValueError, match="silhouette 1 .*read|silhouette 1 is"):
        images.reduce_silhouettes([stored, stored[:60]], 64)


# ---- real photos


@pytest.mark.real
def test_real_photos_and_their_masks_agree(garments_val: Path) -> None:
    for path in sorted((garments_val / "val" / "shirt").glob("*.jpg"))[:10]:
        photo, mask = images.load_photo(path), images.load_mask(path.with_suffix(".png"))
        assert photo.size == mask.shape[::-1]
        cx, cy, side = images.canonical_square(mask)
        assert 0 < cx < photo.width and 0 < cy < photo.height and side > 50
