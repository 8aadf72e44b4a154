"""Bring a picture from anywhere to an upright, fully read ``PIL.Image``, or say in one line why it cannot be.

Files come from strangers: sizes are checked before pixels are read, and only well-kept decoders are offered
the bytes. Value ranges are left as they come; ``images`` gives them their meaning.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, UnidentifiedImageError

from ragdiffusion.decoding_limits import check_work

MAX_PIXELS = 64_000_000
"""Largest picture that is decoded, in pixels."""
MAX_SIDE = 16_384
"""Longest side that is decoded, in pixels; it bounds the memory of a picture padded to square."""
MIN_SIDE = 16
"""Shortest side that still shows a garment, in pixels."""

Source = str | Path | bytes | Image.Image | np.ndarray

# Decoders that start other programs (EPS) or are seldom tested are not among them.
_FORMATS: dict[str, tuple[str, ...]] = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "AVIF": (".avif",),
    "HEIF": (".heic", ".heif", ".hif"),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
    "GIF": (".gif",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
}
SUFFIXES = tuple(suffix for suffixes in _FORMATS.values() for suffix in suffixes)
"""Endings of the files that can be read, in lower case: the one list of formats."""
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1")
_ORIENTATION_TAG = 0x0112
_EXIF_KEYS, _XMP_KEYS = ("exif", "Raw profile type exif"), ("xmp", "XML:com.adobe.xmp")
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_warnings_lock = threading.Lock()


def decode(source: Source, label: str) -> Image.Image:
    """Read a picture.

    Args:
        source: a path, the bytes of a file, a picture, or an array (H, W), (H, W, 3) or (H, W, 4) of uint8 or of float
            in [0, 1]. A float (H, W) array becomes a picture of mode "F", so a mask keeps its precision.
        label: what to call the picture in messages.

    Returns:
        A loaded picture of any mode but LAB, EXIF rotation applied; of an animation, the first frame.
        It may be the very object given.

    Raises:
        ValueError: missing, not a picture, damaged, too large or small, or an array of wrong shape or range.
    """
    if isinstance(source, np.ndarray):
        image = _array_to_image(source, label)
        _check_size(image.size, label)
        return image
    if isinstance(source, Image.Image):
        return _finish(source, label)
    if isinstance(source, str | Path):
        with _open_file(source, label) as file:
            return _decode_file(file, label)
    if not isinstance(source, bytes):
        raise ValueError(f"{label} is a {type(source).__name__}: give a path, bytes, a picture or an array")
    return _decode_file(io.BytesIO(source), label)


def check_unit_range(values: np.ndarray, label: str) -> np.ndarray:
    """Hold numbers to [0, 1]; a tolerance of 1e-4 forgives rounding, not another range.

    Args:
        values: float array of any shape.
        label: what to call it in messages.

    Returns:
        float32 of the same shape, in [0, 1].

    Raises:
        ValueError: NaN, infinity or another range.
    """
    if not np.isfinite(values).all():
        raise ValueError(f"{label} holds NaN or infinity: numbers in [0, 1] were wanted")
    low, high = float(values.min()), float(values.max())
    if low < -1e-4 or high > 1 + 1e-4:
        raise ValueError(f"{label} runs from {low:.4g} to {high:.4g}: numbers in [0, 1] were wanted")
    return np.ascontiguousarray(values, dtype=np.float32).clip(0.0, 1.0)


def grey_plane(image: Image.Image, label: str) -> np.ndarray:
    """The values of a grey picture of 16 bits (modes I;16 and I) or floats (mode F).

    Args:
        image: of one of those modes.
        label: what to call it in messages.

    Returns:
        float32 (H, W) in [0, 1].

    Raises:
        ValueError: NaN, infinity or another range.
    """
    values = np.asarray(image).astype(np.float32)
    return check_unit_range(values if image.mode == "F" else values / 65535.0, label)


def _open_file(source: str | Path, label: str) -> io.BufferedReader:
    path = Path(source)
    try:
        if path.is_dir():
            raise ValueError(f"{label} is a folder: give one picture in it")
        if not path.is_file():
            raise ValueError(f"{label} was not found: check the path {str(path)!r}")
        return path.open("rb")
    except OSError as error:
        raise ValueError(f"{label} cannot be opened ({error.strerror}): check the path and its rights") from error


def _decode_file(file: IO[bytes], label: str) -> Image.Image:
    head = file.read(12)
    if not head:
        raise ValueError(f"{label} is empty (0 bytes): export or download it again")
    file.seek(0)
    check_work(file, label)
    try:
        with _without_warnings():
            image = _open(file, heic=head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS)
    except Image.DecompressionBombError as error:
        raise ValueError(_too_large(label, "far more than is read")) from error
    except Exception as error:  # decoders raise a dozen kinds for bytes that are not theirs
        raise ValueError(
            f"{label} is not a picture that can be read: give a JPEG, PNG, WebP, AVIF, HEIC, TIFF, BMP or GIF"
        ) from error
    return _finish(image, label)


def _open(file: IO[bytes], *, heic: bool) -> Image.Image:
    """Read a picture's head; Pillow reads all formats but one itself."""
    try:
        return Image.open(file, formats=[name for name in _FORMATS if name != "HEIF"])
    except UnidentifiedImageError:
        if not heic:
            raise
        from pillow_heif import HeifImageFile

        file.seek(0)
        return HeifImageFile(file)


