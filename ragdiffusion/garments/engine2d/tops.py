"""Patterns of tops and dresses: outlines of the shape model, cut into body, sleeves, bands and collar."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.engine2d.bottoms import choose, strip
from ragdiffusion.garments.engine2d.catalogue import Spec
from ragdiffusion.garments.engine2d.collars import arc, collar_pieces, neckline, pocket_pieces
from ragdiffusion.garments.engine2d.structure import Limb, Piece, Structure, canonical
from ragdiffusion.garments.shape_model import HalfOutlines, ShapeModel

Side = dict[str, np.ndarray]
_MIRROR = np.array([-1.0, 1.0])
_TALL = ("Stand-up", "Hooded", "Shirt", "Polo", "Suit", "Notched")
"""Collars that may stand above the shoulders in the outline itself."""


def _cut(path: np.ndarray, fraction: float) -> np.ndarray:
    """The first part of a polyline, by arc length."""
    step = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    at = fraction * step[-1]
    keep = int(np.searchsorted(step, at))
    end = [np.interp(at, step, path[:, 0]), np.interp(at, step, path[:, 1])]
    return np.concatenate([path[: max(keep, 1)], [end]])


def _base(half: np.ndarray, neck: int) -> tuple[int, float]:
    """Where a collar that stands in the outline ends on the shoulder, and how high it is."""
    at = neck
    while at < neck + 14:
        dx, dy = half[at + 1] - half[at]
        if dy < 1.1 * dx:
            break
        at += 1
    return at, float(half[at, 1] - half[neck, 1])


def _lengthened(half: np.ndarray, top: float, factor: float, flare: float) -> np.ndarray:
    """A half outline made longer and wider below a height."""
    half = half.copy()
    below = np.maximum(half[:, 1] - top, 0)
    half[:, 1] += below * (factor - 1)
    half[:, 0] *= 1 + flare * (below / max(below.max(), 1e-3)) ** 1.5
    return half


def _half_sleeved(half: np.ndarray, index: dict[str, int], sleeve: str, p: dict[str, float]) -> Side:
    """One side of a top whose sleeves lie away from the body: stretches of its outline, x outward."""
    neck, outer_end, inner_end, armpit, hem = (index[k] for k in ("neck", "cuff_outer", "cuff_inner", "armpit", "hem"))
    body = _lengthened(half[armpit:], half[armpit, 1], p["length"], p["flare"])
    along = np.maximum.accumulate(half[neck : outer_end - 3, 0])
    at = neck + int(np.clip(np.searchsorted(along, min(p["shoulder"], 0.8 * along[-1])), 2, len(along) - 1))
    outer, inner = half[at : outer_end + 1], half[inner_end : armpit + 1][::-1]
    opening = half[outer_end : inner_end + 1]
    if sleeve == "Mid":
        inner = _cut(inner, p["mid"])
        axis = inner[-1] - half[armpit]  # the new opening lies square to the sleeve
        level = np.maximum.accumulate((outer - inner[-1]) @ (axis / max(np.hypot(*axis), 1e-6)))
        outer = _cut(outer, float(np.interp(0.0, level, np.linspace(0, 1, len(outer)))))
        opening = np.stack([outer[-1], inner[-1]])
    return {"top": half[: neck + 1], "yoke": half[neck : at + 1], "shoulder": half[at], "outer": outer,
            "opening": opening, "inner": inner, "armpit": half[armpit], "side": body[: hem - armpit + 1],
            "hem": body[hem - armpit :]}


def _half_draped(half: np.ndarray, index: dict[str, int], sleeve: str, p: dict[str, float]) -> Side:
    """One side of a top whose sleeves (if any) lie against the body, inside the outline."""
    neck, hem = index["neck"], index["hem"]
    along = np.maximum.accumulate(half[neck:hem, 0])
    at = neck + int(np.clip(np.searchsorted(along, min(p["shoulder"] * 0.85, 0.9 * along[-1])), 2, hem - neck - 20))
    half = _lengthened(half, half[at, 1] + 0.4, p["length"], p["flare"])
    shoulder = half[at]
    drop = half[hem, 1] - shoulder[1]
    reach = half[at:hem, 1] >= shoulder[1] + min(p["armhole"], 0.4 * drop)
    low = at + max(int(np.argmax(reach)), 2)
    if sleeve == "Sleeveless":
        return {"top": half[: neck + 1], "yoke": half[neck : at + 1], "shoulder": shoulder, "armpit": half[low],
                "armhole": half[at : low + 1], "side": half[low : hem + 1], "hem": half[hem:]}
    end = hem
    if p["cuff_at"] < 0.97:
        end = at + max(int(np.argmax(half[at : hem + 1, 1] >= shoulder[1] + p["cuff_at"] * drop)), 12)
    width = p["cuff"] if end < hem else min(p["cuff"], 0.4 * half[hem, 0])
    armpit = np.array([half[low, 0] - p["upper"], half[low, 1]])
    if end == hem:
        stop = hem + max(int(np.argmax(half[hem:, 0] <= half[hem, 0] - width)), 2)
        opening = half[hem : stop + 1]
    else:
        stop = hem
        opening = np.stack([half[end], half[end] + [-width, 0.03]])
    t = np.linspace(0, 1, 9)[:, None]
    inner = armpit + (opening[-1] - armpit) * t
    inner[:, 0] -= 0.04 * np.sin(np.pi * t[:, 0])
    return {"top": half[: neck + 1], "yoke": half[neck : at + 1], "shoulder": shoulder, "outer": half[at : end + 1],
            "opening": opening, "inner": inner, "armpit": armpit, "side": half[at : stop + 1], "hem": half[stop:]}


def _groups(model: ShapeModel, rng: np.random.Generator, spec: Spec, sleeve: str, collar: str) -> str:
    """The group of outlines that a kind of top is drawn from."""
    if spec.kind == "dress":
        return model.choose(("dress_sleeved", "dress_draped"), rng)
    if sleeve == "Sleeveless":
        return "outwear_draped" if spec.outer else "tshirt"
    if sleeve == "Short":
        return "shirt_short" if collar == "Shirt" or collar == "Polo" and rng.random() < 0.3 else "tshirt"
    if sleeve == "Mid":
        return "longsleeve"
    if collar == "Shirt" and not spec.outer:
        return model.choose(("shirt_long", "shirt_draped"), rng)
    kind = "outwear" if spec.outer else "longsleeve"
    return model.choose((kind, f"{kind}_draped"), rng)


def _draw(model: ShapeModel, rng: np.random.Generator, group: str, collar: str) -> tuple[HalfOutlines, float]:
    """An outline whose collar agrees with the one wanted, and how high that stands in it."""
    for _ in range(8):
        drawn = model.sample(group, rng)
        rise = np.mean([_base(half, drawn.index["neck"])[1] for half in (drawn.right, drawn.left)])
        if rise > 0.08 if collar == "Stand-up" else collar in _TALL or rise < 0.22:
            break
    return drawn, float(rise)


def _armhole(side: Side, tip: float, deep: float) -> None:
    """Take a sleeve off: a strap that ends at `tip`, and a hollow down to a higher armpit, in place."""
    neck, shoulder = side["yoke"][0], side["shoulder"]
    start = neck + (shoulder - neck) * ((tip - neck[0]) / max(shoulder[0] - neck[0], 0.05))
    side["armpit"] = np.array([0.94 * side["armpit"][0], start[1] + deep * (side["armpit"][1] - start[1])])
    side["side"] = np.concatenate([side["armpit"][None], side["side"][1:]])
    t = np.linspace(0, 1, 13)[:, None]
    dip = np.array([min(tip, side["armpit"][0] * 0.86) - 0.05, side["armpit"][1] * 0.86 + start[1] * 0.14])
    side["armhole"] = (1 - t) ** 2 * start + 2 * t * (1 - t) * dip + t**2 * side["armpit"]
    side["shoulder"], side["yoke"] = start, np.stack([neck, start])


def top(model: ShapeModel, rng: np.random.Generator, category: str, spec: Spec) -> Structure:
    """Cut a top or dress."""
    sleeve, collar = choose(rng, spec.sleeves), choose(rng, spec.collars)
    group = _groups(model, rng, spec, sleeve, collar)
    drawn, rise = _draw(model, rng, group, collar)
    if spec.kind == "dress":
        sleeve = _sleeve_length(drawn)
    length_name, factor = _length(spec, drawn, rng)
    fit = ("Loose", "Regular", "Slim")[int(np.searchsorted(np.cumsum(spec.fits[::-1])[:2], drawn.neck_rank))]
    p = {
        "shoulder": rng.uniform(0.84, 0.98), "mid": rng.uniform(0.5, 0.75), "length": factor,
        "flare": spec.flare * rng.uniform(0.3, 1.0) if spec.kind == "top" else 0.0,
        "armhole": rng.uniform(0.42, 0.6), "cuff": rng.uniform(0.22, 0.34), "upper": rng.uniform(0.34, 0.46),
        "cuff_at": rng.uniform(0.78, 1.12),
    }
    cut = _half_draped if drawn.layout == "draped" else _half_sleeved
    sides = {name: cut(half, drawn.index, sleeve, p) for name, half in (("r", drawn.right), ("l", drawn.left))}
    if sleeve == "Sleeveless" and "armhole" not in sides["r"]:
        thin = category in ("Tank", "Innerwear", "Swimsuit")
        neck_x = sides["r"]["yoke"][0][0]
        tip = max(rng.uniform(0.5, 0.68) if thin else rng.uniform(0.62, 0.9), neck_x + 0.14)
        for side in sides.values():
            _armhole(side, tip, 0.68 if thin else 0.8)
    if collar == "Neckline":
        _widen(sides, rng.uniform(0.5, 0.62))
    place = {(n, k): (v if n == "r" else v * _MIRROR) for n, s in sides.items() for k, v in s.items()}
    back = np.concatenate([place["l", "top"][::-1], place["r", "top"][1:]])
    depth, power = neckline(rng, collar, category)
    front = arc(back[0], back[-1], depth, power)
    right, left = _outline(place, "r", sleeve), _outline(place, "l", sleeve)
    draped = drawn.layout == "draped" and sleeve != "Sleeveless"
    pieces = [Piece("body", np.concatenate([back, right, left[::-1][1:]]))]
    limbs: dict[str, Limb] = {}
    if sleeve != "Sleeveless":
        for n, limb in (("r", "right"), ("l", "left")):
            limbs[limb] = _sleeve(place, n, limb, spec, sleeve, rng, pieces)
    hem = np.concatenate([place["l", "hem"], place["r", "hem"][::-1][1:]])
    if spec.rib:
        pieces.append(Piece("hem_band", strip(hem, np.array([0.0, -1.0]), rng.uniform(0.1, 0.18)), 0.0, "trim",
                            outline=False))
    hooded = collar == "Hooded" and rise > 0.3
    if not hooded:
        pieces.append(Piece("opening", np.concatenate([back, front[::-1]]), 0.0, "inside", outline=False))
    bases = [side["top"][-1] if rise < 0.06 else half[_base(half, drawn.index["neck"])[0]]
             for side, half in ((sides["r"], drawn.right), (sides["l"], drawn.left))]
    if group.startswith(("shirt", "outwear")):
        rise = max(rise, 0.06)  # real ones have their collar in the outline, however low
    pieces += collar_pieces(rng, collar, front, back, (bases[0], bases[1] * _MIRROR), spec, rise)
    if category == "Tank" and rng.random() < 0.5 or collar in ("Round", "V-neck") and spec.front == "none":
        band = front + (front - front.mean(0)) * 0.02 + [0, rng.uniform(0.04, 0.08)]
        pieces.append(Piece("binding", np.concatenate([front, band[::-1]]), 0.0, "trim", outline=False))
    chest_y, hem_y = float(place["r", "armpit"][1]), float(hem[:, 1].max())
    pieces += pocket_pieces(rng, spec, chest_y, hem_y)
    opening = np.zeros((0, 2)) if hooded else np.concatenate([back, front[::-1]])
    marks = {
        "front_neck": np.array([0.0, float(front[len(front) // 2, 1])]),
        "hem_centre": np.array([0.0, float(place["r", "hem"][-1, 1])]),
        "waist": np.array([0.0, chest_y + 0.45 * (hem_y - chest_y)]),
    }
    for n in "rl":
        marks[f"neck_{n}"] = bases[0] if n == "r" else bases[1] * _MIRROR
        marks[f"hem_{n}"] = place[n, "hem"][0]
        marks |= {f"{name}_{n}": place[n, name] for name in ("shoulder", "armpit")}
        if sleeve != "Sleeveless":
            marks[f"cuff_{n}"] = place[n, "opening"].mean(0)
    return canonical(
        dict(
            kind=spec.kind,
            category=category,
            fit=fit,
            collar=collar,
            sleeve_length=sleeve,
            length=length_name,
            age="Child" if rng.random() < spec.child else "Adult",
            gender="Female" if rng.random() < spec.female else "Male",
            top_open="No",
            surface=spec.surface,
            front=spec.front,
            pockets=spec.pockets,
            rib=spec.rib,
            draped=draped,
        ),
        pieces,
        limbs,
        marks,
        opening,
    )


def _sleeve_length(drawn: HalfOutlines) -> str:
    """What an outline says about its sleeves."""
    if drawn.layout == "draped":
        return "Sleeveless"
    reach = np.hypot(*(drawn.right[drawn.index["cuff_inner"]] - drawn.right[drawn.index["armpit"]]))
    return "Short" if reach < 1.0 else "Mid" if reach < 1.5 else "Long"


def _length(spec: Spec, drawn: HalfOutlines, rng: np.random.Generator) -> tuple[str, float]:
    """Value of Table 6 and factor on the length: as drawn, or as the category demands."""
    if spec.lengths:
        name, factor = spec.lengths[int(rng.integers(len(spec.lengths)))]
        return name, factor * rng.uniform(0.95, 1.05)
    return ("Short", "Medium", "Long")[int(np.searchsorted([0.22, 0.78], drawn.length_rank))], 1.0


def _widen(sides: dict[str, Side], x: float) -> None:
    """Cut the neck out to half width `x`, in place: a wide neckline with a shallow back."""
    for side in sides.values():
        yoke = side["yoke"]
        along = np.maximum.accumulate(yoke[:, 0])
        x_here = min(x, 0.85 * along[-1])
        point = np.array([x_here, float(np.interp(x_here, along, yoke[:, 1]))])
        t = np.linspace(0, 1, len(side["top"]))[:, None]
        low = point[1] + 0.06
        side["top"] = np.concatenate([x_here * t, low + (point[1] - low) * t**2], axis=1)
        side["yoke"] = np.concatenate([point[None], yoke[along > x_here + 0.02]])


def _outline(place: dict[tuple[str, str], np.ndarray], n: str, sleeve: str) -> np.ndarray:
    """A side of the body, from the neck round to the hem's centre."""
    if sleeve == "Sleeveless":
        arm = [place[n, "armhole"][1:], place[n, "side"][1:]]
    elif np.array_equal(place[n, "side"][0], place[n, "shoulder"]):  # draped: the sleeve lies inside
        arm = [place[n, "side"][1:]]
    else:
        arm = [_seam(place[n, "shoulder"], place[n, "armpit"], n)[1:], place[n, "side"][1:]]
    return np.concatenate([place[n, "yoke"][1:], *arm, place[n, "hem"][1:]])


