"""One rendered photo: a body, a pose, an outfit, a camera, light and ground, with everything known of each pixel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ragdiffusion.garments.patterns import Pattern
from ragdiffusion.garments.people import details, painting, raster
from ragdiffusion.garments.people.accessories import add_shoes, add_things
from ragdiffusion.garments.people.bodies import Body, body_model
from ragdiffusion.garments.people.camera import Camera, sample_camera
from ragdiffusion.garments.people.cloth import TILE, draw_tile
from ragdiffusion.garments.people.collars import add_collar
from ragdiffusion.garments.people.colours import garment_colour, hair_colour, near, skin_tone
from ragdiffusion.garments.people.cuts import stacked
from ragdiffusion.garments.people.dressing import Dresser
from ragdiffusion.garments.people.fitting import Fitting, fit
from ragdiffusion.garments.people.flat import panel_grids
from ragdiffusion.garments.people.grounds import draw_ground
from ragdiffusion.garments.people.hair import add_hair
from ragdiffusion.garments.people.labels import DRESS, GROUND, HAIR, OTHER, SKIN
from ragdiffusion.garments.people.layers import Layer, Scene, merged
from ragdiffusion.garments.people.outfits import sample_outfit
from ragdiffusion.garments.people.poses import Pose, sample_pose
from ragdiffusion.garments.people.real_cloth import RealCloth
from ragdiffusion.garments.people.sheets import Sheet, draw_sheet
from ragdiffusion.garments.people.wardrobe import Garment


@dataclass(frozen=True)
class Take:
    """A photo before it is brought to size.

    Attributes:
        photo: uint8 (H, W, 3) RGB.
        labels: uint8 (H, W).
        instance: int8 (H, W), index of the garment seen, -1 for none.
        flat: float32 (H, W, 2), flat place of garment pixels in cm.
        front: bool (H, W), whether a front panel is seen.
        panel: int8 (H, W).
        body, fitting, pose, camera: who and how.
        garments: what is worn, innermost first.
        patterns: each garment's pattern.
        sheets: each garment's cloth.
    """

    photo: np.ndarray
    labels: np.ndarray
    instance: np.ndarray
    flat: np.ndarray
    front: np.ndarray
    panel: np.ndarray
    body: Body
    fitting: Fitting
    pose: Pose
    camera: Camera
    garments: list[Garment]
    patterns: list[Pattern]
    sheets: list[Sheet]


def take_photo(
    rng: np.random.Generator, height: int, width: int, real: RealCloth | None = None, *, plain: bool = False
) -> Take:
    """Render a person.

    Args:
        rng: source of all chance.
        height: of the photo, pixels.
        width: of the photo, pixels.
        real: real garments for cloth and grounds; None draws everything.
        plain: leave out light, relief and what is drawn over the cloth.
    """
    body = body_model().sample(rng)
    heels = body.female and rng.random() < 0.3
    pose = sample_pose(body, rng, heels=heels)
    fitting = fit(body)
    dresser = Dresser(body, fitting, pose, rng)
    garments = sample_outfit(fitting, body.female, pose.stance == "seated", rng)
    for index, garment in enumerate(garments):
        dresser.put_on(garment, index)
        add_collar(dresser, garment, index, rng)
    if any(g.leg > -5 or "coat" in g.kind for g in garments) and rng.random() < 0.7:
        dresser.hide_hands()
    add_shoes(dresser, rng, heels=heels)
    add_hair(dresser, rng)
    add_things(dresser, rng)
    scene = merged(dresser.layers, stacked(dresser.fields), np.stack(dresser.edges))
    camera = sample_camera(
        body, pose, dresser.layers[0].points, height, rng, one_piece=any(garment.label == DRESS for garment in garments)
    )
    sheets = _sheets(garments, dresser.patterns, rng, real)
    return _expose(
        scene, camera, body, fitting, pose, garments, dresser.patterns, sheets, rng, height, width, real, plain
    )


def _sheets(
    garments: list[Garment], patterns: list[Pattern], rng: np.random.Generator, real: RealCloth | None
) -> list[Sheet]:
    sheets: list[Sheet] = []
    last = garment_colour(rng)
    for garment, pattern in zip(garments, patterns, strict=True):
        base = near(rng, last) if rng.random() < 0.15 else garment_colour(rng)
        state = np.random.default_rng(int(rng.integers(2**31)))
        twin = next((sheets[i].tile for i in range(len(sheets)) if garments[i].cloth == garment.cloth == "suit"), None)
        sheets.append(draw_sheet(garment, pattern, state, real, base, twin))
        last = base
    return sheets


def _expose(
    scene: Scene,
    camera: Camera,
    body: Body,
    fitting: Fitting,
    pose: Pose,
    garments: list[Garment],
    patterns: list[Pattern],
    sheets: list[Sheet],
    rng: np.random.Generator,
    height: int,
    width: int,
    real: RealCloth | None,
    plain: bool,
) -> Take:
    layers = scene.layers
    screen = camera.project(scene.points, height, width)
    on_body = np.array([layer.on_body for layer in layers])
    charted = on_body | np.array([layer.name.endswith("_skirt") for layer in layers])
    order, bias = np.array([layer.order for layer in layers]), np.array([layer.bias for layer in layers])
    seen, bary, depth = raster.rasterise(
        screen,
        scene.faces,
        scene.layer,
        scene.attributes,
        scene.parameters,
        on_body,
        charted,
        order,
        bias,
        scene.fields,
        scene.edges,
        height,
        width,
    )
    normals = (scene.normals @ camera.view.T).astype(np.float32)
    attributes, normal, which, inside, panel, place, front, across, _ = raster.gather(
        seen, bary, scene.faces, scene.layer, scene.attributes, normals, scene.parameters, scene.fields, scene.edges
    )
    garment_of = np.array([layer.garment for layer in layers])
    grids = np.stack([panel_grids(pattern) for pattern in patterns])
    flat = painting.lay_flat(which, panel, place, garment_of, grids)
    labels = np.array([*(layer.label for layer in layers), GROUND], np.uint8)[which]
    instance = np.array([*garment_of, -1], np.int8)[which]
    tone = skin_tone(rng)
    colour = _dyed(layers, sheets, garment_of, which, flat, front, attributes, tone, body, camera.pixel, rng)
    down = (body.charts.neck_z - attributes[..., raster.Z]) * 100
    px = details.Pixels(colour, labels, attributes, which, inside, front, across, down, camera.pixel)
    _see_through(px, layers, garments, tone, rng)
    details.paint_face(px, body, rng)
    if not plain:
        details.paint_edges(px, layers, rng)
    details.paint_front(px, layers, garments, rng)
    details.paint_strap(px, layers, rng)
    details.paint_shoes(px, layers, body, rng)
    instance[~np.isin(labels, (1, 2, 3, 4, 5))] = -1
    image = colour if plain else _lit(px, normal, depth, flat, garment_of, layers, sheets, rng)
    photo = _finish(image, which >= 0, rng, real, plain)
    return Take(photo, labels, instance, flat, front, panel, body, fitting, pose, camera, garments, patterns, sheets)


def _dyed(
    layers: list[Layer],
    sheets: list[Sheet],
    garment_of: np.ndarray,
    which: np.ndarray,
    flat: np.ndarray,
    front: np.ndarray,
    attributes: np.ndarray,
    tone: np.ndarray,
    body: Body,
    pixel: float,
    rng: np.random.Generator,
) -> np.ndarray:
    tiles = np.zeros((len(layers), TILE, TILE, 3), np.uint8)
    side = np.full(len(layers), 0.4)
    hair = hair_colour(rng, body.age)
    drawn: dict[str, np.ndarray] = {}
    for i, layer in enumerate(layers):
        if layer.label == SKIN:
            blotches = cv2.GaussianBlur(rng.standard_normal((TILE, TILE), dtype=np.float32), (0, 0), 11)
            tiles[i] = np.clip(tone * (1 + 0.05 * (blotches / blotches.std())[..., None]), 0, 255)
            side[i] = 0.3
        elif layer.label == HAIR:
            if "hair" not in drawn:
                drawn["hair"] = _strands(hair, rng)
            tiles[i], side[i] = drawn["hair"], 0.12
        elif layer.garment < 0:
            if layer.name not in drawn:
                drawn[layer.name] = draw_tile(rng, "leather" if rng.random() < 0.4 else "any").image
            tiles[i] = drawn[layer.name]
    cloth = np.stack([np.stack([_softened(side, s.scale * pixel * 100) for side in (s.front, s.back)]) for s in sheets])
    return painting.dye(
        which,
        garment_of,
        flat,
        front,
        cloth,
        np.array([s.scale for s in sheets]),
        np.array([s.origin for s in sheets], float),
        attributes,
        tiles,
        side,
    )


def _softened(image: np.ndarray, shrink: float) -> np.ndarray:
    """Cloth without what is too fine for a picture that shows it smaller."""
    return cv2.GaussianBlur(image, (0, 0), 0.4 * shrink) if shrink > 1.2 else image


def _strands(colour: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A tile of hair, uint8 (TILE, TILE, 3): fine strands over broad locks."""
    total = np.zeros((TILE, TILE), np.float32)
    for sigma, amount in ((0.8, 0.5), (rng.uniform(2, 4), 0.6), (rng.uniform(8, 14), 0.7)):
        noise = cv2.GaussianBlur(rng.standard_normal((TILE, TILE), dtype=np.float32), (0, 0), sigma, sigmaY=30)
        total += amount * noise / (noise.std() + 1e-6)
    return np.clip(colour * (1 + rng.uniform(0.12, 0.26) * total[..., None]), 2, 255).astype(np.uint8)


