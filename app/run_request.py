"""From what lies on a bench to the inputs that the log keeps, and from those back to what the engine runs."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from app.engine import Request
from app.image_store import ImageStore
from app.pictures import unit_mask
from app.sampling import Sampling
from app.session_log import RunInputs
from ragdiffusion.images import load_photo, tensor_to_mask_image
from ragdiffusion.retrieval.guide import StructureGuide

if TYPE_CHECKING:
    from ragdiffusion.api import RAGDiffusion


def as_logged(guide: StructureGuide) -> StructureGuide:
    """A guide whose landmark is exactly what the log's 8-bit picture of it says."""
    return replace(guide, landmark=(guide.landmark * 255).round() / 255)


def inputs_of(
    guide: StructureGuide, sampling: Sampling, *, photo: RunInputs, model: RAGDiffusion, images: ImageStore
) -> RunInputs:
    """The inputs of a run.

    Args:
        guide: as the person left it.
        sampling: what they set.
        photo: as `photo_inputs` makes it: owner and photo.
        model: that will run it.
        images: keeps the landmark.
    """
    summary = guide.summary()
    return replace(
        photo,
        checkpoint=summary["checkpoint"],
        bank_version=summary["bank_version"],
        candidates=summary["candidates"],
        consensus=summary["consensus"],
        choice=guide.choice,
        alpha=summary["alpha"],
        k=summary["k"],
        attributes=dict(guide.attributes),
        landmark_path=images.put(png(tensor_to_mask_image(guide.landmark)), "png"),
        landmark_source=guide.landmark_source,
        **_sampled(sampling),
        preset=model.preset,
        device=str(model.device),
        embedding=guide.embedding.detach().float().cpu().numpy().astype("<f4").tobytes(),
    )


def photo_inputs(
    owner: str,
    name: str,
    *,
    sha256: str,
    path: str,
    sampling: Sampling,
    k: int,
    alpha: float,
    attributes: dict[str, str] | None = None,
) -> RunInputs:
    """The inputs of a run whose guide is to be found when its turn comes.

    Args:
        owner: login of the person.
        name: of the photo's file.
        sha256: of its bytes.
        path: in the image store.
        sampling: what they set.
        k: number of candidates.
        alpha: share of the reconstruction, in [0, 1].
        attributes: that override what is read.
    """
    return RunInputs(
        owner=owner,
        photo_sha256=sha256,
        photo_name=name,
        photo_path=path,
        checkpoint="",
        bank_version="",
        candidates=[],
        consensus=0,
        choice=None,
        alpha=float(alpha),
        k=int(k),
        attributes=attributes or {},
        landmark_path="",
        landmark_source="consensus",
        **_sampled(sampling),
        preset="",
        device="",
    )


def request_of(inputs: RunInputs, *, model: RAGDiffusion, images: ImageStore) -> tuple[Request, RunInputs]:
    """What the engine needs to run logged inputs, and the inputs as they will really be used.

    Under the run's own checkpoint they stay as they are, whatever became of the bank. A run whose guide was
    not found yet, and one of another checkpoint, take theirs from the model as it is now.

    Raises:
        ValueError: a picture is gone or cannot be read.
    """
    photo = load_photo(images.read(inputs.photo_path), name=inputs.photo_name)
    k = min(inputs.k, len(model.bank))
    guide = model.retrieve(photo, k=k, alpha=inputs.alpha, attributes=inputs.attributes)
    if not inputs.landmark_path:
        guide = as_logged(guide)
    else:
        guide = replace(
            guide,
            landmark=_landmark(inputs, guide, images),
            landmark_source=inputs.landmark_source,
            choice=inputs.choice,
        )
    sampling = sampling_of(inputs)
    if inputs.landmark_path and inputs.checkpoint == model.checkpoint:
        guide = replace(guide, attributes=dict(inputs.attributes))
        if inputs.embedding is not None:
            stored = torch.from_numpy(np.frombuffer(inputs.embedding, "<f4").astype(np.float32))
            guide = replace(guide, embedding=stored.to(guide.embedding))
        used = replace(inputs, preset=model.preset, device=str(model.device))
    else:
        used = inputs_of(guide, sampling, photo=inputs, model=model, images=images)
    return request(photo, guide, sampling), used


def request(photo: Image.Image, guide: StructureGuide, sampling: Sampling) -> Request:
    """What the engine runs."""
    return Request(
        photo=photo,
        guide=guide,
        seed=sampling.seed,
        steps=sampling.steps,
        strength=sampling.strength,
        guidance=sampling.guidance,
        colour_match=sampling.colour_match,
    )


def sampling_of(inputs: RunInputs) -> Sampling:
    """What the person had set."""
    return Sampling(
        seed=inputs.seed,
        steps=inputs.steps,
        strength=inputs.strength,
        guidance=inputs.guidance,
        colour_match=inputs.colour_match,
        background=inputs.background,
    )


def png(image: Image.Image) -> bytes:
    """A picture as PNG: pixels and nothing else."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _sampled(sampling: Sampling) -> dict[str, int | float | bool | str]:
    names = ("seed", "steps", "strength", "guidance", "colour_match", "background")
    return {name: getattr(sampling, name) for name in names}


def _landmark(inputs: RunInputs, guide: StructureGuide, images: ImageStore) -> Tensor:
    """The landmark as it was used."""
    then = [candidate["id"] for candidate in inputs.candidates]
    same = inputs.bank_version == guide.bank_version and then == [found.id for found in guide.candidates]
    if inputs.embedding is None and same and inputs.landmark_source != "edited":
        # Runs of the first schema used a silhouette of the bank before it was rounded to the log's 8 bits.
        return guide.neighbours.silhouettes[guide.consensus if inputs.choice is None else inputs.choice]
    plane = unit_mask(images.read(inputs.landmark_path))
    if plane.shape != guide.landmark.shape:
        raise ValueError(
            f"the run's outline has {plane.shape[1]} x {plane.shape[0]} pixels, and this model wants "
            f"{guide.landmark.shape[1]} x {guide.landmark.shape[0]}: restore it and draw the outline again"
        )
    return plane.to(guide.landmark)
