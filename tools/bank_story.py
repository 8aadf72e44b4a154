#!/usr/bin/env python3
"""What three entries by hand do for a photo of a kind that the bank lacks: IoU before and after.

    python tools/bank_story.py [--seeds 4] [--json]

The garment is a kaftan: a long dress with wide short sleeves. It is drawn by its measures and photographed laid, hung
and worn, so its true silhouette is known. Then somebody adds three entries by the Bank page's own "From measures", with
the round numbers that they would set by eye, none of which is the garment's. Each photo is retrieved before and after.
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

KIND = "dress"
GARMENT = {
    "body_length": 137.0,
    "chest": 58.0,
    "waist": 60.0,
    "hip": 68.0,
    "hem": 92.0,
    "shoulder_width": 48.0,
    "sleeve_length": 38.0,
    "sleeve_angle": 14.0,
    "armhole_depth": 27.0,
    "biceps": 25.0,
    "cuff": 43.0,
}
"""Its measures, cm and degrees; what is left out is the kind's usual."""
_SET = ("body_length", "chest", "waist", "hip", "hem", "sleeve_length", "biceps", "cuff")
BY_HAND = tuple(
    dict(zip(_SET, values, strict=True))
    for values in (
        (130, 55, 56, 62, 80, 35, 22, 35),
        (140, 60, 62, 72, 100, 40, 24, 45),
        (150, 55, 58, 70, 110, 45, 23, 50),
    )
)
"""What somebody sets who has seen the photo; each with a shoulder of 45 cm and sleeves at 20 degrees."""
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
            all_ = {**_usual(desk), "shoulder_width": 45, "sleeve_angle": 20, "armhole_depth": 25, **measures}
            desk.ask("save", kind=KIND, measures=all_, attributes={}, author="by hand")
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
