"""`bank build`: fill a bank for a checkpoint."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    actions = parser.add_subparsers(dest="action", required=True)
    build = actions.add_parser("build", help="fill a new bank: standard-like real garments first, then drawn ones")
    build.add_argument("out", type=Path, help="file to write, for example CHECKPOINT/bank.sqlite3")
    build.add_argument("--checkpoint", type=Path, required=True, help="folder whose StructureNet embeds the entries")
    build.add_argument("--garments", type=Path, help="folder of real garments (train.csv beside train/)")
    build.add_argument("--size", type=int, default=2000, help="entries wanted (default %(default)s)")
    build.add_argument("--name", default="studio", help="name of the bank, part of its version")


def run(args: argparse.Namespace) -> int:
    """Build."""
    import itertools
    import tempfile

    from tqdm import tqdm

    from ragdiffusion.bank import Bank
    from ragdiffusion.bank.build import drawn_flat_lays, fill_bank, real_flat_lays
    from ragdiffusion.fingerprint import ENCODER_PARTS, fingerprint
    from ragdiffusion.structure.network import StructureNet

    if args.size < 1:
        raise ValueError(f"--size is {args.size}, at least 1 wanted")
    net = StructureNet.from_pretrained(args.checkpoint / "structure_net", low_cpu_mem_usage=False).eval()
    real = real_flat_lays(args.garments) if args.garments is not None else ()
    wanted = itertools.islice(itertools.chain(real, drawn_flat_lays()), args.size)
    with tempfile.TemporaryDirectory() as folder:
        working = Path(folder) / "bank.sqlite3"
        bank = Bank.create(working, fingerprint=fingerprint(args.checkpoint, ENCODER_PARTS),
                           dimension=net.config.embedding_dim, name=args.name, precision="float16")
        fill_bank(bank, net, tqdm(wanted, total=args.size, unit="entry"))
        args.out.unlink(missing_ok=True)
        bank.copy(args.out)
        print(f"{args.out}: {len(bank)} entries, version {bank.version}, {args.out.stat().st_size / 1e6:.1f} MB")
    return 0
