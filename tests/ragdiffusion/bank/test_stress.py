"""Writers that are killed, and two that write at once: `tools/stress_bank.py`, small.

RAGDIFFUSION_STRESS=full makes it 50 kills, and two processes of 1,000 edits each; docs/results.md has what came of it.
"""

from __future__ import annotations

import os
from pathlib import Path

from tools.stress_bank import Race, kill_writers, race

FULL = os.environ.get("RAGDIFFUSION_STRESS") == "full"
KILLS, EDITS = (50, 1000) if FULL else (2, 12)


def test_what_was_confirmed_outlives_every_kill_and_nothing_is_half_there(tmp_path: Path) -> None:
    found = kill_writers(str(tmp_path / "bank.sqlite3"), KILLS)
    assert found.problems == () and found.kills == KILLS
    assert found.confirmed >= KILLS and 0 <= found.unseen <= KILLS, found
    print(found)


def no_loss(found: Race) -> None:
    assert found.problems == () and found.edits == 2 * EDITS
    print(found)


def test_two_processes_lose_no_edit_of_a_file(tmp_path: Path) -> None:
    no_loss(race(str(tmp_path / "bank.sqlite3"), EDITS))


def test_two_processes_lose_no_edit_on_a_server(postgres_url: str) -> None:
    no_loss(race(postgres_url, EDITS))
