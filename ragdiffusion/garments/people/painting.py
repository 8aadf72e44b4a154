"""Colour per pixel: cloth laid through the flat panels, tiles on everything else, light, relief and gloss."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ragdiffusion.garments.people.kernels import kernel
from ragdiffusion.garments.people.raster import ARM, LEG, TEX_U, TEX_V, TRUNK


@kernel()
def _bilinear(image, y, x, out):
    rows, columns = image.shape[0], image.shape[1]
    x = min(columns - 1.001, max(0.0, x))
    y = min(rows - 1.001, max(0.0, y))
    i, j = int(x), int(y)
    fx, fy = x - i, y - j
    for k in range(3):
        out[k] = (image[j, i, k] * (1 - fx) + image[j, i + 1, k] * fx) * (1 - fy) + (
            image[j + 1, i, k] * (1 - fx) + image[j + 1, i + 1, k] * fx
        ) * fy


@kernel()
def lay_flat(which, panel, place, garment_of, grids):
    """Flat place of each garment pixel.

    Args:
        which: (H, W), layer or -1.
        panel: (H, W), panel or -1.
        place: (H, W, 2), as `raster.panel_place` says.
        garment_of: (L,), garment of each layer or -1.
        grids: (G, 5, V, U, 2), flat places in cm of sleeves and legs at equal steps of v in [0, 1], u in [-1, 1].

    Returns:
        (H, W, 2), cm in the garment's flat frame.
    """
    H, W = which.shape
    rows, columns = grids.shape[2], grids.shape[3]
    out = np.zeros((H, W, 2), np.float32)
    for y in range(H):
        for x in range(W):
            if which[y, x] < 0 or panel[y, x] < 0:
                continue
            g = garment_of[which[y, x]]
            if g < 0:
                continue
            if panel[y, x] == TRUNK:
                out[y, x, 0], out[y, x, 1] = place[y, x, 0], place[y, x, 1]
                continue
            u = min(columns - 1.001, max(0.0, (place[y, x, 0] + 1) / 2 * (columns - 1)))
            v = min(rows - 1.001, max(-2.0, place[y, x, 1] * (rows - 1)))
            i, j = int(u), max(0, int(v))
            fu, fv = u - i, v - j
            grid = grids[g, panel[y, x]]
            for k in range(2):
                out[y, x, k] = (grid[j, i, k] * (1 - fu) + grid[j, i + 1, k] * fu) * (1 - fv) + (
                    grid[j + 1, i, k] * (1 - fu) + grid[j + 1, i + 1, k] * fu
                ) * fv
    return out


@kernel()
def dye(which, garment_of, flat, front, sheets, sheet_scale, sheet_origin, attributes, tiles, tile_side):
    """The unlit colour of each pixel.

    Args:
        which: (H, W), layer or -1.
        garment_of: (L,).
        flat: (H, W, 2), cm.
        front: (H, W), whether a front panel is seen.
        sheets: uint8 (G, 2, S, S, 3), each garment's front and back cloth in its flat frame.
        sheet_scale: (G,), sheet pixels per cm.
        sheet_origin: (G, 2), sheet pixel of the frame's origin.
        attributes: (H, W, A).
        tiles: uint8 (L, T, T, 3), of layers that are no garment.
        tile_side: (L,), metres.

    Returns:
        float32 (H, W, 3), RGB in [0, 255].
    """
    H, W = which.shape
    size = tiles.shape[1]
    out = np.zeros((H, W, 3), np.float32)
    colour = np.zeros(3)
    for y in range(H):
        for x in range(W):
            L = which[y, x]
            if L < 0:
                continue
            g = garment_of[L]
            if g >= 0:
                side = 0 if front[y, x] else 1
                _bilinear(
                    sheets[g, side],
                    flat[y, x, 1] * sheet_scale[g] + sheet_origin[g, 1],
                    flat[y, x, 0] * sheet_scale[g] + sheet_origin[g, 0],
                    colour,
                )
            else:
                u = attributes[y, x, TEX_U] / tile_side[L]
                v = -attributes[y, x, TEX_V] / tile_side[L]
                u, v = u - 2 * np.floor(u / 2), v - 2 * np.floor(v / 2)
                u, v = 2 - u if u > 1 else u, 2 - v if v > 1 else v
                _bilinear(tiles[L], v * (size - 1), u * (size - 1), colour)
            for k in range(3):
                out[y, x, k] = colour[k]
    return out


@kernel()
def relief(which, flat, attributes, garment_of, maps, chosen, side, offset, strength):
    """Height of the cloth's folds at each pixel, metres: a tile of a relief map per layer."""
    H, W = which.shape
    size = maps.shape[1]
    out = np.zeros((H, W), np.float32)
    for y in range(H):
        for x in range(W):
            L = which[y, x]
            if L < 0 or strength[L] == 0:
                continue
            if garment_of[L] >= 0:
                a, b = flat[y, x, 0] * 0.01, flat[y, x, 1] * 0.01
            else:
                a, b = attributes[y, x, TEX_U], attributes[y, x, TEX_V]
            u = (a / side[L] + offset[L]) * size
            v = (b / side[L] + offset[L] * 1.7) * size
            i, j = int(np.floor(u)), int(np.floor(v))
            fu, fv = u - i, v - j
            i0, i1, j0, j1 = i % size, (i + 1) % size, j % size, (j + 1) % size
            m = maps[chosen[L]]
            amount = strength[L]
            if garment_of[L] >= 0:  # cloth bunches at elbows, hips, knees, and above the shoe
                arm, leg = attributes[y, x, ARM], attributes[y, x, LEG]
                bend = 0.0
                if arm > 0:
                    bend = np.exp(-(((arm - 0.5) / 0.12) ** 2))
                if leg > -0.5:
                    bend = (
                        np.exp(-(((leg - 0.5) / 0.1) ** 2))
                        + np.exp(-((leg / 0.08) ** 2))
                        + np.exp(-(((leg - 1) / 0.1) ** 2))
                    )
                amount *= 0.75 + 1.1 * bend
            out[y, x] = amount * (
                (m[j0, i0] * (1 - fu) + m[j0, i1] * fu) * (1 - fv) + (m[j1, i0] * (1 - fu) + m[j1, i1] * fu) * fv
            )
    return out


