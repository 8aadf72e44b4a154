"""Several processes on one PostgreSQL log: each run has one maker at a time, and comes back when its maker is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, make_url, text

from app.errors import WorkspaceError
from app.session_log.log import SessionLog
from app.session_log.sampling import MAX_SEED, Sampling
from app.session_log.search import RunFilter
from app.session_log.tables import LogBase
from app.session_log.team import MAX_STARTS, LostRunError
from app.session_log.values import RunInputs

INPUTS = RunInputs(
    owner="ana",
    photo_sha256="ab" * 32,
    photo_name="Ärmel 袖.jpg",
    photo_path="ab/photo",
    sampling=Sampling(seed=MAX_SEED, steps=30, strength=0.35, guidance=1.5),
    k=1,
    alpha=0.1,
    attributes={"collar": "Polo"},
    garment={"point": [0.25, 0.75]},
    embedding=bytes(range(8)),
)
Open = Callable[..., SessionLog]


@pytest.fixture
def open_log(postgres_url: str) -> Iterator[Open]:
    """Opens the log as one more process would."""
    opened: list[SessionLog] = []

    def make(**options: object) -> SessionLog:
        opened.append(SessionLog(make_url(postgres_url), **options))
        return opened[-1]

    yield make
    for log in opened:
        log.close()


def let_leases_end(url: str) -> None:
    """Move all leases into the past, by the database's own clock, as if their workers had said nothing since."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE runs SET lease_until = lease_until - interval '1 hour'"))
        connection.execute(text("UPDATE workers SET seen_at = seen_at - interval '1 hour'"))
    engine.dispose()


def test_a_run_comes_back_as_it_was_and_the_tables_are_those_of_the_code(open_log: Open, postgres_url: str) -> None:
    log = open_log()
    run = log.add(INPUTS)
    assert log.team.claim() == (run.id, "ana")
    log.complete(run.id, replace(INPUTS, checkpoint="c0ffee", landmark_path="cd/landmark"))
    log.finish(run.id, result_path="ef/result", timings_ms={"total": 12.5}, thumbnail=b"jpeg")
    found = open_log().get(run.id, owner="ana")
    assert found.inputs == replace(INPUTS, checkpoint="c0ffee", landmark_path="cd/landmark")
    assert (found.status, found.result_path, found.timings_ms) == ("done", "ef/result", {"total": 12.5})
    assert [card.id for card in log.search.find(RunFilter(text="armel polo 袖"), owner="ana", count=9).cards] == [
        run.id
    ]
    assert log.search.find(RunFilter(text="100%"), owner="ana", count=9).total == 0
    assert log.search.thumbnails([run.id], owner="ana") == {run.id: b"jpeg"}
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        changes = [each for each in compare_metadata(context, LogBase.metadata) if "alembic_version" not in str(each)]
    engine.dispose()
    assert changes == []


