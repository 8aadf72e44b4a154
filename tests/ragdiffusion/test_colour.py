"""Colour difference and matching against published pairs, a trusted library and small pictures."""

from __future__ import annotations

import pytest
import torch

from ragdiffusion.colour import delta_e_2000, lab_to_srgb, match_colours, mean_colour, srgb_to_lab

# Sharma, Wu, Dalal (2005), Table 1: hue wrap-around, grey, blue rotation, large differences.
_PUBLISHED = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, 3.1571, -77.2803), (50.0, 0.0, -82.7485), 2.8615),
    ((50.0, 2.8361, -74.0200), (50.0, 0.0, -82.7485), 3.4412),
    ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0000),
    ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0009), 7.1792),
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0011), 7.2195),
    ((50.0, -0.0010, 2.4900), (50.0, 0.0009, -2.4900), 4.8045),
    ((50.0, -0.0010, 2.4900), (50.0, 0.0011, -2.4900), 4.7461),
    ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((50.0, 2.5, 0.0), (61.0, -5.0, 29.0), 22.8977),
    ((50.0, 2.5, 0.0), (56.0, -27.0, -3.0), 31.9030),
    ((50.0, 2.5, 0.0), (58.0, 24.0, 15.0), 19.4535),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((63.0109, -31.0961, -5.8663), (62.8187, -29.7946, -4.0864), 1.2630),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((90.9257, -0.5406, -0.9208), (88.6381, -0.8985, -0.7239), 1.5381),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("first", "second", "expected"), _PUBLISHED)
def test_delta_e_matches_the_published_pairs(first, second, expected: float) -> None:
    one, other = torch.tensor([first], dtype=torch.float64), torch.tensor([second], dtype=torch.float64)
    assert float(delta_e_2000(one, other)) == pytest.approx(expected, abs=5e-5)
    assert float(delta_e_2000(other, one)) == pytest.approx(expected, abs=5e-5)
    assert float(delta_e_2000(one, one)) == 0


def test_lab_and_delta_e_match_scikit_image() -> None:
    color = pytest.importorskip("skimage.color")
    generator = torch.Generator().manual_seed(0)
    first, second = torch.rand(2, 2, 3, 40, 50, generator=generator, dtype=torch.float64)
    ours = srgb_to_lab(first * 2 - 1)
    theirs = color.rgb2lab(first.permute(0, 2, 3, 1).numpy())
    torch.testing.assert_close(ours.permute(0, 2, 3, 1), torch.from_numpy(theirs), atol=0.02, rtol=0)
    difference = delta_e_2000(ours, srgb_to_lab(second * 2 - 1))
    wanted = color.deltaE_ciede2000(
        ours.permute(0, 2, 3, 1).numpy(), srgb_to_lab(second * 2 - 1).permute(0, 2, 3, 1).numpy()
    )
    torch.testing.assert_close(difference, torch.from_numpy(wanted), atol=1e-9, rtol=0)


def test_lab_of_known_colours() -> None:
    colours = torch.tensor([[1.0, 1, 1], [-1, -1, -1], [1, -1, -1], [-1, -1, 1]]).view(4, 3, 1, 1)
    wanted = torch.tensor([[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20], [32.30, 79.19, -107.86]])
    torch.testing.assert_close(srgb_to_lab(colours)[..., 0, 0].float(), wanted, atol=0.01, rtol=0)


def test_delta_e_refuses_other_shapes() -> None:
    with pytest.raises(ValueError, match=r"\(N, 3, \.\.\.\) wanted, got \(2, 3\) and \(3, 3\)"):
        delta_e_2000(torch.zeros(2, 3), torch.zeros(3, 3))
    with pytest.raises(ValueError, match=r"\(2, 4\)"):
        delta_e_2000(torch.zeros(2, 4), torch.zeros(2, 4))


def test_mean_colour_looks_inside_the_mask_only() -> None:
    lab = torch.zeros(1, 3, 2, 2)
    lab[0, :, 0, 0] = torch.tensor([10.0, 20.0, 30.0])
    lab[0, :, 0, 1] = torch.tensor([30.0, 0.0, -30.0])
    lab[0, :, 1] = 99
    masks = torch.tensor([[[1.0, 0.6], [0.5, 0.0]]])
    assert mean_colour(lab, masks).tolist() == [[20, 10, 0]]
    with pytest.raises(ValueError, match="empty"):
        mean_colour(lab, masks * 0.5)


def test_lab_and_back() -> None:
    colours = torch.rand(2, 3, 20, 20, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2 - 1
    torch.testing.assert_close(lab_to_srgb(srgb_to_lab(colours)), colours, atol=1e-5, rtol=0)
    beyond = torch.tensor([60.0, 120.0, 120.0]).view(1, 3, 1, 1)
    assert float(lab_to_srgb(beyond).max()) == pytest.approx(1), "what sRGB lacks is clipped"


def test_a_match_gives_the_photos_mean_and_leaves_the_rest_alone() -> None:
    generator = torch.Generator().manual_seed(2)
    photo = torch.rand(1, 3, 12, 12, generator=generator) * 0.3 + torch.tensor([0.1, -0.4, -0.6]).view(1, 3, 1, 1)
    picture = torch.rand(1, 3, 8, 8, generator=generator) * 0.3 + torch.tensor([-0.2, -0.1, 0.2]).view(1, 3, 1, 1)
    mask = torch.zeros(1, 8, 8)
    mask[:, 2:6, 2:6] = 1
    photo_mask = torch.zeros(1, 12, 12)
    photo_mask[:, :6] = 1
    match = match_colours(picture, mask, photo=photo, photo_mask=photo_mask)
    wanted = mean_colour(srgb_to_lab(photo), photo_mask)
    before = delta_e_2000(mean_colour(srgb_to_lab(picture), mask), wanted)
    assert match.before == pytest.approx(float(before)) and match.before > 10
    assert match.after < 0.3
    torch.testing.assert_close(mean_colour(srgb_to_lab(match.image), mask), wanted, atol=0.3, rtol=0)
    outside = (mask == 0)[:, None].expand_as(picture)
    torch.testing.assert_close(match.image[outside], picture[outside])


def test_a_match_with_itself_changes_nothing_and_plain_cloth_keeps_its_grain() -> None:
    picture = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(3)) - 0.5
    whole = torch.ones(1, 8, 8)
    same = match_colours(picture, whole, photo=picture, photo_mask=whole)
    assert same.before == 0 and same.after < 1e-3
    torch.testing.assert_close(same.image, picture, atol=1e-4, rtol=0)
    plain = torch.full((1, 3, 8, 8), 0.25)
    flat = match_colours(picture * 0.01, whole, photo=plain, photo_mask=whole)
    assert torch.isfinite(flat.image).all() and flat.after < 0.3


def test_an_empty_mask_is_refused() -> None:
    picture, whole = torch.zeros(1, 3, 4, 4), torch.ones(1, 4, 4)
    for mask, photo_mask in ((whole * 0.5, whole), (whole, whole * 0)):
        with pytest.raises(ValueError, match="a mask is empty"):
            match_colours(picture, mask, photo=picture, photo_mask=photo_mask)
