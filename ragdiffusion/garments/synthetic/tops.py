"""Patterns of tops and dresses: outlines of the shape model, cut into body, sleeves, bands and collar."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.shape_model import ShapeModel, landmark_index
from ragdiffusion.garments.synthetic.bottoms import choose, strip
from ragdiffusion.garments.synthetic.catalogue import Spec
from ragdiffusion.garments.synthetic.collars import arc, collar_pieces, pocket_pieces
from ragdiffusion.garments.synthetic.structure import Limb, Piece, Structure, canonical


def _cut(path: np.ndarray, fraction: float) -> np.ndarray:
    """The first part of a polyline, by arc length."""
    step = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    at = fraction * step[-1]
    keep = int(np.searchsorted(step, at))
    end = [np.interp(at, step, path[:, 0]), np.interp(at, step, path[:, 1])]
    return np.concatenate([path[: max(keep, 1)], [end]])


def _half(half: np.ndarray, spec: Spec, sleeve: str, p: dict[str, float]) -> dict[str, np.ndarray]:
    """One side of a top: named stretches of its outline, from neck to hem centre, x outward."""
    i = landmark_index("sleeved")
    half = half.copy()
    neck, hem, armpit = i["neck"], i["hem"], i["armpit"]
    # The model's body is 1 wide at the armpit; fit and length act on the drawn garment.
    below = half[armpit:, 1] - half[armpit, 1]
    half[armpit:, 1] = half[armpit, 1] + below * p["length"]
    half[armpit:, 0] = half[armpit:, 0] * (1 + p["flare"] * (below / max(below.max(), 1e-3)) ** 1.5)
    top = half[neck : i["cuff_outer"] + 1]
    order = np.maximum.accumulate(top[:, 0] + np.arange(len(top)) * 1e-4)
    reach = min(1.0, float(order[-1]) * 0.75)
    shoulder_x = min(p["shoulder"], reach)
    neck_y = float(np.interp(p["neck"], order, top[:, 1]))
    if p["neck"] < order[0]:
        neck_y -= 0.25 * (order[0] - p["neck"])
    shoulder = np.array([shoulder_x, float(np.interp(shoulder_x, order, top[:, 1]))])
    # Shoulders fall away from the neck, but no steeper than bodies do.
    neck_y = float(np.clip(neck_y, shoulder[1] - 0.06 - 0.45 * (shoulder_x - p["neck"]), shoulder[1] - 0.05))
    outer = np.concatenate([[shoulder], top[order > shoulder_x + 0.06]])
    inner = half[i["cuff_inner"] : armpit + 1][::-1]
    share = {"Short": 1.0, "Mid": p["mid"], "Long": 1.0, "Extra Long": 1.0}.get(sleeve, 1.0)
    if share < 1:
        inner = _cut(inner, share)
        # The new opening lies square to the sleeve.
        axis = inner[-1] - half[armpit]
        level = (outer - inner[-1]) @ (axis / max(np.hypot(*axis), 1e-6))
        outer = _cut(
            outer, float(np.interp(0.0, np.maximum.accumulate(level), np.linspace(0, 1, len(outer))))
        )
    return {
        "neck": np.array([p["neck"], neck_y]),
        "shoulder": shoulder,
        "outer": outer,
        "inner": inner,
        "cuff": np.stack([outer[-1], inner[-1]]),
        "armpit": half[armpit],
        "side": half[armpit : hem + 1],
        "hem": half[hem:],
    }


def top(model: ShapeModel, rng: np.random.Generator, category: str, spec: Spec) -> Structure:
    """Cut a top or dress."""
    sleeve, collar = choose(rng, spec.sleeves), choose(rng, spec.collars)
    fit = str(rng.choice(["Slim", "Regular", "Loose"], p=spec.fits))
    age = "Child" if rng.random() < spec.child else "Adult"
    gender = "Female" if rng.random() < spec.female else "Male"
    length_name, length = spec.lengths[int(rng.integers(len(spec.lengths)))]
    if spec.kind == "dress" and sleeve in ("Sleeveless", "Short"):
        group = "dress_sleeved" if rng.random() < 0.6 else "tshirt"
    elif sleeve in ("Short", "Sleeveless"):
        group = "shirt_short" if collar in ("Shirt", "Polo") and rng.random() < 0.6 else "tshirt"
    else:
        group = (
            "shirt_long"
            if collar == "Shirt" and rng.random() < 0.35
            else ("outwear" if spec.outer else "longsleeve")
        )
    drawn = model.sample(group, rng, asymmetry=0.5)
    wide = collar in ("Off-shoulder", "Strapless", "Neckline")
    p = {
        "neck": rng.uniform(0.5, 0.64)
        if wide
        else rng.uniform(0.3, 0.42)
        if collar in ("Round", "V-neck", "Square", "Ruffled", "One-shoulder")
        else rng.uniform(0.26, 0.35),
        "shoulder": rng.uniform(0.86, 0.99),
        "mid": rng.uniform(0.5, 0.75),
        "length": length * {"Slim": 1.08, "Regular": 1.0, "Loose": 0.94}[fit] * rng.uniform(0.94, 1.06),
        "flare": spec.flare * rng.uniform(0.3, 1.0) + {"Slim": -0.04, "Regular": 0.0, "Loose": 0.03}[fit],
    }
    if group == "dress_sleeved":
        length_name = "Uncertain"  # the real dress decides it, not the specification
        p["length"], p["flare"] = rng.uniform(0.85, 1.12), 0.0
    sides = {name: _half(half, spec, sleeve, p) for name, half in (("r", drawn.right), ("l", drawn.left))}
    neck_y = (sides["r"]["neck"][1] + sides["l"]["neck"][1]) / 2
    for side in sides.values():  # a crooked sleeve must not tilt the neck
        side["neck"] = np.array([p["neck"], neck_y])
    if sleeve == "Sleeveless":
        tip = (
            rng.uniform(0.48, 0.66)
            if category in ("Tank", "Innerwear", "Swimsuit")
            else rng.uniform(0.62, 0.9)
        )
        tip = max(tip, p["neck"] + 0.14)
        for side in sides.values():
            start = side["neck"] + (side["shoulder"] - side["neck"]) * (
                (tip - p["neck"]) / max(side["shoulder"][0] - p["neck"], 0.05)
            )
            t = np.linspace(0, 1, 9)[:, None]
            # The sleeve's armpit hangs lower and further out than an armhole's bottom.
            side["armpit"] = np.array([0.94, 1.0]) * side["armpit"]
            side["armpit"][1] = start[1] + 0.68 * (side["armpit"][1] - start[1])
            side["side"] = np.concatenate([side["armpit"][None], side["side"][1:]])
            dip = np.array(
                [min(tip, side["armpit"][0] * 0.86) - 0.05, side["armpit"][1] * 0.86 + start[1] * 0.14]
            )
            side["armhole"] = (1 - t) ** 2 * start + 2 * t * (1 - t) * dip + t**2 * side["armpit"]
            side["shoulder"] = start
    mirror = np.array([-1.0, 1.0])
    place = {(n, k): (v if n == "r" else v * mirror) for n, s in sides.items() for k, v in s.items()}

    neck_r, neck_l = place["r", "neck"], place["l", "neck"]
    depth, power = {
        "V-neck": (rng.uniform(0.4, 0.75), 1.1),
        "Square": (rng.uniform(0.25, 0.5), 7.0),
        "Round": (rng.uniform(0.16, 0.42), 2.3),
        "Neckline": (rng.uniform(0.1, 0.22), 2.2),
        "Off-shoulder": (0.06, 2.0),
        "Strapless": (0.05, 2.0),
        "Ruffled": (rng.uniform(0.2, 0.4), 2.2),
        "Suit": (rng.uniform(0.7, 1.05), 1.15),
        "Notched": (rng.uniform(0.55, 0.9), 1.15),
        "Baseball": (rng.uniform(0.14, 0.24), 2.2),
        "Stand-up": (0.1, 2.0),
        "Hooded": (rng.uniform(0.16, 0.26), 1.8),
        "Naval": (rng.uniform(0.5, 0.7), 1.2),
        "One-shoulder": (0.3, 2.2),
    }.get(collar, (rng.uniform(0.14, 0.22), 1.3))
    if category == "Knitted Cardigan" and collar == "V-neck":
        depth = rng.uniform(0.7, 1.0)
    if category in ("Waistcoat",):
        depth = rng.uniform(0.65, 0.95)
    if category in ("Tank", "Innerwear", "Swimsuit") and collar in ("Round", "Square"):
        depth = rng.uniform(0.35, 0.6)
    back = arc(
        neck_l, neck_r, rng.uniform(0.03, 0.08) if collar not in ("Off-shoulder", "Strapless") else 0.03, 2.0
    )
    front = arc(neck_l, neck_r, depth, power)
    opening = np.concatenate([back, front[::-1]])

    def side_path(n: str) -> np.ndarray:
        hole = (
            place[n, "armhole"]
            if sleeve == "Sleeveless"
            else _seam(place[n, "shoulder"], place[n, "armpit"], n)
        )
        return np.concatenate([hole, place[n, "side"][1:], place[n, "hem"][1:]])

    right, left = side_path("r"), side_path("l")
    body = np.concatenate([back, right, left[::-1][1:]])
    pieces = [Piece("body", body)]
    limbs: dict[str, Limb] = {}
    if sleeve != "Sleeveless":
        for n, limb in (("r", "right"), ("l", "left")):
            seam = _seam(place[n, "shoulder"], place[n, "armpit"], n)
            polygon = np.concatenate([place[n, "outer"], place[n, "inner"][::-1], seam[::-1][1:-1]])
            axis = place[n, "cuff"].mean(0) - (place[n, "shoulder"] + place[n, "armpit"]) / 2
            angle = float(np.arctan2(axis[1], axis[0])) - (0.0 if n == "r" else np.pi)
            pieces.append(Piece(f"sleeve_{n}", polygon, angle, "sleeve", limb))
            limbs[limb] = Limb(
                polygon,
                np.stack([place[n, "shoulder"], place[n, "armpit"]]),
                place[n, "cuff"],
                place[n, "outer"],
                place[n, "inner"],
                seam[::-1][1:-1],
            )
            if spec.rib or spec.cuffs and sleeve in ("Long", "Extra Long"):
                unit = -axis / np.hypot(*axis)
                band = strip(place[n, "cuff"], unit, rng.uniform(0.08, 0.16) if spec.rib else 0.13)
                pieces.append(
                    Piece(f"cuff_{n}", band, angle, "trim" if spec.rib else "sleeve", limb, outline=False)
                )
    if spec.rib:
        edge = np.concatenate([place["l", "hem"], place["r", "hem"][::-1][1:]])
        pieces.append(
            Piece(
                "hem_band",
                strip(edge, np.array([0.0, -1.0]), rng.uniform(0.1, 0.18)),
                0.0,
                "trim",
                outline=False,
            )
        )
    pieces.append(Piece("opening", opening, 0.0, "inside", outline=False))
    pieces += collar_pieces(rng, collar, place, front, back, spec)
    if category == "Tank" and rng.random() < 0.5 or collar in ("Round", "V-neck") and spec.front == "none":
        pieces.append(
            Piece(
                "binding",
                np.concatenate([front, (front + [0, rng.uniform(0.035, 0.075)])[::-1]]),
                0.0,
                "trim",
                outline=False,
            )
        )
    chest_y = float(place["r", "armpit"][1])
    hem_y = float(place["r", "hem"][-1, 1])
    pieces += pocket_pieces(rng, spec, chest_y, hem_y)
    front_neck = np.array([0.0, float(front[len(front) // 2, 1])])
    marks = {
        "front_neck": front_neck,
        "hem_centre": np.array([0.0, hem_y]),
        "waist": np.array([0.0, chest_y + 0.45 * (hem_y - chest_y)]),
    }
    for n in "rl":
        for name in ("neck", "shoulder", "armpit"):
            marks[f"{name}_{n}"] = place[n, name]
        marks[f"hem_{n}"] = place[n, "hem"][0]
        marks[f"cuff_{n}"] = place[n, "cuff"].mean(0)
    return canonical(
        dict(
            kind=spec.kind,
            category=category,
            fit=fit,
            collar=collar,
            sleeve_length=sleeve,
            length=length_name,
            age=age,
            gender=gender,
            top_open="No",
            surface=spec.surface,
            front=spec.front,
            pockets=spec.pockets,
            rib=spec.rib,
        ),
        pieces,
        limbs,
        marks,
        opening,
    )


def _seam(shoulder: np.ndarray, armpit: np.ndarray, side: str) -> np.ndarray:
    """Armhole seam from shoulder to armpit, hollow towards the body."""
    t = np.linspace(0, 1, 7)[:, None]
    line = shoulder + (armpit - shoulder) * t
    line[:, 0] -= (0.07 if side == "r" else -0.07) * np.sin(np.pi * t[:, 0])
    return line
