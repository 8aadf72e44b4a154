"""Masks as short texts: run lengths of 8-bit pixels, so that browser and Python hold the very same ones.

A record is three bytes, the value and the length of a run (little endian), in rows from the top; all of it in
base64. A garment's mask of 256 x 256 takes a few kilobytes. `mask.js` writes and reads the same.
"""

from __future__ import annotations

import base64
import binascii

import numpy as np

_RECORD = np.dtype([("value", "u1"), ("length", "<u2")])
_LONGEST = 0xFFFF


def encode(mask: np.ndarray) -> str:
    """Write a mask.

    Args:
        mask: uint8 (H, W).
    """
    flat = np.ascontiguousarray(mask).reshape(-1)
    starts = np.r_[0, np.flatnonzero(np.diff(flat)) + 1]
    lengths = np.diff(np.r_[starts, flat.size])
    values = flat[starts]
    pieces = -(-lengths // _LONGEST)  # records that a run needs
    records = np.empty(int(pieces.sum()), _RECORD)
    records["value"] = np.repeat(values, pieces)
    records["length"] = _LONGEST
    records["length"][np.cumsum(pieces) - 1] = lengths - (pieces - 1) * _LONGEST
    return base64.b64encode(records.tobytes()).decode()


def decode(text: str, width: int, height: int | None = None) -> np.ndarray:
    """Read a mask.

    Args:
        text: from `encode` or from the browser.
        width: of the mask, pixels.
        height: as well; None: it is a square.

    Returns:
        uint8 (height, width).

    Raises:
        ValueError: if it is not such a text, or its runs do not fill a mask of that size.
    """
    try:
        records = np.frombuffer(base64.b64decode(text, validate=True), _RECORD)
    except (TypeError, ValueError, binascii.Error) as error:
        raise ValueError(f"the outline did not arrive whole ({error}): draw it once more") from error
    pixels = int(records["length"].sum(dtype=np.int64))
    height = width if height is None else height
    if pixels != width * height:
        raise ValueError(f"the outline holds {pixels} pixels and {width} x {height} were wanted: reload the page")
    return np.repeat(records["value"], records["length"]).reshape(height, width)
