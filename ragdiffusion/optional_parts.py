"""Parts of a checkpoint that it may lack: each in a folder of its own, loaded beside the pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from diffusers.models.modeling_utils import ModelMixin

Part = TypeVar("Part", bound=ModelMixin)


def open_part(kind: type[Part], folder: Path, device: str, *, called: str = "") -> Part | None:
    """Load a part in float32 to be used, not trained; None where the folder holds none.

    Args:
        kind: its class.
        folder: of its config and weights.
        device: torch device.
        called: what a message calls it; its class's name by default.

    Raises:
        ValueError: if what is there can't be read.
    """
    if not (folder / kind.config_name).is_file():
        return None
    try:
        part = kind.from_pretrained(folder)
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:150]
        raise ValueError(f"{folder} holds no whole {called or kind.__name__} ({reason})") from error
    return part.float().to(device).eval().requires_grad_(False)
