"""Small real banks: unit vectors in 8 dimensions and rectangles as silhouettes."""

from collections.abc import Callable
from dataclasses import asdict, replace

import pytest
import torch

from ragdiffusion.bank import Bank, NewEntry
from ragdiffusion.images import encode_silhouette
from ragdiffusion.structure.structure_net import StructureNet
from tests.ragdiffusion.conftest import tiny_preset

DIMENSION = 8


def rectangle(height: int, width: int) -> bytes:
    mask = torch.zeros(64, 64)
    mask[32 - height // 2 : 32 + height // 2, 32 - width // 2 : 32 + width // 2] = 1.0
    return encode_silhouette(mask)


def tiny_net(seed: int) -> StructureNet:
    """An untrained encoder of a few thousand weights, whose embeddings have `DIMENSION` values."""
    config = replace(tiny_preset().structure, embedding_dim=DIMENSION)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return StructureNet(**asdict(config)).eval()


@pytest.fixture(scope="session")
def silhouettes() -> list[bytes]:
    return [rectangle(height, 32) for height in range(8, 64, 8)]


@pytest.fixture(scope="session")
def vectors() -> Callable[..., torch.Tensor]:
    def make(count: int, seed: int = 0, dimension: int = DIMENSION) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return torch.nn.functional.normalize(torch.randn(count, dimension, generator=generator), dim=-1)

    return make


@pytest.fixture
def new_entries(silhouettes, vectors) -> Callable[..., list[NewEntry]]:
    def make(count: int, seed: int = 0) -> list[NewEntry]:
        return [
            NewEntry(
                embedding,
                silhouettes[i % len(silhouettes)],
                {"collar": "Polo", "fit": "Loose"},
                source=f"photo {seed}/{i}",
                tags=("summer",),
            )
            for i, embedding in enumerate(vectors(count, seed))
        ]

    return make


@pytest.fixture
def path(tmp_path):
    return tmp_path / "studio.sqlite3"


@pytest.fixture
def bank(path, new_entries):
    with Bank.create(path, fingerprint="encoder-a", dimension=DIMENSION) as bank:
        bank.add(new_entries(20))
        yield bank
