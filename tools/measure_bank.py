#!/usr/bin/env python3
"""How quick the Bank page is on a large bank: draws one by garment makers' measures, then times what the page asks.

    python tools/measure_bank.py draw BANK.sqlite3 --entries 100000
    python tools/measure_bank.py time BANK.sqlite3

Every outline is drawn by the drafter; beyond `--outlines`, where that is given, they come again. The first entries are
embedded by the checkpoint's encoder, the others get vectors about those of their kind: no figure depends on which they
are, and to encode all would take hours. A bank that was cut off goes on where it was. `time` works on a copy
and leaves the bank as it is.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import torch
from PIL import Image
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ragdiffusion.bank import Bank, NewEntry
from ragdiffusion.bank.building.sources import FlatLay, picture_of
from ragdiffusion.bank.editing import checked_entries
from ragdiffusion.bank.entries import PRECISIONS
from ragdiffusion.bank.making import embed_flat_lays, plain_lay
from ragdiffusion.bank.patterns import PatternSpec, store_patterns
from ragdiffusion.bank.sealing import SEALED, checksum, seal
from ragdiffusion.bank.store import Store, open_store
from ragdiffusion.bank.tables import BankRow, EntryRow
from ragdiffusion.config import assets_folder
from ragdiffusion.fingerprint import ENCODER_PARTS, fingerprint
from ragdiffusion.garments.patterns import Pattern, kinds
from ragdiffusion.garments.patterns.attributes import attributes_of
from ragdiffusion.garments.patterns.population import bundled_population
from ragdiffusion.images import SILHOUETTE_SIZE
from ragdiffusion.structure.structure_net import StructureNet

_CHUNK = 500  # entries of one edit
_BATCH = 50  # that are embedded together
_PAGE = 120  # cards that the grid asks for at once
_SPREAD = 0.02  # of an invented vector about its model, a component; cosine similarity about 0.95 at 256 of them


# ---- drawing


def embed_bank(path: Path, entries: int, checkpoint: Path) -> None:
    """Fill a bank with drawn garments that the encoder embeds, kinds in turn, until it has so many."""
    net = StructureNet.from_pretrained(checkpoint / "structure_net", low_cpu_mem_usage=False).eval()
    encoder = fingerprint(checkpoint, ENCODER_PARTS)
    if not path.exists():
        Bank.create(
            path, fingerprint=encoder, dimension=net.to_embedding.out_features, name=path.stem, precision="float16"
        ).close()
    with Bank.open(path, fingerprint=encoder) as bank:
        while (count := len(bank)) < entries:
            numbers = range(count, min(count + _CHUNK, entries))
            flats = [_flat_lay(_pattern(number), number) for number in numbers]
            new = [one for i in range(0, len(flats), _BATCH) for one in embed_flat_lays(net, flats[i : i + _BATCH])]
            bank.add(new, allow_duplicates=True, author="the drafter")
            print(f"{len(bank):,} of {entries:,}", flush=True)


def fill_bank(path: Path, entries: int, outlines: int) -> None:
    """Fill a bank up, straight into its tables, as its own way in takes hours: first with other drawn outlines, whose
    vectors are invented, and from so many outlines on with those that it has, with other vectors.
    """
    with Bank.open(path) as bank:
        models = bank.embeddings()[1][:outlines].numpy()
    store = open_store(path, read_only=False)
    try:
        for start in range(*_missing(store, entries)):
            with store.transaction(writes=True) as session:
                session.execute(update(BankRow).values(name=BankRow.name))  # the writer's turn
                numbers = range(start, min(start + _CHUNK, entries))
                drawn = [number for number in numbers if number < outlines]
                if drawn:
                    _draw(session, drawn, models)
                _repeat(session, numbers[len(drawn) :], outlines)
            print(f"{numbers.stop:,} of {entries:,}", flush=True)
    finally:
        store.close()


def _missing(store: Store, entries: int) -> tuple[int, int, int]:
    """From which number to which, and in which steps."""
    with store.transaction() as session:
        return session.scalar(select(func.count()).select_from(EntryRow)) or 0, entries, _CHUNK


def _draw(session: Session, numbers: Sequence[int], models: np.ndarray) -> None:
    """Add outlines that nobody drew before, with their patterns; `models` (M, D) in order of their numbers."""
    about = session.scalars(select(BankRow)).one()
    new = [_invented(_pattern(number), number, models) for number in numbers]
    values = checked_entries(new, about.dimension, about.precision)
    ids = [number + 1 for number in numbers]
    _put(session, [{"id": each, "revision": about.revision, **value} for each, value in zip(ids, values, strict=True)])
    store_patterns(session, ids, [each.pattern for each in new], [value["silhouette"] for value in values])


def _repeat(session: Session, numbers: Sequence[int], outlines: int) -> None:
    """Add outlines that are there already, with other vectors."""
    kind = np.dtype(PRECISIONS[session.scalars(select(BankRow)).one().precision])
    columns = [column.key for column in EntryRow.__table__.columns]
    sources = {number: number % outlines + 1 for number in numbers}
    held = session.scalars(select(EntryRow).where(EntryRow.id.in_(set(sources.values()))))
    by_id = {row.id: {name: getattr(row, name) for name in columns} for row in held}
    rows = []
    for number, source in sources.items():
        vector = np.frombuffer(by_id[source]["embedding"], kind).astype(np.float32)
        vector = vector + np.random.default_rng([number, 29]).normal(0, _SPREAD, len(vector))
        packed = (vector / np.linalg.norm(vector)).astype(kind).tobytes()
        rows.append({**by_id[source], "id": number + 1, "embedding": packed, "source": f"drawn:{number}"})
    _put(session, rows)


def _put(session: Session, rows: list[dict[str, Any]]) -> None:
    if rows:
        session.execute(insert(EntryRow), rows)
        seal(session, {row["id"]: checksum(*(row[name] for name in SEALED)) for row in rows})


def _pattern(number: int) -> Pattern:
    every = kinds()
    return bundled_population().pattern(every[number % len(every)], np.random.default_rng([number, 17]))


def _flat_lay(pattern: Pattern, number: int) -> FlatLay:
    silhouette = pattern.rasterise(SILHOUETTE_SIZE)
    return FlatLay(image=picture_of(plain_lay(silhouette)), silhouette=silhouette, **_about(pattern, number))


def _about(pattern: Pattern, number: int) -> dict[str, Any]:
    return {
        "attributes": {key: value for key, value in attributes_of(pattern).items() if value != "Unknown"},
        "source": f"drawn:{pattern.kind}-{number}",
        "tags": (pattern.kind, "drawn"),
        "pattern": PatternSpec(pattern.kind, pattern.measures),
    }


def _invented(pattern: Pattern, number: int, models: np.ndarray) -> NewEntry:
    """An entry whose vector lies about that of an entry of its kind; `models` (M, D) in order of their numbers."""
    rng, every = np.random.default_rng([number, 23]), len(kinds())
    same = np.arange(number % every, len(models), every)
    vector = models[int(rng.choice(same))] + rng.normal(0, _SPREAD, models.shape[1])
    file = io.BytesIO()
    Image.fromarray(pattern.rasterise(SILHOUETTE_SIZE) > 127).save(file, format="PNG")
    embedding = torch.from_numpy((vector / np.linalg.norm(vector)).astype(np.float32))
    return NewEntry(embedding, file.getvalue(), **_about(pattern, number))


# ---- timing


class Desk:
    """Takes the Bank page's answers as the site would, so that they can be asked without a browser."""

    def __init__(self) -> None:
        self.parts: Any = defaultdict(MagicMock)
        self.answer: Callable[[str, dict[str, Any]], dict[str, Any]] | None = None

    def serve(self, name: str, answer: Callable[[str, dict[str, Any]], dict[str, Any]]) -> None:
        """Keep who answers."""
        self.answer = answer

    def wire(self, *values: Any, **more: Any) -> None:
        """Nothing listens here."""

    def ask(self, what: str, **values: Any) -> dict[str, Any]:
        """Ask as a browser does; the answer is made into JSON, as it is sent."""
        assert self.answer is not None  # the page was wired
        answer = self.answer("", {"what": what, **values})
        json.dumps(answer)
        return answer


