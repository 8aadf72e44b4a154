"""The garment of a bench laid into its silhouettes, and into a landmark that a person drew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch

from app.runs.bench import Bench
from app.runs.work import Work


def make_drafts(bench: Bench) -> Iterator[Work]:
    """Warp the garment into the silhouettes, those in use first; ends early when another photo is placed.

    The page asks for it by itself: when a photo without a known garment has come between, there is nothing to do.
    """
    work = bench.work
    if work is None:
        return
    # Those in use come together, as each batch encodes the photo again; whoever edits meanwhile waits for one.
    neighbours, every = len(work.guide.neighbours.ids), range(len(work.drafts))
    shown = [*every[: work.guide.k], *every[neighbours:]]
    for batch in (shown, [i for i in every if i not in shown]):
        missing = [i for i in batch if work.drafts[i] is None]
        if not missing:
            continue
        made = dict(zip(missing, bench.drafts_of(work, work.silhouettes[missing]), strict=True))

        def with_drafts(now: Work) -> Work:
            drafts, seen = list(now.drafts), list(now.seen)
            for i, laid in made.items():  # noqa: B023 - called at once
                drafts[i], seen[i] = laid
            return replace(now, drafts=tuple(drafts), seen=tuple(seen))

        kept = bench.lay_in(work.token, with_drafts)
        if kept is None:
            return
        yield (work := kept)


def make_draft(bench: Bench) -> Work | None:
    """Warp the garment into a landmark that the person drew, or set the measures of.

    Returns:
        The work with that draft, for the landmark that it had when this began; None where no garment lies here by now.
    """
    work = bench.work
    if work is None or not work.is_own or work.draft is not None:
        return work
    draft = bench.drafts_of(work, work.guide.landmark[None])[0].image

    def with_draft(now: Work) -> Work:
        return replace(now, draft=draft) if torch.equal(now.guide.landmark, work.guide.landmark) else now

    bench.lay_in(work.token, with_draft)
    return replace(work, draft=draft)
