"""Photos without what cameras and editors write beside the pixels: place, time, device, names, comments, thumbnails.

The pixels stay as they are decoded, and so does what decides them: orientation, colour profile, transparency.
"""

from __future__ import annotations

import io
import logging
import struct
from collections.abc import Iterator

from PIL import Image

from app.files.pictures import png
from ragdiffusion.decoding import decode, grey_plane
from ragdiffusion.profiles import to_srgb

_LOG = logging.getLogger(__name__)
_ORIENTATION = 0x0112
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_PNG_KEPT = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD pHYs acTL fcTL fdAT".split()
)
_WEBP_KEPT = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
_WEBP_EXIF, _WEBP_XMP = 0x08, 0x04  # flags of VP8X
_EOI, _SOS, _COMMENT = 0xD9, 0xDA, 0xFE
_ALONE = frozenset((0x01, *range(0xD0, 0xD8)))  # markers without a length


class _OddError(Exception):
    """A file is put together in a way that is not taken apart here."""


def without_metadata(data: bytes, name: str) -> bytes:
    """Return a photo that decodes to the same pixels and tells nothing else.

    Args:
        data: the file.
        name: what to call it in messages.

    Returns:
        A file of the same format where that can be done without loss, else a PNG.

    Raises:
        ValueError: if it cannot be read.
    """
    try:
        if data.startswith(_JPEG):
            return b"".join(_jpeg(data, _orientation(data, "JPEG")))
        if data.startswith(_PNG):
            return _PNG + b"".join(_png(data, _orientation(data, "PNG")))
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data, _orientation(data, "WEBP"))
    except (
        Exception
    ) as error:  # decoders raise a dozen kinds for what is damaged or odd: then pixels are all that counts
        _LOG.debug("%s is not taken apart: %r", name, error)
    return _as_png(data, name)


def _orientation(data: bytes, form: str) -> bytes:
    """Return EXIF that says how the photo is turned, and nothing else; b"" where it is upright."""
    with Image.open(io.BytesIO(data), formats=[form]) as image:
        bare = Image.new("1", (1, 1))
        bare.info = {key: value for key, value in image.info.items() if key in ("exif", "Raw profile type exif")}
        turn = bare.getexif().get(_ORIENTATION)
    if turn not in range(2, 9):
        return b""
    exif = Image.Exif()
    exif[_ORIENTATION] = turn
    return exif.tobytes()  # begins with Exif\0\0


def _jpeg(data: bytes, turned: bytes) -> Iterator[bytes]:
    yield _JPEG
    if turned:
        yield b"\xff\xe1" + struct.pack(">H", len(turned) + 2) + turned
    at = 2
    while True:
        if data[at] != 0xFF:
            raise _OddError
        while data[at] == 0xFF:  # may be repeated
            at += 1
        marker = data[at]
        at += 1
        if marker == _EOI:
            yield b"\xff\xd9"  # what comes after it is another file
            return
        if marker in _ALONE:
            yield bytes((0xFF, marker))
            continue
        end = at + struct.unpack_from(">H", data, at)[0]
        if end > len(data):
            raise _OddError
        if _is_of_pixels(marker, data[at + 2 : at + 16]):
            yield bytes((0xFF, marker)) + data[at:end]
        at = end
        if marker == _SOS:
            end = _end_of_scan(data, at)
            yield data[at:end]
            at = end


def _is_of_pixels(marker: int, head: bytes) -> bool:
    if 0xE0 <= marker <= 0xEF:
        kinds = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
        return marker in kinds and head.startswith(kinds[marker])
    return marker != _COMMENT


def _end_of_scan(data: bytes, at: int) -> int:
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise _OddError
        if data[at + 1] != 0 and data[at + 1] not in _ALONE and data[at + 1] != 0xFF:
            return at
        at += 1 if data[at + 1] == 0xFF else 2


def _png(data: bytes, turned: bytes) -> Iterator[bytes]:
    at = len(_PNG)
    while True:
        (size,) = struct.unpack_from(">I", data, at)
        kind, end = data[at + 4 : at + 8], at + 12 + size
        if end > len(data):
            raise _OddError
        if kind in _PNG_KEPT:
            yield data[at:end]
        elif not kind[:1].islower():  # it would matter, and is not known
            raise _OddError
        if kind == b"IEND":
            return
        if kind == b"IHDR" and turned:
            yield _png_chunk(b"eXIf", turned.removeprefix(b"Exif\0\0"))
        at = end


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    from zlib import crc32

    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc32(kind + content))


def _webp(data: bytes, turned: bytes) -> bytes:
    chunks: list[bytes] = []
    at, end, extended = 12, 8 + struct.unpack_from("<I", data, 4)[0], False
    if end > len(data):
        raise _OddError
    while at < end:
        kind, (size,) = data[at : at + 4], struct.unpack_from("<I", data, at + 4)
        content = data[at + 8 : at + 8 + size]
        if len(content) != size:
            raise _OddError
        if kind == b"VP8X":
            extended = True
            flags = content[0] & ~(_WEBP_EXIF | _WEBP_XMP) | (_WEBP_EXIF if turned else 0)
            content = bytes((flags,)) + content[1:]
        if kind in _WEBP_KEPT:
            chunks.append(_riff_chunk(kind, content))
        at += 8 + size + size % 2
    if turned:
        if not extended:
            raise _OddError
        chunks.append(_riff_chunk(b"EXIF", turned.removeprefix(b"Exif\0\0")))
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _riff_chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _as_png(data: bytes, name: str) -> bytes:
    image = to_srgb(decode(data, name))
    if image.mode.startswith(("I", "F")):
        image = Image.fromarray((grey_plane(image, name) * 255).round().astype("uint8"))
    bare = image.convert("RGBA" if image.has_transparency_data else "RGB")
    bare.info.clear()
    return png(bare)
