"""One sight of a photo: it is decoded once, its garment is found once, the networks look at it once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from PIL import Image

from ragdiffusion.attributes import encode
from ragdiffusion.cutouts import cloth_of, continued
from ragdiffusion.garments.outlines import symmetrise
from ragdiffusion.images import canonical_square, mask_to_tensor, photo_to_array, photo_to_tensor
from ragdiffusion.parsing.found import FoundGarment, GarmentChoice, GarmentFinder, given_garment
from ragdiffusion.structure.framing import (
    context_frame,
    context_over,
    framed,
    labels_over,
    laid_over,
    main_parts,
    silhouette_frame,
)
from ragdiffusion.structure.readers.heads import head_probabilities, taught_attributes
from ragdiffusion.structure.readers.vote import Probabilities
from ragdiffusion.structure.silhouette_net import SilhouetteNet, SilhouettePrediction
from ragdiffusion.structure.structure_net import StructureNet

EMBEDDED_CONFIDENCE = 0.9
"""Of a read attribute that joins the embedding: a wrong one leads further astray than none."""


@dataclass(frozen=True, eq=False)
class Sight:
    """What the model knows of one garment in one photo; everything downstream takes it.

    Attributes:
        image: RGB, the photo, upright, cut to the garment where that is small; a cut-out lies on a ground of contrast.
        garment: where the garment is; None in a preset that has nobody to ask.
        tokens: (1, L, feature_dim) of StructureNet's photo tower.
        probabilities: what the attribute heads give each value.
        outline: (H, W) in [0, 1], the garment's own outline in the canonical frame, made symmetric; None where no
            garment is found.
        expected: (h, w) in [0, 1], the silhouette that it would have laid flat, as SilhouetteNet draws it; None
            without that network or without a garment.
        seconds: that the look took.
        photo: RGB, the whole photo.
        alpha: (H, W) in [0, 1] of the image's own size, where it came cut out; sheer cloth lies in between.
    """

    image: Image.Image
    garment: FoundGarment | None
    tokens: torch.Tensor
    probabilities: Probabilities
    outline: torch.Tensor | None
    expected: torch.Tensor | None
    seconds: float
    photo: Image.Image
    alpha: np.ndarray | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should be told of the garment, in lines."""
        return () if self.garment is None else self.garment.notes

    @property
    def longer_side(self) -> int:
        """Of the photo, pixels."""
        return max(self.image.size)

    def tensor(self, size: int) -> torch.Tensor:
        """The padded photo at a side: (1, 3, size, size) in [-1, 1]."""
        return photo_to_tensor(self.image, size)

    def alpha_tensor(self, size: int) -> torch.Tensor | None:
        """The padded cut-out's opacity at a side, (1, 1, size, size) in [0, 1]; None where nothing was cut out.

        Beyond the cloth, and in the cut-out's own soft rim, the opacity of the nearest cloth goes on.
        """
        if self.alpha is None:
            return None
        return mask_to_tensor(continued(self.alpha), size)[None]

    @property
    def ground(self) -> float:
        """What a cut-out lies on, in [0, 1]; 1 is white."""
        if self.alpha is None:
            return 1.0
        row, column = np.unravel_index(int(self.alpha.argmin()), self.alpha.shape)
        return float(np.asarray(self.image)[row, column, 0]) / 255

    def garment_tensor(self) -> torch.Tensor | None:
        """The garment's mask on the padded photo, (1, 1, h, w) in [0, 1]; None where nobody was asked."""
        return None if self.garment is None else torch.from_numpy(self.garment.mask)[None, None]

    def require_outline(self) -> torch.Tensor:
        """The outline.

        Raises:
            RuntimeError: if this preset has nobody to find the garment.
            ValueError: if no garment is found.
        """
        if self.garment is None:
            raise RuntimeError("this preset has no appearance flow or parser to find the garment with")
        if self.outline is None:
            raise ValueError("no garment is found in the photo: pick a candidate or bring an outline of your own")
        return self.outline