def time_bank(path: Path, checkpoint: Path, *, duplicates: bool) -> dict[str, float]:
    """Measure what the Bank page asks: seconds of the slowest of several, by what it is, and memory."""
    from app.files.image_store import ImageStore
    from app.pages.bank import page
    from app.pages.shared.context import PageContext
    from app.runs.engine import Engine
    from app.runs.services import Services
    from app.session_log.log import SessionLog
    from ragdiffusion.api import RAGDiffusion

    with tempfile.TemporaryDirectory() as folder, Bank.open(path, read_only=True) as given:
        workspace = Path(folder)
        copy = given.copy(workspace / "bank.sqlite3")
        given.close()
        found: dict[str, float] = {"memory of the program alone, MB": _memory()}
        begun = time.perf_counter()
        model = RAGDiffusion.from_pretrained(checkpoint, bank=checkpoint / "bank.sqlite3")
        found["model, s"] = time.perf_counter() - begun
        found["memory with the model, MB"] = _memory()
        services = Services(
            Engine(lambda: model), SessionLog(workspace / "log.sqlite3"), ImageStore(workspace / "i"), workspace
        )
        context, desk = PageContext(services), Desk()
        page.wire(desk, context)  # type: ignore[arg-type]
        begun = time.perf_counter()
        with Bank.open(copy, fingerprint=model.bank.fingerprint) as bank:
            model.use_bank(bank)
            ids = np.frombuffer(base64.b64decode(desk.ask("find", filter={}, facets=True)["ids"]), "<i4")
            desk.ask("cards", ids=ids[:_PAGE].tolist())
            found["start: bank open and first page shown, s"] = time.perf_counter() - begun
            found |= _of_page(desk, ids)
            found["memory with the bank looked at, MB"] = _memory()
            if duplicates:
                for what in ("exact", "near"):
                    found[f"{what} duplicates over all, s"] = _slowest(lambda what=what: desk.ask("quality", list=what))
                found["memory after all, MB"] = _memory()
        services.close()
    return found


