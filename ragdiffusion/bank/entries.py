"""What goes into a bank and what comes out of it, and the checks at its door."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import numpy as np
from PIL import Image
from torch import Tensor

from ragdiffusion.attributes import UNKNOWN, validate
from ragdiffusion.bank.damage import DamagedBankError
from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.bank.shape_bits import stored_shape_bits
from ragdiffusion.images import SILHOUETTE_SIZE

PRECISIONS = {"float32": "<f4", "float16": "<f2"}
UNIT_NORM_TOLERANCE = 1e-3
ACTIONS = (
    *("add", "import", "update", "enable", "disable", "delete", "restore"),
    *("restore version", "encode", "undo", "redo"),
)
"""What the log of edits calls what was done."""


@dataclass(frozen=True, eq=False)
class NewEntry:
    """A flat-lay garment to add.

    Attributes:
        embedding: (D,) structure embedding of unit length.
        silhouette: 1-bit PNG at 512 x 512, as `images.encode_silhouette` makes it.
        attributes: Table 6 values; what is missing is unknown.
        source: where the garment came from.
        tags: words to find it by.
        thumbnail: a small picture file to show it by.
        pattern: what its silhouette was drawn from.
        enabled: whether searches find it.
    """

    embedding: Tensor | np.ndarray
    silhouette: bytes
    attributes: Mapping[str, str]
    source: str = ""
    tags: Sequence[str] = ()
    thumbnail: bytes | None = None
    pattern: PatternSpec | None = None
    enabled: bool = True


@dataclass(frozen=True, eq=False)
class EntryUpdate:
    """New values for one entry; None leaves a field as it is. Attributes are replaced as a whole.

    A pattern is what the new silhouette was drawn from.
    """

    id: int
    embedding: Tensor | np.ndarray | None = None
    silhouette: bytes | None = None
    attributes: Mapping[str, str] | None = None
    source: str | None = None
    tags: Sequence[str] | None = None
    thumbnail: bytes | None = None
    pattern: PatternSpec | None = None


@dataclass(frozen=True, eq=False)
class BankEntry:
    """One entry as the bank holds it.

    Attributes:
        id: for ever.
        embedding: (D,) float32 of unit length.
        silhouette, thumbnail: picture files.
        attributes: all 14 of Table 6.
        source, tags: as in `NewEntry`.
        enabled: whether searches find it.
        deleted_at: since when it is in the bin, UTC.
        revision: the last one that changed it.
    """

    id: int
    embedding: Tensor
    silhouette: bytes
    thumbnail: bytes | None
    attributes: dict[str, str]
    source: str
    tags: tuple[str, ...]
    enabled: bool
    deleted_at: datetime | None
    revision: int


@dataclass(frozen=True)
class Edit:
    """One action in a bank's log.

    Attributes:
        revision: the revision it made.
        action: one of `ACTIONS`.
        at: time in UTC.
        entries: number of entries it changed.
        undone: whether it was undone later; of an undo, whether it was done again.
        author: who did it, "" if nobody was named.
        target: the revision that an undo took back, or the undo that a redo took back.
    """

    revision: int
    action: str
    at: datetime
    entries: int
    undone: bool
    author: str = ""
    target: int | None = None


def unit_vector(embedding: Tensor | np.ndarray, dimension: int) -> np.ndarray:
    """A structure embedding as the index wants it.

    Args:
        embedding: (D,) floating point whose length is within 1e-3 of one.
        dimension: the D that is wanted.

    Returns:
        (D,) float32 of exactly unit length.

    Raises:
        ValueError: if the shape, a value or the length is not as described.
    """
    if isinstance(embedding, Tensor):
        embedding = embedding.detach().to("cpu").double().numpy()
    vector = np.asarray(embedding, dtype=np.float64)
    if vector.shape != (dimension,):
        raise ValueError(
            f"embedding must have shape ({dimension},), the bank's dimension, got "
            f"{tuple(vector.shape)}: encode with the checkpoint the bank was made with"
        )
    if not np.isfinite(vector).all():
        raise ValueError("embedding holds NaN or infinite values: encode the image again")
    length = float(np.linalg.norm(vector))
    if abs(length - 1.0) > UNIT_NORM_TOLERANCE:
        raise ValueError(f"embedding must have length 1, got {length:g}: normalise it (L2)")
    return (vector / length).astype(np.float32)


def encode_embedding(vector: np.ndarray, precision: str) -> bytes:
    """A unit vector as the bank stores it."""
    return vector.astype(PRECISIONS[precision]).tobytes()


def decode_embeddings(blobs: Sequence[bytes], dimension: int, precision: str) -> np.ndarray:
    """Stored embeddings as (N, D) float32 of unit length.

    Raises:
        DamagedBankError: if a blob has another length, or is no direction.
    """
    kind = np.dtype(PRECISIONS[precision])
    if any(len(blob) != dimension * kind.itemsize for blob in blobs):
        raise DamagedBankError(f"an embedding in it is not {dimension} {precision} numbers")
    vectors = np.frombuffer(b"".join(blobs), dtype=kind).reshape(-1, dimension).astype(np.float32)
    if not np.isfinite(vectors).all() or not vectors.any(axis=1).all():
        raise DamagedBankError("an embedding in it holds NaN, infinity or nothing but zeros")
    if precision == "float32":
        return vectors
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def check_silhouette(silhouette: bytes) -> bytes:
    """Let a silhouette through that search can decode and that shows something.

    Raises:
        ValueError: if it is not a whole 1-bit PNG of 512 x 512, or it is empty.
    """
    wanted = f"a silhouette must be a 1-bit PNG of {SILHOUETTE_SIZE} x {SILHOUETTE_SIZE}"
    try:
        with Image.open(io.BytesIO(silhouette), formats=["PNG"]) as image:
            if image.mode != "1" or image.size != (SILHOUETTE_SIZE, SILHOUETTE_SIZE):
                raise ValueError(
                    f"{wanted}, got mode {image.mode} of {image.size[0]} x {image.size[1]}: "
                    "make it with images.encode_silhouette"
                )
            bounds = image.getbbox()
    except (OSError, SyntaxError, TypeError) as error:
        raise ValueError(f"{wanted}, got something else that cannot be read ({error})") from error
    if bounds is None:
        raise ValueError("the silhouette is empty: no pixel is garment")
    return silhouette


def check_thumbnail(thumbnail: bytes) -> bytes:
    """Let a thumbnail through whose header is a picture's.

    Raises:
        ValueError: if it is not.
    """
    try:
        Image.open(io.BytesIO(thumbnail)).close()
    except (OSError, SyntaxError, TypeError, Image.DecompressionBombError) as error:
        raise ValueError("the thumbnail is not a picture file: give PNG, JPEG or WebP bytes") from error
    return thumbnail


def checked_fields(values: NewEntry | EntryUpdate, dimension: int, precision: str) -> dict[str, Any]:
    """The fields of an entry that are given, checked and as the database holds them.

    Args:
        values: what a caller wants stored; a new entry is complete, an update may lack fields.
        dimension: the bank's D.
        precision: how the bank stores embeddings.

    Raises:
        ValueError: if a field is not as `NewEntry` says.
    """
    checked: dict[str, Any] = {}
    complete = isinstance(values, NewEntry)
    # A new entry that lacks one of them is refused below, whatever its types promise.
    embedding, silhouette = cast("Any", values.embedding), cast("Any", values.silhouette)
    if complete or embedding is not None:
        checked["embedding"] = encode_embedding(unit_vector(embedding, dimension), precision)
    if complete or silhouette is not None:
        checked["silhouette"] = check_silhouette(silhouette)
        checked["shape"] = stored_shape_bits([silhouette])[0].tobytes()
    if values.thumbnail is not None:
        checked["thumbnail"] = check_thumbnail(values.thumbnail)
    if values.attributes is not None:
        known = validate(values.attributes).items()
        checked["attributes"] = {key: value for key, value in known if value != UNKNOWN}
    if values.source is not None:
        checked["source"] = values.source
    if values.tags is not None:
        if isinstance(values.tags, str):
            raise ValueError(f"tags must be a list of words, got the word {values.tags!r}: put it in a list")
        checked["tags"] = list(values.tags)
    return checked
