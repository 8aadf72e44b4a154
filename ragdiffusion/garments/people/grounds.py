"""What stands behind a person: studios, homes, foliage, walls of signs, stages, streets, clutter."""

from __future__ import annotations

import cv2
import numpy as np

from ragdiffusion.garments.people.colours import garment_colour, near, vivid
from ragdiffusion.garments.people.real_cloth import RealCloth


def draw_ground(
    rng: np.random.Generator, height: int, width: int, real: RealCloth | None, like: np.ndarray | None = None
) -> np.ndarray:
    """A ground, float32 (height, width, 3) RGB; `like` is a colour (RGB) that it should hardly differ from."""
    if like is not None:
        return _studio(rng, height, width, near(rng, like))
    k = rng.random()
    if k < 0.42:
        return _studio(rng, height, width)
    if k < 0.62 and real is not None:
        return _home(rng, height, width, real)
    painters = (_signs, _leaves, _shelves, _stage, _shapes, _street, _leaves, _signs)
    image = painters[rng.integers(len(painters))](rng, height, width)
    if rng.random() < 0.65:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 6) * height / 256)
    y, x = _grid(height, width)
    light = 1 + rng.uniform(-0.4, 0.4) * (x - 0.5) + rng.uniform(-0.4, 0.4) * (y - 0.5)
    return np.clip(image.astype(np.float32) * light[..., None] * rng.uniform(0.4, 1.1), 0, 255).astype(np.float32)


def _grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    return np.mgrid[0:height, 0:width].astype(np.float32) / np.array([height, width], np.float32)[:, None, None]


def _studio(rng: np.random.Generator, height: int, width: int, base: np.ndarray | None = None) -> np.ndarray:
    """A sweep of paper: white, grey, warm or coloured, lit unevenly, now and then with a floor's edge."""
    k, u = rng.random(), rng.uniform
    if base is None:
        base = (
            np.full(3, 255.0)
            if k < 0.25
            else np.full(3, u(150, 245)) + rng.normal(0, 3, 3)
            if k < 0.68
            else np.array([u(200, 240), u(190, 230), u(170, 225)])
            if k < 0.86
            else garment_colour(rng)
        )
    else:
        k = 1.0
    image = np.ones((height, width, 3), np.float32) * base.astype(np.float32)
    if k < 0.25:
        return image
    y, x = _grid(height, width)
    gain = (
        1
        + u(-0.15, 0.15) * (x - 0.5)
        + u(-0.2, 0.2) * (y - 0.5)
        - u(0, 0.5) * ((x - u(0.3, 0.7)) ** 2 + (y - u(0.2, 0.6)) ** 2)
    )
    if rng.random() < 0.4:
        gain *= 1 + u(-0.2, 0.12) / (1 + np.exp(np.clip(-(y - u(0.7, 0.97)) * u(20, 300), -50, 50)))
    return image * gain[..., None]


def _home(rng: np.random.Generator, height: int, width: int, real: RealCloth) -> np.ndarray:
    strip = real.ground(rng)
    if rng.random() < 0.5:
        strip = strip[:, ::-1]
    image = cv2.resize(strip, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(1, 8) * height / 416)
    return np.clip(image * rng.uniform(0.5, 1.2), 0, 255)


def _canvas(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), garment_colour(rng)).astype(np.uint8)


def _ink(colour: np.ndarray) -> tuple[int, ...]:
    return tuple(int(v) for v in np.clip(colour, 0, 255))


def _word(rng: np.random.Generator, shortest: int = 2, longest: int = 7) -> str:
    return "".join(chr(rng.integers(65, 91)) for _ in range(rng.integers(shortest, longest)))


