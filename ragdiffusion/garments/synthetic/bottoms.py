"""Patterns of trousers, shorts and skirts: outlines of the shape model, cut into pieces."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.shape_model import ShapeModel, landmark_index
from ragdiffusion.garments.synthetic.catalogue import Spec
from ragdiffusion.garments.synthetic.collars import arc
from ragdiffusion.garments.synthetic.structure import Limb, Piece, Structure, canonical


def choose(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    """One of the options, evenly."""
    return options[int(rng.integers(len(options)))]


def strip(edge: np.ndarray, inward: np.ndarray, width: float) -> np.ndarray:
    """A band of cloth along an edge, `width` deep towards `inward` (a direction)."""
    return np.concatenate([edge, (edge + inward * width)[::-1]])


def legs(model: ShapeModel, rng: np.random.Generator, category: str, spec: Spec) -> Structure:
    """Cut trousers or shorts."""
    drawn = model.sample(spec.kind, rng, asymmetry=0.5)
    i = landmark_index("legs")
    mirror = np.array([-1.0, 1.0])
    halves = {"r": drawn.right, "l": drawn.left}
    waist_dip = rng.uniform(0.0, 0.14)
    full = np.concatenate(
        [
            arc(halves["l"][0] * mirror, halves["r"][0], waist_dip, 2.0),
            halves["r"][1:],
            (halves["l"] * mirror)[1:-1][::-1],
        ]
    )
    pieces, limbs, marks = [Piece("body", full)], {}, {}
    crotch = (halves["r"][-1] + halves["l"][-1] * mirror) / 2
    for n, limb in (("r", "right"), ("l", "left")):
        h, flip = halves[n], (np.ones(2) if n == "r" else mirror)
        low = int(np.argmin(np.abs(h[: i["hem_outer"], 1] - max(crotch[1] - 0.15, h[0, 1] + 0.2))))
        outer, inner = h[low : i["hem_outer"] + 1] * flip, h[i["hem_inner"] :][::-1] * flip
        opening = h[i["hem_outer"] : i["hem_inner"] + 1] * flip
        polygon = np.concatenate([outer, opening[1:], inner[::-1][1:]])
        limbs[limb] = Limb(
            polygon, np.stack([outer[0], crotch]), opening[[0, -1]], outer, inner, np.zeros((0, 2))
        )
        marks[f"hem_{n}"] = opening.mean(0)
        marks[f"hip_{n}"] = outer[0]
        marks[f"waist_{n}"] = h[0] * flip
        axis = limbs[limb].tip.mean(0) - limbs[limb].root.mean(0)
        unit = -axis / np.hypot(*axis)
        pieces.append(
            Piece(
                f"cuff_{n}",
                strip(opening, unit, 0.1 if spec.rib else 0.05),
                0.0,
                "trim" if spec.rib else "main",
                limb,
                outline=False,
            )
        )
    waist_edge = full[:13]
    pieces.append(
        Piece(
            "waistband",
            np.concatenate([waist_edge, (waist_edge * [1.015, 1] + [0, rng.uniform(0.12, 0.2)])[::-1]]),
            0.0,
            "main",
            outline=False,
        )
    )
    if "slant" in spec.pockets:
        for flip in (np.ones(2), mirror):
            pocket = np.array([[0.9, 0.17], [0.94, 0.2], [1.06, 0.55], [1.0, 0.52]]) * [0.8, 1] * flip
            pieces.append(Piece("slit", pocket, outline=False, colour="inside"))
    y0 = float(full[6, 1])
    pieces.append(
        Piece(
            "fly",
            np.array(
                [
                    [-0.01, y0 + 0.15],
                    [0.01, y0 + 0.15],
                    [0.01, crotch[1] * 0.8 + 0.05],
                    [-0.01, crotch[1] * 0.8 + 0.05],
                ]
            ),
            0.0,
            "inside",
            outline=False,
        )
    )
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
    drawn = model.sample("skirt", rng, asymmetry=0.5)
    mirror = np.array([-1.0, 1.0])
    name, length = spec.lengths[int(rng.integers(len(spec.lengths)))]
    right, left = drawn.right * [1, length], drawn.left * [1, length]
    full = np.concatenate(
        [arc(left[0] * mirror, right[0], rng.uniform(0.0, 0.12), 2.0), right[1:], (left * mirror)[1:-1][::-1]]
    )
    edge = full[:13]
    pieces = [
        Piece("body", full),
        Piece(
            "waistband",
            np.concatenate([edge, (edge * [1.02, 1] + [0, rng.uniform(0.08, 0.2)])[::-1]]),
            0.0,
            "main",
            outline=False,
        ),
    ]
    i = landmark_index("skirt")
    marks = {
        "front_neck": edge[6],
        "waist": edge[6],
        "waist_r": right[0],
        "waist_l": left[0] * mirror,
        "hem_r": right[i["hem"]],
        "hem_l": left[i["hem"]] * mirror,
        "hem_centre": right[-1],
    }
    return canonical(
        dict(
            kind="skirt",
            category="Skirt",
            fit="Unknown",
            collar="Unknown",
            sleeve_length="Unknown",
            length=name,
            age="Child" if rng.random() < 0.15 else "Adult",
            gender="Female",
            top_open="No",
            surface="Pleated" if rng.random() < 0.3 else "No Craft",
            front="none",
            pockets=(),
            rib=False,
        ),
        pieces,
        {},
        marks,
        np.zeros((0, 2)),
    )
