"""Published SDXL over the studio's draft: a model that draws at once, without a training for garments.

The studio finds silhouette and draft; SDXL's UNet, as it was published, draws over the noised draft. It is its own
ReferenceNet: Eq. 4 shares keys and values, for which no weight is needed. There is nothing in it that reads a
landmark, so what lies outside is kept white step by step.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

from ragdiffusion.draft.appearance_flow import AppearanceFlow
from ragdiffusion.generation.builder.paper import check_fit, check_text
from ragdiffusion.generation.builder.published import load_scheduler, load_text_branch, load_unet, load_vae, open_sdxl
from ragdiffusion.generation.parts import load_part
from ragdiffusion.structure.silhouette_net import SilhouetteNet
from ragdiffusion.structure.structure_net import StructureNet

SEEING = {"structure_net": StructureNet, "appearance_flow": AppearanceFlow, "silhouette_net": SilhouetteNet}
"""Parts of the studio that look at the photo."""


def refine_components(
    sdxl: str | Path, studio: Path, *, variant: str | None = None, dtype: torch.dtype = torch.float32
) -> dict[str, Any]:
    """Every component of the pipeline.

    Args:
        sdxl: folder or hub id of SDXL base.
        studio: checkpoint whose eyes are taken.
        variant: of the published weights.
        dtype: of the published parts.

    Raises:
        ValueError: if a part can't be loaded or two do not fit together.
    """
    folder = open_sdxl(sdxl)
    vae = load_vae(folder / "vae", variant=variant, dtype=dtype)
    unet = load_unet(folder / "unet", variant=variant, dtype=dtype)
    check_fit(vae, unet)
    text = load_text_branch(folder, variant=variant, dtype=dtype)
    check_text(text, unet)
    return {
        "vae": vae,
        "text_encoder": text.text_encoder,
        "tokenizer": text.tokenizer,
        "text_encoder_2": text.text_encoder_2,
        "tokenizer_2": text.tokenizer_2,
        "unet": unet,
        "reference_net": None,
        "ep_adapter": None,
        "landmark_guider": None,
        "scheduler": load_scheduler(folder / "scheduler"),
        **{name: load_part(kind, studio / name) for name, kind in SEEING.items()},
    }


def copy_eyes(studio: Path, out: Path) -> None:
    """Bring what looks at the photo, and the bank that it was made for, into a checkpoint, byte for byte.

    A bank is tied to the encoder's file, which is not to be written anew in another precision.
    """
    for name in SEEING:
        shutil.rmtree(out / name, ignore_errors=True)
        shutil.copytree(studio / name, out / name)
    shutil.copyfile(studio / "bank.sqlite3", out / "bank.sqlite3")
