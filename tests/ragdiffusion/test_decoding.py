"""What files hide: turns that only XMP speaks of, formats of phones, and work without end."""

from __future__ import annotations

import io
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ragdiffusion.decoding import SUFFIXES
from ragdiffusion.images import load_mask, load_photo

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def marked(width: int = 48, height: int = 32) -> Image.Image:
    """Red at the top left."""
    image = Image.new("RGB", (width, height), "white")
    image.paste((255, 0, 0), (0, 0, 16, 16))
    return image


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_xmp_alone_turns_nothing(kind: str) -> None:
    options: dict[str, object] = {"xmp": XMP}
    if kind == "PNG":
        from PIL.PngImagePlugin import PngInfo

        text = PngInfo()
        text.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options = {"pnginfo": text}
    elif kind == "TIFF":
        options = {"tiffinfo": {700: XMP}}
    data = encoded(marked(), kind, **options)
    with Image.open(io.BytesIO(data)) as file:
        assert file.getexif().get(0x0112) == 6, "Pillow would turn it"
        assert load_photo(file).size == (48, 32)
    photo = load_photo(data)
    assert photo.size == (48, 32) and photo.getpixel((5, 5))[1] < 60

    exif = Image.Exif()
    exif[0x0112] = 3
    options = {"tiffinfo": {700: XMP, 0x0112: 3}} if kind == "TIFF" else options | {"exif": exif}
    turned = load_photo(encoded(marked(), kind, **options))
    assert turned.size == (48, 32) and turned.getpixel((43, 27))[1] < 60, "EXIF counts beside XMP"


def test_the_xmp_case_stays_as_it_is(cases: Path) -> None:
    assert load_photo(cases / "xmp_orientation" / "xmp_only6.jpg").size == (450, 600)


