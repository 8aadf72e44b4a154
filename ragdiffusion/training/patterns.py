"""Fit patterns to catalogue silhouettes and gather what fits: the population that patterns are drawn from.

The fits of a chunk are written as one file, so that an interrupted run goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ragdiffusion.evaluation.realism import real_silhouettes
from ragdiffusion.garments.datasets.catalogue28 import HELD_OUT, SIDE, CatalogueSilhouette, shrunk
from ragdiffusion.garments.patterns.catalogue import KINDS
from ragdiffusion.garments.patterns.fitting import Library, draw_library, fit, fit_from
from ragdiffusion.garments.patterns.measures import MeasureError
from ragdiffusion.garments.patterns.near import draft_near
from ragdiffusion.garments.patterns.pattern import draft
from ragdiffusion.garments.patterns.population import Population
from ragdiffusion.garments.patterns.tidiness import is_tidy, sleeve_relief

TRIED: Mapping[str, tuple[str, ...]] = {
    "t-shirt": (
        "t_shirt",
        "longsleeve",
        "cap_sleeve_top",
        "tank",
        "camisole",
        "bandeau",
        "off_shoulder_top",
        "polo",
        "bodysuit",
        "swimsuit",
    ),
    "trousers": ("trousers",),
    "pullover": ("sweater", "longsleeve", "turtleneck", "hoodie", "blouse"),
    "dress": (
        "dress",
        "cap_sleeve_dress",
        "sleeveless_dress",
        "strap_dress",
        "bandeau_dress",
        "off_shoulder_dress",
        "shirt_dress",
        "wrap_dress",
    ),
    "coat": (
        "jacket",
        "windbreaker",
        "zip_hoodie",
        "knitted_coat",
        "leather_long_coat",
        "denim_jacket",
        "knitted_cardigan",
        "hooded_down_jacket",
    ),
    "shirt": ("shirt", "blouse", "t_shirt", "tank", "cap_sleeve_top", "camisole", "polo", "longsleeve", "turtleneck"),
}
"""Category of the catalogue -> kinds that are tried for its silhouettes."""

TRIED_AT_HOME: Mapping[str, tuple[str, ...]] = {
    "t-shirt": TRIED["t-shirt"],
    "longsleeve": TRIED["pullover"],
    "shirt": TRIED["shirt"],
    "outwear": TRIED["coat"],
    "dress": TRIED["dress"],
    "pants": ("trousers",),
    "shorts": ("shorts",),
    "skirt": ("skirt",),
}
"""Category of real cut-outs -> kinds that are tried for them: they show what the catalogue lacks."""

DRAWN = 3000
"""Patterns of each kind to start from."""

GOOD = 0.955
"""Overlap from which on a second kind is not tried."""

HANDICAPS: Mapping[str, float] = {"cap_sleeve_top": 0.03, "cap_sleeve_dress": 0.03, "bodysuit": 0.01, "swimsuit": 0.01}
"""By how much nearer a kind has to come than another: at 28 px a cap is as like a short sleeve, whose corners tell the
two apart, as a sleeve is; and a catalogue shows few of these kinds."""

KEPT = 0.93
"""Overlap from which on a fit joins the population."""

UNRELIEVED, RARELY = 0.06, 4
"""Long sleeves that show less than this beside the body make a shapeless silhouette: one in so many is kept."""

CAP = 1.25
"""Times its waist that a garment with caps or no sleeves may be wide at the chest; a wider one has sleeves that were
not seen."""

SHOULDERS = 1.1
"""Times its chest that a garment without sleeves may be wide at the shoulders; what juts out further is a sleeve."""

ARMHOLE = 0.95
"""Times its chest that shoulders without sleeves are wide at most: at 28 px armholes that are cut in by less than half
a pixel can't be told from none, which nobody cuts."""

BROAD, BROAD_DRESS, SCOOP = 0.62, 0.45, 0.08
"""Shares of its length: a top or a dress without sleeves that is broader at the chest is a body with its sleeves held
close, unless its neckline is scooped as deep as only tops of straps are."""

FOR_A_COLLAR = 0.015
"""By how much nearer a garment of the T-shirts' category has to come as a polo shirt than as a T-shirt: a ribbed
neckline, filled by the back of the garment, is as like a collar at 28 px as a collar is."""

CHUNK = 120
_LONG_SLEEVE = 45.0  # cm


@dataclass(frozen=True)
class Fitted:
    """The best pattern found for one silhouette.

    Attributes:
        kind: key of its kind. measures: by key.
        overlap: intersection over union, of shares of 28 x 28 pixels.
        category, number: of the silhouette.
    """

    kind: str
    measures: dict[str, float]
    overlap: float
    category: str
    number: int


