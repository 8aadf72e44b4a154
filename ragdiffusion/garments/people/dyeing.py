"""The unlit colours of a picture: cloth from the garments' sheets, tiles of skin, hair and things."""

from __future__ import annotations

import cv2
import numpy as np

from ragdiffusion.garments.people import painting, raster
from ragdiffusion.garments.people.cloth import TILE, draw_tile
from ragdiffusion.garments.people.labels import HAIR, SKIN
from ragdiffusion.garments.people.pixels import Pixels
from ragdiffusion.garments.people.sheets import Sheet
from ragdiffusion.garments.people.wardrobe import Garment

_SKIN_TILE, _HAIR_TILE, _OTHER_TILE = 0.3, 0.12, 0.4  # sides, metres
_LACE = 0.5  # sheerness from which on cloth is lace


def dye(px: Pixels, sheets: list[Sheet], skin: np.ndarray, hair: np.ndarray, rng: np.random.Generator) -> None:
    """Give each pixel its colour, in place; `skin` and `hair` are RGB."""
    count = len(px.layers)
    tiles, side = np.zeros((count, TILE, TILE, 3), np.uint8), np.full(count, _OTHER_TILE)
    drawn: dict[str, np.ndarray] = {}
    for i, layer in enumerate(px.layers):
        if layer.garment >= 0:
            continue
        if layer.name not in drawn:
            drawn[layer.name] = _tile(layer.label, skin, hair, rng)
        tiles[i] = drawn[layer.name]
        side[i] = {SKIN: _SKIN_TILE, HAIR: _HAIR_TILE}.get(layer.label, _OTHER_TILE)
    faces = [(face, sheet.scale * px.size * 100) for sheet in sheets for face in (sheet.front, sheet.back)]
    cloth = np.stack([_softened(face, shrink) for face, shrink in faces])
    cloth = cloth.reshape(len(sheets), 2, *cloth.shape[1:])  # (G, 2, SHEET, SHEET, 3)
    scales, origins = np.array([sheet.scale for sheet in sheets]), np.array([sheet.origin for sheet in sheets], float)
    px.colour[:] = painting.dye(
        px.which, px.garment_of, px.flat, px.front, cloth, scales, origins, px.attributes, tiles, side
    )


def see_through(px: Pixels, garments: list[Garment], skin: np.ndarray) -> None:
    """Let skin shine through sheer cloth and the holes of lace, in place."""
    for i, layer in enumerate(px.layers):
        if layer.garment < 0 or garments[layer.garment].sheer <= 0 or not layer.on_body:
            continue
        garment, mine = garments[layer.garment], px.which == i
        clear = np.where(px.attributes[..., raster.ARM] > raster.SEAM, garment.sheer, garment.sheer_body)
        if garment.sheer > _LACE:
            a, b = px.flat[..., 0] * 0.9, px.flat[..., 1] * 0.9
            net = 0.5 + 0.5 * np.sin(a * 2.2 + 1.5 * np.sin(b * 0.7)) * np.sin(b * 2.6 + np.sin(a * 0.6))
            clear = clear * np.clip(0.4 + 0.9 * net, 0, 1)
        px.colour[mine] = px.colour[mine] * (1 - clear[mine, None]) + skin * clear[mine, None]


def _tile(label: int, skin: np.ndarray, hair: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if label == SKIN:
        blotches = cv2.GaussianBlur(rng.standard_normal((TILE, TILE), dtype=np.float32), (0, 0), 11)
        return np.clip(skin * (1 + 0.05 * (blotches / blotches.std())[..., None]), 0, 255).astype(np.uint8)
    if label == HAIR:
        return _strands(hair, rng)
    return draw_tile(rng, "leather" if rng.random() < 0.4 else "any").image


def _strands(colour: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A tile of hair, uint8 (TILE, TILE, 3): fine strands over broad locks."""
    total = np.zeros((TILE, TILE), np.float32)
    for sigma, amount in ((0.8, 0.5), (rng.uniform(2, 4), 0.6), (rng.uniform(8, 14), 0.7)):
        noise = cv2.GaussianBlur(rng.standard_normal((TILE, TILE), dtype=np.float32), (0, 0), sigma, sigmaY=30)
        total += amount * noise / (noise.std() + 1e-6)
    return np.clip(colour * (1 + rng.uniform(0.12, 0.26) * total[..., None]), 2, 255).astype(np.uint8)


def _softened(image: np.ndarray, shrink: float) -> np.ndarray:
    """Cloth without what is too fine for a picture that shows it smaller."""
    return cv2.GaussianBlur(image, (0, 0), 0.4 * shrink) if shrink > 1.2 else image