def _see_through(
    px: details.Pixels, layers: list[Layer], garments: list[Garment], tone: np.ndarray, rng: np.random.Generator
) -> None:
    """Let skin shine through sheer cloth and the holes of lace."""
    for i, layer in enumerate(layers):
        if layer.garment < 0 or garments[layer.garment].sheer <= 0 or not layer.on_body:
            continue
        garment = garments[layer.garment]
        mine = px.which == i
        clear = np.where(px.attributes[..., raster.ARM] > raster.SEAM, garment.sheer, garment.sheer_body)
        if garment.sheer > 0.5:  # lace: a net of holes
            a, b = px.attributes[..., raster.ARM] * 55, px.attributes[..., raster.ARM_ROUND] * 6
            net = 0.5 + 0.5 * np.sin(a * 2.2 + 1.5 * np.sin(b * 2)) * np.sin(b * 2.6 + a)
            clear = clear * np.clip(0.4 + 0.9 * net, 0, 1)
        px.colour[mine] = px.colour[mine] * (1 - clear[mine, None]) + tone * clear[mine, None]


def _lit(
    px: details.Pixels,
    normal: np.ndarray,
    depth: np.ndarray,
    flat: np.ndarray,
    garment_of: np.ndarray,
    layers: list[Layer],
    sheets: list[Sheet],
    rng: np.random.Generator,
) -> np.ndarray:
    """Light from one side and from the sky, folds, gloss, and darkness where things touch."""
    u, count = rng.uniform, len(layers)
    strength, gloss = np.zeros(count), np.zeros(count)
    for i, layer in enumerate(layers):
        if layer.garment >= 0:
            tile = sheets[layer.garment].tile
            strength[i] = (u(0.001, 0.005) if rng.random() < 0.85 else u(0.005, 0.011)) * tile.relief
            gloss[i] = tile.gloss
        else:
            gloss[i] = {SKIN: u(0.02, 0.15), HAIR: u(0.05, 0.3), OTHER: u(0, 0.3)}[layer.label]
    maps = painting.relief_maps()
    chosen, side, offset = rng.integers(0, len(maps), count), u(0.35, 0.8, count), u(0, 1, count)
    height = painting.relief(px.which, flat, px.attributes, garment_of, maps, chosen, side, offset, strength)
    turn, rise = u(-1.3, 1.3), u(0.1, 1.1)
    sun = np.array([np.sin(turn) * np.cos(rise), -np.sin(rise), -np.cos(turn) * np.cos(rise)])
    key, ambient = u(0.15, 0.8), u(0.4, 1)
    gain = u(0.8, 1.08) / (ambient * 0.85 + key * (max(0.0, -sun[2]) + 0.3) / 1.3)  # what faces us keeps its colour
    image = painting.light(px.colour, normal, px.which, height, px.size, sun, ambient * gain, key * gain, gloss)
    there = (px.which >= 0).astype(np.float32)
    far = np.where(px.which >= 0, depth, 0).astype(np.float32)
    for radius, amount in ((0.02, u(1, 4)), (0.07, u(0.5, 2))):
        k = max(3, int(radius / px.size) | 1)
        mean = cv2.blur(far, (k, k)) / np.maximum(cv2.blur(there, (k, k)), 1e-3)
        image *= (1 - np.clip((far - mean - 0.004) * amount * 6, 0, 0.45) * there)[..., None]
    return image


