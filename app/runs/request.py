"""From what lies on a bench to the inputs that the log keeps, and from those back to what a worker runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from app.files.image_store import ImageStore
from app.files.pictures import mask_png, unit_mask
from app.runs.changes import same_candidates
from app.runs.job import Request
from app.runs.photos import look_at, read_photo
from app.session_log.framing import Framing
from app.session_log.patterns import drawn_pattern, logged_pattern
from app.session_log.values import RunInputs, mask_path
from ragdiffusion.parsing.found import GarmentChoice
from ragdiffusion.retrieval.guide import StructureGuide

if TYPE_CHECKING:
    from app.runs.past_banks import PastBanks
    from ragdiffusion.api import RAGDiffusion


def as_logged(guide: StructureGuide) -> StructureGuide:
    """Return a guide whose landmark is exactly what the log's 8-bit picture of it says."""
    return replace(guide, landmark=(guide.landmark * 255).round() / 255)


def guided_inputs(inputs: RunInputs, guide: StructureGuide, *, model: RAGDiffusion, images: ImageStore) -> RunInputs:
    """Return the inputs of a run with its guide in them.

    Args:
        inputs: owner, photo, garment and settings.
        guide: as the person left it.
        model: that will run it.
        images: keeps the landmark.
    """
    summary = guide.summary()
    return replace(
        inputs,
        k=summary["k"],
        alpha=summary["alpha"],
        attributes=dict(guide.attributes),
        checkpoint=summary["checkpoint"],
        bank_version=summary["bank_version"],
        candidates=summary["candidates"],
        consensus=summary["consensus"],
        choice=guide.choice,
        landmark_path=images.put(mask_png(guide.landmark), "png"),
        landmark_source=guide.landmark_source,
        pattern=logged_pattern(guide.pattern),
        preset=model.preset,
        device=str(model.device),
        embedding=guide.embedding.detach().float().cpu().numpy().astype("<f4").tobytes(),
    )


def request_of(
    inputs: RunInputs, *, model: RAGDiffusion, images: ImageStore, past: PastBanks
) -> tuple[Request, RunInputs]:
    """Make what a worker needs to run logged inputs.

    The guide is found in the bank as it was then, where that version is still there. Under the run's own checkpoint
    the inputs stay as they are, whatever became of the bank. A run whose guide was not found yet, and one of another
    checkpoint, take theirs from the model as it is now.

    Returns:
        The request, and the inputs as they will really be used.

    Raises:
        ValueError: if a picture is gone or cannot be read.
    """
    photo = read_photo(images.read(inputs.photo_path), inputs.photo_name, Framing.read(inputs.framing))
    sight = look_at(model, photo, garment_of(inputs, images))
    with past.of(model, inputs.bank_version) as bank:
        settings = {"k": min(inputs.k, len(bank)), "alpha": inputs.alpha, "attributes": inputs.attributes}
        guide = model.retrieve(sight, bank=bank, **settings)
    if not inputs.landmark_path:
        guide = as_logged(guide)
    else:
        landmark, same = _landmark(inputs, guide, images), same_candidates(inputs, guide)
        # An outline is drawn by the pattern of its entry, which another candidate of that place may not be.
        source = inputs.landmark_source if same or inputs.landmark_source == "drafted" else "edited"
        own = {"landmark_source": source, "choice": inputs.choice if same else None}
        guide = replace(guide, landmark=landmark, pattern=drawn_pattern(inputs.pattern), **own)
    if inputs.landmark_path and inputs.checkpoint == model.checkpoint:
        guide = replace(guide, attributes=dict(inputs.attributes))
        if inputs.embedding is not None:
            stored = torch.from_numpy(np.frombuffer(inputs.embedding, "<f4").astype(np.float32))
            guide = replace(guide, embedding=stored.to(guide.embedding))
        used = replace(inputs, preset=model.preset, device=str(model.device))
    else:
        used = guided_inputs(inputs, guide, model=model, images=images)
    return Request(sight, guide, inputs.sampling), used


def garment_of(inputs: RunInputs, images: ImageStore) -> GarmentChoice | None:
    """Return which garment of the photo a run means.

    Raises:
        ValueError: if its mask is gone.
    """
    meant = inputs.garment
    if meant is None:
        return None
    if "mask" in meant:
        return unit_mask(images.read(mask_path(meant))).numpy()
    return meant["name"] if "name" in meant else tuple(meant["point"])


def garment_as_logged(garment: GarmentChoice | None, images: ImageStore) -> dict[str, Any] | None:
    """Return a garment as the log keeps it; a mask goes into the image store, in 8 bits."""
    if garment is None:
        return None
    if isinstance(garment, np.ndarray):
        name = images.put(mask_png(torch.from_numpy(garment)), "png")
        return {"mask": name.partition("/")[2].partition(".")[0]}
    return {"name": garment} if isinstance(garment, str) else {"point": [float(value) for value in garment]}


def _landmark(inputs: RunInputs, guide: StructureGuide, images: ImageStore) -> Tensor:
    """Return the landmark as it was used."""
    chosen = inputs.landmark_source in ("consensus", "candidate")
    if inputs.embedding is None and chosen and same_candidates(inputs, guide):
        # Runs of the first schema used a silhouette of the bank before it was rounded to the log's 8 bits.
        return guide.neighbours.silhouettes[guide.consensus if inputs.choice is None else inputs.choice]
    plane = unit_mask(images.read(inputs.landmark_path))
    if plane.shape != guide.landmark.shape:
        raise ValueError(
            f"the run's outline has {plane.shape[1]} x {plane.shape[0]} pixels, and this model wants "
            f"{guide.landmark.shape[1]} x {guide.landmark.shape[0]}: restore it and draw the outline again"
        )
    return plane.to(guide.landmark)
