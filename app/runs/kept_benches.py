"""What lies on each browser's bench, kept in the workspace: a reload, another tab and a restarted studio find it."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.files.image_store import ImageStore
from app.runs.bench import Bench
from app.runs.engine import Engine
from app.runs.request import as_logged, garment_as_logged, garment_of, guided_inputs
from app.runs.work import Unmarked, Work
from app.session_log.framing import Framing
from app.session_log.sampling import SETTINGS, Sampling
from app.session_log.values import RunInputs
from ragdiffusion.files import sweep, write_whole

if TYPE_CHECKING:
    from app.runs.past_banks import PastBanks

KEPT_DAYS = 60
MOST_BENCHES = 200
_VERSION = 1
_FILE = "bench.json"
_PAUSE = 0.5  # seconds between two writes: whoever drags an outline changes the bench many times a second
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeptBench:
    """A bench as it was left.

    Args:
        inputs: photo, framing, garment, guide and landmark, as a run of it would be logged.
        page: the page's settings by name.
        chosen: name of the garment that was chosen last, None if none was.
    """

    inputs: RunInputs
    page: dict[str, Any]
    chosen: str | None


class KeptBenches:
    """A folder for each browser. Safe to use from several threads; it writes in one of its own.

    Args:
        folder: of all of them; made when first needed.
        engine: whose model the benches work with.
        past: finds the banks that they were left with.
    """

    def __init__(self, folder: Path, engine: Engine, past: PastBanks) -> None:
        self._folder = folder
        self._engine = engine
        self._past = past
        self._changed: dict[str, Bench] = {}
        self._news = threading.Condition()
        self._closed = False
        self._writer: threading.Thread | None = None

    def open(self, owner: str, browser: str) -> Bench:
        """Return a new bench of a person's browser, whose changes are kept; "" is a browser that keeps nothing."""
        if not browser:
            return Bench(self._engine, owner)
        key = hashlib.sha256(f"{owner}\0{browser}".encode()).hexdigest()
        return Bench(self._engine, owner, key=key, changed=self._note)

    def close(self) -> None:
        """Write what was not written yet."""
        with self._news:
            self._closed = True
            self._news.notify_all()
        if self._writer is not None:
            self._writer.join(timeout=10)

    def put_back(self, bench: Bench) -> KeptBench | None:
        """Put what its browser left on a bench; one that is in use stays as it is.

        Returns:
            What was put back; None if there is nothing.

        Raises:
            ValueError: if it cannot be put back; the bench stays empty.
        """
        if not bench.key or not (file := self._folder / bench.key / _FILE).is_file():
            return None
        kept, store = _read(file), ImageStore(file.parent)
        inputs = kept.inputs
        photo, garment = store.read(inputs.photo_path), garment_of(inputs, store)
        with bench.lock:
            if not bench.empty:
                return None
            bench.page, bench.last_chosen = kept.page, kept.chosen
            if inputs.landmark_path:
                landmark = store.read(inputs.landmark_path)
                bench.put_back(photo, inputs, landmark, garment, past=self._past)
            else:
                settings = {"k": inputs.k, "alpha": inputs.alpha}
                bench.place(photo, inputs.photo_name, **settings, framing=Framing.read(inputs.framing))
        return kept

    def sweep(self) -> None:
        """Forget benches that nobody came back to, and the oldest where there are many."""
        folders = [path for path in self._folder.glob("*") if path.is_dir()]
        age = {path: time.time() - _used(path) for path in folders}
        kept = sorted((path for path in folders if age[path] < KEPT_DAYS * 86_400), key=lambda path: age[path])
        for path in set(folders) - set(kept[:MOST_BENCHES]):
            shutil.rmtree(path, ignore_errors=True)

    def _note(self, bench: Bench) -> None:
        with self._news:
            self._changed[bench.key] = bench
            if self._writer is None and not self._closed:
                self._writer = threading.Thread(target=self._write_on, name="kept benches", daemon=True)
                self._writer.start()
            self._news.notify_all()

    def _write_on(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._changed or self._closed)
                changed, self._changed = self._changed, {}
                closed = self._closed
            for bench in changed.values():
                try:
                    self._write(bench)
                except Exception as error:  # a full disk must not end it; the next change is written again
                    _LOG.warning("a bench cannot be kept: %s", error)
            if closed:
                return
            time.sleep(_PAUSE)

    def _write(self, bench: Bench) -> None:
        with bench.lock:
            if bench.empty:
                return
            shown, page, chosen = bench.shown(), dict(bench.page), bench.last_chosen
        folder = self._folder / bench.key
        inputs = self._inputs(shown, page, ImageStore(folder))
        flat = {name: value for name, value in inputs.flat().items() if name not in ("owner", "embedding")}
        content = {"schema_version": _VERSION, "inputs": flat, "page": page, "chosen": chosen}
        sweep(folder)
        write_whole(folder / _FILE, json.dumps(content, ensure_ascii=False, allow_nan=False).encode())
        _remove_others(folder, {folder / name for name in inputs.pictures})

    def _inputs(self, shown: Work | Unmarked, page: dict[str, Any], store: ImageStore) -> RunInputs:
        photo = shown.photo
        inputs = RunInputs(
            owner="",
            photo_sha256=photo.sha256,
            photo_name=photo.name,
            photo_path=store.put(photo.data, "photo"),
            sampling=self._sampling(page),
            framing=photo.framing.logged(),
            **shown.settings,
        )
        if isinstance(shown, Unmarked):
            return inputs
        inputs = replace(inputs, garment=garment_as_logged(shown.garment, store))
        model = self._engine.model()
        found = guided_inputs(inputs, as_logged(shown.guide), model=model, images=store)
        return replace(found, attributes=dict(shown.corrected), embedding=None)

    def _sampling(self, page: dict[str, Any]) -> Sampling:
        """Return the page's settings of the sampler, or the model's own where they can't be used (yet)."""
        try:
            return Sampling.read(page)
        except (ValueError, KeyError):
            defaults = self._engine.model().defaults
            return Sampling(0, defaults.steps, defaults.strength, defaults.guidance)


def _read(file: Path) -> KeptBench:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["schema_version"] != _VERSION:
            raise ValueError(f"version {_VERSION} was wanted, and it has {content['schema_version']!r}")
        unsaid = {"pattern": None}  # by a studio of an earlier release
        inputs = RunInputs.from_flat({**unsaid, **content["inputs"], "owner": "", "embedding": None})
        page = {name: value for name, value in content["page"].items() if name in PAGE_SETTINGS}
        return KeptBench(inputs, page, content["chosen"])
    except (OSError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"what this browser's bench held cannot be read ({error!r})") from error


def _used(folder: Path) -> float:
    """When a bench was written last, seconds."""
    try:
        return (folder / _FILE).stat().st_mtime
    except OSError:
        return 0.0


def _remove_others(folder: Path, kept: set[Path]) -> None:
    """Remove pictures that the bench needs no more."""
    for path in folder.glob("*/*"):
        if path.is_file() and path not in kept:
            path.unlink(missing_ok=True)


PAGE_SETTINGS = (*SETTINGS, "seeds", "fresh", "preview")
"""Controls of the page that are kept with its bench."""
