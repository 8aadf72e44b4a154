"""Retrieval summed up: Table 4 and its companions, as JSON and as Markdown."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import torch

from ragdiffusion.api import RAGDiffusion
from ragdiffusion.bank import Bank, NewEntry
from ragdiffusion.evaluation.retrieval.baselines import FRAMED_PIXELS, baseline_overlaps
from ragdiffusion.evaluation.retrieval.measure import (
    ALPHAS,
    CLOSE,
    Gallery,
    Query,
    RetrievalAnswer,
    measure,
    open_gallery,
    overlaps,
    true_overlaps,
)
from ragdiffusion.retrieval.ranking import LAID_WEIGHTS, RANKED_DEPTH

SCALES = (1000, 2000, 4000, 8000)
"""Sizes of bank that Table 4 compares."""

Progress = Callable[[Iterator[RetrievalAnswer], int, str], Iterator[RetrievalAnswer]]


def evaluate_retrieval(
    model: RAGDiffusion,
    queries: Sequence[Query],
    *,
    scales: Sequence[int] = SCALES,
    progress: Progress = lambda answers, total, what: answers,
) -> tuple[dict[str, Any], list[RetrievalAnswer]]:
    """Measure retrieval and its baselines.

    Args:
        model: over the bank to measure.
        queries: of which at least one lies straight; crooked ones are summed up apart.
        scales: sizes of nested random parts of the bank to measure too; those not below its own size are left out.
        progress: wraps the answers as they come: (answers, how many, of what).

    Returns:
        The report, plain numbers and strings, shares and IoU in [0, 1]; and every query's answer.

    Raises:
        ValueError: if no query lies straight, or a queried garment is in the bank.
    """
    straight = [index for index, query in enumerate(queries) if query.straight]
    if not straight:
        raise ValueError(
            f"none of the {len(queries)} garments lies straight (symmetry 0.9 or more): there is no "
            "standard to compare with"
        )
    gallery = open_gallery(model.bank, queries)
    truth = true_overlaps(queries, gallery)
    answers = list(progress(measure(model, queries, gallery, truth), len(queries), "photos"))
    baselines = baseline_overlaps(model, queries, gallery, truth)

    def part(chosen: Sequence[int]) -> dict[str, Any]:
        picked = {name: mean(values[i] for i in chosen) for name, values in baselines.items()}
        # Framed by the model's own garment head this is no stranger to the model, but the model without its encoder.
        without_encoder = picked.pop(FRAMED_PIXELS)
        return {
            **summarise_answers([answers[i] for i in chosen]),
            "baselines": picked,
            "without_encoder_iou": without_encoder,
        }

    def grouped(key: Callable[[Query], str]) -> dict[str, Any]:
        names = sorted({key(queries[i]) for i in straight})
        return {name: part([i for i in straight if key(queries[i]) == name]) for name in names}

    crooked = [index for index in range(len(queries)) if index not in set(straight)]
    chosen = [answers[i] for i in straight]
    report = {
        **part(straight),
        "crooked": part(crooked) if crooked else None,
        "by_scale": _by_scale(model, [queries[i] for i in straight], chosen, gallery, scales, progress),
        "by_k": {str(k): mean(answer.by_k[k] for answer in chosen) for k in chosen[0].by_k},
        "by_alpha": {str(alpha): mean(answer.to_standard[alpha] for answer in chosen) for alpha in ALPHAS},
        "by_ranking": _by_ranking(chosen, gallery, truth[straight]),
        "by_display": grouped(lambda query: query.display),
        "by_category": grouped(lambda query: query.category),
        "milliseconds": median(answer.milliseconds for answer in answers),
        "bank_entries": len(gallery.ids),
        "bank_version": model.bank.version,
        "checkpoint": model.checkpoint,
        "each": [
            {
                "source": query.source,
                "category": query.category,
                "display": query.display,
                "straight": query.straight,
                "iou": answer.iou,
                "nearest": answer.nearest[0],
                "oracle": answer.oracle,
                "outline": answer.outline,
                "expected": answer.expected,
            }
            for query, answer in zip(queries, answers, strict=True)
        ],
    }
    return report, answers


def summarise_answers(answers: Sequence[RetrievalAnswer]) -> dict[str, Any]:
    """Means over some answers, at least one: what the report has at its top and for each part.

    `oracle_top1` is the share of garments for which the bank has a right entry at all: no top-1 can be above it.
    """
    average = lambda values: mean(values) if values else None  # noqa: E731
    return {
        "iou": mean(answer.iou for answer in answers),
        "top1": mean(answer.top1 for answer in answers),
        "top5": mean(answer.top5 for answer in answers),
        "oracle_iou": mean(answer.oracle for answer in answers),
        "oracle_top1": mean(answer.oracle > CLOSE for answer in answers),
        "n": len(answers),
        "outline_iou": average([answer.outline for answer in answers if answer.outline is not None]),
        "expected_iou": average([answer.expected for answer in answers if answer.expected is not None]),
    }


def _by_ranking(answers: Sequence[RetrievalAnswer], gallery: Gallery, truth: torch.Tensor) -> dict[str, Any]:
    """Nearest entries by the embedding, by each shape alone, and by all as they are weighed for what is laid."""
    similarity = torch.stack([answer.query for answer in answers]) @ gallery.embeddings.T  # (Q, N)
    scores = {"embedding": similarity}
    least = similarity.topk(min(RANKED_DEPTH, similarity.shape[1]), dim=1).values[:, -1:]
    weighed = torch.where(similarity >= least, similarity, -torch.inf)
    if answers[0].outline is not None:
        scores["outline"] = overlaps(torch.stack([answer.photo_outline for answer in answers]), gallery.silhouettes)
        weighed = weighed + LAID_WEIGHTS.outline * scores["outline"]
    if answers[0].expected is not None:
        scores["expected silhouette"] = overlaps(torch.stack([a.drawn for a in answers]), gallery.silhouettes)
        weighed = weighed + LAID_WEIGHTS.expected * scores["expected silhouette"]
    if len(scores) > 1:
        scores["all"] = weighed
    found = {}
    for name, score in scores.items():
        order = score.topk(min(5, score.shape[1]), dim=1).indices
        hits = truth.gather(1, order)  # (Q, 5)
        found[name] = {
            "nearest_iou": float(hits[:, 0].mean()),
            "top1": float((hits[:, 0] > CLOSE).float().mean()),
            "top5": float((hits > CLOSE).any(1).float().mean()),
        }
    return found


def _by_scale(
    model: RAGDiffusion,
    queries: Sequence[Query],
    whole: Sequence[RetrievalAnswer],
    gallery: Gallery,
    scales: Sequence[int],
    progress: Progress,
) -> dict[str, Any]:
    order, found = np.random.default_rng(0).permutation(len(gallery.ids)), {}
    for size in sorted(size for size in set(scales) if 0 < size < len(gallery.ids)):
        kept = {gallery.ids[index] for index in order[:size]}
        with part_of_bank(model.bank, kept) as bank:
            smaller = RAGDiffusion(model.pipeline, bank, model.checkpoint, reader=model.reader)
            entries = open_gallery(bank, queries)
            rows = measure(smaller, queries, entries, true_overlaps(queries, entries))
            found[str(size)] = summarise_answers(list(progress(rows, len(queries), f"bank of {size}")))
    return {**found, str(len(gallery.ids)): summarise_answers(whole)}


@contextmanager
def part_of_bank(bank: Bank, kept: set[int]) -> Iterator[Bank]:
    """A bank of its own, for as long as it is needed, with some of another's entries.

    Args:
        bank: to copy from.
        kept: ids of the entries to copy.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        Bank.create(
            Path(folder) / "part.sqlite3",
            fingerprint=bank.fingerprint,
            dimension=bank.dimension,
            precision=bank.precision,
            name=bank.name,
        ) as part,
    ):
        part.add(
            [
                NewEntry(
                    embedding=entry.embedding,
                    silhouette=entry.silhouette,
                    attributes=entry.attributes,
                    source=entry.source,
                    tags=entry.tags,
                )
                for entry in bank.entries(enabled=True)
                if entry.id in kept
            ],
            allow_duplicates=True,
        )
        yield part


