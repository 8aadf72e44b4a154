"""Endless photos in the wild made from real garments, whose photos have cut-out masks.

A cut-out, centred and scaled by its box, is the flat-lay of its photo. From it come
- the untouched photo with an exact map (an affine one),
- composites: the cut-out warped, lit, occluded and laid on ground taken from other photos,
- targets in another garment's silhouette, through the correspondence of the two outlines.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

import cv2
import numpy as np

from ragdiffusion.attributes import ATTRIBUTES, known_of
from ragdiffusion.garments.garment import RealGarment, on_white
from ragdiffusion.garments.outlines import correspondence
from ragdiffusion.garments.pair import Pair
from ragdiffusion.garments.warps import at_positions, nodes, sample, smooth_field, spread, undo_displacement

AS_TAKEN = 0.6  # share of untouched photos where the structure matters: a warp changes it a little
PARTNERS = 6  # silhouettes of other garments that each garment is laid into
KEPT_MAPS = 4096  # between silhouettes; each takes 9 KB
_MAP_NODES = 33
_OF_SHAPE = frozenset(("fit", "collar", "sleeve_length", "length")).union(
    attribute.key for attribute in ATTRIBUTES if attribute.values == ("Yes", "No")
)
"""Attributes that another silhouette need not share."""


class RealPairs:
    """Draws pairs from real garments.

    Args:
        garments: what to draw from, all of one frame size.
        other_silhouette: share of targets in another garment's silhouette.
        warped_target: share of targets whose own silhouette is reshaped.
        untouched: share of photos that are the untouched original.
    """

    def __init__(
        self,
        garments: list[RealGarment],
        *,
        other_silhouette: float = 0.45,
        warped_target: float = 0.25,
        untouched: float = 0.3,
    ) -> None:
        if not garments:
            raise ValueError("no garments to draw pairs from")
        self.garments = garments
        self.size = garments[0].alpha.shape[0]
        self.other_silhouette, self.warped_target, self.untouched = other_silhouette, warped_target, untouched
        self._by_category: dict[str, list[int]] = {}
        for index, garment in enumerate(garments):
            self._by_category.setdefault(garment.category, []).append(index)
        self._as_they_lie = (
            None
            if other_silhouette == warped_target == 0
            else RealPairs(garments, other_silhouette=0, warped_target=0, untouched=AS_TAKEN)
        )
        self._maps: dict[tuple[int, int], np.ndarray] = {}

    def between(self, target: int, source: int) -> np.ndarray:
        """The map from one garment's silhouette to another's, at the nodes (found once, the latest are kept)."""
        key = (target, source)
        found = self._maps.get(key)
        if found is None:
            plate = correspondence(self.garments[target].alpha, self.garments[source].alpha)
            axis = np.linspace(-1.1, 1.1, _MAP_NODES)
            found = ((plate(np.stack(np.meshgrid(axis, axis), -1)) + 1) * self.size / 2 - 0.5).astype(np.float32)
            self._maps[key] = found
            if len(self._maps) > KEPT_MAPS:
                del self._maps[next(iter(self._maps))]
        positions = (nodes(self.size) + 0.5) * (2 / self.size) - 1
        index = (positions + 1.1) * ((_MAP_NODES - 1) / 2.2)
        return cv2.remap(found, index.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def partner(self, rng: np.random.Generator, index: int) -> int:
        """Another garment of the same category; each has the same few partners, so splines are reused."""
        others = self._by_category[self.garments[index].category]
        slot = int(rng.integers(PARTNERS))
        return others[(index * 7919 + slot * 104729 + 1) % len(others)]

    def sample(self, rng: np.random.Generator, index: int | None = None) -> Pair:
        """Draw a pair.

        Args:
            rng: source of all chance.
            index: which garment; drawn when not given.
        """
        index = int(rng.integers(len(self.garments))) if index is None else index
        garment, size = self.garments[index], self.size
        draw = rng.random()
        target, silhouette, cloth, structure = nodes(size), garment.alpha, garment.cloth, garment.name
        covered = silhouette
        if draw < self.other_silhouette + self.warped_target:
            if draw < self.other_silhouette:
                shape = self.partner(rng, index)
                target, structure = self.between(shape, index), self.garments[shape].name
            else:
                target, structure = self._reshape(rng), garment.name + "*"
            backward = spread(target, size)
            covered = sample(garment.alpha, backward, border=cv2.BORDER_CONSTANT)
            silhouette = self.garments[shape].alpha if draw < self.other_silhouette else covered
            cloth = sample(cloth, backward)
        if rng.random() < self.untouched:
            photo, photo_mask, hidden = garment.photo, garment.photo_mask, None
            flow = cv2.transform(target, garment.photo_map)
        else:
            photo, photo_mask, hidden, forward = self._in_the_wild(rng, garment)
            flow = forward(target)
        flow = np.ascontiguousarray(spread(flow, size))
        if hidden is None:  # all that lies in the frame
            seen = cv2.inRange(flow, (0, 0), (size - 1, size - 1))
        else:
            seen = sample(cv2.bitwise_not(hidden), flow, border=cv2.BORDER_CONSTANT)
        seen = cv2.min(seen, cv2.threshold(cv2.min(covered, silhouette), 127, 255, cv2.THRESH_BINARY)[1])
        known = garment.attributes if structure == garment.name else _without(garment.attributes, _OF_SHAPE)
        pair = Pair(
            photo=photo,
            standard=on_white(cloth, silhouette),
            silhouette=silhouette,
            flow=flow,
            visible=seen.astype(np.float32) * np.float32(1 / 255),
            photo_mask=photo_mask,
            category=garment.category,
            attributes=known,
            structure=structure,
        )
        return pair.mirrored() if rng.random() < 0.5 else pair

    def structure_pair(self, rng: np.random.Generator, index: int, *, retexture: float = 0.6) -> Pair:
        """A photo and a flat-lay of the same structure, most often in another texture (3.1).

        Args:
            rng: source of all chance.
            index: which garment.
            retexture: share of flat-lays filled with another garment's cloth.
        """
        garment = self.garments[index]
        own = (self._as_they_lie or self).sample(rng, index)
        cloth = garment.cloth
        if rng.random() < retexture:
            other = self.partner(rng, index)
            cloth = sample(self.garments[other].cloth, spread(self.between(index, other), self.size))
        if rng.random() < 0.5:
            cloth = cloth[..., rng.permutation(3)]
        if own.structure.endswith("~"):
            cloth = cloth[:, ::-1]
        shape = {key: value for key, value in garment.attributes.items() if key in {"category", *_OF_SHAPE}}
        return replace(
            own,
            standard=on_white(cloth, own.silhouette),
            attributes=known_of(garment.category) | shape,
            seen=_without(garment.attributes, shape),
        )

    def _reshape(self, rng: np.random.Generator) -> np.ndarray:
        """A target that is longer, wider or otherwise bent than the garment itself, at the nodes."""
        size = self.size
        stretch = np.exp(rng.normal(size=2) * 0.12).astype(np.float32)
        stretch /= stretch.min()  # never beyond the frame
        grid = nodes(size)
        bend = smooth_field(rng, grid.shape[0], amplitude=size * 0.02, cells=5)
        return (grid - np.float32((size - 1) / 2)) * stretch + np.float32((size - 1) / 2) + bend

    def _in_the_wild(
        self, rng: np.random.Generator, garment: RealGarment
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, Callable[[np.ndarray], np.ndarray]]:
        """A composite: photo, its garment mask, what covers it (or None) and the canonical -> photo map."""
        size = self.size
        forward, backward, folds = self._lay(rng)
        both = sample(cv2.merge([garment.cloth, garment.alpha]), spread(backward, size))
        alpha, cloth = both[..., 3].copy(), cv2.cvtColor(both, cv2.COLOR_BGRA2BGR)
        image = self._ground(rng)
        if rng.random() < 0.6:  # a soft shadow under the cloth
            _darken(image, alpha, rng.normal(size=2) * 0.015, float(rng.uniform(0.1, 0.5)))
        weight = cv2.merge([alpha] * 3)
        image = cv2.add(
            cv2.multiply(cloth, weight, scale=1 / 255), cv2.multiply(image, cv2.bitwise_not(weight), scale=1 / 255)
        )
        hidden = None
        if rng.random() < 0.35:
            hidden = np.zeros((size, size), np.uint8)
            for _ in range(int(rng.integers(1, 3))):
                self._occlude(rng, image, hidden)
            alpha = cv2.min(alpha, cv2.bitwise_not(hidden))
        # Light and the relief of folds as one gain, 8 bits, 160 for 1.
        spots = rng.standard_normal((3, 3, 3), dtype=np.float32) * np.float32(0.07)
        light = cv2.resize(spots, folds.shape[:2], interpolation=cv2.INTER_CUBIC) + np.float32(rng.uniform(0.85, 1.12))
        light += folds[..., :1] * np.float32(rng.uniform(0, 0.1) / (size * 0.012))
        gain = cv2.resize(cv2.convertScaleAbs(np.clip(light, 0, 1.59), alpha=160.0), (size, size))
        return cv2.multiply(image, gain, scale=1 / 160), alpha, hidden, forward

    def _lay(self, rng: np.random.Generator) -> tuple[Callable[[np.ndarray], np.ndarray], np.ndarray, np.ndarray]:
        """Throw a garment down: its canonical -> photo map, the way back at the nodes, and the folds' part of it."""
        size = self.size
        wide = rng.random() < 0.15  # at any angle
        angle = np.deg2rad(rng.uniform(-60, 60) if wide else rng.normal() * 13)
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        linear = rng.uniform(0.6, 1.08) * rotation @ (np.eye(2) + rng.normal(size=(2, 2)) * 0.05)
        middle = (size - 1) / 2
        shift = middle + rng.normal(size=2) * size * 0.05 - linear @ np.full(2, middle)
        matrix = np.concatenate([linear, shift[:, None]], 1).astype(np.float32)
        grid = nodes(size)
        folds = smooth_field(rng, grid.shape[0], amplitude=size * 0.012, cells=9)
        bend = folds + smooth_field(rng, grid.shape[0], amplitude=size * 0.03, cells=4)

        def forward(positions: np.ndarray) -> np.ndarray:
            return cv2.transform(cv2.add(positions, at_positions(bend, positions)), matrix)

        return forward, undo_displacement(bend, cv2.transform(grid, cv2.invertAffineTransform(matrix))), folds

    def _ground(self, rng: np.random.Generator) -> np.ndarray:
        """Ground from the rim of another photo, where its garment hardly reaches, or a plain one."""
        size = self.size
        if rng.random() < 0.12:
            ground = np.empty((size, size, 3), np.uint8)
            ground[:] = rng.integers(30, 256, size=3)
            return ground
        photo = self.garments[int(rng.integers(len(self.garments)))].photo
        part = size // 4
        strip = (photo[:part], photo[-part:], photo[:, size // 8 : size // 4], photo[:, -size // 4 : -size // 8])
        ground = cv2.resize(strip[int(rng.integers(4))], (size, size), interpolation=cv2.INTER_LINEAR)
        return cv2.flip(ground, -1) if rng.random() < 0.5 else ground

    def _occlude(self, rng: np.random.Generator, image: np.ndarray, hidden: np.ndarray) -> None:
        """Cover a patch (an ellipse or a strap) with a plain colour or another garment's cloth."""
        size = self.size
        shape = np.zeros((size, size), np.uint8)
        centre = tuple(int(v) for v in rng.integers(0, size, 2))
        if rng.random() < 0.5:
            axes = tuple(int(v) for v in rng.integers(size // 24, size // 6, 2))
            cv2.ellipse(shape, centre, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1, cv2.LINE_AA)
        else:
            end = tuple(int(v) for v in rng.integers(0, size, 2))
            cv2.line(shape, centre, end, 255, int(rng.integers(size // 40, size // 10)), cv2.LINE_AA)
        x, y, width, height = cv2.boundingRect(shape)
        box = (slice(y, y + height), slice(x, x + width))
        view = image[box]
        if rng.random() < 0.5:
            cover = np.empty_like(view)
            cover[:] = rng.integers(0, 256, size=3)
        else:
            cover = self.garments[int(rng.integers(len(self.garments)))].cloth[box]
        weight = cv2.merge([shape[box]] * 3)
        cv2.add(
            cv2.multiply(view, cv2.bitwise_not(weight), scale=1 / 255),
            cv2.multiply(cover, weight, scale=1 / 255),
            dst=view,
        )
        hidden[shape > 127] = 255


def _darken(image: np.ndarray, alpha: np.ndarray, offset: np.ndarray, strength: float) -> None:
    """A shadow of a mask, moved by a share of the side and blurred, in place."""
    small = cv2.resize(alpha, (64, 64), interpolation=cv2.INTER_AREA)
    move = np.float32([[1, 0, offset[0] * 64], [0, 1, offset[1] * 64]])
    small = cv2.GaussianBlur(cv2.warpAffine(small, move, (64, 64)), (0, 0), 1.0)
    gain = cv2.resize(cv2.convertScaleAbs(small, alpha=-strength, beta=255.0), image.shape[1::-1])
    cv2.multiply(image, cv2.merge([gain] * 3), dst=image, scale=1 / 255)


def _without(attributes: Mapping[str, str], keys: Collection[str]) -> dict[str, str]:
    return {key: value for key, value in attributes.items() if key not in keys}
