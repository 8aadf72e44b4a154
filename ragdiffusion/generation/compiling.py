"""Whether torch can compile MainNet here: it calls a compiler of the machine's, which may not be installed."""

from __future__ import annotations

import os
import shutil
import sys

import torch

_CXX = {"darwin": "clang++", "win32": "cl"}  # what torch calls; elsewhere g++
_CC = ("gcc", "clang", "cc")  # of these Triton takes the first


def require_compiler(device: torch.device | str) -> None:
    """See that what `torch.compile` calls is there, before weights are read and a first step fails in its middle.

    Args:
        device: that will be computed on.

    Raises:
        ValueError: if it is not.
    """
    if str(device).partition(":")[0] == "cuda":
        named = os.environ.get("CC")
        wanted = (named,) if named else _CC
    else:
        wanted = (os.environ.get("CXX") or _CXX.get(sys.platform, "g++"),)
    if not any(shutil.which(name) for name in wanted):
        raise ValueError(
            f"compiling needs the compiler {' or '.join(wanted)}, which is not found here: install it, or leave out "
            "--compile"
        )
