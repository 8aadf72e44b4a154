"""New categories by an update of the bank alone (4.4): an encoder that never saw them, and their entries added."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from statistics import mean
from typing import Any

from ragdiffusion.api import RAGDiffusion
from ragdiffusion.attributes import GARMENT_KINDS
from ragdiffusion.bank import NewEntry
from ragdiffusion.evaluation.retrieval.measure import Query, RetrievalAnswer, measure, open_gallery, true_overlaps
from ragdiffusion.evaluation.retrieval.report import Progress, part_of_bank, summarise_answers


def evaluate_new_categories(
    model: RAGDiffusion,
    queries: Sequence[Query],
    categories: Collection[str],
    *,
    progress: Progress = lambda answers, total, what: answers,
) -> dict[str, Any]:
    """Retrieve garments of new categories from a bank without them, then with their entries added; nothing is trained.

    Args:
        model: an encoder trained without the categories, over a bank that it encoded, which holds all categories. Its
            entries of the new ones are kept back first, and then added.
        queries: of all categories; crooked ones are left out.
        categories: the new ones, of the eight.
        progress: wraps the answers as they come: (answers, how many, of what).

    Returns:
        `before` and `after`, each with the summary of the new categories' garments, `known` and `known_after` of the
        others; `lift`, by how much the new ones' mean IoU rose; `entries_before`, `entries_added`.

    Raises:
        ValueError: if a category is none of the eight, or there is no garment or no entry to measure with.
    """
    unknown = sorted(set(categories) - set(GARMENT_KINDS))
    if unknown:
        raise ValueError(f"unknown category {unknown[0]!r}: the eight are {', '.join(GARMENT_KINDS)}")
    straight = [query for query in queries if query.straight]
    new = [query for query in straight if query.category in categories]
    known = [query for query in straight if query.category not in categories]
    if not new:
        raise ValueError(f"no straight garment of {', '.join(categories)} among the {len(queries)} queried: take more")
    gallery = open_gallery(model.bank, straight)
    added = {entry for entry, category in zip(gallery.ids, gallery.categories, strict=True) if category in categories}
    if not added or len(added) == len(gallery.ids):
        raise ValueError(
            f"{len(added)} of the bank's {len(gallery.ids)} entries are of {', '.join(categories)}: it "
            "must hold some of these and some others"
        )

    def answers(smaller: RAGDiffusion, asked: Sequence[Query], what: str) -> list[RetrievalAnswer]:
        entries = open_gallery(smaller.bank, asked)
        rows: Iterator[RetrievalAnswer] = measure(smaller, asked, entries, true_overlaps(asked, entries))
        return list(progress(rows, len(asked), what))

    report: dict[str, Any] = {
        "categories": sorted(categories),
        "entries_before": len(gallery.ids) - len(added),
        "entries_added": len(added),
        "checkpoint": model.checkpoint,
    }
    with part_of_bank(model.bank, set(gallery.ids) - added) as bank:
        updated = RAGDiffusion(model.pipeline, bank, model.checkpoint, reader=model.reader)
        first = answers(updated, new, "without")
        report["before"] = summarise_answers(first)
        report["known"] = summarise_answers(answers(updated, known, "others")) if known else None
        bank.add(
            [
                NewEntry(
                    embedding=entry.embedding,
                    silhouette=entry.silhouette,
                    attributes=entry.attributes,
                    source=entry.source,
                    tags=entry.tags,
                )
                for entry in model.bank.entries(enabled=True)
                if entry.id in added
            ],
            allow_duplicates=True,
        )
        then = answers(updated, new, "added")
        report["after"] = summarise_answers(then)
        report["known_after"] = summarise_answers(answers(updated, known, "others")) if known else None
    report["lift"] = report["after"]["iou"] - report["before"]["iou"]
    report["by_category"] = {
        name: {
            "before": mean(a.iou for a, q in zip(first, new, strict=True) if q.category == name),
            "after": mean(a.iou for a, q in zip(then, new, strict=True) if q.category == name),
        }
        for name in sorted({query.category for query in new})
    }
    return report


def categories_to_markdown(report: dict[str, Any]) -> str:
    """The report as a Markdown table."""
    bank = f"{report['entries_before']} entries"
    larger = f"{report['entries_before'] + report['entries_added']} entries, {' '.join(report['categories'])} added"
    rows = [("new", bank, report["before"]), ("new", larger, report["after"])]
    if report["known"] is not None:
        rows += [("others", bank, report["known"]), ("others", larger, report["known_after"])]
    lines = [
        f"Encoder {report['checkpoint']}, trained without {', '.join(report['categories'])}; IoU of the new ones "
        f"rises by {report['lift']:.3f} when the bank holds them",
        "",
        "| garments | bank | n | top-1 | top-5 | IoU | oracle |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join(
        lines
        + [
            f"| {what} | {which} | {row['n']} | {row['top1']:.1%} | {row['top5']:.1%} | {row['iou']:.3f} | "
            f"{row['oracle_iou']:.3f} |"
            for what, which, row in rows
        ]
    )
