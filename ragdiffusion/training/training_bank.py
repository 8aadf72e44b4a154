"""The bank as ê's computation in training sees it: without the sample's own entries."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch

from ragdiffusion.bank import Bank
from ragdiffusion.retrieval.slle import barycentric_weights, fuse_embedding


@dataclass(frozen=True)
class TrainingBank:
    """The bank as ê's computation in training sees it.

    Attributes:
        embeddings: (N, D), of unit length.
        structures: (N,) int64, `structure_code` of what each entry shows; a sample's own entries are left out.
        k: neighbours of Eq. 2.
    """

    embeddings: torch.Tensor
    structures: torch.Tensor
    k: int = 4

    def fuse(self, query: torch.Tensor, own: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
        """ê of a batch.

        Args:
            query: (B, D).
            own: (B,) int64, `structure_code` of each sample.
            alpha: (B,) in [0, 1].
        """
        table = self.embeddings.to(query.device)
        similarity = query @ table.T  # (B, N)
        similarity = similarity.masked_fill(own[:, None] == self.structures.to(query.device), float("-inf"))
        neighbours = table[similarity.topk(min(self.k, len(table)), dim=1).indices]  # (B, K, D)
        weights = barycentric_weights(query, neighbours)
        return torch.cat(
            [
                fuse_embedding(q[None], n[None], w[None], float(a))
                for q, n, w, a in zip(query, neighbours, weights, alpha, strict=True)
            ]
        ).to(query.dtype)


def structure_code(name: str) -> int:
    """A structure's name as a number that is the same everywhere, so that it can lie in a tensor."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


def training_bank(bank: Bank) -> TrainingBank:
    """The enabled entries of a bank; an entry's source, `collection:name` or `collection:name+variant`, names what it
    shows."""
    ids, embeddings = bank.embeddings()
    codes = {
        entry.id: structure_code(entry.source.partition(":")[2].partition("+")[0])
        for entry in bank.entries(enabled=True)
    }
    return TrainingBank(embeddings=torch.as_tensor(embeddings), structures=torch.tensor([codes[int(i)] for i in ids]))
