#!/usr/bin/env python3
"""The one door to RAGDiffusion Studio: it sets itself up on the first start, later starts install nothing.

  python launch.py [--port N] [--workspace FOLDER] [--no-browser] [--listen] [...]
                                   open the studio in the browser, on this machine only (--listen: for others
                                   too, behind a login); `python launch.py studio -h` lists every option
  python launch.py worker [...]    make the pictures of studios that share a log; no page
  python launch.py test [...]      run the tests; what follows goes to pytest
  python launch.py COMMAND [...]   run a command, such as retrieve, generate or bank; `COMMAND -h` explains it

  --no-venv    before all else: use this Python as it is and install nothing
  -h, --help   show this text

Everything is installed into .venv beside this file; delete that folder to start afresh.
"""

# Kept readable for Python 3.6, so that an old Python gets the message below and not a syntax error.
import contextlib
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

HERE = Path(__file__).resolve().parent
OLDEST_PYTHON = (3, 10)
PROMPT = "ragdiffusion"
STAMP = "launch.json"
# What a command, or one action of it, needs beside requirements.txt: "train" stands for requirements-train.txt.
EXTRAS = {
    "ablation": ["train"],
    "bank": [],
    "bank build": ["train"],  # draws its --report
    "batch": [],
    "benchmark": [],
    "checkpoint": [],
    "data": [],
    "data people-sheet": ["train"],
    "data realism": ["train"],
    "data render": ["train"],
    "describe": [],
    "evaluate": ["train"],
    "generate": [],
    "retrieve": [],
    "studio": [],
    "test": ["train", "postgres", "test"],
    "train": ["train"],
    "train-all": ["train"],
    "worker": ["postgres"],
}
# What an argument needs besides, by how it begins: a log or a bank on PostgreSQL, tasks for a Ray cluster.
ARGUMENT_EXTRAS = {
    "--ray": "cluster",
    "postgresql": "postgres",
}


class LaunchError(Exception):
    """Something the person has to put right; the message says how."""


def parse(argv: "list[str]") -> "tuple[bool, str, list[str]]":
    """Split the command line into (use .venv, what to run, its arguments); "help" stands for our own help."""
    use_venv = argv[:1] != ["--no-venv"]
    rest = argv if use_venv else argv[1:]
    if rest[:1] in (["-h"], ["--help"]):
        return use_venv, "help", []
    if not rest or rest[0].startswith("-"):
        return use_venv, "studio", rest
    return use_venv, rest[0], rest[1:]


def requirement_files(command: str, arguments: "list[str]") -> "list[Path]":
    """Name what must be installed for a command; an action has its own line in EXTRAS or that of its command."""
    action = " ".join([command, *arguments[:1]])
    extras = list(EXTRAS.get(action, EXTRAS.get(command, [])))
    words = [word for argument in arguments for word in (argument, argument.partition("=")[2])]
    for sign, extra in ARGUMENT_EXTRAS.items():
        if extra not in extras and any(word.startswith(sign) for word in words):
            extras.append(extra)
    return [HERE / name for name in ["requirements.txt", *(f"requirements-{extra}.txt" for extra in extras)]]


def command_line(python: str, command: str, arguments: "list[str]") -> "list[str]":
    """Build the command to run; with -P a folder named `app` where the person happens to be is no harm."""
    start = [python, "-P"] if sys.version_info >= (3, 11) else [python]
    if command == "studio":
        return [*start, "-m", "app", *arguments]
    if command == "worker":
        return [*start, "-m", "app.worker", *arguments]
    if command == "test":
        return [*start, "-m", "pytest", *workers(arguments), *arguments]
    return [*start, "-m", "ragdiffusion", command, *arguments]


def workers(arguments: "list[str]") -> "list[str]":
    """Spread the whole test run over the cores, a file at a time; single files and a debugger stay in one process."""
    named = [argument for argument in arguments if (HERE / argument.split("::")[0]).exists()]
    cores = os.cpu_count() or 1
    if named or "--pdb" in arguments or cores == 1:
        return []
    # Half of the time browsers and other processes are waited for; each worker holds a model, and a studio at times.
    count = min(4, cores + cores // 2)
    return ["-n", str(count), "--dist", "loadfile"]


def python_of(folder: Path) -> Path:
    """Give the interpreter of a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def digest(path: Path) -> str:
    """Hash a requirement file and the constraints that it names."""
    content = path.read_bytes()
    constraints = re.findall(r"^-c +(.+)$", content.decode("utf-8"), flags=re.MULTILINE)
    return hashlib.sha256(b"".join([content, *((path.parent / name).read_bytes() for name in constraints)])).hexdigest()


def identity(folder: Path) -> "dict[str, str]":
    """Say what ties an environment to its place and its Python: a moved or foreign one does not work."""
    return {"python": sys.version, "folder": str(folder.resolve())}


def installed(folder: Path) -> "dict[str, str] | None":
    """Read which requirement files (name: hash) are fully installed; None where a new start is needed."""
    try:
        stamp = json.loads((folder / STAMP).read_text(encoding="utf-8"))
        trusted = stamp["identity"] == identity(folder) and python_of(folder).exists()
        return dict(stamp["files"]) if trusted else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_stamp(folder: Path, files: "dict[str, str]") -> None:
    """Record what is fully installed; the inverse of `installed`."""
    stamp = {"identity": identity(folder), "files": files}
    (folder / STAMP).write_text(json.dumps(stamp, indent=1), encoding="utf-8")


def create(folder: Path) -> None:
    """Make an empty environment, in place of a broken one of ours."""
    if importlib.util.find_spec("ensurepip") is None:
        remedy = "install it (Debian, Ubuntu: apt install python3-venv), or use --no-venv"
        raise LaunchError(f"This Python cannot make environments, its ensurepip is missing: {remedy}.")
    if folder.is_dir() and any(folder.iterdir()):
        config = folder / "pyvenv.cfg"
        if not (config.is_file() and PROMPT in config.read_text(encoding="utf-8")):
            raise LaunchError(f"{folder} was not made by launch.py: move it away, or use --no-venv.")
    try:
        venv.create(folder, clear=True, symlinks=os.name != "nt", with_pip=True, prompt=PROMPT)
    except (OSError, subprocess.CalledProcessError) as error:
        raise LaunchError(f"{folder} could not be made ({error}): check the disk and its rights.") from error


def pip_install(python: Path, files: "list[Path]") -> None:
    """Install requirement files into an environment, with pip's own report on the screen."""
    options = [part for path in files for part in ("-r", str(path))]
    call = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *options]
    if subprocess.call(call) != 0:
        raise LaunchError("The installation failed (see above): check network and disk, then start again.")


