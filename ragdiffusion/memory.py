"""How much memory this process has held, and giving back what it holds no more."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress


def peak_rss_mb() -> float:
    """Return the most memory that this process has held so far, in MB."""
    try:
        import resource
    except ImportError:  # Windows
        return _peak_working_set() / 1e6
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes here
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def give_back() -> None:
    """Return to the system what was freed; glibc keeps it otherwise, in case that it is wanted again."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library, which has no such function
            ctypes.CDLL(None).malloc_trim(0)


def _peak_working_set() -> int:
    """Return what Windows calls the peak working set, in bytes."""
    import psutil

    return psutil.Process().memory_info().peak_wset
