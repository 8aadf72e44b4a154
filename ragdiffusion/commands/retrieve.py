"""`retrieve PHOTO`: the structure guide of a photo."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ragdiffusion.commands.common import add_guide_arguments, add_model_arguments, load_model, print_json

if TYPE_CHECKING:
    from ragdiffusion.retrieval.guide import StructureGuide


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_guide_arguments(parser)
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Search the bank and print the candidates."""
    from ragdiffusion.attributes import UNKNOWN, parse_assignments
    from ragdiffusion.commands.turned_photo import see_photo
    from ragdiffusion.images import load_photo_and_alpha
    from ragdiffusion.parsing.choice import one_garment, parse_choice

    load_photo_and_alpha(args.photo)  # before the weights are loaded, which takes seconds
    garment = None if args.garment is None else one_garment(parse_choice(args.garment))
    attributes = parse_assignments(args.attributes) if args.attributes else None
    model = load_model(args)
    sight = see_photo(model, args, garment).require()
    guide = model.retrieve(sight, k=args.k, alpha=args.alpha, attributes=attributes)
    if args.json:
        print_json(
            {
                **guide.summary(),
                "attributes": guide.attributes,
                "attribute_confidence": guide.attribute_confidence,
                "attribute_note": guide.attribute_note,
                "drafted": None if guide.drafted is None else guide.drafted.summary(),
            }
        )
        return 0
    print("      id  similarity  weight    IoU")
    for index, candidate in enumerate(guide.candidates):
        mark = "  <- landmark" if index == guide.consensus else ""
        print(
            f"{index:>2}  {candidate.id:>4}  {candidate.similarity:>10.3f}  {candidate.weight:>6.3f}  "
            f"{candidate.iou:>5.3f}{mark}"
        )
    known = [f"{key} {value} ({_share(guide, key)})" for key, value in guide.attributes.items() if value != UNKNOWN]
    print(f"attributes: {', '.join(known) or 'none could be read'}")
    if guide.drafted is not None:
        kind, fits = guide.drafted.pattern.kind.replace("_", " "), guide.drafted.overlap
        print(f"drafted: {kind}, {fits:.0%} of the silhouette that is expected")
    print(
        f"K {guide.k}, alpha {guide.alpha:g}, bank {guide.bank_version}, checkpoint {guide.checkpoint}, "
        f"{sum(guide.timings_ms.values()):.0f} ms"
    )
    return 0


def _share(guide: StructureGuide, key: str) -> str:
    """How sure the reader is of an attribute."""
    return f"{guide.attribute_confidence[key]:.0%}" if key in guide.attribute_confidence else "given"
