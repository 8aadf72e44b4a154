"""The garment engine: endless pairs of photo and standard flat-lay, each a function of its seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ragdiffusion.garments.engine2d.draw import DrawnFlatLay, draw_flat_lay
from ragdiffusion.garments.engine2d.patterns import sample_structure
from ragdiffusion.garments.engine2d.structure import Structure
from ragdiffusion.garments.engine2d.texture import Texture, sample_texture
from ragdiffusion.garments.engine2d.wild import Photo, take_photo
from ragdiffusion.garments.pair import Pair
from ragdiffusion.garments.patterns.population import Population, bundled_population

MIN_SIZE = 64
_OF_STRUCTURE = ("category", "collar", "sleeve_length", "length", "fit")
_UNSEEN = ("age", "gender")  # no picture of a garment says for sure


class GarmentEngine:
    """Draws garments, and photographs them.

    Args:
        size: side of the pictures, pixels.
        population: measures of garments to draw from; None takes the bundled ones.

    Raises:
        ValueError: `size` below 64, or no bundled population.
    """

    def __init__(self, size: int = 256, population: Population | None = None) -> None:
        _check_size(size)
        self.size = size
        self.population = population if population is not None else bundled_population()

    def structure(self, rng: np.random.Generator, category: str | None = None) -> Structure:
        """Draw a structure; `category` is a value of Table 6, "Trousers" or "Shorts"."""
        return sample_structure(self.population, rng, category)

    def texture(self, rng: np.random.Generator, structure: Structure | None = None) -> Texture:
        """Draw a texture; given a structure, one that its category is made of."""
        return sample_texture(rng, structure)

    def flat_lay(self, structure: Structure, texture: Texture, size: int | None = None) -> DrawnFlatLay:
        """Render a garment laid flat on white, in the canonical frame."""
        size = self.size if size is None else size
        _check_size(size)
        return draw_flat_lay(structure, texture, size)

    def photo(
        self,
        flat: DrawnFlatLay,
        rng: np.random.Generator,
        display: str | None = None,
        backgrounds: list[np.ndarray] | None = None,
        *,
        lighting: bool = True,
    ) -> Photo:
        """Photograph a garment in the wild (9.5).

        Args:
            flat: the garment.
            rng: source of randomness.
            display: "laid", "hung" or "worn"; None draws one.
            backgrounds: uint8 (H, W, 3) pictures to lay or hang it before; None draws grounds.
            lighting: False leaves out light, shadow, noise and softness: colours stay those of the flat-lay.

        Raises:
            ValueError: unknown display, or a background that is no uint8 RGB picture.
        """
        return take_photo(flat, rng, display=display, backgrounds=backgrounds, lighting=lighting)

    def pair(self, seed: int, display: str | None = None) -> Pair:
        """Pair number `seed`: the same pixels for the same seed and display, whatever was drawn before.

        Args:
            seed: of the pair.
            display: "laid", "hung" or "worn"; None draws one.

        Raises:
            ValueError: negative seed, or unknown display.
        """
        if seed < 0:
            raise ValueError(f"seed must be 0 or more, got {seed}")
        rng = np.random.default_rng([int(seed), 2025])
        structure = self.structure(rng)
        flat = self.flat_lay(structure, self.texture(rng, structure))
        photo = self.photo(flat, rng, display)
        return Pair(
            photo=photo.image,
            standard=flat.image,
            silhouette=flat.silhouette,
            flow=photo.flow,
            visible=photo.visible.astype(np.float32) / 255,
            photo_mask=photo.mask,
            category=structure.category if structure.category != "Unknown" else structure.kind,
            structure=f"synthetic-{seed}",
            attributes={k: v for k, v in photo.attributes.items() if v != "Unknown"},
        )

    def structure_pair(self, seed: int, display: str | None = None) -> Pair:
        """Pair number `seed` with the flat-lay in another texture: same structure, exactly (3.1).

        Both share the attributes of the structure; those of the photo's own texture and display are in `seen`. What
        can't be seen in a picture is in neither.

        Raises:
            ValueError: negative seed, or unknown display.
        """
        pair = self.pair(seed, display)
        rng = np.random.default_rng([int(seed), 2025])
        structure = self.structure(rng)
        other = self.flat_lay(structure, self.texture(np.random.default_rng([int(seed), 4050]), structure))
        kept = {key: value for key, value in pair.attributes.items() if key in _OF_STRUCTURE}
        seen = {key: value for key, value in pair.attributes.items() if key not in (*kept, *_UNSEEN)}
        return replace(pair, standard=other.image, silhouette=other.silhouette, attributes=kept, seen=seen)


def _check_size(size: int) -> None:
    if size < MIN_SIZE:
        raise ValueError(f"size must be {MIN_SIZE} pixels or more, got {size}")