def _finish(image: Image.Image, label: str) -> Image.Image:
    _check_size(image.size, label)
    with _without_xmp(image):
        try:
            image.load()
        except Exception as error:
            raise ValueError(f"{label} is damaged or cut short: export or download it again") from error
        if image.mode == "LAB":
            raise ValueError(f"{label} is stored in Lab colours, which are not supported: save it as RGB")
        orientation = _exif_orientation(image)
        return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _exif_orientation(image: Image.Image) -> int | None:
    """What EXIF alone says; Pillow has turned a TIFF by its own tag already."""
    bare = Image.new("1", (1, 1))
    bare.info = {key: value for key, value in image.info.items() if key in _EXIF_KEYS}
    try:
        with _without_warnings():
            return bare.getexif().get(_ORIENTATION_TAG)
    except Exception:  # damaged metadata must not cost the person an intact photo
        return None


@contextmanager
def _without_xmp(image: Image.Image) -> Iterator[None]:
    """Hide XMP from Pillow, which would turn a picture by it; viewers don't, and editors leave it there when they turn
    the pixels themselves."""
    held = {key: image.info.pop(key) for key in _XMP_KEYS if key in image.info}
    if _ORIENTATION_TAG not in getattr(image, "tag_v2", {_ORIENTATION_TAG}):  # a TIFF that was asked for it before
        image.getexif().pop(_ORIENTATION_TAG, None)
    try:
        yield
    finally:
        image.info.update(held)


def _array_to_image(array: np.ndarray, label: str) -> Image.Image:
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)) or 0 in array.shape:
        raise ValueError(f"{label} is an array of shape {array.shape}: (H, W), (H, W, 3) or (H, W, 4) was wanted")
    if array.dtype == np.uint8:
        return Image.fromarray(np.ascontiguousarray(array))
    if not np.issubdtype(array.dtype, np.floating):
        wanted = "uint8 in [0, 255] or float in [0, 1]"
        raise ValueError(f"{label} is an array of {array.dtype}: {wanted} was wanted")
    values = check_unit_range(array, label)
    return Image.fromarray(values if array.ndim == 2 else (values * 255).round().astype(np.uint8))


def _check_size(size: tuple[int, int], label: str) -> None:
    width, height = size
    if width * height > MAX_PIXELS or max(size) > MAX_SIDE:
        raise ValueError(_too_large(label, f"{width} x {height}"))
    if min(size) < MIN_SIDE:
        needed = f"{MIN_SIDE} pixels on each side at least"
        raise ValueError(f"{label} is {width} x {height}, too small to show a garment: give {needed}")


def _too_large(label: str, size: str) -> str:
    limit = f"{MAX_PIXELS // 10**6} megapixels and {MAX_SIDE} pixels on a side"
    return f"{label} is too large ({size}): at most {limit} are read; save a smaller copy"


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keep decoders' warnings on odd files from the person; one thread at a time, as filters are global."""
    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