def _signs(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A sponsors' wall, or one or two large signs with letters."""
    image, scale = _canvas(rng, height, width), height / 416
    inks = [_ink(garment_colour(rng)) for _ in range(4)]
    if rng.random() < 0.4:
        for _ in range(int(rng.integers(1, 5))):
            x, y = int(rng.uniform(-0.3, 0.8) * width), int(rng.uniform(0, 1) * height)
            if rng.random() < 0.6:
                cv2.rectangle(
                    image,
                    (x - 10, y - int(60 * scale)),
                    (x + int(260 * scale), y + int(20 * scale)),
                    inks[int(rng.integers(4))],
                    -1,
                )
            cv2.putText(
                image,
                _word(rng, 3, 10),
                (x, y),
                int(rng.choice([0, 2, 3, 4])),
                rng.uniform(0.8, 4) * scale,
                inks[int(rng.integers(4))],
                max(1, int(rng.uniform(1, 8) * scale)),
            )
        return image
    words = [_word(rng) for _ in range(3)]
    sx, sy, size = rng.uniform(50, 130) * scale, rng.uniform(35, 110) * scale, rng.uniform(0.4, 1.3) * scale
    for i in range(int(height / sy) + 2):
        for j in range(int(width / sx) + 2):
            x, y = int(j * sx + (i % 2) * sx / 2 - 20), int(i * sy)
            if (i * 7 + j) % 3 == 0:
                cv2.ellipse(
                    image,
                    (x + 20, y - 8),
                    (int(18 * size) + 1, int(14 * size) + 1),
                    0,
                    0,
                    360,
                    inks[(i + j) % 2],
                    -1 if rng.random() < 0.7 else 2,
                )
            else:
                cv2.putText(image, words[(i + j) % 3], (x, y), 2, size, inks[(i + j) % 2], max(1, int(2.5 * size)))
    return image


def _leaves(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    image, scale = _canvas(rng, height, width), height / 416
    green = (
        np.array([rng.uniform(30, 120), rng.uniform(70, 160), rng.uniform(20, 80)])
        if rng.random() < 0.75
        else vivid(rng)
    )
    for _ in range(int(rng.integers(120, 420))):
        colour = green * rng.uniform(0.3, 1.5) + rng.normal(0, 12, 3)
        at = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        axes = (int(rng.uniform(4, 40) * scale) + 1, int(rng.uniform(2, 12) * scale) + 1)
        cv2.ellipse(image, at, axes, rng.uniform(0, 180), 0, 360, _ink(colour), -1)
    return image


def _shelves(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Shelves, tiles, bricks, a rack of clothes."""
    image, scale = _canvas(rng, height, width), height / 416
    inks = [garment_colour(rng) for _ in range(4)]
    sx, sy = rng.uniform(12, 90) * scale, (rng.uniform(12, 90) if rng.random() < 0.7 else rng.uniform(120, 300)) * scale
    for i in range(int(height / sy) + 1):
        for j in range(int(width / sx) + 1):
            colour = inks[rng.integers(4)] * 0.5 + inks[0] * 0.5 + rng.normal(0, 10, 3)
            cv2.rectangle(
                image, (int(j * sx), int(i * sy)), (int((j + 0.93) * sx), int((i + 0.93) * sy)), _ink(colour), -1
            )
    return image


def _stage(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Dark, with beams and lamps."""
    image = np.full((height, width, 3), rng.uniform(5, 40, 3)).astype(np.uint8)
    for _ in range(int(rng.integers(2, 8))):
        x, spread = rng.uniform(0, width), rng.uniform(10, 80)
        foot = x + rng.normal(0, width / 3)
        beam = np.int32([[x - 2, 0], [x + 2, 0], [foot + spread, height], [foot - spread, height]])
        layer = np.zeros_like(image)
        cv2.fillConvexPoly(layer, beam, _ink(vivid(rng) * 0.5))
        image = cv2.add(image, layer)
        cv2.circle(image, (int(x), int(rng.uniform(0, height / 3))), int(rng.integers(2, 9)), (255, 250, 235), -1)
    return image


def _shapes(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A made-up room: pictures, furniture, stripes."""
    image, scale = _canvas(rng, height, width), height / 416
    for _ in range(int(rng.integers(3, 25))):
        x, y = int(rng.integers(-40, width)), int(rng.integers(-40, height))
        w, h = int(rng.integers(10, width)), int(rng.integers(10, height))
        ink, k = _ink(garment_colour(rng)), rng.random()
        if k < 0.6:
            cv2.rectangle(image, (x, y), (x + w, y + h), ink, -1)
        elif k < 0.8:
            cv2.ellipse(image, (x, y), (w // 3, h // 3), rng.uniform(0, 180), 0, 360, ink, -1)
        else:
            cv2.putText(image, _word(rng, 5, 6), (x, y), 2, rng.uniform(0.5, 3) * scale, ink, int(rng.integers(1, 6)))
    return image


def _street(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Sky, houses with windows, pavement."""
    image = np.full((height, width, 3), np.array([170, 195, 225]) * rng.uniform(0.6, 1.1)).clip(0, 255).astype(np.uint8)
    floor, x = int(rng.uniform(0.6, 0.95) * height), 0
    while x < width:
        w, top = int(rng.uniform(0.12, 0.5) * width), int(rng.uniform(-0.2, 0.4) * height)
        wall = garment_colour(rng) * 0.5 + np.array([150, 135, 120]) * 0.5
        cv2.rectangle(image, (x, top), (x + w, floor), _ink(wall), -1)
        step = int(rng.uniform(0.06, 0.14) * height) + 3
        pane = _ink(wall * rng.uniform(0.3, 0.7))
        for wy in range(top + step // 2, floor, step):
            for wx in range(x + step // 3, x + w - step // 2, step):
                cv2.rectangle(image, (wx, wy), (wx + step // 2, wy + int(step * 0.6)), pane, -1)
        x += w
    cv2.rectangle(image, (0, floor), (width, height), _ink(np.full(3, rng.uniform(70, 190))), -1)
    return image
