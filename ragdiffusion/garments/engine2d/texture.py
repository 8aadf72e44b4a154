"""Texture of a synthetic garment: colours, print and fabric, apart from its structure."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ragdiffusion.garments.engine2d.catalogue import CATALOGUE
from ragdiffusion.garments.engine2d.fields import noise, pick
from ragdiffusion.garments.engine2d.structure import Structure

Colour = tuple[int, int, int]

PRINTS = {
    "Striped": 6,
    "Plaid": 4,
    "Polka Dot": 2,
    "Floral": 4,
    "Camouflage": 1.2,
    "Tie-dye": 1.2,
    "Geometric": 2,
    "Animal": 1,
    "Heart": 0.7,
    "Star": 0.7,
    "Linear": 1,
    "Color Block": 3,
    "Logo": 5,
    "Text": 5,
    "Character": 3,
    "Artistic": 1,
}
"""Prints other than plain, with their weights."""

GRAPHICS = ("Logo", "Text", "Character")
"""Prints that lie once on the chest instead of all over."""

WEAVES = {
    "Knit": ("knit", 0.16),
    "Wool": ("plush", 0.08),
    "Knitting": ("rib", 0.05),
    "Denim": ("twill", 0.13),
    "Leather": ("leather", 0.07),
    "Fleece": ("fleece", 0.07),
    "Fur": ("fleece", 0.2),
    "Fur Blend": ("plush", 0.12),
    "Linen": ("linen", 0.08),
    "Corduroy": ("cord", 0.14),
    "Tweed": ("twill", 0.2),
    "Lace": ("lace", 0.3),
    "Velvet": ("plush", 0.08),
}
"""Fabric -> (weave of `fields.weave`, strength); fabrics not named are smooth."""

GLOSS = {"Leather": 0.5, "PVC": 0.6, "Silk": 0.35, "Coated": 0.3, "Velvet": 0.2, "Synthetic": 0.15}
"""Fabric -> how much light folds throw back, whatever the colour."""

_DENIM = ((38, 52, 82), (62, 84, 122), (98, 124, 160), (140, 162, 188), (30, 34, 44), (172, 186, 202))
_LEATHER = ((28, 26, 26), (54, 36, 28), (96, 58, 36), (22, 22, 26), (120, 30, 34))
_NEUTRAL = (
    (24, 24, 27),
    (34, 36, 42),
    (238, 238, 236),
    (226, 222, 212),
    (128, 130, 134),
    (84, 86, 92),
    (176, 178, 180),
    (30, 38, 66),
    (44, 54, 88),
    (196, 180, 152),
    (112, 92, 72),
    (74, 78, 58),
    (92, 28, 40),
)


_WORDS = (
    "NORTH",
    "OCEAN",
    "RIDER",
    "LUCKY",
    "SUNDAY",
    "WILD",
    "PARIS",
    "TEAM 85",
    "HELLO",
    "SURF",
    "RUN",
    "ATHLETIC",
    "ORIGINAL",
    "BERLIN",
    "SUMMER",
    "NO 7",
    "MOUNTAIN",
    "DREAM",
    "CLUB",
    "1994",
)
"""What lettering often says."""


@dataclass(frozen=True)
class Texture:
    """Everything that colour and cloth decide.

    Attributes:
        fabric, print: values of Table 6.
        colours: RGB 0..255 of main, sleeve, trim, inside and of the print's three inks (ink0..ink2).
        scale: size of the print's repeat, 0.5..2. turn: its direction, radians.
        weave, weave_strength, gloss: relief of the cloth. folds: strength of wrinkles, 0..0.3.
        washed: how worn and pale the middle of the pieces is, 0..1.
        stitch: RGB of visible stitching, or None. button: RGB of buttons and pulls.
        text: letters of a text print. seed: of everything drawn at random inside the print.
    """

    fabric: str
    print: str
    colours: dict[str, Colour]
    scale: float
    turn: float
    weave: str
    weave_strength: float
    gloss: float
    folds: float
    washed: float
    stitch: Colour | None
    button: Colour
    text: str
    seed: int


def sample_texture(rng: np.random.Generator, structure: Structure | None = None) -> Texture:
    """Draw a texture; a structure narrows it to what its category is made of."""
    spec = CATALOGUE["T-shirt"] if structure is None else CATALOGUE[_catalogue_name(structure)]
    shape, front = ("top", "none") if structure is None else (structure.kind, structure.front)
    fabric = spec.fabrics[int(rng.integers(len(spec.fabrics)))]
    main = _colour(rng, fabric)
    kind = "Solid Color"
    if fabric not in ("Leather", "Fur") and rng.random() > spec.solid:
        weights = dict(PRINTS)
        for name in GRAPHICS:
            weights[name] *= 0.02 if shape not in ("top", "dress") else 0.15 if front != "none" else 1.0
        if front == "buttons":
            weights["Plaid"], weights["Striped"] = 9, 8
        odds = np.array(list(weights.values()))
        kind = str(rng.choice(list(weights), p=odds / odds.sum()))
    inks = [_contrast(rng, main) for _ in range(3)]
    trim = main if rng.random() < 0.7 else inks[0]
    sleeve = inks[0] if kind == "Color Block" and rng.random() < 0.6 else main
    inside = tuple(int(c * 0.62 + 12) for c in main)
    weave, strength = WEAVES.get(fabric, ("plain", 0.04))
    return Texture(
        fabric=fabric,
        print=kind,
        scale=float(np.exp(rng.normal(0, 0.35))),
        colours={
            "main": main,
            "sleeve": sleeve,
            "trim": trim,
            "inside": inside,
            **{f"ink{i}": c for i, c in enumerate(inks)},
        },
        turn=float(rng.choice([0.0, np.pi / 2], p=[0.68, 0.32]))
        if kind in ("Striped", "Linear")
        else float(rng.choice([0.0, 0.0, 0.0, np.pi / 4]))
        if kind == "Plaid"
        else float(rng.uniform(0, np.pi)),
        weave=weave,
        weave_strength=strength * float(rng.uniform(0.6, 1.2)),
        gloss=GLOSS.get(fabric, 0.06),
        folds=float(rng.uniform(0.04, 0.2)) * (0.6 if weave in ("knit", "fleece") else 1.0),
        washed=float(rng.uniform(0.2, 0.9)) if fabric == "Denim" else 0.0,
        stitch=(178, 128, 70) if fabric == "Denim" and rng.random() < 0.7 else None,
        button=_NEUTRAL[int(rng.integers(len(_NEUTRAL)))] if rng.random() < 0.6 else tuple(int(c * 0.7) for c in main),
        text=_WORDS[int(rng.integers(len(_WORDS)))]
        if rng.random() < 0.6
        else "".join(rng.choice(list("ABCDEFGHIKLMNOPRSTUVWXYZ0123456789"), size=int(rng.integers(2, 8)))),
        seed=int(rng.integers(2**31)),
    )


def _catalogue_name(structure: Structure) -> str:
    one_piece = "Dress" if structure.category == "Unknown" else structure.category  # a jumpsuit is made of the same
    return {"pants": "Trousers", "shorts": "Shorts"}.get(structure.kind, one_piece)


def _hsv(h: float, s: float, v: float) -> Colour:
    pixel = np.uint8([[[int(h * 179) % 180, int(np.clip(s, 0, 1) * 255), int(np.clip(v, 0, 1) * 255)]]])
    return tuple(int(c) for c in cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0])


def _colour(rng: np.random.Generator, fabric: str) -> Colour:
    """Garments are mostly black, white, navy and grey; some are muted, some saturated."""
    if fabric in ("Denim", "Leather") and rng.random() < 0.92:
        base = _DENIM if fabric == "Denim" else _LEATHER
        colour = base[int(rng.integers(len(base)))]
    elif rng.random() < 0.55:
        colour = _NEUTRAL[int(rng.integers(len(_NEUTRAL)))]
    elif rng.random() < 0.55:
        return _hsv(rng.random(), rng.uniform(0.15, 0.5), rng.uniform(0.35, 0.95))
    else:
        return _hsv(rng.random(), rng.uniform(0.4, 0.8), rng.uniform(0.25, 0.85))
    return tuple(int(min(max(c + noise, 14), 248)) for c, noise in zip(colour, rng.normal(0, 7, 3), strict=True))


def _contrast(rng: np.random.Generator, main: Colour) -> Colour:
    """A colour that can be told from `main`."""
    for _ in range(6):
        colour = _colour(rng, "Synthetic")
        if sum(abs(a - b) for a, b in zip(colour, main, strict=True)) > 150:
            return colour
    return (240, 238, 232) if sum(main) < 380 else (28, 30, 40)


def print_tile(texture: Texture, size: int) -> np.ndarray | None:
    """All-over print as a picture of cloth, uint8 [size, size, 3]; None for prints that are plain cloth."""
    draw = {
        "Striped": _stripes,
        "Linear": _stripes,
        "Plaid": _plaid,
        "Polka Dot": _motifs,
        "Floral": _motifs,
        "Heart": _motifs,
        "Star": _motifs,
        "Geometric": _geometric,
        "Camouflage": _camouflage,
        "Animal": _animal,
        "Tie-dye": _tie_dye,
        "Artistic": _camouflage,
    }.get(texture.print)
    return None if draw is None else draw(texture, size, np.random.default_rng(texture.seed))


def _inks(texture: Texture) -> np.ndarray:
    return np.float32([texture.colours[k] for k in ("main", "ink0", "ink1", "ink2")])


def _profile(rng: np.random.Generator, size: int, period: float, palette: np.ndarray, thin: bool) -> np.ndarray:
    """Colours across stripes, float32 [size, 3]: bands of a repeat, antialiased by a fourfold average."""
    bands = int(rng.integers(2, 6))
    cuts = np.sort(rng.uniform(0, 1, bands - 1)) if not thin else np.array([rng.uniform(0.6, 0.9)])
    order = np.concatenate([[0], rng.integers(1, min(len(palette), 3), len(cuts))])
    order[1::2] = np.maximum(order[1::2], 1)
    order[2::2] = 0
    at = (np.arange(size * 4) / (4 * period)) % 1
    return palette[order[np.searchsorted(cuts, at)]].reshape(size, 4, 3).mean(1)


def _turned(image: np.ndarray, angle: float) -> np.ndarray:
    if angle == 0:
        return image
    size = image.shape[0]
    matrix = cv2.getRotationMatrix2D((size / 2, size / 2), np.rad2deg(angle), 1)
    return cv2.warpAffine(image, matrix, (size, size), borderMode=cv2.BORDER_WRAP)


def _stripes(texture: Texture, size: int, rng: np.random.Generator) -> np.ndarray:
    period = size * texture.scale * rng.uniform(0.03, 0.13)
    rows = _profile(rng, size, period, _inks(texture), texture.print == "Linear" or rng.random() < 0.4)
    image = np.repeat(rows[:, None].astype(np.uint8), size, axis=1)
    return np.ascontiguousarray(image.transpose(1, 0, 2)) if texture.turn else image


def _plaid(texture: Texture, size: int, rng: np.random.Generator) -> np.ndarray:
    period = size * texture.scale * rng.uniform(0.07, 0.2)
    down = _profile(rng, size, period, _inks(texture), False)
    across = down if rng.random() < 0.6 else _profile(rng, size, period, _inks(texture), False)
    return _turned(((down[:, None] + across[None]) / 2).astype(np.uint8), texture.turn)


def _motif(
    image: np.ndarray, kind: str, centre: np.ndarray, r: float, inks: np.ndarray, rng: np.random.Generator
) -> None:
    def poly(points: np.ndarray, colour: np.ndarray) -> None:
        cv2.fillPoly(image, [np.round(points * 16).astype(np.int32)], tuple(float(c) for c in colour), cv2.LINE_AA, 4)

    t = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    if kind == "Polka Dot":
        poly(centre + r * np.stack([np.cos(t), np.sin(t)], 1), inks[1])
    elif kind == "Heart":
        x = 16 * np.sin(t) ** 3
        y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
        poly(centre + r / 14 * np.stack([x, y], 1), inks[int(rng.integers(1, 3))])
    elif kind == "Star":
        a = np.arange(10) * np.pi / 5 + rng.uniform(0, 1)
        poly(
            centre + (r * np.where(np.arange(10) % 2, 0.45, 1.1))[:, None] * np.stack([np.cos(a), np.sin(a)], 1),
            inks[int(rng.integers(1, 3))],
        )
    else:
        petals, turn = int(rng.integers(4, 8)), rng.uniform(0, 6)
        if rng.random() < 0.6:
            leaf = rng.uniform(0, 6)
            d = np.array([np.cos(leaf), np.sin(leaf)])
            n = np.array([-d[1], d[0]])
            poly(centre + r * np.stack([d * 0.3, d * 1.1 + n * 0.4, d * 1.9, d * 1.1 - n * 0.4]), inks[3])
        bloom = r * (0.72 + 0.38 * np.cos(petals * t + turn))
        poly(centre + bloom[:, None] * np.stack([np.cos(t), np.sin(t)], 1), inks[int(rng.integers(1, 3))])
        poly(centre + 0.28 * r * np.stack([np.cos(t), np.sin(t)], 1), inks[3])


def _motifs(texture: Texture, size: int, rng: np.random.Generator) -> np.ndarray:
    """Motifs on a repeat that is tiled: rows of dots, or strewn flowers, hearts and stars."""
    inks = _inks(texture)
    repeats = int(np.clip(round(rng.integers(3, 7) / texture.scale), 2, 9))
    side = size // repeats + 1
    tile = np.full((side, side, 3), inks[0], np.uint8)
    if texture.print == "Polka Dot":
        spots, radius = [(0.25, 0.25), (0.75, 0.75)], rng.uniform(0.08, 0.2)
    else:
        spots, radius = [(x, y) for x, y in rng.random((int(rng.integers(2, 6)), 2))], rng.uniform(0.12, 0.22)
    for spot in spots:
        r = radius * side * rng.uniform(0.8, 1.2) if texture.print != "Polka Dot" else radius * side
        state = int(rng.integers(2**31))
        reach = 2 * r / side
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                at = np.array(spot) + (dx, dy)
                if (at > -reach).all() and (at < 1 + reach).all():
                    _motif(tile, texture.print, at * side, r, inks, np.random.default_rng(state))
    return np.tile(tile, (repeats, repeats, 1))[:size, :size]


def _geometric(texture: Texture, size: int, rng: np.random.Generator) -> np.ndarray:
    inks = _inks(texture)
    repeats = int(np.clip(round(rng.integers(4, 10) / texture.scale), 3, 14))
    side = size // repeats + 1
    tile = np.full((side, side, 3), inks[0], np.uint8)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0.5], [0.5, 0], [1, 0.5], [0.5, 1], [0, 0.5]]) * side
    shapes = {0: [[5, 6, 7, 8]], 1: [[0, 4, 3]], 2: [[0, 5, 4, 8], [4, 6, 2, 7]], 3: [[0, 1, 4]]}[int(rng.integers(4))]
    for k, ids in enumerate(shapes):
        points = [np.round(corners[ids] * 16).astype(np.int32)]
        cv2.fillPoly(tile, points, tuple(float(c) for c in inks[1 + k]), cv2.LINE_AA, 4)
    return np.tile(tile, (repeats, repeats, 1))[:size, :size]


def _camouflage(texture: Texture, size: int, rng: np.random.Generator) -> np.ndarray:
    inks = _inks(texture)
    if texture.print == "Camouflage":
        greens = np.float32([[96, 98, 68], [58, 62, 44], [134, 122, 90], [40, 40, 36]])
        inks = greens * rng.uniform(0.8, 1.25) + (rng.uniform(-16, 16, 3) if rng.random() < 0.6 else 0)
    cells = int(np.clip(11 / texture.scale, 6, 20))
    label = np.zeros((size, size), np.intp)
    for k in (1, 2, 3):
        label[noise(size, cells + k, pick(rng)) + 0.4 * noise(size, 3 * cells, pick(rng)) > 0.55 + 0.15 * k] = k
    return cv2.GaussianBlur(np.clip(inks, 0, 255).astype(np.uint8)[label], (3, 3), 0)


def _animal(texture: Texture, size: int, rng: np.random.Generator) -> np.ndarray:
    cells = int(np.clip(24 / texture.scale, 14, 36))
    field = noise(size, cells, pick(rng)) + 0.3 * noise(size, 36, pick(rng))
    base = np.float32([[206, 168, 116], [40, 30, 26], [150, 102, 58]]) * rng.uniform(0.8, 1.15)
    if rng.random() < 0.3:  # zebra
        label = (np.sin(3 * noise(size, 7, pick(rng)) + np.linspace(0, 70 / texture.scale, size)[:, None]) > 0).astype(
            int
        )
        return np.uint8([[236, 232, 226], [28, 26, 26]])[label]
    label = np.where(field > 1.0, 2, np.where(field > 0.45, 1, 0))
    return np.clip(base, 0, 255).astype(np.uint8)[label]


def _tie_dye(texture: Texture, size: int, rng: np.random.Generator) -> np.ndarray:
    inks = _inks(texture)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
    cx, cy = rng.uniform(-0.2, 0.2, 2)
    wave = np.hypot(x - cx, y - cy) * rng.uniform(14, 34) / texture.scale + 0.9 * noise(size, 9, pick(rng))
    if rng.random() < 0.5:
        wave = wave + np.arctan2(y - cy, x - cx) * int(rng.integers(1, 4))
    mix = (np.sin(wave) * 0.5 + 0.5)[..., None]
    other = (np.sin(wave * 0.5 + 1) * 0.5 + 0.5)[..., None]
    return (inks[1] * mix + (inks[2] * other + inks[0] * (1 - other)) * (1 - mix)).astype(np.uint8)


def draw_graphic(image: np.ndarray, texture: Texture, centre: np.ndarray, width: float) -> None:
    """Draw a logo, lettering or figure once, in place.

    Args:
        image: uint8 [S, S, 3], the cloth so far.
        texture: its print is one of `GRAPHICS`.
        centre: (x, y) in pixels. width: of the graphic, pixels.
    """
    rng = np.random.default_rng(texture.seed)
    inks = [tuple(int(c) for c in ink) for ink in _inks(texture)]
    if texture.print == "Character":
        for k in range(int(rng.integers(3, 8))):
            r = width * rng.uniform(0.08, 0.34)
            at = centre + rng.uniform(-0.28, 0.28, 2) * width
            sides = int(rng.integers(3, 16))
            a = np.linspace(0, 2 * np.pi, sides, endpoint=False) + rng.uniform(0, 6)
            blob = at + (r * rng.uniform(0.6, 1.2, sides))[:, None] * np.stack([np.cos(a), np.sin(a)], 1)
            cv2.fillPoly(image, [np.round(blob * 16).astype(np.int32)], inks[1 + k % 3], cv2.LINE_AA, 4)
        return
    if texture.print == "Logo":
        r = width * rng.uniform(0.1, 0.26)
        kind = int(rng.integers(4))
        spot = (
            centre + ((0, 0) if kind == 3 else (width * 0.42, -width * 0.1)) * np.array([1, 1])
            if rng.random() < 0.45
            else centre
        )
        t = np.linspace(0, 2 * np.pi, 4 if kind == 1 else 3 if kind == 2 else 28, endpoint=False) - np.pi / 2
        ring = spot + r * np.stack([np.cos(t), np.sin(t)], 1)
        cv2.fillPoly(image, [np.round(ring * 16).astype(np.int32)], inks[1], cv2.LINE_AA, 4)
        inner = spot + 0.6 * r * np.stack([np.cos(t), np.sin(t)], 1)
        cv2.fillPoly(image, [np.round(inner * 16).astype(np.int32)], inks[0] if kind else inks[2], cv2.LINE_AA, 4)
        if rng.random() < 0.5:
            return
        centre = spot + [0, r * 1.7]
        width = r * 2.6
    lines = [texture.text] if rng.random() < 0.5 or texture.print == "Logo" else [texture.text, texture.text[::-1]]
    font = int(
        rng.choice(
            [
                cv2.FONT_HERSHEY_DUPLEX,
                cv2.FONT_HERSHEY_TRIPLEX,
                cv2.FONT_HERSHEY_SIMPLEX,
                cv2.FONT_HERSHEY_COMPLEX | cv2.FONT_ITALIC,
            ]
        )
    )
    for k, line in enumerate(lines):
        (w, h), _ = cv2.getTextSize(line, font, 1.0, 2)
        scale = width * rng.uniform(0.6, 1.0) / max(w, 1)
        scale = min(scale, width * 0.4 / h)
        thick = max(1, round(scale * rng.uniform(1.5, 5)))
        at = (round(centre[0] - w * scale / 2), round(centre[1] + (k + 0.5) * h * scale * 1.5))
        cv2.putText(image, line, at, font, scale, inks[1 + k % 2], thick, cv2.LINE_AA)
