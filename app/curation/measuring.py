"""Measures read off an outline that nobody drew by measures: a pattern is cut to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from ragdiffusion.bank import Bank
    from ragdiffusion.retrieval.drafting import Drafted

_STARTS = 32  # of the nearest entries, whose patterns are tried first


def pattern_read(bank: Bank, silhouette: Tensor, embedding: Tensor) -> Drafted | None:
    """Cut a pattern to an outline, beginning with those of the entries that are most like it.

    Args:
        bank: that knows garments of its kind.
        silhouette: (S, S) in [0, 1], in the canonical frame.
        embedding: (D,) of it.

    Returns:
        None where none of the nearest entries has a pattern.
    """
    from ragdiffusion.retrieval.drafting import draft_to

    if len(bank) == 0:
        return None
    found = bank.search(embedding, min(_STARTS, len(bank)))
    return draft_to(silhouette, [found.patterns[number] for number in found.ids if number in found.patterns])
