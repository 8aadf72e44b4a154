"""Fitting patterns to silhouettes: a drawn library gives a start, Gauss-Newton steps with damping the measures.

A silhouette is given as shares of garment in every pixel of a small picture, in any place and of any size; found are
the measures of a kind, and scale and shift of the picture. Sizes in cm are not in a silhouette: those of a kind's
typical garment decide them, and a weak pull towards its measures all else that a silhouette does not show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ragdiffusion.garments.patterns.kind import Kind
from ragdiffusion.garments.patterns.library import as_measures, as_vectors, boxes, polygons
from ragdiffusion.garments.patterns.pattern import Pattern, kind_of, sample_many
from ragdiffusion.garments.patterns.raster import coverages
from ragdiffusion.garments.patterns.rules import broken

STEPS, LINES = 4, 4
"""Chords to a segment and scan lines to a pixel, of what is compared at some 28 pixels."""

HIDDEN = frozenset(
    {
        "neck_drop_front",
        "neck_shape",
        "hem_slant",
        "slit",
        "slit_opening",
        "slit_at",
        "cuff_band",
        "overlap",
        "placket",
        "collar_leaf",
        "tie_length",
        "tie_width",
        "waistband",
    }
)
"""Measures that a silhouette does not show, or that make it lopsided: they keep their defaults."""

PULL = 0.1
"""Weight of the squared distance from typical measures, in ranges, beside squared shares of pixels."""

PULL_TO_START = 3.0
"""The same from the measures of a start that is known to be alike."""

FINE_PULLS = {
    "hem_curve": 20.0,
    "waist_corner": 20.0,
    "cuff_slant": 10.0,
    "cuff": 3.0,
    "sleeve_puff": 3.0,
    "sleeve_bow": 3.0,
    "rib": 3.0,
    "collar_dip": 3.0,
    "armhole_hollow": 1.0,
}
"""The same for what small silhouettes hardly show: blurred corners would else be taken for puffs and slants, a soft
last row of pixels for a curved hem, the end of a short sleeve for a spike. The overlap with 360 silhouettes stays the
same, or rises."""

ROUNDS = 7
_LONG_SLEEVE = 60  # cm, from which on a kind is one with long sleeves
_SHARES_OF_GROWTH = (0.25, 0.5, 0.75, 1.0)  # by which a fit is brought nearer to its kind's usual size; the last wins
_NUDGE = 0.02  # of a measure's range, to see what it does
_NUDGES_OF_PLACE = (0.01, 0.1, 0.1)  # log scale, pixels
_DAMPING = (0.3, 6.0, 0.35)  # at first, its factor after a step that failed, and after one that helped
_LIBRARY_BATCH = 2048
_LEAST_NOISE = 1e-4  # squared share of a pixel by which a silhouette is taken to be off at least


@dataclass(frozen=True)
class Library:
    """Drawn patterns of one kind to start from.

    Attributes:
        kind: how they are built.
        vectors: (N, M) measures in the kind's order.
        coverage: float32 (N, S * S), each filling its frame.
        place: (N, 3) log of pixels per cm, x and y of the origin in pixels.
    """

    kind: Kind
    vectors: np.ndarray
    coverage: np.ndarray
    place: np.ndarray


@dataclass(frozen=True)
class Fits:
    """Patterns of one kind that were fitted.

    Attributes:
        vectors: (B, M) measures in the kind's order.
        place: (B, 3) as in `Library`.
        overlap: (B,) intersection over union with the silhouettes, of shares of pixels.
    """

    vectors: np.ndarray
    place: np.ndarray
    overlap: np.ndarray


def soft_overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Intersection over union of shares (..., P)."""
    return np.minimum(one, other).sum(-1) / np.maximum(np.maximum(one, other).sum(-1), 1e-6)


def fit_from(starts: Sequence[Pattern], targets: np.ndarray, *, blur: float = 0.0, alike: bool = False) -> Fits:
    """Fit patterns of one kind as `fit` does, from where they lie in the canonical frame.

    Args:
        starts: N patterns.
        targets: (N, S, S), shares of pixels in [0, 1].
        blur: as in `fit`.
        alike: as in `fit`.
    """
    kind = kind_of(starts[0].kind)
    vectors = np.array([[start.measures[key] for key in kind.measures] for start in starts])
    frames = [start.frame(targets.shape[-1]) for start in starts]
    place = np.array([[np.log(scale), *origin] for scale, origin in frames])
    return fit(kind, targets, vectors, place, blur=blur, alike=alike)


