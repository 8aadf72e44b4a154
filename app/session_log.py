"""The session log: every run with all that is needed to show it, repeat it and restore it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, DateTime, Engine, Index, create_engine, event, inspect, select, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

SCHEMA_VERSION = 1
BUSY_TIMEOUT_MS = 5000
UNFINISHED = ("queued", "running")


class Base(DeclarativeBase):
    """The log's tables."""


class SchemaRow(Base):
    """One row: the version of the tables."""

    __tablename__ = "schema"
    id: Mapped[int] = mapped_column(primary_key=True)
    schema_version: Mapped[int]


class RunRow(Base):
    """One press of Generate. Pictures are names in the image store; times are UTC."""

    __tablename__ = "runs"
    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(DateTime)
    owner: Mapped[str]
    photo_sha256: Mapped[str]
    photo_name: Mapped[str]
    photo_path: Mapped[str]
    checkpoint: Mapped[str]
    bank_version: Mapped[str]
    candidates: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    consensus: Mapped[int]
    choice: Mapped[int | None]
    alpha: Mapped[float]
    k: Mapped[int]
    attributes: Mapped[dict[str, str]] = mapped_column(JSON)
    landmark_path: Mapped[str]
    landmark_source: Mapped[str]
    seed: Mapped[int]
    steps: Mapped[int]
    strength: Mapped[float]
    guidance: Mapped[float]
    preset: Mapped[str]
    device: Mapped[str]
    status: Mapped[str]
    error: Mapped[str | None]
    timings_ms: Mapped[dict[str, float]] = mapped_column(JSON)
    result_path: Mapped[str | None]
    __table_args__ = (Index("runs_of_owner", "owner", "id"),)


@dataclass(frozen=True)
class RunInputs:
    """What decides a run's pixels.

    Args:
        owner: login of the person; "" where the studio has no logins.
        photo_sha256: hash of the photo's file as it was given.
        photo_name: what the file was called.
        photo_path: the photo in the image store.
        checkpoint: fingerprint of the weights.
        bank_version: version of the bank that was searched.
        candidates: `id, similarity, weight, iou` of each, most similar first.
        consensus: index of the candidate nearest to the fused mask.
        choice: index of the picked candidate, None otherwise.
        alpha: share of the reconstruction, in [0, 1].
        k: number of candidates.
        attributes: all 14.
        landmark_path: the landmark as used, in the image store.
        landmark_source: "consensus", "candidate" or "edited".
        seed: of the noise.
        steps: of the sampler.
        strength: share of the noise schedule that is run, in (0, 1].
        guidance: weight of the conditions.
        preset: of the model.
        device: that it ran on.
    """

    owner: str
    photo_sha256: str
    photo_name: str
    photo_path: str
    checkpoint: str
    bank_version: str
    candidates: list[dict[str, Any]]
    consensus: int
    choice: int | None
    alpha: float
    k: int
    attributes: dict[str, str]
    landmark_path: str
    landmark_source: str
    seed: int
    steps: int
    strength: float
    guidance: float
    preset: str
    device: str


@dataclass(frozen=True)
class Run:
    """A run as the log holds it: `status` is queued, running, done, failed, cancelled or interrupted."""

    id: int
    created_at: datetime
    inputs: RunInputs
    status: str
    error: str | None
    timings_ms: dict[str, float]
    result_path: str | None


class SessionLog:
    """The log in one SQLite file. Safe to use from several threads.

    Opening it marks runs that an earlier process left queued or running as interrupted, so one workspace
    belongs to one studio at a time (`app.workspace` sees to that).

    Args:
        path: the database; made with its tables when missing.

    Raises:
        ValueError: the file is no session log, or a newer studio made it.
        RuntimeError: the database is locked, read-only, full or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._engine = _engine(path)
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def add(self, inputs: RunInputs) -> Run:
        """Write a new run, queued."""
        row = RunRow(
            **asdict(inputs),
            created_at=datetime.now(timezone.utc).replace(tzinfo=None),
            status="queued",
            error=None,
            timings_ms={},
            result_path=None,
        )
        with self._transaction() as session:
            session.add(row)
            session.flush()
            return _run(row)

    def start(self, run_id: int) -> None:
        """Mark a queued run as running."""
        self._set(run_id, status="running")

    def finish(self, run_id: int, *, result_path: str, timings_ms: dict[str, float]) -> None:
        """Mark a run as done. The picture must be in the image store already."""
        self._set(run_id, status="done", result_path=result_path, timings_ms=timings_ms)

    def fail(self, run_id: int, error: str) -> None:
        """Mark a run as failed, with what a person was told."""
        self._set(run_id, status="failed", error=error)

    def cancel(self, run_id: int) -> None:
        """Mark a run as cancelled."""
        self._set(run_id, status="cancelled")

    def get(self, run_id: int, *, owner: str) -> Run:
        """One run of one person.

        Raises:
            ValueError: there is no such run, or it is someone else's.
        """
        with self._transaction() as session:
            row = session.get(RunRow, run_id)
            if row is None or row.owner != owner:
                raise ValueError(f"there is no run {run_id} in your history: reload the page")
            return _run(row)

    def latest(self, count: int, *, owner: str) -> list[Run]:
        """The last runs of one person, newest first."""
        query = select(RunRow).where(RunRow.owner == owner).order_by(RunRow.id.desc()).limit(count)
        with self._transaction() as session:
            return [_run(row) for row in session.scalars(query)]

    def _set(self, run_id: int, **values: Any) -> None:
        with self._transaction() as session:
            session.execute(update(RunRow).where(RunRow.id == run_id).values(**values))

    def _prepare(self) -> None:
        with self._explained():
            tables = set(inspect(self._engine).get_table_names())
        if tables and not {"schema", "runs"} <= tables:
            raise ValueError(
                f"{self.path} is a database of something else: move it away, or choose another --workspace"
            )
        with self._transaction() as session:
            if not tables:
                Base.metadata.create_all(session.connection())
                session.add(SchemaRow(id=1, schema_version=SCHEMA_VERSION))
            found = session.scalars(select(SchemaRow.schema_version)).one()
            if found != SCHEMA_VERSION:
                raise ValueError(
                    f"{self.path} has schema version {found}, and this studio knows {SCHEMA_VERSION}: "
                    "update the studio, or choose another --workspace"
                )
            unfinished = update(RunRow).where(RunRow.status.in_(UNFINISHED))
            session.execute(unfinished.values(status="interrupted", error="the studio was closed meanwhile"))

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        with self._explained(), self._sessions.begin() as session:
            yield session

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say in one line what a database error means and what to do."""
        try:
            yield
        except DatabaseError as error:
            reason = str(error.orig)
            if "not a database" in reason:
                raise ValueError(
                    f"{self.path} is not a session log: move it away, or choose another --workspace"
                ) from error
            raise RuntimeError(
                f"the session log {self.path} cannot be used ({reason}): "
                "check free space and permissions, and that no other program holds it"
            ) from error


def _engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _: Any) -> None:
        # The driver's own implicit BEGIN skips DDL, which would leave half a schema after a crash.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _run(row: RunRow) -> Run:
    inputs = RunInputs(**{name: getattr(row, name) for name in RunInputs.__dataclass_fields__})
    return Run(
        id=row.id,
        created_at=row.created_at.replace(tzinfo=timezone.utc),
        inputs=inputs,
        status=row.status,
        error=row.error,
        timings_ms=row.timings_ms,
        result_path=row.result_path,
    )
