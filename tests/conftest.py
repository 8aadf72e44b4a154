"""Shared set-up: one torch thread, no network, and the things a machine may lack."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

# Set before any library is imported: each reads its variable at import.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch

torch.set_num_threads(1)

pytest_plugins = ["tests.postgres"]

_REPOSITORY = Path(__file__).resolve().parent.parent
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@pytest.fixture(scope="session")
def garments_val() -> Path:
    """The folder of real photos (val.csv and val/): RAGDIFFUSION_GARMENTS, or beside the checkout."""
    given = os.environ.get("RAGDIFFUSION_GARMENTS")
    folder = Path(given) if given else _REPOSITORY.parent / "shared" / "garments"
    if not (folder / "val.csv").is_file():
        pytest.skip(f"no real photos: {folder} has no val.csv; set RAGDIFFUSION_GARMENTS to the folder")
    return folder


@pytest.fixture(scope="session")
def cases() -> Path:
    """The folder of inputs that failed once: RAGDIFFUSION_CASES, or beside the checkout."""
    given = os.environ.get("RAGDIFFUSION_CASES")
    folder = Path(given) if given else _REPOSITORY.parent / "shared" / "cases"
    if not folder.is_dir():
        pytest.skip(f"no cases: {folder} is not there; set RAGDIFFUSION_CASES to the folder")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium to drive: RAGDIFFUSION_CHROMIUM, or the first one on the PATH."""
    given = os.environ.get("RAGDIFFUSION_CHROMIUM")
    found = given or next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium: install it, or set RAGDIFFUSION_CHROMIUM to its path")
    return found
