#!/usr/bin/env python3
"""What three entries by hand do for a photo of a kind that the bank lacks: IoU before and after.

    python tools/bank_story.py [--seeds 4] [--json]

The garment is a short oversized sweater; that the bundled bank has none with a chest of 59 to 76 cm its own list of
empty corners says. It is drawn by its measures and photographed laid, hung and worn, so its true silhouette is known.
Then somebody adds three entries by the Bank page's own "From measures", with round numbers set by eye, none of which is
the garment. Each photo is retrieved before and after.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app.files.image_store import ImageStore
from app.pages.bank import page
from app.pages.shared.context import PageContext
from app.runs.engine import Engine
from app.runs.services import Services
from app.session_log.log import SessionLog
from ragdiffusion.api import RAGDiffusion
from ragdiffusion.bank.building.drafted import spec_of
from ragdiffusion.garments.engine2d.cutting import cut
from ragdiffusion.garments.engine2d.engine import GarmentEngine
from ragdiffusion.garments.patterns import draft
from tools.measure_bank import Desk

KIND = "sweater"
GARMENT = {
    "body_length": 62.0,
    "chest": 69.0,
    "waist": 71.0,
    "hem": 76.0,
    "shoulder_width": 58.0,
    "sleeve_length": 59.0,
    "armhole_depth": 26.0,
}
"""Its measures, cm; what is left out is the kind's usual."""
BY_HAND = (
    {"body_length": 60, "chest": 65, "waist": 65, "hem": 70, "shoulder_width": 55, "sleeve_length": 55},
    {"body_length": 65, "chest": 70, "waist": 70, "hem": 70, "shoulder_width": 60, "sleeve_length": 60},
    {"body_length": 60, "chest": 70, "waist": 75, "hem": 80, "shoulder_width": 60, "sleeve_length": 60},
)
"""What somebody sets who has seen the photo."""
DISPLAYS = ("laid", "hung", "worn")


def tell(seeds: int) -> dict[str, Any]:
    """Retrieve photos of the garment before and after the three entries; IoU of what is chosen with the truth."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        model = RAGDiffusion.from_pretrained()
        images, log = ImageStore(workspace / "images"), SessionLog(workspace / "studio.sqlite3")
        services, desk = Services(Engine(lambda: model), log, images, workspace), Desk()
        page.wire(desk, PageContext(services))  # type: ignore[arg-type]
        size = model.image_size
        truth = draft(KIND, GARMENT).rasterise(size) > 127
        photos = {(display, seed): photograph(display, seed) for display in DISPLAYS for seed in range(seeds)}
        sights = {key: model.see(photo) for key, photo in photos.items()}
        found = {"before": _chosen(model, sights, truth)}
        number = len(model.bank)
        for measures in BY_HAND:
            whole = {**_usual(desk), **measures}
            desk.ask("save", kind=KIND, measures=whole, attributes={}, author="by hand")
        assert len(model.bank) == number + len(BY_HAND)
        found["after"] = _chosen(model, sights, truth)
        services.close()
    return found


def photograph(display: str, seed: int) -> Any:
    """A photo of the garment in cloth and surroundings of a seed."""
    from PIL import Image

    rng, pattern = np.random.default_rng([seed, 41]), draft(KIND, GARMENT)
    drawing = GarmentEngine(512)
    structure = cut(pattern, rng, spec_of(KIND))
    flat = drawing.flat_lay(structure, drawing.texture(rng, structure))
    return Image.fromarray(drawing.photo(flat, rng, display).image)


def _usual(desk: Desk) -> dict[str, float]:
    return {field["key"]: field["value"] for field in desk.ask("kind", kind=KIND)["fields"]}


def _chosen(model: RAGDiffusion, sights: dict[tuple[str, int], Any], truth: np.ndarray) -> dict[str, Any]:
    """By display: mean IoU of the chosen candidate, of the best of the candidates, and which were chosen."""
    answer: dict[str, Any] = {}
    for display in DISPLAYS:
        guides = [model.retrieve(sight) for (shown, _), sight in sights.items() if shown == display]
        answer[display] = {
            "chosen": round(fmean(_iou(guide.landmark.numpy(), truth) for guide in guides), 3),
            "best of the candidates": round(
                fmean(max(_iou(each.silhouette.numpy(), truth) for each in guide.candidates) for guide in guides), 3
            ),
            "entries": [guide.landmark_id for guide in guides],
        }
    return answer


def _iou(mask: np.ndarray, truth: np.ndarray) -> float:
    shown = mask > 0.5
    return float((shown & truth).sum() / (shown | truth).sum())


def main(argv: list[str] | None = None) -> int:
    """Tell the story, and print its numbers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=4, help="photos of each display (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args(argv)
    found = tell(args.seeds)
    if args.json:
        print(json.dumps(found, indent=1))
        return 0
    for display in DISPLAYS:
        before, after = (found[when][display] for when in ("before", "after"))
        for what in ("chosen", "best of the candidates"):
            print(f"{display:<6}{what:<24}{before[what]:>8.3f} -> {after[what]:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
