"""Structure of a synthetic garment: what shape and construction decide, apart from every colour.

Coordinates are canonical: the garment's box is centred in [-1, 1] x [-1, 1], its longer side
spans 2 / 1.12; x to the right of the image, y down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ragdiffusion.images import CANONICAL_MARGIN


@dataclass(frozen=True)
class Piece:
    """One sewn piece, painted in the order of `Structure.pieces`.

    Attributes:
        name: what it is, e.g. "body", "sleeve_r", "collar_l", "pocket".
        polygon: (N, 2) canonical coordinates.
        angle: direction of its cloth against the body's, radians.
        colour: slot of the texture: "main", "sleeve", "trim" or "inside".
        limb: which rigid part it moves with: "body", "right" or "left".
        outline: whether it makes part of the silhouette.
    """

    name: str
    polygon: np.ndarray
    angle: float = 0.0
    colour: str = "main"
    limb: str = "body"
    outline: bool = True


@dataclass(frozen=True)
class Limb:
    """A sleeve or trouser leg, as a puppet's part.

    Attributes:
        polygon: (N, 2) its region of the flat-lay.
        root: [2, 2] the seam it hangs on: outer end (shoulder, hip) and inner end (armpit, crotch).
        tip: [2, 2] its opening: outer and inner end.
        outer, inner: its two long edges from root to tip, (N, 2) each.
        seam: the line that it is sewn on by, from inner to outer root, without its ends.
    """

    polygon: np.ndarray
    root: np.ndarray
    tip: np.ndarray
    outer: np.ndarray
    inner: np.ndarray
    seam: np.ndarray

    @property
    def angle(self) -> float:
        """Direction from root to tip, radians from +x towards +y."""
        dx, dy = self.tip.mean(0) - self.root.mean(0)
        return float(np.arctan2(dy, dx))


@dataclass(frozen=True)
class Structure:
    """Everything that shape and construction decide.

    Attributes:
        kind: "top", "dress", "skirt", "pants" or "shorts".
        category, fit, collar, sleeve_length, length, age, gender, top_open: values of Table 6 or "Unknown".
        surface: value of Surface Texture that construction decides, e.g. "Quilted", or "No Craft".
        front: how it closes: "none", "buttons", "zip", "polo" or "wrap".
        pockets: kinds of pockets on it.
        rib: whether hem and cuffs are ribbed bands.
        pieces: in painting order.
        limbs: "right" and "left" sleeve or leg, when it has them.
        landmarks: name -> [2], e.g. neck_r, shoulder_r, armpit_r, cuff_r, hem_r, front_neck.
        opening: (N, 2) the neck hole through which the back's inside shows; empty when there is none.
        draped: whether its sleeves lie over the body in part, as sleeves do that hang down beside it.
    """

    kind: str
    category: str
    fit: str
    collar: str
    sleeve_length: str
    length: str
    age: str
    gender: str
    top_open: str
    surface: str
    front: str
    pockets: tuple[str, ...]
    rib: bool
    pieces: tuple[Piece, ...]
    limbs: dict[str, Limb]
    landmarks: dict[str, np.ndarray]
    opening: np.ndarray
    draped: bool = False


def canonical(
    fields: dict,
    pieces: list[Piece],
    limbs: dict[str, Limb],
    marks: dict[str, np.ndarray],
    opening: np.ndarray,
) -> Structure:
    """Move everything into the canonical frame."""
    points = np.concatenate([p.polygon for p in pieces if p.outline])
    low, high = points.min(0), points.max(0)
    scale, centre = 2 / (CANONICAL_MARGIN * (high - low).max()), (low + high) / 2

    def move(a: np.ndarray) -> np.ndarray:
        return (a - centre) * scale

    return Structure(
        **fields,
        opening=move(opening),
        pieces=tuple(Piece(p.name, move(p.polygon), p.angle, p.colour, p.limb, p.outline) for p in pieces),
        limbs={
            k: Limb(*(move(getattr(v, f)) for f in ("polygon", "root", "tip", "outer", "inner", "seam")))
            for k, v in limbs.items()
        },
        landmarks={k: move(v) for k, v in marks.items()},
    )
