"""A photo as it is looked at: decoded, mirrored, turned, cut; and what the model sees in it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from app.session_log.framing import Framing
from ragdiffusion.cutouts import SHEER
from ragdiffusion.images import load_photo_and_alpha, turned_plane
from ragdiffusion.parsing.found import GarmentChoice

if TYPE_CHECKING:
    from ragdiffusion.api import RAGDiffusion, Sight

_TURNS = {1: Image.Transpose.ROTATE_270, 2: Image.Transpose.ROTATE_180, 3: Image.Transpose.ROTATE_90}


@dataclass(frozen=True, eq=False)
class BenchPhoto:
    """A photo as given and as it is looked at.

    Args:
        name: of its file.
        data: bytes of its file.
        sha256: hash of those bytes.
        framing: how it is mirrored, turned and cut.
        whole: RGB, mirrored and turned, but not cut.
        image: RGB, mirrored, turned and cut: what the model sees.
        alpha: float32 (H, W) in [0, 1] of the image's size, where it came cut out; None where it did not.
    """

    name: str
    data: bytes
    sha256: str
    framing: Framing
    whole: Image.Image
    image: Image.Image
    alpha: np.ndarray | None

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height of the photo as its file has it, upright by its own word."""
        return self.framing.size_of(self.whole.size)


def read_photo(data: bytes, name: str, framing: Framing | None = None) -> BenchPhoto:
    """Read a photo.

    Args:
        data: the file.
        name: what it is called.
        framing: how it is to be looked at; None: as it is.

    Raises:
        ValueError: if it cannot be read, or the box leaves it.
    """
    framing = framing or Framing()
    image, alpha = load_photo_and_alpha(data, name=name)
    whole = turned(ImageOps.mirror(image) if framing.mirrored else image, framing.turns)
    alpha = None if alpha is None else laid_over(alpha, framing)
    if framing.box is not None:
        left, top, right, bottom = framing.box
        if right > whole.width or bottom > whole.height:
            raise ValueError(
                f"the crop box {framing.box} leaves the photo, which is {whole.width} x {whole.height}: draw it again"
            )
        image = whole.crop(framing.box)
        alpha = None if alpha is None else alpha[top:bottom, left:right]
        if alpha is not None and not (alpha > SHEER).any():  # nothing of what was cut out is left
            alpha = None
    else:
        image = whole
    digest = hashlib.sha256(data).hexdigest()
    return BenchPhoto(name, data, digest, framing, whole, image, None if alpha is None else alpha.copy())


def turned(image: Image.Image, turns: int) -> Image.Image:
    """Turn a picture clockwise by 0 to 3 quarters."""
    return image.transpose(_TURNS[turns]) if turns else image


def laid_over(plane: np.ndarray, framing: Framing) -> np.ndarray:
    """Mirror and turn what lies over a photo's file, (H, W), as the photo is; it is not cut."""
    return turned_plane(np.fliplr(plane) if framing.mirrored else plane, 90 * framing.turns)


def look_at(model: RAGDiffusion, photo: BenchPhoto, garment: GarmentChoice | None) -> Sight:
    """See the garment that is meant in a photo.

    Raises:
        ValueError: if it cannot be found (`NoGarmentError` where the photo shows none).
    """
    return model.observer.see(photo.image, garment, alpha=photo.alpha)


def garment_on_photo(sight: Sight) -> np.ndarray | None:
    """Return where a sight's garment lies, float32 (H, W) in [0, 1] of the photo; None where nobody was asked."""
    return None if sight.garment is None else sight.garment.over(sight.photo.size)
