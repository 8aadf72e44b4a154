"""Banks of one's own: files of one folder, beside the bundled bank, which nobody changes."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from sqlalchemy import select, update

from ragdiffusion.bank.access import version_of
from ragdiffusion.bank.bank import Bank
from ragdiffusion.bank.opening import open_bank
from ragdiffusion.bank.store import Store, file_of
from ragdiffusion.bank.tables import BankRow
from ragdiffusion.bank.versions import Ref, open_version, resolve
from ragdiffusion.config import assets_folder
from ragdiffusion.files import replace, sweep

BUNDLED = "bundled"
"""The key of the bank that comes with the checkpoint."""
_SUFFIX = ".sqlite3"
_BIN = ".bin"
VERSIONS = ".versions"
"""Folder, in that of the banks, of those opened as they once were."""
_LONGEST = 60  # characters of a name
_ALIVE = "enabled AND deleted_at IS NULL"


def banks_folder(workspace: Path | None = None) -> Path:
    """Where a workspace keeps its banks; `~/.ragdiffusion-studio` is the workspace if none is given."""
    return (Path.home() / ".ragdiffusion-studio" if workspace is None else Path(workspace)) / "banks"


def workspace_library(workspace: Path | None = None) -> BankLibrary:
    """The banks of a workspace, and the bundled one, of whatever encoder."""
    bundled = assets_folder() / "checkpoints" / "studio" / "bank.sqlite3"
    return BankLibrary(banks_folder(workspace), bundled=bundled if bundled.is_file() else None)


def location_of(bank: str | Path, workspace: Path | None = None, *, to_change: bool = False) -> str | Path:
    """What `Bank.open` takes for a bank that a person named: a key, a file or a database's URL.

    Args:
        bank: what they wrote.
        workspace: whose banks are meant.
        to_change: whether it will be changed, which the bundled one never is.

    Raises:
        ValueError: if there is no such bank, or it is the bundled one and shall be changed.
    """
    library = workspace_library(workspace)
    location = library.location(bank)
    if to_change and library.is_bundled(location):
        raise ValueError(
            f"bank {bank} is the bundled one, which can't be changed: copy it to your workspace and change the copy"
        )
    return location


@dataclass(frozen=True)
class BankInfo:
    """One bank in the list.

    Attributes:
        key: "bundled", or the stem of its file in the folder.
        name: how people call it, part of its version.
        path: its file.
        bundled: whether it is the one that came with the checkpoint.
        read_only: whether it can't be changed.
        entries: enabled ones.
        version: as "studio-r12-3f2a9c".
        fingerprint: of the encoder that made it.
        problem: why it can't be used, in one line; None: it can.
        foreign: whether that is because another encoder made it, for which it can be encoded again.
    """

    key: str
    name: str
    path: Path
    bundled: bool
    read_only: bool
    entries: int = 0
    version: str = ""
    fingerprint: str = ""
    problem: str | None = None
    foreign: bool = False


class BankLibrary:
    """The banks of a folder, and the bundled one.

    Args:
        folder: made when the first bank is.
        bundled: the checkpoint's bank; None where there is none.
        fingerprint: of the encoder in use; banks of another one are listed with that problem. None: of any.
    """

    def __init__(self, folder: Path, *, bundled: Path | None, fingerprint: str | None = None) -> None:
        self.folder, self._bundled, self._fingerprint = Path(folder), bundled, fingerprint

    def list(self) -> list[BankInfo]:
        """All banks: the bundled one, then one's own by name; those that can't be used with their problem."""
        keys = [] if self._bundled is None else [BUNDLED]
        own = sorted(self.folder.glob(f"*{_SUFFIX}"), key=lambda path: path.stem.casefold())
        return [self.info(key) for key in [*keys, *(path.stem for path in own if not path.name.startswith("."))]]

    def info(self, key: str) -> BankInfo:
        """One bank in short; its index isn't loaded.

        Raises:
            ValueError: if there is none of this key.
        """
        path = self._path(key)
        bundled = key == BUNDLED
        try:
            store = open_bank(path, fingerprint=self._fingerprint, read_only=True)
        except (ValueError, RuntimeError) as error:
            return BankInfo(key, key, path, bundled, bundled, problem=str(error), foreign=self._foreign(path))
        try:
            return _info(key, path, bundled, store)
        except RuntimeError as error:
            return BankInfo(key, key, path, bundled, bundled, problem=str(error))
        finally:
            store.close()

    def open(self, key: str, *, read_only: bool = False) -> Bank:
        """Open a bank; the bundled one for reading only.

        Raises:
            ValueError: if there is none of this key, or it can't be used.
            RuntimeError: if it is locked or damaged.
        """
        return Bank.open(self._path(key), fingerprint=self._fingerprint, read_only=read_only or key == BUNDLED)

    def create(self, name: str, *, dimension: int, precision: str = "float16") -> BankInfo:
        """Make an empty bank.

        Args:
            name: how it shall be called.
            dimension: of the encoder's embeddings.
            precision: as for `Bank.create`.

        Raises:
            ValueError: if the name is taken or none, or this library knows no encoder.
        """
        if self._fingerprint is None:
            raise ValueError("a new bank belongs to an encoder, and none is in use: load a checkpoint first")
        path = self._free(name)
        Bank.create(
            path, fingerprint=self._fingerprint, dimension=dimension, name=name.strip(), precision=precision
        ).close()
        return self.info(path.stem)

    def copy(self, key: str, name: str) -> BankInfo:
        """Copy a bank under a new name; number and hash of its version stay.

        Raises:
            ValueError: if there is none of this key, or the name is taken or none.
            RuntimeError: if the bank is locked or damaged.
        """
        path = self._free(name)
        with Bank.open(self._path(key), read_only=True) as bank:
            bank.copy(path)
        _name(path, name.strip())
        return self.info(path.stem)

    def rename(self, key: str, name: str) -> BankInfo:
        """Give a bank of one's own another name; number and hash of its version stay.

        Raises:
            ValueError: if it is the bundled one, there is none of this key, or the name is taken or none.
            RuntimeError: if another program has it open.
        """
        path = self._own(key)
        target = path if _stem(name) == path.stem else self._free(name)
        if target != path:
            _settle(path)  # before the new name is written: nothing has happened if somebody has the file
        _name(path, name.strip())
        if target != path:
            _settle(path)
            replace(path, target)
        return self.info(target.stem)

    def delete(self, key: str) -> None:
        """Put a bank of one's own away; `undelete` brings it back.

        Raises:
            ValueError: if it is the bundled one, or there is none of this key.
            RuntimeError: if another program has it open.
        """
        path = self._own(key)
        _settle(path)
        stamp = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S-%f")
        target = self.folder / _BIN / f"{path.stem}.{stamp}{_SUFFIX}"
        target.parent.mkdir(exist_ok=True)
        replace(path, target)

    def deleted(self) -> list[str]:
        """Names of the banks that were put away, the latest first."""
        found = (self.folder / _BIN).glob(f"*{_SUFFIX}")
        return [path.stem for path in sorted(found, key=lambda path: path.stem.rpartition(".")[2], reverse=True)]

    def undelete(self, name: str) -> BankInfo:
        """Bring a bank back, under its name or, if that is taken, with a number behind it.

        Args:
            name: one of `deleted`.

        Raises:
            ValueError: if there is none.
        """
        if name not in self.deleted():
            raise ValueError(f"no bank {name!r} was put away: choose from {', '.join(self.deleted()) or 'none'}")
        target = self._unused(name.rpartition(".")[0])
        replace(self.folder / _BIN / f"{name}{_SUFFIX}", target)
        return self.info(target.stem)

    def writable(self, key: str) -> tuple[BankInfo, str | None]:
        """A bank that can be changed: the one of this key, or a copy of it that is made now.

        Returns:
            The bank, and the line to tell the person; None if it is the same bank.

        Raises:
            ValueError: if there is none of this key.
            RuntimeError: if it can't be copied.
        """
        info = self.info(key)
        if info.problem is not None:
            raise ValueError(info.problem)
        if not info.read_only:
            return info, None
        path = self._unused("My bank" if key == BUNDLED else key)
        copy = self.copy(key, path.stem)
        return copy, f"The {info.name} bank can't be changed: your changes go to a copy of it, “{copy.name}”."

    def location(self, bank: str | Path) -> str | Path:
        """What `Bank.open` takes for what a person wrote: a key, a file or a database's URL.

        Raises:
            ValueError: if there is no such bank.
        """
        if isinstance(bank, str) and (bank == BUNDLED or (self.folder / f"{bank}{_SUFFIX}").is_file()):
            return self._path(bank)
        path = file_of(bank)
        if path is None:
            return bank
        if not path.is_file():
            keys = ", ".join(info.key for info in self.list()) or "none"
            raise ValueError(f"there is no bank {str(bank)!r}: give a file, a URL, or one of {keys}")
        return path

    def is_bundled(self, location: str | Path) -> bool:
        """Whether a location is that of the bundled bank."""
        path = file_of(location)
        return path is not None and self._bundled is not None and path.resolve() == self._bundled.resolve()

    def at(self, key: str, ref: Ref) -> Bank:
        """A bank for reading as it was at a version, a snapshot or a revision.

        Raises:
            ValueError: if there is no such bank or version.
        """
        folder = self.folder / VERSIONS
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        with self.open(key, read_only=True) as bank:
            return open_version(bank, ref, folder)

    def holding(self, version: str) -> str | None:
        """Key of the first bank whose log has a version such as "studio-r12-3f2a9c"; None if there is none."""
        for info in self.list():
            if info.problem is None:
                store = open_bank(info.path, fingerprint=None, read_only=True)
                try:
                    with store.transaction() as session:
                        resolve(session, version)
                    return info.key
                except (ValueError, RuntimeError):
                    continue
                finally:
                    store.close()
        return None

    def _foreign(self, path: Path) -> bool:
        """Whether a bank that can't be used is whole, and of another encoder."""
        if self._fingerprint is None or path == self._bundled:
            return False
        try:
            store = open_bank(path, fingerprint=None, read_only=True)
        except (ValueError, RuntimeError):
            return False
        store.close()
        return True

    def _path(self, key: str) -> Path:
        if key == BUNDLED and self._bundled is not None:
            return self._bundled
        path = self.folder / f"{key}{_SUFFIX}"
        if key != Path(key).name or not path.is_file():
            raise ValueError(f"there is no bank {key!r} in {self.folder}")
        return path

    def _own(self, key: str) -> Path:
        if key == BUNDLED:
            raise ValueError("the bundled bank stays as it is: copy it, and change the copy")
        return self._path(key)

    def _free(self, name: str) -> Path:
        """The file of a new bank of this name."""
        stem = _stem(name)
        path = self.folder / f"{stem}{_SUFFIX}"
        if stem.casefold() == BUNDLED or path.exists():
            raise ValueError(f"there is a bank {name.strip()!r} already: choose another name")
        self.folder.mkdir(parents=True, exist_ok=True)
        return path

    def _unused(self, name: str) -> Path:
        """The file of a new bank of this name, with a number behind it where it is taken."""
        number = 1
        while True:
            try:
                return self._free(name if number == 1 else f"{name} {number}")
            except ValueError:
                number += 1
                if number > 10_000:
                    raise


