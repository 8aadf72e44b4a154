"""Texture of a synthetic garment: colours, print and fabric, apart from its structure."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ragdiffusion.garments.engine2d.catalogue import CATALOGUE
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
