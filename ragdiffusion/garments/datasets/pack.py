"""A dataset in a few files of 16 MiB or less, to be carried to another machine and trained from there.

    manifest.json               written last: the shards with their sizes and hashes
    shard-00000.tar …           pictures, and records.jsonl, the pairs they belong to

A shard is a plain tar archive, so the pack can be opened without this library. A pair lies whole in one shard.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from ragdiffusion.files import read_object, write_json, write_whole
from ragdiffusion.garments.datasets.folder import WORK, settle, write_index
from ragdiffusion.garments.datasets.pictures import jpeg, png, shrink
from ragdiffusion.garments.datasets.records import Record, RecordDataset, read_mask
from ragdiffusion.images import load_photo
from ragdiffusion.ray_map import Mapper

MANIFEST = "manifest.json"
SHARD_BYTES = 16 * 1024 * 1024
_FORMAT, _SCHEMA = "ragdiffusion-pack", 1
_RECORDS = "records.jsonl"
_BLOCK = 512  # bytes; tar rounds every file up to it
_HEADERS = 4 * _BLOCK  # of one file at most: with a long name, the name comes in blocks of its own
_QUALITY = 92


@dataclass(frozen=True)
class Packed:
    """What was written.

    Attributes:
        pairs: how many.
        shards: how many files beside the manifest.
        bytes: of all shards.
        skipped: what could not be read, with the reason.
    """

    pairs: int
    shards: int
    bytes: int
    skipped: list[str]


def write_pack(
    dataset: RecordDataset,
    out: Path,
    *,
    side: int | None = None,
    shard_bytes: int = SHARD_BYTES,
    mapped: Mapper = map,
) -> Packed:
    """Write a pack; it can be opened only once it is whole.

    Args:
        dataset: what to pack.
        out: folder to write: a new or an empty one, or one where packing was interrupted (it starts again).
        side: shrink pictures to this many pixels on their longer side; None carries the files as they are.
        shard_bytes: largest shard.
        mapped: reads and shrinks the pictures, in order.

    Raises:
        ValueError: the folder holds something else, a pair does not fit into a shard, or nothing can be packed.
    """
    _make_room(out)
    shards: list[dict[str, object]] = []
    skipped: list[str] = []
    lot: list[tuple[Record, dict[str, bytes]]] = []
    filled, pairs = 0, 0
    for read in mapped(partial(_read_pair, dataset, side), range(len(dataset))):
        if isinstance(read, ValueError):
            skipped.append(str(read))
            continue
        record, files = read
        cost = _cost(record, files)
        if cost > shard_bytes - 20 * _BLOCK:
            raise ValueError(
                f"{record.name} takes {cost / 2**20:.1f} MiB, a shard {shard_bytes / 2**20:.1f}: pack it "
                "smaller with --size"
            )
        if lot and filled + cost > shard_bytes - 20 * _BLOCK:  # a tar ends in up to 20 blocks of nothing
            shards.append(_write_shard(out, len(shards), lot))
            lot, filled = [], 0
        lot.append((record, files))
        filled, pairs = filled + cost, pairs + 1
    if not lot:
        raise ValueError(
            f"nothing to pack: none of {len(dataset)} pairs can be read" + (f" ({skipped[0]})" if skipped else "")
        )
    shards.append(_write_shard(out, len(shards), lot))
    settle()
    write_json(out / MANIFEST, {"format": _FORMAT, "schema": _SCHEMA, "pairs": pairs, "shards": shards})
    return Packed(pairs, len(shards), sum(int(shard["bytes"]) for shard in shards), skipped)


class Pack:
    """A pack opened for reading; every shard's hash is checked first.

    Args:
        root: its folder.

    Raises:
        ValueError: no manifest, another version, or a shard that is missing or damaged.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self.records: list[Record] = []
        self._places: dict[str, tuple[Path, int, int]] = {}
        pairs, shards = _read_manifest(self.root)
        for shard in shards:
            path = self.root / str(shard["file"])
            content = _checked(path, shard)
            try:
                self._list(path, content)
            except (tarfile.TarError, UnicodeDecodeError, EOFError) as error:
                raise ValueError(f"{path} is damaged ({error}): copy the pack again") from error
        if len(self.records) != pairs:
            raise ValueError(
                f"{self.root}: {MANIFEST} speaks of {pairs} pairs, the shards hold {len(self.records)}: pack it again"
            )

    def _list(self, path: Path, content: bytes) -> None:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for member in archive:
                start, end = member.offset_data, member.offset_data + member.size
                if member.name == _RECORDS:
                    lines = content[start:end].decode("utf-8").split("\n")
                    self.records += [Record.from_json(line, f"{path.name}, {_RECORDS}") for line in lines if line]
                else:
                    self._places[member.name] = (path, start, member.size)

    def read(self, name: str) -> bytes:
        """The bytes of one picture.

        Raises:
            ValueError: there is none of that name, or its shard is gone.
        """
        if name not in self._places:
            raise ValueError(f"{name} is not in the pack {self.root}")
        path, start, size = self._places[name]
        try:
            with path.open("rb") as handle:
                handle.seek(start)
                return handle.read(size)
        except OSError as error:
            raise ValueError(f"{path} can't be read any more ({error.strerror}): copy the pack again") from error