def prepare(
    folder: Path,
    files: "list[Path]",
    make: "Callable[[Path], None]" = create,
    install: "Callable[[Path, list[Path]], None]" = pip_install,
) -> Path:
    """Bring the environment up to date and return its Python.

    The stamp is taken away before anything changes and comes back at the end, so an installation that was cut
    off is never taken for a whole one. Where pip gave up by itself, it changed nothing: the old one stands. Two
    starts at once follow each other: the second finds what the first installed.
    """
    wanted = {path.name: digest(path) for path in files}
    if lacking(installed(folder), wanted):
        with alone(folder):
            update(folder, files, wanted, make, install)
    return python_of(folder)


def lacking(done: "dict[str, str] | None", wanted: "dict[str, str]") -> "list[str]":
    """Names of the requirement files (name: hash) that are not installed as they are."""
    return [name for name, content in wanted.items() if (done or {}).get(name) != content]


@contextlib.contextmanager
def alone(folder: Path) -> "Iterator[None]":
    """Keep other starts from changing an environment; a killed one lets go by itself."""
    with folder.with_name(folder.name + ".lock").open("a") as handle:
        if not taken(handle, wait=False):
            print(f"Another start is setting up {folder}: waiting for it ...", flush=True)
            while not taken(handle, wait=True):
                pass
        yield


def taken(handle: "IO[str]", *, wait: bool) -> bool:
    """Lock a file until it is closed; False where another process has it, after a while or at once."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def update(
    folder: Path,
    files: "list[Path]",
    wanted: "dict[str, str]",
    make: "Callable[[Path], None]",
    install: "Callable[[Path, list[Path]], None]",
) -> None:
    """Install what an environment still lacks when it is this start's turn."""
    done = installed(folder)
    missing = lacking(done, wanted)
    if not missing:
        return
    names = " and ".join(missing)
    print(f"Installing {names} into {folder}: needed once, takes some minutes ...", flush=True)
    if done is None:
        make(folder)
    (folder / STAMP).unlink(missing_ok=True)
    try:
        install(python_of(folder), files)
    except LaunchError:
        if done is not None:
            write_stamp(folder, done)
        raise
    write_stamp(folder, {**(done or {}), **wanted})


def is_there(name: str) -> bool:
    """Whether this Python has a package, of any version."""
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def check_current(files: "list[Path]") -> None:
    """Refuse to go on with --no-venv where this Python lacks something."""
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    found = [re.match(r"[A-Za-z][\w.-]*", line) for line in lines]
    names = dict.fromkeys(match.group() for match in found if match)
    lacking = [name for name in names if not is_there(name)]
    if lacking:
        options = " ".join(f"-r {path.name}" for path in files)
        remedy = f"run `{sys.executable} -m pip install {options}`, or start without --no-venv"
        raise LaunchError(f"This Python lacks {', '.join(lacking)}: {remedy}.")


def run(call: "list[str]", folder: "Path | None") -> int:
    """Run the child to its end and return its exit code; Ctrl+C reaches the child, which ends by itself."""
    path = os.pathsep.join(part for part in (str(HERE), os.environ.get("PYTHONPATH")) if part)
    child = subprocess.Popen(call, cwd=folder, env={**os.environ, "PYTHONPATH": path})
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # set after the start: a child would inherit it
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    code = child.wait()
    return code if code >= 0 else 128 - code


def main(argv: "list[str] | None" = None) -> int:
    """Set up what is missing, then run what was asked for."""
    if sys.version_info < OLDEST_PYTHON:
        have, need = ".".join(map(str, sys.version_info[:3])), ".".join(map(str, OLDEST_PYTHON))
        print(f"RAGDiffusion Studio needs Python {need} or newer, and this is {have}.", file=sys.stderr)
        return 2
    use_venv, command, arguments = parse(sys.argv[1:] if argv is None else argv)
    if command == "help":
        print(__doc__.strip())
        return 0
    try:
        files = requirement_files(command, arguments)
        if use_venv:
            python = str(prepare(HERE / ".venv", files))
        else:
            check_current(files)
            python = sys.executable
    except LaunchError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; the next start begins the set-up again.", file=sys.stderr)
        return 130
    return run(command_line(python, command, arguments), HERE if command == "test" else None)


if __name__ == "__main__":
    sys.exit(main())
