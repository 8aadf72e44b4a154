"""The words that a run is found by."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

_UNREAD = "Unknown"  # of an attribute; nobody searches for it


def search_words(*, photo_name: str, attributes: Mapping[str, str], seed: int, landmark_source: str, note: str) -> str:
    """Return all words of a run in one line, as `folded` writes them."""
    read = [value for value in attributes.values() if value != _UNREAD]
    return folded(" ".join([photo_name, *read, f"seed {seed}", landmark_source, note]))


def category_of(attributes: Mapping[str, str]) -> str:
    """Return the garment's category, "" where it is not known."""
    category = attributes.get("category", _UNREAD)
    return "" if category == _UNREAD else category


def folded(text: str) -> str:
    """Return text without case or accents, so that "cafe" finds "Café"."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).casefold()
