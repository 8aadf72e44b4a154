"""How real the engine's silhouettes are: a two-sample classifier between drawn and real outlines.

Both sides go through the same steps: the canonical frame, the removal of specks and hooks, the turn and shift that
make a silhouette most like its mirror image. Categories are balanced, so that a classifier learns shapes and not
proportions of categories. An area under the curve of 0.5 means that it can't tell the two apart, 1 that it always can.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ragdiffusion.garments import GarmentEngine
from ragdiffusion.garments.engine2d.draw import draw_silhouette
from ragdiffusion.garments.engine2d.structure import Structure
from ragdiffusion.garments.mirror_axis import mirror_axis
from ragdiffusion.garments.outlines import outline, without_specks
from ragdiffusion.garments.spreadsheets import read_rows
from ragdiffusion.images import CANONICAL_MARGIN

SIZE = 256
SYMMETRY = 0.9
"""Least mirror IoU of a real silhouette that stands for a standard flat-lay."""

KINDS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "t-shirt": (("T-shirt", ("Short",)), ("Polo", ("Short",))),
    "longsleeve": (("Sweater", ("Long",)), ("T-shirt", ("Long",))),
    "shirt": (("Shirt", ("Short", "Long")),),
    "outwear": (
        ("Jacket", ("Long",)),
        ("Windbreaker", ("Long",)),
        ("Hoodie", ("Long",)),
        ("Denim Jacket", ("Long",)),
        ("Sports Jacket", ("Long",)),
        ("Leather Jacket", ("Long",)),
    ),
    "dress": (("Dress", ("Sleeveless", "Short", "Mid", "Long")),),
    "skirt": (("Skirt", ("Unknown",)),),
    "pants": (("Trousers", ("Unknown",)),),
    "shorts": (("Shorts", ("Unknown",)),),
}
"""Category of the real folder -> what the engine calls such garments: (category, sleeve lengths), drawn evenly."""

LEAST = 10
"""Silhouettes that a category needs to be compared."""

_POINTS = 96
_COMPONENTS = 40
_FOLDS = 5


@dataclass(frozen=True)
class Realism:
    """What the two-sample test found.

    Attributes:
        auc: area under the ROC curve over all categories, cross-validated; the higher of the two classifiers'.
        by_classifier: the same for each classifier.
        by_category: the area within each category, of the better classifier's scores.
        count: silhouettes on each side, by category.
        spread: mean distance of an outline from its category's mean outline, in hundredths of the frame's side,
            by category: (real, drawn).
        distinct: the same between nearest neighbours: (a real one to another real one, a drawn one to a real one).
            A drawn outline that copied a real one would stand at 0.
    """

    auc: float
    by_classifier: dict[str, float]
    by_category: dict[str, float]
    count: dict[str, int]
    spread: dict[str, tuple[float, float]]
    distinct: dict[str, tuple[float, float]]


def straighten(silhouette: np.ndarray) -> np.ndarray:
    """Bring a silhouette into the canonical frame, upright on its mirror axis.

    Args:
        silhouette: uint8 (H, W), soft mask.

    Returns:
        uint8 (256, 256).

    Raises:
        ValueError: if the mask is empty.
    """
    if not (silhouette > 127).any():
        raise ValueError(f"the silhouette ({silhouette.shape[1]}x{silhouette.shape[0]}) is empty: nothing to compare")
    silhouette = without_specks(_framed(silhouette))
    angle, _ = mirror_axis((silhouette > 127).astype(np.uint8))
    turned = cv2.getRotationMatrix2D(((SIZE - 1) / 2, (SIZE - 1) / 2), -np.rad2deg(angle), 0.9)
    return _framed(cv2.warpAffine(silhouette, turned, (SIZE, SIZE), flags=cv2.INTER_LINEAR))


def _framed(silhouette: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(silhouette > 127)
    low, high = np.array([columns.min(), rows.min()]), np.array([columns.max(), rows.max()]) + 1
    scale = SIZE / (CANONICAL_MARGIN * (high - low).max())
    shift = SIZE / 2 - (low + high) / 2 * scale + 0.5 * scale - 0.5
    if scale < 0.75:
        silhouette = cv2.GaussianBlur(silhouette, (0, 0), 0.4 / scale)
    return cv2.warpAffine(
        silhouette, np.array([[scale, 0, shift[0]], [0, scale, shift[1]]]), (SIZE, SIZE), flags=cv2.INTER_LINEAR
    )


def real_silhouettes(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Category and upright silhouette of every standard-like garment of a split's folder.

    Args:
        folder: `.../train` or `.../val`, with `train.csv` or `val.csv` beside it.

    Raises:
        ValueError: if the list or a mask is missing.
    """
    table = folder.parent / f"{folder.name}.csv"
    if not table.is_file():
        raise ValueError(
            f"{table}: not found; --dataset must name a folder like garments/train with train.csv beside it"
        )
    rows = [row for row in read_rows(table) if float(row["symmetry"]) >= SYMMETRY]
    for row in rows:
        path = folder / row["category"] / f"{row['id']}.png"
        mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if mask is None:
            raise ValueError(f"{path}: missing or not an image")
        if row["category"] in KINDS:
            yield row["category"], straighten(mask)


