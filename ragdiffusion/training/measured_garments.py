"""Garments whose measures are known, worn and laid, to teach MeasureNet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ragdiffusion.attributes import encode_all
from ragdiffusion.garments.patterns import Pattern, draft, kinds
from ragdiffusion.garments.patterns.attributes import attributes_of
from ragdiffusion.garments.patterns.labels import label_of
from ragdiffusion.garments.patterns.measures import MeasureError
from ragdiffusion.garments.patterns.pattern import kind_of, sample
from ragdiffusion.images import square_array
from ragdiffusion.parsing.labels import LABEL, LABELS
from ragdiffusion.structure.framing import context_frame, crop
from ragdiffusion.training.parser_photos import as_taken
from ragdiffusion.training.doubt import doubted_labels, jittered, uncertain

_LEAST_SEEN = 350  # pixels of a garment that is learned from
_LOOK_EVERY = 2000  # draws between two looks at what came since
_SHOWN = 0.45  # share of the frame that a laid garment fills, at least


@dataclass(frozen=True)
class Measured:
    """A garment in a photo, and its pattern.

    Attributes:
        photo: uint8 (N, N, 3) RGB, padded to a square.
        labels: uint8 (N, N), as `parsing.labels.LABELS` numbers them.
        mask: float32 (N, N) in [0, 1], the garment.
        pattern: what it was cut by.
        attributes: Table 6 values; unknown ones are missing.
    """

    photo: np.ndarray
    labels: np.ndarray
    mask: np.ndarray
    pattern: Pattern
    attributes: dict[str, str]


class DressedPeople:
    """A folder of rendered people that may still be growing: NAME.jpg, NAME.png (labels) and NAME.json (measures).

    Args:
        folder: of the files.

    Raises:
        ValueError: if it holds nobody.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._names, self._drawn = folder, [], 0
        self.look()
        if not self._names:
            raise ValueError(
                f"{folder} holds no rendered people: NAME.jpg, NAME.png and NAME.json wanted (`data render people`)"
            )

    def __len__(self) -> int:
        return len(self._names)

    def look(self) -> None:
        """Take in who came since."""
        self._names = sorted(path.stem for path in self._folder.glob("*.jpg"))

    def garments(self, index: int) -> list[Measured]:
        """The garments of one photo that are seen well enough and whose pattern can be drawn."""
        path = self._folder / self._names[index]
        known = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["garments"]
        drawn = [(garment, pattern) for garment in known if (pattern := _pattern_of(garment, known)) is not None]
        if not drawn:
            return []
        photo = square_array(cv2.imread(f"{path}.jpg", cv2.IMREAD_COLOR_RGB), "edge")
        labels = square_array(cv2.imread(f"{path}.png", cv2.IMREAD_GRAYSCALE), "constant")
        return [
            Measured(photo, labels, (labels == garment["label"]).astype(np.float32), pattern, garment["attributes"])
            for garment, pattern in drawn
        ]

    def one(self, rng: np.random.Generator) -> Measured:
        """A garment drawn at random."""
        self._drawn += 1
        if self._drawn % _LOOK_EVERY == 0:
            self.look()
        while True:
            found = self.garments(int(rng.integers(len(self))))
            if found:
                return found[rng.integers(len(found))]


