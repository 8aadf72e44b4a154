"""The published parts, once for all tests of the builder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ragdiffusion.published import publish_clip, publish_flux, publish_sdxl


@pytest.fixture(scope="session")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SDXL base as published; leave it as it is."""
    return publish_sdxl(tmp_path_factory.mktemp("published") / "sdxl")


@pytest.fixture(scope="session")
def flux(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """FLUX as published, its autoencoder at least; leave it as it is."""
    return publish_flux(tmp_path_factory.mktemp("published") / "flux")


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CLIP as published; leave it as it is."""
    return publish_clip(tmp_path_factory.mktemp("published") / "clip")