def unpack(pack: Path, out: Path) -> int:
    """Write a pack out as a dataset in folders, the mark of a whole one last.

    Args:
        pack: its folder.
        out: folder to write: a new or an empty one, or one where unpacking was interrupted.

    Returns:
        How many pairs.

    Raises:
        ValueError: as `Pack`, or `out` holds something else.
    """
    opened = Pack(pack)
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / WORK).is_dir())):
        raise ValueError(f"{out} is not empty: give a new folder")
    (out / WORK).mkdir(parents=True, exist_ok=True)  # while it stands, the folder is no dataset
    for record in opened.records:
        for name in record.files():
            if not (out / name).is_file():
                write_whole(out / name, opened.read(name))
    write_index(out, opened.records, source=f"pack {Path(pack).name}")
    (out / WORK).rmdir()
    return len(opened.records)


def _make_room(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file: give a folder")
    there = list(out.iterdir()) if out.exists() else []
    ours = [path for path in there if path.name.lstrip(".").startswith("shard-") and ".tar" in path.name]
    if len(ours) < len(there):
        raise ValueError(
            f"{out} holds {MANIFEST if (out / MANIFEST).is_file() else 'other files'} already: give a new folder"
        )
    for path in ours:
        path.unlink()
    out.mkdir(parents=True, exist_ok=True)


def _read_pair(dataset: RecordDataset, side: int | None, number: int) -> tuple[Record, dict[str, bytes]] | ValueError:
    try:
        return _pair(dataset, number, side)
    except ValueError as error:
        return error


def _pair(dataset: RecordDataset, number: int, side: int | None) -> tuple[Record, dict[str, bytes]]:
    """A record with names of its own, and the bytes of its pictures under them."""
    record = dataset.records[number]
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for kind in ("photo", "standard", "silhouette", "photo_mask"):
        source = getattr(record, kind)
        if source is None:
            continue
        content, ending = dataset.read(source), Path(source).suffix.lower()
        if kind in ("photo", "standard"):
            image = load_photo(content, name=source)  # what can't be read must not travel
            if side is not None and (max(image.size) > side or ending not in (".jpg", ".jpeg")):
                content, ending = jpeg(shrink(np.asarray(image), side), _QUALITY), ".jpg"
        else:
            labels = record.mask_labels if kind == "photo_mask" else ()
            mask = read_mask(content, source, labels=labels)
            if side is not None or labels:
                content, ending = png(mask if side is None else shrink(mask, side)), ".png"
        fields[kind] = f"{kind}s/{number:06d}{ending}"
        files[fields[kind]] = content
    return replace(record, **fields, mask_labels=()), files


def _cost(record: Record, files: dict[str, bytes]) -> int:
    """Bytes that a pair takes in a shard, rounded up."""
    pictures = sum(_HEADERS + -(-len(content) // _BLOCK) * _BLOCK for content in files.values())
    return pictures + len(record.to_json().encode()) + _BLOCK


def _write_shard(out: Path, number: int, lot: list[tuple[Record, dict[str, bytes]]]) -> dict[str, object]:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in _members(lot):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    content = buffer.getvalue()
    name = f"shard-{number:05d}.tar"
    write_whole(out / name, content)
    return {"file": name, "pairs": len(lot), "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _members(lot: list[tuple[Record, dict[str, bytes]]]) -> Iterator[tuple[str, bytes]]:
    yield _RECORDS, "".join(f"{record.to_json()}\n" for record, _ in lot).encode()
    for _, files in lot:
        yield from files.items()


def _read_manifest(root: Path) -> tuple[int, list[dict[str, object]]]:
    manifest = read_object(root / MANIFEST, "it is no whole pack, pack or copy it again")
    if (manifest.get("format"), manifest.get("schema")) != (_FORMAT, _SCHEMA):
        raise ValueError(
            f"{root / MANIFEST} is not a manifest of {_FORMAT}, schema {_SCHEMA}: give a folder that `data pack` wrote"
        )
    pairs, shards = manifest.get("pairs"), manifest.get("shards")
    if not isinstance(pairs, int) or not isinstance(shards, list) or not all(map(_is_shard, shards)):
        raise ValueError(
            f"{root / MANIFEST} is damaged, as it doesn't say which shards there are: pack or copy it again"
        )
    return pairs, shards


def _is_shard(entry: object) -> bool:
    """Whether an item of a manifest names a shard beside it, and its hash."""
    if not isinstance(entry, dict):
        return False
    name, digest = entry.get("file"), entry.get("sha256")
    return isinstance(name, str) and isinstance(digest, str) and name == Path(name).name and name not in ("", "..")


def _checked(path: Path, shard: dict[str, object]) -> bytes:
    """A shard's bytes, as they were written."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} can't be read ({error.strerror}): copy the pack again") from error
    if hashlib.sha256(content).hexdigest() != shard["sha256"]:
        raise ValueError(f"{path} is damaged: its hash is not the manifest's; copy the pack again")
    return content