def cut_out_silhouettes(folder: Path) -> list[CatalogueSilhouette]:
    """The upright silhouettes of real garments that lie straight, as small as the catalogue's; none is held out.

    Args:
        folder: `.../train` of real garments, with `train.csv` beside it.

    Raises:
        ValueError: the list or a mask is missing.
    """
    found = []
    for number, (category, mask) in enumerate(real_silhouettes(folder)):
        found.append(CatalogueSilhouette(category, HELD_OUT * number + 1, shrunk(mask)))
    return found


def fit_silhouettes(
    silhouettes: Sequence[CatalogueSilhouette],
    out: Path,
    *,
    tried: Mapping[str, tuple[str, ...]] = TRIED,
    blur: float = 0.0,
    seed: int = 0,
) -> list[Fitted]:
    """Fit the kinds of each silhouette's category and keep the best.

    Args:
        silhouettes: in the order in which they are taken.
        out: folder of one file a chunk; chunks that are there are not fitted again.
        tried: category -> kinds.
        blur: of the silhouettes, as in `fitting.fit`.
        seed: of the libraries.
    """
    out.mkdir(parents=True, exist_ok=True)
    libraries: dict[str, Library] = {}
    found: list[Fitted] = []
    for kinds in tried.values():
        for kind in kinds:
            if kind not in libraries:
                libraries[kind] = draw_library(KINDS[kind], DRAWN, SIDE, np.random.default_rng(seed))
    chunks = [silhouettes[i : i + CHUNK] for i in range(0, len(silhouettes), CHUNK)]
    for number, chunk in enumerate(tqdm(chunks, unit="chunk")):
        path = out / f"{number:04d}.npz"
        if path.is_file():
            found += _read(path)
            continue
        fits = [
            one
            for category, kinds in tried.items()
            if (some := [s for s in chunk if s.category == category])
            for one in without_collars(some, _fit_some(some, [libraries[kind] for kind in kinds], blur), blur)
        ]
        _write(path, fits)
        found += fits
    return found


def _fit_some(silhouettes: Sequence[CatalogueSilhouette], libraries: Sequence[Library], blur: float) -> list[Fitted]:
    """Fit silhouettes of one category: the likeliest kind, and the next one where that is not good."""
    targets = np.stack([s.coverage for s in silhouettes])
    flat = targets.reshape(len(targets), -1)
    likeness, nearest = zip(*(_nearest(flat, library) for library in libraries), strict=True)
    handicaps = [HANDICAPS.get(library.kind.key, 0.0) for library in libraries]
    order = np.argsort(np.array(handicaps)[:, None] - np.stack(likeness), axis=0)
    best: list[Fitted | None] = [None] * len(targets)
    for rank in range(min(2, len(libraries))):
        open_ = np.array([one is None or _worth(one) < GOOD for one in best])
        for k, library in enumerate(libraries):
            rows = np.flatnonzero(open_ & (order[rank] == k))
            if not len(rows):
                continue
            start = nearest[k][rows]
            fits = fit(library.kind, targets[rows], library.vectors[start], library.place[start], blur=blur)
            for row, vector, overlap in zip(rows, fits.vectors, fits.overlap, strict=True):
                measures = dict(zip(library.kind.measures, vector.tolist(), strict=True))
                one = silhouettes[row]
                found = Fitted(library.kind.key, measures, float(overlap), one.category, one.number)
                if best[row] is None or _worth(found) > _worth(best[row]):
                    best[row] = found
    return [one for one in best if one is not None]


def without_collars(
    silhouettes: Sequence[CatalogueSilhouette], fits: Sequence[Fitted], blur: float = 0.0
) -> list[Fitted]:
    """Take the collars off T-shirts, where a T-shirt cut like the fit comes about as near.

    Args:
        silhouettes: that were fitted.
        fits: one of each, in the same order.
        blur: as in `fit_silhouettes`.
    """
    found = list(fits)
    rows = [row for row, one in enumerate(fits) if (one.kind, one.category) == ("polo", "t-shirt")]
    if not rows:
        return found
    keys = KINDS["t_shirt"].measures
    starts = [draft_near("t_shirt", {k: v for k, v in fits[row].measures.items() if k in keys}) for row in rows]
    cut = fit_from(starts, np.stack([silhouettes[row].coverage for row in rows]), blur=blur)
    for row, vector, overlap in zip(rows, cut.vectors, cut.overlap, strict=True):
        if overlap > fits[row].overlap - FOR_A_COLLAR:
            measures = dict(zip(keys, vector.tolist(), strict=True))
            found[row] = replace(fits[row], kind="t_shirt", measures=measures, overlap=float(overlap))
    return found


