"""Runs as one ZIP that opens on another machine: manifest, photos, silhouettes and results."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any

from PIL import Image

from app.files.bundle_schema import FORMAT, MAX_RUNS, VERSION, read_manifest
from app.files.image_store import ImageStore
from app.files.metadata import without_metadata
from app.files.pictures import thumbnail_jpeg
from app.session_log.log import SessionLog
from app.session_log.values import FINAL, Run, mask_path
from ragdiffusion.decoding import decode

MAX_MANIFEST = 16 << 20
MAX_PICTURE = 128 << 20
MAX_TOTAL = 1 << 30
_MAX_SIDE = 4096  # pixels of an outline or a result
_MANIFEST = "bundle.json"
_PICTURE = re.compile(r"pictures/([0-9a-f]{64})\.(photo|png)")
_KEPT = ("created_at", "status", "error", "timings_ms", "result_path", "starred", "rejected", "note", "colour")


def pack(runs: Sequence[Run], images: ImageStore, *, metadata: bool = False) -> bytes:
    """Write runs that have ended with all their pictures.

    Args:
        runs: that are written.
        images: holds their pictures.
        metadata: whether photos keep what the camera wrote into them, the place among it.

    Raises:
        ValueError: if there are no runs or too many, one has not ended, or a picture is gone, too large, or cannot be
            read to take the metadata out.
    """
    if not 1 <= len(runs) <= MAX_RUNS:
        raise ValueError(f"a bundle holds 1 to {MAX_RUNS} runs, got {len(runs)}: select fewer")
    going = [run.id for run in runs if run.status not in FINAL]
    if going:
        raise ValueError(f"run {going[0]} has not ended yet: wait for it, or leave it out")
    buffer, packed = io.BytesIO(), set[str]()
    bare: dict[str, str] = {}
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as bundle:

        def add(name: str, content: bytes) -> None:
            if (
                len(content) > MAX_PICTURE
                or sum(info.file_size for info in bundle.infolist()) > MAX_TOTAL - MAX_PICTURE
            ):
                raise ValueError(f"a bundle of {MAX_TOTAL >> 20} MB at most can be opened again: select fewer runs")
            if name not in packed:
                packed.add(name)
                bundle.writestr(f"pictures/{name.partition('/')[2]}", content)

        for run in runs:
            photo = run.inputs.photo_path
            if not metadata and photo not in bare:
                content = _bare(run, images.read(photo))
                bare[photo] = images.name(content, "photo")
                add(bare[photo], content)
            for name in run.pictures:
                if name not in packed and name not in bare:
                    add(name, images.read(name))
        described = [_described(run, bare.get(run.inputs.photo_path)) for run in runs]
        manifest = {"format": FORMAT, "schema_version": VERSION, "runs": described}
        text = json.dumps(manifest, ensure_ascii=False, allow_nan=False, indent=1)
        bundle.writestr(_MANIFEST, text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def unpack(data: bytes, name: str, *, owner: str, log: SessionLog, images: ImageStore) -> list[Run]:
    """Take the runs of a bundle into the log. All of it is checked before anything is written.

    Args:
        data: the ZIP.
        name: what to call it in messages.
        owner: whose runs they become.
        log: takes the runs.
        images: takes the pictures.

    Raises:
        ValueError: if it is no bundle of ours, it was changed, or it is too large; nothing was written.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as bundle:
            runs, pictures = _read(bundle)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        RuntimeError,
        NotImplementedError,
        UnicodeError,
    ) as error:
        raise ValueError(
            f"{name} is no ZIP that can be read ({str(error)[:120]}): choose a bundle that a studio saved"
        ) from error
    except ValueError as error:
        raise ValueError(f"{name} is no bundle of a studio, or it was changed: {error}") from error
    thumbnails = {run.result_path: _thumbnail(pictures[run.result_path]) for run in runs if run.result_path}
    new: list[str] = []
    try:
        with images.keeping():
            for stored, content in pictures.items():
                if not images.has(stored):
                    new.append(stored)
                images.put(content, stored.rpartition(".")[2])
            return log.adopt([(run, thumbnails.get(run.result_path)) for run in runs], owner=owner)
    except BaseException:
        with images.removing():
            for stored in log.library.unneeded(new):
                images.remove(stored)
        raise


