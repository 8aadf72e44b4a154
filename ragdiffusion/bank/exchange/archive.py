"""A bank as files: images, masks, outlines, one line of JSON an entry, embeddings beside; and back."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ragdiffusion.attributes import UNKNOWN
from ragdiffusion.bank.entries import BankEntry, NewEntry
from ragdiffusion.bank.exchange.container import Container
from ragdiffusion.bank.exchange.items import Item
from ragdiffusion.bank.exchange.outlines import outline_svg
from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.files import whole

if TYPE_CHECKING:
    from ragdiffusion.bank.bank import Bank
    from ragdiffusion.bank.making import EntryMaker

FORMAT, FORMAT_VERSION = "ragdiffusion-bank", 1
_ABOUT, _LINES, _EMBEDDINGS = "bank.json", "entries.jsonl", "embeddings.safetensors"
_FIELDS = frozenset({"id", "image", "mask", "outline", "attributes", "source", "tags", "enabled", "added", "pattern"})
_LONGEST = 2000  # characters of a source or tag
_SUFFIXES = {b"\x89PNG": "png", b"RIFF": "webp", b"\xff\xd8\xff": "jpg"}


@dataclass(frozen=True)
class ExportReport:
    """What was written: where, how many entries, of which version, and bytes."""

    path: str
    entries: int
    version: str
    size: int


def export_zip(
    bank: Bank,
    path: Path,
    *,
    ids: Sequence[int] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> ExportReport:
    """Write entries into a ZIP, which appears whole or not at all.

    Args:
        bank: to read; others may change it meanwhile, each entry is written as it is when its turn comes.
        path: of the ZIP; one that is there is replaced.
        ids: of entries; None: all that are not in the bin.
        on_progress: called with entries done and all of them.

    Raises:
        ValueError: if an id is unknown, or the file can't be written there.
    """
    path = Path(path)
    if not path.parent.is_dir() or path.is_dir():
        raise ValueError(f"can't write {path}: choose a file name in an existing folder")
    if ids is None:
        with bank.access.following() as view:
            numbers = view.catalogue.numbers
            ids = numbers["id"][~numbers["deleted"]].tolist()
    version, vectors = bank.version, []
    with whole(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        lines = []
        for number, entry_id in enumerate(ids, 1):
            entry = bank.entry(int(entry_id))
            line, files = _described(entry, bank.patterns([entry.id]).get(entry.id))
            for name, content in files.items():
                archive.writestr(name, content)
            lines.append(json.dumps(line, ensure_ascii=False, sort_keys=True))
            vectors.append(entry.embedding.numpy())
            if on_progress is not None and (number % 100 == 0 or number == len(ids)):
                on_progress(number, len(ids))
        archive.writestr(_LINES, "".join(f"{line}\n" for line in lines))
        stacked = np.stack(vectors) if vectors else np.zeros((0, bank.dimension), np.float32)
        archive.writestr(_EMBEDDINGS, save({"embeddings": stacked.astype(np.float32)}), zipfile.ZIP_STORED)
        about = {
            "format": FORMAT,
            "schema_version": FORMAT_VERSION,
            "name": bank.name,
            "version": version,
            "fingerprint": bank.fingerprint,
            "dimension": bank.dimension,
            "entries": len(ids),
        }
        archive.writestr(_ABOUT, json.dumps(about, ensure_ascii=False, indent=1))
    return ExportReport(str(path), len(ids), version, path.stat().st_size)


def is_exported(container: Container) -> bool:
    """Whether a container holds an exported bank, or entries described as one's are."""
    return _LINES in container.names()


def read_exported(
    container: Container, *, label: str, fingerprint: str, dimension: int, maker: EntryMaker | None
) -> Iterator[Item]:
    """The entries of an exported bank, or of a folder that is described as one, one after the other.

    Args:
        container: that holds it.
        label: of it, for sources that are missing.
        fingerprint, dimension: of the bank that they are to enter.
        maker: embeds what has no embedding of that encoder; None: such entries are refused.

    Raises:
        ValueError: if it is of a newer version or not to be read at all.
    """
    about = _about(container)
    vectors = _vectors(container, about, fingerprint, dimension)
    other = vectors is None and _EMBEDDINGS in container.names()
    for number, text in enumerate(_text(container).splitlines()):
        if not text.strip():
            continue
        name = f"line {number + 1}"
        try:
            line = _line(text)
            name = str(line.get("source") or line.get("mask") or name)[:120]
            foreign = tuple(sorted(set(line) - _FIELDS))
            vector = None if vectors is None or number >= len(vectors) else vectors[number]
            yield Item(name, _entry(container, line, vector, maker, label, about), None, foreign, embedded=other)
        except ValueError as error:
            yield Item(name, None, str(error))


