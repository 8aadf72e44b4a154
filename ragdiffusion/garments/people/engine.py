"""The people engine: endless photos of people wearing garments, each a function of its index."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ragdiffusion.garments.augmentation import resample, square_matrix
from ragdiffusion.garments.pair import Pair
from ragdiffusion.garments.people.flatlay import flat_lay
from ragdiffusion.garments.people.real_cloth import RealCloth
from ragdiffusion.garments.people.sheets import Sheet
from ragdiffusion.garments.people.shot import Shot, WornGarment
from ragdiffusion.garments.people.studio import Take, take_photo

MIN_HEIGHT = 64
_SEED, _HELD_OUT_SEED = 7411, 7412
_LEAST_SEEN = 0.08  # share of all garment pixels that a garment has to be drawn for a pair
_FINER = 1.5  # the scene is rendered so much larger than the photo


def _of_cloth(sheet: Sheet, female: bool) -> dict[str, str]:
    """What Table 6 says of a garment's cloth, where it was drawn plain enough to know, and of who wears it."""
    known = {"age": "Adult", "gender": "Female" if female else "Male"}
    if sheet.known:
        known["print"] = sheet.tile.pattern
        if sheet.tile.fabric:
            known["fabric"] = sheet.tile.fabric
    return known


class PeopleEngine:
    """Renders people.

    Args:
        height: of the photos, pixels; their width is three quarters of it.
        real: folder of real garments (``train.csv`` beside ``train/``), for cloth, whole flat-lays and grounds; None
            draws everything. The pictures of an index depend on it.
        held_out: whether this engine is for measuring: its shots, and the real garments that they are dressed in, are
            none that an engine for training shows.

    Raises:
        ValueError: `height` below 64, or no such table.
        ImportError: the packages of ``requirements-train.txt`` are not installed.
    """

    def __init__(self, height: int = 256, real: Path | None = None, *, held_out: bool = False) -> None:
        if height < MIN_HEIGHT:
            raise ValueError(f"height must be {MIN_HEIGHT} pixels or more, got {height}")
        self.height, self.width = height, height * 3 // 4
        self._seed = _HELD_OUT_SEED if held_out else _SEED
        self._real = RealCloth(real, held_out=held_out) if real is not None else None

    def shot(self, index: int) -> Shot:
        """Shot number `index`: the same for the same index, whatever was rendered before.

        Raises:
            ValueError: a negative index.
        """
        return self._shot(index, self._take(index))

    def pair(self, index: int) -> Pair:
        """One garment of shot number `index`, drawn among those of which enough is seen, as a pair.

        The photo is padded to a square of the engine's height.

        Raises:
            ValueError: a negative index.
        """
        take = self._take(index)
        shot = self._shot(index, take)
        seen = np.array([float((g.mask > 0).sum()) for g in shot.garments])
        rng = np.random.default_rng([int(index), self._seed, 1])
        fit = np.flatnonzero(seen > _LEAST_SEEN * seen.sum())
        garment = shot.garments[int(rng.choice(fit))] if len(fit) else shot.garments[int(seen.argmax())]
        matrix = square_matrix(shot.photo.shape[:2], self.height)
        return Pair(
            photo=resample(shot.photo, matrix, self.height),
            standard=garment.standard,
            silhouette=garment.silhouette,
            flow=cv2.transform(garment.flow, matrix.astype(np.float32)),
            visible=garment.visible,
            photo_mask=resample(garment.mask, matrix, self.height, ground=0),
            category=garment.attributes.get("category", garment.kind),
            structure=f"people-{index}-{garment.kind}",
            attributes=dict(garment.attributes),
        )

    def _take(self, index: int, *, plain: bool = False) -> Take:
        if index < 0:
            raise ValueError(f"index must be 0 or more, got {index}")
        rng = np.random.default_rng([int(index), self._seed])
        return take_photo(rng, round(self.height * _FINER), round(self.width * _FINER), self._real, plain=plain)

    def _shot(self, index: int, take: Take) -> Shot:
        size = (self.width, self.height)
        nearest = lambda image: cv2.resize(image, size, interpolation=cv2.INTER_NEAREST_EXACT)  # noqa: E731
        labels, instances = nearest(take.labels), nearest(take.instance.astype(np.int16)).astype(np.int8)
        return Shot(
            index,
            cv2.resize(take.photo, size, interpolation=cv2.INTER_AREA),
            labels,
            instances,
            tuple(self._garment(take, instances, i) for i in range(len(take.garments))),
            (*take.pose.arms, take.pose.stance),
            float(np.degrees(take.camera.yaw)),
            take.camera.framing,
            take.body.female,
        )

    def _garment(self, take: Take, instances: np.ndarray, index: int) -> WornGarment:
        garment, flat = take.garments[index], flat_lay(take, index, self.height, _FINER)
        return WornGarment(
            garment.kind,
            garment.label,
            dict(take.standards[index].measures),
            {**garment.attributes, **_of_cloth(take.sheets[index], take.body.female)},
            (instances == index).astype(np.uint8) * 255,
            flat.standard,
            flat.silhouette,
            flat.flow,
            flat.visible,
        )