def _of_page(desk: Desk, ids: np.ndarray) -> dict[str, float]:
    rng = np.random.default_rng(0)
    starts = iter([*rng.integers(0, max(1, len(ids) - _PAGE), 20).tolist()])
    filters = iter([{"attributes": {"category": [each]}} for each in ("Dress", "Skirt", "Shirt", "Hoodie", "Polo")])
    texts, sorts = iter(("maxi", "dress loose", "polo", "#77", "drawn")), iter(("newest", "even", "use", "changed"))
    lengths = iter(np.linspace(55, 90, 12).tolist())
    fields = desk.ask("kind", kind="t_shirt")["fields"]
    measures = {field["key"]: field["value"] for field in fields}

    def cards() -> None:
        start = next(starts)
        desk.ask("cards", ids=ids[start : start + _PAGE].tolist())

    def add(what: str) -> None:
        desk.ask(what, kind="t_shirt", measures={**measures, "body_length": round(next(lengths), 2)}, attributes={})

    def mapped() -> None:
        desk.ask("map")

    return {
        "grid page, s": _slowest(cards, 20),
        "filter by an attribute, s": _slowest(lambda: desk.ask("find", filter=next(filters)), 5),
        "filter by words, s": _slowest(lambda: desk.ask("find", filter={"text": next(texts)}), 5),
        "sort, s": _slowest(lambda: desk.ask("find", filter={"sort": next(sorts)}), 4),
        "sort by similarity, s": _slowest(lambda: desk.ask("find", filter={"sort": "similar"}, near=int(ids[3])), 4),
        "entry, s": _slowest(lambda: desk.ask("entry", id=int(ids[5])), 4),
        "map, s": _slowest(mapped),
        "look at one to be added, s": _slowest(lambda: add("assay"), 5),
        "add one with its embedding, s": _slowest(lambda: add("save"), 5),
        "filters and counts after an edit, s": _slowest(lambda: desk.ask("find", filter={}, facets=True)),
    }


def _slowest(act: Callable[[], Any], times: int = 1) -> float:
    def once() -> float:
        begun = time.perf_counter()
        act()
        return time.perf_counter() - begun

    return max(once() for _ in range(times))


def _memory() -> float:
    """The most that this process ever held, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(argv: list[str] | None = None) -> int:
    """Draw a bank, or time the page on one."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    actions = parser.add_subparsers(dest="action", required=True)
    draw = actions.add_parser("draw", help="fill a bank with drawn garments")
    draw.add_argument("--entries", type=int, default=8000, help="wanted (default %(default)s)")
    draw.add_argument("--outlines", type=int, help="of them, that differ (default: all)")
    draw.add_argument("--embedded", type=int, default=8000, help="of them, by the encoder (default %(default)s)")
    times = actions.add_parser("time", help="time what the Bank page asks")
    times.add_argument("--duplicates", action="store_true", help="look for duplicates, too")
    times.add_argument("--json", action="store_true", help="print one JSON object")
    for action in (draw, times):
        action.add_argument("bank", type=Path, help="bank file")
        action.add_argument(
            "--checkpoint",
            type=Path,
            default=assets_folder() / "checkpoints" / "studio",
            help="its encoder's (default: the bundled one)",
        )
    args = parser.parse_args(argv)
    if args.action == "draw":
        embed_bank(args.bank, min(args.embedded, args.entries), args.checkpoint)
        fill_bank(args.bank, args.entries, args.outlines or args.entries)
        return 0
    found = time_bank(args.bank, args.checkpoint, duplicates=args.duplicates)
    if args.json:
        print(json.dumps(found, indent=1))
        return 0
    for what, value in found.items():
        print(f"{what:<44}{value:>10.0f}" if what.endswith("MB") else f"{what:<44}{value:>10.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
