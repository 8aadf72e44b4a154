"""Filling a bank from flat-lays (9.4, first part): standard-like real silhouettes, made symmetric, and drawn ones."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ragdiffusion.attributes import encode
from ragdiffusion.bank.bank import Bank
from ragdiffusion.bank.entries import NewEntry
from ragdiffusion.garments import GarmentEngine
from ragdiffusion.garments.outlines import symmetrise
from ragdiffusion.garments.real import CATEGORY_ATTRIBUTES, on_white, read_garment
from ragdiffusion.images import SILHOUETTE_SIZE, encode_silhouette
from ragdiffusion.structure.network import StructureNet

STANDARD_SYMMETRY = 0.9  # below it a garment lies too crookedly to stand for a standard
_BANK_SEEDS = 1 << 42  # of drawn entries: never those of training
_BATCH = 64


@dataclass(frozen=True)
class FlatLay:
    """A flat-lay about to enter a bank.

    Attributes:
        image: uint8 (N, N, 3) RGB on white, canonical frame.
        silhouette: uint8 (N, N), antialiased.
        attributes: Table 6 values that are known.
        source: where it comes from, `collection:name`.
        tags: free words.
    """

    image: np.ndarray
    silhouette: np.ndarray
    attributes: dict[str, str]
    source: str
    tags: tuple[str, ...]


def real_flat_lays(root: Path, split: str = "train") -> Iterator[FlatLay]:
    """The standard-like garments of a folder of real ones, with symmetric silhouettes.

    Raises:
        ValueError: if the list of the split is missing.
    """
    table = root / f"{split}.csv"
    if not table.is_file():
        raise ValueError(f"{table}: not found; give a folder with {split}.csv in it")
    with table.open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if float(row["symmetry"]) >= STANDARD_SYMMETRY]
    for row in rows:
        stem = root / split / row["category"] / row["id"]
        garment = read_garment(stem.with_suffix(".jpg"), stem.with_suffix(".png"), SILHOUETTE_SIZE,
                               category=row["category"], symmetry=float(row["symmetry"]))
        silhouette = symmetrise(garment.alpha)
        yield FlatLay(image=on_white(garment.cloth, silhouette), silhouette=silhouette,
                      attributes=CATEGORY_ATTRIBUTES.get(garment.category, {}), source=f"real:{garment.name}",
                      tags=(garment.category,))


def drawn_flat_lays() -> Iterator[FlatLay]:
    """Flat-lays of the garment engine, without end."""
    engine = GarmentEngine(SILHOUETTE_SIZE)
    seed = _BANK_SEEDS
    while True:
        rng = np.random.default_rng(seed)
        structure = engine.structure(rng)
        flat = engine.flat_lay(structure, engine.texture(rng, structure))
        known = {key: value for key, value in flat.attributes.items() if value != "Unknown"}
        yield FlatLay(image=flat.image, silhouette=flat.silhouette, attributes=known, source=f"drawn:{seed}",
                      tags=(structure.kind,))
        seed += 1


@torch.no_grad()
def fill_bank(bank: Bank, net: StructureNet, flat_lays: Iterable[FlatLay]) -> int:
    """Embed flat-lays by the standard tower and add them.

    Args:
        bank: made for this StructureNet.
        net: in eval mode.
        flat_lays: finite.

    Returns:
        How many were added.
    """
    size, device, entries = net.image_size, next(net.parameters()).device, []
    pending: list[FlatLay] = []

    def embed() -> None:
        images = torch.stack([torch.from_numpy(flat.image).permute(2, 0, 1) for flat in pending])
        images = torch.nn.functional.interpolate(images.float() / 127.5 - 1, size=(size, size), mode="area")
        codes = torch.tensor([encode(flat.attributes) for flat in pending])
        for flat, embedding in zip(pending, net(images.to(device), codes.to(device), "standard").cpu(), strict=True):
            silhouette = torch.from_numpy(flat.silhouette).float() / 255
            entries.append(NewEntry(embedding=embedding, silhouette=encode_silhouette(silhouette),
                                    attributes=flat.attributes, source=flat.source, tags=flat.tags))
        pending.clear()

    for flat in flat_lays:
        pending.append(flat)
        if len(pending) == _BATCH:
            embed()
    if pending:
        embed()
    bank.add(entries)
    return len(entries)
