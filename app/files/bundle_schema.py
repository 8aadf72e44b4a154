"""What a bundle's manifest must be like, to the last number: strangers' files become rows of the log and pages."""

from __future__ import annotations

import json
import math
import re
import struct
from datetime import datetime, timezone
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from app.session_log.framing import Framing
from app.session_log.library import MAX_NOTE
from app.session_log.patterns import check_pattern
from app.session_log.sampling import Sampling
from app.session_log.values import Run, RunInputs, check_garment
from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN

FORMAT = "ragdiffusion-studio-bundle"
VERSION = 4
_UNSAID: dict[int, dict[str, Any]] = {
    1: {"garment": None, "framing": None, "pattern": None},
    2: {"framing": None, "pattern": None},
    3: {"pattern": None},
    4: {},
}
"""By version, what its runs do not say: which garment is meant, how the photo is framed, what was drafted."""
MAX_RUNS = 500
MAX_CANDIDATES = 1000
_MAX_EMBEDDING = 8192  # numbers
_FIRST_YEAR, _LAST_YEAR = 2000, 2100
_CHOICES = {attribute.key: {UNKNOWN, *attribute.values} for attribute in ATTRIBUTES}
_HIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

Share = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[float, Field(ge=0, le=1e9)]


def _plain(text: str) -> str:
    if _HIDDEN.search(text):
        raise ValueError("control characters")
    return text


def _file_name(text: str) -> str:
    if text in (".", "..") or re.search(r"[/\\\r\n\t]", text):
        raise ValueError("a file's name was wanted")
    return text


def _in_table(attributes: dict[str, str]) -> dict[str, str]:
    for key, value in attributes.items():
        if value not in _CHOICES.get(key, ()):
            raise ValueError(f"{key} cannot be {value[:40]!r}")
    return attributes


def _moment(text: object) -> datetime:
    if not isinstance(text, str):
        raise ValueError("a moment such as 2026-12-31T10:20:30+00:00 was wanted")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("its time zone is missing")
    if not _FIRST_YEAR <= moment.year < _LAST_YEAR:
        raise ValueError(f"a year from {_FIRST_YEAR} to {_LAST_YEAR} was wanted")
    return moment.astimezone(timezone.utc)


def _embedding(text: str) -> str:
    values = bytes.fromhex(text)
    if not values or len(values) % 4 or len(values) > 4 * _MAX_EMBEDDING or len(text) != 2 * len(values):
        raise ValueError("little-endian float32 were wanted")
    if not all(map(math.isfinite, struct.unpack(f"<{len(values) // 4}f", values))):
        raise ValueError("NaN or infinity")
    return text


def _stored(name: str) -> str:
    if name[:2] != name[3:5]:
        raise ValueError("no name of a stored picture")
    return name


Picture = Annotated[str, Field(pattern=r"^[0-9a-f]{2}/[0-9a-f]{64}\.png$"), AfterValidator(_stored)]
Photo = Annotated[str, Field(pattern=r"^[0-9a-f]{2}/[0-9a-f]{64}\.photo$"), AfterValidator(_stored)]


def _text(most: int) -> Any:
    return Annotated[str, Field(max_length=most), AfterValidator(_plain)]


Word = _text(200)


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


class BundledCandidate(_Strict):
    """A neighbour as the guide weighed it."""

    id: int = Field(ge=0, lt=2**63)
    similarity: float = Field(ge=-1.01, le=1.01)
    weight: float = Field(ge=-1e6, le=1e6)
    iou: Share


class Colour(_Strict):
    """ΔE2000 to the photo's garment."""

    before: float = Field(ge=0, le=1000)
    after: float = Field(ge=0, le=1000)


