"""The ablation's tables as people read them: the paper's figures and order beside ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

PAPER_TABLE_2 = {
    "Vanilla Model": {"ssim": 0.6576, "lpips": 0.3961, "fid": 10.65, "kid": 1.405, "dists": 0.222},
    "+ emb": {"ssim": 0.6614, "lpips": 0.3917, "fid": 10.55, "kid": 1.354, "dists": 0.217},
    "+ emb + sil": {"ssim": 0.6926, "lpips": 0.3690, "fid": 10.22, "kid": 0.940, "dists": 0.210},
    "Generating mask": {"ssim": 0.6426, "lpips": 0.4186, "fid": 14.55, "kid": 3.570, "dists": 0.239},
    "+ emb + sil + PGEA (Full)": {"ssim": 0.6963, "lpips": 0.3684, "fid": 9.990, "kid": 1.092, "dists": 0.192},
}
PAPER_TABLE_7 = {
    "K = 1": {"ssim": 0.6872, "lpips": 0.3761, "fid": 10.27, "kid": 1.198},
    "K = 2": {"ssim": 0.6915, "lpips": 0.3703, "fid": 10.32, "kid": 1.190},
    "K = 4": {"ssim": 0.6963, "lpips": 0.3684, "fid": 9.990, "kid": 1.092},
    "K = 8": {"ssim": 0.6960, "lpips": 0.3681, "fid": 10.01, "kid": 1.090},
}
"""The paper's own figures: 768 px, weights and data of its own. Orders compare with ours, values do not."""

COLUMNS = {
    "ssim": ("SSIM", True, ".4f"),
    "lpips": ("LPIPS", False, ".4f"),
    "fid": ("FID", False, ".2f"),
    "kid": ("KID", False, ".3f"),
    "dists": ("DISTS", False, ".4f"),
}
"""Metric: its name, whether more is better, how it is written. Ours are the `_effnet` ones, SSIM apart."""


def order(figures: Mapping[str, Mapping[str, float]], metric: str) -> list[str]:
    """Labels from best to worst.

    Args:
        figures: by label, those by metric.
        metric: of `COLUMNS`.
    """
    return sorted(figures, key=lambda label: figures[label][metric], reverse=COLUMNS[metric][1])


def agreement(first: Sequence[str], second: Sequence[str]) -> tuple[int, int]:
    """Of the pairs of labels that both orders have, how many stand the same way round, and how many there are."""
    both = [label for label in first if label in second]
    pairs = [(a, b) for i, a in enumerate(both) for b in both[i + 1 :]]
    return sum(second.index(a) < second.index(b) for a, b in pairs), len(pairs)


def ours(figures: Mapping[str, float]) -> dict[str, float]:
    """A row's figures under the names of `COLUMNS`, with `iou` and `landmark_iou`."""
    named = {metric: figures[metric if metric == "ssim" else f"{metric}_effnet"] for metric in COLUMNS}
    return {**named, "iou": figures["iou"], "landmark_iou": figures["landmark_iou"]}


def compare_orders(
    found: Mapping[str, Mapping[str, float]], paper: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, Any]]:
    """For each metric that the paper gives: its order, ours of the same rows, and the pairs that agree."""
    report = {}
    for metric in next(iter(paper.values())):
        theirs, own = order(paper, metric), order({label: found[label] for label in paper}, metric)
        same, pairs = agreement(theirs, own)
        report[metric] = {"paper": theirs, "ours": own, "pairs_alike": same, "pairs": pairs}
    return report


def table(
    title: str, found: Mapping[str, Mapping[str, float]], paper: Mapping[str, Mapping[str, float]] | None = None
) -> str:
    """A table in Markdown: ours, the paper's in brackets where it has the row, and both orders below.

    Args:
        title: above it.
        found: by label, from `ours`.
        paper: the paper's figures.
    """
    paper = paper or {}
    metrics = [metric for metric in COLUMNS if not paper or metric in next(iter(paper.values()))]
    arrow = {True: "↑", False: "↓"}
    heads = [f"{COLUMNS[m][0]} {arrow[COLUMNS[m][1]]}" for m in metrics] + ["outline IoU ↑", "landmark IoU ↑"]
    lines = [f"**{title}**", "", f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for label, figures in found.items():
        cells = [
            format(figures[m], COLUMNS[m][2]) + (f" ({paper[label][m]:g})" if label in paper else "") for m in metrics
        ]
        cells += [format(figures[name], ".3f") for name in ("iou", "landmark_iou")]
        lines.append(f"| {' | '.join([label, *cells])} |")
    for metric, both in (compare_orders(found, paper) if paper else {}).items():
        alike = f"{both['pairs_alike']} of {both['pairs']} pairs as in the paper"
        lines += [
            "",
            f"{COLUMNS[metric][0]}, best first ({alike})",
            f"- paper: {' > '.join(both['paper'])}",
            f"- ours: {' > '.join(both['ours'])}",
        ]
    return "\n".join(lines)