def _bare(run: Run, photo: bytes) -> bytes:
    try:
        return without_metadata(photo, run.inputs.photo_name)
    except ValueError as error:
        raise ValueError(
            f"run {run.id}: {error}. So nothing can be taken out of it: leave the run out, or keep what cameras wrote"
        ) from error


def _described(run: Run, bare_photo: str | None) -> dict[str, Any]:
    inputs = {key: value for key, value in run.inputs.flat().items() if key != "owner"}
    if bare_photo is not None:
        inputs |= {"photo_path": bare_photo, "photo_sha256": bare_photo.partition("/")[2].partition(".")[0]}
    embedding = run.inputs.embedding
    inputs["embedding"] = None if embedding is None else embedding.hex()
    described = {key: getattr(run, key) for key in _KEPT}
    return {**described, "created_at": run.created_at.isoformat(), "inputs": inputs}


def _read(bundle: zipfile.ZipFile) -> tuple[list[Run], dict[str, bytes]]:
    members = {info.filename: info for info in bundle.infolist()}
    if len(members) != len(bundle.infolist()):
        raise ValueError("two of its files have the same name")
    if _MANIFEST not in members:
        raise ValueError(f"{_MANIFEST} is not in it")
    strange = [member for member in members if member != _MANIFEST and not _PICTURE.fullmatch(member)]
    if strange:
        raise ValueError(f"{strange[0][:80]!r} does not belong into it")
    if sum(info.file_size for info in members.values()) > MAX_TOTAL:
        raise ValueError(f"it unpacks to more than {MAX_TOTAL >> 20} MB")
    runs = read_manifest(_content(bundle, members[_MANIFEST], MAX_MANIFEST))
    wanted = {name for run in runs for name in run.pictures}
    pictures = {name: _picture(bundle, members, name) for name in sorted(wanted)}
    _check_pictures(runs, pictures)
    return runs, pictures


def _content(bundle: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    """Return a member's bytes, never more than `most`, whatever its header says."""
    with bundle.open(member) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{member.filename} is larger than {most >> 20} MB")
    return content


def _picture(bundle: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str) -> bytes:
    member = members.get(f"pictures/{name.partition('/')[2]}")
    if member is None:
        raise ValueError(f"the picture {name[:80]!r} is missing")
    content = _content(bundle, member, MAX_PICTURE)
    if hashlib.sha256(content).hexdigest() != name.partition("/")[2].partition(".")[0]:
        raise ValueError(f"the picture {member.filename} is not what it was")
    return content


def _check_pictures(runs: list[Run], pictures: dict[str, bytes]) -> None:
    """Refuse pictures that are of another kind than their runs say."""
    seen: set[str] = set()
    for run in runs:
        inputs = run.inputs
        if inputs.photo_sha256 not in inputs.photo_path:
            raise ValueError("a photo has another hash than its run says")
        kinds = {inputs.landmark_path: ("L",), mask_path(inputs.garment): ("L",), run.result_path: ("RGB", "RGBA")}
        if run.status == "done":  # else it may be one that could not be read, and its run says so
            kinds[inputs.photo_path] = None
        for name, modes in kinds.items():
            if name and name not in seen:
                seen.add(name)
                _check_picture(name, decode(pictures[name], name[:80]), modes)


def _check_picture(name: str, image: Image.Image, modes: tuple[str, ...] | None) -> None:
    """Refuse a picture of another mode or size; a photo (None) may have any that can be read."""
    if modes is not None and (image.mode not in modes or max(image.size) > _MAX_SIDE):
        size = f"{image.width} x {image.height} pixels"
        raise ValueError(f"{name[:80]} is another kind of picture than was wanted: {image.mode}, {size}")


def _thumbnail(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return thumbnail_jpeg(image)
