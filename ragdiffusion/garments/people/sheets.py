"""A garment's cloth in its flat frame: what lies on the flat-lay, before it is cut out and before it is worn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from ragdiffusion.garments.garment import CANONICAL_MARGIN
from ragdiffusion.garments.outlines import correspondence
from ragdiffusion.garments.patterns import Pattern
from ragdiffusion.garments.people.cloth import TILE, Tile, draw_tile
from ragdiffusion.garments.people.colours import garment_colour
from ragdiffusion.garments.people.real_cloth import RealCloth, WholeLay
from ragdiffusion.garments.people.trims import trim
from ragdiffusion.garments.people.wardrobe import Garment

SHEET = 448
_MATCHED, _NODES = 128, 33  # side of the silhouettes that are matched; nodes of the map between them
_MARGIN = 6.0  # cm round the garment's box

REAL_CATEGORY = {
    "t_shirt": "t-shirt",
    "tank": "t-shirt",
    "camisole": "t-shirt",
    "longsleeve": "longsleeve",
    "shirt": "shirt",
    "blouse": "shirt",
    "sweater": "longsleeve",
    "turtleneck": "longsleeve",
    "hoodie": "longsleeve",
    "polo": "t-shirt",
    "bandeau": "t-shirt",
    "one_shoulder_top": "t-shirt",
    "halter_top": "t-shirt",
    "trousers": "pants",
    "shorts": "shorts",
    "skirt": "skirt",
}


def real_category(kind: str) -> str:
    """The real data set's category that comes nearest to a drafter's kind."""
    if "dress" in kind:
        return "dress"
    if "jumpsuit" in kind or kind == "dungarees":
        return "pants"
    return REAL_CATEGORY.get(kind, "outwear")


@dataclass(frozen=True)
class Sheet:
    """Cloth in the flat frame.

    Attributes:
        front: uint8 (SHEET, SHEET, 3) RGB.
        back: the same of the back.
        scale: pixels per cm.
        origin: (x, y), pixel of the frame's origin.
        tile: what it is made of.
        known: whether print and fabric are `tile`'s: nothing is printed on it, and it is not cut from a real garment.
    """

    front: np.ndarray
    back: np.ndarray
    scale: float
    origin: tuple[float, float]
    tile: Tile
    known: bool


def draw_sheet(
    garment: Garment,
    pattern: Pattern,
    rng: np.random.Generator,
    real: RealCloth | None,
    base: np.ndarray | None = None,
    tile: Tile | None = None,
) -> Sheet:
    """Draw a garment's cloth.

    Args:
        garment: which.
        pattern: its pattern.
        rng: source of randomness.
        real: flat-lays to take cloth from, or None.
        base: its colour, RGB; None draws one.
        tile: what it is made of; None draws it.
    """
    left, top, right, bottom = pattern.box
    scale = SHEET / (max(right - left, bottom - top) + 2 * _MARGIN)
    origin = ((SHEET - (left + right) * scale) / 2, (SHEET - (top + bottom) * scale) / 2)
    category = real_category(garment.kind)
    k = rng.random()
    if tile is not None:
        front = _repeated(tile, scale)
        trim(front, garment, pattern, scale, origin, rng)
        return Sheet(front, _repeated(tile, scale), scale, origin, tile, True)
    tile = draw_tile(rng, garment.cloth, base)
    if real is not None and k < 0.28 and garment.cloth not in ("suit", "dress_shirt", "leather"):
        whole = real.whole(rng, category)
        front = _whole_on_sheet(whole, pattern, scale, origin)
        return Sheet(front, front, scale, origin, tile, False)
    swatch = real.swatch(rng, category) if real is not None and k < 0.42 else None
    back = _repeated(swatch or tile, scale)
    front = back.copy()
    printed = garment.upper != "waist" and rng.random() < 0.28
    if printed:
        _print_on(front, garment, scale, origin, rng)
    trim(front, garment, pattern, scale, origin, rng)
    return Sheet(front, back, scale, origin, swatch or tile, not printed and swatch is None)


def _whole_on_sheet(whole: WholeLay, pattern: Pattern, scale: float, origin: tuple[float, float]) -> np.ndarray:
    """A real flat-lay drawn into a pattern's outline, its own outline laid on it."""
    height, width = whole.mask.shape
    side = CANONICAL_MARGIN * max(height, width)
    shift = (side - np.array([width, height])) / 2
    small = _MATCHED / side
    source = cv2.warpAffine(
        whole.mask,
        np.float32([[small, 0, shift[0] * small], [0, small, shift[1] * small]]),
        (_MATCHED, _MATCHED),
        flags=cv2.INTER_AREA,
    )
    plate = correspondence(pattern.rasterise(_MATCHED), source)
    per_cm, middle = pattern.frame(2.0)  # the canonical frame from -1 to 1
    nodes = np.linspace(0, SHEET - 1, _NODES)
    places = [(nodes - origin[k]) / scale * per_cm + middle[k] - 1 for k in (0, 1)]
    there = plate(np.stack(np.meshgrid(*places), -1))
    pixels = ((there + 1) * side / 2 - shift - 0.5).astype(np.float32)
    flow = cv2.remap(pixels, *_spread(SHEET, _NODES), cv2.INTER_LINEAR)
    return cv2.remap(whole.image, flow, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


@lru_cache(maxsize=1)
def _spread(size: int, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Where each of `size` pixels lies among `nodes` nodes that span them, as maps x and y."""
    axis = np.linspace(0, nodes - 1, size, dtype=np.float32)
    return np.tile(axis, (size, 1)), np.tile(axis[:, None], (1, size))


def _repeated(tile: Tile, scale: float) -> np.ndarray:
    side = max(4, round(tile.side * scale))
    image = cv2.resize(tile.image, (side, side), interpolation=cv2.INTER_AREA if side < TILE else cv2.INTER_LINEAR)
    count = -(-SHEET // side)
    return np.ascontiguousarray(np.tile(image, (count, count, 1))[:SHEET, :SHEET])


def _print_on(
    sheet: np.ndarray, garment: Garment, scale: float, origin: tuple[float, float], rng: np.random.Generator
) -> None:
    """A word, a picture or a badge on the chest, in place."""
    u, m = rng.uniform, garment.measures
    wide, high = u(8, 30), u(4, 26)
    x = 0.0 if rng.random() < 0.75 else u(8, 11)
    if x:
        wide, high = u(3, 7), u(3, 7)
    y = m.get("armhole_depth", 20) + u(-4, 10)
    w, h = max(8, int(wide * scale)), max(8, int(high * scale))
    art = np.zeros((h, w), np.uint8)
    if rng.random() < 0.55:
        word = "".join(chr(rng.integers(65, 91)) for _ in range(rng.integers(2, 8)))
        font = int(rng.choice([0, 2, 3, 4, 6]))
        (tw, th), _ = cv2.getTextSize(word, font, 1, 2)
        size = min(w / tw, h / th) * 0.9
        cv2.putText(
            art,
            word,
            (int((w - tw * size) / 2), int((h + th * size) / 2)),
            font,
            size,
            255,
            max(1, int(size * u(1.5, 4))),
            cv2.LINE_AA,
        )
    else:
        noise = cv2.GaussianBlur(rng.normal(0, 1, (h, w)).astype(np.float32), (0, 0), max(1, w * u(0.05, 0.14)))
        yy, xx = np.mgrid[0:h, 0:w]
        art = ((noise > 0) & ((xx / w * 2 - 1) ** 2 + (yy / h * 2 - 1) ** 2 < 1)).astype(np.uint8) * 255
    left, top = int(origin[0] + x * scale - w / 2), int(origin[1] + y * scale - h / 2)
    box = sheet[max(0, top) : top + h, max(0, left) : left + w]
    alpha = art[max(0, -top) : max(0, -top) + box.shape[0], max(0, -left) : max(0, -left) + box.shape[1], None] / 255.0
    box[:] = (box * (1 - alpha) + garment_colour(rng) * alpha).astype(np.uint8)