def draw_library(kind: Kind, count: int, size: int, rng: np.random.Generator) -> Library:
    """Draw patterns of a kind within its ranges, each as large as its frame."""
    vectors = np.concatenate([_drawn(kind, rng) for _ in range(1 + count // 500)])[:count]
    coverage, place = filling_frame(kind, vectors, size)
    return Library(kind, vectors, coverage, place)


def filling_frame(kind: Kind, vectors: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Silhouettes of measures (N, M), each as large as a frame of `size` pixels: coverage and place as in `Library`."""
    coverage, places = [], []
    for start in range(0, len(vectors), _LIBRARY_BATCH):
        some = vectors[start : start + _LIBRARY_BATCH]
        low, high = boxes(polygons(kind, as_measures(kind, some), STEPS))
        scale = size / (high - low).max(1)
        origin = size / 2 - scale[:, None] * (low + high) / 2
        place = np.concatenate([np.log(scale)[:, None], origin], axis=1)
        places.append(place)
        coverage.append(coverage_of(kind, some, place, size))
    return np.concatenate(coverage), np.concatenate(places)


def _drawn(kind: Kind, rng: np.random.Generator) -> np.ndarray:
    """About 500 vectors that do not contradict themselves, symmetric."""
    found: list[np.ndarray] = []
    while sum(len(part) for part in found) < 500:
        drawn = sample_many(kind.key, rng, 1000)
        for key in HIDDEN & set(drawn):
            drawn[key] = np.full(1000, kind.measures[key].default)
        _hang(kind, drawn, rng)
        _follow(kind, drawn)
        keep = ~broken(kind, drawn)
        found.append(np.stack([drawn[key][keep] for key in kind.measures], axis=1))
    return np.concatenate(found)[:500]


def _hang(kind: Kind, m: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    """Let long sleeves of every second pattern hang down beside the body, as most catalogues lay them, in place."""
    if kind.upper != "set_in" or kind.lower != "hem" or kind.measures["sleeve_length"].high < _LONG_SLEEVE:
        return
    count = len(m["chest"])
    hangs = (rng.random(count) < 0.5) & (m["sleeve_length"] > 0.6 * _LONG_SLEEVE)
    chest = m["shoulder_width"] * rng.uniform(0.7, 1.05, count)
    hung = {
        "sleeve_angle": rng.uniform(2, 16, count),
        "chest": chest,
        "waist": chest * rng.uniform(0.85, 1.15, count),
        "hem": chest * rng.uniform(0.85, 1.3, count),
        "biceps": rng.uniform(8, 19, count),
        "cuff": rng.uniform(6, 12, count),
        "sleeve_puff": rng.uniform(-1, 2, count),
    }
    for key, values in hung.items():
        spec = kind.measures[key]
        m[key] = np.where(hangs, np.clip(values, spec.low, spec.high), m[key])


def _follow(kind: Kind, m: dict[str, np.ndarray]) -> None:
    """Let hidden measures follow those they must agree with, in place."""
    if "neck_drop_back" in m:
        spec = kind.measures["neck_drop_front"]
        m["neck_drop_front"] = np.clip(np.maximum(spec.default, m["neck_drop_back"]), spec.low, spec.high)


def coverage_of(kind: Kind, vectors: np.ndarray, place: np.ndarray, size: int) -> np.ndarray:
    """Silhouettes (B, S * S) of measures at a place."""
    shapes = polygons(kind, as_measures(kind, vectors), STEPS)
    scale = np.exp(place[:, 0])[:, None, None]
    pixels = [shape * scale + place[:, None, 1:] for shape in shapes]
    return coverages(pixels, size, LINES).reshape(len(vectors), -1)


def fit(
    kind: Kind,
    targets: np.ndarray,
    vectors: np.ndarray,
    place: np.ndarray,
    *,
    blur: float = 0.0,
    alike: bool = False,
) -> Fits:
    """Improve measures until their silhouettes look like the targets.

    Args:
        kind: how all of them are built.
        targets: float32 (B, S, S) in [0, 1].
        vectors: (B, M) measures to start from, which must not contradict themselves.
        place: (B, 3) where to start, as in `Library`.
        blur: by how much the targets are softer than shares of pixels, a deviation in pixels; the overlap is of sharp
            silhouettes.
        alike: whether the starts are such garments already: what the targets leave open stays as it is there, and no
            pull towards the kind's typical measures.
    """
    problem = _Problem(kind, targets, blur, vectors if alike else None)
    z = problem.encode(vectors, place)
    residual = problem.residuals(z)
    loss = problem.loss(residual, z)
    damping = np.full(len(z), _DAMPING[0])
    for _ in range(ROUNDS):
        jacobian = problem.jacobian(z, residual)
        moved = problem.bounded(z + problem.step(jacobian, residual, z, damping))
        tried = problem.residuals(moved)
        new = np.where(problem.broken(moved), np.inf, problem.loss(tried, moved))
        better = new < loss
        z = np.where(better[:, None], moved, z)
        residual = np.where(better[:, None], tried, residual)
        loss = np.where(better, new, loss)
        damping = damping * np.where(better, _DAMPING[2], _DAMPING[1])
    vectors, place = problem.of_usual_size(*problem.decode(z))
    return Fits(vectors, place, soft_overlap(coverage_of(kind, vectors, place, problem.size), problem.targets))


def fit_deviations(kind: Kind, targets: np.ndarray, fits: Fits) -> list[dict[str, float]]:
    """How far measures may be off: what the targets leave open where a fit stands, one standard deviation each.

    Args:
        kind: how all of them are built.
        targets: float32 (B, S, S) in [0, 1], those that were fitted.
        fits: to them.

    Returns:
        By measure, in its unit, at most half its range; a measure that no silhouette shows is left out.
    """
    problem = _Problem(kind, targets)
    z = problem.encode(fits.vectors, fits.place)
    residual = problem.residuals(z)
    jacobian = problem.jacobian(z, residual)
    count = len(problem.shown)
    normal = np.einsum("bip,bjp->bij", jacobian, jacobian, optimize=True)
    normal[:, range(count), range(count)] += problem.pulls
    noise = np.maximum((residual**2).mean(1), _LEAST_NOISE)
    spread = np.sqrt(np.einsum("bii->bi", np.linalg.inv(normal))[:, :count] * noise[:, None])
    keys = [list(kind.measures)[i] for i in problem.shown]
    widths = problem.range[problem.shown]
    return [dict(zip(keys, (np.minimum(row, 0.5) * widths).tolist(), strict=True)) for row in spread]


def _blurring(size: int, deviation: float) -> np.ndarray:
    """The matrix (size, size) that blurs a column of pixels; beyond its ends there is ground."""
    places = np.arange(size)
    weights = np.exp(-(((places[:, None] - places) / deviation) ** 2) / 2)
    reach = np.exp(-((np.arange(-size, size + 1) / deviation) ** 2) / 2).sum()
    return (weights / reach).astype(np.float32)


def _growth_to_usual(kind: Kind, m: dict[str, np.ndarray]) -> np.ndarray:
    """By what power of e garments (B,) would have to grow to be as large as their kind's typical one."""
    wanted = np.zeros(len(next(iter(m.values()))))
    lead = next(key for key in ("shoulder_width", "chest", "waist") if key in m)
    weights = {lead: 0.75, "body_length": 0.25} if "body_length" in m and not kind.skirt else {lead: 1.0}
    for key, weight in weights.items():
        wanted += weight * np.log(kind.measures[key].default / m[key])
    return wanted


class _Problem:
    """One kind's least squares: unknowns are the shown measures in shares of their ranges, then the place."""

    def __init__(self, kind: Kind, targets: np.ndarray, blur: float = 0.0, alike: np.ndarray | None = None) -> None:
        specs = list(kind.measures.values())
        self.kind, self.size = kind, targets.shape[-1]
        self.targets = targets.reshape(len(targets), -1)
        self.blurring = _blurring(self.size, blur) if blur else None
        self.shown = np.array([i for i, spec in enumerate(specs) if spec.key not in HIDDEN and spec.high > spec.low])
        self.low = np.array([spec.low for spec in specs])
        self.range = np.array([max(spec.high - spec.low, 1e-9) for spec in specs])
        self.default = np.array([spec.default for spec in specs])
        usual = self.default[None] if alike is None else alike
        self.middle = (usual - self.low)[:, self.shown] / self.range[self.shown]
        pull = PULL if alike is None else PULL_TO_START
        self.pulls = np.array([max(FINE_PULLS.get(specs[i].key, pull), pull) for i in self.shown])
        self.nudges = np.concatenate([np.full(len(self.shown), _NUDGE), _NUDGES_OF_PLACE])

    def encode(self, vectors: np.ndarray, place: np.ndarray) -> np.ndarray:
        return np.concatenate([((vectors - self.low) / self.range)[:, self.shown], place], axis=1)

    def decode(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        vectors = np.repeat(self.default[None], len(z), axis=0)
        count = len(self.shown)
        vectors[:, self.shown] = self.low[self.shown] + z[:, :count] * self.range[self.shown]
        return self._followed(vectors), z[:, count:]

    def _followed(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (B, M) whose hidden measures follow those they must agree with."""
        m = as_measures(self.kind, vectors)
        _follow(self.kind, m)
        return as_vectors(self.kind, m)

    def of_usual_size(self, vectors: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same silhouettes, of garments about as large as the kind's typical one; as far as ranges and rules let.

        Args:
            vectors: (B, M). place: (B, 3).
        """
        specs = list(self.kind.measures.values())
        centimetres = np.array([i for i in self.shown if specs[i].unit == "cm"])
        found, growth = vectors.copy(), np.zeros(len(vectors))
        wanted = _growth_to_usual(self.kind, as_measures(self.kind, vectors))
        for share in _SHARES_OF_GROWTH:
            grown = vectors.copy()
            grown[:, centimetres] *= np.exp(share * wanted)[:, None]
            inside = (grown >= self.low - 1e-9) & (grown <= self.low + self.range + 1e-9)
            grown = self._followed(grown)
            fine = inside[:, self.shown].all(1) & ~broken(self.kind, as_measures(self.kind, grown))
            found = np.where(fine[:, None], grown, found)
            growth = np.where(fine, share * wanted, growth)
        return found, place - growth[:, None] * np.array([1.0, 0.0, 0.0])

    def residuals(self, z: np.ndarray) -> np.ndarray:
        """Drawn minus wanted shares (B, P); rows of `z` may be several times the targets."""
        vectors, place = self.decode(z)
        drawn = coverage_of(self.kind, vectors, place, self.size)
        if self.blurring is not None:
            pictures = drawn.reshape(-1, self.size, self.size)
            drawn = (self.blurring @ pictures @ self.blurring.T).reshape(drawn.shape)
        return drawn - np.tile(self.targets, (len(z) // len(self.targets), 1))

    def loss(self, residual: np.ndarray, z: np.ndarray) -> np.ndarray:
        return (residual**2).sum(1) + ((z[:, : len(self.shown)] - self.middle) ** 2 @ self.pulls)

    def broken(self, z: np.ndarray) -> np.ndarray:
        return np.broadcast_to(broken(self.kind, as_measures(self.kind, self.decode(z)[0])), len(z))

    def bounded(self, z: np.ndarray) -> np.ndarray:
        z = z.copy()
        z[:, : len(self.shown)] = np.clip(z[:, : len(self.shown)], 0, 1)
        return z

    def jacobian(self, z: np.ndarray, residual: np.ndarray) -> np.ndarray:
        """(B, Z, P), one-sided, away from the nearer end of a range."""
        count = len(self.nudges)
        step = np.where(z < 0.5, self.nudges, -self.nudges)
        step[:, len(self.shown) :] = self.nudges[len(self.shown) :]
        nudged = z[None] + np.eye(count)[:, None] * step[None]  # (Z, B, Z)
        changed = self.residuals(nudged.reshape(-1, count)).reshape(count, len(z), -1)
        return ((changed - residual) / step.T[..., None]).transpose(1, 0, 2)

    def step(self, jacobian: np.ndarray, residual: np.ndarray, z: np.ndarray, damping: np.ndarray) -> np.ndarray:
        count, shown = jacobian.shape[1], len(self.shown)
        normal = np.einsum("bip,bjp->bij", jacobian, jacobian, optimize=True)
        gradient = np.einsum("bip,bp->bi", jacobian, residual, optimize=True)
        pull = np.concatenate([self.pulls, np.zeros(count - shown)])
        gradient[:, :shown] += self.pulls * (z[:, :shown] - self.middle)
        diagonal = np.einsum("bii->bi", normal)
        diagonal += pull + damping[:, None] * (diagonal + 0.05)
        return -np.linalg.solve(normal, gradient[..., None])[..., 0]
