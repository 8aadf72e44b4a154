"""The command line: `python -m ragdiffusion COMMAND …`.

Exit codes: 0 done, 1 it failed, 2 something given can't be used, 130 stopped with Ctrl+C. An error is one line on
stderr; `--debug` puts the traceback before it.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import NoReturn

COMMANDS: dict[str, tuple[str, str]] = {
    "retrieve": ("ragdiffusion.commands.retrieve", "find the silhouettes nearest to a photo's garment"),
    "generate": ("ragdiffusion.commands.generate", "make the flat-lay picture of a photo's garment"),
    "batch": ("ragdiffusion.commands.batch", "make the flat-lay pictures of whole folders of photos"),
    "benchmark": ("ragdiffusion.commands.benchmark", "measure speed, memory and faithfulness on this machine"),
    "describe": ("ragdiffusion.commands.describe", "count a preset's parameters and what a picture computes"),
    "train": ("ragdiffusion.commands.train", "train one part of the model"),
    "train-all": ("ragdiffusion.commands.train_all", "train every part within a time and pack the weights to travel"),
    "evaluate": ("ragdiffusion.commands.evaluate", "measure retrieval, pictures and attributes as the paper does"),
    "ablation": ("ragdiffusion.commands.ablation", "train the paper's variants alike and print its ablation tables"),
    "checkpoint": ("ragdiffusion.commands.checkpoint", "put trained parts together to a checkpoint"),
    "data": ("ragdiffusion.commands.data", "import, look at, pack and measure training pairs"),
    "bank": ("ragdiffusion.commands.bank", "build a bank for a checkpoint"),
}
"""Name: (module with `add_arguments(parser)` and `run(args) -> int`, what it does). Only the chosen one is imported."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments; None takes those of the process.

    Returns:
        The exit code. `--help` raises `SystemExit(0)` as argparse does.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # libraries' talk to their developers
            args = _parser(argv).parse_args(argv)
            return args.run(args)
    except KeyboardInterrupt:
        return _report("stopped", 130)
    except ValueError as error:
        return _report(f"error: {_line(error)}", 2, trace="--debug" in argv)
    except ModuleNotFoundError as error:
        return _report(f"error: {_absent(error)}", 1, trace="--debug" in argv)
    except Exception as error:
        remedy = "" if "--debug" in argv else " (--debug shows where)"
        return _report(f"error: {_line(error)}{remedy}", 1, trace="--debug" in argv)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors take the same way out as all others."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}; see `{self.prog} --help`")


def _parser(argv: Sequence[str]) -> _Parser:
    chosen = next((word for word in argv if not word.startswith("-")), None)
    parser = _Parser(
        prog="ragdiffusion",
        description="A garment's flat-lay picture from a photo, by retrieval and diffusion.",
        epilog="`COMMAND --help` explains a command.",
        allow_abbrev=False,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=20),
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (location, purpose) in COMMANDS.items():
        command = commands.add_parser(
            name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}.", allow_abbrev=False
        )
        if name == chosen:
            module = importlib.import_module(location)
            module.add_arguments(command)
            _add_debug(command)
            command.set_defaults(run=module.run)
    return parser


def _add_debug(parser: argparse.ArgumentParser) -> None:
    """Let `--debug` stand behind a command and behind its actions alike."""
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                _add_debug(inner)


def _report(message: str, code: int, *, trace: bool = False) -> int:
    if trace:
        traceback.print_exc()
    print(f"ragdiffusion: {message}", file=sys.stderr)
    return code


def _absent(error: ModuleNotFoundError) -> str:
    """What to do about a package that is not there: all that a command may lack belongs to one extra."""
    if error.name is None or error.name.partition(".")[0] == __package__:
        return f"{_line(error)}: the installation is not whole, install it anew"
    return f'{error.name} is not installed: start it by launch.py, or pip install "ragdiffusion-studio[train]"'


def _line(error: BaseException) -> str:
    """An error in one line; errors from libraries may be pages long, or empty."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if isinstance(error, ValueError) or len(text) <= 300 else f"{text[:300]} …"
