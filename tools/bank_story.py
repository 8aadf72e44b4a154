#!/usr/bin/env python3
"""What three entries by hand do for a photo of a kind that the bank lacks: IoU before and after.

    python tools/bank_story.py [--seeds 4] [--json]

Three garments of shapes that the bundled bank lacks are drawn by their measures and photographed laid, hung and worn,
so their true silhouettes are known. Then somebody adds three entries of each by the Bank page's own "From measures",
with round numbers set by eye, none of which is the garment. Each photo is retrieved before and after.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from PIL import Image

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


@dataclass(frozen=True)
class Story:
    """A garment of a kind that the bank lacks, and what somebody adds who has seen its photo.

    Args:
        kind: of the drafter.
        garment: its measures, cm; what is left out is the kind's usual.
        by_hand: of the three entries, round numbers.
    """

    kind: str
    garment: dict[str, float]
    by_hand: tuple[dict[str, float], ...]


def _set(*names: str) -> Callable[..., dict[str, float]]:
    return lambda *values: dict(zip(names, values, strict=True))


_sweater = _set("body_length", "chest", "waist", "hem", "shoulder_width", "sleeve_length")
_dress, _skirt = _set("body_length", "waist", "hem"), _set("skirt_length", "hip", "hem")
STORIES = {
    "circle skirt": Story(
        "skirt", _skirt(92, 62, 165), (_skirt(85, 60, 150), _skirt(90, 60, 160), _skirt(95, 70, 175))
    ),
    "trumpet dress": Story(
        "sleeveless_dress", _dress(137, 37, 158), (_dress(130, 35, 150), _dress(135, 40, 160), _dress(145, 40, 165))
    ),
    "oversized sweater": Story(
        "sweater",
        _sweater(62, 69, 71, 76, 58, 59),
        (_sweater(60, 65, 65, 70, 55, 55), _sweater(65, 70, 70, 70, 60, 60), _sweater(60, 70, 75, 80, 60, 60)),
    ),
}
DISPLAYS = ("laid", "hung", "worn")


def tell(seeds: int) -> dict[str, Any]:
    """Retrieve photos of each garment before and after its three entries; IoU of what is chosen with the truth."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        model = RAGDiffusion.from_pretrained()
        images, log = ImageStore(workspace / "images"), SessionLog(workspace / "studio.sqlite3")
        services, desk = Services(Engine(lambda: model), log, images, workspace), Desk()
        page.wire(desk, PageContext(services))  # type: ignore[arg-type]
        found = {name: _told(story, model, desk, seeds) for name, story in STORIES.items()}
        services.close()
    return found


def _told(story: Story, model: RAGDiffusion, desk: Desk, seeds: int) -> dict[str, Any]:
    truth = draft(story.kind, story.garment).rasterise(model.image_size) > 127
    sights = {
        (display, seed): model.see(photograph(story, display, seed)) for display in DISPLAYS for seed in range(seeds)
    }
    found, number = {"before": _chosen(model, sights, truth)}, len(model.bank)
    usual = {field["key"]: field["value"] for field in desk.ask("kind", kind=story.kind)["fields"]}
    for measures in story.by_hand:
        desk.ask("save", kind=story.kind, measures={**usual, **measures}, attributes={}, author="by hand")
    assert len(model.bank) == number + len(story.by_hand)
    return {**found, "after": _chosen(model, sights, truth)}


def photograph(story: Story, display: str, seed: int) -> Image.Image:
    """A photo of the garment in cloth and surroundings of a seed."""
    rng, drawing = np.random.default_rng([seed, 41]), GarmentEngine(512)
    structure = cut(draft(story.kind, story.garment), rng, spec_of(story.kind))
    flat = drawing.flat_lay(structure, drawing.texture(rng, structure))
    return Image.fromarray(drawing.photo(flat, rng, display).image)


def _chosen(model: RAGDiffusion, sights: dict[tuple[str, int], Any], truth: np.ndarray) -> dict[str, Any]:
    """By display: mean IoU of the chosen candidate and of the best candidate, and which were chosen."""
    answer: dict[str, Any] = {}
    for display in DISPLAYS:
        guides = [model.retrieve(sight) for (shown, _), sight in sights.items() if shown == display]
        best = [max(_iou(each.silhouette.numpy(), truth) for each in guide.candidates) for guide in guides]
        answer[display] = {
            "chosen": round(fmean(_iou(guide.landmark.numpy(), truth) for guide in guides), 3),
            "best candidate": round(fmean(best), 3),
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
    for name, told in found.items():
        for display in DISPLAYS:
            before, after = (told[when][display] for when in ("before", "after"))
            for what in ("chosen", "best candidate"):
                print(f"{name:<20}{display:<6}{what:<16}{before[what]:>7.3f} -> {after[what]:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
