"""The peak of this process's memory, on systems with and without the `resource` module."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import psutil
import pytest

from ragdiffusion.memory import give_back, peak_rss_mb


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system's own library decides")
def test_what_is_freed_goes_back_to_the_system() -> None:
    process = psutil.Process()
    blocks = [bytearray(b"x") * 50_000 for _ in range(2000)]  # too small for pages of their own
    last, full = bytearray(b"x") * 50_000, process.memory_info().rss
    blocks.clear()
    give_back()
    assert process.memory_info().rss < full - 80_000_000 and len(last) == 50_000


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no resource module")
def test_the_peak_is_never_below_what_is_held_now() -> None:
    held = psutil.Process().memory_info().rss / 1e6
    block = bytearray(b"x") * 50_000_000  # touched, so that it is really there
    peak = peak_rss_mb()
    assert peak >= held + 45, f"{len(block)} bytes more were held"
    del block
    assert peak_rss_mb() >= peak, "a peak does not fall"


def test_without_the_resource_module_the_peak_working_set_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)  # importing it raises, as on Windows
    process = SimpleNamespace(memory_info=lambda: SimpleNamespace(peak_wset=123_000_000))
    monkeypatch.setattr(psutil, "Process", lambda: process)
    assert peak_rss_mb() == pytest.approx(123.0)
