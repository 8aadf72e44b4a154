"""Scripts that are run by several processes at once, of which none outlives the test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[4]
_PATIENCE = 600  # seconds


def run_ranks(module: str, *words: str, settings: Mapping[str, str], world: int = 2) -> None:
    """Run a module of the tests as so many ranks, and see each end well.

    Args:
        module: its name.
        words: its arguments.
        settings: of the environment, beside the rank.
        world: number of processes.
    """
    path = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    shared = {**os.environ, "PYTHONPATH": path, "WORLD_SIZE": f"{world}", "LOCAL_WORLD_SIZE": f"{world}", **settings}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", module, *words],
            env={**shared, "RANK": f"{rank}", "LOCAL_RANK": f"{rank}", "OMP_NUM_THREADS": "1"},
            cwd=_ROOT,
            text=True,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        for rank in range(world)
    ]
    try:
        for process in started:
            _, said = process.communicate(timeout=_PATIENCE)
            assert process.returncode == 0, said[-2000:]
    finally:
        for process in started:
            with suppress(ProcessLookupError):  # it has ended, or is nobody's parent here
                os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
            process.wait()
