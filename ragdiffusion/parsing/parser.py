"""The bundled parser: whole photo first, small figures again from near, then regions, garments and edges."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import cv2
import numpy as np
import torch
from PIL import Image

from ragdiffusion.parsing.body import body_in, is_worn, shows_somebody, surely_body
from ragdiffusion.parsing.colours import decided_by_colour
from ragdiffusion.parsing.contrast import has_ground, looks_different, stands_out
from ragdiffusion.parsing.insisted import may_be, without_rivals
from ragdiffusion.parsing.labels import GARMENTS, LABEL, LABELS, likeliest
from ragdiffusion.parsing.network import GarmentParser
from ragdiffusion.parsing.parse import Instance, Parse
from ragdiffusion.parsing.refining import firm, guided
from ragdiffusion.parsing.regions import components, pieces, settled

_SQUARE = 256  # side of `Parse.probabilities`
_NEARER = 1.5  # a photo of somebody is seen so many times larger than the network was taught
_CANVAS = 512  # longer side of the label map where figures are looked at from near, pixels
_LARGE, _SMALL = 0.5, 0.25  # of the photo's longer side: figures below the first are parsed again from near, and
# below the second only that counts; between, both looks do, since the whole photo tells better what is what
_NEAR = 4  # figures at most that are
_STRIP, _PIECE = 4, 2  # sides' ratio from which a photo is looked at in pieces, and their own
_MARGIN = 0.18  # of a figure's longer side, around it, when it is
_FIGURE = 0.0012  # of the photo: what is less is no figure,
_BESIDE = 0.1  # nor is what is less than this beside the largest
_NAMED = 0.4  # confidence from which something is a garment where nobody is; the least of 110 training photos had 0.8
_FINEST = 1280  # longer side at which edges are refined, pixels; larger masks are enlarged from it

Labeller = Callable[[np.ndarray], np.ndarray]
"""A picture, uint8 (h, w, 3) RGB, to float32 (9, h', w') label probabilities over it, of about its shape."""


class Parser(Protocol):
    """Tells what is where in a photo."""

    def parse(self, photo: Image.Image, *, point: tuple[float, float] | None = None) -> Parse:
        """Parse an RGB photo of any size.

        Args:
            photo: to parse.
            point: (x, y) in pixels of the photo that somebody pointed at, for parsers that cut out by point; others
                do without.
        """
        ...


class NetworkParser:
    """The answer of GarmentParser.

    Args:
        network: in evaluation mode.
    """

    def __init__(self, network: GarmentParser) -> None:
        self.network = network
        self._newest: tuple[tuple[int, ...], bytes, np.ndarray] | None = None  # a photo's shape and hash, its labels

    def parse(self, photo: Image.Image, *, point: tuple[float, float] | None = None) -> Parse:
        """Parse an RGB photo; a point changes nothing.

        Raises:
            ValueError: if the picture is not RGB.
        """
        if photo.mode != "RGB":
            raise ValueError(f"an RGB picture was wanted, and the mode is {photo.mode}: read it with load_photo")
        pixels = np.asarray(photo)
        whole = self._label(pixels)
        whole.flags.writeable = False
        self._newest = pixels.shape, _hashed(pixels), whole
        return parse_of(coarse_to_fine(pixels, self._label, whole), pixels)

    def label(self, picture: np.ndarray) -> np.ndarray:
        """Label probabilities of a picture at the network's scale, float32 (9, h, w).

        They are the mean of what is seen of it mirrored and as it is. Where the first shows somebody and the picture
        has the pixels, the second is seen larger: straps and collars on people are small. Those of the newest photo
        that was parsed are kept.
        """
        newest = self._newest
        if newest is not None and newest[0] == picture.shape and newest[1] == _hashed(picture):
            return newest[2]
        return self._label(picture)

    def _label(self, picture: np.ndarray) -> np.ndarray:
        mirrored = np.ascontiguousarray(picture[:, ::-1])
        there = max(picture.shape[:2]) / self.network.config.input_size
        if there <= 1:  # there is nothing to be seen larger: one call for both
            seen = self._seen([picture, mirrored], 1)
            return (seen[0] + seen[1, ..., ::-1]) / 2
        seen = self._seen([mirrored], 1)[0, ..., ::-1]
        plain = self._seen([picture], min(_NEARER, there) if surely_body(seen).mean() > _FIGURE else 1)[0]
        return (_resized(plain, seen.shape[:0:-1]) + seen) / 2

    @torch.inference_mode()
    def _seen(self, pictures: Sequence[np.ndarray], nearer: float) -> np.ndarray:
        """What the network says of pictures of one shape, their longer side so many times the network's."""
        fitted = [self._fitted(picture, round(nearer * self.network.config.input_size)) for picture in pictures]
        height, width = fitted[0][1]
        device, dtype = next(self.network.parameters()).device, self.network.dtype
        x = torch.from_numpy(np.stack([small for small, _ in fitted])).to(device).permute(0, 3, 1, 2).to(dtype)
        return self.network(x / 127.5 - 1)[..., :height, :width].float().softmax(1).cpu().numpy()

    def _fitted(self, picture: np.ndarray, longer: int) -> tuple[np.ndarray, tuple[int, int]]:
        """The picture with a longer side, its rim repeated to sides that fit; and its size without that."""
        h, w = picture.shape[:2]
        scale = longer / max(h, w)
        height, width = (max(1, round(side * scale)) for side in (h, w))
        small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        below, right = (-side % self.network.multiple for side in (height, width))
        return cv2.copyMakeBorder(small, 0, below, 0, right, cv2.BORDER_REPLICATE), (height, width)


