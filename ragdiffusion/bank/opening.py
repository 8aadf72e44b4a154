"""From a location to the database of a bank that this program can use: made anew, or opened and brought up to date."""

from __future__ import annotations

from numbers import Integral
from pathlib import Path

from sqlalchemy import select

from ragdiffusion.bank.encoders import start_digest
from ragdiffusion.bank.entries import PRECISIONS
from ragdiffusion.bank.store import Store, check_about, create_store, file_of, open_store
from ragdiffusion.bank.tables import FIRST_SCHEMA, READABLE_SCHEMAS, SCHEMA_VERSION, BankRow


def new_bank(location: str | Path, *, fingerprint: str, dimension: int, name: str | None, precision: str) -> Store:
    """Make an empty bank; what the arguments are stands at `Bank.create`.

    Raises:
        ValueError: if something is there already or an argument is not as described.
    """
    if not fingerprint:
        raise ValueError("a bank needs the fingerprint of the encoder that makes its embeddings, got an empty one")
    if isinstance(dimension, bool) or not isinstance(dimension, Integral) or dimension < 1:
        raise ValueError(f"dimension must be a whole number of at least 1, got {dimension!r}")
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    path = file_of(location)
    return create_store(
        location,
        BankRow(
            id=1,
            schema_version=SCHEMA_VERSION,
            name=name or (path.stem if path else "bank"),
            fingerprint=fingerprint,
            dimension=int(dimension),
            precision=precision,
            revision=0,
            digest=start_digest(fingerprint, int(dimension), precision),
        ),
    )


def open_bank(location: str | Path, *, fingerprint: str | None, read_only: bool) -> Store:
    """Open the database of a bank. One of an earlier schema is brought up to date before it is changed, and not before,
    unless it can't be read as it is.

    What can't be used is said and not touched.

    Raises:
        ValueError: if there is no bank, its schema is none that is known, or another encoder made it.
        RuntimeError: if the database is locked or damaged.
    """
    store = open_store(location, read_only=read_only)
    try:
        about = _about(store)
        if fingerprint is not None and fingerprint != about.fingerprint:
            raise ValueError(
                f"bank {store.label} was made with encoder {about.fingerprint}, this is encoder {fingerprint}: load "
                "that checkpoint, or encode the bank again with this one (`bank encode`)"
            )
        if about.schema_version not in READABLE_SCHEMAS:
            bring_up_to_date(store, about)
    except BaseException:
        store.close()
        raise
    return store


def bring_up_to_date(store: Store, about: BankRow) -> None:
    """Take a bank that may be written to this program's schema, if it is of an earlier one.

    Args:
        store: its database.
        about: its own row as it was read, which says which schema it has; changed too.

    Raises:
        RuntimeError: if the database is locked, full or damaged.
    """
    if about.schema_version < SCHEMA_VERSION:
        from ragdiffusion.bank.migrate import migrate  # Alembic is for banks of before, and takes a while to import

        migrate(store)
        about.schema_version = SCHEMA_VERSION


def _about(store: Store) -> BankRow:
    with store.transaction() as session:
        about = session.scalars(select(BankRow)).one_or_none()
        if about is None:
            raise ValueError(f"{store.label} is not a bank: give the path of a bank file")
        version = about.schema_version
        known = isinstance(version, int) and FIRST_SCHEMA <= version <= SCHEMA_VERSION
        if not known:
            raise ValueError(
                f"bank {store.label} has schema version {version}, this program reads version {SCHEMA_VERSION} and "
                "older ones: update RAGDiffusion; the bank was left as it is"
            )
        if store.read_only and version not in READABLE_SCHEMAS:
            raise ValueError(
                f"bank {store.label} has schema version {version}, which is not read as it is: copy the file to a "
                "place where it can be written and open it there, which brings it up to date"
            )
        check_about(about)
    return about