def _worth(fitted: Fitted) -> float:
    return fitted.overlap - HANDICAPS.get(fitted.kind, 0.0)


def _nearest(flat: np.ndarray, library: Library) -> tuple[np.ndarray, np.ndarray]:
    """How like each silhouette is to the library's likest, and which that is."""
    both = flat @ library.coverage.T
    overlap = both / ((flat**2).sum(1)[:, None] + (library.coverage**2).sum(1)[None] - both)
    return overlap.max(1), overlap.argmax(1)


def _write(path: Path, fits: Sequence[Fitted]) -> None:
    width = max((len(one.measures) for one in fits), default=0)
    vectors = np.full((len(fits), width), np.nan)
    for row, one in zip(vectors, fits, strict=True):
        row[: len(one.measures)] = list(one.measures.values())
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            vectors=vectors,
            kind=np.array([one.kind for one in fits]),
            overlap=np.array([one.overlap for one in fits]),
            category=np.array([one.category for one in fits]),
            number=np.array([one.number for one in fits]),
        )


def _read(path: Path) -> list[Fitted]:
    with np.load(path, allow_pickle=False) as data:
        return [
            Fitted(
                str(kind),
                dict(zip(KINDS[str(kind)].measures, vector.tolist(), strict=False)),
                float(overlap),
                str(category),
                int(number),
            )
            for kind, vector, overlap, category, number in zip(
                data["kind"], data["vectors"], data["overlap"], data["category"], data["number"], strict=True
            )
        ]


def gather(fits: Sequence[Fitted]) -> Population:
    """The population of fits that are good, not held out, in their kinds' ranges, tidy, and what they are called."""
    rows: dict[str, list[list[float]]] = {}
    for one in fits:
        if one.overlap < KEPT or one.number % HELD_OUT == 0:
            continue
        specs = KINDS[one.kind].measures
        measures = {key: float(np.clip(value, specs[key].low, specs[key].high)) for key, value in one.measures.items()}
        try:
            pattern = draft(one.kind, measures)
        except MeasureError:
            continue
        if _has_unseen_sleeves(one.kind, measures):
            continue
        if KINDS[one.kind].upper == "armhole" and measures["shoulder_width"] > ARMHOLE * measures["chest"]:
            pattern = draft_near(one.kind, {**measures, "shoulder_width": ARMHOLE * measures["chest"]})
        hidden = sleeve_relief(pattern) < UNRELIEVED and measures.get("sleeve_length", 0) > _LONG_SLEEVE
        if is_tidy(pattern) and not (hidden and one.number // HELD_OUT % RARELY):
            rows.setdefault(one.kind, []).append(list(pattern.measures.values()))
    return Population({kind: np.array(some) for kind, some in sorted(rows.items())})


def _has_unseen_sleeves(name: str, m: Mapping[str, float]) -> bool:
    """Tell whether a garment that was taken for one without sleeves has some: at 28 px they melt into the body."""
    kind = KINDS[name]
    if kind.upper not in ("cap", "armhole"):
        return False
    if m["chest"] > CAP * m["waist"]:
        return True
    if kind.upper == "cap" or "body_length" not in m:
        return False
    broad = BROAD_DRESS if "hip" in m else BROAD
    melted = m["chest"] > broad * m["body_length"] and m["neck_drop_back"] < SCOOP * m["body_length"]
    return melted or m["shoulder_width"] > SHOULDERS * m["chest"]


def in_turn(silhouettes: Sequence[CatalogueSilhouette], *, seed: int = 0, run: int = 20) -> list[CatalogueSilhouette]:
    """Silhouettes in random order, so many of each category in turn: any beginning of the list is balanced."""
    rng = np.random.default_rng(seed)
    piles: dict[str, list[CatalogueSilhouette]] = {}
    for one in silhouettes:
        piles.setdefault(one.category, []).append(one)
    shuffled = [[pile[i] for i in rng.permutation(len(pile))] for pile in piles.values()]
    longest = max((len(pile) for pile in shuffled), default=0)
    return [one for start in range(0, longest, run) for pile in shuffled for one in pile[start : start + run]]


def summary(fits: Sequence[Fitted]) -> dict[str, tuple[int, float]]:
    """How many silhouettes of each category were fitted, and how well: category -> (count, mean overlap)."""
    overlaps: dict[str, list[float]] = {}
    for one in fits:
        overlaps.setdefault(one.category, []).append(one.overlap)
        overlaps.setdefault("all", []).append(one.overlap)
    return {category: (len(found), float(np.mean(found))) for category, found in sorted(overlaps.items())}
