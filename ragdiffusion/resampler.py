"""The Resampler of IP-Adapter: learned queries gather a sequence by attention, layer after layer."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class _GatherLayer(nn.Module):
    """Queries attend to sequence and queries together, then an MLP."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_sequence, self.norm_queries = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.to_q = nn.Linear(dim, dim, bias=False)
        self.to_kv = nn.Linear(dim, 2 * dim, bias=False)
        self.to_out = nn.Linear(dim, dim, bias=False)
        self.mlp = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, sequence: torch.Tensor, queries: torch.Tensor) -> torch.Tensor:
        normed = self.norm_queries(queries)
        context = torch.cat([self.norm_sequence(sequence), normed], 1)  # (B, L + N, dim)
        q, k, v = (
            t.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for t in (self.to_q(normed), *self.to_kv(context).chunk(2, -1))
        )  # (B, heads, ., d)
        gathered = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        queries = queries + self.to_out(gathered)
        return queries + self.mlp(queries)


class Resampler(nn.Module):
    """A sequence to a fixed number of tokens.

    Args:
        in_dim: width of the sequence.
        dim: width inside.
        out_dim: width of the tokens.
        depth: attention layers, each with an MLP.
        heads: attention heads; must divide `dim`.
        queries: N, number of tokens.

    Raises:
        ValueError: if `heads` does not divide `dim`.
    """

    def __init__(self, *, in_dim: int, dim: int, out_dim: int, depth: int, heads: int, queries: int) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"Resampler: {heads} heads do not divide a width of {dim}")
        self.queries = nn.Parameter(torch.randn(1, queries, dim) * dim**-0.5)
        self.proj_in = nn.Linear(in_dim, dim)
        self.layers = nn.ModuleList(_GatherLayer(dim, heads) for _ in range(depth))
        self.proj_out = nn.Linear(dim, out_dim)
        self.norm_out = nn.LayerNorm(out_dim)

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        """(B, L, in_dim) -> (B, N, out_dim)."""
        sequence = self.proj_in(sequence)
        tokens = self.queries.expand(len(sequence), -1, -1)
        for layer in self.layers:
            tokens = layer(sequence, tokens)
        return self.norm_out(self.proj_out(tokens))