class Inputs(_Strict):
    """What decides a run's pixels, as `RunInputs.flat` names it."""

    photo_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    photo_name: Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_plain), AfterValidator(_file_name)]
    photo_path: Photo
    k: int = Field(ge=1, le=MAX_CANDIDATES)
    alpha: Share
    attributes: Annotated[dict[str, str], AfterValidator(_in_table)]
    garment: dict[str, Any] | None
    framing: dict[str, Any] | None
    checkpoint: Word
    bank_version: Word
    candidates: list[BundledCandidate] = Field(max_length=MAX_CANDIDATES)
    consensus: int = Field(ge=0)
    choice: int | None = Field(ge=0)
    landmark_path: Picture | Literal[""]
    landmark_source: Literal["consensus", "candidate", "drafted", "edited"]
    pattern: dict[str, Any] | None
    preset: Word
    device: Word
    embedding: Annotated[str, AfterValidator(_embedding)] | None
    seed: int
    steps: int
    strength: float
    guidance: float
    colour_match: bool
    background: str

    @model_validator(mode="after")
    def _agree(self) -> Inputs:
        Sampling.read(vars(self))
        _check_garment(self.garment)
        Framing.read(self.framing)
        check_pattern(self.pattern)
        if not self.landmark_path and (self.candidates or self.embedding is not None or self.checkpoint):
            raise ValueError("a run without an outline has not begun, and has no candidates, embedding or checkpoint")
        if self.landmark_path and len(self.candidates) != self.k:
            raise ValueError(f"there are {len(self.candidates)} candidates, and K is {self.k}")
        if len({found.id for found in self.candidates}) < len(self.candidates):
            raise ValueError("two candidates are the same")
        most = max(len(self.candidates), 1)
        if self.consensus >= most or (self.choice is not None and self.choice >= most):
            raise ValueError("consensus or choice is none of the candidates")
        if self.landmark_source == "candidate" and self.choice is None:
            raise ValueError("a candidate is the outline, and which is not said")
        if (self.landmark_source == "drafted") != (self.pattern is not None):
            raise ValueError("a drafted outline has a pattern, and no other has one")
        return self


class BundledRun(_Strict):
    """One run."""

    created_at: Annotated[datetime, BeforeValidator(_moment)]
    status: Literal["done", "failed", "cancelled", "interrupted"]
    error: _text(4000) | None
    timings_ms: dict[_text(60), Milliseconds] = Field(max_length=60)
    result_path: Picture | None
    starred: bool
    rejected: bool
    note: _text(MAX_NOTE)
    colour: Colour | None
    inputs: Inputs

    @model_validator(mode="after")
    def _agree(self) -> BundledRun:
        if (self.status == "done") != (self.result_path is not None):
            raise ValueError("a run has a picture if it is done, and only then")
        if self.result_path and not self.inputs.landmark_path:
            raise ValueError("a run that is done has an outline")
        if self.starred and self.rejected:
            raise ValueError("a run is starred or rejected, not both")
        return self

    def run(self) -> Run:
        """Return it as the log's value; its number and owner are given when it is taken."""
        inputs = {**self.inputs.model_dump(), "owner": ""}
        inputs["embedding"] = None if inputs["embedding"] is None else bytes.fromhex(inputs["embedding"])
        own = {name: value for name, value in self.model_dump().items() if name != "inputs"}
        return Run(id=0, inputs=RunInputs.from_flat(inputs), **own)


class Manifest(_Strict):
    """All of a bundle."""

    format: Literal["ragdiffusion-studio-bundle"]
    schema_version: int
    runs: list[BundledRun] = Field(min_length=1, max_length=MAX_RUNS)


def read_manifest(text: bytes) -> list[Run]:
    """Return the runs that a manifest describes.

    Raises:
        ValueError: if any of it is not as it should be; it names the place and what stands there.
    """
    try:
        content = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"bundle.json cannot be read ({str(error)[:80]})") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError("bundle.json is of something else")
    version = content.get("schema_version")
    if type(version) is not int or not 1 <= version <= VERSION:
        raise ValueError(f"versions up to {VERSION} are known here, and it has {repr(version)[:20]}: update")
    content = _brought_up(content, _UNSAID[version])
    try:
        return [found.run() for found in Manifest.model_validate(content).runs]
    except ValidationError as error:
        raise ValueError(_first(error)) from error


def _brought_up(content: dict[str, Any], unsaid: dict[str, Any]) -> dict[str, Any]:
    """Say what older versions left unsaid of their runs."""
    runs = content.get("runs")
    if not isinstance(runs, list):
        return content
    return {**content, "runs": [_said(run, unsaid) for run in runs]}


def _said(run: Any, unsaid: dict[str, Any]) -> Any:
    if not isinstance(run, dict) or not isinstance(run.get("inputs"), dict):
        return run
    return {**run, "inputs": {**unsaid, **run["inputs"]}}


def _check_garment(garment: dict[str, Any] | None) -> None:
    found = check_garment(garment)
    if found and "point" in found and not all(0 <= value <= 100_000 for value in found["point"]):
        raise ValueError("the point of a garment lies in no photo")
    if found and "name" in found:
        _plain(found["name"])


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number")


def _first(error: ValidationError) -> str:
    """Say what is wrong first, where, and what stands there."""
    found = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(step) for step in found["loc"] if step not in ("runs",))
    value = repr(found["input"])
    shown = "" if isinstance(found["input"], dict | list) else f", got {value[:60]}"
    message = f"run {place}: {found['msg'].removeprefix('Value error, ')[:160]}{shown}"
    return message.encode(errors="backslashreplace").decode()