class Observer:
    """Looks at photos.

    Args:
        structure_net: whose photo tower looks, and whose heads read.
        silhouette_net: draws the silhouette expected, and reads better what it was taught; may be None.
        finder: finds the garment; None where the preset has none.
        image_size: side of the outlines, pixels.
    """

    def __init__(
        self,
        structure_net: StructureNet,
        silhouette_net: SilhouetteNet | None,
        finder: GarmentFinder | None,
        *,
        image_size: int,
    ) -> None:
        self.finder, self._net, self._silhouettes, self._size = finder, structure_net, silhouette_net, image_size
        self._taught = taught_attributes(structure_net.attribute_heads)
        self._silhouettes_taught = (
            taught_attributes(silhouette_net.attribute_heads) if silhouette_net is not None else frozenset()
        )

    @torch.no_grad()
    def see(
        self, image: Image.Image, garment: GarmentChoice | None = None, *, alpha: np.ndarray | None = None
    ) -> Sight:
        """Look at a photo.

        Args:
            image: RGB, upright.
            garment: which one is meant; None: the one that is cut out, or that the photo is most likely about.
            alpha: (H, W) in [0, 1] of the photo's own size, where it came cut out.

        Raises:
            ValueError: if the garment that is meant can't be found.
        """
        started = time.perf_counter()
        if self.finder is None:
            if garment is not None:
                raise ValueError("a garment is named, but this preset has nobody to find it: leave it out")
            tokens = self._tokens(image)
            read = head_probabilities(self._net.read_attributes(tokens), self._taught)
            return Sight(image, None, tokens, read, None, None, time.perf_counter() - started, image, alpha)
        if garment is None and alpha is not None:
            found = given_garment(image, cloth_of(alpha), self._size, "alpha")
        else:
            found = self.finder.find(image, garment)
        photo = image
        if found.crop is not None:
            left, top, right, bottom = found.crop
            image, alpha = photo.crop(found.crop), None if alpha is None else alpha[top:bottom, left:right]
        pixels = photo_to_array(image, 2 * self._size)  # frames are cut out of it
        tokens = self._tokens(Image.fromarray(framed(pixels, found.mask, self._net.image_size)))
        probabilities = head_probabilities(self._net.read_attributes(tokens), self._taught)
        outline, expected = own_outline(found.mask, self._size), None
        if outline is not None and self._silhouettes is not None:
            prediction = self._predict(pixels, found)
            expected = prediction.silhouette[0, 0].float().sigmoid().cpu()
            # It was taught on more, and sees shape better: where both have a say, its word counts.
            probabilities |= head_probabilities(prediction.attributes, self._silhouettes_taught)
        return Sight(
            image, found, tokens, probabilities, outline, expected, time.perf_counter() - started, photo, alpha
        )

    @torch.no_grad()
    def embed(self, sight: Sight, known: Mapping[str, str]) -> torch.Tensor:
        """The structure embedding e of a photo whose attributes are known, (D,) on the CPU."""
        codes = torch.tensor([encode(dict(known))], device=sight.tokens.device)
        return self._net.embed(sight.tokens, codes)[0].float().cpu()

    def _tokens(self, shown: Image.Image) -> torch.Tensor:
        size, device = self._net.image_size, next(self._net.parameters()).device
        return self._net.tokens(photo_to_tensor(shown, size).to(device), "photo")

    def _predict(self, pixels: np.ndarray, found: FoundGarment) -> SilhouettePrediction:
        net = self._silhouettes
        assert net is not None  # or there is nothing to predict
        size, device, frame = net.config.input_size, net.device, silhouette_frame(found.mask)
        photo, framed_mask = laid_over(pixels, found.mask, frame, size)
        context = None
        if net.config.context_widths is not None:
            shown = pixels if net.config.context_photo else None
            around, half = context_frame(found.mask), size // 2
            labels = None if found.labels is None else labels_over(found.labels, around, half)
            wide = context_over(shown, found.mask, labels, around, half)
            context = torch.from_numpy(wide)[None].to(device)
        return net(
            photo_to_tensor(Image.fromarray(photo), size).to(device),
            torch.from_numpy(framed_mask)[None, None].to(device),
            torch.from_numpy(labels_over(found.labels, frame, size))[None].to(device),
            context,
        )


def own_outline(mask: np.ndarray, size: int) -> torch.Tensor | None:
    """A garment mask as a landmark: centred and symmetric.

    Args:
        mask: (h, w) in [0, 1], on a square photo.
        size: side of the landmark, pixels.

    Returns:
        (size, size) in [0, 1]; None if the mask shows no garment.
    """
    mask = cv2.resize(mask, (2 * size, 2 * size), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    part = main_parts(mask)
    if part is None:
        return None
    x, y, side = canonical_square(part)
    matrix = np.array([[size / side, 0, size / 2 - x * size / side], [0, size / side, size / 2 - y * size / side]])
    own = cv2.warpAffine(np.rint(part * 255).astype(np.uint8), matrix, (size, size), flags=cv2.INTER_LINEAR)
    return torch.from_numpy(symmetrise(own).astype(np.float32) / 255)
