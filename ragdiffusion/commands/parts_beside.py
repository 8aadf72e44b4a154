"""Parts of a checkpoint that lie beside the pipeline's components: optional, and named in no model_index.json."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

PARTS_BESIDE = {
    "garment_parser": ("ragdiffusion.parsing.network", "GarmentParser"),
    "placement_net": ("ragdiffusion.draft.placement", "PlacementNet"),
    "relight_net": ("ragdiffusion.draft.relighting", "RelightNet"),
}
"""Their folders, and the module and class that each is loaded by."""


def parts_beside_in(folder: Path) -> list[str]:
    """List which of them a training left in a folder."""
    return [name for name in PARTS_BESIDE if (folder / name / "config.json").is_file()]


def class_of(name: str) -> type[torch.nn.Module]:
    """Import the class of such a part."""
    module, kind = PARTS_BESIDE[name]
    return getattr(importlib.import_module(module), kind)
