"""The parsers of all commands, and the command lines that documents show."""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

from ragdiffusion.cli import COMMANDS, _parser

ROOT = Path(__file__).resolve().parent.parent
LAUNCH = "python launch.py"


def command_parsers() -> Iterator[tuple[list[str], argparse.ArgumentParser]]:
    """Every command and every action of one, with its parser: (["data", "import"], …)."""

    def inner(parser: argparse.ArgumentParser, names: list[str]) -> Iterator[tuple[list[str], argparse.ArgumentParser]]:
        yield names, parser
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for name, each in action.choices.items():
                    yield from inner(each, [*names, name])

    for command in COMMANDS:
        whole = _parser([command])
        (choice,) = (action for action in whole._actions if isinstance(action, argparse._SubParsersAction))
        yield from inner(choice.choices[command], [command])


def studio_options() -> set[str]:
    """The long options of the studio, as its help tells them."""
    from app.__main__ import read_options

    return _told_by(read_options)


def worker_options() -> set[str]:
    """The long options of a worker, as its help tells them."""
    from app.worker import read_options

    return _told_by(read_options)


def _told_by(read_options: Callable[[list[str]], object]) -> set[str]:
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        read_options(["--help"])
    return set(re.findall(r"^\s+(--[a-z-]+)", text.getvalue(), flags=re.MULTILINE))


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    """The long options of a parser."""
    return {option for action in parser._actions for option in action.option_strings if option.startswith("--")}


def shown_lines(document: Path) -> list[list[str]]:
    """The words after `python launch.py` of every line of a document's code that starts so, continued lines joined."""
    code = re.sub(r" *\\\n\s*", " ", document.read_text(encoding="utf-8"))
    lines = [line.strip() for line in code.splitlines()]
    return [shlex.split(line, comments=True)[2:] for line in lines if line.startswith(LAUNCH)]
