"""How much memory this process has held."""

from __future__ import annotations

import sys


def peak_rss_mb() -> float:
    """Return the most memory that this process has held so far, in MB."""
    try:
        import resource
    except ImportError:  # Windows
        return _peak_working_set() / 1e6
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes here
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _peak_working_set() -> int:
    """Return what Windows calls the peak working set, in bytes."""
    import psutil

    return psutil.Process().memory_info().peak_wset
