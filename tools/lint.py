#!/usr/bin/env python3
"""Look the code over, as `launch.py test` does: `python tools/lint.py [CHECK …] [--fix]`.

Without a name every check runs. With --fix, what can be mended without a person is: order of imports, layout.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHECKS = {
    "ruff": ["ruff", "check"],
    "format": ["ruff", "format", "--check"],
    "mypy": ["mypy"],
    "oxlint": ["oxlint", "--config", ".oxlintrc.json", "app"],
}
"""Name: the tool and its arguments. What of Python is looked at, and how strictly, stands in pyproject.toml."""
FIXES = {"ruff": ["ruff", "check", "--fix"], "format": ["ruff", "format"]}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the checks that were named, or all, to the end; what they find goes to the screen.

    Returns:
        0 where none found anything, else 1.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=f"any of {', '.join(CHECKS)} (default: all)")
    parser.add_argument("--fix", action="store_true", help="mend what can be mended")
    args = parser.parse_args(argv)
    if unknown := set(args.checks) - set(CHECKS):
        parser.error(f"no check {', '.join(sorted(unknown))}: choose any of {', '.join(CHECKS)}")
    codes = [run({**CHECKS, **FIXES}[name] if args.fix else CHECKS[name]) for name in args.checks or CHECKS]
    return int(any(codes))


def run(call: list[str]) -> int:
    """Run one tool of this Python over the repository, and return its exit code."""
    return subprocess.call(command_of(call), cwd=ROOT)


def command_of(call: Sequence[str]) -> list[str]:
    """How a tool is called: a module of this Python, or a program that was installed beside it."""
    tool, *arguments = call
    beside = shutil.which(tool, path=str(Path(sys.executable).parent))
    if importlib.util.find_spec(tool) is None and beside is not None:
        return [beside, *arguments]
    return [sys.executable, "-m", *call]


if __name__ == "__main__":
    sys.exit(main())
