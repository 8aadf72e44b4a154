"""What the editor in the browser shows, as it tells Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from app.landmark_editor.rle import decode
from app.session_log.patterns import check_pattern
from app.session_log.values import LANDMARK_SOURCES
from ragdiffusion.garments.patterns import Pattern, draft
from ragdiffusion.images import MAX_FOREGROUND, MIN_FOREGROUND


@dataclass(frozen=True, eq=False)
class EditorState:
    """All that a person can set in the editor; Python makes its own guide agree with it.

    Args:
        token: of the retrieval that it belongs to.
        serial: grows with every change in the browser.
        k: candidates in use.
        alpha: share of the reconstruction in Eq. 3.
        source: "consensus", "candidate", "drafted" or "edited".
        choice: index of the picked candidate, None otherwise.
        mask: float32 (S, S) in [0, 1], the edited landmark; None otherwise.
        pattern: what a drafted landmark is drawn from; None otherwise.
    """

    token: int
    serial: int
    k: int
    alpha: float
    source: str
    choice: int | None
    mask: Tensor | None
    pattern: Pattern | None = None

    @classmethod
    def read(cls, value: Any, size: int) -> EditorState | None:
        """Read the value of the canvas.

        Args:
            value: from the browser.
            size: side of the guide's landmark, pixels.

        Returns:
            None where the value is what Python itself had sent.

        Raises:
            ValueError: if the outline encloses nearly nothing or nearly everything, measures contradict each other, or
                the value is damaged.
        """
        if not isinstance(value, Mapping) or "serial" not in value:
            return None
        try:
            source = value["source"]
            state = cls(
                token=int(value["token"]),
                serial=int(value["serial"]),
                k=int(value["k"]),
                alpha=float(value["alpha"]),
                source=source,
                choice=int(value["choice"]) if source == "candidate" else None,
                mask=_mask(value["mask"], size) if source == "edited" else None,
                pattern=_pattern(value["pattern"]) if source == "drafted" else None,
            )
        except (KeyError, TypeError, OverflowError) as error:
            raise ValueError(f"the canvas sent a state that cannot be read ({error!r}): reload the page") from error
        if source not in LANDMARK_SOURCES:
            raise ValueError(f"the canvas sent a landmark of the source {source!r}: reload the page")
        return state


def _pattern(value: Any) -> Pattern:
    logged = check_pattern(value)
    if logged is None:
        raise ValueError("the canvas sent a drafted outline without measures: reload the page")
    return draft(logged["kind"], logged["measures"])


def _mask(text: str, size: int) -> Tensor:
    pixels = decode(text, size)
    share = float((pixels > 127).mean())
    if share < MIN_FOREGROUND:
        raise ValueError(f"the outline encloses {share:.1%} of the canvas: draw the garment's shape, or undo (Ctrl+Z)")
    if share > MAX_FOREGROUND:
        raise ValueError(f"the outline encloses {share:.1%} of the canvas: leave some of it empty, or undo (Ctrl+Z)")
    return torch.from_numpy(pixels.astype(np.float32) / 255)
