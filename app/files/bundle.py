"""Runs as one ZIP that opens on another machine: manifest, photos, silhouettes and results."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from PIL import Image

from app.files.image_store import ImageStore
from app.files.pictures import thumbnail_jpeg
from app.session_log.log import SessionLog
from app.session_log.values import FINAL, FLAT_INPUTS, LANDMARK_SOURCES, Run, RunInputs
from ragdiffusion.attributes import validate
from ragdiffusion.images import load_photo

FORMAT = "ragdiffusion-studio-bundle"
VERSION = 3  # 1 did not say which garment of the photo was meant, nor 2 how the photo was framed
MAX_RUNS = 500
MAX_MANIFEST = 16 << 20
MAX_PICTURE = 64 << 20
MAX_TOTAL = 1 << 30
_MANIFEST = "bundle.json"
_PICTURE = re.compile(r"pictures/([0-9a-f]{64})\.(photo|png)")
_UNSAID: dict[int, dict[str, Any]] = {1: {"garment": None, "framing": None}, 2: {"framing": None}, 3: {}}
_KEPT = ("created_at", "status", "error", "timings_ms", "result_path", "starred", "rejected", "note", "colour")
_TEXTS = {"photo_sha256", "photo_name", "photo_path", "checkpoint", "bank_version", "landmark_path", "preset", "device"}


def pack(runs: Sequence[Run], images: ImageStore) -> bytes:
    """Write runs that have ended with all their pictures.

    Raises:
        ValueError: if there are no runs or too many, one has not ended, or a picture is gone.
    """
    if not 1 <= len(runs) <= MAX_RUNS:
        raise ValueError(f"a bundle holds 1 to {MAX_RUNS} runs, got {len(runs)}: select fewer")
    going = [run.id for run in runs if run.status not in FINAL]
    if going:
        raise ValueError(f"run {going[0]} has not ended yet: wait for it, or leave it out")
    names = sorted({name for run in runs for name in run.pictures})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as bundle:
        manifest = {"format": FORMAT, "schema_version": VERSION, "runs": [_described(run) for run in runs]}
        text = json.dumps(manifest, ensure_ascii=False, allow_nan=False, indent=1)
        bundle.writestr(_MANIFEST, text, zipfile.ZIP_DEFLATED)
        for name in names:
            bundle.writestr(f"pictures/{name.partition('/')[2]}", images.read(name))
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
    except (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError, UnicodeError) as error:
        raise ValueError(f"{name} is no ZIP that can be read ({error}): choose a bundle that a studio saved") from error
    except ValueError as error:
        raise ValueError(f"{name} is no bundle of a studio, or it was changed: {error}") from error
    for stored, content in pictures.items():
        images.put(content, stored.rpartition(".")[2])
    thumbnails = {run.result_path: _thumbnail(pictures[run.result_path]) for run in runs if run.result_path}
    return log.adopt([(run, thumbnails.get(run.result_path)) for run in runs], owner=owner)


def _described(run: Run) -> dict[str, Any]:
    inputs = {key: value for key, value in run.inputs.flat().items() if key != "owner"}
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
    manifest = json.loads(_content(bundle, members[_MANIFEST], MAX_MANIFEST))
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ValueError(f"{_MANIFEST} is of something else")
    version = manifest.get("schema_version")
    if version not in range(1, VERSION + 1):
        raise ValueError(f"versions up to {VERSION} are known here, and it has {version!r}: update")
    listed = manifest.get("runs")
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_RUNS:
        raise ValueError(f"it must list 1 to {MAX_RUNS} runs")
    try:
        runs = [_run(entry, version) for entry in listed]
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"a run is not described as it should be ({error!r})") from error
    wanted = {name for run in runs for name in run.pictures}
    return runs, {name: _picture(bundle, members, name) for name in sorted(wanted)}


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
    if name.endswith(".png"):  # a photo may be one that could not be read, and its run says so
        load_photo(content, name=member.filename)
    return content


def _run(entry: dict[str, Any], version: int) -> Run:
    given = {**_UNSAID[version], **entry["inputs"]}
    names = set(FLAT_INPUTS) - {"owner"}
    if set(given) != names:
        raise ValueError(f"a run has other inputs: {sorted(set(given) ^ names)[:3]}")
    embedding = given["embedding"]
    embedding = None if embedding is None else bytes.fromhex(embedding)
    inputs = RunInputs.from_flat({**given, "owner": "", "embedding": embedding})
    validate(inputs.attributes)
    _check(entry["status"] in FINAL, "status", entry["status"])
    for key in _TEXTS:
        _check(isinstance(given[key], str) and len(given[key]) <= 1000, key, given[key])
    _check(inputs.landmark_source in LANDMARK_SOURCES, "landmark_source", inputs.landmark_source)
    _check(_whole(inputs.k, 1) and _whole(inputs.consensus, 0), "k", inputs.k)
    _check(inputs.choice is None or _whole(inputs.choice, 0), "choice", inputs.choice)
    _check(_number(inputs.alpha) and 0 <= inputs.alpha <= 1, "alpha", inputs.alpha)
    candidates = isinstance(inputs.candidates, list) and all(isinstance(found, dict) for found in inputs.candidates)
    _check(candidates, "candidates", inputs.candidates)
    for name in filter(None, [*inputs.pictures, entry["result_path"]]):
        _check(bool(re.fullmatch(r"([0-9a-f]{2})/\1[0-9a-f]{62}\.(photo|png)", name)), "a picture's name", name)
    timings, colour = entry["timings_ms"], entry["colour"]
    _check(isinstance(timings, dict) and all(map(_number, timings.values())), "timings_ms", timings)
    _check(colour is None or all(_number(colour[key]) for key in ("before", "after")), "colour", colour)
    for key in ("starred", "rejected"):
        _check(isinstance(entry[key], bool), key, entry[key])
    _check(isinstance(entry["note"], str) and len(entry["note"]) <= 4000, "note", entry["note"])
    _check(entry["error"] is None or isinstance(entry["error"], str), "error", entry["error"])
    created = datetime.fromisoformat(entry["created_at"])
    _check(created.tzinfo is not None, "created_at", entry["created_at"])
    return Run(id=0, inputs=inputs, **{**{key: entry[key] for key in _KEPT}, "created_at": created})


def _check(holds: bool, key: str, value: object) -> None:
    if not holds:
        raise ValueError(f"{key} of a run is {str(value)[:60]!r}")


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= 1_000_000


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _thumbnail(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return thumbnail_jpeg(image)
