"""Photographs in the wild: a flat-lay posed, wrinkled, lit and occluded, with its dense map.

Body and sleeves (or legs) are rigid parts laid over each other, so every part's map is a matrix; a homography
for the camera and one smooth displacement for wrinkles follow. All three can be
inverted, which makes the flow exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ragdiffusion.garments.engine2d import fields
from ragdiffusion.garments.engine2d.backgrounds import BANK, ground
from ragdiffusion.garments.engine2d.draw import DrawnFlatLay, to_pixels
from ragdiffusion.garments.engine2d.figure import Shape, Stance, Wearer
from ragdiffusion.garments.engine2d.painting import cover, expose, paint, shadow
from ragdiffusion.garments.engine2d.person import draw_wearer
from ragdiffusion.garments.engine2d.puppet import Part, PuppetPose, pose, rotation
from ragdiffusion.garments.engine2d.structure import Structure
from ragdiffusion.garments.warps import at_positions, nodes

DISPLAYS = ("laid", "hung", "worn")


@dataclass(frozen=True)
class Photo:
    """A garment in the wild.

    Attributes:
        image: uint8 (S, S, 3) RGB.
        flow: float32 (S, S, 2): for each flat-lay pixel its (x, y) in photo pixels.
        visible: uint8 (S, S): 255 where a flat-lay pixel is cloth and can be seen in the photo.
        mask: uint8 (S, S), soft mask of the garment in the photo, occluders left out.
        display: "laid", "hung" or "worn".
        attributes: the flat-lay's, with what the display adds (tucked in, inner wear).
    """

    image: np.ndarray
    flow: np.ndarray
    visible: np.ndarray
    mask: np.ndarray
    display: str
    attributes: dict[str, str]


@dataclass(frozen=True)
class WildCamera:
    """Posed pixel -> photo pixel: the body's turn, a homography (3, 3), the inverse of x + wrinkle(x) ((S, S, 2)).

    A body turned to the side shows its far half narrower than its near one: within `reach` pixels of its axis at
    `centre`, x moves by turn * reach * (1 - u^2) / 2 with u the distance from the axis in reaches, beyond it goes on
    straight. `turn` is 0 for a front view and below 0.6 for a three-quarter one, so nothing folds over.
    """

    homography: np.ndarray
    wrinkle: np.ndarray
    turn: float = 0.0
    centre: float = 0.0
    reach: float = 1.0

    def turned(self, x: np.ndarray) -> np.ndarray:
        """Posed x -> x of the turned body."""
        if self.turn == 0:
            return x
        u = (x - self.centre) / self.reach
        inner = np.clip(u, -1, 1)
        out = inner + self.turn * 0.5 * (1 - inner * inner) + (u - inner) * (1 - self.turn * inner)
        return (out * self.reach + self.centre).astype(x.dtype, copy=False)

    def unturned(self, x: np.ndarray) -> np.ndarray:
        """x of the turned body -> posed x."""
        if self.turn == 0:
            return x
        u = (x - self.centre) / self.reach
        inner = np.clip(u, -1, 1)
        # t/2 w^2 - w + (inner - t/2) = 0, the root that is inner for t = 0.
        w = (1 - np.sqrt(np.maximum(1 - 2 * self.turn * (inner - self.turn / 2), 0))) / self.turn
        out = w + (u - inner) / (1 - self.turn * np.sign(u))
        return (out * self.reach + self.centre).astype(x.dtype, copy=False)

    def place(self, points: np.ndarray) -> np.ndarray:
        """Posed pixels (N, 2) -> photo pixels."""
        size = self.wrinkle.shape[0]
        points = np.array(points, np.float64)
        points[:, 0] = self.turned(points[:, 0])
        ahead = cv2.perspectiveTransform(points[None], self.homography)[0]
        found = ahead
        for _ in range(3):
            at = np.clip(np.round(found).astype(int), 0, size - 1)
            found = ahead - self.wrinkle[at[:, 1], at[:, 0]]
        return found


def take_photo(
    flat: DrawnFlatLay,
    rng: np.random.Generator,
    *,
    display: str | None = None,
    backgrounds: list[np.ndarray] | None = None,
    lighting: bool = True,
) -> Photo:
    """See `GarmentEngine.photo`."""
    if display is None:
        display = DISPLAYS[int(rng.choice(3, p=(0.45, 0.25, 0.3)))]
    if display not in DISPLAYS:
        raise ValueError(f"unknown display {display!r}; wanted one of {', '.join(DISPLAYS)}")
    size = flat.image.shape[0]
    posed = pose(flat, rng, display)
    parts = posed.parts
    frame = size * (0.75 if rng.random() < 0.6 else 1.0)
    camera = _camera(flat, parts, rng, display, frame)
    image = _background(rng, display, backgrounds, size)
    wearer = _wearer(flat, rng, posed, camera) if display == "worn" else None
    behind = wearer.behind if wearer else _hanger(flat.structure, rng, posed, camera, display)
    if posed.opened and not wearer:
        behind = [*behind, *_open_back(flat, posed, camera)]
    paint(image, behind)
    mask, label = _composite(image, flat, parts, camera, rng, lighting)
    if wearer:
        cover(image, mask, label, wearer.own, own=True)
    before = wearer.before if wearer else _clutter(rng, size, display)
    cover(image, mask, label, before)
    border = round((size - frame) / 2)
    if lighting:
        image = expose(image, mask, rng)
    if border:  # a portrait photo, padded to square by its own edge
        for side, edge in ((slice(0, border), border), (slice(size - border, size), size - border - 1)):
            image[:, side] = image[:, edge : edge + 1]
            mask[:, side] = 0
            label[:, side] = 0
    flow, owner = _flow(parts, camera, size)
    seen = cv2.remap(label, flow, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
    visible = np.where((seen == owner) & (flat.silhouette > 127), np.uint8(255), np.uint8(0))
    facts = dict(flat.attributes)
    if wearer:
        facts["top_tuck_in"] = "Yes" if posed.tucked is not None else facts["top_tuck_in"]
        facts["with_inner_wear"] = "Yes" if wearer.inner else facts["with_inner_wear"]
        facts["sleeves_rolled_up"] = "Yes" if posed.rolled else facts["sleeves_rolled_up"]
    facts["top_open"] = "Yes" if posed.opened else facts["top_open"]
    return Photo(image, flow, visible, mask, display, facts)


def _camera(flat: DrawnFlatLay, parts: list[Part], rng: np.random.Generator, display: str, frame: float) -> WildCamera:
    """Frame the posed garment: rotation, perspective, scale and shift, then wrinkles."""
    size = flat.image.shape[0]
    angle = {"laid": rng.normal(0, 9), "hung": rng.normal(0, 2), "worn": rng.normal(0, 3)}[display]
    if display == "laid" and rng.random() < 0.15:
        angle = rng.uniform(-40, 40)
    tilt = rng.normal(0, 0.05, 2) / size * (1.6 if display == "laid" else 1.0)
    middle = (size - 1) / 2
    turn = rotation(np.array([middle, middle]), np.deg2rad(np.clip(angle, -40, 40)))
    lean = np.array([[1, 0, 0], [0, 1, 0], [tilt[0], tilt[1], 1 - (tilt * middle).sum()]])
    first = lean @ turn
    turn = 0.0
    if display == "worn" and rng.random() < 0.45:
        turn = float(rng.uniform(0.15, 0.55) * rng.choice([-1, 1]))
    points = np.concatenate([cv2.perspectiveTransform(to_pixels(p.region, size)[None], p.matrix)[0] for p in parts])
    left, right = points[:, 0].min(), points[:, 0].max()
    bent = WildCamera(np.eye(3), np.zeros((1, 1, 2)), turn, float(left + right) / 2, float(right - left) / 2 + 1)
    points[:, 0] = bent.turned(points[:, 0])
    points = cv2.perspectiveTransform(points[None], first)[0]
    low, high = points.min(0), points.max(0)
    share = rng.uniform(0.62, 0.97) if rng.random() < 0.85 else rng.uniform(0.97, 1.2)
    if display == "worn":  # most pictures of clothes cut the head
        share *= rng.uniform(0.6, 1.0) if rng.random() < 0.35 else rng.uniform(0.9, 1.06)
    scale = share * min(frame / (high - low)[0], size / (high - low)[1])
    room = np.maximum(np.array([frame, size]) - (high - low) * scale, 0)
    centre = middle + rng.uniform(-0.4, 0.4, 2) * room
    shift = centre - (low + high) / 2 * scale
    fit = np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1.0]])
    amplitude = size * {"laid": 0.008, "hung": 0.007, "worn": 0.010}[display] * rng.uniform(0.4, 1.3)
    k = [fields.pick(rng) for _ in range(4)]
    wrinkle = np.stack(
        [
            amplitude * fields.noise(size, 4, k[0]) + 0.22 * amplitude * fields.noise(size, 11, k[1]),
            amplitude * fields.noise(size, 4, k[2]) + 0.22 * amplitude * fields.noise(size, 11, k[3]),
        ],
        axis=-1,
    )
    return replace(bent, homography=fit @ first, wrinkle=wrinkle)


def _posed_grid(camera: WildCamera) -> tuple[np.ndarray, np.ndarray]:
    """For each photo pixel its posed pixel."""
    x, y = fields.grid(camera.wrinkle.shape[0])
    u, v = x + camera.wrinkle[..., 0], y + camera.wrinkle[..., 1]
    h = np.linalg.inv(camera.homography)
    h = (h / h[2, 2]).astype(np.float32)
    below = 1 / (h[2, 0] * u + h[2, 1] * v + 1)
    posed_x = (h[0, 0] * u + h[0, 1] * v + h[0, 2]) * below
    return camera.unturned(posed_x), (h[1, 0] * u + h[1, 1] * v + h[1, 2]) * below


def _region_box(part: Part, camera: WildCamera, size: int) -> tuple[slice, slice] | None:
    points = camera.place(cv2.perspectiveTransform(to_pixels(part.region, size)[None], part.matrix)[0])
    low = np.clip(np.floor(points.min(0)).astype(int) - 6, 0, size)
    high = np.clip(np.ceil(points.max(0)).astype(int) + 7, 0, size)
    return None if (high - low < 2).any() else (slice(low[1], high[1]), slice(low[0], high[0]))


def _composite(
    image: np.ndarray,
    flat: DrawnFlatLay,
    parts: list[Part],
    camera: WildCamera,
    rng: np.random.Generator,
    lighting: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Lay the parts on the image, in place; returns garment mask and number (from 1) of the part on top."""
    size = image.shape[0]
    mask, label = np.zeros((size, size), np.uint8), np.zeros((size, size), np.uint8)
    posed_x, posed_y = _posed_grid(camera)
    drop = rng.uniform(1.0, 5.0, 2) * size / 256 * [float(rng.choice([-1, 1])), 1]
    strength = float(rng.uniform(0.15, 0.5))
    for number, part in enumerate(parts, 1):
        box = _region_box(part, camera, size)
        if box is None:
            continue
        a = np.linalg.inv(part.matrix).astype(np.float32)
        px, py = posed_x[box], posed_y[box]
        fx, fy = a[0, 0] * px + a[0, 1] * py + a[0, 2], a[1, 0] * px + a[1, 1] * py + a[1, 2]
        # One look-up in four channels costs half of one in three and one in one.
        both = cv2.remap(cv2.merge([flat.cloth, part.mask]), fx, fy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        cover, cloth = both[..., 3].copy(), cv2.cvtColor(both, cv2.COLOR_BGRA2BGR)
        if lighting:
            shadow(
                image,
                cover,
                box,
                drop if number == 1 else drop * 0.5,
                strength if number == 1 else strength * 0.8,
            )
        view = image[box]
        weight = cv2.merge([cover] * 3)
        cv2.add(
            cv2.multiply(cloth, weight, scale=1 / 255),
            cv2.multiply(view, 255 - weight, scale=1 / 255),
            dst=view,
        )
        cv2.max(mask[box], cover, dst=mask[box])
        label[box][cover > 127] = number
    return mask, label


def _flow(parts: list[Part], camera: WildCamera, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Where every flat-lay pixel went, (S, S, 2), and the number of the part that it belongs to (from 1)."""
    x, y = fields.grid(size)
    owner = np.ones((size, size), np.uint8)
    posed = np.empty((size, size, 2), np.float32)
    for number, part in enumerate(parts, 1):
        m = part.matrix.astype(np.float32)
        if number == 1:
            posed[..., 0] = m[0, 0] * x + m[0, 1] * y + m[0, 2]
            posed[..., 1] = m[1, 0] * x + m[1, 1] * y + m[1, 2]
            continue
        points = to_pixels(part.region, size)
        low = np.clip(np.floor(points.min(0)).astype(int) - 2, 0, size)
        high = np.clip(np.ceil(points.max(0)).astype(int) + 3, 0, size)
        box = (slice(low[1], high[1]), slice(low[0], high[0]))
        mine = part.mask[box] > 127
        bx, by = x[box], y[box]
        owner[box][mine] = number
        np.copyto(posed[box][..., 0], m[0, 0] * bx + m[0, 1] * by + m[0, 2], where=mine)
        np.copyto(posed[box][..., 1], m[1, 0] * bx + m[1, 1] * by + m[1, 2], where=mine)
    posed[..., 0] = camera.turned(posed[..., 0])
    h = camera.homography.astype(np.float32)
    below = 1 / (h[2, 0] * posed[..., 0] + h[2, 1] * posed[..., 1] + h[2, 2])
    ahead = np.empty_like(posed)
    for k in (0, 1):
        ahead[..., k] = (h[k, 0] * posed[..., 0] + h[k, 1] * posed[..., 1] + h[k, 2]) * below
    grid = nodes(size)
    back = grid
    for _ in range(4):
        back = cv2.subtract(
            grid, cv2.remap(camera.wrinkle, back, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        )
    found = cv2.add(ahead, at_positions(cv2.subtract(back, grid), ahead))
    return found, owner


def _background(rng: np.random.Generator, display: str, backgrounds: list[np.ndarray] | None, size: int) -> np.ndarray:
    if backgrounds:
        picture = backgrounds[int(rng.integers(len(backgrounds)))]
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise ValueError(f"backgrounds must be uint8 (H, W, 3), got {picture.dtype} {picture.shape}")
        side = min(picture.shape[:2])
        top, left = (int(rng.integers(n - side + 1)) for n in picture.shape[:2])
        return cv2.resize(picture[top : top + side, left : left + side], (size, size), interpolation=cv2.INTER_AREA)
    source = ground(display, int(rng.integers(BANK)), size * 3 // 2)
    top, left = rng.integers(0, size // 2, 2)
    image = source[top : top + size, left : left + size]
    if display == "laid" and rng.random() < 0.5:
        image = image.transpose(1, 0, 2)
    return cv2.convertScaleAbs(np.ascontiguousarray(image), alpha=float(rng.uniform(0.75, 1.15)))


def _placer(matrix: np.ndarray, camera: WildCamera, size: int) -> Callable[[np.ndarray], np.ndarray]:
    """Canonical coordinates -> photo pixels, for what moves with a part."""
    return lambda points: camera.place(cv2.perspectiveTransform(to_pixels(points, size)[None], matrix)[0])


def _wearer(flat: DrawnFlatLay, rng: np.random.Generator, posed: PuppetPose, camera: WildCamera) -> Wearer:
    size = flat.image.shape[0]
    tone = rng.uniform(18, 90) if rng.random() < 0.6 else rng.uniform(90, 230)
    other = tuple(np.clip(tone + rng.normal(0, 14, 3), 5, 245))
    stance = Stance(
        body=_placer(posed.body, camera, size),
        limbs={name: tuple(_placer(m, camera, size) for m in pair) for name, pair in posed.limbs.items()},
        rolled=posed.rolled,
        opened=posed.opened,
        tucked=posed.tucked,
        turn=camera.turn,
        cloth=flat.texture.colours["sleeve"],
        other=other,
    )
    return draw_wearer(flat.structure, rng, stance)


def _open_back(flat: DrawnFlatLay, posed: PuppetPose, camera: WildCamera) -> list[Shape]:
    """The inside of the back, seen between the halves of an open front."""
    m = flat.structure.landmarks
    x = 0.85 * abs(float(m["armpit_r"][0]))
    low = float(m["hem_centre"][1]) - 0.03
    back = np.array([m["neck_l"], m["neck_r"], m["armpit_r"] * [0.9, 1], [x, low], [-x, low], m["armpit_l"] * [0.9, 1]])
    return [Shape(_placer(posed.body, camera, flat.image.shape[0])(back), flat.texture.colours["inside"])]


def _hanger(
    structure: Structure, rng: np.random.Generator, posed: PuppetPose, camera: WildCamera, display: str
) -> list[Shape]:
    if display != "hung" or structure.kind not in ("top", "dress"):
        return []
    size = camera.wrinkle.shape[0]
    m = structure.landmarks
    neck = (m["neck_r"] + m["neck_l"]) / 2
    width = abs(float(m["shoulder_r"][0] - m["shoulder_l"][0]))
    t = np.linspace(-0.5 * np.pi, 1.1 * np.pi, 18)
    hook = np.concatenate(
        [neck + [[0, 0.12]], neck + np.stack([0.055 * np.cos(t - 0.6), -0.2 - 0.055 * np.sin(t + np.pi)], 1)]
    ) * [1, 1]
    colour = tuple(float(c) for c in (rng.uniform(20, 210) + rng.normal(0, 12, 3)))
    bar = np.array([neck + [-0.3 * width, 0.15], neck + [0, -0.01], neck + [0.3 * width, 0.15]])
    shapes = []
    for spine, thick in ((hook, 0.012), (bar, 0.028)):
        normal = np.gradient(spine, axis=0)
        normal = np.stack([-normal[:, 1], normal[:, 0]], 1)
        normal /= np.maximum(np.hypot(*normal.T), 1e-6)[:, None]
        outline = np.concatenate([spine + thick * normal, (spine - thick * normal)[::-1]])
        shapes.append(Shape(_placer(posed.body, camera, size)(outline), colour, False))
    return shapes


def _clutter(rng: np.random.Generator, size: int, display: str) -> list[Shape]:
    """Now and then something lies in the picture."""
    if display != "laid" or rng.random() > 0.08:
        return []
    centre, reach = rng.uniform(0.1, 0.9, 2) * size, rng.uniform(0.05, 0.13, 2) * size
    t = np.linspace(0, 2 * np.pi, 4 if rng.random() < 0.5 else 24, endpoint=False) + rng.uniform(0, 6)
    tone = tuple(np.clip(rng.uniform(20, 230) + rng.normal(0, 18, 3), 8, 245))
    return [Shape(centre + reach * np.stack([np.cos(t), np.sin(t)], 1), tone)]