def test_heic_is_read_upright_in_its_colours() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    image = Image.new("RGB", (96, 64), (30, 90, 160))
    image.paste((250, 0, 0), (0, 0, 32, 32))
    exif = Image.Exif()
    exif[0x0112] = 6
    for orientation, size, corner in ((None, (96, 64), (10, 10)), (exif.tobytes(), (64, 96), (54, 10))):
        buffer = io.BytesIO()
        file = pillow_heif.from_pillow(image)
        file.save(buffer, quality=95, **({"exif": orientation} if orientation else {}))
        photo = load_photo(buffer.getvalue())
        assert photo.size == size
        assert photo.getpixel(corner) == pytest.approx((250, 0, 0), abs=12)
        assert photo.getpixel((size[0] // 2, size[1] - 5)) == pytest.approx((30, 90, 160), abs=12)
    with pytest.raises(ValueError, match=r"^IMG\.heic is (damaged|not a picture)"):
        load_photo(buffer.getvalue()[: len(buffer.getvalue()) // 2], name="IMG.heic")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_ending_of_the_list_is_read(tmp_path: Path, suffix: str) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    path = tmp_path / f"shirt{suffix}"
    if suffix in (".heic", ".heif", ".hif"):
        pillow_heif.from_pillow(marked(64, 64)).save(path, format="HEIF")
    else:
        kind = {
            ".jfif": "JPEG",
            ".jpe": "JPEG",
            ".hif": "HEIF",
            ".dib": "DIB",
            ".pgm": "PPM",
            ".pbm": "PPM",
            ".pnm": "PPM",
        }.get(suffix)
        marked(64, 64).save(path, kind)
    if suffix != ".dib":  # a DIB is a BMP without its heading
        assert load_photo(path).getpixel((5, 5))[0] > 200
    assert suffix == suffix.lower()


def jpeg_of_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    data = encoded(marked(256, 256), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * (count - 10) + b"\xff\xd9"


def test_a_jpeg_of_many_scans_is_refused_at_once() -> None:
    assert load_photo(jpeg_of_scans(20)).size == (256, 256)
    started = time.process_time()
    for load in (load_photo, load_mask):
        with pytest.raises(ValueError, match=r"^p\.jpg is a JPEG of 2000 scans.*baseline.* or as PNG"):
            load(jpeg_of_scans(2000), name="p.jpg")
    assert time.process_time() - started < 1


def _chunk(kind: bytes) -> bytes:
    return (0).to_bytes(4, "big") + kind + zlib.crc32(kind).to_bytes(4, "big")


@pytest.mark.parametrize(
    ("form", "part"),
    [
        ("JPEG", b"\xff\xfe\0\2"),
        ("PNG", _chunk(b"prVt")),
        ("GIF", b"!\xfe\1a\0"),
        ("GIF", b"!\xfe" + b"\1a" * 40_000 + b"\0"),
    ],
    ids=["segments", "chunks", "comments", "one-long-comment"],
)
def test_a_picture_of_many_parts_is_refused_at_once(form: str, part: bytes) -> None:
    data = encoded(marked(64, 64).quantize(4) if form == "GIF" else marked(64, 64), form)
    colours = data[10]
    place = {"JPEG": 2, "PNG": 33, "GIF": 13 + 3 * 2 ** ((colours & 7) + 1)}[form]
    many = 1 if len(part) > 1000 else 500_000
    assert load_photo(data[:place] + (part * 100 if many > 1 else b"!\xfe\1a\0") + data[place:]).size == (64, 64)
    started = time.process_time()
    with pytest.raises(ValueError, match=rf"^p is a {form} of more than 20,000 .* beside its picture: save it anew$"):
        load_photo(data[:place] + part * many + data[place:], name="p")
    assert time.process_time() - started < 1


def tiff_of_strips(count: int, order: str, *, big: bool) -> bytes:
    """A TIFF of 64 x 64 grey pixels; its list of places and that of lengths have `count` numbers each."""
    number, offset = ("Q", "Q") if big else ("H", "I")
    tags = [(256, 3, 1, 64), (257, 3, 1, 64), (258, 3, 1, 8), (262, 3, 1, 1), (278, 3, 1, 1)]
    head = (b"II" if order == "<" else b"MM") + (
        struct.pack(f"{order}HHHQ", 43, 8, 0, 16) if big else struct.pack(f"{order}HI", 42, 8)
    )
    entries, each = len(tags) + 2, 20 if big else 12
    lists = len(head) + struct.calcsize(f"={number}") + entries * each + struct.calcsize(f"={offset}")
    body = struct.pack(order + number, entries)
    for tag, kind, parts, value in [*tags, (273, 4, count, lists), (279, 4, count, lists + 4 * count)]:
        held = struct.pack(f"{order}H", value) if kind == 3 else struct.pack(order + offset, value)
        body += struct.pack(f"{order}HH{offset}", tag, kind, parts) + held.ljust(8 if big else 4, b"\0")
    pixels = lists + 8 * count
    places = struct.pack(f"{order}I", pixels) * count + struct.pack(f"{order}I", 64) * count
    return head + body + struct.pack(order + offset, 0) + places + bytes(64)


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
def test_a_picture_whose_pixels_are_torn_to_pieces_is_refused_at_once(order: str, big: bool) -> None:
    assert load_photo(tiff_of_strips(64, order, big=big)).size == (64, 64)
    png = encoded(marked(64, 64), "PNG")
    started = time.process_time()
    for data, kind in (
        (tiff_of_strips(500_000, order, big=big), "TIFF whose pixels are in more than 200,000 strips or tiles"),
        (png[:33] + _chunk(b"IDAT") * 300_000 + png[33:], "PNG whose pixels are in more than 200,000 chunks"),
    ):
        with pytest.raises(ValueError, match=rf"^p is a {kind}: save it anew$"):
            load_photo(data, name="p")
    assert time.process_time() - started < 2


def test_a_bmp_of_many_runs_is_refused_at_once() -> None:
    start = 14 + 40 + 1024

    def bmp(more: int) -> bytes:
        pixels = b"\x32\0\0\0" * 50 + b"\1\0" * more + b"\0\1"  # rows of 50
        header = struct.pack("<IiiHHIIiiII", 40, 50, 50, 1, 8, 1, len(pixels), 0, 0, 256, 0)
        return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + header + bytes(1024) + pixels

    assert load_photo(bmp(0)).size == (50, 50)
    with pytest.raises(ValueError, match="^p is a BMP of 20 MB whose runs .* one by one: save it as PNG$"):
        load_photo(bmp(10_000_000), name="p")


@pytest.mark.parametrize("gap", [b" ", b"\n", b"#\n", b"# \n "])
def test_a_ppm_whose_heading_does_not_end_is_refused_at_once(gap: bytes) -> None:
    """Blanks were once tried in all ways to divide them, which never ended."""
    with pytest.raises(ValueError, match="^p is a PPM without a heading in its first 1024 bytes"):
        load_photo(b"P6\n" + gap * 3000 + b"64 64\n255\n" + bytes(64 * 64 * 3), name="p")


def test_scans_of_previews_and_stuffed_bytes_are_not_counted() -> None:
    preview = encoded(marked(64, 64), "JPEG", progressive=True) * 20
    exif = b"Exif\0\0" + preview
    noise = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
    data = encoded(Image.fromarray(noise), "JPEG", quality=95)
    data = data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:]
    assert load_photo(data + preview * 20).size == (512, 512)


@pytest.mark.parametrize(
    ("head", "refused"),
    [
        (b"P3\n4000 4000\n255\n", "48 million numbers that can only be read one by one"),
        (b"P2 # a\n# b\n 4000\t4000\n255\n", "16 million numbers"),
        (b"P6\n4000 4000\n254\n", "48 million numbers"),
        (b"P6\n#" + b"x" * 5_000_000 + b"\n40 40\n255\n", "without a heading in its first 1024 bytes"),
    ],
)
def test_slow_ppms_are_refused_by_their_heading(head: bytes, refused: str) -> None:
    started = time.process_time()
    with pytest.raises(ValueError, match=f"^the picture is a PPM .*{refused}.*save it as PNG"):
        load_photo(head + b"1 " * 100)
    assert time.process_time() - started < 0.5


def test_common_ppms_are_read() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)
    text = b"P3 # made by hand\n30 20 255\n" + b" ".join(b"%d" % level for level in pixels.flatten())
    binary = b"P6\n30 20\n255\n" + pixels.tobytes()
    for data in (text, binary):
        np.testing.assert_array_equal(np.asarray(load_photo(data)), pixels)
    large = b"P5\n4000 4000\n255\n" + bytes(16_000_000)
    assert load_photo(large).size == (4000, 4000)
