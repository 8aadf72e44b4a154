"""Files that take long come first, so that no worker is left alone with one at the end of a whole run."""

from __future__ import annotations

import pytest

LONG_FILES = (
    # Those that wait for a browser and those that compute take turns.
    "tests/app/test_editor_browser.py",
    "tests/ragdiffusion/test_command_needs.py",
    "tests/app/test_photo_browser.py",
    "tests/ragdiffusion/generation/test_compiling.py",
    "tests/app/test_bank_browser.py",
    "tests/ragdiffusion/training/test_latents.py",
    "tests/app/test_history_browser.py",
    "tests/ragdiffusion/garments/people/test_engine.py",
    "tests/app/test_studio_browser.py",
    "tests/test_lint.py",
    "tests/app/test_modules_browser.py",
    "tests/ragdiffusion/evaluation/test_pgea.py",
    "tests/app/test_bad_input_browser.py",
    "tests/ragdiffusion/test_ablation.py",
    "tests/app/test_drafted_browser.py",
    "tests/ragdiffusion/test_train_all.py",
    "tests/app/test_garments_browser.py",
    "tests/ragdiffusion/evaluation/test_paper_speed.py",
    "tests/app/test_narrow_browser.py",
    "tests/ragdiffusion/test_paper_scale_commands.py",
    "tests/app/test_bank_team_browser.py",
    "tests/ragdiffusion/training/scale/test_loop.py",
    "tests/app/runs/test_kill.py",
    "tests/ragdiffusion/batch/test_batch.py",
    "tests/app/test_worker.py",
    "tests/ragdiffusion/training/test_denoiser.py",
    "tests/app/test_web_files.py",
    "tests/test_import_rules.py",
    "tests/app/session_log/test_simulation.py",
    "tests/ragdiffusion/training/test_people_pairs.py",
    "tests/ragdiffusion/garments/people/test_recut.py",
    "tests/ragdiffusion/test_narrow_imports.py",
)
"""Of 15 seconds and more beside two other workers, the longest first (`--durations`)."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of long files first; all else stays in its order."""
    place = {name: number for number, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(LONG_FILES)))
