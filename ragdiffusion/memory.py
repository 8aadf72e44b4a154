"""How much memory this process takes."""

from __future__ import annotations

import sys

try:
    import resource
except ImportError:  # there is none on Windows
    resource = None


def peak_rss_mb() -> float:
    """Most memory this process has held so far, in MB; NaN where the system does not tell."""
    if resource is None:
        return float("nan")
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes here
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
