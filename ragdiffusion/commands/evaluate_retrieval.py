"""`evaluate retrieval` and `evaluate new-categories`: is the silhouette that comes out the right one?"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragdiffusion.commands.common import add_model_arguments, load_model, print_json
from ragdiffusion.files import write_pictures

if TYPE_CHECKING:
    from ragdiffusion.evaluation.retrieval.measure import Query, RetrievalAnswer

SYNTHETIC = "synthetic"
_DRAWN = 300  # garments drawn unless --limit says otherwise
_LOWER = ("pants", "shorts", "skirt")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `retrieval`."""
    _add_dataset_arguments(parser)
    parser.add_argument(
        "--scales",
        type=int,
        nargs="*",
        metavar="N",
        help="sizes of random parts of the bank to "
        "measure too (default: 1000 2000 4000 8000, as far as the bank goes; none: --scales)",
    )
    parser.add_argument(
        "--plots",
        type=Path,
        metavar="DIR",
        help="write embeddings.png (t-SNE, Fig. 7b), "
        "similarities.png (Fig. 8) and sheet.png (20 photos with neighbours and landmark) there",
    )
    add_model_arguments(parser)


def add_category_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `new-categories`."""
    _add_dataset_arguments(parser)
    parser.add_argument(
        "--categories",
        nargs="+",
        default=_LOWER,
        metavar="C",
        help="what the encoder was trained "
        f"without; --checkpoint is that encoder's, --bank one that it encoded, all categories in it "
        f"(default: {' '.join(_LOWER)})",
    )
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure retrieval and print its tables."""
    from ragdiffusion.evaluation.retrieval.report import SCALES, evaluate_retrieval, to_markdown

    scales = SCALES if args.scales is None else args.scales
    if any(size < 1 for size in scales):
        raise ValueError(f"--scales {' '.join(map(str, scales))}: sizes of 1 or more wanted")
    if args.plots is not None:
        _check_folder(args.plots)
    model = load_model(args)
    queries = _queries(args, model.image_size)
    report, answers = evaluate_retrieval(model, queries, scales=scales, progress=_progress)
    report = {**report, "dataset": args.dataset}
    if args.plots is not None:
        _write_plots(args.plots, queries, answers, model.bank.embeddings()[1])
    if args.json:
        print_json(report)
    else:
        print(to_markdown(report, args.dataset))
    return 0


def run_categories(args: argparse.Namespace) -> int:
    """Measure new categories before and after the bank learns of them."""
    from ragdiffusion.evaluation.retrieval.categories import categories_to_markdown, evaluate_new_categories

    model = load_model(args)
    report = evaluate_new_categories(model, _queries(args, model.image_size), args.categories, progress=_progress)
    report = {**report, "dataset": args.dataset}
    if args.json:
        print_json(report)
    else:
        print(categories_to_markdown(report))
    return 0


def _add_dataset_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dataset",
        default=SYNTHETIC,
        metavar="synthetic|FOLDER",
        help="garments that the engine "
        "draws, laid, hung and worn in turn, or a folder of CATEGORY/ID.jpg with ID.png beside it, its "
        "list FOLDER.csv beside the folder (default %(default)s)",
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help=f"take only so many (default: all of a folder, {_DRAWN} drawn ones)"
    )


def _queries(args: argparse.Namespace, size: int) -> list[Query]:
    from ragdiffusion.evaluation.retrieval.measure import drawn_queries, folder_queries

    if args.limit is not None and args.limit < 1:
        raise ValueError(f"--limit is {args.limit}, 1 or more wanted")
    if args.dataset == SYNTHETIC:
        return drawn_queries(size, args.limit or _DRAWN)
    if not Path(args.dataset).is_dir():
        raise ValueError(f"--dataset {args.dataset}: no such folder; give one, or {SYNTHETIC}")
    return folder_queries(Path(args.dataset), size, args.limit)


def _progress(answers: Iterator[RetrievalAnswer], total: int, what: str) -> Iterator[RetrievalAnswer]:
    from tqdm import tqdm

    return tqdm(answers, total=total, desc=what, unit="photo")


def _check_folder(folder: Path) -> None:
    if not folder.parent.is_dir() or (folder.exists() and not folder.is_dir()):
        raise ValueError(f"--plots {folder}: not a folder that can be made; give one inside a folder that exists")
    folder.mkdir(exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise ValueError(f"--plots {folder}: the folder can't be written to, choose another")


def _write_plots(folder: Path, queries: list[Query], answers: list[RetrievalAnswer], embeddings: Any) -> None:
    from ragdiffusion.evaluation.retrieval.plots import embedding_map, retrieval_sheet, similarity_histogram

    write_pictures(
        {
            folder / "similarities.png": similarity_histogram(answers, embeddings),
            folder / "sheet.png": retrieval_sheet(queries, answers),
            folder / "embeddings.png": embedding_map(queries, answers),
        }
    )
