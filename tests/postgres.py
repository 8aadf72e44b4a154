"""A PostgreSQL server for the tests, started once and thrown away; each test gets a database of its own."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, make_url
from sqlalchemy.exc import OperationalError

_DEBIAN = Path("/usr/lib/postgresql")
_PATIENCE = 300  # seconds
# Nothing here outlives the tests, so nothing waits for the disk.
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "300",
    "listen_addresses": "",
    "timezone": "Asia/Kolkata",  # nobody may rely on the server's zone being UTC
}
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a running server's first database; skips where PostgreSQL, its driver or a user for it is missing."""
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed: requirements-postgres.txt")
    programs = _programs()
    user = _user()
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # short: a socket's path has at most 107 letters
    try:
        if user is not None:
            shutil.chown(folder, user, user)
        server = _start(programs, folder, user)
        try:
            url = URL.create("postgresql+psycopg", "postgres", database="postgres", query={"host": str(folder)})
            _wait_for(url, server, folder)
            yield url.render_as_string(hide_password=False)
        finally:
            server.send_signal(signal.SIGINT)  # without waiting for its clients
            server.wait(_PATIENCE)
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of an empty database, as `--log` and `--bank` take it."""
    with empty_database(postgres_server) as url:
        yield url


@contextmanager
def empty_database(server: str) -> Iterator[str]:
    """Gives the URL of a database that is dropped at the end."""
    name = f"test_{next(_numbers)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()


def _programs() -> Path:
    """The folder of `initdb` and `postgres`; skips without one."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(_DEBIAN.glob("*/bin"), key=lambda path: path.parent.name.zfill(3), reverse=True)
    for folder in folders:
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    pytest.skip("no PostgreSQL: install it (Debian, Ubuntu: apt install postgresql)")


def _user() -> str | None:
    """Whom the server runs as, None for whoever runs the tests; PostgreSQL refuses root."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return None
    import pwd

    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres to run it as")


def _start(programs: Path, folder: Path, user: str | None) -> subprocess.Popen[bytes]:
    data = folder / "data"
    as_user = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    made = subprocess.run(
        [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"],
        cwd=folder,
        capture_output=True,
        text=True,
        **as_user,
    )
    if made.returncode != 0:
        pytest.fail(f"initdb failed: {made.stderr[-2000:]}")
    settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
    with open(folder / "server.log", "wb") as log:
        return subprocess.Popen(
            [programs / "postgres", "-D", data, "-k", folder, *settings],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl+C goes to the tests, which stop it
            **as_user,
        )


def _wait_for(url: URL, server: subprocess.Popen[bytes], folder: Path) -> None:
    engine = create_engine(url)
    try:
        for _ in range(_PATIENCE * 20):
            try:
                with engine.connect():
                    return
            except OperationalError:
                try:
                    server.wait(0.05)
                except subprocess.TimeoutExpired:
                    continue
                break
    finally:
        engine.dispose()
    pytest.fail(f"PostgreSQL did not start: {(folder / 'server.log').read_text()[-2000:]}")