def _sleeve(
    place: dict[tuple[str, str], np.ndarray], n: str, limb: str, spec: Spec, sleeve: str, rng: np.random.Generator,
    pieces: list[Piece],
) -> Limb:
    """Add a sleeve and its cuff to the pieces; returns it as a puppet's part."""
    seam = _seam(place[n, "shoulder"], place[n, "armpit"], n)
    opening, half = place[n, "opening"], len(place[n, "opening"]) // 2
    outer = np.concatenate([place[n, "outer"], opening[1:half]])
    inner = np.concatenate([place[n, "inner"], opening[half:-1][::-1]])
    polygon = np.concatenate([outer, inner[::-1], seam[::-1][1:-1]])
    axis = opening[[0, -1]].mean(0) - (place[n, "shoulder"] + place[n, "armpit"]) / 2
    angle = float(np.arctan2(axis[1], axis[0])) - (0.0 if n == "r" else np.pi)
    pieces.append(Piece(f"sleeve_{n}", polygon, angle, "sleeve", limb))
    if spec.rib or spec.cuffs and sleeve in ("Long", "Extra Long"):
        band = strip(opening, -axis / np.hypot(*axis), rng.uniform(0.08, 0.16) if spec.rib else 0.13)
        pieces.append(Piece(f"cuff_{n}", band, angle, "trim" if spec.rib else "sleeve", limb, outline=False))
    return Limb(polygon, np.stack([place[n, "shoulder"], place[n, "armpit"]]), opening[[0, -1]], outer, inner,
                seam[::-1][1:-1])


def _seam(shoulder: np.ndarray, armpit: np.ndarray, side: str) -> np.ndarray:
    """Armhole seam from shoulder to armpit, hollow towards the body."""
    t = np.linspace(0, 1, 7)[:, None]
    line = shoulder + (armpit - shoulder) * t
    line[:, 0] -= (0.07 if side == "r" else -0.07) * np.sin(np.pi * t[:, 0])
    return line
