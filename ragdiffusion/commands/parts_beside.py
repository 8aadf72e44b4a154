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

EIGHT_BITS = frozenset({"placement_net", "relight_net", "silhouette_net"})
"""Parts whose weights lose nothing that can be measured in eight bits (float8, four of exponent, three of mantissa)."""


def parts_beside_in(folder: Path) -> list[str]:
    """List which of them a training left in a folder."""
    return [name for name in PARTS_BESIDE if (folder / name / "config.json").is_file()]


def class_of(name: str) -> type[torch.nn.Module]:
    """Import the class of such a part."""
    module, kind = PARTS_BESIDE[name]
    return getattr(importlib.import_module(module), kind)


def made_small(name: str, part: torch.nn.Module) -> torch.nn.Module:
    """Make a part's weights float16, and where it bears that its matrices and kernels float8."""
    import torch

    part.half()
    if name in EIGHT_BITS:
        for weight in part.parameters():
            if weight.ndim > 1:
                weight.data = weight.data.to(torch.float8_e4m3fn)
    return part
