"""What a start of the studio was asked for."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from ragdiffusion.structure.readers.choice import parse_reader

LOCAL_HOST = "127.0.0.1"
EVERY_HOST = "0.0.0.0"
LOG_FORM = "postgresql+psycopg://USER@HOST/DATABASE"
LOG_HELP = (
    f"PostgreSQL database that several studios and workers share: {LOG_FORM}; "
    "its password is best left to PGPASSWORD or ~/.pgpass"
)
PICTURES_HELP = "folder or address (s3://..., gs://...) of the pictures that all who share the log reach"
LOGINS_VARIABLE = "RAGDIFFUSION_LOGINS"
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|[0-9a-f:]+", re.IGNORECASE)
_SEE = f"name a file of lines USER:PASSWORD by --auth FILE, or set {LOGINS_VARIABLE}"


@dataclass(frozen=True)
class StudioOptions:
    """One start of the studio.

    Args:
        workspace: folder of everything that people make here; made when it is missing.
        host: address to listen on; any other than 127.0.0.1 demands a login.
        port: 1 to 65535, 0 for any free one, None for the first free one from 7860.
        names: beside 127.0.0.1 and localhost, under which requests may ask for the studio.
        logins: pairs of user and password; without any, whoever reaches the address may use the studio.
        open_browser: whether a browser is opened once the page is up.
        preset: name of the model's preset.
        checkpoint: folder or hub id of the weights; None is the bundled one.
        bank: file or database URL of the bank; None is the bundled one.
        device: "cpu", "cuda", "cuda:1", …; None takes the best there is.
        reader: who reads the attributes, named as in `ragdiffusion.structure.readers.choice`.
        log: address of a PostgreSQL database that several studios and workers share; None is a file in the workspace.
        pictures: folder or address (s3://…, gs://…) of the pictures, reached by all who share the log; None is a folder
            in the workspace.
        overseers: users who see everybody's runs.
        mcp: whether the API is offered to assistants as MCP tools too; needs the package `mcp`.

    Raises:
        ValueError: for a port out of range, a name that is none, an empty user or password, other hosts without a
            login, no such reader, `mcp` without its package, a log that is no address or has no pictures, or an
            overseer without a login.
    """

    workspace: Path = field(default_factory=lambda: Path.home() / ".ragdiffusion-studio")
    host: str = LOCAL_HOST
    names: tuple[str, ...] = ()
    port: int | None = None
    logins: tuple[tuple[str, str], ...] = ()
    open_browser: bool = True
    preset: str = "studio"
    checkpoint: str | None = None
    bank: str | None = None
    device: str | None = None
    reader: str = "heads"
    log: str | None = None
    pictures: str | None = None
    overseers: tuple[str, ...] = ()
    mcp: bool = False

    def __post_init__(self) -> None:
        parse_reader(self.reader)
        if self.mcp and importlib.util.find_spec("mcp") is None:
            raise ValueError(
                "--mcp needs the package mcp, which is not installed: run "
                f'`{sys.executable} -m pip install "gradio[mcp]=={version("gradio")}"`, or leave out --mcp'
            )
        if self.port is not None and not 0 <= self.port <= 65535:
            raise ValueError(f"port {self.port} does not exist: choose one from 1 to 65535, or 0 for any")
        if any(not user or not password for user, password in self.logins):
            raise ValueError("a login lacks its user or its password: write it as USER:PASSWORD")
        users = [user for user, _ in self.logins]
        if len(set(users)) < len(users):
            raise ValueError("two logins have the same user: give each person their own USER:PASSWORD")
        if self.host != LOCAL_HOST and not self.logins:
            raise ValueError(f"listening on {self.host} lets others on the network in: {_SEE}, or leave out --listen")
        strange = [name for name in self.names if not is_host(name)]
        if strange:
            raise ValueError(f"{strange[0]!r} is no name of a host: write --host studio.example.org, without a port")
        check_shared(self.log, self.pictures)
        strangers = set(self.overseers) - set(users)
        if strangers:
            raise ValueError(f"--overseer {min(strangers)} has no login: {_SEE}")

    @property
    def database(self) -> Path:
        """The session log, where no other is given."""
        return self.workspace / "studio.sqlite3"

    @property
    def images(self) -> Path:
        """Photos, landmarks and results by content hash."""
        return self.workspace / "images"

    @property
    def uploads(self) -> Path:
        """Where the web server puts a file while it is received; emptied as files are read."""
        return self.workspace / "uploads"


def check_shared(log: str | None, pictures: str | None) -> None:
    """See that a log is an address, and that those who share it share their pictures too.

    Raises:
        ValueError: if not. The message does not repeat the address, which may hold a password.
    """
    if log is not None and not log.startswith("postgresql"):
        raise ValueError(f"--log is the address of a PostgreSQL database: {LOG_FORM}")
    if log is not None and pictures is None:
        raise ValueError("--log needs --pictures: a folder or bucket that every machine of the team reaches")


def is_host(name: str) -> bool:
    """Tell whether a text is a host's name or address, without a port."""
    return bool(_HOST.fullmatch(name))


def read_logins(file: str | None) -> tuple[tuple[str, str], ...]:
    """Return the logins of a file, and of the environment where none is named; never those of a command line, which
    everyone on the machine can read.

    Args:
        file: with a line USER:PASSWORD for each person; lines that begin with # say nothing.

    Raises:
        ValueError: if it cannot be read, others can read it, or a line is no login. The message has no password.
    """
    if file is None:
        text = os.environ.get(LOGINS_VARIABLE, "")
    else:
        path = Path(file).expanduser()
        if not path.is_file() and ":" in file:
            raise ValueError(f"a password on the command line can be read by everyone on this machine: {_SEE}")
        try:
            text = path.read_text(encoding="utf-8-sig")
            mode = path.stat().st_mode
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
            raise ValueError(f"the logins cannot be read from {path} ({reason}): {_SEE}") from error
        if os.name != "nt" and mode & 0o077:
            raise ValueError(f"others on this machine can read the passwords in {path}: run `chmod 600 {path}`")
    lines = [line.strip() for line in text.splitlines()]
    found = tuple(parse_login(line) for line in lines if line and not line.startswith("#"))
    if file is not None and not found:
        raise ValueError(f"there is no login in {path}: write a line USER:PASSWORD for each person")
    return found


def parse_login(text: str) -> tuple[str, str]:
    """Split USER:PASSWORD at the first colon.

    Raises:
        ValueError: if there is no colon. The message does not repeat the text, which may be a password.
    """
    user, colon, password = text.partition(":")
    if not colon:
        raise ValueError("a login needs a colon between user and password: write it as USER:PASSWORD")
    return user, password
