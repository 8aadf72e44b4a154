"""From a pattern to pieces of cloth: the engine's structure of a drawn garment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ragdiffusion.garments.engine2d.catalogue import Spec
from ragdiffusion.garments.engine2d.collars import collar_pieces, pocket_pieces
from ragdiffusion.garments.engine2d.structure import Limb, Piece, Structure, canonical
from ragdiffusion.garments.patterns.attributes import attributes_of
from ragdiffusion.garments.patterns.catalogue import KINDS
from ragdiffusion.garments.patterns.construction import both, low_chain, one_shoulder_neckline, side_edges
from ragdiffusion.garments.patterns.curves import BezierPath, backwards, joined, mirrored
from ragdiffusion.garments.patterns.kind import Kind
from ragdiffusion.garments.patterns.library import is_lopsided
from ragdiffusion.garments.patterns.merging import crossings
from ragdiffusion.garments.patterns.pattern import Pattern
from ragdiffusion.garments.patterns.upper import Edges

_FLIP = np.array([-1.0, 1.0])
_TOLERANCE = 0.05  # cm
_RUFFLED, _BASEBALL = 0.06, 0.35  # shares of round dress necks, and of stand-up collars of sporty jackets
_LEAST_RISE = 0.31  # from which on a hood is drawn into the outline that there is
_HIP = 0.15  # of a side's length, from the waist down
_SPORTY = ("Jacket", "Sports Jacket")


def cut(pattern: Pattern, rng: np.random.Generator, spec: Spec) -> Structure:
    """Cut a pattern into the pieces that the engine sews and paints.

    Args:
        pattern: what to cut.
        rng: decides what a pattern leaves open: bindings, pockets, who wears it.
        spec: what the category is made of.
    """
    return _Cutter(pattern, rng, spec).structure()


class _Cutter:
    """One garment on the table; lengths are in units of half the chest, or half the waist where it begins there."""

    def __init__(self, pattern: Pattern, rng: np.random.Generator, spec: Spec) -> None:
        self.pattern, self.rng = pattern, rng
        self.kind: Kind = KINDS[pattern.kind]
        self.measures = {key: np.asarray(value) for key, value in pattern.measures.items()}
        self.spec = spec
        wide = pattern.measures.get("chest", pattern.measures.get("waist", pattern.measures.get("shoulder_width")))
        self.unit = float(wide) / 2
        self.right = side_edges(self.kind, self.measures, 1)
        self.left = side_edges(self.kind, self.measures, -1) if is_lopsided(self.kind, self.measures) else self.right
        self.facts = attributes_of(pattern)

    def structure(self) -> Structure:
        pieces = [Piece("body", self._body())]
        limbs: dict[str, Limb] = {}
        draped = False
        if "sleeve_outer" in self.right:
            limbs = {name: self._sleeve(name, pieces) for name in ("right", "left")}
            arm = joined(*(self.right[n] for n in ("sleeve_outer", "cuff", "sleeve_inner") if n in self.right))
            draped = len(crossings(arm, low_chain(self.right))) > 0
        elif self.kind.lower == "legs" and self.kind.upper == "waist":
            limbs = {name: self._leg(name, pieces) for name in ("right", "left")}
        opening = np.zeros((0, 2))
        if self.kind.upper == "waist":
            pieces += self._waist()
        else:
            opening = self._top(pieces)
        return canonical(self._facts(draped), pieces, limbs, self._marks(), opening)

    def _line(self, segments: np.ndarray) -> np.ndarray:
        return BezierPath(segments).polygon(_TOLERANCE) / self.unit

    def _body(self) -> np.ndarray:
        """The body with its collar, without sleeves."""
        if self.kind.upper == "one_shoulder":
            top = one_shoulder_neckline(self.measures, self.kind)
        else:
            top = both(self.right["collar"] if "collar" in self.right else self.right["neckline_back"])
        rounds = []
        for edges in (self.right, self.left):
            names = ("shoulder_bare" if "collar" in edges else "shoulder", "armhole")
            rounds.append(joined(*(edges[n] for n in names if n in edges), low_chain(edges)))
        return self._line(np.concatenate([top, rounds[0], backwards(mirrored(rounds[1]))]))

    def _sleeve(self, limb: str, pieces: list[Piece]) -> Limb:
        """Add a sleeve and its cuff to the pieces; returns it as a puppet's part."""
        edges, n = (self.right, "r") if limb == "right" else (self.left, "l")
        flip = np.ones(2) if n == "r" else _FLIP
        outer = self._line(edges["sleeve_outer"]) * flip
        inner = (
            self._line(backwards(edges["sleeve_inner"])) * flip
            if "sleeve_inner" in edges
            else self._line(edges["cuff"])[-1:] * flip
        )
        seam = self._line(edges["armhole"])[1:-1][::-1] * flip
        tip = np.stack([outer[-1], inner[-1]])
        root = np.stack([outer[0], inner[0]])
        axis = tip.mean(0) - root.mean(0)
        angle = float(np.arctan2(axis[1], axis[0])) - (0.0 if n == "r" else np.pi)
        polygon = self.pattern.parts[f"sleeve_{limb}"].polygon(_TOLERANCE) / self.unit
        pieces.append(Piece(f"sleeve_{n}", polygon, angle, "sleeve", limb))
        long = self.facts["sleeve_length"] == "Long"
        if self.spec.rib or self.spec.cuffs and long:
            band = self.pattern.lines[f"cuff_{limb}"].polygon(_TOLERANCE) / self.unit
            pieces.append(
                Piece(
                    f"cuff_{n}",
                    np.concatenate([tip, band[::-1]]),
                    angle,
                    "trim" if self.spec.rib else "sleeve",
                    limb,
                    outline=False,
                )
            )
        if "sleeve_inner" not in edges:
            inner = np.concatenate([inner, inner + 1e-3])
        return Limb(np.concatenate([outer, inner[::-1], seam]), root, tip, outer, inner, seam)

    def _leg(self, limb: str, pieces: list[Piece]) -> Limb:
        edges, n = (self.right, "r") if limb == "right" else (self.left, "l")
        flip = np.ones(2) if n == "r" else _FLIP
        inner = self._line(backwards(edges["inseam"])) * flip
        side = self._line(edges["side"]) * flip
        start = max(float(inner[0, 1]) - 0.15, float(side[0, 1]) + 0.2)
        outer = side[int(np.argmax(side[:, 1] >= start)) :]
        tip = np.stack([outer[-1], inner[-1]])
        axis = tip.mean(0) - (outer[0] + inner[0]) / 2
        up = -axis / np.hypot(*axis) * (0.1 if self.spec.rib else 0.06)
        pieces.append(
            Piece(
                f"cuff_{n}",
                np.concatenate([tip, (tip + up)[::-1]]),
                0.0,
                "trim" if self.spec.rib else "main",
                limb,
                outline=False,
            )
        )
        return Limb(
            np.concatenate([outer, inner[::-1]]), np.stack([outer[0], inner[0]]), tip, outer, inner, np.zeros((0, 2))
        )

    def _waist(self) -> list[Piece]:
        """Waistband, pockets and fly of what begins at the waist."""
        lines = {name: path.polygon(_TOLERANCE) / self.unit for name, path in self.pattern.lines.items()}
        found = []
        if "waistband" in lines:
            band = np.concatenate([lines["waist_edge"], lines["waistband"][::-1]])
            found.append(Piece("waistband", band, outline=False))
        for name in ("pocket_right", "pocket_left"):
            if name in lines:
                found.append(Piece("slit", _thick(lines[name]), outline=False, colour="inside"))
        for name in ("fly", "centre_front"):
            if name in lines:
                found.append(Piece("fly", _thick(lines[name], 0.012), 0.0, "inside", outline=False))
        return found

    def _top(self, pieces: list[Piece]) -> np.ndarray:
        """Add what is sewn to the body of a top; returns its neck hole."""
        rng, lines = self.rng, {k: v.polygon(_TOLERANCE) / self.unit for k, v in self.pattern.lines.items()}
        collar = self._collar_name()
        if "hem_band" in lines and self.spec.rib:
            bottom = np.concatenate([self._line(self.left["hem"]) * _FLIP, self._line(self.right["hem"])[::-1]])
            band = np.concatenate([bottom, lines["hem_band"][::-1]])
            pieces.append(Piece("hem_band", band, 0.0, "trim", outline=False))
        if self.kind.upper == "one_shoulder":
            return np.zeros((0, 2))
        front = lines["neckline_front"]
        back, bases, rise = self._neck(front)
        hooded = self.kind.collar == "hood"
        if not hooded and np.abs(front[:, 1].max() - back[:, 1].max()) > 1e-3:
            pieces.append(Piece("opening", np.concatenate([back, front[::-1]]), 0.0, "inside", outline=False))
        sewn = collar_pieces(
            rng, collar, front, back, bases, self.kind.front == "buttons", max(rise, _LEAST_RISE) if hooded else rise
        )
        pieces += [replace(piece, outline=False) for piece in sewn]  # the pattern's own outline has its collar
        bare = self.kind.collar == "none" and self.kind.front == "none"
        if bare and self.kind.upper in ("set_in", "cap", "armhole") and collar != "Ruffled" and rng.random() < 0.6:
            band = front + (front - front.mean(0)) * 0.02 + [0, rng.uniform(0.04, 0.08)]
            pieces.append(Piece("binding", np.concatenate([front, band[::-1]]), 0.0, "trim", outline=False))
        marks = self._marks()
        pieces += pocket_pieces(rng, self.kind.pockets, float(marks["armpit_r"][1]), float(marks["hem_r"][1]))
        return np.zeros((0, 2)) if hooded else np.concatenate([back, front[::-1]])

    def _neck(self, front: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray], float]:
        """Upper edge of neck or collar, where the collar meets the shoulders, and how high it stands."""
        if self.kind.collar == "none":
            edge = self.pattern.lines["neckline_back"].polygon(_TOLERANCE) / self.unit
            return edge, (front[-1], front[0]), 0.0
        rim = self._line(both(self.right["collar"][:1]))
        base = self.right["collar"][-1, -1] / self.unit
        return rim, (base, base * _FLIP), float(base[1] - rim[-1, 1])

    def _collar_name(self) -> str:
        collar = self.facts["collar"]
        if collar == "Stand-up" and self.facts["category"] in _SPORTY and self.rng.random() < _BASEBALL:
            collar = "Baseball"
        if collar == "Round" and self.kind.skirt and self.rng.random() < _RUFFLED:
            collar = "Ruffled"
        self.facts["collar"] = collar
        return collar

    def _marks(self) -> dict[str, np.ndarray]:
        """Landmarks that displays and details hold on to."""
        low = self._line(low_chain(self.right))
        centre, hem = np.array([0.0, float(low[-1, 1])]), self._hem_corner()
        marks: dict[str, np.ndarray] = {}
        if self.kind.upper == "waist":
            edge = np.array([0.0, float(self.measures["waist_dip"]) / self.unit])
            marks = {"front_neck": edge, "waist": edge}
            if self.kind.lower == "legs":
                marks["crotch"] = self.right["inseam"][-1, -1] / self.unit
            else:
                marks["hem_centre"] = centre
        else:
            neck = self.pattern.lines.get("neckline_front")
            drop = float(neck.segments[len(neck.segments) // 2, 0, 1]) / self.unit if neck is not None else 0.3
            top, bottom = float(low[0, 1]), float(low[:, 1].max())
            marks = {
                "front_neck": np.array([0.0, drop]),
                "hem_centre": np.array([0.0, bottom]) if self.kind.lower != "hem" else centre,
                "waist": np.array([0.0, top + 0.45 * (bottom - top)]),
            }
        for n, edges, flip in (("r", self.right, np.ones(2)), ("l", self.left, _FLIP)):
            marks |= {f"{name}_{n}": place * flip for name, place in self._side_marks(edges, hem).items()}
        return marks

    def _hem_corner(self) -> np.ndarray:
        for name in ("hem", "leg_hem", "leg_edge"):
            if name in self.right:
                return self.right[name][0, 0] / self.unit
        raise AssertionError("a pattern without a lower end")

    def _side_marks(self, edges: Edges, hem: np.ndarray) -> dict[str, np.ndarray]:
        start = low_chain(edges)[0, 0] / self.unit
        if self.kind.upper == "waist":
            found = {"waist": start, "hem": hem, "hip": _along(self._line(edges["side"]), _HIP)}
            if "leg_hem" in edges:
                found["hem"] = (edges["leg_hem"][0, 0] + edges["leg_hem"][0, -1]) / 2 / self.unit
            return found
        collar, shoulder = edges.get("collar"), edges.get("shoulder")
        neck = collar[-1, -1] if collar is not None else shoulder[0, 0] if shoulder is not None else start * self.unit
        tip = shoulder[-1, -1] if shoulder is not None else neck
        found = {"neck": neck / self.unit, "shoulder": tip / self.unit, "armpit": start, "hem": hem}
        if "cuff" in edges:
            found["cuff"] = (edges["cuff"][0, 0] + edges["cuff"][-1, -1]) / 2 / self.unit
        return found

    def _facts(self, draped: bool) -> dict:
        facts, rng, spec = self.facts, self.rng, self.spec
        kind = "dress" if self.kind.skirt or self.kind.lower == "legs" else "top"
        if self.kind.upper == "waist":
            kind = "skirt" if self.kind.lower == "hem" else "shorts" if self.kind.key == "shorts" else "pants"
        surface = spec.surface
        if kind == "skirt" and rng.random() < 0.3:
            surface = "Pleated"
        return dict(
            kind=kind,
            category=facts["category"],
            fit=facts["fit"],
            collar=facts["collar"],
            sleeve_length=facts["sleeve_length"],
            length=facts["length"],
            age="Child" if rng.random() < spec.child else "Adult",
            gender="Female" if rng.random() < spec.female else "Male",
            top_open="No",
            surface=surface,
            front=self.kind.front,
            pockets=self.kind.pockets,
            rib=spec.rib,
            draped=draped,
        )


def _along(line: np.ndarray, share: float) -> np.ndarray:
    """The point at a share of a line's length."""
    step = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    return np.array([np.interp(share * step[-1], step, line[:, i]) for i in (0, 1)])


def _thick(line: np.ndarray, width: float = 0.03) -> np.ndarray:
    """A strip along a line."""
    return np.concatenate([line, (line + [width, 0])[::-1]])
