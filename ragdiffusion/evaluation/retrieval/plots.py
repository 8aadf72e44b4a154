"""Pictures of retrieval: the embeddings as t-SNE (Fig. 7b), their similarities (Fig. 8), and a sheet to look at."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import cv2
import numpy as np
import torch
from PIL import Image

from ragdiffusion.evaluation.retrieval.measure import Query, RetrievalAnswer
from ragdiffusion.images import load_photo, pad_to_square

PAIRS = 200
"""Pairs shown by t-SNE, as in Fig. 7b."""
SHEET_ROWS = 20
_TILE, _CAPTION = 112, 14
_INK, _PAPER, _LANDMARK = (40, 40, 40), (255, 255, 255), (20, 110, 60)
_AGREED, _TOO_LARGE, _TOO_SMALL = (170, 205, 180), (200, 40, 40), (40, 70, 200)
_BINS = 60


def embedding_map(queries: Sequence[Query], answers: Sequence[RetrievalAnswer]) -> Image.Image:
    """t-SNE of photos (crosses) and their flat-lays (dots), each pair joined, coloured by category (Fig. 7b).

    Args:
        queries: at least 3; the first `PAIRS`, spread over them, are shown.
        answers: of the same queries.

    Raises:
        ValueError: for fewer than 3 pairs.
    """
    from sklearn.manifold import TSNE

    if len(queries) < 3:
        raise ValueError(f"t-SNE of {len(queries)} pairs says nothing: 3 or more wanted")
    shown = np.linspace(0, len(queries) - 1, min(PAIRS, len(queries))).round().astype(int)
    vectors = torch.stack([answers[i].query for i in shown] + [answers[i].standard for i in shown]).numpy()
    perplexity = min(30.0, (len(vectors) - 1) / 3)
    positions = TSNE(perplexity=perplexity, metric="cosine", init="random", random_state=0).fit_transform(vectors)
    photos, standards = positions[: len(shown)], positions[len(shown) :]
    figure, axes = _figure(7.2, 6.4)
    names = sorted({queries[i].category for i in shown})
    for number, name in enumerate(names):
        rows = [row for row, i in enumerate(shown) if queries[i].category == name]
        colour = f"C{number}"
        for row in rows:
            axes.plot(*np.stack([photos[row], standards[row]]).T, color=colour, linewidth=0.4, alpha=0.5)
        axes.scatter(*standards[rows].T, color=colour, s=14, label=name)
        axes.scatter(*photos[rows].T, color=colour, s=18, marker="x", linewidths=0.9)
    axes.set(xticks=[], yticks=[], title=f"{len(shown)} pairs by t-SNE: x photo, dot flat-lay")
    axes.legend(fontsize=8, loc="best")
    return _rendered(figure)


def similarity_histogram(answers: Sequence[RetrievalAnswer], embeddings: torch.Tensor) -> Image.Image:
    """Cosine similarities of photos with the whole bank, one photo's among them, and with their own flat-lays (Fig. 8).

    Args:
        answers: at least one.
        embeddings: (N, D), the bank's.
    """
    queries = torch.stack([answer.query for answer in answers])
    every = (queries @ embeddings.T).numpy()
    own = (queries * torch.stack([answer.standard for answer in answers])).sum(1).numpy()
    edges = np.linspace(min(float(every.min()), float(own.min())), 1.0, _BINS + 1)
    figure, axes = _figure(7.2, 4.2)
    axes.hist(every.ravel(), edges, density=True, color="C0", alpha=0.35, label="all photos with all entries")
    axes.hist(every[0], edges, density=True, histtype="step", color="C0", label="one photo with all entries")
    axes.hist(own, edges, density=True, color="C2", alpha=0.5, label="photos with their own flat-lays")
    middle, spread = float(every.mean()), max(float(every.std()), 1e-6)
    line = np.linspace(edges[0], edges[-1], 200)
    axes.plot(
        line,
        np.exp(-(((line - middle) / spread) ** 2) / 2) / (spread * np.sqrt(2 * np.pi)),
        color="C3",
        linewidth=1,
        label=f"normal, mean {middle:.2f}, deviation {spread:.2f}",
    )
    axes.set(xlabel="cosine similarity", ylabel="density", yticks=[])
    axes.legend(fontsize=8)
    return _rendered(figure)


def retrieval_sheet(queries: Sequence[Query], answers: Sequence[RetrievalAnswer]) -> Image.Image:
    """Twenty photos with their neighbours and weights, the interpolation, the landmark and the truth, for the eye.

    The neighbour that is the landmark is drawn in green, each with its weight and similarity. The last tile of a row
    lays the landmark over the truth: green where they agree, red where it is too large, blue where it is too small.

    Args:
        queries: those shown are spread over them.
        answers: of the same queries.
    """
    shown = np.linspace(0, len(queries) - 1, min(SHEET_ROWS, len(queries))).round().astype(int)
    rows = [_sheet_row(queries[i], answers[i]) for i in shown]
    half = -(-len(rows) // 2)  # two columns, so that it fits a screen
    rows += [np.full_like(rows[0], 255)] * (2 * half - len(rows))
    return Image.fromarray(np.hstack([np.vstack(rows[:half]), np.vstack(rows[half:])]))


def _sheet_row(query: Query, answer: RetrievalAnswer) -> np.ndarray:
    guide, tiles = answer.guide, []
    photo = pad_to_square(load_photo(query.photo)).resize((_TILE, _TILE), Image.Resampling.LANCZOS)
    tiles.append(_captioned(np.asarray(photo), query.category))
    for place, candidate in enumerate(guide.candidates):
        ink = _LANDMARK if place == guide.consensus else _INK
        figures = f"w {candidate.weight:+.2f}  {candidate.similarity:.2f}"
        tiles.append(_captioned(_shape(candidate.silhouette, ink), figures))
    tiles.append(_captioned(_shape(guide.interpolation, _INK), "interpolation"))
    tiles.append(_captioned(_shape(guide.landmark, _LANDMARK), "landmark"))
    tiles.append(_captioned(_difference(guide.landmark, query.silhouette), f"IoU {answer.iou:.2f}"))
    return np.hstack(tiles)


def _shape(mask: torch.Tensor, ink: tuple[int, int, int]) -> np.ndarray:
    small = cv2.resize(mask.cpu().numpy().astype(np.float32), (_TILE, _TILE), interpolation=cv2.INTER_AREA)[..., None]
    return np.rint(small * np.array(ink) + (1 - small) * np.array(_PAPER)).astype(np.uint8)


def _difference(landmark: torch.Tensor, truth: np.ndarray) -> np.ndarray:
    size = (_TILE, _TILE)
    ours = cv2.resize(landmark.cpu().numpy().astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    theirs = cv2.resize(truth.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    picture = np.full((_TILE, _TILE, 3), 255, np.uint8)
    for place, colour in ((ours & theirs, _AGREED), (ours & ~theirs, _TOO_LARGE), (~ours & theirs, _TOO_SMALL)):
        picture[place] = colour
    return picture


def _captioned(tile: np.ndarray, text: str) -> np.ndarray:
    strip = np.full((_CAPTION, _TILE, 3), 255, np.uint8)
    cv2.putText(strip, text, (3, _CAPTION - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.33, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([tile, strip])


def _figure(width: float, height: float):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)  # no window system, and no global state
    return figure, figure.add_subplot()


def _rendered(figure) -> Image.Image:
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return Image.open(buffer).convert("RGB")