def _finish(
    image: np.ndarray, person: np.ndarray, rng: np.random.Generator, real: RealCloth | None, plain: bool
) -> np.ndarray:
    """The ground behind, the person's shadow on it, exposure and white balance."""
    height, width = person.shape
    u = rng.uniform
    ground = draw_ground(rng, height, width, real)
    if rng.random() < 0.5:
        scale = height / 416
        shadow = np.roll(person.astype(np.float32), (int(u(-10, 25) * scale), int(u(-40, 40) * scale)), (0, 1))
        ground = ground * (1 - u(0.05, 0.35) * cv2.GaussianBlur(shadow, (0, 0), u(4, 25) * scale))[..., None]
    image = np.where(person[..., None], image, ground)
    if not plain:
        image = image * u(0.85, 1.12) * (1 + rng.normal(0, 0.025, 3))
        if rng.random() < 0.5:
            image = 255 * np.clip(image / 255, 0, 1) ** u(0.8, 1.25)
        if rng.random() < 0.25:
            image = cv2.GaussianBlur(image, (0, 0), u(0.4, 1.4) * height / 384)
        if rng.random() < 0.6:
            image = image + u(0.5, 7) * rng.standard_normal((height, width, 1), dtype=np.float32)
    return np.clip(image, 0, 255).astype(np.uint8)
