"""Patterns: a kind of garment and its measures become an outline, inner lines and panels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ragdiffusion.garments.patterns.catalogue import KINDS
from ragdiffusion.garments.patterns.construction import both, outline, panels, side_edges
from ragdiffusion.garments.patterns.curves import FINE, BezierPath
from ragdiffusion.garments.patterns.kind import Kind
from ragdiffusion.garments.patterns.library import is_lopsided
from ragdiffusion.garments.patterns.measures import Measure, MeasureError
from ragdiffusion.garments.patterns.merging import crosses_itself
from ragdiffusion.garments.patterns.panels import Panel
from ragdiffusion.garments.patterns.raster import coverage
from ragdiffusion.garments.patterns.rules import broken, check
from ragdiffusion.garments.patterns.seams import seams
from ragdiffusion.garments.patterns.upper import neckline
from ragdiffusion.images import CANONICAL_MARGIN

_CHECKED = 0.05  # cm: how finely an outline is looked at for crossings
_TRIES = 400
_RARE = (("hem_slant",), ("slit", "slit_opening"), ("tie_length",), ("waist_corner",))
_WIDTHS: dict[str, tuple[tuple[str, ...], float]] = {
    "shoulder_width": (("chest",), 0.06),
    "waist": (("chest",), 0.06),
    "hip": (("chest", "waist"), 0.06),
    "thigh": (("hip",), 0.04),
    "knee": (("thigh",), 0.07),
    "leg_hem": (("knee",), 0.12),
    "hem": (("hip", "waist"), 0.12),
    "biceps": (("chest",), 0.07),
}
"""Width -> the widths that it goes with (the first that a kind has), and the spread about that, in logarithms."""

_TOGETHER = 0.85  # power of the other width by which one goes with it
_PLAIN = 0.93  # share of drawn garments that keep the default of each of these


@dataclass(frozen=True)
class Pattern:
    """A garment drawn flat with its front up, by its measures.

    The frame: cm, x to the viewer's right and y down. The origin lies on the mirror axis, at the height of the neck
    points (tops, dresses, one-pieces; of the straps' tops, or of the upper edge, where it hangs by straps or by
    nothing), or of the ends of the waist's edge (skirts, trousers). Collars and hoods stand above it, at negative y.
    Left and right are the viewer's throughout: "sleeve_left" is on the left of the picture.

    A pattern has one part and no hole: what a sleeve encloses with the body, where it lies against it again, is counted
    as sleeve, as in a picture whose ground does not show there. It is its own mirror image unless it is one-shouldered
    or a measure (slant of the hem, opened slit, tie) makes one side differ.

    Attributes:
        kind: key of its kind.
        measures: all of the kind's measures, completed by their defaults.
        outline: closed, clockwise; its corners are where segments meet at an angle.
        lines: named inner lines, such as "neckline_front", "armhole_left", "shoulder_right", "waistband", "fly",
            "pocket_left": seams and edges that lie within the outline or on it.
        parts: panels by name: of "body", "skirt", "leg_left", "leg_right", "sleeve_left", "sleeve_right", and above the
            front neckline "collar", "hood" or "back" (the inside of the back that shows in a picture of the garment
            laid flat); "tie" hangs at the right of the waist. Together they fill the outline; sleeves may lie over the
            body.
    """

    kind: str
    measures: dict[str, float]
    outline: BezierPath
    lines: dict[str, BezierPath]
    parts: dict[str, Panel] = field(repr=False)

    def polygon(self, tolerance: float = FINE) -> np.ndarray:
        """The outline as points (N, 2) in cm, true to `tolerance` cm."""
        return self.outline.polygon(tolerance)

    @cached_property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the outline, in cm."""
        points = self.polygon()
        return (*points.min(0).tolist(), *points.max(0).tolist())

    def frame(self, size: float, margin: float = CANONICAL_MARGIN) -> tuple[float, np.ndarray]:
        """The canonical frame: its box in the middle of a square, which is `margin` times the box's longer side.

        Returns:
            Pixels per cm, and the pixel coordinates (x, y) of the origin (edges count: pixel i covers [i, i + 1]).
        """
        left, top, right, bottom = self.box
        scale = size / (margin * max(right - left, bottom - top))
        return scale, size / 2 - scale * np.array([left + right, top + bottom]) / 2

    def rasterise(self, size: int, margin: float = CANONICAL_MARGIN) -> np.ndarray:
        """The silhouette in the canonical frame.

        Args:
            size: side in pixels.
            margin: side of the square over the longer side of the box.

        Returns:
            uint8 [size, size]: 255 times the share of each pixel that is garment.

        Raises:
            ValueError: a size under 1 or a margin under 1.
        """
        if size < 1 or margin < 1:
            raise ValueError(f"size {size} and margin {margin}: 1 or more was wanted of both")
        scale, _ = self.frame(size, margin)
        return self.covered(self.polygon(min(FINE, 0.1 / scale)), size, margin)

    def covered(self, points: np.ndarray, size: int, margin: float = CANONICAL_MARGIN) -> np.ndarray:
        """A polygon (N, 2) in cm, clockwise, as `rasterise` draws the outline."""
        scale, origin = self.frame(size, margin)
        return coverage([points * scale + origin], size)

    def above_neckline(self, drop: float, shape: float) -> np.ndarray:
        """Polygon of what would show of the back's inside if the front's neckline were another one.

        Args:
            drop: depth of the front's neckline below its ends, cm.
            shape: of it, as the measure "neck_shape".

        Returns:
            (N, 2) in cm, clockwise.

        Raises:
            KeyError: if the kind has no neckline at the back.
        """
        back = self.lines["neckline_back"].polygon()
        front = BezierPath(both(neckline(np.asarray(drop), back[-1], shape))).polygon()
        return np.concatenate([back[:-1], front[:0:-1]])

    def svg(self, *, lines: bool = True) -> str:
        """The pattern as an SVG document in centimetres.

        Args:
            lines: whether the inner lines are drawn too, each a path under its name.
        """
        left, top, right, bottom = self.box
        width, height = right - left + 2, bottom - top + 2
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.2f}cm" height="{height:.2f}cm" '
            f'viewBox="{left - 1:.2f} {top - 1:.2f} {width:.2f} {height:.2f}" fill="none" stroke="black" '
            'stroke-width="0.25" stroke-linejoin="round">'
        )
        paths = [f'<path id="outline" d="{self.outline.svg()}"/>']
        if lines:
            paths += [f'<path id="{name}" stroke-width="0.12" d="{path.svg()}"/>' for name, path in self.lines.items()]
        return "\n".join([head, f"<title>{self.kind}</title>", *paths, "</svg>"])