def _info(key: str, path: Path, bundled: bool, store: Store) -> BankInfo:
    with store.transaction() as session:
        about = session.scalars(select(BankRow)).one()
        count = session.connection().exec_driver_sql(f"SELECT count(*) FROM entry WHERE {_ALIVE}").scalar_one()
    version = version_of(about.name, about.revision, about.digest)
    return BankInfo(key, about.name, path, bundled, bundled, count, version, about.fingerprint)


def _stem(name: str) -> str:
    """The stem of a bank's file.

    Raises:
        ValueError: if the name holds nothing that a file's name can.
    """
    stem = re.sub(r"[^\w .,+-]+", "-", name.strip()).strip(". -")
    if not stem or len(stem) > _LONGEST:
        raise ValueError(f"a bank's name must have 1 to {_LONGEST} letters, digits or spaces, got {name!r}")
    return stem


def _name(path: Path, name: str) -> None:
    store = open_bank(path, fingerprint=None, read_only=False)
    try:
        with store.transaction(writes=True) as session:
            session.execute(update(BankRow).values(name=name))
    finally:
        store.close()


def _settle(path: Path) -> None:
    """Bring all into the file itself, so that it can be moved.

    Nobody may have it open then: their log would lie beside the name that it had, and what they write would be lost.

    Raises:
        RuntimeError: if somebody has.
    """
    store = open_bank(path, fingerprint=None, read_only=False)
    try:
        with store.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None  # the connection is open
            # Without a log it is the file alone; SQLite gives the log up for whoever is alone with it.
            (mode,) = driver.execute("PRAGMA journal_mode=DELETE").fetchone()
    except sqlite3.OperationalError as error:
        raise RuntimeError(f"bank {path} is open in another program: close that and try again") from error
    finally:
        store.close()
    if mode != "delete":
        raise RuntimeError(f"bank {path} is open in another program: close that and try again")
