"""Parts of a checkpoint, each read from its folder: our own classes strictly, the scheduler by its numbers."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler
from diffusers.models.modeling_utils import ModelMixin
from safetensors.torch import load_file
from transformers import CLIPTextModel, CLIPTextModelWithProjection, PreTrainedModel
from transformers.initialization import no_init_weights

from ragdiffusion.draft.appearance_flow import AppearanceFlow
from ragdiffusion.generation.autoencoder import GarmentAutoencoder
from ragdiffusion.generation.conditioners import EPAdapter, LandmarkGuider
from ragdiffusion.structure.silhouette_net import SilhouetteNet
from ragdiffusion.structure.structure_net import StructureNet

OWN_CLASSES = {
    "GarmentAutoencoder": GarmentAutoencoder,
    "StructureNet": StructureNet,
    "EPAdapter": EPAdapter,
    "LandmarkGuider": LandmarkGuider,
    "AppearanceFlow": AppearanceFlow,
    "SilhouetteNet": SilhouetteNet,
}

_TEXT_ENCODERS: dict[str, type[PreTrainedModel]] = {
    kind.__name__: kind for kind in (CLIPTextModel, CLIPTextModelWithProjection)
}
FULL_PRECISION = ("structure_net", "appearance_flow", "silhouette_net")
"""Parts that compute in float32 always: what they say of a photo must be what they said of the bank's pictures."""


def load_parts(folder: Path, index: Mapping[str, Any], dtype: torch.dtype) -> dict[str, Any]:
    """Read what diffusers would not read as strictly, or as quickly.

    Args:
        folder: of the checkpoint.
        index: what its model_index.json says: each part's name, and the module and name of its class.
        dtype: what the drawing half computes in.

    Raises:
        ValueError: if weights are not exactly those of this version.
    """
    parts: dict[str, Any] = {}
    for name, entry in index.items():
        if not isinstance(entry, list | tuple) or len(entry) != 2:
            continue
        module, kind = entry[0], OWN_CLASSES.get(entry[1])
        if kind is not None:
            # diffusers wants the module that the class had when it was saved, wherever it stands today
            sys.modules.setdefault(module, sys.modules[kind.__module__])
            parts[name] = load_part(kind, folder / name, torch.float32 if name in FULL_PRECISION else dtype)
        elif entry[1] in _TEXT_ENCODERS:
            parts[name] = _load_text_encoder(_TEXT_ENCODERS[entry[1]], folder / name, dtype)
        elif entry[1] == DDIMScheduler.__name__:
            parts[name] = _load_scheduler(folder / name)
    return parts


def load_part(kind: type[ModelMixin], folder: Path, dtype: torch.dtype = torch.float32) -> ModelMixin:
    """Read one of our own parts from its folder, strictly.

    Raises:
        ValueError: if its weights are not exactly those of this version.
    """
    part, report = kind.from_pretrained(
        folder,
        dtype=dtype,
        low_cpu_mem_usage=False,
        use_safetensors=True,
        local_files_only=True,
        output_loading_info=True,
    )
    if wrong := [*report["missing_keys"], *report["unexpected_keys"]]:  # diffusers would make up what is missing
        raise ValueError(
            f"{folder}: the weights do not fit {kind.__name__} (names that differ: {len(wrong)}, one is "
            f"{wrong[0]}); take the checkpoint made for this version"
        )
    return part


def _load_text_encoder(kind: type[PreTrainedModel], folder: Path, dtype: torch.dtype) -> PreTrainedModel:
    """Read a text encoder; transformers' own way, for files of other names, imports torch's compiler on its way."""
    file = folder / "model.safetensors"
    if file.is_file():
        with no_init_weights():
            encoder = kind(kind.config_class.from_pretrained(folder, local_files_only=True))
        weights = load_file(file)
        if weights.keys() == encoder.state_dict().keys():
            encoder.load_state_dict(weights)
            return encoder.to(dtype).eval()
    return kind.from_pretrained(folder, dtype=dtype, use_safetensors=True, local_files_only=True)


def _load_scheduler(folder: Path) -> DDIMScheduler:
    """Read DDIM's schedule; diffusers' own way imports every scheduler that may stand in for it."""
    known = inspect.signature(DDIMScheduler).parameters
    config = DDIMScheduler.load_config(str(folder), local_files_only=True)
    return DDIMScheduler(**{name: value for name, value in config.items() if name in known})
