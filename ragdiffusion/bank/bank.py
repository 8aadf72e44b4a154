"""The memory bank of embedding-landmark pairs (Sec. 3.2): search, change, log and undo."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from numbers import Integral
from pathlib import Path

import torch
from sqlalchemy import select
from torch import Tensor

from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN
from ragdiffusion.bank import entries as fields
from ragdiffusion.bank.access import BankAccess, version_of
from ragdiffusion.bank.edit_log import to_edits
from ragdiffusion.bank.editing import (
    add_entries,
    checked_entries,
    checked_updates,
    hold_to,
    meant,
    refuse_repeats,
    repeated,
    update_entries,
    with_tags,
)
from ragdiffusion.bank.entries import BankEntry, Edit, EntryUpdate, NewEntry
from ragdiffusion.bank.opening import new_bank, open_bank
from ragdiffusion.bank.patterns import PatternSpec, read_patterns
from ragdiffusion.bank.reading import entry_rows, every_entry, pictures, to_entry
from ragdiffusion.bank.search import Neighbours, Ranking, find, masks_of
from ragdiffusion.bank.store import Store, copy_file
from ragdiffusion.bank.tables import BankRow, EditRow, EntryRow


class Bank:
    """An open bank; made by `Bank.create` or `Bank.open`, closed by `close` or a `with` block.

    The database is the only truth. The search index follows it, and before each search it takes over what others
    have changed since. One object may be used by several threads.
    """

    def __init__(self, store: Store) -> None:
        self.access = BankAccess(store)
        about = self.access.about
        self.name, self.fingerprint = about.name, about.fingerprint
        self.dimension, self.precision = about.dimension, about.precision
        self._store, self._lock, self._follower = store, self.access.lock, self.access.follower

    @classmethod
    def create(
        cls,
        location: str | Path,
        *,
        fingerprint: str,
        dimension: int,
        name: str | None = None,
        precision: str = "float32",
    ) -> "Bank":
        """Make an empty bank.

        Args:
            location: a new file, or the SQLAlchemy URL of an empty database.
            fingerprint: of the StructureNet checkpoint that encodes its entries.
            dimension: length D of the embeddings.
            name: how people and versions call it; the file's name if None.
            precision: "float32", or "float16" for a bank of half the size (similarities vary by about 1e-4).

        Raises:
            ValueError: if something is there already or an argument is not as described.
        """
        return cls(new_bank(location, fingerprint=fingerprint, dimension=dimension, name=name, precision=precision))

    @classmethod
    def open(cls, location: str | Path, *, fingerprint: str | None = None, read_only: bool = False) -> "Bank":
        """Open a bank and load its index. A file that cannot be written is opened for reading.

        Args:
            location: a bank file or SQLAlchemy URL.
            fingerprint: of the encoder that will make the queries; None skips the check.
            read_only: refuse changes even where they are possible, and leave the file untouched.

        Raises:
            ValueError: if there is no bank, its schema is not this program's, or another encoder made it.
            RuntimeError: if the database is locked or damaged.
        """
        store = open_bank(location, fingerprint=fingerprint, read_only=read_only)
        try:
            return cls(store)
        except BaseException:
            store.close()
            raise

    def close(self) -> None:
        """Close the database; the object cannot be used afterwards."""
        self._store.close()

    def closed(self, patience: float) -> AbstractContextManager[None]:
        """Leave the file alone for a while, so that it can be moved: who uses the bank meanwhile waits.

        Args:
            patience: seconds to wait for those who are at it.

        Raises:
            TimeoutError: if they are still at it then.
        """
        return self._store.closed(patience)

    def moved(self, path: Path, name: str) -> None:
        """Go on with the file at another place, under another name; told while it is `closed`."""
        self._store.moved(path)
        self.name = self.access.about.name = name

    def __enter__(self) -> "Bank":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __len__(self) -> int:
        """Number of enabled entries, which are those that search can find."""
        with self._lock, self.access.reading() as session:
            return len(self._follower.refresh(session))

    @property
    def path(self) -> Path | None:
        """Its file; None for a database server."""
        return self._store.path

    @property
    def label(self) -> str:
        """How messages name it; without a password."""
        return self._store.label

    @property
    def read_only(self) -> bool:
        """Whether changes are refused."""
        return self._store.read_only

    @property
    def revision(self) -> int:
        """Number of actions so far; every one moves it, whoever did it."""
        with self.access.reading() as session:
            return session.scalars(select(BankRow.revision)).one()

    @property
    def version(self) -> str:
        """Name, revision and hash of all that was done, like "studio-r12-3f2a9c"; every change moves it."""
        with self._lock, self.access.reading() as session:
            self._follower.refresh(session)
            return version_of(self.name, self._follower.revision, self._follower.digest)

    def search(
        self,
        embedding: Tensor,
        k: int,
        *,
        size: int = 256,
        exclude: Collection[int] = (),
        ranking: Ranking | None = None,
    ) -> Neighbours:
        """The k enabled entries nearest to an embedding by cosine similarity, or the best k of the nearest.

        The search is exact in banks of up to 100,000 entries, and beyond that where an approximate one would find
        too few of the nearest (`VectorIndex`). Equally similar entries come in order of their ids.

        Args:
            embedding: (D,) structure embedding of unit length.
            k: number of entries wanted.
            size: side of the silhouettes in pixels.
            exclude: ids that must not be found, such as the photo's own entry.
            ranking: puts the nearest in another order before k are taken.

        Returns:
            The neighbours, most similar first, or as `ranking` has them; on the CPU in float32.

        Raises:
            ValueError: if the embedding is not of the bank's dimension, finite and of unit length, or k is
                less than 1 or more than the entries there are.
        """
        if isinstance(k, bool) or not isinstance(k, Integral) or k < 1:
            raise ValueError(f"K must be a whole number of at least 1, got {k!r}")
        query = fields.unit_vector(embedding, self.dimension)
        with self._lock, self.access.reading() as session:
            found = find(session, self._follower, query, int(k), exclude=exclude, ranking=ranking)
            rows = session.execute(select(EntryRow.id, EntryRow.silhouette).where(EntryRow.id.in_(found.ids)))
            silhouettes = {row.id: row.silhouette for row in rows}
            patterns = read_patterns(session, found.ids)
            version = version_of(self.name, self._follower.revision, self._follower.digest)
        return Neighbours(
            ids=tuple(found.ids),
            similarity=torch.from_numpy(found.similarity),
            embeddings=torch.from_numpy(found.vectors),
            silhouettes=masks_of([silhouettes[entry_id] for entry_id in found.ids], size, self.label),
            bank_version=version,
            patterns=patterns,
        )

    def embeddings(self) -> tuple[list[int], Tensor]:
        """Ids in ascending order and embeddings (N, D) float32 of all enabled entries."""
        with self._lock, self.access.reading() as session:
            ids, vectors = self._follower.refresh(session).vectors()
        return ids, torch.from_numpy(vectors)

    def attributes_by_id(self) -> dict[int, dict[str, str]]:
        """The 14 attributes of all enabled entries by id, in ascending order; no pictures are read."""
        query = select(EntryRow.id, EntryRow.attributes).where(EntryRow.enabled, EntryRow.deleted_at.is_(None))
        with self.access.reading() as session:
            return {
                entry_id: {attribute.key: known.get(attribute.key, UNKNOWN) for attribute in ATTRIBUTES}
                for entry_id, known in session.execute(query.order_by(EntryRow.id))
            }

    def entry(self, entry_id: int) -> BankEntry:
        """One entry, deleted ones included.

        Raises:
            ValueError: if there is none of this id.
        """
        with self.access.reading() as session:
            return to_entry(entry_rows(session, [entry_id])[0], self._follower)

    def attributes(self, ids: Sequence[int]) -> list[dict[str, str]]:
        """Known attributes of entries, in the order of their ids; deleted ones included.

        Raises:
            ValueError: if there is none of an id.
        """
        with self.access.reading() as session:
            known = {row.id: dict(row.attributes) for row in entry_rows(session, ids)}
        return [known[entry_id] for entry_id in ids]

    def silhouettes(self, ids: Sequence[int]) -> dict[int, bytes]:
        """Silhouettes of entries by id, deleted ones included: 1-bit PNG of 512 x 512."""
        with self.access.reading() as session:
            return pictures(session, ids, "silhouette")

    def thumbnails(self, ids: Sequence[int]) -> dict[int, bytes]:
        """Picture files of those entries that have one, by id, deleted ones included."""
        with self.access.reading() as session:
            return pictures(session, ids, "thumbnail")

    def neighbours(self, entry_id: int, k: int = 8) -> list[tuple[int, float]]:
        """The k other enabled entries nearest to one, and their cosine similarity, the nearest first.

        Raises:
            ValueError: if there is no entry of this id.
        """
        with self._lock, self.access.reading() as session:
            query = self._follower.vectors(entry_rows(session, [entry_id]))[0]
            others = len(self._follower.refresh(session)) - (entry_id in self._follower.refresh(session))
            found = find(session, self._follower, query, min(k, others), exclude=[entry_id])
            return list(zip(found.ids, found.similarity.tolist(), strict=True))

    def patterns(self, ids: Sequence[int]) -> dict[int, PatternSpec]:
        """What entries were drawn from, by id; those without a pattern, or changed by hand since, are left out."""
        with self.access.reading() as session:
            return read_patterns(session, ids)

    def entries(self, *, enabled: bool | None = None, deleted: bool = False) -> Iterator[BankEntry]:
        """Entries in order of their ids.

        Args:
            enabled: only those enabled or only those disabled; None gives both.
            deleted: the deleted ones instead of the others.
        """
        return every_entry(self._store, self._follower, enabled=enabled, deleted=deleted)

    def edits(self, limit: int = 50, *, before: int | None = None) -> list[Edit]:
        """The latest actions, newest first; those before a revision, to read on."""
        query = select(EditRow).order_by(EditRow.revision.desc()).limit(limit)
        with self.access.reading() as session:
            return to_edits(
                session, session.scalars(query if before is None else query.where(EditRow.revision < before)).all()
            )

    def duplicates(self, entries: Sequence[NewEntry]) -> dict[int, str]:
        """Which of some flat-lays the bank holds already, or are twice among them: what `add` would refuse.

        Two are the same if their silhouettes are equal and their embeddings so near that search cannot tell them
        apart. Deleted entries count, since they can be restored.

        Returns:
            Place in the list -> what it is the same as and what to do.

        Raises:
            ValueError: if one is not as `NewEntry` says; the message names its place in the list.
        """
        values = checked_entries(entries, self.dimension, self.precision)
        with self.access.reading() as session:
            return repeated(session, values, self.dimension, self.precision)

    def add(
        self, entries: Sequence[NewEntry], *, allow_duplicates: bool = False, author: str = "", action: str = "add"
    ) -> tuple[int, ...]:
        """Add entries, all or none.

        Args:
            entries: to add.
            allow_duplicates: take what `duplicates` names too, as a copy of a bank that holds some must.
            author: who does it.
            action: "add" or "import", its name in the log.

        Returns:
            Their ids, in order.

        Raises:
            ValueError: if one is not as `NewEntry` says, or a duplicate; the message names its place in the list.
            RuntimeError: if the bank is read-only or locked.
        """
        values = checked_entries(entries, self.dimension, self.precision)
        with self.access.editing(action, author) as edit:
            if not allow_duplicates:
                refuse_repeats(edit.session, values, self.dimension, self.precision)
            return add_entries(edit, entries, values)

    def update(
        self, updates: Sequence[EntryUpdate], *, author: str = "", expected: Mapping[int, int] | None = None
    ) -> None:
        """Give entries new values, all or none.

        An embedding tells of attributes, too: `attributing.change_attributes` moves both.

        Args:
            updates: what to change.
            author: who does it.
            expected: entry -> its revision when the caller looked at it.

        Raises:
            ConflictError: if an entry was changed since.
            ValueError: if an id is unknown, deleted or named twice, or a value is not as `NewEntry` says.
            RuntimeError: if the bank is read-only or locked.
        """
        changes = checked_updates(updates, self.dimension, self.precision)
        with self.access.editing("update", author) as edit:
            hold_to(edit, expected, {new.id: new for new in updates}, self._follower)
            update_entries(edit, updates, changes)

    def tag(
        self, ids: Sequence[int], *, add: Collection[str] = (), remove: Collection[str] = (), author: str = ""
    ) -> None:
        """Add tags to entries and take others away; raises as `update` does, and ValueError if a tag is no word."""
        with self.access.editing("update", author) as edit:
            for row in edit.rows(ids):
                edit.set(row, {"tags": with_tags(row.tags, add, remove)})

    def set_enabled(
        self, ids: Sequence[int], enabled: bool, *, author: str = "", expected: Mapping[int, int] | None = None
    ) -> None:
        """Let entries be found, or hide them from search; those that are so are left. Raises as `update` does."""
        with self.access.editing("enable" if enabled else "disable", author) as edit:
            hold_to(edit, expected, {}, self._follower)
            for row in edit.rows(ids):
                edit.set(row, {"enabled": enabled})

    def delete(self, ids: Sequence[int], *, author: str = "", expected: Mapping[int, int] | None = None) -> None:
        """Move entries to the bin; raises as `update` does."""
        with self.access.editing("delete", author) as edit:
            hold_to(edit, expected, {}, self._follower)
            for row in edit.rows(ids):
                edit.set(row, {"deleted_at": edit.at})

    def restore(self, ids: Sequence[int], *, author: str = "") -> None:
        """Take entries back from the bin, as they were; raises as `update` does, ValueError if one is not there."""
        with self.access.editing("restore", author) as edit:
            for row in edit.rows(ids, deleted=True):
                edit.set(row, {"deleted_at": None})

    def undo(self, *, author: str = "", expected: int | None = None) -> Edit:
        """Take back the latest action that was not undone yet; added entries go to the bin.

        That is a revision of its own. With `expected`, the revision of the action that is meant, no other is undone.

        Returns:
            The action that was undone.

        Raises:
            ValueError: if the latest action is another than is meant.
            RuntimeError: if there is nothing to undo, or the bank is read-only or locked.
        """
        with self.access.editing("undo", author) as edit:
            return meant(edit.undo(), expected)

    def redo(self, *, author: str = "", expected: int | None = None) -> Edit:
        """Do again what the latest undo took back, if nothing else was done since; as `undo` in all else."""
        with self.access.editing("redo", author) as edit:
            return meant(edit.redo(), expected)

    def copy(self, destination: str | Path) -> Path:
        """Write a compact copy with the same version into a new file.

        Raises:
            ValueError: if the bank is on a database server, or the destination exists or cannot be made.
        """
        path = Path(destination).expanduser().absolute()
        copy_file(self._store, path)
        return path
