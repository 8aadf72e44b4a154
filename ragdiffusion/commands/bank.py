"""`bank build|add|check|report|benchmark` fill banks and look them over; the other actions are `bank_curate`'s."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ragdiffusion.commands import bank_curate
from ragdiffusion.commands.common import check_png_target, print_json
from ragdiffusion.files import write_pictures
from ragdiffusion.ray_cluster import add_ray_arguments

if TYPE_CHECKING:
    from ragdiffusion.bank.building.build import BuildReport
    from ragdiffusion.bank.building.sources import EntrySource
    from ragdiffusion.garments.datasets.catalogue28 import CatalogueSilhouette

_SIZE = 4000
_DRAWN = 0.4  # share of the pool that is drawn anew


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    actions = parser.add_subparsers(dest="action", required=True)
    build = actions.add_parser("build", help="fill new banks from real garments, flat-lay pictures and drawn garments")
    build.add_argument(
        "out",
        type=Path,
        help="file to write, for example CHECKPOINT/bank.sqlite3; a bank that is "
        "there is replaced when the new one is whole",
    )
    build.add_argument("--checkpoint", type=Path, required=True, help="folder whose StructureNet embeds the entries")
    build.add_argument("--garments", type=Path, metavar="FOLDER", help="real garments (train.csv beside train/)")
    build.add_argument(
        "--flat-lays",
        type=Path,
        metavar="FOLDER",
        help="pictures of flat-lays on plain ground; subfolders name their categories",
    )
    build.add_argument(
        "--drawn",
        type=int,
        metavar="N",
        help="garments drawn from patterns, beside those that were "
        "fitted to a catalogue's (default: two fifths of the pool; 0 for none of either)",
    )
    sizes = build.add_mutually_exclusive_group()
    sizes.add_argument("--size", type=int, default=_SIZE, help="entries wanted (default %(default)s)")
    sizes.add_argument(
        "--sizes",
        type=int,
        nargs="+",
        metavar="N",
        help="several banks in one run, OUT-N.sqlite3 each, the smaller parts of the larger",
    )
    build.add_argument("--pool", type=float, help="flat-lays embedded for each one kept (default 3)")
    build.add_argument("--name", default="studio", help="name of the bank, part of its version")
    build.add_argument("--seed", type=int, default=0, help="of variants and thinning (default %(default)s)")
    add_ray_arguments(build)
    build.add_argument("--report", type=Path, metavar="PNG", help="draw categories and similarities")
    build.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")
    add = actions.add_parser("add", help="add flat-lay pictures to a bank; the next search finds them")
    add.add_argument("bank", help="bank to add to: a name in the workspace, a file or a database's URL")
    add.add_argument(
        "flat_lays",
        type=Path,
        metavar="FOLDER",
        help="pictures of flat-lays on plain ground, or cut out; subfolders name their categories",
    )
    add.add_argument("--checkpoint", type=Path, required=True, help="folder whose StructureNet made the bank")
    bank_curate.add_workspace(add)
    add.add_argument("--author", default="", metavar="NAME", help="who does it, for the log of edits")
    add.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")
    check = actions.add_parser("check", help="find entries that are damaged, or were altered since they were added")
    check.add_argument("bank", help="name in the workspace, bank file or database URL; it is not changed")
    bank_curate.add_workspace(check)
    check.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")
    report = actions.add_parser(
        "report",
        help="what the silhouettes of banks are like: symmetric, smooth, whole, near to a catalogue's garments",
    )
    report.add_argument("banks", type=Path, nargs="+", metavar="BANK", help="bank files, shown side by side")
    report.add_argument(
        "--catalogue",
        type=Path,
        metavar="FOLDER",
        help="Fashion-MNIST's files (default: where "
        "Debian's dataset-fashion-mnist puts them; without it that part is left out)",
    )
    report.add_argument(
        "--limit",
        type=int,
        default=1000,
        help="catalogue silhouettes to compare with, all of them held out (default %(default)s)",
    )
    report.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")
    bench = actions.add_parser("benchmark", help="measure the index on random entries: speed, recall, memory")
    bench.add_argument(
        "--sizes",
        type=int,
        nargs="+",
        metavar="N",
        default=[10_000, 100_000, 1_000_000],
        help="numbers of entries (default 10000 100000 1000000)",
    )
    bench.add_argument("--dimension", type=int, default=256, help="of the embeddings (default %(default)s)")
    bench.add_argument("--threads", type=int, help="that the search may use (default: all)")
    bench.add_argument("--queries", type=int, default=200, help="searches to time (default %(default)s)")
    bench.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")
    bank_curate.add_arguments(actions)


def run(args: argparse.Namespace) -> int:
    """Do the action that was chosen."""
    actions = {"build": _build, "add": _add, "check": _check, "report": _report, "benchmark": _benchmark}
    return {**actions, **bank_curate.ACTIONS}[args.action](args)


def _build(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from ragdiffusion.bank.building.build import POOL, check_target, choose, embed, write_banks
    from ragdiffusion.fingerprint import ENCODER_PARTS, fingerprint
    from ragdiffusion.logs import quiet_libraries
    from ragdiffusion.ray_map import mapper_of
    from ragdiffusion.structure.structure_net import StructureNet

    sizes = args.sizes or [args.size]
    for name, value, least in (
        ("--size", min(sizes), 1),
        ("--drawn", args.drawn or 0, 0),
        ("--pool", POOL if args.pool is None else args.pool, 1),
    ):
        if value < least:
            raise ValueError(f"{name} is {value}, at least {least} wanted")
    outs = {size: args.out.with_stem(f"{args.out.stem}-{size}") if args.sizes else args.out for size in sizes}
    for out in outs.values():
        check_target(out)
    if args.report is not None:
        check_png_target(args.report, [])
    quiet_libraries()
    wanted = round(max(sizes) * (args.pool or POOL))
    chosen = choose(_sources(args, wanted), wanted)
    net = StructureNet.from_pretrained(args.checkpoint / "structure_net", low_cpu_mem_usage=False).eval()
    pool = embed(net, tqdm(chosen, unit="flat-lay", desc="embed"), mapped=mapper_of(args.ray, args.workers))
    report = write_banks(
        pool, outs, fingerprint=fingerprint(args.checkpoint, ENCODER_PARTS), name=args.name, seed=args.seed
    )
    if args.report is not None:
        from ragdiffusion.bank.building.report import draw_report

        write_pictures({args.report: draw_report(report)})
    if args.json:
        print_json(asdict(report))
    else:
        _print_report(report)
    return 0


def _add(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from ragdiffusion.bank import Bank
    from ragdiffusion.bank.building.build import embed
    from ragdiffusion.bank.building.sources import folder_candidates
    from ragdiffusion.bank.library import location_of
    from ragdiffusion.fingerprint import ENCODER_PARTS, fingerprint
    from ragdiffusion.logs import quiet_libraries
    from ragdiffusion.structure.structure_net import StructureNet

    quiet_libraries()
    location = location_of(args.bank, args.workspace, to_change=True)
    with Bank.open(location, fingerprint=fingerprint(args.checkpoint, ENCODER_PARTS)) as bank:
        if bank.read_only:
            raise RuntimeError(f"bank {args.bank} is read-only: copy it to your workspace and add to the copy")
        candidates = folder_candidates(args.flat_lays)
        net = StructureNet.from_pretrained(args.checkpoint / "structure_net", low_cpu_mem_usage=False).eval()
        pool = embed(net, tqdm(candidates, unit="flat-lay", desc="embed"))
        held = bank.duplicates(pool.entries)
        new = [entry for place, entry in enumerate(pool.entries) if place not in held]
        ids = bank.add(new, author=args.author)
        version = bank.version
    left_out = [
        *pool.unreadable,
        *pool.duplicates,
        *(f"{pool.entries[place].source}: {reason}" for place, reason in held.items()),
    ]
    added = {entry.source: entry_id for entry_id, entry in zip(ids, new, strict=True)}
    if args.json:
        print_json({"version": version, "added": added, "left_out": left_out})
        return 0
    for source, entry_id in added.items():
        print(f"{source}: entry {entry_id}")
    for reason in left_out:
        print(f"left out: {reason}")
    print(f"{args.bank}: {len(added)} added, {len(left_out)} left out, version {version}")
    return 0


def _check(args: argparse.Namespace) -> int:
    from ragdiffusion.bank.check import check_bank
    from ragdiffusion.bank.library import location_of

    found = check_bank(location_of(args.bank, args.workspace))
    if args.json:
        print_json(asdict(found))
    else:
        for problem in found.problems:
            print(problem)
        unsealed = "" if found.sealed else "; it has no checksums yet, the first change makes them"
        print(f"{args.bank}: {found.entries} entries, {len(found.problems)} problems{unsealed}")
    return 1 if found.problems else 0


def _report(args: argparse.Namespace) -> int:
    from ragdiffusion.bank import Bank
    from ragdiffusion.evaluation.bank_quality import coverage, measure_bank

    if args.limit < 1:
        raise ValueError(f"--limit is {args.limit}, 1 or more wanted")
    held_out = _held_out(args)
    found = {}
    for path in args.banks:
        with Bank.open(path, read_only=True) as bank:
            near = coverage(bank, held_out) if held_out else None
            found[str(path)] = {**asdict(measure_bank(bank)), "coverage": near}
    if args.json:
        print_json({"catalogue_silhouettes": len(held_out), "banks": found})
        return 0
    for key in ("version", "entries", "patterns", "mean_symmetry", "rim_waviness", "broken", "holed"):
        every = [values[key] for values in found.values()]
        shown = [f"{value:.3f}" if isinstance(value, float) else str(value) for value in every]
        print(f"{key:<16}" + "".join(f"{text:>24}" for text in shown))
    for kind in sorted({name for values in found.values() for name in values["coverage"] or {}}):
        print(f"{'near ' + kind:<16}" + "".join(f"{values['coverage'][kind]:>24.3f}" for values in found.values()))
    for name in sorted({name for values in found.values() for name in values["by_category"]}):
        print(f"{name:<20}" + "".join(f"{values['by_category'].get(name, 0):>20}" for values in found.values()))
    return 0


def _held_out(args: argparse.Namespace) -> list[CatalogueSilhouette]:
    """Catalogue silhouettes that nothing was fitted to, spread over the data set."""
    from ragdiffusion.garments.datasets.catalogue28 import HELD_OUT, INSTALLED, read_silhouettes

    folder = args.catalogue or INSTALLED
    if args.catalogue is None and not folder.is_dir():
        return []
    every = list(read_silhouettes(folder, step=HELD_OUT))
    return every[:: max(1, len(every) // args.limit)][: args.limit]


def _sources(args: argparse.Namespace, wanted: int) -> list[Sequence[EntrySource]]:
    from ragdiffusion.bank.building.drafted import drawn_candidates, fitted_candidates
    from ragdiffusion.bank.building.sources import folder_candidates, real_candidates

    sources: list[Sequence[EntrySource]] = []
    if args.garments is not None:
        sources.append(real_candidates(args.garments, seed=args.seed))
    if args.flat_lays is not None:
        sources.append(folder_candidates(args.flat_lays))
    drawn = round(_DRAWN * wanted) if args.drawn is None else args.drawn
    if drawn:
        sources += [fitted_candidates(), drawn_candidates(drawn, seed=args.seed)]
    return sources


def _print_report(report: BuildReport) -> None:
    print(
        f"{report.candidates} flat-lays embedded, {report.noise} noise, {len(report.duplicates)} twice, "
        f"{len(report.unreadable)} unreadable; {report.clusters} clusters at a similarity of {report.similarity:.3f}"
    )
    for bank in report.banks:
        print(f"{bank.path}: {bank.entries} entries, version {bank.version}, {bank.megabytes:.1f} MB")
        print(f"  thinned out {bank.thinned}, on average {bank.coverage:.3f} similar to the nearest that was kept")
        for what, counts in (("category", bank.by_category), ("kind", bank.by_kind)):
            print(f"  by {what}: " + ", ".join(f"{name} {count}" for name, count in counts.items()))


def _benchmark(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from ragdiffusion.evaluation.retrieval.index_benchmark import measure_index

    measures = list(
        tqdm(
            measure_index(args.sizes, dimension=args.dimension, threads=args.threads, queries=args.queries),
            total=len(args.sizes),
            unit="size",
            desc="index",
        )
    )
    if args.json:
        print_json({"sizes": [asdict(measure) for measure in measures]})
        return 0
    print(
        f"{'entries':>10} {'search':>12} {'ms/query':>9} {'least ms':>9} {'cpu ms':>7} {'exact ms':>9} "
        f"{'recall@4':>9} {'build s':>8} {'MB':>7}"
    )
    for m in measures:
        kind = f"of {m.candidates}" if m.approximate else "exact"
        print(
            f"{m.entries:>10} {kind:>12} {m.query_ms:>9.2f} {m.least_ms:>9.2f} {m.processor_ms:>7.2f} "
            f"{m.exact_ms:>9.2f} {m.recall:>9.3f} {m.build_s:>8.1f} {m.memory_mb:>7.0f}"
        )
    return 0