def _described(entry: BankEntry, pattern: PatternSpec | None) -> tuple[dict[str, Any], dict[str, bytes | str]]:
    """An entry's line, and its files by name."""
    stem = f"{entry.id:06d}"
    files: dict[str, bytes | str] = {
        f"masks/{stem}.png": entry.silhouette,
        f"outlines/{stem}.svg": outline_svg(entry.silhouette),
    }
    image = None
    if entry.thumbnail is not None:
        image = f"images/{stem}.{next((s for head, s in _SUFFIXES.items() if entry.thumbnail.startswith(head)), 'img')}"
        files[image] = entry.thumbnail
    line = {
        "id": entry.id,
        "image": image,
        "mask": f"masks/{stem}.png",
        "outline": f"outlines/{stem}.svg",
        "attributes": {key: value for key, value in entry.attributes.items() if value != UNKNOWN},
        "source": entry.source,
        "tags": list(entry.tags),
        "enabled": entry.enabled,
        "pattern": None if pattern is None else {"kind": pattern.kind, "measures": dict(pattern.measures)},
    }
    return line, files


def _about(container: Container) -> dict[str, Any]:
    """What an export says about itself; nothing for a folder that a person described by hand."""
    if _ABOUT not in container.names():
        return {}
    try:
        about = json.loads(container.read(_ABOUT))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{_ABOUT} can't be read ({error}): export the bank again") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise ValueError(f"{_ABOUT} is not of an exported bank")
    if about.get("schema_version") != FORMAT_VERSION:
        raise ValueError(
            f"the export has schema version {about.get('schema_version')!r}, this program reads {FORMAT_VERSION}: "
            "update RAGDiffusion"
        )
    return about


def _vectors(container: Container, about: Mapping[str, Any], fingerprint: str, dimension: int) -> np.ndarray | None:
    """Embeddings of this encoder, a row a line; None where they are missing or another encoder's."""
    if _EMBEDDINGS not in container.names() or about.get("fingerprint") != fingerprint:
        return None
    try:
        vectors = load(container.read(_EMBEDDINGS))["embeddings"]
    except (SafetensorError, KeyError, ValueError) as error:
        raise ValueError(f"{_EMBEDDINGS} can't be read ({error}): export the bank again") from error
    if vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise ValueError(f"{_EMBEDDINGS} holds {tuple(vectors.shape)} numbers, (N, {dimension}) wanted")
    return vectors


def _text(container: Container) -> str:
    try:
        return container.read(_LINES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{_LINES} is not UTF-8: save it so") from error


def _line(text: str) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no JSON ({error})") from error
    if not isinstance(line, dict):
        raise ValueError(f"it holds a {type(line).__name__}, an object wanted")
    for key, kind in (("mask", str), ("source", str), ("attributes", dict), ("tags", list), ("image", str)):
        value = line.get(key)
        if value is not None and not isinstance(value, kind):
            raise ValueError(f"its {key} is {str(value)[:60]!r}, {'text' if kind is str else kind.__name__} wanted")
    words = [*(line.get("tags") or ()), line.get("source") or ""]
    if not all(isinstance(word, str) and len(word) <= _LONGEST for word in words):
        raise ValueError("its source or a tag is no text of a sensible length")
    return line


def _entry(
    container: Container,
    line: Mapping[str, Any],
    vector: np.ndarray | None,
    maker: EntryMaker | None,
    label: str,
    about: Mapping[str, Any],
) -> NewEntry:
    enabled = line.get("enabled", True) is not False
    described: dict[str, Any] = {
        "attributes": dict(line.get("attributes") or {}),
        "source": line.get("source") or f"{label}:{line.get('mask') or line.get('image')}",
        "tags": tuple(line.get("tags") or ()),
    }
    image = None if line.get("image") is None else container.read(line["image"])
    if vector is not None and line.get("mask") is not None:
        mask = container.read(line["mask"])
        pattern = _pattern(line.get("pattern"))
        own = torch.from_numpy(vector.copy())
        return NewEntry(own, mask, thumbnail=image, pattern=pattern, enabled=enabled, **described)
    if maker is None:
        whose = f"encoder {about['fingerprint']}" if about.get("fingerprint") else "no encoder"
        raise ValueError(f"its embedding is of {whose}, not of this bank's: give the checkpoint, to make it anew")
    return replace(_made(container, line, image, maker, described), enabled=enabled)


def _made(
    container: Container, line: Mapping[str, Any], image: bytes | None, maker: EntryMaker, described: dict[str, Any]
) -> NewEntry:
    mask = None if line.get("mask") is None else container.read(line["mask"])
    if mask is None and image is None:
        raise ValueError("it names neither a mask nor an image")
    entry = maker.from_files(image, mask, **described)
    return replace(entry, pattern=_pattern(line.get("pattern")))


def _pattern(value: Any) -> PatternSpec | None:
    if value is None:
        return None
    try:
        return PatternSpec(str(value["kind"]), {str(key): float(size) for key, size in value["measures"].items()})
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise ValueError(f"its pattern is {str(value)[:60]!r}, a kind and measures wanted") from error