def test_studios_that_start_at_once_make_the_tables_once(postgres_url: str) -> None:
    failed: list[BaseException] = []

    def start() -> None:
        try:
            SessionLog(make_url(postgres_url)).close()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_each_run_goes_to_one_of_many_in_the_order_of_the_queue(open_log: Open) -> None:
    logs = [open_log() for _ in range(3)]
    _, runs = logs[0].add_group([replace(INPUTS, owner=owner) for owner in "ab" * 20], kind="batch", title="40")
    logs[0].reorder([runs[4].id, runs[0].id], owner="a")
    for place, log in zip((4, 1, 0, 3, 2), logs * 2, strict=False):
        assert log.team.claim() == (runs[place].id, "ab"[place % 2]), "owners in turn, each in the order that they want"
    taken: list[list[int]] = [[], [], []]

    def work(log: SessionLog, mine: list[int]) -> None:
        while (claimed := log.team.claim()) is not None:
            mine.append(claimed[0])

    threads = [threading.Thread(target=work, args=pair) for pair in zip(logs, taken, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sum(taken, [])) == [run.id for run in runs[5:]], "all of them, none twice"


def test_a_dead_workers_run_goes_back_to_its_place_and_the_late_worker_cannot_write(
    open_log: Open, postgres_url: str
) -> None:
    dead, alive = open_log(), open_log()
    first, second = dead.add(INPUTS), dead.add(INPUTS)
    assert dead.team.claim() == (first.id, "ana")
    assert alive.team.beat({}).lost == set() and alive.team.claim() == (second.id, "ana")
    let_leases_end(postgres_url)
    beat = alive.team.beat({second.id: 3})
    assert beat.lost == set(), "its own lease had ended too, but nobody had taken the run yet"
    assert alive.team.claim() == (first.id, "ana")
    for write in (
        lambda: dead.finish(first.id, result_path="ef/late", timings_ms={}),
        lambda: dead.fail(first.id, "late"),
        lambda: dead.cancel(first.id),
        lambda: dead.complete(first.id, INPUTS),
    ):
        with pytest.raises(LostRunError, match=f"run {first.id} took longer"):
            write()
    assert dead.team.beat({first.id: 9}).lost == {first.id}
    alive.finish(first.id, result_path="ef/result", timings_ms={})
    with pytest.raises(LostRunError):
        alive.finish(first.id, result_path="ef/twice", timings_ms={})
    assert dead.get(first.id, owner="ana").result_path == "ef/result"
    assert dead.team.standings([first.id, second.id, 99])[second.id].step == 3


def test_a_run_that_ends_several_workers_has_failed(open_log: Open, postgres_url: str) -> None:
    log = open_log()
    run = log.add(INPUTS)
    for _ in range(MAX_STARTS):
        assert log.team.claim() == (run.id, "ana")
        let_leases_end(postgres_url)
        log.team.beat({})
    assert log.team.claim() is None
    found = log.get(run.id, owner="ana")
    assert (found.status, found.error) == ("failed", "3 workers ended while they made it")


def test_who_leaves_gives_back_what_it_has_and_it_does_not_count(open_log: Open) -> None:
    leaving, staying = open_log(), open_log()
    run = leaving.add(INPUTS)
    for _ in range(MAX_STARTS + 1):
        assert leaving.team.claim() == (run.id, "ana")
        leaving.team.leave()
    assert staying.team.claim() == (run.id, "ana")
    staying.team.give_back(run.id, "the disk is full")
    assert staying.get(run.id, owner="ana").status == "queued"


def test_stopping_reaches_whoever_has_the_run(open_log: Open, postgres_url: str) -> None:
    page, worker = open_log(), open_log()
    runs = [page.add(INPUTS).id for _ in range(3)]
    assert [worker.team.claim()[0] for _ in range(2)] == runs[:2]
    assert page.team.cancel_waiting(runs) == [runs[2]] and page.team.running("ana") == runs[:2]
    assert worker.team.beat({runs[0]: 1}).to_stop == {runs[0]}
    worker.cancel(runs[0])
    let_leases_end(postgres_url)
    page.team.beat({})
    assert {page.get(run_id, owner="ana").status for run_id in runs} == {"cancelled"}, "also what its maker left"


def test_a_pause_holds_on_every_machine(open_log: Open) -> None:
    here, there = open_log(), open_log()
    run, other = here.add(INPUTS), here.add(replace(INPUTS, owner="ben"))
    here.team.pause("ana")
    here.team.pause("ana")
    assert there.team.paused() == {"ana"} and there.team.claim() == (other.id, "ben") and there.team.claim() is None
    there.team.resume("ana")
    assert here.team.claim() == (run.id, "ana")


def test_another_checkpoint_is_refused_as_long_as_somebody_works_with_the_first(
    open_log: Open, postgres_url: str
) -> None:
    first, second = open_log(), open_log()
    first.team.join("c0ffee")
    first.team.join("c0ffee")
    with pytest.raises(ValueError, match=r"checkpoint is decade, and .* works on this log with c0ffee: start both"):
        second.team.join("decade")
    let_leases_end(postgres_url)
    second.team.join("decade")
    second.team.leave()
    first.team.join("c0ffee")


def test_an_overseer_sees_everybodys_runs_and_others_their_own(open_log: Open) -> None:
    log = open_log(overseers=["eva"])
    runs = [log.add(replace(INPUTS, owner=owner)).id for owner in ("ana", "ben", "eva")]
    found = log.search.find(RunFilter(), owner="eva", count=9)
    assert [(card.id, card.owner) for card in found.cards] == list(zip(runs, ("ana", "ben", "eva"), strict=True))[::-1]
    assert log.get(runs[0], owner="eva").inputs.owner == "ana"
    assert [card.id for card in log.search.find(RunFilter(), owner="ana", count=9).cards] == runs[:1]
    with pytest.raises(ValueError, match="no run"):
        log.get(runs[1], owner="ana")


def test_the_difference_of_clocks_is_told(open_log: Open) -> None:
    assert abs(open_log().team.clock_difference()) < 5


@pytest.mark.parametrize(
    ("address", "error", "words"),
    [
        (
            "postgresql+psycopg://ana:secret@localhost:1/log",
            WorkspaceError,
            r"ana:\*\*\*@localhost:1/log cannot be used",
        ),
        ("mysql://localhost/log", ValueError, "a shared log is an address such as postgresql"),
        ("postgresql+psycopg://localhost", ValueError, "a shared log is an address such as"),
        ("postgresql+nodriver://localhost/log", ValueError, "needs the driver psycopg"),
    ],
)
def test_an_address_that_cannot_be_used_is_said_in_one_line(address: str, error: type, words: str) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(error, match=words) as raised:
        SessionLog(make_url(address))
    assert "secret" not in str(raised.value) and "\n" not in str(raised.value)


def test_a_database_of_something_else_is_left_alone(open_log: Open, postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE accounts (id int)"))
    engine.dispose()
    with pytest.raises(ValueError, match="is a database of something else: .* another --log"):
        open_log()
