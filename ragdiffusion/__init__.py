"""RAGDiffusion: a garment's standard flat-lay picture from a photo, by retrieval and diffusion.

from ragdiffusion import RAGDiffusion
model = RAGDiffusion.from_pretrained()
guide = model.retrieve("photo.jpg", k=4, alpha=0.5)
model.generate("photo.jpg", guide, seed=0).image.save("flat.png")
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "AppearanceFlow": "ragdiffusion.draft.appearance_flow",
    "EPAdapter": "ragdiffusion.generation.conditioners",
    "GarmentAutoencoder": "ragdiffusion.generation.autoencoder",
    "LandmarkGuider": "ragdiffusion.generation.conditioners",
    "RAGDiffusion": "ragdiffusion.api",
    "RAGDiffusionPipeline": "ragdiffusion.generation.pipeline",
    "SilhouetteNet": "ragdiffusion.structure.silhouette_net",
    "StructureNet": "ragdiffusion.structure.structure_net",
}
"""Public class: the module it is imported from when it is first asked for, since torch and diffusers take seconds."""

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a public class."""
    if name not in _HOMES:
        raise AttributeError(f"module 'ragdiffusion' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Name the public classes too."""
    return sorted({*globals(), *__all__})
