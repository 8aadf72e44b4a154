#!/usr/bin/env python3
"""The shared queue under load and death: many workers that only pretend to make pictures, on a real PostgreSQL.

    python tools/simulate_team.py postgresql+psycopg://USER@HOST/EMPTY_DATABASE --runs 10000 --workers 200

The workers are threads of a few processes that share a few connections, so that two cores are enough for hundreds;
each claims, beats and finishes as a worker on a machine of its own does. Workers die after they took a run; others
fall asleep beyond their lease and wake up late; whole processes are killed with all of their workers. The database
itself notes every end of a run. Exit code 1 if a run is lost, ends twice, or is left when the time is over.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from copy import copy
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine, make_url, text

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app.session_log.log import SessionLog
from app.session_log.sampling import Sampling
from app.session_log.team import LEASE_SECONDS, LostRunError, Team
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
_LEFT = "SELECT count(*) FROM runs WHERE status IN ('queued', 'running')"
_HELD = "SELECT count(*) FROM runs WHERE status = 'running' AND worker LIKE :whose"


@dataclass(frozen=True)
class Fates:
    """How often something happens to a worker with a run.

    Args:
        dies: and is replaced; its run has to wait for the end of the lease.
        sleeps: beyond its lease, and wakes up.
    """

    dies: float = 0.02
    sleeps: float = 0.01


@dataclass(frozen=True)
class Plan:
    """What is simulated.

    Args:
        runs: to ask for.
        workers: at once; one that dies is replaced.
        processes: that they are spread over.
        connections: to the database that the workers of a process share, at most 15.
        kills: of whole processes, spread over the simulation.
        lease: seconds.
        picture: seconds that a picture takes on average.
        minutes: after so many all is ended, whatever is left.
        fates: of workers.
        seed: of all chances.
    """

    runs: int = 10_000
    workers: int = 200
    processes: int = 4
    connections: int = 4
    kills: int = 4
    lease: float = LEASE_SECONDS
    picture: float = 2.0
    minutes: float = 30.0
    fates: Fates = Fates()
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.processes <= self.workers:
            raise ValueError(f"{self.processes} processes for {self.workers} workers: give at least one worker to each")
        if not 1 <= self.connections <= 15:
            raise ValueError(f"--connections is {self.connections}, 1 to 15 wanted")


@dataclass(frozen=True)
class SimulationOutcome:
    """What came of a simulation.

    Args:
        runs: that were asked for.
        workers: at once.
        deaths: of workers that had a run.
        killed: processes.
        late: workers that woke up and were told that their run was another's.
        claims: runs that were taken, each time.
        ends: runs by how they ended.
        left: runs that waited or were at work when the time was over.
        lost: runs that neither ended nor were left.
        twice: runs that ended more than once.
        seconds: in all.
        runs_a_second: that were taken and finished.
        claim_ms: to take a run, half of the claims were faster.
        claim_ms_95: 95 of 100 were faster.
    """

    runs: int
    workers: int
    deaths: int
    killed: int
    late: int
    claims: int
    ends: dict[str, int]
    left: int
    lost: int
    twice: int
    seconds: float
    runs_a_second: float
    claim_ms: float
    claim_ms_95: float


def simulate(url: URL, plan: Plan, *, tell: Callable[[str], None] = lambda line: None) -> SimulationOutcome:
    """Let workers empty a queue.

    Args:
        url: of an empty database.
        plan: what is simulated.
        tell: is given a line now and then.
    """
    database = create_engine(url)
    _fill(url, database, plan.runs)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        killed, deaths = _supervise(url, database, plan, Path(folder), tell)
        notes = [line for file in Path(folder).iterdir() for line in file.read_text().splitlines()]
    seconds = time.monotonic() - started
    with database.connect() as connection:
        ends = connection.execute(text("SELECT run_id, status FROM ends")).all()
        left = connection.execute(text(_LEFT)).scalar_one()
    database.dispose()
    times, counts = Counter(run_id for run_id, _ in ends), Counter(line for line in notes if line.isalpha())
    claims = sorted(float(line) for line in notes if not line.isalpha()) or [0.0]
    return SimulationOutcome(
        runs=plan.runs,
        workers=plan.workers,
        deaths=deaths + counts["dead"],
        killed=killed,
        late=counts["late"],
        claims=len(claims),
        ends=dict(Counter(status for _, status in ends)),
        left=left,
        lost=plan.runs - len(times) - left,
        twice=sum(count > 1 for count in times.values()),
        seconds=round(seconds, 1),
        runs_a_second=round(len(times) / seconds, 1),
        claim_ms=round(claims[len(claims) // 2], 1),
        claim_ms_95=round(claims[len(claims) * 95 // 100], 1),
    )


def _fill(url: URL, database: Engine, runs: int) -> None:
    """Make the log, let its database note every end, and ask for runs."""
    log = SessionLog(url)
    with database.begin() as connection:
        for command in _NOTES:
            connection.execute(text(command))
    for start in range(0, runs, _GROUP):
        log.add_group([INPUTS] * min(_GROUP, runs - start), kind="batch", title="simulated")
    log.close()


# ---- processes


def _supervise(url: URL, database: Engine, plan: Plan, folder: Path, tell: Callable[[str], None]) -> tuple[int, int]:
    """Start the processes and kill some; returns how many, and how many of their workers had a run."""
    shares = [len(range(i, plan.workers, plan.processes)) for i in range(plan.processes)]
    going = {i: _start(url, plan, share, folder / f"{i}", plan.seed + i) for i, share in enumerate(shares)}
    chance, killed, deaths, told = random.Random(plan.seed), 0, 0, 0.0
    deadline = time.monotonic() + plan.minutes * 60
    while any(process.is_alive() for process in going.values()) and time.monotonic() < deadline:
        time.sleep(0.2)
        left = _ask(database, _LEFT)
        if killed < plan.kills and left <= plan.runs * (1 - (killed + 1) / (plan.kills + 1)):
            number = chance.choice(sorted(going))
            deaths += _kill(going[number], database)
            killed += 1
            file = folder / f"{number}-{killed}"
            going[number] = _start(url, plan, shares[number], file, plan.seed + 1000 * killed + number)
        if time.monotonic() - told > 10:
            told = time.monotonic()
            tell(f"{left} of {plan.runs} runs are left, {killed} processes were killed")
    for process in going.values():
        process.kill()
        process.join()
    return killed, deaths


def _start(url: URL, plan: Plan, workers: int, notes: Path, seed: int) -> BaseProcess:
    process = get_context("spawn").Process(target=_house, args=(url, plan, workers, notes, seed), daemon=True)
    process.start()
    return process


def _kill(process: BaseProcess, database: Engine) -> int:
    """Kill a process; returns how many of its workers had a run."""
    process.kill()
    process.join()
    return _ask(database, _HELD, whose=f"%:{process.pid}:%")


def _ask(database: Engine, question: str, **values: object) -> int:
    with database.connect() as connection:
        return connection.execute(text(question), values).scalar_one()


def _house(url: URL, plan: Plan, workers: int, notes: Path, seed: int) -> None:
    """A process: so many workers until no run is left."""
    with open(notes, "w", buffering=1, encoding="ascii") as file:  # line by line, as it may be killed
        house = _House(url, plan, lambda what: print(what, file=file))
        threads = [threading.Thread(target=house.career, args=(seed * 10_000 + i,)) for i in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        house.log.close()


class _House:
    """What the workers of a process share: connections, and whether runs are left."""

    def __init__(self, url: URL, plan: Plan, note: Callable[[str], None]) -> None:
        self.log = SessionLog(url, lease_seconds=plan.lease)
        self._plan, self._note = plan, note
        self._gate, self._lock = threading.BoundedSemaphore(plan.connections), threading.Lock()
        self._database = create_engine(url, pool_size=1)
        self._left, self._looked = True, 0.0

    def career(self, seed: int) -> None:
        """Be one worker after the other until no run is left."""
        chance = random.Random(seed)
        while self._are_left():
            log = copy(self.log)  # with connections of this process, and a name of its own
            log.team = team = Team(log._database, lease_seconds=self._plan.lease)
            with self._gate:
                team.join("simulated")
            while self._are_left():
                if not self._turn(log, team, chance):
                    self._note("dead")
                    break  # nothing is given back: its lease has to end
            else:
                with self._gate:
                    team.leave()

    def _turn(self, log: SessionLog, team: Team, chance: random.Random) -> bool:
        """Take a run and bring it to its end; False if the worker died of it."""
        with self._gate:
            started = time.perf_counter()
            claimed = team.claim()
            taken = time.perf_counter() - started
            if claimed is None:
                team.beat({})
        if claimed is None:
            time.sleep(chance.uniform(0.5, 1.5))
            return True
        self._note(f"{taken * 1e3:.3f}")
        run_id, _ = claimed
        time.sleep(chance.uniform(0, self._plan.picture))
        with self._gate:
            team.beat({run_id: 15})
        time.sleep(chance.uniform(0, self._plan.picture))
        fate, fates = chance.random(), self._plan.fates
        if fate < fates.dies:
            return False
        if fate < fates.dies + fates.sleeps:
            time.sleep(self._plan.lease * chance.uniform(1.2, 2))
        try:
            with self._gate:
                log.finish(run_id, result_path=f"ef/{run_id}", timings_ms={"total": 1.0}, thumbnail=b"jpeg")
        except LostRunError:
            self._note("late")
        return True

    def _are_left(self) -> bool:
        """Whether a run waits or is at work; the database is asked once a second at most."""
        with self._lock:
            if self._left and time.monotonic() - self._looked > 1:
                self._left = _ask(self._database, _LEFT) > 0
                self._looked = time.monotonic()
            return self._left


def main(argv: list[str] | None = None, *, tell: Callable[[str], None] = print) -> int:
    """Simulate and tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=make_url, help="address of an empty database")
    for name, what in (
        ("runs", "in the queue"),
        ("workers", "at once"),
        ("processes", "that the workers are spread over"),
        ("connections", "of each process, 1 to 15; the server sees three more"),
        ("kills", "of whole processes"),
        ("lease", "seconds"),
        ("picture", "seconds that a picture takes on average"),
        ("minutes", "that it may take"),
        ("seed", "of all chances"),
    ):
        value = getattr(Plan, name)
        parser.add_argument(f"--{name}", type=type(value), default=value, help=f"{what} (default %(default)s)")
    args = vars(parser.parse_args(argv))
    outcome = simulate(args.pop("log"), Plan(**args), tell=lambda line: print(line, file=sys.stderr))
    tell(json.dumps(asdict(outcome), indent=1))
    return 1 if outcome.lost or outcome.twice or outcome.left else 0


if __name__ == "__main__":
    sys.exit(main())