def coarse_to_fine(pixels: np.ndarray, label: Labeller, whole: np.ndarray | None = None) -> np.ndarray:
    """Label a photo, a strip piece by piece, and what is small in it again from near.

    Args:
        pixels: uint8 (H, W, 3).
        label: of one picture.
        whole: what it says of the photo at once; None: it is asked.

    Returns:
        float32 (9, h, w) over the whole photo; larger where something was looked at from near.
    """
    whole = label(pixels) if whole is None else whole
    if max(pixels.shape[:2]) >= _STRIP * min(pixels.shape[:2]):
        whole = _along_strip(pixels, whole, label)
    h, w = whole.shape[1:]
    sized = [(max(box[2] - box[0], box[3] - box[1]) / max(h, w), box) for box in _figures(whole)]
    small = [(size, box) for size, box in sized if size < _LARGE]
    if not small:
        return whole
    scale = min(_CANVAS, max(pixels.shape[:2])) / max(h, w)
    canvas = _resized(whole, (round(w * scale), round(h * scale)))
    for size, box in small[:_NEAR]:
        trust = min(1.0, (_LARGE - size) / (_LARGE - _SMALL))
        _paste(canvas, pixels, _with_margin(box, (w, h)), (w, h), label, trust)
    return canvas


def _along_strip(pixels: np.ndarray, whole: np.ndarray, label: Labeller) -> np.ndarray:
    """Label a strip in overlapping pieces, as a network that sees all of it sees little of each.

    Args:
        pixels: uint8 (H, W, 3), much longer than wide, or the other way round.
        whole: float32 (9, h, w), its labels as seen at once.
        label: of one picture.

    Returns:
        float32 (9, h, w) over all of it, of a larger size; `whole` where something in it is longer than a piece.
    """
    if pixels.shape[0] < pixels.shape[1]:
        standing = lambda picture: label(np.ascontiguousarray(picture.transpose(1, 0, 2))).transpose(0, 2, 1)  # noqa: E731
        return _along_strip(pixels.transpose(1, 0, 2), whole.transpose(0, 2, 1), standing).transpose(0, 2, 1)
    height, width = pixels.shape[:2]
    longest = max((box[3] - box[1] for box in _figures(whole)), default=0) * height / whole.shape[1]
    if longest > _PIECE * width / 2:  # in some piece all of what is shorter can be seen
        return whole
    count = 1 + -(-(height - _PIECE * width) // (_PIECE * width // 2))
    tops = np.linspace(0, height - _PIECE * width, count).round().astype(int)
    seen = [label(np.ascontiguousarray(pixels[top : top + _PIECE * width])) for top in tops]
    rows, columns = seen[0].shape[1:]
    scale = rows / (_PIECE * width)
    total = np.zeros((len(LABELS), round(height * scale), columns), np.float32)
    weights = np.zeros((total.shape[1], 1), np.float32)
    near_middle = 1e-3 + 1 - np.abs(np.linspace(-1, 1, rows, dtype=np.float32))[:, None]
    for top, piece in zip(tops, seen, strict=True):
        begin = min(round(top * scale), total.shape[1] - rows)
        total[:, begin : begin + rows] += piece * near_middle
        weights[begin : begin + rows] += near_middle
    return total / weights


def _figures(probabilities: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Boxes of the connected parts that are worth a near look, largest first: the largest, and people."""
    seen = probabilities[LABEL["ground"]] < 0.5
    parts = components(seen, least=max(4, round(_FIGURE * seen.size)))
    body = body_in(likeliest(probabilities))
    boxes = []
    for part in parts:
        if part.sum() < _BESIDE * parts[0].sum():
            break
        if part is not parts[0] and not is_worn(part, body):
            continue
        x, y, w, h = cv2.boundingRect(part.astype(np.uint8))
        boxes.append((x, y, x + w, y + h))
    return boxes


def _with_margin(box: tuple[int, int, int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    margin = round(_MARGIN * max(box[2] - box[0], box[3] - box[1])) + 1
    return (
        max(0, box[0] - margin),
        max(0, box[1] - margin),
        min(size[0], box[2] + margin),
        min(size[1], box[3] + margin),
    )


def _paste(
    canvas: np.ndarray,
    pixels: np.ndarray,
    box: tuple[int, int, int, int],
    size: tuple[int, int],
    label: Labeller,
    trust: float,
) -> None:
    """Label what a box of the coarse map shows from near, and mix it into the canvas, faded in at its rim."""
    left, top, right, bottom = box
    across, down = pixels.shape[1] / size[0], pixels.shape[0] / size[1]
    near = label(
        np.ascontiguousarray(pixels[int(top * down) : round(bottom * down), int(left * across) : round(right * across)])
    )
    fx, fy = canvas.shape[2] / size[0], canvas.shape[1] / size[1]
    x0, y0, x1, y1 = round(left * fx), round(top * fy), round(right * fx), round(bottom * fy)
    near = _resized(near, (x1 - x0, y1 - y0))
    fade = np.zeros((y1 - y0 + 2, x1 - x0 + 2), np.uint8)
    fade[1:-1, 1:-1] = 1
    weight = trust * np.clip(cv2.distanceTransform(fade, cv2.DIST_L2, 3)[1:-1, 1:-1] / 8, 0, 1)
    canvas[:, y0:y1, x0:x1] += (near - canvas[:, y0:y1, x0:x1]) * weight


def _hashed(pixels: np.ndarray) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(pixels)).digest()


def _resized(planes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Planes (C, h, w) at another size (width, height), averaged where they shrink."""
    how = cv2.INTER_AREA if size[0] < planes.shape[2] else cv2.INTER_LINEAR
    return np.stack([cv2.resize(np.ascontiguousarray(plane), size, interpolation=how) for plane in planes])


def parse_of(probabilities: np.ndarray, pixels: np.ndarray) -> Parse:
    """Settle regions, part garments, refine their edges.

    Args:
        probabilities: float32 (9, h, w) over the whole photo.
        pixels: uint8 (H, W, 3), the photo.
    """

    def insisted(name: str) -> Parse | None:
        for told in without_rivals(probabilities, name):
            parse = _parsed(told, pixels)
            if any(garment.name == name and may_be(garment, probabilities) for garment in parse.instances):
                return parse
        return None

    return replace(_parsed(probabilities, pixels), insisted=insisted)


def _parsed(probabilities: np.ndarray, pixels: np.ndarray) -> Parse:
    small = cv2.resize(pixels, probabilities.shape[:0:-1], interpolation=cv2.INTER_AREA)
    probabilities = settled(decided_by_colour(probabilities, small))
    size = (pixels.shape[1], pixels.shape[0])
    scale = min(1.0, _FINEST / max(size))
    guide = pixels if scale == 1 else cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    cloth = probabilities[[LABEL[name] for name in GARMENTS]].sum(0)
    labels = likeliest(probabilities)
    alone = not shows_somebody(probabilities, labels)  # where there is somebody, something is there
    found = [
        _instance(name, region, probabilities[LABEL[name]], cloth, guide, size)
        for name, region in (pieces(labels) if not alone or has_ground(labels) else [])
        if stands_out(region, small) and (not alone or looks_different(region, small))
    ]
    surely = [garment for garment in found if garment is not None and (not alone or garment.confidence >= _NAMED)]
    instances = sorted(surely, key=lambda garment: -garment.area)
    return Parse(_on_square(probabilities), tuple(instances), size)


def _instance(
    name: str, region: np.ndarray, likely: np.ndarray, cloth: np.ndarray, guide: np.ndarray, size: tuple[int, int]
) -> Instance | None:
    """A garment whose edges follow the photo; None where the edge leaves nothing of it.

    Within its region it is as sure as that there is cloth at all (`cloth`), outside as sure as its name (`likely`).
    """
    h, w = region.shape
    x, y, width, height = cv2.boundingRect(region.astype(np.uint8))
    rim = 6
    left, top, right, bottom = max(0, x - rim), max(0, y - rim), min(w, x + width + rim), min(h, y + height + rim)
    across, down = size[0] / w, size[1] / h
    box = (round(left * across), round(top * down), round(right * across), round(bottom * down))
    gx, gy = guide.shape[1] / w, guide.shape[0] / h
    cut = guide[
        round(top * gy) : max(round(bottom * gy), round(top * gy) + 1),
        round(left * gx) : max(round(right * gx), round(left * gx) + 1),
    ]
    own = cv2.dilate(region[top:bottom, left:right].astype(np.uint8), np.ones((5, 5), np.uint8))
    plane = np.where(region, cloth, likely)[top:bottom, left:right] * own
    fine = firm(guided(plane, cut)) if min(cut.shape[:2]) >= min(plane.shape) else firm(plane)
    alpha = cv2.resize(fine, (box[2] - box[0], box[3] - box[1]), interpolation=cv2.INTER_LINEAR)
    alpha = np.rint(alpha * 255).astype(np.uint8)
    return _tight(name, alpha, box, size, float(likely[region].mean()))


def _tight(
    name: str, alpha: np.ndarray, box: tuple[int, int, int, int], size: tuple[int, int], confidence: float
) -> Instance | None:
    x, y, width, height = cv2.boundingRect((alpha > 127).astype(np.uint8))
    if not width or not height:
        return None
    x0, y0 = max(0, x - 2), max(0, y - 2)
    x1, y1 = min(alpha.shape[1], x + width + 2), min(alpha.shape[0], y + height + 2)
    return Instance(
        name,
        (box[0] + x0, box[1] + y0, box[0] + x1, box[1] + y1),
        alpha[y0:y1, x0:x1].copy(),
        size,
        min(1.0, confidence),
    )


def _on_square(probabilities: np.ndarray) -> np.ndarray:
    """Over the photo padded to a square of `_SQUARE` pixels, as `images.pad_to_square` places it."""
    h, w = probabilities.shape[1:]
    height, width = (max(1, round(side * _SQUARE / max(h, w))) for side in (h, w))
    square = np.zeros((len(LABELS), _SQUARE, _SQUARE), np.float32)
    square[LABEL["ground"]] = 1
    top, left = (_SQUARE - height) // 2, (_SQUARE - width) // 2
    square[:, top : top + height, left : left + width] = _resized(probabilities, (width, height))
    return square
