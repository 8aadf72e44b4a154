"""The landmark of a bench through changes: what the canvas says, what another retrieval leaves, what a run had."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from PIL import Image

from app.files.pictures import unit_mask
from app.runs.changes import same_candidates
from app.session_log.patterns import drawn_pattern
from app.session_log.values import RunInputs
from ragdiffusion.garments.patterns import Pattern
from ragdiffusion.retrieval.guide import StructureGuide

if TYPE_CHECKING:
    from app.landmark_editor.state import EditorState
    from app.runs.work import Work


def settled(work: Work, state: EditorState) -> Work:
    """Make a work agree with what the canvas shows.

    Raises:
        ValueError: if K, α or the choice is out of range; the work stays as it was.
    """
    guide = work.guide
    if (state.k, state.alpha) != (guide.k, guide.alpha):
        guide = guide.retune(k=state.k, alpha=state.alpha)
    if state.mask is not None:
        guide = guide.edit(state.mask)
    elif state.pattern is not None:
        guide = guide.draft(state.pattern)
    else:
        guide = guide.reset() if state.choice is None else guide.pick(state.choice)
    return replace(work, guide=guide, draft=_kept_draft(work, guide), serial=state.serial)


def carried(found: Work, before: Work) -> Work:
    """Keep in a new guide the landmark that a person drew, or set the measures of; measures that nobody moved follow
    what is predicted now.
    """
    guide = before.guide
    if guide.landmark_source == "edited":
        return replace(found, guide=found.guide.edit(guide.landmark))
    if guide.pattern is None:
        return found
    predicted = guide.drafted is not None and is_same(guide.pattern, guide.drafted.pattern)
    own = None if predicted and found.guide.drafted is not None else guide.pattern
    return replace(found, guide=found.guide.draft(own))


def logged_landmark(guide: StructureGuide, inputs: RunInputs, png: bytes) -> StructureGuide:
    """Choose as in a run where the guide is still the same one, and set its measures; else lay its outline in by hand.

    Args:
        guide: of the run's photo, as it is found now.
        inputs: of the run.
        png: its landmark.
    """
    mask = unit_mask(png)
    if inputs.landmark_source == "drafted" and (pattern := drawn_pattern(inputs.pattern)) is not None:
        drafted = guide.draft(pattern)
        if torch.equal(drafted.landmark, mask):  # drawn as it was in the run
            return drafted
    if inputs.landmark_source in ("drafted", "edited") or not same_candidates(inputs, guide):
        return guide.edit(mask)
    if inputs.landmark_source == "candidate" and inputs.choice is not None:
        return guide.pick(inputs.choice)
    return guide


def is_same(one: Pattern, other: Pattern) -> bool:
    """Whether two patterns are drawn from the same measures."""
    return (one.kind, one.measures) == (other.kind, other.measures)


def _kept_draft(work: Work, guide: StructureGuide) -> Image.Image | None:
    """What is laid into a guide's landmark already; None where nothing is."""
    if guide.pattern is not None and guide.drafted is not None and is_same(guide.pattern, guide.drafted.pattern):
        return work.drafts[-1]
    same = guide.landmark_source == work.guide.landmark_source and torch.equal(guide.landmark, work.guide.landmark)
    return work.draft if same else None
