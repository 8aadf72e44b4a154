"""The Resampler against attention written out, and what it does not depend on."""

from __future__ import annotations

import pytest
import torch

from ragdiffusion.resampler import Resampler


@pytest.fixture
def resampler() -> Resampler:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Resampler(in_dim=6, dim=8, out_dim=5, depth=2, heads=2, queries=3).double()


@pytest.fixture
def sequence() -> torch.Tensor:
    return torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def _written_out(net: Resampler, sequence: torch.Tensor) -> torch.Tensor:
    """One row (L, in_dim), query by query and head by head."""
    sequence, tokens = net.proj_in(sequence), net.queries[0]
    for layer in net.layers:
        normed = layer.norm_queries(tokens)
        context = torch.cat([layer.norm_sequence(sequence), normed])
        keys, values = (context @ part.T for part in layer.to_kv.weight.chunk(2))
        gathered = []
        for query in normed @ layer.to_q.weight.T:
            heads = []
            for head in range(layer.heads):
                own = slice(4 * head, 4 * head + 4)
                weights = torch.softmax(keys[:, own] @ query[own] / 4**0.5, 0)
                heads.append(weights @ values[:, own])
            gathered.append(torch.cat(heads))
        tokens = tokens + torch.stack(gathered) @ layer.to_out.weight.T
        tokens = tokens + layer.mlp(tokens)
    return net.norm_out(net.proj_out(tokens))


@torch.no_grad()
def test_it_is_attention_written_out(resampler, sequence):
    found = resampler(sequence)
    for row in range(2):
        torch.testing.assert_close(found[row], _written_out(resampler, sequence[row]))


@torch.no_grad()
def test_the_order_of_the_sequence_does_not_matter_its_content_does(resampler, sequence):
    found = resampler(sequence)
    torch.testing.assert_close(resampler(sequence[:, [2, 0, 3, 1]]), found)
    assert not torch.allclose(resampler(sequence.flip(-1)), found, atol=1e-2)
    assert not torch.allclose(found[:, 0], found[:, 1], atol=1e-2)


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ValueError, match="3 heads do not divide a width of 8"):
        Resampler(in_dim=6, dim=8, out_dim=5, depth=1, heads=3, queries=2)