def drawn_structure(engine: GarmentEngine, category: str, rng: np.random.Generator) -> Structure:
    """A structure of the kind that a category of the real folder holds."""
    kinds = KINDS[category]
    name, sleeves = kinds[int(rng.integers(len(kinds)))]
    while True:
        structure = engine.structure(rng, name)
        if structure.sleeve_length in sleeves:
            return structure


def drawn_silhouette(engine: GarmentEngine, category: str, rng: np.random.Generator) -> np.ndarray:
    """An upright drawn silhouette of the kind that a category of the real folder holds."""
    return straighten(draw_silhouette(drawn_structure(engine, category, rng), SIZE))


def features(silhouette: np.ndarray) -> np.ndarray:
    """What a classifier sees of a silhouette: its outline, its profile and its descriptors.

    Args:
        silhouette: uint8 (256, 256), from `straighten`.

    Returns:
        float64 (M,): 96 outline points, widths of 32 rows and heights of 32 columns (all in frames), then area,
        solidity, aspect, compactness, mirror IoU, roughness at three scales and the bends' strength.
    """
    binary = (silhouette > 127).astype(np.uint8)
    contours, _ = cv2.findContours(binary, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    contour = max(contours, key=cv2.contourArea)
    points = outline(silhouette, _POINTS)
    area, length = cv2.contourArea(contour), cv2.arcLength(contour, True)
    hull = cv2.contourArea(cv2.convexHull(contour))
    _, _, width, height = cv2.boundingRect(contour)
    columns = np.nonzero(binary.any(0))[0]
    mirror = np.roll(binary[:, ::-1], columns[0] + columns[-1] + 1 - SIZE, axis=1)
    fine = outline(silhouette, 512).astype(np.float64)
    rough = []
    for scale in (2, 5, 12):
        soft = _smooth(fine, scale)
        rough.append(np.log(np.hypot(*(fine - soft).T).mean() + 1e-3))
    step = np.roll(_smooth(fine, 2), -1, 0) - _smooth(fine, 2)
    bend = np.angle(np.exp(1j * np.diff(np.arctan2(step[:, 1], step[:, 0]))))
    profile = [binary[:, columns].sum(1).reshape(32, -1).mean(1), binary.sum(0).reshape(32, -1).mean(1)]
    descriptors = [
        area / SIZE**2,
        area / hull,
        width / height,
        length**2 / area / 40,
        (binary & mirror).sum() / (binary | mirror).sum(),
        *rough,
        np.log(np.abs(bend).mean() + 1e-4),
        np.log((np.abs(bend) > 0.3).mean() + 1e-2),
    ]
    return np.concatenate([points.ravel() / SIZE, *(p / SIZE for p in profile), descriptors])


def _smooth(closed: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian along a closed curve (N, 2), standard deviation in points."""
    frequency = np.fft.rfftfreq(len(closed))
    weight = np.exp(-2 * (np.pi * sigma * frequency) ** 2)
    return np.fft.irfft(np.fft.rfft(closed, axis=0) * weight[:, None], len(closed), axis=0)


def two_sample(
    folder: Path, *, engine: GarmentEngine | None = None, seed: int = 0, limit: int | None = None
) -> Realism:
    """Try to tell drawn silhouettes from real ones.

    Two classifiers are trained in five folds, a linear one on 40 principal components of the features (logistic
    regression) and one of trees on all features (a random forest); the better one's area counts.

    Args:
        folder: a split of the real data set, for example `garments/train`.
        engine: draws the other side; None takes the bundled one.
        seed: of drawing and of the folds.
        limit: at most so many silhouettes of a category.

    Returns:
        Areas, counts and spreads.

    Raises:
        ValueError: if the folder can't be read or no category has 10 silhouettes.
    """
    engine = GarmentEngine(SIZE) if engine is None else engine
    real: dict[str, list[np.ndarray]] = {}
    for category, silhouette in real_silhouettes(folder):
        real.setdefault(category, []).append(features(silhouette))
    rng = np.random.default_rng([seed, 9])
    sides: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for number, (category, found) in enumerate(sorted(real.items())):
        if limit is not None and len(found) > limit:
            found = [found[i] for i in np.sort(rng.choice(len(found), limit, replace=False))]
        if len(found) < LEAST:
            continue
        drawn = [
            features(drawn_silhouette(engine, category, np.random.default_rng([seed, number, i])))
            for i in range(len(found))
        ]
        sides[category] = (np.stack(found), np.stack(drawn))
    if not sides:
        raise ValueError(f"{folder}: no category has {LEAST} silhouettes of symmetry {SYMMETRY} or more to compare")
    return compare(sides, seed)


def compare(sides: dict[str, tuple[np.ndarray, np.ndarray]], seed: int) -> Realism:
    """Tell two sides' features apart, by category: (real, drawn), as many rows of each."""
    from sklearn.metrics import roc_auc_score

    rows = np.concatenate([part for pair in sides.values() for part in pair])
    is_drawn = np.concatenate([np.repeat([0, 1], [len(a), len(b)]) for a, b in sides.values()])
    kind = np.concatenate([np.full(2 * len(a), i) for i, (a, _) in enumerate(sides.values())])
    scores = _scores(rows, is_drawn, kind, seed)
    by_classifier = {name: float(roc_auc_score(is_drawn, score)) for name, score in scores.items()}
    best = scores[max(by_classifier, key=by_classifier.get)]
    return Realism(
        auc=max(by_classifier.values()),
        by_classifier=by_classifier,
        by_category={name: float(roc_auc_score(is_drawn[kind == i], best[kind == i])) for i, name in enumerate(sides)},
        count={name: len(a) for name, (a, _) in sides.items()},
        spread={name: tuple(_spread(part) for part in pair) for name, pair in sides.items()},
        distinct={name: (_nearest(a, a, 1), _nearest(b, a, 0)) for name, (a, b) in sides.items()},
    )


def _scores(rows: np.ndarray, is_drawn: np.ndarray, kind: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Each classifier's probability for every silhouette, from folds that did not see it."""
    from sklearn.decomposition import PCA
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = np.concatenate([rows, np.eye(kind.max() + 1)[kind]], axis=1)
    components = min(_COMPONENTS, len(rows) // 2, rows.shape[1])
    models = {
        "logistic regression": make_pipeline(
            StandardScaler(), PCA(components, random_state=seed), StandardScaler(), LogisticRegression(max_iter=2000)
        ),
        "random forest": RandomForestClassifier(150, min_samples_leaf=3, random_state=seed),
    }
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    split = list(folds.split(rows, 2 * kind + is_drawn))
    return {
        name: cross_val_predict(model, rows, is_drawn, cv=split, method="predict_proba")[:, 1]
        for name, model in models.items()
    }


def _spread(rows: np.ndarray) -> float:
    points = rows[:, : 2 * _POINTS].reshape(len(rows), _POINTS, 2)
    return float(100 * np.hypot(*np.moveaxis(points - points.mean(0), -1, 0)).mean())


def _nearest(rows: np.ndarray, others: np.ndarray, rank: int) -> float:
    """Mean distance from each outline to its nearest other one (`rank` 1 where that list holds itself)."""
    a, b = (x[:, : 2 * _POINTS].reshape(len(x), _POINTS, 2) for x in (rows, others))
    distance = np.stack([np.hypot(*np.moveaxis(b - one, -1, 0)).mean(1) for one in a])
    return float(100 * np.sort(distance, axis=1)[:, rank].mean())
