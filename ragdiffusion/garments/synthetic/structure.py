"""Structure of a synthetic garment: what shape and construction decide, apart from every colour.

Coordinates are canonical: the garment's box is centred in [-1, 1] x [-1, 1], its longer side spans 2 / 1.12; x to the
right of the image, y down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ragdiffusion.garments.shape_model import ShapeModel, landmark_index
from ragdiffusion.garments.synthetic.catalogue import CATALOGUE, Spec

MARGIN = 1.12
"""Side of the canonical frame in units of the garment's longer side."""


@dataclass(frozen=True)
class Piece:
    """One sewn piece, painted in the order of `Structure.pieces`.

    Attributes:
        name: what it is, e.g. "body", "sleeve_r", "collar_l", "pocket".
        polygon: [N, 2] canonical coordinates.
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
        polygon: [N, 2] its region of the flat-lay.
        root: [2, 2] the seam it hangs on: outer end (shoulder, hip) and inner end (armpit, crotch).
        tip: [2, 2] its opening: outer and inner end.
        outer, inner: its two long edges from root to tip, [N, 2] each.
    """

    polygon: np.ndarray
    root: np.ndarray
    tip: np.ndarray
    outer: np.ndarray
    inner: np.ndarray

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
        surface: the value of Surface Texture that construction decides ("Quilted", "Pleated"...), or "No Craft".
        front: how it closes: "none", "buttons", "zip", "polo" or "wrap".
        pockets: kinds of pockets on it.
        rib: whether hem and cuffs are ribbed bands.
        pieces: in painting order.
        limbs: "right" and "left" sleeve or leg, when it has them.
        landmarks: name -> [2], e.g. neck_r, shoulder_r, armpit_r, cuff_r, hem_r, front_neck.
        opening: [N, 2] the neck hole through which the back's inside shows; empty when there is none.
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


def sample_structure(model: ShapeModel, rng: np.random.Generator, category: str | None = None) -> Structure:
    """Draw a structure.

    Args:
        model: outlines of real garments.
        rng: source of randomness.
        category: a name of `CATALOGUE` (Table 6, "Trousers" or "Shorts"); None draws one by its weight.

    Raises:
        ValueError: unknown category.
    """
    if category is None:
        weights = np.array([s.weight for s in CATALOGUE.values()])
        category = str(rng.choice(list(CATALOGUE), p=weights / weights.sum()))
    if category not in CATALOGUE:
        raise ValueError(f"unknown category {category!r}; wanted one of {', '.join(CATALOGUE)}")
    spec = CATALOGUE[category]
    build = {"top": _top, "dress": _top, "skirt": _skirt, "pants": _legs, "shorts": _legs}[spec.kind]
    return build(model, rng, category, spec)


