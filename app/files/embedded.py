"""A run's settings inside its PNG, as JSON in a text chunk, and out of it again."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

from PIL import Image, PngImagePlugin

from app.session_log.sampling import Sampling
from app.session_log.values import Run, check_garment
from ragdiffusion.attributes import validate

KEY = "ragdiffusion-studio"
VERSION = 1
_MOST = 200_000  # characters; ours have about two thousand
_HIDDEN = ("owner", "photo_path", "landmark_path", "embedding", "consensus", "preset", "device")


@dataclass(frozen=True)
class EmbeddedSettings:
    """What a PNG says about its making.

    Args:
        k: number of candidates.
        alpha: share of the reconstruction.
        attributes: all 14.
        sampling: of the sampler.
        photo_sha256: of the photo's file, "" if it does not say.
        garment: which garment of the photo was meant, None if it does not say.
    """

    k: int
    alpha: float
    attributes: dict[str, str]
    sampling: Sampling
    photo_sha256: str
    garment: dict[str, Any] | None = None


def settings_of(run: Run) -> dict[str, Any]:
    """Return all that made a run's picture, but no name of a person and no path."""
    return {
        "schema_version": VERSION,
        **{name: value for name, value in run.inputs.flat().items() if name not in _HIDDEN},
    }


def embed(picture: Image.Image, settings: dict[str, Any] | None) -> bytes:
    """Return a picture as PNG with these settings in it, or with nothing but its pixels (None)."""
    chunks = PngImagePlugin.PngInfo()
    if settings is not None:
        chunks.add_itxt(KEY, json.dumps(settings, ensure_ascii=False, allow_nan=False))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", pnginfo=chunks)
    return buffer.getvalue()


def read_settings(data: bytes, name: str) -> EmbeddedSettings | None:
    """Return the settings inside a PNG; None where there are none of ours, whatever else is written there.

    Args:
        data: the file.
        name: what to call it in messages.

    Raises:
        ValueError: if it is no PNG, or our settings in it are damaged or from a newer studio.
    """
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            text = image.info.get(KEY)
    except (OSError, SyntaxError) as error:
        raise ValueError(f"{name} is no PNG: settings are kept in PNG files that this studio saved") from error
    except (ValueError, Image.DecompressionBombError):
        return None  # text that is too long or broken is not ours
    if not isinstance(text, str):
        return None
    try:
        return _settings(text)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"the settings in {name} cannot be used ({error}): it was changed, or a newer studio made it"
        ) from error


def _settings(text: str) -> EmbeddedSettings:
    if len(text) > _MOST:
        raise ValueError(f"{len(text)} characters")
    found = json.loads(text)
    if not isinstance(found, dict) or found.get("schema_version") != VERSION:
        raise ValueError(f"version {VERSION} was wanted")
    k, alpha = found["k"], found["alpha"]
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= 1000:
        raise ValueError(f"K is {k!r}")
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 <= alpha <= 1:
        raise ValueError(f"α is {alpha!r}")
    return EmbeddedSettings(
        k=k,
        alpha=float(alpha),
        attributes=validate(found["attributes"]),
        sampling=Sampling.read(found),
        photo_sha256=str(found.get("photo_sha256", "")),
        garment=check_garment(found.get("garment")),
    )
