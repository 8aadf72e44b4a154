"""What a file may cost before it is decoded: some formats hide minutes of work in a few kilobytes."""

from __future__ import annotations

import os
import re
import struct
from typing import IO

MAX_BYTES = 512_000_000
"""Largest file that is read; 64 megapixels of 16 bits, uncompressed, are less."""
MAX_SCANS = 100
"""Scans of a progressive JPEG; encoders write about ten."""
MAX_SCANNED_PIXELS = 1_000_000_000
"""Pixels of a JPEG times its scans: each scan goes over the whole picture."""
MAX_PARTS = 20_000
"""Segments of a JPEG, chunks of a PNG beside its pixels, and blocks of a GIF before its first picture."""
MAX_PIXEL_PARTS = 200_000
"""Chunks of a PNG, strips and tiles of a TIFF that hold its pixels; encoders put a row or 4 KB and more into each."""
MAX_RUNS = 4_000_000
"""Bytes of a BMP that is written as runs of pixels: they are read one by one."""
MAX_SLOW_SAMPLES = 2_000_000
"""Numbers in a PPM that is written as text or with an odd number for white: those are read one by one."""

_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])")  # fill bytes, stuffed bytes and restarts are none
_START_OF_SCAN, _END_OF_IMAGE, _START_OF_IMAGE = 0xDA, 0xD9, 0xD8
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TIFF_PLACES = (273, 324)  # tags that say where strips and tiles lie
_BMP_RUNS = (1, 2)  # ways in which a BMP is written so
_PPM_HEAD = 1024
_GAP = rb"(?:\s|#[^\n]*\n)+"  # one way to read it only: with \s+ within, a heading of blanks is tried in 2^1000 ways
_PPM = re.compile(rb"P([1-6])" + _GAP + rb"(\d+)" + _GAP + rb"(\d+)(?:" + _GAP + rb"(\d+))?")