def _choose(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


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
    top = half[neck: i["cuff_outer"] + 1]
    order = np.maximum.accumulate(top[:, 0] + np.arange(len(top)) * 1e-4)
    reach = min(1.0, float(order[-1]) * 0.75)
    shoulder_x = min(p["shoulder"], reach)
    neck_y = float(np.interp(p["neck"], order, top[:, 1]))
    if p["neck"] < order[0]:
        neck_y -= 0.25 * (order[0] - p["neck"])
    shoulder = np.array([shoulder_x, float(np.interp(shoulder_x, order, top[:, 1]))])
    slope_limit = neck_y + 0.08
    shoulder[1] = max(shoulder[1], slope_limit)
    outer = np.concatenate([[shoulder], top[order > shoulder_x + 0.06]])
    inner = half[i["cuff_inner"]: armpit + 1][::-1]
    share = {"Short": 1.0, "Mid": p["mid"], "Long": 1.0, "Extra Long": 1.0}.get(sleeve, 1.0)
    if share < 1:
        outer, inner = _cut(outer, share), _cut(inner, share)
    return {
        "neck": np.array([p["neck"], neck_y]), "shoulder": shoulder, "outer": outer, "inner": inner,
        "cuff": np.stack([outer[-1], inner[-1]]),
        "armpit": half[armpit], "side": half[armpit: hem + 1], "hem": half[hem:],
    }


def _arc(start: np.ndarray, end: np.ndarray, depth: float, power: float, count: int = 13) -> np.ndarray:
    """A neckline from one neck point to the other: power 2 is round, 1 a V, 6 a square."""
    t = np.linspace(-1, 1, count)
    base = start + (end - start) * ((t + 1) / 2)[:, None]
    base[:, 1] += depth * (1 - np.abs(t) ** power)
    return base


def _strip(edge: np.ndarray, inward: np.ndarray, width: float) -> np.ndarray:
    """A band of cloth along an edge, `width` deep towards `inward` (a direction)."""
    return np.concatenate([edge, (edge + inward * width)[::-1]])


def _top(model: ShapeModel, rng: np.random.Generator, category: str, spec: Spec) -> Structure:
    sleeve, collar = _choose(rng, spec.sleeves), _choose(rng, spec.collars)
    fit = str(rng.choice(["Slim", "Regular", "Loose"], p=spec.fits))
    age = "Child" if rng.random() < spec.child else "Adult"
    gender = "Female" if rng.random() < spec.female else "Male"
    length_name, length = spec.lengths[int(rng.integers(len(spec.lengths)))]
    if spec.kind == "dress" and sleeve in ("Sleeveless", "Short", "Mid"):
        group = "dress_sleeved" if rng.random() < 0.6 else "tshirt"
    elif sleeve in ("Short", "Sleeveless"):
        group = "shirt_short" if collar in ("Shirt", "Polo") and rng.random() < 0.6 else "tshirt"
    else:
        group = "shirt_long" if collar == "Shirt" and rng.random() < 0.35 else (
            "outwear" if spec.outer else "longsleeve")
    drawn = model.sample(group, rng, asymmetry=0.5)
    wide = collar in ("Off-shoulder", "Strapless", "Neckline")
    p = {
        "neck": rng.uniform(0.5, 0.64) if wide else rng.uniform(0.3, 0.42) if collar in (
            "Round", "V-neck", "Square", "Ruffled", "One-shoulder") else rng.uniform(0.26, 0.35),
        "shoulder": rng.uniform(0.86, 0.99), "mid": rng.uniform(0.5, 0.75),
        "length": length * {"Slim": 1.08, "Regular": 1.0, "Loose": 0.94}[fit] * rng.uniform(0.94, 1.06),
        "flare": spec.flare * rng.uniform(0.3, 1.0) + {"Slim": -0.04, "Regular": 0.0, "Loose": 0.03}[fit],
    }
    if group == "dress_sleeved":
        p["length"], p["flare"] = rng.uniform(0.85, 1.12), 0.0
    sides = {name: _half(half, spec, sleeve, p) for name, half in (("r", drawn.right), ("l", drawn.left * [1, 1]))}
    for side in sides.values():  # both halves meet in one hem
        side["hem"] = side["hem"].copy()
    if sleeve == "Sleeveless":
        tip = rng.uniform(0.42, 0.6) if category in ("Tank", "Innerwear", "Swimsuit") else rng.uniform(0.62, 0.9)
        tip = max(tip, p["neck"] + 0.14)
        for side in sides.values():
            start = side["neck"] + (side["shoulder"] - side["neck"]) * ((tip - p["neck"]) / max(
                side["shoulder"][0] - p["neck"], 0.05))
            t = np.linspace(0, 1, 9)[:, None]
            dip = np.array([min(tip, side["armpit"][0] * 0.86) - 0.03, side["armpit"][1] * 0.62 + start[1] * 0.38])
            side["armhole"] = (1 - t) ** 2 * start + 2 * t * (1 - t) * dip + t**2 * side["armpit"]
            side["shoulder"] = start
    mirror = np.array([-1.0, 1.0])
    place = {(n, k): (v if n == "r" else v * mirror) for n, s in sides.items() for k, v in s.items()}

    neck_r, neck_l = place["r", "neck"], place["l", "neck"]
    depth, power = {
        "V-neck": (rng.uniform(0.4, 0.75), 1.1), "Square": (rng.uniform(0.25, 0.5), 7.0),
        "Round": (rng.uniform(0.16, 0.42), 2.3), "Neckline": (rng.uniform(0.1, 0.22), 2.2),
        "Off-shoulder": (0.06, 2.0), "Strapless": (0.05, 2.0), "Ruffled": (rng.uniform(0.2, 0.4), 2.2),
        "Suit": (rng.uniform(0.7, 1.05), 1.15), "Notched": (rng.uniform(0.55, 0.9), 1.15),
        "Baseball": (rng.uniform(0.14, 0.24), 2.2), "Stand-up": (0.1, 2.0), "Hooded": (rng.uniform(0.16, 0.26), 1.8),
        "Naval": (rng.uniform(0.5, 0.7), 1.2), "One-shoulder": (0.3, 2.2),
    }.get(collar, (rng.uniform(0.14, 0.22), 1.3))
    if category == "Knitted Cardigan" and collar == "V-neck":
        depth = rng.uniform(0.7, 1.0)
    if category in ("Waistcoat",):
        depth = rng.uniform(0.65, 0.95)
    if category in ("Tank", "Innerwear", "Swimsuit") and collar in ("Round", "Square"):
        depth = rng.uniform(0.35, 0.6)
    back = _arc(neck_l, neck_r, rng.uniform(0.03, 0.08) if collar not in ("Off-shoulder", "Strapless") else 0.03, 2.0)
    front = _arc(neck_l, neck_r, depth, power)
    opening = np.concatenate([back, front[::-1]])

    def side_path(n: str) -> np.ndarray:
        hole = place[n, "armhole"] if sleeve == "Sleeveless" else _seam(place[n, "shoulder"], place[n, "armpit"], n)
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
            limbs[limb] = Limb(polygon, np.stack([place[n, "shoulder"], place[n, "armpit"]]), place[n, "cuff"],
                               place[n, "outer"], place[n, "inner"])
            if spec.rib or spec.cuffs and sleeve in ("Long", "Extra Long"):
                unit = -axis / np.hypot(*axis)
                band = _strip(place[n, "cuff"], unit, rng.uniform(0.08, 0.16) if spec.rib else 0.13)
                pieces.append(Piece(f"cuff_{n}", band, angle + np.pi / 2 * 0, "trim" if spec.rib else "sleeve", limb,
                                    outline=False))
    if spec.rib:
        edge = np.concatenate([place["l", "hem"], place["r", "hem"][::-1][1:]])
        pieces.append(Piece("hem_band", _strip(edge, np.array([0.0, -1.0]), rng.uniform(0.1, 0.18)), 0.0, "trim",
                            outline=False))
    pieces.append(Piece("opening", opening, 0.0, "inside", outline=False))
    pieces += _collar(rng, collar, place, front, back, spec)
    if category == "Tank" and rng.random() < 0.5 or collar in ("Round", "V-neck") and spec.front == "none":
        pieces.append(Piece("binding", np.concatenate([front, (front + [0, rng.uniform(0.035, 0.075)])[::-1]
                                                       ]), 0.0, "trim", outline=False))
    chest_y = float(place["r", "armpit"][1])
    hem_y = float(place["r", "hem"][-1, 1])
    pieces += _pockets(rng, spec, chest_y, hem_y)
    front_neck = np.array([0.0, float(front[len(front) // 2, 1])])
    marks = {"front_neck": front_neck, "hem_centre": np.array([0.0, hem_y]),
             "waist": np.array([0.0, chest_y + 0.45 * (hem_y - chest_y)])}
    for n in "rl":
        for name in ("neck", "shoulder", "armpit"):
            marks[f"{name}_{n}"] = place[n, name]
        marks[f"hem_{n}"] = place[n, "hem"][0]
        marks[f"cuff_{n}"] = place[n, "cuff"].mean(0)
    opens = spec.front in ("buttons", "zip") and spec.outer
    return _canonical(dict(
        kind=spec.kind, category=category, fit=fit, collar=collar, sleeve_length=sleeve, length=length_name, age=age,
        gender=gender, top_open="No" if opens or spec.front == "none" else "No",
        surface=spec.surface, front=spec.front, pockets=spec.pockets, rib=spec.rib), pieces, limbs, marks, opening)


def _seam(shoulder: np.ndarray, armpit: np.ndarray, side: str) -> np.ndarray:
    """Armhole seam from shoulder to armpit, hollow towards the body."""
    t = np.linspace(0, 1, 7)[:, None]
    line = shoulder + (armpit - shoulder) * t
    line[:, 0] -= (0.07 if side == "r" else -0.07) * np.sin(np.pi * t[:, 0])
    return line


def _collar(rng: np.random.Generator, collar: str, place: dict, front: np.ndarray, back: np.ndarray,
            spec: Spec) -> list[Piece]:
    """Pieces of a collar, laid over the neck."""
    neck_r, neck_l = place["r", "neck"], place["l", "neck"]
    middle = front[len(front) // 2]
    half = float(neck_r[0])
    out: list[Piece] = []
    mirror = np.array([-1.0, 1.0])
    if collar in ("Shirt", "Polo", "Rounded"):
        stand = rng.uniform(0.1, 0.17)
        band = np.concatenate([_arc(neck_l + [0.02, -stand], neck_r + [-0.02, -stand], 0.05, 2.0), back[::-1]])
        out.append(Piece("collar_back", band, 0.0, "main"))
        drop, spread = rng.uniform(0.2, 0.36), rng.uniform(0.3, 0.75)
        leaf = np.array([[half - 0.03, neck_r[1] - stand], [half + 0.09, neck_r[1] - 0.02],
                         [half * spread + 0.16, middle[1] + drop * 0.62], [0.015, middle[1] - 0.02],
                         [half * 0.5, (middle[1] + neck_r[1] - stand) / 2 + 0.01]])
        if collar == "Rounded":
            leaf = np.concatenate([leaf[:2], _arc(leaf[1] + [0.02, 0.1], leaf[3] + [0.02, 0.08], 0.14, 2.0), leaf[3:]])
        out += [Piece("collar_r", leaf, 0.5, "main"), Piece("collar_l", leaf * mirror, -0.5, "main")]
    elif collar in ("Suit", "Notched", "Naval"):
        width = rng.uniform(0.16, 0.26)
        notch = middle[1] * 0.45 + neck_r[1] * 0.55
        lapel = np.array([[half - 0.04, neck_r[1] - 0.05], [half + 0.07, neck_r[1] + 0.02],
                          [half * 0.75 + width + 0.05, notch - 0.05], [half * 0.72 + 0.06, notch + 0.01],
                          [half * 0.7 + width, notch + 0.05], [0.02, middle[1] + 0.06], [0.0, middle[1] - 0.02],
                          [half * 0.45, notch]])
        if collar == "Naval":
            lapel = lapel[[0, 1, 2, 5, 6, 7]]
        band = np.concatenate([back + [0, -0.07], back[::-1]])
        out.append(Piece("collar_back", band, 0.0, "trim" if collar == "Naval" else "main"))
        out += [Piece("lapel_r", lapel, 0.4, "main"), Piece("lapel_l", lapel * mirror, -0.4, "main")]
    elif collar in ("Stand-up", "Baseball"):
        height = rng.uniform(0.16, 0.36) if collar == "Stand-up" else 0.07
        top = _arc(neck_l * [0.9, 1] + [0, -height], neck_r * [0.9, 1] + [0, -height], 0.05, 2.0)
        out.append(Piece("collar_band", np.concatenate([top, front[::-1]]), 0.0,
                         "trim" if collar == "Baseball" else "main"))
        hole = np.concatenate([top + [0, 0.015], (top + [0, 0.015 + 0.4 * height * (collar == "Baseball")])[::-1]])
        out.append(Piece("collar_inside", hole, 0.0, "inside", outline=False))
    elif collar == "Hooded":
        height, wide = rng.uniform(0.5, 0.85), rng.uniform(1.1, 1.5)
        t = np.linspace(-1, 1, 17)
        dome = np.stack([np.sign(t) * np.abs(np.sin(t * np.pi / 2)) ** 0.8 * half * wide,
                         neck_r[1] + 0.05 - height * np.cos(t * np.pi / 2) ** 0.6], axis=1)
        hood = np.concatenate([dome, front[::-1]])
        inner = np.concatenate([_arc(np.array([-half * 0.62, neck_r[1] - 0.05]), np.array([half * 0.62, neck_r[1] - 0.05]),
                                     -height * 0.72, 2.4), front[2:-2][::-1] - [0, 0.02]])
        out += [Piece("hood", hood, 0.0, "main"), Piece("hood_inside", inner, 0.0, "inside", outline=False)]
        for side in (0.28, -0.28):
            x = half * side
            length = rng.uniform(0.35, 0.6)
            string = np.array([[x - 0.012, middle[1] - 0.03], [x + 0.012, middle[1] - 0.03],
                               [x * 1.2 + 0.012, middle[1] + length], [x * 1.2 - 0.012, middle[1] + length]])
            if spec.front != "buttons":
                out.append(Piece("string", string, 0.0, "trim", outline=False))
    elif collar == "Ruffled":
        wave = front.copy()
        wave[:, 1] += 0.1 + 0.03 * np.cos(np.arange(len(front)) * np.pi)
        out.append(Piece("ruffle", np.concatenate([front, wave[::-1]]), 0.0, "main", outline=False))
    return out


def _pockets(rng: np.random.Generator, spec: Spec, chest: float, hem: float) -> list[Piece]:
    out: list[Piece] = []
    mirror = np.array([-1.0, 1.0])
    for kind in spec.pockets:
        if rng.random() < 0.3:
            continue
        if kind == "kangaroo":
            y, w, h = hem - 0.3 * (hem - chest), rng.uniform(0.5, 0.62), rng.uniform(0.42, 0.55)
            out.append(Piece("pocket", np.array([[-w * 0.6, y - h / 2], [w * 0.6, y - h / 2], [w, y + h * 0.2],
                                                 [w, y + h / 2], [-w, y + h / 2], [-w, y + h * 0.2]]), outline=False))
        elif kind == "chest":
            w, h, x, y = rng.uniform(0.24, 0.34), rng.uniform(0.28, 0.38), rng.uniform(0.25, 0.34), chest - 0.1
            patch = np.array([[x, y], [x + w, y], [x + w, y + h * 0.85], [x + w / 2, y + h], [x, y + h * 0.85]])
            out.append(Piece("pocket", patch, outline=False))
            if rng.random() < 0.4:
                out.append(Piece("pocket", patch * mirror, outline=False))
        elif kind == "flap":
            w, h, x, y = rng.uniform(0.32, 0.42), 0.1, rng.uniform(0.3, 0.38), chest + 0.62 * (hem - chest)
            flap = np.array([[x, y], [x + w, y - 0.02], [x + w, y + h], [x, y + h]])
            out += [Piece("flap", flap, outline=False), Piece("flap", flap * mirror, outline=False)]
        elif kind == "slant":
            x, y = rng.uniform(0.5, 0.62), chest + 0.6 * (hem - chest)
            slit = np.array([[x, y], [x + 0.03, y], [x + 0.16, y + 0.34], [x + 0.12, y + 0.34]])
            out += [Piece("slit", slit, outline=False, colour="inside"),
                    Piece("slit", slit * mirror, outline=False, colour="inside")]
    return out


def _legs(model: ShapeModel, rng: np.random.Generator, category: str, spec: Spec) -> Structure:
    drawn = model.sample(spec.kind, rng, asymmetry=0.5)
    i = landmark_index("legs")
    mirror = np.array([-1.0, 1.0])
    halves = {"r": drawn.right, "l": drawn.left}
    waist_dip = rng.uniform(0.0, 0.14)
    full = np.concatenate([_arc(halves["l"][0] * mirror, halves["r"][0], waist_dip, 2.0), halves["r"][1:],
                           (halves["l"] * mirror)[1:-1][::-1]])
    pieces, limbs, marks = [Piece("body", full)], {}, {}
    crotch = (halves["r"][-1] + halves["l"][-1] * mirror) / 2
    for n, limb in (("r", "right"), ("l", "left")):
        h, flip = halves[n], (np.ones(2) if n == "r" else mirror)
        low = int(np.argmin(np.abs(h[: i["hem_outer"], 1] - max(crotch[1] - 0.15, h[0, 1] + 0.2))))
        outer, inner = h[low: i["hem_outer"] + 1] * flip, h[i["hem_inner"]:][::-1] * flip
        opening = h[i["hem_outer"]: i["hem_inner"] + 1] * flip
        polygon = np.concatenate([outer, opening[1:], inner[::-1][1:]])
        limbs[limb] = Limb(polygon, np.stack([outer[0], crotch]), opening[[0, -1]], outer, inner)
        marks[f"hem_{n}"] = opening.mean(0)
        marks[f"hip_{n}"] = outer[0]
        marks[f"waist_{n}"] = h[0] * flip
        axis = limbs[limb].tip.mean(0) - limbs[limb].root.mean(0)
        unit = -axis / np.hypot(*axis)
        pieces.append(Piece(f"cuff_{n}", _strip(opening, unit, 0.1 if spec.rib else 0.05), 0.0,
                            "trim" if spec.rib else "main", limb, outline=False))
    waist_edge = full[:13]
    pieces.append(Piece("waistband", np.concatenate([waist_edge, (waist_edge * [1.015, 1] + [0, rng.uniform(
        0.12, 0.2)])[::-1]]), 0.0, "main", outline=False))
    if "slant" in spec.pockets:
        for flip in (np.ones(2), mirror):
            pocket = np.array([[0.9, 0.17], [0.94, 0.2], [1.06, 0.55], [1.0, 0.52]]) * [0.8, 1] * flip
            pieces.append(Piece("slit", pocket, outline=False, colour="inside"))
    y0 = float(full[6, 1])
    pieces.append(Piece("fly", np.array([[-0.01, y0 + 0.15], [0.01, y0 + 0.15], [0.01, crotch[1] * 0.8 + 0.05],
                                         [-0.01, crotch[1] * 0.8 + 0.05]]), 0.0, "inside", outline=False))
    marks |= {"front_neck": np.array([0.0, y0]), "crotch": crotch, "waist": np.array([0.0, y0])}
    return _canonical(dict(
        kind=spec.kind, category="Unknown", fit=_choose(rng, ("Slim", "Regular", "Loose")), collar="Unknown",
        sleeve_length="Unknown", length="Short" if spec.kind == "shorts" else "Long",
        age="Adult", gender="Female" if rng.random() < 0.5 else "Male", top_open="No", surface=spec.surface,
        front="none", pockets=spec.pockets, rib=spec.rib), pieces, limbs, marks, np.zeros((0, 2)))


def _skirt(model: ShapeModel, rng: np.random.Generator, category: str, spec: Spec) -> Structure:
    drawn = model.sample("skirt", rng, asymmetry=0.5)
    mirror = np.array([-1.0, 1.0])
    name, length = spec.lengths[int(rng.integers(len(spec.lengths)))]
    right, left = drawn.right * [1, length], drawn.left * [1, length]
    full = np.concatenate([_arc(left[0] * mirror, right[0], rng.uniform(0.0, 0.12), 2.0), right[1:],
                           (left * mirror)[1:-1][::-1]])
    edge = full[:13]
    pieces = [Piece("body", full),
              Piece("waistband", np.concatenate([edge, (edge * [1.02, 1] + [0, rng.uniform(0.08, 0.2)])[::-1]]), 0.0,
                    "main", outline=False)]
    i = landmark_index("skirt")
    marks = {"front_neck": edge[6], "waist": edge[6], "waist_r": right[0], "waist_l": left[0] * mirror,
             "hem_r": right[i["hem"]], "hem_l": left[i["hem"]] * mirror, "hem_centre": right[-1]}
    return _canonical(dict(
        kind="skirt", category="Skirt", fit=_choose(rng, ("Slim", "Regular", "Loose")), collar="Unknown",
        sleeve_length="Unknown", length=name, age="Child" if rng.random() < 0.15 else "Adult", gender="Female",
        top_open="No", surface="Pleated" if rng.random() < 0.3 else "No Craft", front="none", pockets=(), rib=False),
        pieces, {}, marks, np.zeros((0, 2)))


def _canonical(fields: dict, pieces: list[Piece], limbs: dict[str, Limb], marks: dict[str, np.ndarray],
               opening: np.ndarray) -> Structure:
    """Move everything into the canonical frame."""
    points = np.concatenate([p.polygon for p in pieces if p.outline])
    low, high = points.min(0), points.max(0)
    scale, centre = 2 / (MARGIN * (high - low).max()), (low + high) / 2

    def move(a: np.ndarray) -> np.ndarray:
        return (a - centre) * scale

    return Structure(
        **fields, opening=move(opening),
        pieces=tuple(Piece(p.name, move(p.polygon), p.angle, p.colour, p.limb, p.outline) for p in pieces),
        limbs={k: Limb(*(move(getattr(v, f)) for f in ("polygon", "root", "tip", "outer", "inner")))
               for k, v in limbs.items()},
        landmarks={k: move(v) for k, v in marks.items()})
