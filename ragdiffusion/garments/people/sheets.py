"""A garment's cloth in its flat frame: what lies on the flat-lay, before it is cut out and before it is worn."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ragdiffusion.garments.people.cloth import TILE, Tile, draw_tile
from ragdiffusion.garments.people.colours import garment_colour
from ragdiffusion.garments.people.real_cloth import RealCloth
from ragdiffusion.garments.people.wardrobe import Garment

SHEET = 448
_MARGIN = 6.0  # cm round the garment's box

REAL_CATEGORY = {"t_shirt": "t-shirt", "tank": "t-shirt", "camisole": "t-shirt", "longsleeve": "longsleeve",
                 "shirt": "shirt", "blouse": "shirt", "sweater": "longsleeve", "turtleneck": "longsleeve",
                 "hoodie": "longsleeve", "polo": "t-shirt", "bandeau": "t-shirt", "one_shoulder_top": "t-shirt",
                 "halter_top": "t-shirt", "trousers": "pants", "shorts": "shorts", "skirt": "skirt"}


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
        real: whether a real flat-lay lies on it.
    """

    front: np.ndarray
    back: np.ndarray
    scale: float
    origin: tuple[float, float]
    tile: Tile
    real: bool


def draw_sheet(garment: Garment, box: tuple[float, float, float, float], rng: np.random.Generator,
               real: RealCloth | None, base: np.ndarray | None = None, tile: Tile | None = None) -> Sheet:
    """Draw a garment's cloth.

    Args:
        garment: which.
        box: left, top, right, bottom of its flat-lay, cm.
        rng: source of randomness.
        real: flat-lays to take cloth from, or None.
        base: its colour, RGB; None draws one.
        tile: what it is made of; None draws it.
    """
    left, top, right, bottom = box
    scale = SHEET / (max(right - left, bottom - top) + 2 * _MARGIN)
    origin = ((SHEET - (left + right) * scale) / 2, (SHEET - (top + bottom) * scale) / 2)
    category = real_category(garment.kind)
    k = rng.random()
    if tile is not None:
        return Sheet(_repeated(tile, scale), _repeated(tile, scale), scale, origin, tile, False)
    tile = draw_tile(rng, garment.cloth, base)
    if real is not None and k < 0.28 and garment.cloth not in ("suit", "dress_shirt", "leather"):
        whole = real.whole(rng, category)
        front = _whole_on_sheet(whole.image, box, scale, origin)
        return Sheet(front, front, scale, origin, tile, True)
    if real is not None and k < 0.42:
        tile = real.swatch(rng, category) or tile
    back = _repeated(tile, scale)
    front = back
    if garment.upper != "waist" and rng.random() < 0.28 and garment.label != 0:
        front = back.copy()
        _print_on(front, garment, scale, origin, rng)
    return Sheet(front, back, scale, origin, tile, False)


def _whole_on_sheet(image: np.ndarray, box: tuple[float, float, float, float], scale: float,
                    origin: tuple[float, float]) -> np.ndarray:
    left, top, right, bottom = (v * scale for v in box)
    x, y = round(left + origin[0]), round(top + origin[1])
    w, h = max(2, round(right - left)), max(2, round(bottom - top))
    resized = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA if h < image.shape[0] else cv2.INTER_LINEAR)
    x, y = max(0, x), max(0, y)
    resized = resized[: SHEET - y, : SHEET - x]
    return cv2.copyMakeBorder(resized, y, SHEET - y - resized.shape[0], x, SHEET - x - resized.shape[1],
                              cv2.BORDER_REPLICATE)


def _repeated(tile: Tile, scale: float) -> np.ndarray:
    side = max(4, round(tile.side * scale))
    image = cv2.resize(tile.image, (side, side), interpolation=cv2.INTER_AREA if side < TILE else cv2.INTER_LINEAR)
    count = -(-SHEET // side)
    return np.ascontiguousarray(np.tile(image, (count, count, 1))[:SHEET, :SHEET])


def _print_on(sheet: np.ndarray, garment: Garment, scale: float, origin: tuple[float, float], rng: np.random.Generator
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
        cv2.putText(art, word, (int((w - tw * size) / 2), int((h + th * size) / 2)), font, size, 255,
                    max(1, int(size * u(1.5, 4))), cv2.LINE_AA)
    else:
        noise = cv2.GaussianBlur(rng.normal(0, 1, (h, w)).astype(np.float32), (0, 0), max(1, w * u(0.05, 0.14)))
        yy, xx = np.mgrid[0:h, 0:w]
        art = ((noise > 0) & ((xx / w * 2 - 1) ** 2 + (yy / h * 2 - 1) ** 2 < 1)).astype(np.uint8) * 255
    left, top = int(origin[0] + x * scale - w / 2), int(origin[1] + y * scale - h / 2)
    box = sheet[max(0, top): top + h, max(0, left): left + w]
    alpha = art[max(0, -top): max(0, -top) + box.shape[0], max(0, -left): max(0, -left) + box.shape[1], None] / 255.0
    box[:] = (box * (1 - alpha) + garment_colour(rng) * alpha).astype(np.uint8)
