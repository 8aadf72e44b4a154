"""The model as its user holds it: `RAGDiffusion.from_pretrained()`, `retrieve`, `draft`, `generate`."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN, caption, encode, validate
from ragdiffusion.bank import Bank
from ragdiffusion.config import SamplingDefaults, assets_folder, get_preset
from ragdiffusion.fingerprint import ENCODER_PARTS, fingerprint
from ragdiffusion.garments.outlines import symmetrise
from ragdiffusion.generation.detail import carry_detail
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline
from ragdiffusion.guide import StructureGuide, build_guide
from ragdiffusion.images import (
    canonical_square,
    load_mask,
    load_photo,
    mask_to_tensor,
    photo_to_tensor,
    tensor_to_images,
)
from ragdiffusion.structure.framing import framed, largest_part

KEPT_NEIGHBOURS = 8  # fetched with every search, so that K can move without another
_SURE = 0.5  # an attribute is read when its value has more than this probability

PhotoSource = str | Path | bytes | Image.Image
StepListener = Callable[[int, int, Callable[[], Image.Image]], None]


class GenerationCancelled(Exception):  # noqa: N818 - an outcome, not an error
    """Raised by a step listener to stop a run."""


@dataclass(frozen=True)
class Draft:
    """A photo laid into landmarks by the appearance flow.

    Attributes:
        images: K pictures on white.
        visibility: (K, H, W) in [0, 1]: the point is seen in the photo.
        flow: (K, 2, h, w): where it lies, (x, y) in [-1, 1] of the padded photo.
    """

    images: list[Image.Image]
    visibility: torch.Tensor
    flow: torch.Tensor


@dataclass(frozen=True)
class GenerationResult:
    """A finished picture and all that made it.

    Attributes:
        image: the flat-lay.
        draft: what the denoiser started from; None in a preset without one.
        landmark: (H, W) in [0, 1], as the denoiser got it.
        guide: the structure guide used.
        seed: of the noise.
        steps: of DDIM asked for.
        strength: share of the schedule that was run.
        guidance: scale.
        timings_ms: `encode, search, slle, fuse, reference, denoise, decode`, and `total`, from photo to picture.
        checkpoint: fingerprint of the weights.
        bank_version: of the bank that the guide came from.
        peak_rss_mb: of this process so far.
    """

    image: Image.Image
    draft: Image.Image | None
    landmark: torch.Tensor
    guide: StructureGuide
    seed: int
    steps: int
    strength: float
    guidance: float
    timings_ms: dict[str, float]
    checkpoint: str
    bank_version: str
    peak_rss_mb: float


class RAGDiffusion:
    """Both halves of the system over one checkpoint and one bank.

    Make one with `from_pretrained`.

    Args:
        pipeline: on its device, in eval mode.
        bank: made by this checkpoint's encoder.
        checkpoint: fingerprint of the weights.
    """

    def __init__(self, pipeline: RAGDiffusionPipeline, bank: Bank, checkpoint: str) -> None:
        self.pipeline, self.bank, self.checkpoint = pipeline, bank, checkpoint
        self.preset: str = pipeline.config.preset_name
        self.image_size: int = pipeline.config.image_size
        self.defaults = SamplingDefaults(**(pipeline.config.sampling or asdict(get_preset(self.preset).defaults)))

    @classmethod
    def from_pretrained(cls, checkpoint: str | Path | None = None, *, preset: str = "studio",
                        bank: str | Path | None = None, device: str | None = None) -> RAGDiffusion:
        """Load a checkpoint and its bank.

        Args:
            checkpoint: folder in diffusers layout or hub id; None: the bundled one of the preset.
            preset: which preset's bundled checkpoint; a checkpoint that is given must be of this preset.
            bank: file or database URL; None: `bank.sqlite3` beside the checkpoint.
            device: torch device; None takes a GPU where there is one.

        Raises:
            ValueError: if the preset, checkpoint or bank does not exist or does not fit.
        """
        get_preset(preset)
        location = Path(checkpoint) if checkpoint is not None else assets_folder() / "checkpoints" / preset
        if checkpoint is None and not location.is_dir():
            raise ValueError(f"no weights are bundled for the preset {preset!r}: pass a checkpoint folder or hub id, "
                             "or train one (see README, Training)")
        if checkpoint is not None and not location.is_dir():
            if location.is_absolute() or str(checkpoint).count("/") != 1:
                raise ValueError(f"checkpoint {str(checkpoint)!r} not found: give a folder in diffusers layout "
                                 "or a hub id like name/model")
            try:
                location = Path(RAGDiffusionPipeline.download(str(checkpoint), use_safetensors=True))
            except OSError as error:
                raise ValueError(f"checkpoint {str(checkpoint)!r} is no folder here and can't be had from the hub: "
                                 "check the name and the network") from error
        pipeline = RAGDiffusionPipeline.from_pretrained(location)
        if pipeline.config.preset_name != preset:
            raise ValueError(f"{location}: a checkpoint of the preset {pipeline.config.preset_name!r}, {preset!r} was "
                             f"asked for; pass --preset {pipeline.config.preset_name}")
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        try:
            pipeline.to(device)
        except (RuntimeError, AssertionError) as error:
            raise ValueError(f"device {device!r} can't be used ({str(error).splitlines()[0]}); try cpu") from error
        pipeline.set_progress_bar_config(disable=True)
        for part in pipeline.components.values():
            if isinstance(part, torch.nn.Module):
                part.eval().requires_grad_(False)
        opened = Bank.open(location / "bank.sqlite3" if bank is None else bank, read_only=bank is None,
                           fingerprint=fingerprint(location, ENCODER_PARTS))
        return cls(pipeline, opened, fingerprint(location))

    @property
    def device(self) -> str:
        """Where the model computes."""
        return str(self.pipeline.device)

    @torch.no_grad()
    def read_attributes(self, photo: PhotoSource) -> dict[str, str]:
        """Read Table 6's attributes from a photo; those it is not sure of are "Unknown"."""
        return self._read(self._tokens(load_photo(photo)))

    @torch.no_grad()
    def retrieve(self, photo: PhotoSource, k: int | None = None, alpha: float | None = None,
                 attributes: Mapping[str, str] | None = None) -> StructureGuide:
        """Find the structure guide of a photo (3.1, 3.2).

        Args:
            photo: path, bytes or PIL image.
            k: candidates, from 1 to the bank's size; None: the preset's.
            alpha: share of the reconstruction in Eq. 3, in [0, 1]; None: the preset's.
            attributes: Table 6 values that override what is read from the photo.

        Raises:
            ValueError: if the photo, k, alpha or an attribute can't be used.
        """
        k = self.defaults.k if k is None else k
        alpha = self.defaults.alpha if alpha is None else alpha
        given = {key: value for key, value in validate(attributes or {}).items() if value != UNKNOWN}
        image = load_photo(photo)
        started = time.perf_counter()
        tokens = self._tokens(image)
        known = {**self._read(tokens), **given}
        codes = torch.tensor([encode(known)], device=tokens.device)
        query = self.pipeline.structure_net.embed(tokens, codes)[0].float().cpu()
        encoded = time.perf_counter()
        wanted = k if not isinstance(k, int) or k < 1 or k > len(self.bank) else max(k, min(KEPT_NEIGHBOURS,
                                                                                         len(self.bank)))
        neighbours = self.bank.search(query, wanted, size=self.image_size)
        searched = time.perf_counter()
        return build_guide(query, neighbours, k=k, alpha=alpha, attributes=known, checkpoint=self.checkpoint,
                           timings_ms={"encode": (encoded - started) * 1e3, "search": (searched - encoded) * 1e3})

    def landmark_from_mask(self, source: PhotoSource) -> torch.Tensor:
        """Read a landmark drawn elsewhere: (H, W) in [0, 1] at the guide's size.

        Raises:
            ValueError: if it can't be read, is not square, is smaller than 64 pixels or (nearly) empty or full.
        """
        mask = load_mask(source)
        height, width = mask.shape
        if height != width or height < 64:
            name = source if isinstance(source, str | Path) else "the landmark"
            raise ValueError(f"{name} is {width}x{height}: a landmark must be square and at least 64x64, "
                             f"best {2 * self.image_size}x{2 * self.image_size}")
        return mask_to_tensor(mask, self.image_size)[0]

    def photo_outline(self, photo: PhotoSource) -> torch.Tensor:
        """The garment's own outline as it lies in the photo, centred and made symmetric, to serve as a landmark.

        Good for garments laid or hung straight; a worn or crumpled one is better served by the bank.

        Args:
            photo: path, bytes or PIL image.

        Returns:
            (H, W) in [0, 1] at the guide's size.

        Raises:
            ValueError: if no garment is found in the photo.
            RuntimeError: if this preset has no appearance flow, which finds the garment.
        """
        if self.pipeline.appearance_flow is None:
            raise RuntimeError(f"the {self.preset} preset has no appearance flow to find the garment with")
        size = self.image_size
        mask = self.pipeline.garment_mask(photo_to_tensor(load_photo(photo), 2 * size).to(self.device))
        mask = F.interpolate(mask, size=(2 * size, 2 * size), mode="bicubic").clamp(0, 1)[0, 0].cpu().numpy()
        part = largest_part(mask)
        if part is None:
            raise ValueError("no garment is found in the photo: pick a candidate or bring an outline of your own")
        x, y, side = canonical_square(part)
        matrix = np.array([[size / side, 0, size / 2 - x * size / side], [0, size / side, size / 2 - y * size / side]])
        own = cv2.warpAffine(np.rint(part * 255).astype(np.uint8), matrix, (size, size), flags=cv2.INTER_LINEAR)
        return torch.from_numpy(symmetrise(own).astype(np.float32) / 255)

    @torch.no_grad()
    def draft(self, photo: PhotoSource, landmark: torch.Tensor, *, size: int | None = None) -> Draft:
        """Lay the photo's garment into landmarks.

        Args:
            photo: path, bytes or PIL image.
            landmark: (H, W) or (K, H, W) in [0, 1].
            size: side of the pictures; None: the model's. Pixels come from the photo at its own resolution.
        """
        image = load_photo(photo)
        size = self.image_size if size is None else size
        stack = landmark[None] if landmark.ndim == 2 else landmark
        masks = F.interpolate(stack[:, None].to(self.device), size=(size, size), mode="bilinear", antialias=True)
        source = photo_to_tensor(image, max(size, self.image_size)).to(self.device)
        laid = self.pipeline.draft(source, masks)
        return Draft(images=tensor_to_images(laid.image), visibility=laid.visibility[:, 0].cpu(),
                     flow=laid.flow.cpu())

    def generate(self, photo: PhotoSource, guide: StructureGuide | None = None, *, seed: int = 0,
                 steps: int | None = None, strength: float | None = None, guidance: float | None = None,
                 on_step: StepListener | None = None) -> GenerationResult:
        """Generate the flat-lay of a photo's garment under a guide (3.3).

        Args:
            photo: path, bytes or PIL image.
            guide: from `retrieve`, perhaps changed by a person; None retrieves one.
            seed: of the noise, from 0 to 2^63 - 1.
            steps: of DDIM; None: the preset's.
            strength: share of the schedule run, in (0, 1]; None: the preset's.
            guidance: scale, 1 is off; None: the preset's.
            on_step: called after each step with its number, their number and a function giving a preview; may
                raise `GenerationCancelled`.

        Raises:
            ValueError: if an input can't be used.
            GenerationCancelled: if the listener raised it.
        """
        image = load_photo(photo)
        guide = self.retrieve(image) if guide is None else guide
        started = time.perf_counter()
        if not isinstance(seed, int) or not 0 <= seed < 2**63:
            raise ValueError(f"seed is {seed!r}, a whole number from 0 to 2^63 - 1 wanted")
        steps = self.defaults.steps if steps is None else steps
        strength = self.defaults.strength if strength is None else strength
        guidance = self.defaults.guidance if guidance is None else guidance

        def listener(step: int, count: int, preview: Callable[[], torch.Tensor]) -> None:
            if on_step is not None:
                on_step(step, count, lambda: tensor_to_images(preview())[0])

        tensor = photo_to_tensor(image, self.image_size).to(self.device)
        landmark = guide.landmark[None, None].to(self.device)
        output = self.pipeline(tensor, landmark, guide.embedding[None].to(self.device), caption(guide.attributes),
                               seeds=[seed], steps=steps, guidance=guidance, strength=strength, on_step=listener)
        finished, draft = output.images, None
        if output.draft is not None:
            draft = tensor_to_images(output.draft.image)[0]
            finished = carry_detail(finished, output.draft.image, output.draft.visibility)
        finished = finished * landmark + (1 - landmark)
        spent = sum(guide.timings_ms.values()) + (time.perf_counter() - started) * 1e3
        timings = {**guide.timings_ms, **output.timings_ms, "total": spent}
        return GenerationResult(image=tensor_to_images(finished)[0], draft=draft, landmark=guide.landmark, guide=guide,
                                seed=seed, steps=steps, strength=strength, guidance=guidance, timings_ms=timings,
                                checkpoint=self.checkpoint, bank_version=guide.bank_version,
                                peak_rss_mb=peak_rss_mb())

    def _tokens(self, image: Image.Image) -> torch.Tensor:
        size = self.pipeline.structure_net.image_size
        if self.pipeline.appearance_flow is None:
            seen = photo_to_tensor(image, size)
        else:
            whole = photo_to_tensor(image, 2 * self.image_size)
            mask = self.pipeline.garment_mask(whole.to(self.device))
            square = framed(np.asarray(tensor_to_images(whole)[0]), mask[0, 0].cpu().numpy(), size)
            seen = photo_to_tensor(Image.fromarray(square), size)
        return self.pipeline.structure_net.tokens(seen.to(self.device), "photo")

    def _read(self, tokens: torch.Tensor) -> dict[str, str]:
        read: dict[str, Any] = {}
        for attribute, logits in zip(ATTRIBUTES, self.pipeline.structure_net.read_attributes(tokens), strict=True):
            probability, index = logits[0].softmax(-1).max(-1)
            read[attribute.key] = attribute.values[int(index)] if float(probability) > _SURE else UNKNOWN
        return read


def peak_rss_mb() -> float:
    """Most memory this process has held so far, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes here
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
