"""A bank's database, an SQLite file or any other by URL: connections and transactions."""

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine, event, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DisconnectionError, NoSuchModuleError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from ragdiffusion.bank.damage import DamagedBankError
from ragdiffusion.bank.shared_lock import SharedLock
from ragdiffusion.bank.tables import BankRow, Base
from ragdiffusion.files import whole

BUSY_TIMEOUT_MS = 60_000  # of a writer: an import of thousands of entries is one transaction, and others wait for it
_PAGE_BYTES = 16384  # an entry has 2 to 3 kB: SQLite's usual 4096 would hold one each and stay half empty
_URL = re.compile(r"[A-Za-z][\w+.-]*://.*", re.DOTALL)
_CONNECTED: set[tuple[int, int]] = set()  # device and number of files that this process opened to be changed
_WAL_FORMAT = 2  # byte 18 of an SQLite file: its journal is a write-ahead log


@dataclass
class _Place:
    """Where a file is, and whether its store was closed; connections look here whenever they come and go."""

    path: Path
    closed: bool = False


@dataclass(frozen=True)
class Store:
    """An open database.

    Attributes:
        place: of its file, None for a database server.
        read_only: whether writing is refused.
        engine: SQLAlchemy's connections.
        lock: that transactions share.
    """

    place: _Place | None
    read_only: bool
    engine: Engine
    lock: SharedLock = field(default_factory=SharedLock)

    @property
    def path(self) -> Path | None:
        """Its file, None for a database server."""
        return None if self.place is None else self.place.path

    @property
    def label(self) -> str:
        """How messages name it; without a password."""
        return self.engine.url.render_as_string(hide_password=True) if self.place is None else str(self.place.path)

    @contextmanager
    def transaction(self, *, writes: bool = False) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back on any error.

        What is read in it is of one moment, whatever others write meanwhile. One that writes sees what others wrote
        before its own first statement, which must be a write (`edit_log.Recorder`), so that writers queue up.

        Args:
            writes: whether something will be changed.

        Raises:
            RuntimeError: if the database is locked, read-only, full, damaged or out of reach.
        """
        engine = self.engine
        if self.path is None and not writes:
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        try:
            with self.lock.shared():
                if writes and self.path is not None:
                    _log_ahead(engine)
                with Session(engine, expire_on_commit=False) as session, session.begin():
                    yield session
        except DatabaseError as error:
            raise _explained(error, self.label) from error
        except DamagedBankError as error:
            raise RuntimeError(f"bank {self.label}: {error}") from error

    @contextmanager
    def closed(self, patience: float) -> Iterator[None]:
        """Have no connection for a while: those who are at it end first, and who comes waits and connects anew.

        Args:
            patience: seconds to wait for their end.

        Raises:
            TimeoutError: if they are still at it then.
        """
        with self.lock.exclusive(patience):
            self.engine.dispose()
            yield

    def moved(self, path: Path) -> None:
        """Look for the file at another place from now on; while it is `closed`, who waits finds it there."""
        assert self.place is not None  # a server's database is no file
        self.place.path = path

    def close(self) -> None:
        """Close all connections; who reads on connects anew, and nothing of that is kept."""
        if self.place is not None:
            self.place.closed = True
        self.engine.dispose()


def check_about(row: BankRow) -> None:
    """Hold what a bank says about itself to what can be.

    Raises:
        DamagedBankError: if it can't.
    """
    for name, value, fits in (
        ("dimension", row.dimension, isinstance(row.dimension, int) and 1 <= row.dimension <= 65_536),
        ("precision", row.precision, row.precision in ("float32", "float16")),
        ("revision", row.revision, isinstance(row.revision, int) and row.revision >= 0),
        ("name", row.name, isinstance(row.name, str)),
        ("fingerprint", row.fingerprint, isinstance(row.fingerprint, str)),
        ("digest", row.digest, isinstance(row.digest, str)),
    ):
        if not fits:
            raise DamagedBankError(f"its {name} is {str(value)[:60]!r}")


def create_store(location: str | Path, bank: BankRow) -> Store:
    """Make the tables of a new bank and its own row in one transaction.

    Raises:
        ValueError: if something is there already, or the location cannot be used.
    """
    path = file_of(location)
    if path is None:
        store = _connect_server(str(location))
    else:
        if path.exists() and (path.is_dir() or path.stat().st_size > 0):
            raise ValueError(f"{path} exists already: open it, or create the bank under another name")
        if not path.parent.is_dir():
            raise ValueError(f"cannot create a bank in {path.parent}: there is no such folder, make it first")
        store = _connect_file(path, mode="rwc")
    with store.transaction(writes=True) as session:
        connection = session.connection()
        if inspect(connection).has_table(BankRow.__tablename__):
            raise ValueError(f"{store.label} holds a bank already: open it, or create the bank elsewhere")
        Base.metadata.create_all(connection)
        session.add(bank)
    return store


def open_store(location: str | Path, *, read_only: bool) -> Store:
    """Open the database of an existing bank, read-only where it cannot be written.

    Raises:
        ValueError: if nothing is there or it is not a bank.
    """
    path = file_of(location)
    if path is None:
        store = _connect_server(str(location), read_only=read_only)
    elif not path.is_file():
        raise ValueError(f"no bank at {path}: give the path of a bank file, or build a bank there")
    else:
        read_only = read_only or not (_is_writable(path) and _is_writable(path.parent))
        store = _connect_reader(path) if read_only else _connect_file(path, mode="rw")
    try:
        with store.engine.connect() as connection:
            if not inspect(connection).has_table(BankRow.__tablename__):
                raise ValueError(f"{store.label} is not a bank: give the path of a bank file")
    except DatabaseError as error:
        store.close()
        if "not a database" in str(error.orig):
            raise ValueError(f"{store.label} is not a bank: give the path of a bank file") from error
        raise _explained(error, store.label) from error
    except ValueError:
        store.close()
        raise
    return store


def copy_file(store: Store, destination: Path) -> None:
    """Write a compact copy of a bank file; the destination appears whole or not at all.

    Raises:
        ValueError: if the bank is no file, or the destination exists or cannot be made.
    """
    if store.path is None:
        raise ValueError(f"{store.label} is on a database server: copy it with the server's own tools")
    if destination.exists() or not destination.parent.is_dir():
        raise ValueError(f"cannot copy the bank to {destination}: choose a new file name in an existing folder")
    try:
        with whole(destination) as partial, store.lock.shared(), store.engine.connect() as connection:
            # Outside a transaction, where alone SQLite allows it.
            driver = connection.connection.driver_connection
            assert driver is not None  # the connection is open
            driver.execute("VACUUM INTO ?", (str(partial),))
    except (DatabaseError, sqlite3.DatabaseError) as error:
        raise RuntimeError(f"could not copy {store.label} to {destination}: {error}") from error


def file_of(location: str | Path) -> Path | None:
    """The file that a path or SQLite URL means; None for the URL of another database."""
    text = str(location)
    if isinstance(location, Path) or _URL.fullmatch(text) is None:
        return Path(text).expanduser().absolute()
    url = _parsed(text)
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        return Path(url.database).expanduser().absolute()
    return None


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ValueError(
            "cannot use the database URL given for the bank: it can't be read as one, such as "
            "postgresql+psycopg://user@host/name"
        ) from error


def _connect_file(path: Path, *, mode: str) -> Store:
    """Connect to a file that may change; mode is SQLite's `rw`, or `rwc` to make it."""

    place = _Place(path)

    def connect() -> sqlite3.Connection:
        nonlocal mode
        connection = _connection(place.path, mode)
        mode = "rw"  # it is made once, and not again where it was moved away since
        connection.execute(f"PRAGMA page_size={_PAGE_BYTES}")  # heeded by a new file only
        connection.execute("PRAGMA synchronous=FULL")  # what was committed survives a power cut
        _CONNECTED.add(_identity(place.path))
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool)

    # What is written to a file that was moved away would be lost to all who look for it here.
    _connect_anew(
        engine,
        lambda: _identity(place.path),
        lambda file: not place.path.is_file() or _identity(place.path) != file,
    )
    return _file_store(place, engine, read_only=False)