def check_work(file: IO[bytes], label: str) -> None:
    """Refuse a file that would take very long, and leave it at its start.

    Args:
        file: at its start.
        label: what to call it in messages.

    Raises:
        ValueError: too many bytes, a JPEG of too many scans, a JPEG, PNG, GIF or TIFF of too many parts, or a PPM or
            BMP that can only be read slowly and is large.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size > MAX_BYTES:
        raise ValueError(
            f"{label} has {size // 10**6} MB, at most {MAX_BYTES // 10**6} MB are read: save a smaller copy"
        )
    head = file.read(_PPM_HEAD)
    if head[:2] == b"\xff\xd8":
        _check_jpeg(head + file.read(), label)
    elif head[:8] == b"\x89PNG\r\n\x1a\n":
        _check_png(file, label)
    elif head[:4] == b"GIF8":
        _check_gif(file, head, label)
    elif head[:2] in (b"II", b"MM"):
        _check_tiff(file, "<" if head[:2] == b"II" else ">", label)
    elif head[:2] == b"BM" and size > MAX_RUNS and int.from_bytes(head[30:34], "little") in _BMP_RUNS:
        raise ValueError(
            f"{label} is a BMP of {size / 1e6:.0f} MB whose runs of pixels can only be read one by one: save it as PNG"
        )
    elif head[:1] == b"P" and head[1:2].isdigit():
        _check_ppm(head, label)
    file.seek(0)


def _check_jpeg(data: bytes, label: str) -> None:
    scans, pixels, segments = _scans(data)
    if segments > MAX_PARTS + scans:
        raise _too_many(label, "JPEG", "segments")
    if scans > MAX_SCANS or scans * pixels > MAX_SCANNED_PIXELS and scans > 4:  # a plain one has up to four
        raise ValueError(
            f"{label} is a JPEG of {scans} scans, which takes too long to read: save it as a plain "
            "(baseline) JPEG or as PNG"
        )


def _scans(data: bytes) -> tuple[int, int, int]:
    """How many scans a JPEG has, how many pixels, and how many segments, as far as those are not too many.

    As decoders do, what stands between markers is passed over.
    """
    scans, pixels, segments, place = 0, 0, 0, 2
    while segments <= MAX_PARTS + scans and (found := _MARKER.search(data, place)) is not None:
        marker, place = found[1][0], found.end()
        if marker == _END_OF_IMAGE:
            break
        if marker == _START_OF_IMAGE:
            continue
        segments += 1
        if marker == _START_OF_SCAN:
            scans += 1
        elif marker in _START_OF_FRAME and place + 7 <= len(data):
            height, width = struct.unpack_from(">HH", data, place + 3)
            pixels = max(pixels, height * width)
        place += max(2, int.from_bytes(data[place : place + 2], "big"))
    return scans, pixels, segments


def _check_png(file: IO[bytes], label: str) -> None:
    others, pixels, place = 0, 0, 8
    while file.seek(place) == place and len(chunk := file.read(8)) == 8:
        place += 12 + int.from_bytes(chunk[:4], "big")
        others, pixels = (others, pixels + 1) if chunk[4:] == b"IDAT" else (others + 1, pixels)
        if others > MAX_PARTS:
            raise _too_many(label, "PNG", "chunks")
        if pixels > MAX_PIXEL_PARTS:
            raise _too_torn(label, "PNG", "chunks")


def _check_gif(file: IO[bytes], head: bytes, label: str) -> None:
    """Count the blocks of what comes before the first picture."""
    colours = head[10] if len(head) > 10 else 0
    file.seek(13 + (3 << (colours & 7) + 1 if colours & 0x80 else 0))
    blocks = 0
    while file.read(1) == b"!" and file.read(1):
        size = b"\1"
        while size and size[0]:
            size = file.read(1)
            file.seek(size[0] if size else 0, os.SEEK_CUR)
            blocks += 1
            if blocks > MAX_PARTS:
                raise _too_many(label, "GIF", "blocks")


def _check_tiff(file: IO[bytes], order: str, label: str) -> None:
    """Look in the first directory for how many parts the pixels are in."""
    file.seek(2)
    big = file.read(2) in (b"\x2b\0", b"\0\x2b")
    file.seek(8 if big else 4)
    offset, number, entry, rest = ("Q", "Q", "HHQ", 8) if big else ("I", "H", "HHI", 4)
    read = lambda kinds: struct.unpack(order + kinds, file.read(struct.calcsize(order + kinds)))  # noqa: E731
    try:
        file.seek(*read(offset))
        (entries,) = read(number)
        for _ in range(min(entries, 65_535)):
            tag, _, parts = read(entry)
            file.seek(rest, os.SEEK_CUR)
            if tag in _TIFF_PLACES and parts > MAX_PIXEL_PARTS:
                raise _too_torn(label, "TIFF", "strips or tiles")
    except (struct.error, OSError, OverflowError):
        return  # no TIFF, or a damaged one: its decoder says so


def _too_torn(label: str, kind: str, parts: str) -> ValueError:
    return ValueError(f"{label} is a {kind} whose pixels are in more than {MAX_PIXEL_PARTS:,} {parts}: save it anew")


def _too_many(label: str, kind: str, parts: str) -> ValueError:
    return ValueError(f"{label} is a {kind} of more than {MAX_PARTS:,} {parts} beside its picture: save it anew")


def _check_ppm(head: bytes, label: str) -> None:
    found = _PPM.match(head)
    if found is None:
        raise ValueError(f"{label} is a PPM without a heading in its first {_PPM_HEAD} bytes: save it as PNG")
    kind, width, height, white = (int(part or 1) for part in found.groups())
    samples = width * height * (3 if kind in (3, 6) else 1)
    quick = kind == 4 or (kind == 6 and white == 255) or (kind == 5 and white in (255, 65535))
    if samples > MAX_SLOW_SAMPLES and not quick:
        raise ValueError(
            f"{label} is a PPM of {samples / 1e6:.0f} million numbers that can only be read one by one: "
            "save it as PNG, or as binary PPM (P6) with 255 for white"
        )
