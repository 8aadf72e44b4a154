"""NetworkParser: scales, near looks, garments at the photo's own size."""

from __future__ import annotations

import types

import numpy as np
import pytest
import torch
from PIL import Image

from ragdiffusion.images import pad_to_square
from ragdiffusion.parsing.labels import LABEL, LABELS
from ragdiffusion.parsing.network import GarmentParser
from ragdiffusion.parsing.parser import NetworkParser, coarse_to_fine, parse_of
from ragdiffusion.parsing.parser_finder import ParserFinder
from tests.ragdiffusion.parsing.conftest import sure_of

RED, BLUE, WHITE = (220, 30, 30), (30, 30, 220), (250, 250, 250)


def _photo(size: tuple[int, int] = (90, 120)) -> np.ndarray:
    """A red top over a blue skirt on white."""
    width, height = size
    pixels = np.full((height, width, 3), WHITE, np.uint8)
    pixels[height // 4 : height // 2, width // 4 : 3 * width // 4] = RED
    pixels[height // 2 : height - 8, width // 4 : 3 * width // 4] = BLUE
    return pixels


def _by_colour(picture: np.ndarray) -> np.ndarray:
    """A labeller that sees colours, at a quarter of the picture's size."""
    small = picture[2::4, 2::4].astype(int)
    labels = np.zeros(small.shape[:2], np.uint8)
    labels[(small[..., 0] > 150) & (small[..., 2] < 120)] = LABEL["upper"]
    labels[(small[..., 2] > 150) & (small[..., 0] < 120)] = LABEL["lower"]
    return sure_of(labels)


def test_garments_have_the_photos_own_size_and_edges() -> None:
    pixels = _photo()
    parse = parse_of(_by_colour(pixels), pixels)
    assert [garment.name for garment in parse.instances] == ["lower", "upper"] and parse.photo_size == (90, 120)
    top = parse.instances[1].mask > 0.5
    true = (pixels == RED).all(-1)
    assert (top & true).sum() / (top | true).sum() > 0.97
    assert 0.92 < parse.instances[0].confidence < 0.97  # the network says 0.92, and the colours agree


def test_probabilities_lie_as_the_padded_photo_does() -> None:
    pixels = _photo()
    parse = parse_of(_by_colour(pixels), pixels)
    square = np.asarray(pad_to_square(Image.fromarray(pixels)).resize((256, 256), Image.Resampling.BOX)).astype(int)
    red = (square[..., 0] > 200) & (square[..., 2] < 60)
    assert parse.probabilities.shape == (9, 256, 256)
    assert (parse.labels[red] == LABEL["upper"]).mean() > 0.97
    np.testing.assert_allclose(parse.probabilities.sum(0), 1, atol=1e-4)
    assert (parse.labels[:, :30] == 0).all()  # the padding


def test_a_small_figure_is_looked_at_again_from_near() -> None:
    pixels = np.full((400, 400, 3), WHITE, np.uint8)
    pixels[300:360, 60:90] = RED
    seen = []

    def label(picture: np.ndarray) -> np.ndarray:
        seen.append(picture.shape)
        factor = 64 / max(picture.shape[:2])
        rows, columns = (
            np.minimum(((np.arange(round(side * factor)) + 0.5) / factor).astype(int), side - 1)
            for side in picture.shape[:2]
        )
        small = picture[rows][:, columns].astype(int)
        return sure_of(np.where((small[..., 0] > 150) & (small[..., 2] < 120), LABEL["upper"], 0).astype(np.uint8))

    likely = coarse_to_fine(pixels, label)
    assert seen[0] == (400, 400, 3) and len(seen) == 2 and max(seen[1]) < 140
    assert max(likely.shape[1:]) == 400
    found, true = likely.argmax(0) == LABEL["upper"], (pixels == RED).all(-1)
    assert (found & true).sum() / (found | true).sum() > 0.9  # one pixel of the first look is six of the photo


def test_a_large_figure_is_looked_at_once() -> None:
    calls = []
    coarse_to_fine(_photo(), lambda picture: calls.append(1) or _by_colour(picture))
    assert calls == [1]


def _near_sighted(picture: np.ndarray) -> np.ndarray:
    """Sees 40 pixels along the longer side, and of red only what is a seventh of that."""
    scale = 40 / max(picture.shape[:2])
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    rows, columns = (np.linspace(0, n - 1, m).astype(int) for n, m in zip(picture.shape, (height, width), strict=False))
    red = (picture[rows][:, columns] == RED).all(-1)
    seen = red if red.any(0).sum() * 7 >= 40 or red.any(1).sum() * 7 >= 40 else np.zeros_like(red)
    return sure_of(np.where(seen, LABEL["upper"], 0).astype(np.uint8))


@pytest.mark.parametrize("place", [0, 110, 400, 735])
@pytest.mark.parametrize("upright", [False, True])
def test_what_a_strip_hides_from_one_look_is_found_piece_by_piece(place: int, upright: bool) -> None:
    """Of ten to one, at its ends and in the middle; and where it is."""
    pixels = np.full((80, 800, 3), WHITE, np.uint8)
    pixels[10:70, place : place + 60] = RED
    pixels = np.ascontiguousarray(pixels.transpose(1, 0, 2)) if upright else pixels
    assert not _near_sighted(pixels).argmax(0).any(), "all at once it is too small"
    likely = coarse_to_fine(pixels, _near_sighted)
    np.testing.assert_allclose(likely.sum(0), 1, atol=1e-4)
    true = (pixels == RED).all(-1)
    found = parse_of(likely, pixels).instances
    assert [garment.name for garment in found] == ["upper"]
    mask = found[0].mask > 0.5
    assert (mask & true).sum() / (mask | true).sum() > 0.8


def test_what_is_longer_than_a_piece_of_a_strip_is_seen_whole() -> None:
    pixels, calls = np.full((80, 400, 3), WHITE, np.uint8), []
    pixels[10:70, 100:300] = RED
    coarse_to_fine(pixels, lambda picture: calls.append(picture.shape) or _by_colour(picture))
    assert calls == [(80, 400, 3)]


def test_nothing_there_is_nothing_found() -> None:
    pixels = np.full((50, 50, 3), WHITE, np.uint8)
    assert parse_of(_by_colour(pixels), pixels).instances == ()


@pytest.mark.parametrize("size", [(90, 120), (120, 37), (33, 33), (500, 40)])
def test_the_network_takes_photos_of_any_shape(tiny_parser: GarmentParser, size: tuple[int, int]) -> None:
    photo = Image.fromarray(_photo(size))
    parser = NetworkParser(tiny_parser)
    likely = parser.label(np.asarray(photo))
    scale = 32 / max(size)
    assert likely.shape == (9, max(1, round(size[1] * scale)), max(1, round(size[0] * scale)))
    np.testing.assert_allclose(likely.sum(0), 1, atol=1e-4)
    assert parser.parse(photo).photo_size == size


class _Told:
    """A network that sees one label everywhere, and which sizes it was shown."""

    def __init__(self, label: str) -> None:
        self.label, self.shown, self.calls, self.multiple, self.dtype = label, [], 0, 8, torch.float32
        self.config = types.SimpleNamespace(input_size=32)

    def parameters(self):
        yield torch.zeros(1)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        self.shown += [(tuple(picture.shape[1:]), float(picture[0, 0, 0])) for picture in x]
        self.calls += 1
        logits = torch.zeros(len(x), 9, *x.shape[2:])
        logits[:, LABEL[self.label]] = 9
        return logits


@pytest.mark.parametrize(("label", "size", "side"), [("skin", 64, 48), ("skin", 40, 40), ("upper", 64, 32)])
def test_photos_of_somebody_are_seen_larger_as_far_as_they_have_pixels(label: str, size: int, side: int) -> None:
    pixels = np.zeros((size, size, 3), np.uint8)
    pixels[:, size // 2 :] = 255
    network = _Told(label)
    likely = NetworkParser(network).label(pixels)
    assert network.shown == [((32, 32), 1.0), ((side, side), -1.0)], "first mirrored, then as it is"
    assert likely.shape == (9, 32, 32)
    np.testing.assert_allclose(likely.sum(0), 1, atol=1e-4)


def test_a_small_photo_is_seen_both_ways_in_one_call() -> None:
    pixels = np.zeros((32, 24, 3), np.uint8)
    pixels[:, 12:] = 255
    network = _Told("skin")
    assert NetworkParser(network).label(pixels).shape == (9, 32, 24)
    assert network.calls == 1 and network.shown == [((32, 24), -1.0), ((32, 24), 1.0)]


def test_the_labels_of_the_newest_photo_are_kept() -> None:
    first, second = (Image.fromarray(pixels) for pixels in (_photo((64, 48)), 255 - _photo((64, 48))))
    network = _Told("upper")
    parser = NetworkParser(network)
    parser.parse(first)
    seen = network.calls
    kept = parser.label(np.asarray(first))
    assert network.calls == seen and not kept.flags.writeable
    parser.parse(second)
    seen = network.calls
    parser.label(np.asarray(second))
    assert network.calls == seen, "it is the newest now"
    np.testing.assert_array_equal(parser.label(np.asarray(first)), kept)
    assert network.calls == seen + 2


def test_a_mirrored_photo_is_labelled_mirrored(tiny_parser: GarmentParser) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    parser = NetworkParser(tiny_parser)
    torch.testing.assert_close(
        parser.label(pixels[:, ::-1]), parser.label(pixels)[:, :, ::-1].copy(), rtol=0, atol=1e-5
    )


def test_half_precision_weights_are_used_as_they_are(tiny_parser: GarmentParser) -> None:
    pixels = _photo()
    exact = NetworkParser(tiny_parser).label(pixels)
    np.testing.assert_allclose(NetworkParser(tiny_parser.half()).label(pixels), exact, atol=0.02)


def test_only_rgb(tiny_parser: GarmentParser) -> None:
    with pytest.raises(ValueError, match="the mode is L: read it with load_photo"):
        NetworkParser(tiny_parser).parse(Image.new("L", (40, 40)))


class _Drawn:
    """A parser of the photo above."""

    def parse(self, photo: Image.Image, *, point: tuple[float, float] | None = None):  # noqa: ANN201
        pixels = np.asarray(photo)
        return parse_of(_by_colour(pixels), pixels)


def test_the_finder_gives_the_garment_that_is_meant_on_the_padded_square() -> None:
    photo = Image.fromarray(_photo())
    finder = ParserFinder(_Drawn(), size=120)
    skirt = finder.find(photo, "lower")
    assert (skirt.source, skirt.name) == ("parser", "lower")
    pixels = np.asarray(pad_to_square(photo.crop(skirt.crop)).resize((120, 120), Image.Resampling.NEAREST))
    true = (pixels == BLUE).all(-1)
    assert skirt.mask.shape == (120, 120) and ((skirt.mask > 0.5) & true).sum() / true.sum() > 0.97
    assert finder.find(photo).name == "upper" and finder.find(photo, (45, 100)).name == "lower"
    given = finder.find(photo, np.ones((120, 90), np.float32))
    assert given.source == "given" and len(LABELS) == 9