def _connect_anew(engine: Engine, state_of: Callable[[], object], is_stale: Callable[[object], bool]) -> None:
    """Make an engine connect anew where a connection is stale; `record.info["state"]` is of when it was made."""

    @event.listens_for(engine, "connect")
    def remember(connection: object, record: ConnectionPoolEntry) -> None:
        record.info["state"] = state_of()

    @event.listens_for(engine, "checkout")
    def check(connection: object, record: ConnectionPoolEntry, proxy: object) -> None:
        if is_stale(record.info["state"]):
            raise DisconnectionError


def _log_ahead(engine: Engine) -> None:
    """Give a file its write-ahead log before it is first written; to open it alone leaves it to the byte as it was."""
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None  # the connection is open
        driver.execute("PRAGMA journal_mode=WAL")  # outside a transaction, where alone SQLite allows it


def _connect_reader(path: Path) -> Store:
    """Connect to a file for reading, and leave nothing beside it.

    SQLite cannot read a file with a write-ahead log without making two files beside it, unless it is told that the
    file never changes. That holds while no log with pages lies there, which is a writer's. So each transaction asks
    whether the file is as it was, and connects anew if not; a connection that sees a log is closed when it is done. A
    file that was removed can be read on, through the connection that there is.
    """

    place = _Place(path)

    def connect() -> sqlite3.Connection:
        unchanging = _uses_wal(place.path) and not _has_log(place.path)
        return _connection(place.path, "ro&immutable=1" if unchanging else "ro")

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool)

    _connect_anew(engine, lambda: _state(place.path), lambda then: _state(place.path) not in (None, then))

    @event.listens_for(engine, "checkin")
    def leave(connection: object, record: ConnectionPoolEntry) -> None:
        if record.info["state"] is not None and record.info["state"][-1]:
            record.invalidate()

    return _file_store(place, engine, read_only=True)


