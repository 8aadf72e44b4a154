"""What a photo hides of a garment goes on from what it shows."""

from __future__ import annotations

import pytest
import torch

from ragdiffusion.draft.completion import complete
from ragdiffusion.draft.detail import fill_hidden, gaussian_blur


def striped(side: int) -> torch.Tensor:
    """Three broad stripes from top to bottom."""
    across = torch.linspace(0, 3 * torch.pi, side).sin() * 0.6
    return across.expand(1, 3, side, side).clone()


def seen_above(side: int) -> torch.Tensor:
    """Cloth of which the upper two fifths are seen."""
    known = torch.zeros(1, 1, side, side)
    known[:, :, : side * 2 // 5] = 1
    return known


@pytest.mark.parametrize("side", [64, 256, 400])
def test_what_is_seen_stays_and_stripes_go_on(side: int) -> None:
    image, known = striped(side), seen_above(side)
    done = complete(image * known, known)
    assert torch.equal(done * known, image * known)
    below = slice(side * 2 // 5, side * 4 // 5)
    error = (done - image)[:, :, below].abs().mean()
    before = (fill_hidden(image * known, known) - image)[:, :, below].abs().mean()
    assert error < 0.5 * before


@pytest.mark.parametrize("side", [128, 512])
def test_the_grain_of_cloth_goes_on(side: int) -> None:
    image = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0)) * 0.05
    known = seen_above(side)
    done = complete(image * known, known)
    detail = done - gaussian_blur(done, side / 64)
    above, below = detail[:, :, : side * 2 // 5].std(), detail[:, :, side // 2 :].std()
    assert 0.6 * above < below < 1.3 * above


def test_print_is_not_repeated() -> None:
    image, known = torch.full((1, 3, 128, 128), -0.5), seen_above(128)
    image += torch.randn(image.shape, generator=torch.Generator().manual_seed(0)) * 0.01
    image[:, :, 44:48, 60:64] = 1.0  # a letter
    done = complete(image * known, known)
    assert float(done[:, :, 52:].max()) < 0.0


def test_a_hole_takes_the_colours_of_its_rim() -> None:
    image = torch.linspace(-1, 1, 128)[:, None].expand(1, 3, 128, 128).clone()
    known = torch.ones(1, 1, 128, 128)
    known[:, :, 50:70, 50:70] = 0
    done = complete(image * known, known)
    assert float((done - image).abs().max()) < 0.15


def test_half_known_is_half_kept() -> None:
    image, known = torch.ones(1, 3, 64, 64), torch.full((1, 1, 64, 64), 0.7)
    assert torch.allclose(complete(image, known), image, atol=1e-5)


def test_where_nothing_is_seen_it_is_as_before() -> None:
    image, known = torch.rand(2, 3, 64, 64), torch.full((2, 1, 64, 64), 0.2)
    assert torch.equal(complete(image, known), fill_hidden(image, known))


def test_stripes_go_on_and_wrinkles_do_not() -> None:
    across = torch.arange(128)
    known = seen_above(128)
    level = torch.where(across // 3 % 2 == 0, 0.4, -0.4)[:, None].expand(128, 128)
    wrinkles = torch.randn(1, 1, 128, 128, generator=torch.Generator().manual_seed(0))
    wrinkles = gaussian_blur(wrinkles, 1.5)[0, 0] * 0.5
    loud = {}
    for name, cloth in (("striped", level), ("wrinkled", wrinkles)):
        image = cloth[None, None].expand(1, 3, -1, -1)
        done = complete(image * known, known)
        detail = done - gaussian_blur(done, 2.0)
        loud[name] = float(detail[:, :, 70:].std() / detail[:, :, :45].std())
    assert loud["striped"] > 0.7 and loud["wrinkled"] < 0.35


def test_a_hidden_sleeve_is_coloured_as_the_other_one() -> None:
    image = torch.full((1, 3, 128, 128), -0.5)
    image[:, :, 40:90, :24] = image[:, :, 40:90, -24:] = 0.5
    known = torch.ones(1, 1, 128, 128)
    known[:, :, :, 88:] = 0  # with much of what lies beside it
    done = complete(image * known, known)
    assert float(done[:, :, 50:80, -16:].mean()) > 0.2
    assert float(done[:, :, 5:30, -16:].mean()) < -0.3
