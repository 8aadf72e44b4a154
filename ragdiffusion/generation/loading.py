"""Opening a checkpoint: where it lies, and its pipeline on a device."""

from __future__ import annotations

from pathlib import Path

import torch

from ragdiffusion.config import assets_folder
from ragdiffusion.generation.compiling import require_compiler
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline

_LARGEST = 4096  # pixels of the side of a model's own pictures


def locate_checkpoint(checkpoint: str | Path | None, preset: str) -> Path:
    """Find the folder of a checkpoint, fetching it from the hub if it is named by a hub id.

    Args:
        checkpoint: folder in diffusers layout or hub id; None: the bundled one of the preset.
        preset: whose bundled checkpoint.

    Raises:
        ValueError: if there is none.
    """
    if checkpoint is None:
        bundled = assets_folder() / "checkpoints" / preset
        if not bundled.is_dir():
            raise ValueError(
                f"no weights are bundled for the preset {preset!r}: pass a checkpoint folder or hub id, "
                "or train one (docs/training.md)"
            )
        return bundled
    location = Path(checkpoint)
    if location.is_dir():
        return location
    if location.is_absolute() or str(checkpoint).count("/") != 1:
        raise ValueError(
            f"checkpoint {str(checkpoint)!r} not found: give a folder in diffusers layout or a hub id like name/model"
        )
    try:
        return Path(RAGDiffusionPipeline.download(str(checkpoint), use_safetensors=True))
    except OSError as error:
        raise ValueError(
            f"checkpoint {str(checkpoint)!r} is no folder here and can't be had from the hub: check the "
            "name and the network"
        ) from error


def open_pipeline(
    location: Path,
    preset: str,
    device: str | None,
    *,
    dtype: torch.dtype = torch.float32,
    offload: str = "whole",
    compiled: bool = False,
) -> RAGDiffusionPipeline:
    """Load a checkpoint's pipeline for use: on its device, in eval mode, without gradients.

    Args:
        location: folder in diffusers layout.
        preset: that it must be of.
        device: torch device; None takes a GPU where there is one.
        dtype: what the drawing half computes in.
        offload: how parts make room for each other, of `offload.MODES`.
        compiled: compile MainNet at its first call.

    Raises:
        ValueError: if it is incomplete or of another preset, the device can't be used, or what compiles is not there.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if compiled:
        require_compiler(device)
    pipeline = RAGDiffusionPipeline.from_pretrained(location, dtype=dtype)
    if pipeline.config.preset_name != preset:
        raise ValueError(
            f"{location}: a checkpoint of the preset {pipeline.config.preset_name!r}, {preset!r} was "
            f"asked for; pass --preset {pipeline.config.preset_name}"
        )
    size, packing = pipeline.config.image_size, pipeline.config.latent_packing
    if not isinstance(size, int) or not 8 <= size <= _LARGEST or packing not in (1, 2, 4):
        raise ValueError(
            f"{location}: model_index.json names pictures of {str(size)[:40]} pixels and a packing of "
            f"{str(packing)[:40]}, 8 to {_LARGEST} and 1, 2 or 4 wanted; take a whole copy"
        )
    try:
        pipeline.place(device, offload)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device {device!r} can't be used ({str(error).splitlines()[0]}); try cpu") from error
    pipeline.set_progress_bar_config(disable=True)
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval().requires_grad_(False)
    if compiled:
        pipeline.compile()
    return pipeline