def kinds() -> tuple[str, ...]:
    """The keys of all kinds that can be drawn."""
    return tuple(KINDS)


def kind_of(key: str) -> Kind:
    """A kind by its key.

    Raises:
        MeasureError: there is none of that name.
    """
    if key not in KINDS:
        raise MeasureError(f"there is no kind {key!r}: choose from {', '.join(KINDS)}")
    return KINDS[key]


def specs(kind: str) -> tuple[Measure, ...]:
    """The measures of a kind, in the order in which a form should show them.

    Raises:
        MeasureError: unknown kind.
    """
    return tuple(kind_of(kind).measures.values())


def defaults(kind: str) -> dict[str, float]:
    """The measures of a typical garment of a kind.

    Raises:
        MeasureError: unknown kind.
    """
    return {spec.key: spec.default for spec in specs(kind)}


def draft(kind: str, measures: Mapping[str, float] | None = None) -> Pattern:
    """Draw a pattern.

    Args:
        kind: one of `kinds()`.
        measures: by key, in the unit that `specs` says; what is missing takes its default.

    Raises:
        MeasureError: unknown kind or measure, one out of range, or measures that contradict each other; the message
            names the measure.
    """
    spec = kind_of(kind)
    complete = check(spec, measures or {})
    m = {key: np.asarray(value) for key, value in complete.items()}
    right = side_edges(spec, m, 1)
    left = side_edges(spec, m, -1) if is_lopsided(spec, m) else right
    path = BezierPath(outline(spec, m, right, left), closed=True)
    _check_simple(spec, path)
    return Pattern(kind, complete, path, seams(spec, m, right, left), panels(spec, m, right, left))


def sample(kind: str, rng: np.random.Generator) -> dict[str, float]:
    """Measures drawn within their ranges, denser towards the defaults, that do not contradict each other.

    Raises:
        MeasureError: unknown kind.
    """
    spec = kind_of(kind)
    for _ in range(_TRIES):
        drawn = sample_many(kind, rng, 64)
        _proportion(spec, drawn, rng)
        good = np.flatnonzero(~broken(spec, drawn))
        for i in good:
            found = {key: float(values[i]) for key, values in drawn.items()}
            if is_drawable(kind, found):
                return found
    raise AssertionError(f"the ranges of {kind} leave no garment")


def _proportion(kind: Kind, m: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    """Let widths go with each other as they do in typical garments of a kind, in place."""
    for key, (other, spread) in _WIDTHS.items():
        lead = next((name for name in other if name in m), None)
        if key not in m or lead is None:
            continue
        spec, of = kind.measures[key], kind.measures[lead]
        typical = spec.default * (m[lead] / of.default) ** _TOGETHER
        m[key] = np.clip(typical * np.exp(spread * rng.standard_normal(len(typical))), spec.low, spec.high)


def is_drawable(kind: str, measures: Mapping[str, float]) -> bool:
    """Whether measures can be drawn as they are."""
    try:
        draft(kind, measures)
    except MeasureError:
        return False
    return True


def sample_many(kind: str, rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
    """`count` draws of every measure on its own; some may contradict each other (see `rules.broken`)."""
    drawn = {}
    for spec in specs(kind):
        if spec.high <= spec.low:
            drawn[spec.key] = np.full(count, spec.low)
            continue
        values = rng.triangular(spec.low, spec.default, spec.high, count)
        drawn[spec.key] = np.clip(
            spec.default + (values - spec.default) * rng.uniform(0.3, 1, count), spec.low, spec.high
        )
    for keys in _RARE:
        plain = rng.random(count) < _PLAIN
        for key in keys:
            if key in drawn:
                drawn[key] = np.where(plain, kind_of(kind).measures[key].default, drawn[key])
    return drawn


def _check_simple(kind: Kind, path: BezierPath) -> None:
    crossing = crosses_itself(path.polygon(_CHECKED))
    if crossing is None:
        return
    here = path.polygon(_CHECKED)[crossing[0]]
    raise MeasureError(
        f"{_suspect(kind)}: the outline of this {kind.key} crosses itself at ({here[0]:.0f}, {here[1]:.0f}) cm; "
        "bring its measures nearer to their defaults"
    )


def _suspect(kind: Kind) -> str:
    """The measure that a crossing most likely comes from, by what the kind is built of."""
    return next(
        key for key in ("sleeve_angle", "armhole_depth", "leg_gap", "hip", "chest", "hem") if key in kind.measures
    )
