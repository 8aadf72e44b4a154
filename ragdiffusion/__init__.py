"""RAGDiffusion: a garment's standard flat-lay picture from a photo, by retrieval and diffusion.

    from ragdiffusion import RAGDiffusion
    model = RAGDiffusion.from_pretrained()
    guide = model.retrieve("photo.jpg", k=4, alpha=0.5)
    model.generate("photo.jpg", guide, seed=0).image.save("flat.png")
"""

from typing import Any

__version__ = "0.1.0"
__all__ = ["RAGDiffusion", "RAGDiffusionPipeline"]


def __getattr__(name: str) -> Any:
    """Import the heavy parts when they are first asked for."""
    if name == "RAGDiffusion":
        from ragdiffusion.api import RAGDiffusion
        return RAGDiffusion
    if name == "RAGDiffusionPipeline":
        from ragdiffusion.generation.pipeline import RAGDiffusionPipeline
        return RAGDiffusionPipeline
    if name in ("GarmentAutoencoder", "StructureNet", "EPAdapter", "LandmarkGuider", "AppearanceFlow"):
        from ragdiffusion.generation import pipeline
        return pipeline.OWN_CLASSES[name]
    raise AttributeError(f"module 'ragdiffusion' has no attribute {name!r}")