def to_markdown(report: dict[str, Any], dataset: str) -> str:
    """The report as Markdown tables."""
    lines = [
        f"Retrieval on {dataset}: bank {report['bank_version']} of {report['bank_entries']}, checkpoint "
        f"{report['checkpoint']}, {report['milliseconds']:.0f} ms a photo (median)",
        "",
    ]
    parts = {"all straight": report}
    if report["crooked"] is not None:
        parts["crooked, apart"] = report["crooked"]
    lines += _table("garments", {**parts, **report["by_category"]})
    if len(report["by_display"]) > 1:
        lines += _table("display", report["by_display"])
    lines += _table("bank", report["by_scale"])
    lines += [
        "| picked by | mean IoU |",
        "|---|---|",
        f"| **retrieval** | **{report['iou']:.3f}** |",
        *(f"| {name} | {value:.3f} |" for name, value in report["baselines"].items()),
        f"| ({FRAMED_PIXELS}: the garment head without the encoder) | {report['without_encoder_iou']:.3f} |",
    ]
    if report["outline_iou"] is not None:
        lines.append(f"| (the photo's own outline, no bank) | {report['outline_iou']:.3f} |")
    if report["expected_iou"] is not None:
        lines.append(f"| (the silhouette that SilhouetteNet draws, no bank) | {report['expected_iou']:.3f} |")
    lines += [
        "",
        "| nearest by | IoU | top-1 | top-5 |",
        "|---|---|---|---|",
        *(
            f"| {name} | {row['nearest_iou']:.3f} | {row['top1']:.1%} | {row['top5']:.1%} |"
            for name, row in report["by_ranking"].items()
        ),
    ]
    lines += ["", *_row("K", report["by_k"]), "| IoU of the landmark | " + _cells(report["by_k"])]
    lines += ["", *_row("α", report["by_alpha"]), "| cosine of ê with the flat-lay | " + _cells(report["by_alpha"])]
    return "\n".join(lines)


def _table(name: str, rows: dict[str, Any]) -> list[str]:
    lines = [f"| {name} | n | top-1 | top-5 | IoU | oracle | oracle's top-1 |", "|---|---|---|---|---|---|---|"]
    lines += [
        f"| {label} | {row['n']} | {row['top1']:.1%} | {row['top5']:.1%} | {row['iou']:.3f} | "
        f"{row['oracle_iou']:.3f} | {row['oracle_top1']:.1%} |"
        for label, row in rows.items()
    ]
    return [*lines, ""]


def _row(name: str, values: dict[str, float]) -> list[str]:
    return [f"| {name} | " + " | ".join(values) + " |", "|---" * (len(values) + 1) + "|"]


def _cells(values: dict[str, float]) -> str:
    return " | ".join(f"{value:.3f}" for value in values.values()) + " |"
