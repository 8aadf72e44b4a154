"""MeasureNet."""

from __future__ import annotations

import pytest
import torch

from ragdiffusion.attributes import ATTRIBUTES
from ragdiffusion.structure.measure_net import MeasureNet


@pytest.fixture
def net() -> MeasureNet:
    torch.manual_seed(0)
    return MeasureNet(
        kind_names=["t_shirt", "trousers"],
        measure_names=["chest", "inseam", "hem"],
        centre=[0, 0, 0],
        spread=[1, 1, 1],
        input_size=32,
        widths=(8, 8, 16),
        hidden=16,
    ).eval()


def _inputs(count: int = 2, size: int = 32) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    rand = lambda channels: torch.rand(count, channels, size, size, generator=generator)  # noqa: E731
    return rand(3) * 2 - 1, rand(1), rand(9)


def test_untrained_it_says_nothing_and_is_unsure_of_all_alike(net) -> None:
    said = net(*_inputs())
    assert said.kinds.shape == (2, 2) and said.mean.shape == said.log_variance.shape == (2, 4)
    assert not said.kinds.any() and not said.mean.any() and not said.log_variance.any()
    assert [tuple(logits.shape) for logits in said.attributes] == [(2, len(a.values)) for a in ATTRIBUTES]


def test_each_input_matters_once_it_is_trained(net) -> None:
    torch.nn.init.normal_(net.measure_head.weight)
    inputs = _inputs()
    before = net(*inputs).mean
    for index in range(3):
        changed = list(inputs)
        changed[index] = 1 - changed[index]
        assert not torch.allclose(net(*changed).mean, before)


def test_it_is_saved_with_the_names_of_what_it_says(net, tmp_path) -> None:
    torch.nn.init.normal_(net.measure_head.weight)
    net.save_pretrained(tmp_path)
    again = MeasureNet.from_pretrained(tmp_path).eval()
    assert list(again.config.kind_names) == ["t_shirt", "trousers"] and list(again.config.measure_names) == [
        "chest",
        "inseam",
        "hem",
    ]
    torch.testing.assert_close(again(*_inputs()).mean, net(*_inputs()).mean)


def test_the_doubt_is_bounded(net) -> None:
    torch.nn.init.constant_(net.measure_head.bias, 1e6)
    assert net(*_inputs()).log_variance.max() <= 4


@pytest.mark.parametrize(
    ("keywords", "message"),
    [({"input_size": 30}, "input_size is 30, a multiple of 8"), ({"kind_names": []}, "names of kinds and measures")],
)
def test_what_cannot_be_built_is_refused(keywords, message) -> None:
    with pytest.raises(ValueError, match=message):
        MeasureNet(
            **{
                "kind_names": ["t_shirt"],
                "measure_names": ["chest"],
                "centre": [0],
                "spread": [1],
                "input_size": 32,
                "widths": (8, 8, 16),
                **keywords,
            }
        )


def test_wrong_sizes_are_refused(net) -> None:
    photo, mask, labels = _inputs()
    with pytest.raises(ValueError, match=r"labels is \(8, 32, 32\)"):
        net(photo, mask, labels[:, 1:])
