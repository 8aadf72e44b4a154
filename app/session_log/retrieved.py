"""Which entries of a bank runs had as candidates, and which of them was the landmark."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from app.session_log.database import Database
from app.session_log.tables import RunRow


@dataclass(frozen=True)
class Retrieved:
    """What one run found.

    Attributes:
        id: of the run.
        bank_version: of the bank that was searched.
        entries: ids of its candidates, in order.
        landmark: id of the one whose silhouette the picture followed; None where it was drawn by hand.
    """

    id: int
    bank_version: str
    entries: tuple[int, ...]
    landmark: int | None


class RetrievedEntries:
    """Reads what runs found, of all people: a bank is used by all of them.

    Args:
        database: of the log.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def since(self, last: int) -> list[Retrieved]:
        """Return runs of this studio with a number above `last` that have ended, in order, up to one still under way.

        A run of a batch has its candidates only when it is done, so those behind it are left for the next time.
        """
        columns = (RunRow.id, RunRow.status, RunRow.bank_version, RunRow.candidates, RunRow.consensus, RunRow.choice)
        query = select(*columns, RunRow.landmark_source).where(RunRow.id > last, RunRow.imported.is_(False))
        found = []
        with self._database.reading() as session:
            for run_id, status, version, candidates, consensus, choice, source in session.execute(
                query.order_by(RunRow.id)
            ):
                if status in ("queued", "running"):
                    break
                if not version:
                    continue
                ids = tuple(int(candidate["id"]) for candidate in candidates)
                place = {"consensus": consensus, "candidate": choice}.get(source)
                landmark = ids[place] if place is not None and 0 <= place < len(ids) else None
                found.append(Retrieved(run_id, version, ids, landmark))
        return found
