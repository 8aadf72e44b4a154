"""What a program sends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def upload(photo_bytes: Callable[..., bytes], tmp_path: Path) -> Callable[[], str]:
    """The drawn photo, 300 x 400, as it is received; it is gone once it is read."""

    def write() -> str:
        (tmp_path / "shirt.png").write_bytes(photo_bytes())
        return str(tmp_path / "shirt.png")

    return write
