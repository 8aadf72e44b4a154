"""The one sample that every trained part learns from: a photo in the wild and its standard flat-lay."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np


@dataclass(frozen=True)
class Pair:
    """A garment in the wild beside its flat-lay, with the dense map between them.

    Attributes:
        photo: uint8 (N, N, 3) RGB, the garment in the wild.
        standard: uint8 (N, N, 3) RGB, the flat-lay on white, in the canonical frame.
        silhouette: uint8 (N, N), soft mask of the flat-lay.
        flow: float32 (N, N, 2): for each flat-lay pixel, its (x, y) in photo pixels.
        visible: float32 (N, N) in [0, 1]: whether that point can be seen in the photo.
        photo_mask: uint8 (N, N), soft mask of the garment in the photo, occluders left out.
        category: what kind of garment, as its source names it.
        attributes: Table 6 values; unknown ones are missing.
        structure: names the structure; samples that share it differ in texture only.
        seen: what the photo shows beyond `attributes`, of its own cloth and how it is worn: the flat-lay of a
            structure pair, in another texture, need not share it.
        labels: uint8 (N, N), the labels of a parse of the photo (`parsing.labels.LABELS`); None where only the
            garment's own mask is known.
        chosen: whether the photo shows other garments too, so that the mask alone says which one is meant.
        found: uint8 (N, N), the mask as a parser found it, faults and all; None where none was asked, or found none.
        parsed: uint8 (9, n, n), the label probabilities of that parse in 255ths; None likewise.
    """

    photo: np.ndarray
    standard: np.ndarray
    silhouette: np.ndarray
    flow: np.ndarray
    visible: np.ndarray
    photo_mask: np.ndarray
    category: str
    structure: str
    attributes: dict[str, str] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)
    labels: np.ndarray | None = None
    chosen: bool = False
    found: np.ndarray | None = None
    parsed: np.ndarray | None = None

    def mirrored(self) -> Pair:
        """The same pair seen in a mirror, photo and flat-lay alike."""
        size = self.photo.shape[1]
        turn = np.array([[-1, 0, size - 1], [0, 1, 0]], np.float32)
        flow = cv2.transform(cv2.flip(self.flow, 1), turn)
        flip = lambda image: cv2.flip(image, 1)  # noqa: E731
        return Pair(
            photo=flip(self.photo),
            standard=flip(self.standard),
            silhouette=flip(self.silhouette),
            flow=flow,
            visible=flip(self.visible),
            photo_mask=flip(self.photo_mask),
            category=self.category,
            structure=self.structure + "~",
            attributes=self.attributes,
            seen=self.seen,
            labels=None if self.labels is None else flip(self.labels),
            chosen=self.chosen,
            found=None if self.found is None else flip(self.found),
            parsed=None if self.parsed is None else self.parsed[..., ::-1],
        )
