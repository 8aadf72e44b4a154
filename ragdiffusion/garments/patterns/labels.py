"""What a parse of a photo calls garments of each kind."""

from __future__ import annotations

GROUPS = {"upper": "upper", "outer": "upper", "inner": "upper", "lower": "lower", "dress": "dress"}
"""Which of the three groups of garments each garment label belongs to."""
_OUTER = ("windbreaker", "jacket", "coat", "vest", "cardigan", "suit", "shawl", "robe")
_ONE_PIECE = ("dress", "jumpsuit", "dungarees", "slip")


def label_of(kind: str) -> str:
    """What a parse calls a garment of a kind where nothing else is worn: "upper", "outer", "lower" or "dress"."""
    if kind in ("trousers", "shorts", "skirt"):
        return "lower"
    if any(part in kind for part in _ONE_PIECE):
        return "dress"
    return "outer" if any(part in kind for part in _OUTER) else "upper"


def group_of(kind: str) -> str:
    """Upper, lower or dress: the three that must not be taken for each other."""
    return GROUPS[label_of(kind)]


def group_of_label(label: str | None) -> str | None:
    """The same of a garment's label in a parse; None where nobody named it."""
    return None if label is None else GROUPS[label]
