"""Masks as other tools write them, and photos that are cut out already."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ragdiffusion.cutouts import continued
from ragdiffusion.draft.appearance_flow import FlowPrediction
from ragdiffusion.draft.garment_view import GarmentView
from ragdiffusion.images import cut_to_frame, lies_over, load_mask, load_photo, load_photo_and_alpha

GARMENT = np.zeros((80, 60), bool)
GARMENT[10:70, 20:44] = True


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def labelled(mode: str, ground: object, garment: object) -> Image.Image:
    """The garment in any two values."""
    image = Image.new(mode, (60, 80), ground)
    image.paste(garment, (20, 10, 44, 70))
    return image


def palette(ground: tuple[int, int, int], garment: tuple[int, int, int], *, first: int = 0) -> Image.Image:
    """A picture of numbers: the garment is 1 where the ground is 0, or the other way round."""
    image = labelled("P", first, 1 - first)
    colours = [ground, garment] if first == 0 else [garment, ground]
    image.putpalette([level for colour in colours for level in colour])
    return image


@pytest.mark.parametrize(
    "picture",
    [
        labelled("L", 0, 1),
        labelled("L", 0, 255),
        labelled("L", 0, 100),
        labelled("L", 2, 7),
        labelled("1", 0, 1),
        Image.fromarray(GARMENT.astype(np.uint16)),
        labelled("I;16", 0, 65535),
        labelled("RGB", (0, 0, 0), (128, 0, 0)),  # a colour for each class
        labelled("RGB", (0, 0, 0), (20, 40, 250)),
        labelled("RGBA", (0, 0, 0, 255), (250, 50, 83, 255)),
        palette((0, 0, 0), (128, 0, 0)),
        palette((120, 120, 120), (0, 40, 0)),  # number 0 is the ground, whatever it looks like
        palette((0, 0, 0), (255, 255, 255), first=1),  # a palette of black and white in any order
    ],
    ids="01 0-255 0-100 two-labels 1-bit deep01 deep red blue opaque-rgba voc dark white-first".split(),
)
def test_two_values_of_any_kind_are_a_mask(picture: Image.Image) -> None:
    np.testing.assert_array_equal(load_mask(encoded(picture)), GARMENT)


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "I;16"])
def test_maps_of_several_labels_are_explained(mode: str) -> None:
    colours = [(0, 0, 0), (128, 0, 0), (0, 128, 0)] if mode == "RGB" else [0, 1, 2]
    image = labelled(mode, colours[0], colours[1])
    image.paste(colours[2], (0, 72, 60, 80))
    if mode == "P":
        image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    elif mode == "I;16":
        image = Image.fromarray(np.where(GARMENT, 5, np.arange(60) % 2).astype(np.uint16))
    with pytest.raises(ValueError, match="^map.png is a map of 3 labels: keep the garment's, in white, and make"):
        load_mask(encoded(image), name="map.png")


@pytest.mark.parametrize("garment", [(128, 0, 0), (20, 40, 250), (255, 200, 0)])
@pytest.mark.parametrize("quality", [40, 90])
def test_a_compressed_map_of_two_colours_is_a_mask(garment: tuple[int, int, int], quality: int) -> None:
    large = labelled("RGB", (0, 0, 0), garment).resize((240, 320), Image.Resampling.NEAREST)
    mask = load_mask(encoded(large, "JPEG", quality=quality))
    wrong = mask != np.asarray(Image.fromarray(GARMENT).resize((240, 320), Image.Resampling.NEAREST))
    assert wrong.mean() < 0.01


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_photo_in_place_of_a_mask_is_named(kind: str, make_photo) -> None:
    with pytest.raises(ValueError, match=r"^shirt\.jpg is of many colours, as photos are: give a mask that is white"):
        load_mask(encoded(make_photo(2), kind), name="shirt.jpg")
    with pytest.raises(ValueError, match=r"^shirt\.jpg is grey for the most part, as photos are: give a mask"):
        load_mask(encoded(make_photo(2).convert("L"), kind), name="shirt.jpg")


def test_soft_masks_stay_soft() -> None:
    levels = np.where(GARMENT, 255, 0).astype(np.uint8)
    levels[10:70, 18:20] = 90
    np.testing.assert_allclose(load_mask(encoded(Image.fromarray(levels))), levels / np.float32(255), atol=1e-6)


def test_an_inverted_mask_is_offered_to_be_turned_round() -> None:
    inverted = Image.fromarray(~GARMENT)
    with pytest.raises(ValueError, match=r"^m\.png looks inverted, .* the garment is white \(invert=True or --invert-"):
        load_mask(encoded(inverted), name="m.png")
    np.testing.assert_array_equal(load_mask(encoded(inverted), invert=True), GARMENT)
    np.testing.assert_array_equal(load_mask(encoded(inverted), invert=False), ~GARMENT)
    rgba = np.dstack([np.full((80, 60, 3), 90, np.uint8), np.where(GARMENT, 0, 255).astype(np.uint8)])
    np.testing.assert_array_equal(load_mask(encoded(Image.fromarray(rgba)), invert=True), GARMENT)
    close_up = np.zeros((80, 60), bool)
    close_up[8:, 6:54] = True  # reaches the lower border, as a worn shirt may
    np.testing.assert_array_equal(load_mask(close_up), close_up)


# ---- masks that lie over the photo


def test_a_mask_over_the_photo_is_told_from_a_landmark() -> None:
    over = GARMENT.astype(np.float32)
    assert lies_over(over, (60, 80)) and lies_over(over, (240, 321))
    assert not lies_over(over, (80, 80)) and not lies_over(over, (80, 60))
    framed = np.asarray(cut_to_frame(over, 96))
    assert not lies_over(framed, (512, 512)), "a landmark beside a square photo"
    assert lies_over(np.pad(framed, 40), (512, 512))


def test_a_silhouette_is_cut_out_into_the_frame_by_hand() -> None:
    framed = cut_to_frame(GARMENT.astype(np.float32), 67)  # 60 pixels high, 24 wide: a square of 67 around (32, 40)
    assert framed.shape == (67, 67) and set(framed.unique().tolist()) == {0.0, 1.0}
    rows, columns = framed.nonzero().T
    assert (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) == (4, 64, 22, 46)


def test_landmarks_from_other_tools(tiny_model, make_photo, tmp_path: Path) -> None:
    photo = make_photo(3).resize((180, 240))
    over = np.zeros((240, 180), np.float32)
    over[30:210, 60:132] = 1
    path = tmp_path / "segmented.png"
    Image.fromarray((over * 255).astype(np.uint8)).save(path)
    wanted = cut_to_frame(over, tiny_model.image_size)
    torch.testing.assert_close(tiny_model.landmark_from_mask(path, photo=photo), wanted)
    half = Image.fromarray((over * 255).astype(np.uint8)).resize((90, 120), Image.Resampling.NEAREST)
    torch.testing.assert_close(tiny_model.landmark_from_mask(half, photo=photo), wanted, atol=0.5, rtol=0)
    with pytest.raises(ValueError, match=r"segmented\.png is 180x240: .*given with the photo that it lies over"):
        tiny_model.landmark_from_mask(path)
    with pytest.raises(ValueError, match="of the shape of the photo that it lies over, 100x100"):
        tiny_model.landmark_from_mask(path, photo=make_photo(3).resize((100, 100)))
    inverted = Image.fromarray((255 - over * 255).astype(np.uint8))
    torch.testing.assert_close(tiny_model.landmark_from_mask(inverted, photo=photo, invert=True), wanted)


# ---- cut-outs


def cut_out(colour: tuple[int, int, int], *, inside: int = 255) -> Image.Image:
    alpha = np.where(GARMENT, inside, 0).astype(np.uint8)
    return Image.fromarray(np.dstack([np.full((80, 60, 3), colour, np.uint8), alpha]))


@pytest.mark.parametrize(
    ("colour", "ground"), [((250, 250, 250), 160), ((20, 20, 20), 255), ((200, 30, 30), 255), ((255, 250, 230), 160)]
)
def test_a_cut_out_lies_on_a_ground_of_contrast(colour: tuple[int, int, int], ground: int) -> None:
    photo = load_photo(encoded(cut_out(colour)))
    assert photo.getpixel((30, 40)) == colour and photo.getpixel((2, 2)) == (ground,) * 3


def test_alpha_comes_with_the_photo_where_it_says_something() -> None:
    photo, alpha = load_photo_and_alpha(encoded(cut_out((200, 30, 30), inside=102)))
    assert photo.size == (60, 80)
    np.testing.assert_allclose(alpha, GARMENT * np.float32(0.4), err_msg="sheer cloth keeps its opacity")
    assert load_photo_and_alpha(encoded(cut_out((200, 30, 30), inside=25)))[1] is None, "a shadow is no garment"
    assert load_photo_and_alpha(encoded(Image.new("RGB", (60, 80))))[1] is None
    rounded = np.full((80, 60, 4), 255, np.uint8)
    rounded[0, 0, 3] = rounded[79, 59, 3] = 0
    photo, alpha = load_photo_and_alpha(rounded)
    assert alpha is None and photo.getpixel((0, 0)) == (255, 255, 255)


def test_a_turned_cut_out_turns_its_alpha() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo, alpha = load_photo_and_alpha(encoded(cut_out((200, 30, 30)), exif=exif))
    assert photo.size == (80, 60)
    np.testing.assert_array_equal(alpha > 0.5, np.rot90(GARMENT, -1))


def test_alpha_is_the_garments_mask(tiny_model) -> None:
    picture = cut_out((240, 240, 240), inside=102)
    sight = tiny_model.see(picture)
    assert sight.garment.source == "alpha"
    np.testing.assert_allclose(sight.alpha, GARMENT * np.float32(0.4))
    size = sight.garment.mask.shape[0]
    rows, columns = np.nonzero(sight.garment.mask > 0.5)
    expected = [10 / 80, 70 / 80, (20 + 10) / 80, (44 + 10) / 80]  # padded by 10 on the left
    found = [rows.min() / size, (rows.max() + 1) / size, columns.min() / size, (columns.max() + 1) / size]
    assert found == pytest.approx(expected, abs=0.02)
    given = tiny_model.see(picture, np.pad(np.ones((30, 30), np.float32), ((20, 30), (15, 15))))
    assert given.garment.source == "given", "who names a garment means it"
    assert tiny_model.see(sight) is sight


def test_the_case_of_a_white_shirt(cases: Path) -> None:
    photo, alpha = load_photo_and_alpha(cases / "alpha" / "white_transparent.png")
    pixels = np.asarray(photo).astype(int)
    edge = (alpha > 0.99) & ~(np.roll(alpha, 6, 1) > 0.99)
    apart = np.abs(pixels[edge].mean(0) - pixels[alpha < 0.01].mean(0))
    assert apart.max() > 40, "the shirt's edge can be seen"


# ---- sheer cloth


def sheer(opacity: int, colour: tuple[int, int, int]) -> Image.Image:
    """A cut-out that fills nearly all of its photo."""
    alpha = np.zeros((96, 96), np.uint8)
    alpha[2:94, 2:94] = opacity
    return Image.fromarray(np.dstack([np.full((96, 96, 3), colour, np.uint8), alpha]))


@pytest.fixture
def laid(tiny_model, monkeypatch: pytest.MonkeyPatch):
    """The tiny model with a flow that lays every point where it is, and sees all of it."""

    def found(photo: torch.Tensor, landmark: torch.Tensor, garment: GarmentView | None = None) -> FlowPrediction:
        flow = torch.nn.functional.affine_grid(torch.eye(2, 3)[None], [1, 1, 32, 32], align_corners=False)
        sure = torch.full((1, 1, 32, 32), 20.0)
        return FlowPrediction((flow.permute(0, 3, 1, 2),), visibility=sure, garment=sure)

    monkeypatch.setattr(tiny_model.pipeline, "find_flow", found)
    return tiny_model


def test_opacity_goes_on_beyond_the_cloth_and_through_its_soft_rim() -> None:
    alpha = np.zeros((40, 40), np.float32)
    alpha[10:30, 10:20], alpha[10:30, 20:30] = 0.4, 0.9
    alpha[9, 10:30] = alpha[30, 10:30] = 0.3  # the rim
    wanted = np.where(np.arange(40) < 20, 0.4, 0.9).astype(np.float32)[None].repeat(40, 0)
    np.testing.assert_array_equal(continued(alpha), wanted)


def test_sheer_cloth_keeps_its_opacity_and_opaque_cloth_has_the_silhouettes(laid, make_photo) -> None:
    tiny_model = laid
    landmark = tiny_model.retrieve(make_photo(3)).landmark
    silhouette = np.asarray(tiny_model.silhouette(landmark, 96)).astype(float)
    for photo in (make_photo(3), sheer(255, (90, 40, 40))):
        np.testing.assert_allclose(np.asarray(tiny_model.opacity(photo, landmark, 96)), silhouette, atol=1)
    thin = np.asarray(tiny_model.opacity(sheer(102, (90, 40, 40)), landmark, 96)).astype(float)
    np.testing.assert_allclose(thin, silhouette * 0.4, atol=2)


@pytest.mark.parametrize("colour", [(250, 250, 250), (20, 20, 20)])
def test_white_shines_through_sheer_cloth_on_any_ground(laid, make_photo, colour: tuple[int, int, int]) -> None:
    photo, tiny_model = sheer(102, colour), laid
    sight = tiny_model.see(photo)
    assert sight.ground == pytest.approx(160 / 255 if colour[0] == 250 else 1)
    landmark = tiny_model.retrieve(make_photo(3)).landmark
    draft = np.asarray(tiny_model.draft(sight, landmark).images[0])[..., 0]
    cloth = draft[landmark.numpy() == 1]
    assert np.median(cloth) == pytest.approx(0.4 * colour[0] + 0.6 * 255, abs=3)
