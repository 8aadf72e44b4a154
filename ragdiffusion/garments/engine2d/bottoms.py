"""Patterns of trousers, shorts and skirts: outlines of the shape model, cut into pieces."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.engine2d.catalogue import Spec
from ragdiffusion.garments.engine2d.structure import Limb, Piece, Structure, canonical
from ragdiffusion.garments.shape_model import HalfOutlines, ShapeModel

_MIRROR = np.array([-1.0, 1.0])


def choose(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    """One of the options, evenly."""
    return options[int(rng.integers(len(options)))]


def strip(edge: np.ndarray, inward: np.ndarray, width: float) -> np.ndarray:
    """A band of cloth along an edge, `width` deep towards `inward` (a direction)."""
    return np.concatenate([edge, (edge + inward * width)[::-1]])


def _whole(drawn: HalfOutlines) -> np.ndarray:
    """Both halves as one outline, from the left waist over the top and round."""
    waist = drawn.index["waist"]
    left = drawn.left * _MIRROR
    return np.concatenate([left[: waist + 1][::-1], drawn.right[1:], left[waist + 1 : -1][::-1]])


def _waistband(full: np.ndarray, waist: int, width: float) -> tuple[Piece, np.ndarray]:
    """The band along the top edge, and that edge from left to right."""
    edge = full[: 2 * waist + 1]
    low = edge * [1.02, 1] + [0, width]
    return Piece("waistband", np.concatenate([edge, low[::-1]]), outline=False), edge


def legs(model: ShapeModel, rng: np.random.Generator, category: str, spec: Spec) -> Structure:
    """Cut trousers or shorts."""
    group = model.choose(("shorts", "shorts_closed"), rng) if spec.kind == "shorts" else "pants"
    drawn = model.sample(group, rng)
    i = drawn.index
    halves = {"r": drawn.right, "l": drawn.left}
    full = _whole(drawn)
    pieces, limbs, marks = [Piece("body", full)], {}, {}
    bottom = (halves["r"][-1] + halves["l"][-1] * _MIRROR) / 2
    closed = drawn.layout == "skirt"
    crotch = bottom * [1, rng.uniform(0.55, 0.8)] if closed else bottom
    for n, limb in (("r", "right"), ("l", "left")):
        h, flip = halves[n], (np.ones(2) if n == "r" else _MIRROR)
        outer_end, inner_end = (i["hem"], i["centre"]) if closed else (i["hem_outer"], i["hem_inner"])
        start = max(crotch[1] - 0.15, h[i["waist"], 1] + 0.2)
        low = i["waist"] + int(np.argmin(np.abs(h[i["waist"] : outer_end - 4, 1] - start)))
        opening = h[outer_end : inner_end + 1] * flip
        half = len(opening) // 2
        inner = np.concatenate([[crotch], (h[inner_end:][::-1] * flip)[1:-1], opening[-1:], opening[half:-1][::-1]])
        outer = np.concatenate([h[low : outer_end + 1] * flip, opening[1:half]])
        limbs[limb] = Limb(np.concatenate([outer, inner[::-1]]), np.stack([outer[0], crotch]), opening[[0, -1]],
                           outer, inner, np.zeros((0, 2)))
        marks |= {f"hem_{n}": opening.mean(0), f"hip_{n}": outer[0], f"waist_{n}": h[i["waist"]] * flip}
        axis = limbs[limb].tip.mean(0) - limbs[limb].root.mean(0)
        band = strip(opening, -axis / np.hypot(*axis), 0.1 if spec.rib else 0.06)
        pieces.append(Piece(f"cuff_{n}", band, 0.0, "trim" if spec.rib else "main", limb, outline=False))
    band, edge = _waistband(full, i["waist"], rng.uniform(0.12, 0.2))
    pieces.append(band)
    if "slant" in spec.pockets:
        for flip in (np.ones(2), _MIRROR):
            pocket = np.array([[0.66, 0.2], [0.69, 0.2], [0.86, 0.52], [0.82, 0.52]]) * flip
            pieces.append(Piece("slit", pocket, outline=False, colour="inside"))
    y0, low = float(edge[i["waist"], 1]), float(crotch[1]) * 0.72 + 0.05
    line = np.array([[-0.008, y0 + 0.13], [0.008, y0 + 0.13], [0.008, low], [-0.008, low]])
    pieces.append(Piece("fly", line, 0.0, "inside", outline=False))
    if closed:
        seam = np.array([[-0.008, low], [0.008, low], [0.008, bottom[1]], [-0.008, bottom[1]]])
        pieces.append(Piece("fly", seam, 0.0, "inside", outline=False))
    marks |= {"front_neck": np.array([0.0, y0]), "crotch": crotch, "waist": np.array([0.0, y0])}
    return canonical(
        dict(
            kind=spec.kind,
            category="Unknown",
            fit="Unknown",
            collar="Unknown",
            sleeve_length="Unknown",
            length="Short" if spec.kind == "shorts" else "Long",
            age="Adult",
            gender="Female" if rng.random() < 0.5 else "Male",
            top_open="No",
            surface=spec.surface,
            front="none",
            pockets=spec.pockets,
            rib=spec.rib,
        ),
        pieces,
        limbs,
        marks,
        np.zeros((0, 2)),
    )


def skirt(model: ShapeModel, rng: np.random.Generator, category: str, spec: Spec) -> Structure:
    """Cut a skirt."""
    drawn = model.sample("skirt", rng)
    i = drawn.index
    full = _whole(drawn)
    band, edge = _waistband(full, i["waist"], rng.uniform(0.08, 0.2))
    marks = {
        "front_neck": edge[i["waist"]],
        "waist": edge[i["waist"]],
        "waist_r": edge[-1],
        "waist_l": edge[0],
        "hem_r": drawn.right[i["hem"]],
        "hem_l": drawn.left[i["hem"]] * _MIRROR,
        "hem_centre": drawn.right[-1],
    }
    return canonical(
        dict(
            kind="skirt",
            category="Skirt",
            fit="Unknown",
            collar="Unknown",
            sleeve_length="Unknown",
            length=("Short", "Medium", "Long")[int(np.searchsorted([0.35, 0.75], drawn.length_rank))],
            age="Child" if rng.random() < 0.15 else "Adult",
            gender="Female",
            top_open="No",
            surface="Pleated" if rng.random() < 0.3 else "No Craft",
            front="none",
            pockets=(),
            rib=False,
        ),
        [Piece("body", full), band],
        {},
        marks,
        np.zeros((0, 2)),
    )
