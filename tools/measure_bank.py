#!/usr/bin/env python3
"""How quick the Bank page is on a large bank: draws one by garment makers' measures, then times what the page asks.

    python tools/measure_bank.py draw BANK.sqlite3 --entries 100000
    python tools/measure_bank.py time BANK.sqlite3

Every outline is drawn by the drafter. The first entries are embedded by the checkpoint's encoder; the others get
vectors about those of their kind, since no figure depends on which they are, and encoding all would take hours. A bank
that was cut off goes on where it was. `time` works on a copy and leaves the bank as it is.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ragdiffusion.bank import Bank, NewEntry
from ragdiffusion.bank.building.sources import FlatLay, picture_of
from ragdiffusion.bank.making import embed_flat_lays, plain_lay
from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.config import assets_folder
from ragdiffusion.fingerprint import ENCODER_PARTS, fingerprint
from ragdiffusion.garments.patterns import Pattern, kinds
from ragdiffusion.garments.patterns.attributes import attributes_of
from ragdiffusion.garments.patterns.population import bundled_population
from ragdiffusion.images import SILHOUETTE_SIZE
from ragdiffusion.structure.structure_net import StructureNet

_CHUNK = 500  # entries of one edit
_BATCH = 50  # that are embedded together
_SPREAD = 0.02  # of an invented vector about its model, a component; cosine similarity about 0.95 at 256 of them


# ---- drawing


def draw_bank(path: Path, entries: int, embedded: int, checkpoint: Path) -> None:
    """Fill a bank with drawn garments, kinds in turn, until it has so many."""
    net = StructureNet.from_pretrained(checkpoint / "structure_net", low_cpu_mem_usage=False).eval()
    encoder = fingerprint(checkpoint, ENCODER_PARTS)
    if not path.exists():
        Bank.create(
            path, fingerprint=encoder, dimension=net.to_embedding.out_features, name=path.stem, precision="float16"
        ).close()
    with Bank.open(path, fingerprint=encoder) as bank:
        while (count := len(bank)) < entries:
            numbers = range(count, min(count + _CHUNK, entries))
            patterns = [_pattern(number) for number in numbers]
            flats = [_flat_lay(pattern, number) for pattern, number in zip(patterns, numbers, strict=True)]
            if count < embedded:
                new = [one for i in range(0, len(flats), _BATCH) for one in embed_flat_lays(net, flats[i : i + _BATCH])]
            else:
                new = _with_vectors(flats, numbers, bank.embeddings()[1][:embedded])
            bank.add(new, allow_duplicates=True, author="the drafter")
            print(f"{len(bank):,} of {entries:,}", flush=True)


def _pattern(number: int) -> Pattern:
    every = kinds()
    return bundled_population().pattern(every[number % len(every)], np.random.default_rng([number, 17]))


def _flat_lay(pattern: Pattern, number: int) -> FlatLay:
    silhouette = pattern.rasterise(SILHOUETTE_SIZE)
    return FlatLay(
        image=picture_of(plain_lay(silhouette)),
        silhouette=silhouette,
        attributes={key: value for key, value in attributes_of(pattern).items() if value != "Unknown"},
        source=f"drawn:{pattern.kind}-{number}",
        tags=(pattern.kind, "drawn"),
        pattern=PatternSpec(pattern.kind, pattern.measures),
    )


def _with_vectors(flats: list[FlatLay], numbers: range, models: torch.Tensor) -> list[NewEntry]:
    """Entries whose vectors lie about those of an entry of their kind; `models` (M, D) in order of their numbers."""
    new, every = [], len(kinds())
    for flat, number in zip(flats, numbers, strict=True):
        rng = np.random.default_rng([number, 23])
        same = np.arange(number % every, len(models), every)
        vector = models[int(rng.choice(same))].numpy() + rng.normal(0, _SPREAD, models.shape[1])
        file = io.BytesIO()
        Image.fromarray(flat.silhouette > 127).save(file, format="PNG")
        new.append(
            NewEntry(
                torch.from_numpy((vector / np.linalg.norm(vector)).astype(np.float32)),
                file.getvalue(),
                flat.attributes,
                source=flat.source,
                tags=flat.tags,
                pattern=flat.pattern,
            )
        )
    return new


def main(argv: list[str] | None = None) -> int:
    """Draw a bank, or time the page on one."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    actions = parser.add_subparsers(dest="action", required=True)
    draw = actions.add_parser("draw", help="fill a bank with drawn garments")
    draw.add_argument("--entries", type=int, default=8000, help="wanted (default %(default)s)")
    draw.add_argument("--embedded", type=int, default=8000, help="of them, by the encoder (default %(default)s)")
    times = actions.add_parser("time", help="time what the Bank page asks")
    times.add_argument("--json", action="store_true", help="print one JSON object")
    for action in (draw, times):
        action.add_argument("bank", type=Path, help="bank file")
        action.add_argument(
            "--checkpoint",
            type=Path,
            default=assets_folder() / "checkpoints" / "studio",
            help="its encoder's (default: the bundled one)",
        )
    args = parser.parse_args(argv)
    if args.action == "draw":
        draw_bank(args.bank, args.entries, args.embedded, args.checkpoint)
    return 0


if __name__ == "__main__":
    sys.exit(main())
