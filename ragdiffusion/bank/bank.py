"""The memory bank of embedding-landmark pairs (Sec. 3.2): search, change, log and undo."""

import hashlib
import re
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sqlalchemy import select
from sqlalchemy.orm import Session
from torch import Tensor

from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN, group_of
from ragdiffusion.bank import entries as fields
from ragdiffusion.bank.duplicates import describe_repeats
from ragdiffusion.bank.edit_log import Recorder, aware, entry_rows, to_edit
from ragdiffusion.bank.entries import BankEntry, Edit, EntryUpdate, NewEntry
from ragdiffusion.bank.follower import IndexFollower
from ragdiffusion.bank.patterns import PatternSpec, read_patterns, store_patterns
from ragdiffusion.bank.search import Neighbours, Ranking
from ragdiffusion.bank.store import (
    READABLE_SCHEMAS,
    SCHEMA_VERSION,
    BankRow,
    EditRow,
    EntryRow,
    Store,
    check_about,
    copy_file,
    create_store,
    file_of,
    open_store,
)
from ragdiffusion.images import decode_silhouettes

_PAGE = 256  # entries read at a time


class Bank:
    """An open bank; made by `Bank.create` or `Bank.open`, closed by `close` or a `with` block.

    The database is the only truth. The search index follows it, and before each search it takes over what others
    have changed since. One object may be used by several threads.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.RLock()
        with store.transaction() as session:
            row = session.scalars(select(BankRow)).one_or_none()
            if row is None:
                raise ValueError(f"{store.label} is not a bank: give the path of a bank file")
            if row.schema_version not in READABLE_SCHEMAS:
                raise ValueError(
                    f"bank {store.label} has schema version {row.schema_version}, this program "
                    f"reads version {SCHEMA_VERSION}: update RAGDiffusion, or build the bank again"
                )
            check_about(row)
            self.name = row.name
            self.fingerprint = row.fingerprint
            self.dimension = row.dimension
            self.precision = row.precision
            self._follower = IndexFollower(session, self.dimension, self.precision)

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
        """Makes an empty bank.

        Args:
            location: a new file, or the SQLAlchemy URL of an empty database.
            fingerprint: of the StructureNet checkpoint that encodes its entries.
            dimension: length D of the embeddings.
            name: how people and versions call it; the file's name if None.
            precision: "float32", or "float16" for a bank of half the size (similarities vary by about 1e-4).

        Raises:
            ValueError: if something is there already or an argument is not as described.
        """
        if not fingerprint:
            raise ValueError("a bank needs the fingerprint of the encoder that makes its embeddings, got an empty one")
        if isinstance(dimension, bool) or not isinstance(dimension, Integral) or dimension < 1:
            raise ValueError(f"dimension must be a whole number of at least 1, got {dimension!r}")
        if precision not in fields.PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(fields.PRECISIONS)}, got {precision!r}")
        path = file_of(location)
        name = name or (path.stem if path else "bank")
        digest = hashlib.sha256(f"{fingerprint}\n{dimension}\n{precision}".encode()).hexdigest()
        store = create_store(
            location,
            BankRow(
                id=1,
                schema_version=SCHEMA_VERSION,
                name=name,
                fingerprint=fingerprint,
                dimension=int(dimension),
                precision=precision,
                revision=0,
                digest=digest,
            ),
        )
        return cls(store)

    @classmethod
    def open(cls, location: str | Path, *, fingerprint: str | None = None, read_only: bool = False) -> "Bank":
        """Opens a bank and loads its index. A file that cannot be written is opened for reading.

        Args:
            location: a bank file or SQLAlchemy URL.
            fingerprint: of the encoder that will make the queries; None skips the check.
            read_only: refuse changes even where they are possible, and leave the file untouched.

        Raises:
            ValueError: if there is no bank, its schema is not this program's, or another encoder made it.
            RuntimeError: if the database is locked or damaged.
        """
        store = open_store(location, read_only=read_only)
        try:
            bank = cls(store)
            if fingerprint is not None and fingerprint != bank.fingerprint:
                raise ValueError(
                    f"bank {store.label} was made with encoder {bank.fingerprint}, this is "
                    f"encoder {fingerprint}: load that checkpoint, or encode the bank again with this one"
                )
        except BaseException:
            store.close()
            raise
        return bank

    def close(self) -> None:
        """Closes the database; the object cannot be used afterwards."""
        self._store.close()

    def __enter__(self) -> "Bank":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __len__(self) -> int:
        """Number of enabled entries, which are those that search can find."""
        with self._lock, self._store.transaction() as session:
            return len(self._follower.refresh(session))

    @property
    def read_only(self) -> bool:
        """Whether changes are refused."""
        return self._store.read_only

    @property
    def version(self) -> str:
        """Name, revision and hash of all that was done, like "studio-r12-3f2a9c"; every change moves it."""
        with self._lock, self._store.transaction() as session:
            self._follower.refresh(session)
            return self._version()

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
            embedding: [D] structure embedding of unit length.
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
        with self._lock, self._store.transaction() as session:
            index = self._follower.refresh(session)
            hidden = {int(entry_id) for entry_id in exclude if int(entry_id) in index}
            found = len(index) - len(hidden)
            if k > found:
                remedy = f"lower K to at most {found} or add entries" if found else "add entries"
                besides = f" besides {len(hidden)} excluded" if hidden else ""
                raise ValueError(f"the bank holds {found} enabled entries{besides}, K={k} asked: {remedy}")
            index.prepare()  # which decides how far it reaches
            depth = int(k) if ranking is None else min(max(int(k), min(ranking.depth, index.reach)), found)
            ids, similarity, vectors = index.search(query, depth + len(hidden))
            similarity = similarity.astype(np.float32).clip(-1.0, 1.0)
            kept = [i for i, entry_id in enumerate(ids.tolist()) if entry_id not in hidden][:depth]
            if ranking is not None:
                order = ranking.order(similarity[kept], self._follower.shapes(session, ids[kept].tolist()))
                kept = [kept[place] for place in order]
                if ranking.group is not None:
                    first = _of_group_first(session, ids[kept].tolist(), ranking.group, int(k))
                    kept = [kept[place] for place in first]
                kept = kept[:k]
            ids = ids[kept].tolist()
            rows = session.execute(select(EntryRow.id, EntryRow.silhouette).where(EntryRow.id.in_(ids)))
            silhouettes = {row.id: row.silhouette for row in rows}
            version = self._version()
        return Neighbours(
            ids=tuple(ids),
            similarity=torch.from_numpy(similarity[kept]),
            embeddings=torch.from_numpy(vectors[kept]),
            silhouettes=self._masks([silhouettes[entry_id] for entry_id in ids], size),
            bank_version=version,
        )

    def _masks(self, silhouettes: Sequence[bytes], size: int) -> Tensor:
        try:
            return decode_silhouettes(silhouettes, size)
        except ValueError as error:
            remedy = "`bank check` names the entries"
            raise RuntimeError(f"bank {self._store.label} is damaged: {error}; {remedy}") from error

    def embeddings(self) -> tuple[list[int], Tensor]:
        """Ids in ascending order and embeddings [N, D] float32 of all enabled entries."""
        with self._lock, self._store.transaction() as session:
            ids, vectors = self._follower.refresh(session).vectors()
        return ids, torch.from_numpy(vectors)

    def attributes_by_id(self) -> dict[int, dict[str, str]]:
        """The 14 attributes of all enabled entries by id, in ascending order; no pictures are read."""
        query = select(EntryRow.id, EntryRow.attributes).where(EntryRow.enabled, EntryRow.deleted_at.is_(None))
        with self._store.transaction() as session:
            return {
                entry_id: {attribute.key: known.get(attribute.key, UNKNOWN) for attribute in ATTRIBUTES}
                for entry_id, known in session.execute(query.order_by(EntryRow.id))
            }

    def entry(self, entry_id: int) -> BankEntry:
        """One entry, deleted ones included.

        Raises:
            ValueError: if there is none of this id.
        """
        with self._store.transaction() as session:
            return self._to_entry(entry_rows(session, [entry_id])[0])

    def attributes(self, ids: Sequence[int]) -> list[dict[str, str]]:
        """Known attributes of entries, in the order of their ids; deleted ones included.

        Raises:
            ValueError: if there is none of an id.
        """
        with self._store.transaction() as session:
            known = {row.id: dict(row.attributes) for row in entry_rows(session, ids)}
        return [known[entry_id] for entry_id in ids]

    def patterns(self, ids: Sequence[int]) -> dict[int, PatternSpec]:
        """What entries were drawn from, by id; those without a pattern, or changed by hand since, are left out."""
        with self._store.transaction() as session:
            return read_patterns(session, ids)

    def entries(self, *, enabled: bool | None = None, deleted: bool = False) -> Iterator[BankEntry]:
        """Entries in order of their ids.

        Args:
            enabled: only those enabled or only those disabled; None gives both.
            deleted: the deleted ones instead of the others.
        """
        query = select(EntryRow).order_by(EntryRow.id).limit(_PAGE)
        query = query.where(EntryRow.deleted_at.is_not(None) if deleted else EntryRow.deleted_at.is_(None))
        if enabled is not None:
            query = query.where(EntryRow.enabled.is_(enabled))
        last = 0
        # In short transactions, so that a slow reader holds up nobody.
        while True:
            with self._store.transaction() as session:
                chunk = [self._to_entry(row) for row in session.scalars(query.where(EntryRow.id > last))]
            yield from chunk
            if len(chunk) < _PAGE:
                return
            last = chunk[-1].id

    def edits(self, limit: int = 50) -> list[Edit]:
        """The latest actions, newest first."""
        with self._store.transaction() as session:
            rows = session.scalars(select(EditRow).order_by(EditRow.revision.desc()).limit(limit))
            return [to_edit(row) for row in rows]

    def duplicates(self, entries: Sequence[NewEntry]) -> dict[int, str]:
        """Which of some flat-lays the bank holds already, or are twice among them: what `add` would refuse.

        Two are the same if their silhouettes are equal and their embeddings so near that search cannot tell them
        apart. Deleted entries count, since they can be restored.

        Returns:
            Place in the list -> what it is the same as and what to do.

        Raises:
            ValueError: if one is not as `NewEntry` says; the message names its place in the list.
        """
        values = self._checked(entries)
        with self._store.transaction() as session:
            return self._repeated(session, values)

    def add(self, entries: Sequence[NewEntry], *, allow_duplicates: bool = False) -> tuple[int, ...]:
        """Adds entries, all or none.

        Args:
            entries: to add.
            allow_duplicates: take what `duplicates` names too, as a copy of a bank that holds some must.

        Returns:
            Their ids, in order.

        Raises:
            ValueError: if one is not as `NewEntry` says, or a duplicate; the message names its place in the list.
            RuntimeError: if the bank is read-only or locked.
        """
        values = self._checked(entries)
        with self._edit("add") as edit:
            repeated = {} if allow_duplicates else self._repeated(edit.session, values)
            if repeated:
                place = min(repeated)
                more = f" ({len(repeated) - 1} more are duplicates too)" if len(repeated) > 1 else ""
                raise ValueError(f"entry {place} of {len(entries)} cannot be added: {repeated[place]}{more}")
            ids = edit.create(values)
            store_patterns(
                edit.session, ids, [new.pattern for new in entries], [value["silhouette"] for value in values]
            )
            return ids

    def update(self, updates: Sequence[EntryUpdate]) -> None:
        """Gives entries new values, all or none.

        Raises:
            ValueError: if an id is unknown, deleted or named twice, or a value is not as `NewEntry` says.
            RuntimeError: if the bank is read-only or locked.
        """
        changes: dict[int, dict[str, Any]] = {}
        for new in updates:
            if new.id in changes:
                raise ValueError(f"entry {new.id} is named twice: merge its updates into one")
            changes[new.id] = fields.checked_fields(new, self.dimension, self.precision)
        with self._edit("update") as edit:
            for row in edit.rows(changes):
                edit.set(row, changes[row.id])

    def set_enabled(self, ids: Sequence[int], enabled: bool) -> None:
        """Lets entries be found, or hides them from search. Entries that are so already are left.

        Raises:
            ValueError: if an id is unknown or deleted.
            RuntimeError: if the bank is read-only or locked.
        """
        with self._edit("enable" if enabled else "disable") as edit:
            for row in edit.rows(ids):
                edit.set(row, {"enabled": enabled})

    def delete(self, ids: Sequence[int]) -> None:
        """Moves entries to the bin.

        Raises:
            ValueError: if an id is unknown or deleted already.
            RuntimeError: if the bank is read-only or locked.
        """
        with self._edit("delete") as edit:
            for row in edit.rows(ids):
                edit.set(row, {"deleted_at": edit.at})

    def restore(self, ids: Sequence[int]) -> None:
        """Takes entries back from the bin, as they were.

        Raises:
            ValueError: if an id is unknown or not deleted.
            RuntimeError: if the bank is read-only or locked.
        """
        with self._edit("restore") as edit:
            for row in edit.rows(ids, deleted=True):
                edit.set(row, {"deleted_at": None})

    def undo(self) -> Edit:
        """Takes back the latest action that was not undone yet; added entries go to the bin.

        That is a revision of its own.

        Returns:
            The action that was undone.

        Raises:
            RuntimeError: if there is nothing to undo, or the bank is read-only or locked.
        """
        with self._edit("undo") as edit:
            return edit.revert_latest()

    def copy(self, destination: str | Path) -> Path:
        """Writes a compact copy with the same version into a new file.

        Raises:
            ValueError: if the bank is on a database server, or the destination exists or cannot be made.
        """
        path = Path(destination).expanduser().absolute()
        copy_file(self._store, path)
        return path

    def _checked(self, entries: Sequence[NewEntry]) -> list[dict[str, Any]]:
        """New entries as the database takes them.

        Raises:
            ValueError: if one is not as `NewEntry` says.
        """
        values = []
        for place, new in enumerate(entries):
            try:
                checked = fields.checked_fields(new, self.dimension, self.precision)
                values.append({"enabled": True, "deleted_at": None, "thumbnail": None, **checked})
            except ValueError as error:
                raise ValueError(f"entry {place} of {len(entries)} cannot be added: {error}") from error
        return values

    def _repeated(self, session: Session, values: Sequence[dict[str, Any]]) -> dict[int, str]:
        return describe_repeats(
            session,
            [value["silhouette"] for value in values],
            [value["embedding"] for value in values],
            dimension=self.dimension,
            precision=self.precision,
        )

    @contextmanager
    def _edit(self, action: str) -> Iterator[Recorder]:
        if self.read_only:
            raise RuntimeError(f"bank {self._store.label} is read-only: copy it to your workspace and change the copy")
        with self._store.transaction() as session:
            recorder = Recorder(session, action)
            yield recorder
            recorder.finish()

    def _version(self) -> str:
        slug = re.sub(r"\W+", "-", self.name).strip("-").lower() or "bank"
        return f"{slug}-r{self._follower.revision}-{self._follower.digest[:6]}"

    def _to_entry(self, row: EntryRow) -> BankEntry:
        return BankEntry(
            id=row.id,
            embedding=torch.from_numpy(self._follower.vectors([row])[0].copy()),
            silhouette=row.silhouette,
            thumbnail=row.thumbnail,
            attributes={attribute.key: row.attributes.get(attribute.key, UNKNOWN) for attribute in ATTRIBUTES},
            source=row.source,
            tags=tuple(row.tags),
            enabled=row.enabled,
            deleted_at=None if row.deleted_at is None else aware(row.deleted_at),
        )


def _of_group_first(session: Session, ids: Sequence[int], group: str, k: int) -> list[int]:
    """Positions of entries, those of a group or of none known before the others, each in their order; k or more."""
    suiting: list[int] = []
    others: list[int] = []
    for start in range(0, len(ids), _PAGE):
        page = ids[start : start + _PAGE]
        rows = session.execute(select(EntryRow.id, EntryRow.attributes).where(EntryRow.id.in_(page)))
        groups = {row.id: group_of(row.attributes) for row in rows}
        for position, entry_id in enumerate(page, start):
            (suiting if groups[entry_id] in (group, UNKNOWN) else others).append(position)
        if len(suiting) >= k:
            break
    return suiting + others
