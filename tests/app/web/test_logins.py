"""Guessing passwords: slower with each, then locked out, by name and address, with a line in the log."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import HTTPException

from app.web import logins
from app.web.logins import FREE_GUESSES, FREE_GUESSES_OF_ADDRESS, LONGEST_LOCK, Logins, address_of_login
from tests.app.asynchronous import run_apart


class Clock:
    """A time that only tests move on; what is waited for is noted and over at once."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(logins.asyncio, "sleep", made.sleep)
    return made


@pytest.fixture
def door(clock: Clock) -> Logins:
    return Logins([("ana", "correct"), ("bén", "pässword")], clock)


def enter(door: Logins, name: str, password: str, address: str = "10.0.0.1") -> bool | str:
    """Whether it was let in, or what it was told."""

    async def check() -> bool:
        address_of_login.set(address)
        return await door.check(name, password)

    try:
        return run_apart(check())
    except HTTPException as refused:
        assert int(refused.headers["Retry-After"]) > 0
        return refused.detail


def test_who_knows_the_password_gets_in(door: Logins, clock: Clock) -> None:
    assert enter(door, "ana", "correct") is True and enter(door, "bén", "pässword") is True and clock.waits == []
    for name, password in (("ana", ""), ("ana", "Correct"), ("nobody", ""), ("nobody", "correct"), ("", "")):
        assert enter(door, name, password, address=password) is False


def test_wrong_ones_wait_longer_and_are_locked_out_then(
    door: Logins, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(FREE_GUESSES):
        assert enter(door, "ana", "guess") is False
    assert clock.waits == sorted(set(clock.waits)) and len(clock.waits) == FREE_GUESSES, "each waits longer"
    told = enter(door, "ana", "correct")
    assert told == "too many wrong passwords: wait 60 s", "not even the right one"
    assert f"wrong password number {FREE_GUESSES} for 'ana' from 10.0.0.1" in caplog.text and "guess" not in caplog.text
    assert enter(door, "ana", "correct", address="10.0.0.2") is True, "others with the name are let be"
    assert enter(door, "bén", "pässword") is True, "and others at the address"
    clock.now = 61
    assert enter(door, "ana", "wrong") is False
    assert enter(door, "ana", "correct") == "too many wrong passwords: wait 120 s", "the next one lasts longer"
    clock.now = 61 + 121
    assert enter(door, "ana", "correct") is True
    assert enter(door, "ana", "wrong") is False and enter(door, "ana", "correct") is True, "all is forgiven"


def test_guessing_names_is_locked_out_too(door: Logins, clock: Clock) -> None:
    for guess in range(FREE_GUESSES_OF_ADDRESS):
        assert enter(door, f"name {guess}", "x") is False
    assert "too many" in enter(door, "ana", "correct") and enter(door, "ana", "correct", address="10.0.0.2") is True


def test_locks_end_and_memory_is_bounded(door: Logins, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "_MOST", 50)
    for guess in range(200):
        enter(door, "x" * 100_000 + str(guess), "x" * 100_000, address=str(guess))
    assert len(door._guesses) <= 50
    for _ in range(60):
        clock.now += LONGEST_LOCK + 1
        assert enter(door, "ana", "wrong") is False
    assert "wait 3600 s" in enter(door, "ana", "correct")


def test_many_at_once_are_counted_before_they_wait(door: Logins) -> None:
    async def burst() -> list[object]:
        address_of_login.set("10.0.0.1")
        return await asyncio.gather(*(door.check("ana", f"guess {i}") for i in range(30)), return_exceptions=True)

    answers = run_apart(burst())
    assert answers.count(False) == FREE_GUESSES and all(
        isinstance(one, HTTPException) for one in answers[FREE_GUESSES:]
    )
