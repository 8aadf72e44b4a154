"""A picture of what a build did: entries of each category, and how similar entries are (as Fig. 8)."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from ragdiffusion.bank.building.build import BuildReport

_DPI = 120


def draw_report(report: BuildReport) -> Image.Image:
    """One row for each bank: its categories and kinds on the left, similarities between its entries on the right.

    Raises:
        RuntimeError: if matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise RuntimeError(
            "the picture needs matplotlib: pip install -r requirements-train.txt, or leave out --report"
        ) from error
    figure = Figure(figsize=(12, 3.6 * len(report.banks)), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)  # no window system, and no global state
    grid = figure.subplots(len(report.banks), 3, squeeze=False)
    for (categories, kinds, similarities), bank in zip(grid, report.banks, strict=True):
        for axes, counts, title in (
            (categories, bank.by_category, f"{bank.entries} entries by category"),
            (kinds, bank.by_kind, f"by kind; {bank.thinned} thinned out"),
        ):
            axes.barh(list(counts)[::-1], list(counts.values())[::-1])
            axes.set_title(title, fontsize=9)
            axes.tick_params(labelsize=7)
        edges = np.linspace(-1, 1, len(bank.histogram) + 1)
        axes = similarities
        axes.stairs(bank.histogram, edges, fill=True)
        axes.set_title("cosine similarity between entries", fontsize=9)
        axes.set_yticks([])
    figure.suptitle(
        f"{report.candidates} flat-lays, {report.noise} noise at a similarity of {report.similarity:.3f}", fontsize=10
    )
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return Image.open(buffer).convert("RGB")