class LaidPatterns:
    """Patterns laid or hung before plain or real grounds: as crooked as people lay them, in one cloth with its seams.

    Args:
        grounds: pictures of places without a garment, uint8 (h, w, 3); plain ones are drawn too.
        cloths: pictures that cloth is cut out of, uint8 (h, w, 3); plain ones are drawn too.
        size: side of the photos, pixels.
        measures: draws a kind's measures; None: its ranges alone.
    """

    def __init__(
        self, grounds: Sequence[np.ndarray] = (), cloths: Sequence[np.ndarray] = (), *, size: int = 192, measures=sample
    ) -> None:
        self._grounds, self._cloths, self._size, self._measures = list(grounds), list(cloths), size, measures

    def one(self, rng: np.random.Generator) -> Measured:
        """A garment drawn at random."""
        kind = str(rng.choice(kinds()))
        pattern = draft(kind, self._measures(kind, rng))
        lying = _as_it_lies(pattern, rng)
        matrix = self._placed(lying, rng)
        outline = cv2.transform(lying.polygon()[None], matrix)[0]
        mask = np.zeros((self._size * 4,) * 2, np.uint8)
        cv2.fillPoly(mask, [np.rint(outline * 4).astype(np.int32)], 255)
        mask = cv2.resize(mask, (self._size,) * 2, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        cloth = self._cloth(rng)
        for path in lying.lines.values():
            points = np.rint(cv2.transform(path.polygon()[None], matrix)[0] * 16).astype(np.int32)
            shade = tuple(float(c) for c in cloth.mean((0, 1)) * rng.uniform(0.4, 0.8))
            cv2.polylines(cloth, [points], False, shade, 1, cv2.LINE_AA, shift=4)
        photo = cloth * mask[..., None] + self._ground(rng) * (1 - mask[..., None])
        labels = np.where(mask > 0.5, LABEL[label_of(kind)], 0).astype(np.uint8)
        return Measured(as_taken(photo.astype(np.uint8), rng), labels, mask, pattern, attributes_of(pattern))

    def _placed(self, pattern: Pattern, rng: np.random.Generator) -> np.ndarray:
        left, top, right, bottom = pattern.box
        scale = self._size * rng.uniform(_SHOWN, 0.95) / max(right - left, bottom - top)
        turn = np.deg2rad(rng.normal(0, 6) if rng.random() < 0.85 else rng.uniform(-40, 40))
        stretch = np.exp(rng.normal(0, 0.04))
        linear = scale * np.array([[np.cos(turn) * stretch, -np.sin(turn)], [np.sin(turn), np.cos(turn) / stretch]])
        free = max(0.0, self._size - scale * max(right - left, bottom - top)) / 2
        place = self._size / 2 + rng.uniform(-1, 1, 2) * free
        centre = np.array([(left + right) / 2, (top + bottom) / 2])
        return np.hstack([linear, (place - linear @ centre)[:, None]])

    def _cloth(self, rng: np.random.Generator) -> np.ndarray:
        return self._surface(self._cloths, rng, 0.5)

    def _ground(self, rng: np.random.Generator) -> np.ndarray:
        return self._surface(self._grounds, rng, 0.7)

    def _surface(self, pictures: Sequence[np.ndarray], rng: np.random.Generator, share: float) -> np.ndarray:
        size = (self._size, self._size)
        if pictures and rng.random() < share:
            return cv2.resize(pictures[rng.integers(len(pictures))], size).astype(np.float32)
        light = cv2.resize(rng.normal(1, 0.08, (4, 4)).astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
        return np.clip(rng.uniform(0, 255, 3) * light[..., None], 0, 255).astype(np.float32)


def measure_example(item: Measured, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
    """A garment as MeasureNet sees it at work: framed by a mask, beside labels, that are both a little wrong.

    Returns:
        `photo` uint8 (3, S, S), `mask` uint8 (1, S, S), `labels` uint8 (9, S, S) of 255ths.
    """
    mask = uncertain(item.mask, rng) if rng.random() < 0.8 else item.mask
    frame = jittered(context_frame(mask), rng)
    shown = crop(item.photo, frame, size)
    framed_mask = crop(mask.astype(np.float32), frame, size, beyond=cv2.BORDER_CONSTANT)
    labels = np.zeros((len(LABELS), size, size), np.float32)
    if rng.random() > 0.1:  # a mask that a person gives comes without
        labels = doubted_labels(item.labels, frame, size, rng)
    if rng.random() < 0.15:  # so that labels alone are enough where colours mislead
        shown = np.full_like(shown, 128)
    if rng.random() < 0.5:
        shown, framed_mask, labels = shown[:, ::-1], framed_mask[:, ::-1], labels[..., ::-1]
    return {
        "photo": shown.transpose(2, 0, 1).copy(),
        "mask": np.rint(framed_mask[None] * 255).astype(np.uint8),
        "labels": np.rint(labels.clip(0, 1) * 255).astype(np.uint8),
    }


def attribute_codes(item: Measured) -> np.ndarray:
    """Table 6's values of a garment as codes, (14,), 0 where unknown."""
    return np.array(encode_all(item.attributes))


def _pattern_of(garment: dict, worn: Sequence[dict]) -> Pattern | None:
    """The pattern of a garment that is seen well and alone has its label; None if it is not, or can't be drawn."""
    alone = sum(other["label"] == garment["label"] for other in worn) == 1
    if not alone or garment["pixels"] < _LEAST_SEEN:
        return None
    try:
        return draft(garment["kind"], garment["measures"])
    except MeasureError:
        return None


def _as_it_lies(pattern: Pattern, rng: np.random.Generator) -> Pattern:
    """The same garment with its sleeves and legs as somebody put them."""
    moved = dict(pattern.measures)
    for key, spread in (("sleeve_angle", 16.0), ("leg_gap", 6.0), ("hem_slant", 2.0), ("sleeve_bow", 1.5)):
        if key in moved:
            spec = kind_of(pattern.kind).measures[key]
            moved[key] = float(np.clip(moved[key] + rng.normal(0, spread), spec.low, spec.high))
    try:
        return draft(pattern.kind, moved)
    except MeasureError:
        return pattern
