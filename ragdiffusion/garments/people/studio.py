"""One rendered photo: a body, a pose, an outfit, a camera, light and ground, with everything known of each pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ragdiffusion.garments.patterns import Pattern
from ragdiffusion.garments.people import details, lighting
from ragdiffusion.garments.people.accessories import add_shoes, add_things
from ragdiffusion.garments.people.bodies import Body, body_model
from ragdiffusion.garments.people.camera import Camera, sample_camera
from ragdiffusion.garments.people.collars import add_collar
from ragdiffusion.garments.people.colours import garment_colour, hair_colour, near, skin_tone
from ragdiffusion.garments.people.cuts import stacked
from ragdiffusion.garments.people.dressing import Dresser
from ragdiffusion.garments.people.dyeing import dye, see_through
from ragdiffusion.garments.people.fitting import fit
from ragdiffusion.garments.people.grounds import draw_ground
from ragdiffusion.garments.people.hair import add_hair
from ragdiffusion.garments.people.labels import DRESS, GARMENT_LABELS
from ragdiffusion.garments.people.layers import merged
from ragdiffusion.garments.people.outfits import sample_outfit
from ragdiffusion.garments.people.pixels import Pixels, look
from ragdiffusion.garments.people.poses import Pose, sample_pose
from ragdiffusion.garments.people.proportions import as_in_catalogue
from ragdiffusion.garments.people.real_cloth import RealCloth
from ragdiffusion.garments.people.sheets import SHEET, Sheet, draw_sheet
from ragdiffusion.garments.people.wardrobe import Garment

_LIKE_SKIN, _LIKE_THE_LAST, _LIKE_GROUND = 0.07, 0.15, 0.1  # shares of garments hard to tell from what is beside them


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
        body, pose, camera: who and how.
        garments: what is worn, innermost first.
        patterns: each garment's pattern, cut to the body.
        standards: the same in the proportions in which catalogues show it: what its flat-lay is drawn from.
        sheets: each garment's cloth.
    """

    photo: np.ndarray
    labels: np.ndarray
    instance: np.ndarray
    flat: np.ndarray
    front: np.ndarray
    panel: np.ndarray
    body: Body
    pose: Pose
    camera: Camera
    garments: list[Garment]
    patterns: list[Pattern]
    standards: list[Pattern]
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
        plain: leave out light, folds and the camera's own part: cloth has its own colours.
    """
    body = body_model().sample(rng)
    heels = body.female and rng.random() < 0.3
    pose = sample_pose(body, rng, heels=heels)
    dresser = Dresser(body, fit(body), pose, rng)
    garments = _dress(dresser, heels, rng)
    camera = sample_camera(
        body, pose, dresser.layers[0].points, height, rng, one_piece=any(garment.label == DRESS for garment in garments)
    )
    skin = skin_tone(rng)
    sheets = _sheets(garments, dresser.patterns, skin, rng, real)
    scene = merged(dresser.layers, stacked(dresser.fields), np.stack(dresser.edges))
    px = look(scene, camera, dresser.patterns, body.charts.neck_z, height, width)
    _paint(px, body, garments, sheets, skin, rng, plain)
    image = px.colour if plain else lighting.lit(px, sheets, rng)
    like = sheets[-1].front[SHEET // 4 : -SHEET // 4].mean((0, 1)) if rng.random() < _LIKE_GROUND else None
    image = lighting.before_ground(image, px.which >= 0, draw_ground(rng, height, width, real, like), rng)
    image = image if plain else lighting.developed(image, rng)
    photo = np.clip(image, 0, 255).astype(np.uint8)
    return Take(photo, px.label, px.instance, px.flat, px.front, px.panel, body, pose, camera, garments,
                dresser.patterns, [as_in_catalogue(pattern) for pattern in dresser.patterns], sheets)  # fmt: skip


def _dress(dresser: Dresser, heels: bool, rng: np.random.Generator) -> list[Garment]:
    """Put an outfit, shoes, hair and things on a body."""
    garments = sample_outfit(dresser.fitting, dresser.body.female, dresser.pose.stance == "seated", rng)
    for index, garment in enumerate(garments):
        dresser.put_on(garment, index)
        add_collar(dresser, garment, index, rng)
    if any(garment.leg > -5 or "coat" in garment.kind for garment in garments) and rng.random() < 0.7:
        dresser.hide_hands()
    add_shoes(dresser, rng, heels=heels)
    add_hair(dresser, rng)
    add_things(dresser, rng)
    return garments


def _sheets(
    garments: list[Garment], patterns: list[Pattern], skin: np.ndarray, rng: np.random.Generator, real: RealCloth | None
) -> list[Sheet]:
    """Draw each garment's cloth; a suit's pieces share theirs."""
    sheets: list[Sheet] = []
    last = garment_colour(rng)
    for garment, pattern in zip(garments, patterns, strict=True):
        k = rng.random()
        base = near(rng, last) if k < _LIKE_THE_LAST else garment_colour(rng)
        base = near(rng, skin) if k > 1 - _LIKE_SKIN else base
        state = np.random.default_rng(int(rng.integers(2**31)))
        twin = next((sheets[i].tile for i in range(len(sheets)) if garments[i].cloth == garment.cloth == "suit"), None)
        sheets.append(draw_sheet(garment, pattern, state, real, base, twin))
        last = base
    return sheets


def _paint(
    px: Pixels, body: Body, garments: list[Garment], sheets: list[Sheet], skin: np.ndarray, rng: np.random.Generator,
    plain: bool
) -> None:  # fmt: skip
    """Colour every pixel, and settle what is no garment after all."""
    dye(px, sheets, skin, hair_colour(rng, body.age), rng)
    see_through(px, garments, skin)
    details.paint_face(px, body, rng)
    if not plain:
        details.paint_edges(px, rng)
    details.paint_front(px, garments, rng)
    details.paint_strap(px, rng)
    details.paint_shoes(px, body, rng)
    px.instance[~np.isin(px.label, GARMENT_LABELS)] = -1
