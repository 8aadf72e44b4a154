"""The banks of a studio: which one retrieval uses, and the copy that is made before the first change."""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.curation.encoding import BankEncoder
from app.runs.engine import Engine
from ragdiffusion.files import write_json

if TYPE_CHECKING:
    from ragdiffusion.api import RAGDiffusion
    from ragdiffusion.bank import Bank
    from ragdiffusion.bank.library import BankInfo, BankLibrary
    from ragdiffusion.bank.making import EntryMaker

CURRENT = "current.json"
GIVEN = "given"
"""Key of a bank that the studio was started with by name, and that lies outside of its workspace."""
_PATIENCE, _PAUSE = 15.0, 0.1  # seconds to find a file closed, and between two tries
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Opened:
    """A bank that may be changed, and what was done so that it may.

    Attributes:
        bank: that retrieval uses from now on.
        note: one line for the person, "" if nothing was done.
    """

    bank: Bank
    note: str = ""


class Curator:
    """Opens, makes and switches banks. Safe to use from several threads.

    Retrieval uses what is opened here at once: no model is loaded again.

    Args:
        engine: whose model searches the bank.
        folder: of the banks that are made here; made with the first one.
        given: file or database URL that the studio was started with; None: the checkpoint's own bank, or the one of
            the folder that lay open last.

    Attributes:
        encoder: encodes banks of other checkpoints.
    """

    def __init__(self, engine: Engine, folder: Path, given: str | Path | None = None) -> None:
        self._engine = engine
        self._folder = folder
        self._given = given
        self._lock = threading.RLock()
        self._library: BankLibrary | None = None
        self._key = ""
        self._maker: EntryMaker | None = None
        self.encoder = BankEncoder()
        engine.prepare_with(self._adopt)

    @property
    def folder(self) -> Path:
        """Where the banks of this studio are."""
        return self._folder

    @property
    def bank(self) -> Bank:
        """The bank that retrieval uses; waits for the model while it loads."""
        return self._engine.model().bank

    @property
    def key(self) -> str:
        """Of that bank, as `banks` has it."""
        self._engine.model()
        return self._key

    @property
    def library(self) -> BankLibrary:
        """The banks there are."""
        self._engine.model()
        assert self._library is not None  # it came with the model
        return self._library

    @property
    def maker(self) -> EntryMaker:
        """Make entries for this checkpoint's banks."""
        from ragdiffusion.bank.making import EntryMaker

        model = self._engine.model()
        with self._lock:
            if self._maker is None:
                self._maker = EntryMaker(model.pipeline.structure_net)
            return self._maker

    def banks(self) -> list[BankInfo]:
        """Return all banks, the checkpoint's own first; those that cannot be opened say why."""
        return self.library.list()

    def encode(self, key: str, author: str) -> None:
        """Begin to encode a bank that another checkpoint's encoder made; `encoder` tells how far it is.

        Raises:
            ValueError: if there is none of this key, it needs none, or another is being encoded.
        """
        info = self.library.info(key)
        if not info.foreign:
            raise ValueError(info.problem or f"{info.name} is of this checkpoint's encoder already")
        self.encoder.start(key, info.name, info.path, self.maker, self.bank.fingerprint, author)

    def editing(self) -> Opened:
        """Return the bank that lies open, to be changed; of one that is read-only a copy takes its place first.

        Raises:
            ValueError: if it is read-only and no copy can be made.
        """
        with self._lock:
            if not self.bank.read_only:
                return Opened(self.bank)
            key = self.key
            if key == GIVEN:
                raise ValueError("this bank is read-only: copy it under Banks, and change the copy")
            info, note = self.library.writable(key)
            self.switch(info.key)
            return Opened(self.bank, note or "")

    def create(self, name: str) -> None:
        """Make an empty bank and open it.

        Raises:
            ValueError: if the name is taken or cannot be used.
        """
        with self._lock:
            self.switch(self.library.create(name, dimension=self.bank.dimension).key)

    def copy(self, name: str) -> None:
        """Make a copy of the bank that lies open, and open that.

        Raises:
            ValueError: as for `create`, or the bank is no file.
        """
        with self._lock:
            if self.key == GIVEN:
                raise ValueError("this bank lies outside of the workspace: copy its file into the workspace's banks")
            self.switch(self.library.copy(self.key, name).key)

    def rename(self, name: str) -> None:
        """Give the bank that lies open another name.

        Raises:
            ValueError: as for `create`, or the bank is the checkpoint's own.
        """
        with self._lock:
            key = self.key
            if key == GIVEN:
                raise ValueError("this bank lies outside of the workspace: rename its file there")
            self._lies_open(self._renamed(key, name))

    def _renamed(self, key: str, name: str) -> str:
        """Give the file of the bank that lies open another name, which nobody may have open then; returns its key."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                with self.bank.closed(_PATIENCE):
                    info = self.library.rename(key, name)
                    self.bank.moved(info.path, info.name)
                return info.key
            except TimeoutError as error:
                raise RuntimeError(f"{self.bank.name} is being read all the time: try again later") from error
            except RuntimeError:  # such as those who list the banks have it open for a moment
                if time.monotonic() > until:
                    raise
                time.sleep(_PAUSE)

    def switch(self, key: str) -> None:
        """Let retrieval use another bank.

        Raises:
            ValueError: if there is none of this key, or it cannot be opened.
        """
        with self._lock:
            if key == self.key:
                return
            self._use(key, self.library.open(key))

    def _use(self, key: str, bank: Bank) -> None:
        # Between two retrievals. Who was given the one before a moment ago may still read: it connects anew then.
        self._engine.call(lambda model: model.use_bank(bank)).close()
        self._lies_open(key)

    def _lies_open(self, key: str) -> None:
        self._key = key
        write_json(self._folder / CURRENT, {"bank": key})

    def _adopt(self, model: RAGDiffusion) -> None:
        """Find out which bank a model that was just loaded uses, and go on with the one that lay open last."""
        from ragdiffusion.bank.library import BUNDLED, BankLibrary

        own = model.bank.path if self._given is None else None
        self._library = BankLibrary(self._folder, bundled=own, fingerprint=model.bank.fingerprint)
        self._key = BUNDLED if self._given is None else GIVEN
        last = self._last()
        if self._given is not None or last in (None, BUNDLED):
            return
        try:
            model.use_bank(self._library.open(last))
            self._key = last
        except (ValueError, RuntimeError) as error:
            _LOG.warning("the bank %s, which lay open last, is left: %s", last, error)

    def _last(self) -> str | None:
        try:
            found = json.loads((self._folder / CURRENT).read_text(encoding="utf-8"))
            return str(found["bank"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
