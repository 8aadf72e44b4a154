"""What the Bank page looks up: grid, entry, map, and garments by measures. Nothing here changes a bank."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from app.curation.curator import Curator
from app.curation.drawing import curves_of, drawn, form_of, known_kind, measures_of
from app.curation.progress import ProgressNotes
from app.curation.uses import UseCounter
from app.pages.bank.events import entries_of, entry_of, filter_of, packed, sort_of
from app.pages.bank.states import BankStates
from app.pages.bank.views import card_view, cloud_view, entry_view, facets_view
from app.pages.shared.plane import principal_plane

if TYPE_CHECKING:
    from ragdiffusion.bank import Bank
    from ragdiffusion.bank.browsing import Uses

_CARDS = 200  # at a time
_NEIGHBOURS = 6


class LookHandlers:
    """Answers what is looked up.

    Args:
        curator: knows the bank that lies open.
        counter: knows how often entries were used.
        states: tells how the bank stands.
        progress: knows how far what takes long is.
    """

    def __init__(self, curator: Curator, counter: UseCounter, states: BankStates, progress: ProgressNotes) -> None:
        self._curator = curator
        self._counter = counter
        self._states = states
        self._progress = progress
        self._lock = threading.Lock()
        self._cloud: tuple[str, dict[str, Any]] | None = None

    def state(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Tell how the bank stands, if its `version` or what is `encoding` is another than the event's."""
        if (event.get("version"), event.get("encoding", "")) == (self._curator.bank.version, self._states.encoding()):
            return {}
        return {"bank": self._states.view(login)}

    def progress(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Tell with how many entries what takes long is through, of how many; the event names it by its `token`."""
        far = self._progress.far(str(event.get("token")))
        return {} if far is None else {"done": far[0], "entries": far[1]}

    def find(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Find entries: the event holds the filters' fields, and the entry that the others may be similar to."""
        from ragdiffusion.bank.browsing import browse, facets

        # Before what is found: a page whose list is newer than the state that it knows looks again by itself, and one
        # whose list is older never would.
        bank, state = self._curator.bank, self._states.view(login)
        fields = event.get("filter")
        wanted, (sort, like) = filter_of(fields), sort_of(fields, event.get("near"))
        uses = self.uses(bank)
        page = browse(bank, wanted, sort=sort, like=like, uses=uses, limit=0)
        found: dict[str, Any] = {"ids": packed(page.ids, "<i4"), "version": page.version}
        if event.get("facets"):
            found["facets"] = facets_view(facets(bank, uses=uses))
        return {**found, "bank": state}

    def cards(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Return the cards of some entries, in the grid or in the bin."""
        from ragdiffusion.bank.browsing import Filter, browse

        bank, ids = self._curator.bank, entries_of(event)[:_CARDS]
        uses = self.uses(bank)
        silhouettes = bank.silhouettes(ids)
        rows = [
            row
            for deleted in (False, True)
            for row in browse(bank, Filter(ids=ids, deleted=deleted), uses=uses, limit=len(ids)).rows
        ]
        return {"cards": [card_view(row, silhouettes[row.id]) for row in rows]}

    def entry(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Return all that is known of one entry."""
        from ragdiffusion.bank.browsing import Filter, Uses, browse
        from ragdiffusion.bank.history import of_entry
        from ragdiffusion.bank.quality import findings_of

        bank, number = self._curator.bank, entry_of(event)
        entry = bank.entry(number)
        near = bank.neighbours(number, _NEIGHBOURS)
        silhouettes = bank.silhouettes([other for other, _ in near])
        (row,) = browse(bank, Filter(ids=[number], deleted=entry.deleted_at is not None), limit=1).rows
        view = entry_view(
            entry,
            pattern=bank.patterns([number]).get(number),
            near=[(other, similarity, silhouettes[other]) for other, similarity in near],
            history=of_entry(bank, number),
            uses=self.uses(bank).get(number, Uses()),
            findings=[finding.text for finding in findings_of(entry.silhouette)],
            symmetry=row.symmetry,
        )
        return {"entry": view}

    def map(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Return the bank's embeddings in their principal plane."""
        from ragdiffusion.bank.browsing import values_of

        bank = self._curator.bank
        with self._lock:
            version = bank.version
            if self._cloud is None or self._cloud[0] != version:
                ids, vectors = bank.embeddings()
                if not ids:
                    raise ValueError("this bank has no entry in use: there is nothing to map")
                categories = values_of(bank, "category", ids)
                points = principal_plane(vectors.numpy()).place(vectors.numpy())
                self._cloud = version, cloud_view(ids, points, categories)
            return {"cloud": self._cloud[1]}

    def kind(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Return the sliders of a kind of garment, at the measures that are given or at its own."""
        kind = known_kind(event.get("kind"))
        return form_of(kind, measures_of(kind, event.get("measures") or {}, of_any=True))

    def draw(self, login: str, event: dict[str, Any]) -> dict[str, Any]:
        """Draw a garment by its measures, or say which of them contradict each other."""
        kind = known_kind(event.get("kind"))
        found = drawn(kind, measures_of(kind, event.get("measures")))
        curves = None if found.pattern is None else curves_of(found.pattern)
        return {"drawing": curves, "wrong": found.wrong, "measures": list(found.measures)}

    def uses(self, bank: Bank) -> dict[int, Uses]:
        """How often the entries of a bank were used."""
        return self._counter.uses(lambda version: self._states.belongs(bank, version))
