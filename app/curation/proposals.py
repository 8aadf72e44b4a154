"""What is about to be added to a bank: found in a picture, drawn, or of measures; and what is known of it before."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from ragdiffusion.attributes import UNKNOWN
from ragdiffusion.garments.outlines import garments_apart, repaired, without_specks
from ragdiffusion.garments.silhouettes import find_silhouette
from ragdiffusion.images import SILHOUETTE_SIZE, load_photo, mask_to_tensor, pad_to_square
from ragdiffusion.structure.framing import crop, silhouette_frame

if TYPE_CHECKING:
    from ragdiffusion.api import RAGDiffusion, Sight

SIDE = SILHOUETTE_SIZE
_KEPT = 256  # proposals that wait for a person at a time; the oldest are forgotten
_LOOKED_AT = 2 * SIDE  # pixels of a picture's side from which the outline is cut
_AGREES = 0.9  # IoU from which the outline by the ground's colour is of the garment that the parser means


@dataclass(frozen=True, eq=False)
class Proposal:
    """A silhouette about to be added.

    Attributes:
        token: names it.
        name: of the file, or what it is called.
        source: where it comes from, `collection:name`.
        mask: uint8 (512, 512), canonical frame.
        picture: RGB, 512 x 512, of the same frame; None where there is the outline alone.
        attributes: Table 6 values that were read.
        tags: to begin with.
        note: what the person should know of how it was found; "" if nothing.
    """

    token: str
    name: str
    source: str
    mask: np.ndarray
    picture: Image.Image | None
    attributes: Mapping[str, str]
    tags: Sequence[str] = ()
    note: str = ""


class ProposalTray:
    """Keeps proposals until they are saved or forgotten. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Proposal] = OrderedDict()

    def put(
        self,
        name: str,
        source: str,
        mask: np.ndarray,
        *,
        picture: Image.Image | None = None,
        attributes: Mapping[str, str] | None = None,
        tags: Sequence[str] = (),
        note: str = "",
    ) -> Proposal:
        """Keep what `Proposal` says, under a new token."""
        known = {key: value for key, value in (attributes or {}).items() if value != UNKNOWN}
        made = Proposal(secrets.token_hex(8), name, source, mask, picture, known, tuple(tags), note)
        with self._lock:
            self._kept[made.token] = made
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return made

    def get(self, token: object) -> Proposal:
        """Return a proposal.

        Raises:
            ValueError: if it is not there any more.
        """
        with self._lock:
            found = self._kept.get(str(token))
        if found is None:
            raise ValueError("what was to be added is not there any more: give the picture again")
        return found


def found_in(model: RAGDiffusion, data: bytes, name: str, tray: ProposalTray) -> Proposal:
    """Find the garment of a flat-lay picture, and propose its silhouette and attributes.

    Args:
        model: that looks.
        data: the picture's file.
        name: what it is called.
        tray: keeps what is proposed.

    Raises:
        ValueError: if the picture cannot be read, or no garment is found in it.
    """
    if np.ptp(np.asarray(load_photo(data, name=name))) == 0:  # black on black, or nothing but transparent
        raise ValueError(f"{name} is of one colour all over: there is nothing to add")
    sight = model.see(data, name=name)
    if sight.garment is None or not (sight.garment.mask > 0.5).any():
        raise ValueError(f"no garment is found in {name}: give a picture of one garment laid flat")
    pixels, mask = _cut_out(sight)
    guide = model.retrieve(sight) if len(model.bank) >= model.defaults.k else None
    attributes = {} if guide is None else guide.attributes
    frame = silhouette_frame(mask)
    if frame[2] >= 1.5:
        raise ValueError(f"{name} is garment nearly all over: its outline lies outside of the picture")
    apart = garments_apart(_eight_bit(mask))
    note = f"the picture shows {apart} garments apart, and this is the largest" if apart > 1 else sight.garment.why
    if apart > 1:  # the frame is the largest one's
        mask = mask * (without_specks(_eight_bit(mask)) > 0)
        frame = silhouette_frame(mask)
    silhouette = repaired(_eight_bit(crop(mask, frame, SIDE, beyond=cv2.BORDER_CONSTANT)))
    picture = Image.fromarray(crop(pixels, frame, SIDE))
    return tray.put(name, f"photo:{name}", silhouette, picture=picture, attributes=attributes, note=note)


def _cut_out(sight: Sight) -> tuple[np.ndarray, np.ndarray]:
    """A sight's picture, uint8 (N, N, 3), and the mask of its garment, float32 (N, N) in [0, 1].

    On plain ground the outline by the ground's colour is the sharper one; it is taken where it means the same garment.
    """
    assert sight.garment is not None  # asked before
    square = pad_to_square(sight.image)
    side = min(square.width, _LOOKED_AT)
    pixels = np.asarray(square.resize((side, side), Image.Resampling.LANCZOS))
    if sight.alpha is not None:
        return pixels, mask_to_tensor(sight.alpha, side)[0].numpy()
    seen = cv2.resize(sight.garment.mask.astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    seen = seen.clip(0, 1)
    try:
        whole = find_silhouette(np.asarray(sight.photo), "picture").astype(np.float32) / 255
    except ValueError:  # no plain ground, or an outline too faint to be trusted
        return pixels, seen
    left, top, right, bottom = sight.garment.box(sight.photo.size)
    sharp = mask_to_tensor(whole[top:bottom, left:right], side)[0].numpy()
    either = int(((sharp > 0.5) | (seen > 0.5)).sum())
    both = int(((sharp > 0.5) & (seen > 0.5)).sum())
    return pixels, sharp if both >= _AGREES * either else seen


def _eight_bit(mask: np.ndarray) -> np.ndarray:
    return np.rint(mask.clip(0, 1) * 255).astype(np.uint8)