def _state(path: Path) -> tuple[int, int, int, bool] | None:
    """What tells whether a file is as it was, and whether a log lies beside it; None where it is no more."""
    try:
        found = path.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size, _has_log(path)
    except FileNotFoundError:
        return None


def _connection(path: Path, mode: str) -> sqlite3.Connection:
    # SQLAlchemy begins transactions itself (below), so that tables too are made within one.
    address = f"{path.as_uri()}?mode={mode}"
    connection = sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


def _file_store(place: _Place, engine: Engine, *, read_only: bool) -> Store:
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    event.listen(engine, "checkin", lambda connection, record: record.invalidate() if place.closed else None)
    return Store(place, read_only, engine)


def _connect_server(url: str, *, read_only: bool = False) -> Store:
    try:
        engine = create_engine(url, pool_pre_ping=True)  # a server that was restarted is no error
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise ValueError(f"cannot use the database URL given for the bank: {error}") from error
    return Store(None, read_only, engine)


def _is_writable(path: Path) -> bool:
    # The permission bits too: an administrator may write everywhere, but a file marked read-only is meant so.
    return bool(path.stat().st_mode & 0o222) and os.access(path, os.W_OK)


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _uses_wal(path: Path) -> bool:
    # Whoever closes a file gives up all locks that the process has on it, SQLite's too; then a connection that closes
    # takes itself for the last and removes the log beneath the others. So a file that is connected to is not read here:
    # whoever is connected gives it a log before they write.
    if _identity(path) in _CONNECTED:
        return True
    with path.open("rb") as file:
        return file.read(20)[18:19] == bytes([_WAL_FORMAT])


def _has_log(path: Path) -> bool:
    """Whether pages that the file itself lacks lie in a write-ahead log beside it."""
    log = path.with_name(f"{path.name}-wal")
    return log.is_file() and log.stat().st_size > 0


def _explained(error: DatabaseError, label: str) -> RuntimeError:
    reason = " ".join(str(error.orig).split())  # what SQLite quotes may have many lines
    reason = reason if len(reason) <= 200 else f"{reason[:200]} …"
    if "locked" in reason:
        remedy = "another program is writing to it: try again when it has finished"
    elif "connection" in reason:
        remedy = "the database server can't be reached: start it, or check the URL"
    elif "readonly" in reason or "read-only" in reason:
        remedy = "it is read-only: copy it to your workspace and change the copy"
    elif "full" in reason:
        remedy = "the disk is full: make room and try again"
    elif "unable to open" in reason:
        remedy = "it was moved or removed meanwhile: open it where it is now"
    elif any(word in reason for word in ("malformed", "not a database", "no such", "decode", "format")):
        remedy = "the file is damaged: take a copy that is whole"
    else:
        remedy = "the database refused the action, and nothing was changed"
    return RuntimeError(f"bank {label}: {reason}; {remedy}")
