"""Banks beside the one in use: as they were when a run was made, so that it is made again from them, and by name."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from app.runs.changes import same_version

if TYPE_CHECKING:
    from app.runs.engine import Engine
    from ragdiffusion.api import RAGDiffusion
    from ragdiffusion.bank import Bank
    from ragdiffusion.bank.library import BankLibrary

_LOG = logging.getLogger(__name__)


class PastBanks:
    """Finds the bank of a run: the one in use as it was then, or another of the workspace. Safe for several threads.

    Args:
        engine: whose model retrieves.
        folder: of the workspace's banks.
        given: whether the first bank is one that the studio was started with by name, rather than the checkpoint's own.
    """

    def __init__(self, engine: Engine, folder: Path, *, given: bool = False) -> None:
        self._engine = engine
        self._folder = folder
        self._given = given
        self._first: Bank | None = None
        engine.prepare_with(self._adopt)

    @contextmanager
    def of(self, model: RAGDiffusion, version: str) -> Iterator[Bank]:
        """Open the bank to make a run from, for as long as it is needed.

        Args:
            model: that retrieves.
            version: of the bank, as the run names it; "" where it has not begun.

        Yields:
            The bank as it was at that version; the one in use where it still is that, or the version is gone.
        """
        bank = None
        if version and not same_version(version, model.bank.version):
            bank = self._opened(model, version)
        if bank is None:
            yield model.bank
            return
        with bank:
            yield bank

    @contextmanager
    def named(self, model: RAGDiffusion, name: str) -> Iterator[Bank]:
        """Open a bank of this studio to retrieve from, for as long as it is needed.

        Args:
            model: that retrieves.
            name: of a bank that was made here; "bundled" for the checkpoint's own, or the name of the one that the
                studio was started with.

        Raises:
            ValueError: if there is none of this name, or it cannot be used.
        """
        from ragdiffusion.bank.library import BUNDLED

        library, first = self._library(model), self._first
        if first is not None and name == (first.name if self._given else BUNDLED):
            yield first
        elif name in (known := [info.key for info in library.list()]):
            with library.open(name, read_only=True) as bank:
                yield bank
        else:
            own = [] if first is None else [first.name if self._given else BUNDLED]
            raise ValueError(f"there is no bank {name!r}: choose one of {', '.join([*own, *known])}")

    def has(self, version: str) -> bool:
        """Tell whether a version that a run names can still be opened."""
        model = self._engine.model()
        if same_version(version, model.bank.version) or self._log_with(model, version) is not None:
            return True
        return self._library(model).holding(version) is not None

    def _opened(self, model: RAGDiffusion, version: str) -> Bank | None:
        from ragdiffusion.bank.library import VERSIONS
        from ragdiffusion.bank.versions import open_version

        try:
            source, library = self._log_with(model, version), self._library(model)
            if source is not None:
                bank = open_version(source, version, self._folder / VERSIONS)
            else:
                key = library.holding(version)
                bank = None if key is None else library.at(key, version)
        except (ValueError, RuntimeError, OSError) as error:  # a run is not lost for it
            _LOG.warning("bank %s cannot be opened as it was: %s", version, error)
            return None
        if bank is not None and bank.fingerprint != model.bank.fingerprint:  # encoded for another checkpoint since
            bank.close()
            return None
        return bank

    def _log_with(self, model: RAGDiffusion, version: str) -> Bank | None:
        """The open bank that has a version in its log."""
        from ragdiffusion.bank.versions import has_version

        banks = {id(bank): bank for bank in (model.bank, self._first) if bank is not None}
        return next((bank for bank in banks.values() if has_version(bank, version)), None)

    def _library(self, model: RAGDiffusion) -> BankLibrary:
        from ragdiffusion.bank.library import BankLibrary

        return BankLibrary(self._folder, bundled=None, fingerprint=model.bank.fingerprint)

    def _adopt(self, model: RAGDiffusion) -> None:
        self._first = model.bank  # bundled or given; it stays open while others are in use
