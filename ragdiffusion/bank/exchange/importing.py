"""Importing: everything is read and checked first, then all of it enters the bank in one edit, or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ragdiffusion.bank.entries import NewEntry, checked_fields
from ragdiffusion.bank.exchange.archive import is_exported, read_exported
from ragdiffusion.bank.exchange.coco import annotations_in, coco_items
from ragdiffusion.bank.exchange.container import opened, unpack
from ragdiffusion.bank.exchange.folders import NAMED_FOLDERS, has_masks, masked_items, picture_items
from ragdiffusion.bank.exchange.items import Item
from ragdiffusion.picture_files import pictures_in

if TYPE_CHECKING:
    from ragdiffusion.bank.bank import Bank
    from ragdiffusion.bank.making import EntryMaker


@dataclass(frozen=True)
class ImportReport:
    """What an import would do, or did.

    Attributes:
        source: what was read.
        form: "bank" (a ZIP or folder with entries.jsonl), "coco", "masks" or "pictures".
        found: garments in it.
        new: of them, those that can enter.
        repeated: name -> why it is left out, as the bank has it already or the source has it twice.
        refused: name -> why it can't be an entry.
        foreign: field of descriptions that a bank has no place for -> garments that have it.
        embedded: of those found, garments that were embedded anew, as their embeddings are another encoder's.
        added: ids of the entries that came in; none after a dry run.
        version: of the bank, after.
    """

    source: str
    form: str
    found: int
    new: int
    repeated: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    foreign: dict[str, int] = field(default_factory=dict)
    embedded: int = 0
    added: tuple[int, ...] = ()
    version: str = ""


@dataclass(frozen=True, eq=False)
class ImportPlan:
    """A source that was read: its report, and the entries that can enter."""

    report: ImportReport
    entries: tuple[NewEntry, ...]

    def apply(self, bank: Bank, *, author: str = "") -> ImportReport:
        """Add the entries in one edit.

        Raises:
            ValueError: if the bank has one of them by now.
            RuntimeError: if the bank is read-only or locked; it stays as it is.
        """
        ids = bank.add(self.entries, author=author, action="import") if self.entries else ()
        return ImportReport(**{**self.report.__dict__, "added": ids, "version": bank.version})


def plan_import(
    bank: Bank,
    source: Path,
    maker: EntryMaker | None,
    *,
    on_progress: Callable[[int], None] | None = None,
) -> ImportPlan:
    """Read a source and check all of it against a bank, which stays as it is: a dry run.

    Args:
        bank: that it shall enter.
        source: a ZIP or folder of an exported bank, of pictures with or without masks, or of COCO; COCO's JSON.
        maker: of the bank's encoder; None: only what brings that encoder's embeddings can enter.
        on_progress: called with garments read.

    Raises:
        ValueError: if the source as a whole can't be read.
    """
    source = Path(source)
    if not source.exists():
        raise ValueError(f"{source}: there is no such file or folder")
    if source.is_file() and source.suffix.lower() == ".json":
        return _planned(bank, source, "coco", coco_items(source, _needed(maker)), on_progress)
    with opened(source) as container:
        if is_exported(container):
            items = read_exported(
                container,
                label=source.stem,
                fingerprint=bank.fingerprint,
                dimension=bank.dimension,
                maker=maker,
            )
            return _planned(bank, source, "bank", items, on_progress)
        if source.is_dir():
            return _planned(bank, source, *_folder_items(source, maker), on_progress)
        with TemporaryDirectory() as folder:
            root = Path(folder) / source.stem
            unpack(container, root)
            return _planned(bank, source, *_folder_items(_within(root), maker), on_progress)


def _folder_items(root: Path, maker: EntryMaker | None) -> tuple[str, Iterable[Item]]:
    """What a folder holds, and its garments one by one."""
    annotations = annotations_in(root)
    if annotations is not None:
        return "coco", coco_items(annotations, _needed(maker), root=root)
    if not pictures_in(root, recursive=True).pictures:
        raise ValueError(f"{root.name} holds no pictures, no annotations of COCO and no exported bank (entries.jsonl)")
    if has_masks(root):
        return "masks", masked_items(root, _needed(maker))
    return "pictures", picture_items(root, _needed(maker))


def _within(root: Path) -> Path:
    """The folder that an archive is about: where it holds nothing but one, that one, unless its name says what lies in
    it."""
    inside = list(root.iterdir())
    only = inside[0] if len(inside) == 1 and inside[0].is_dir() else None
    return root if only is None or only.name.lower() in NAMED_FOLDERS else _within(only)


def _needed(maker: EntryMaker | None) -> EntryMaker:
    if maker is None:
        raise ValueError("pictures have to be embedded: give the checkpoint whose StructureNet made the bank")
    return maker


def _planned(
    bank: Bank, source: Path, form: str, items: Iterable[Item], on_progress: Callable[[int], None] | None
) -> ImportPlan:
    names: list[str] = []
    entries: list[NewEntry] = []
    refused: dict[str, str] = {}
    foreign: Counter[str] = Counter()
    found = embedded = 0
    for item in items:
        found += 1
        embedded += item.embedded
        foreign.update(item.foreign)
        problem = item.problem
        if item.entry is not None:
            try:
                checked_fields(item.entry, bank.dimension, bank.precision)
            except ValueError as error:
                problem = str(error)
        if problem is not None or item.entry is None:
            refused[_unused(item.name, refused)] = problem or "it is empty"
        else:
            names.append(item.name)
            entries.append(item.entry)
        if on_progress is not None:
            on_progress(found)
    held = bank.duplicates(entries) if entries else {}
    repeated: dict[str, str] = {}
    for place, why in held.items():
        repeated[_unused(names[place], repeated)] = why
    kept = tuple(entry for place, entry in enumerate(entries) if place not in held)
    about = {"foreign": dict(foreign.most_common()), "embedded": embedded, "version": bank.version}
    report = ImportReport(str(source), form, found, len(kept), repeated, refused, **about)
    return ImportPlan(report, kept)


def _unused(name: str, taken: dict[str, str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} ({number})"
    return free