@kernel()
def light(colour, normal, which, height, pixel, sun, ambient, key, gloss):
    """Lambert with a wrapped key light, ambient sky, relief as normals, gloss.

    Args:
        colour: (H, W, 3), RGB in [0, 255].
        normal: (H, W, 3), camera frame: x right, y down, z away.
        which: (H, W), layer or -1.
        height: (H, W), metres.
        pixel: metres per pixel.
        sun: (3,), direction to the key light.
        ambient: strength.
        key: strength.
        gloss: (L,), per layer.

    Returns:
        float32 (H, W, 3).
    """
    H, W = which.shape
    out = np.zeros((H, W, 3), np.float32)
    for y in range(H):
        for x in range(W):
            L = which[y, x]
            if L < 0:
                continue
            n0, n1, n2 = normal[y, x]
            if 0 < n2 < 0.25:  # interpolated normals overshoot at the rim
                n2 = 0.0
            dark = 1.0
            if n2 > 0:  # the inside is seen
                n0, n1, n2 = -n0, -n1, -n2
                dark = 0.65
            if x + 1 < W and which[y, x + 1] == L:
                n0 -= min(1.0, max(-1.0, (height[y, x + 1] - height[y, x]) / pixel))
            if y + 1 < H and which[y + 1, x] == L:
                n1 -= min(1.0, max(-1.0, (height[y + 1, x] - height[y, x]) / pixel))
            s = np.sqrt(n0 * n0 + n1 * n1 + n2 * n2)
            n0 /= s
            n1 /= s
            n2 /= s
            d = max(0.0, (n0 * sun[0] + n1 * sun[1] + n2 * sun[2] + 0.3) / 1.3)
            e = ambient * (0.85 - 0.15 * n1) * (0.75 - 0.25 * n2) + key * d
            g = gloss[L] * d**12 * 0.6 + gloss[L] * 0.15 * (1 - max(0.0, -n2)) ** 3
            for k in range(3):
                out[y, x, k] = colour[y, x, k] * e * dark + 255 * g
    return out


@lru_cache(maxsize=1)
def relief_maps(count: int = 16, size: int = 256, seed: int = 5) -> np.ndarray:
    """Tileable reliefs of cloth, float32 (count, size, size) of unit deviation: stretched noise folded into ridges."""
    rng = np.random.default_rng(seed)
    fy, fx = np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size), indexing="ij")
    maps = []
    for _ in range(count):
        total = np.zeros((size, size))
        for octave in range(3):
            turn, stretch, base = rng.uniform(0, np.pi), rng.uniform(1, 4), 0.008 * 2**octave
            u, v = fx * np.cos(turn) + fy * np.sin(turn), -fx * np.sin(turn) + fy * np.cos(turn)
            band = np.exp(-((u * stretch) ** 2 + v**2) / (2 * base**2))
            wave = np.fft.ifft2(np.fft.fft2(rng.normal(size=(size, size))) * band).real
            wave /= wave.std()
            total = total + (-np.abs(wave) if rng.random() < 0.6 else wave) * 0.55**octave
        maps.append((total - total.mean()) / total.std())
    return np.array(maps, np.float32)
