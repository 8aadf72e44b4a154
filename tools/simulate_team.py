#!/usr/bin/env python3
"""The shared queue under load and death: many workers that only pretend to make pictures, on a real PostgreSQL.

    python tools/simulate_team.py postgresql+psycopg://USER@HOST/EMPTY_DATABASE --runs 10000 --workers 200

Workers die after they took a run, or between keeping its picture and saying so; others fall asleep beyond their lease
and wake up late. The database itself notes every end of a run. Exit code 1 if a run is lost or ends twice.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine, make_url, text

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app.session_log.log import SessionLog
from app.session_log.sampling import Sampling
from app.session_log.team import LostRunError
from app.session_log.values import RunInputs

INPUTS = RunInputs(
    owner="",
    photo_sha256="ab" * 32,
    photo_name="shirt.jpg",
    photo_path="ab/photo",
    sampling=Sampling(0, 30, 0.35, 1.5),
    k=4,
    alpha=0.1,
)
_GROUP = 500  # runs that one press starts
_NOTES = (
    "CREATE TABLE ends (run_id int, status text)",
    "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "INSERT INTO ends VALUES (NEW.id, NEW.status); RETURN NEW; END $$",
    "CREATE TRIGGER note AFTER UPDATE OF status ON runs FOR EACH ROW "
    "WHEN (NEW.status NOT IN ('queued', 'running')) EXECUTE FUNCTION note()",
)
_LEFT = "SELECT EXISTS (SELECT 1 FROM runs WHERE status IN ('queued', 'running'))"


@dataclass(frozen=True)
class Fates:
    """How often something happens to a worker with a run.

    Args:
        dies: before it keeps the picture, or between that and saying so.
        sleeps: beyond its lease, and wakes up.
    """

    dies: float = 0.02
    sleeps: float = 0.01


@dataclass(frozen=True)
class SimulationOutcome:
    """What came of a simulation.

    Args:
        runs: that were asked for.
        workers: at once.
        deaths: of workers that had a run.
        late: workers that woke up and were told that their run was another's.
        ends: runs by how they ended.
        lost: runs that did not end.
        twice: runs that ended more than once.
        seconds: in all.
        runs_a_second: that were taken and finished.
        claim_ms: to take a run, half of the claims were faster.
        claim_ms_95: 95 of 100 were faster.
    """

    runs: int
    workers: int
    deaths: int
    late: int
    ends: dict[str, int]
    lost: int
    twice: int
    seconds: float
    runs_a_second: float
    claim_ms: float
    claim_ms_95: float


def simulate(
    url: URL, *, runs: int, workers: int, fates: Fates, lease: float = 10.0, picture: float = 0.2, seed: int = 0
) -> SimulationOutcome:
    """Let workers empty a queue.

    Args:
        url: of an empty database.
        runs: to ask for.
        workers: at once; one that dies is replaced.
        fates: of workers.
        lease: seconds.
        picture: seconds that a picture takes on average.
        seed: of all chances.
    """
    first = SessionLog(url, lease_seconds=lease)
    database = create_engine(url)
    with database.begin() as connection:
        for command in _NOTES:
            connection.execute(text(command))
    for start in range(0, runs, _GROUP):
        first.add_group([INPUTS] * min(_GROUP, runs - start), kind="batch", title="simulated")
    floor = _Floor(database)
    started = time.monotonic()
    threads = [
        threading.Thread(target=_career, args=(url, floor, fates, lease, picture, seed + 1 + i)) for i in range(workers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - started
    first.close()
    with database.connect() as connection:
        ends = connection.execute(text("SELECT run_id, status FROM ends")).all()
    database.dispose()
    times = Counter(run_id for run_id, _ in ends)
    claims = sorted(floor.claims) or [0.0]
    return SimulationOutcome(
        runs=runs,
        workers=workers,
        deaths=floor.counts["deaths"],
        late=floor.counts["late"],
        ends=dict(Counter(status for _, status in ends)),
        lost=runs - len(times),
        twice=sum(count > 1 for count in times.values()),
        seconds=round(seconds, 1),
        runs_a_second=round(runs / seconds, 1),
        claim_ms=round(claims[len(claims) // 2] * 1e3, 1),
        claim_ms_95=round(claims[len(claims) * 95 // 100] * 1e3, 1),
    )


class _Floor:
    """What all workers share: whether runs are left, and what happened."""

    def __init__(self, database: Engine) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._left, self._looked = True, 0.0
        self.counts: Counter[str] = Counter()
        self.claims: list[float] = []

    def count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    def left(self) -> bool:
        """Whether a run waits or runs; the database is asked once a second at most."""
        with self._lock:
            if self._left and time.monotonic() - self._looked > 1:
                with self._database.connect() as connection:
                    self._left = connection.execute(text(_LEFT)).scalar_one()
                self._looked = time.monotonic()
            return self._left


def _career(url: URL, floor: _Floor, fates: Fates, lease: float, picture: float, seed: int) -> None:
    """Be one worker after the other until no run is left."""
    chance = random.Random(seed)
    while floor.left():
        log = SessionLog(url, lease_seconds=lease)
        log.team.join("simulated")
        try:
            while floor.left():
                if not _turn(log, floor, fates, chance, lease, picture):
                    floor.count("deaths")
                    break  # nothing is given back: its lease has to end
            else:
                log.team.leave()
        finally:
            log.close()


def _turn(log: SessionLog, floor: _Floor, fates: Fates, chance: random.Random, lease: float, picture: float) -> bool:
    """Take a run and bring it to its end; False if the worker died of it."""
    started = time.monotonic()
    claimed = log.team.claim()
    if claimed is None:
        log.team.beat({})
        time.sleep(chance.uniform(0.2, 0.6))
        return True
    floor.claims.append(time.monotonic() - started)
    run_id, _ = claimed
    time.sleep(chance.uniform(0, picture))
    log.team.beat({run_id: 15})
    time.sleep(chance.uniform(0, picture))
    fate = chance.random()
    if fate < fates.dies:
        return False
    if fate < fates.dies + fates.sleeps:
        time.sleep(lease * chance.uniform(1.2, 2))
    try:
        log.finish(run_id, result_path=f"ef/{run_id}", timings_ms={"total": 1.0}, thumbnail=b"jpeg")
    except LostRunError:
        floor.count("late")
    return True


def main(argv: list[str] | None = None, *, tell: Callable[[str], None] = print) -> int:
    """Simulate and tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=make_url, help="address of an empty database")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=200, help="each holds a connection: set max_connections above")
    parser.add_argument("--lease", type=float, default=10.0, help="seconds")
    parser.add_argument("--picture", type=float, default=0.2, help="seconds that a picture takes on average")
    args = parser.parse_args(argv)
    outcome = simulate(
        args.log, runs=args.runs, workers=args.workers, fates=Fates(), lease=args.lease, picture=args.picture
    )
    tell(json.dumps(asdict(outcome), indent=1))
    return 1 if outcome.lost or outcome.twice else 0


if __name__ == "__main__":
    sys.exit(main())
