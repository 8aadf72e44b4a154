"""`evaluate retrieval|generation|attributes|parsing|people|pgea|…`: the paper's tables, the parser's, and PGEA's."""

from __future__ import annotations

import argparse

from ragdiffusion.commands import (
    evaluate_attributes,
    evaluate_flow,
    evaluate_generation,
    evaluate_parsing,
    evaluate_people,
    evaluate_pgea,
    evaluate_retrieval,
)

_ACTIONS = {
    "retrieval": (
        evaluate_retrieval.add_arguments,
        evaluate_retrieval.run,
        "does the bank give the right silhouette? (Table 4, Fig. 7b, Fig. 8)",
    ),
    "new-categories": (
        evaluate_retrieval.add_category_arguments,
        evaluate_retrieval.run_categories,
        "does an encoder that never saw a category find it once the bank holds it? (4.4)",
    ),
    "flow": (
        evaluate_flow.add_arguments,
        evaluate_flow.run,
        "does the draft take each point from where it lies in the photo?",
    ),
    "generation": (evaluate_generation.add_arguments, evaluate_generation.run, "are the finished pictures right?"),
    "attributes": (evaluate_attributes.add_arguments, evaluate_attributes.run, "are the attributes read right?"),
    "parsing": (
        evaluate_parsing.add_arguments,
        evaluate_parsing.run,
        "is each pixel of a photo labelled right, and is the garment found?",
    ),
    "people": (
        evaluate_people.add_arguments,
        evaluate_people.run,
        "do garments that people wear become their standards?",
    ),
    "pgea": (
        evaluate_pgea.add_arguments,
        evaluate_pgea.run,
        "what does adapting a UNet to 16-channel latents bring and save? (3.3)",
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, (declare, action, purpose) in _ACTIONS.items():
        chosen = actions.add_parser(
            name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}", allow_abbrev=False
        )
        declare(chosen)
        chosen.set_defaults(action_run=action)


def run(args: argparse.Namespace) -> int:
    """Run the chosen action."""
    return args.action_run(args)
