"""From a sight and its structure guide to the finished picture (3.3), and to drafts and larger copies of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from PIL import Image
from torch.nn import functional as F

from ragdiffusion.attributes import caption
from ragdiffusion.config import SamplingDefaults
from ragdiffusion.draft.appearance_flow import FlowPrediction
from ragdiffusion.draft.completion import completed_notes
from ragdiffusion.draft.garment_view import GarmentView
from ragdiffusion.draft.inside import show_inside
from ragdiffusion.draft.placement import Placer
from ragdiffusion.draft.relighting import Relighting
from ragdiffusion.draft.warping import seen_share, warp
from ragdiffusion.garments.patterns import Pattern
from ragdiffusion.generation.finishing import (
    SHOWN_SIZE,
    enlarge_landmark,
    enlarge_picture,
    finish,
    largest_size,
    source_side,
)
from ragdiffusion.generation.pipeline import PipelineOutput, RAGDiffusionPipeline
from ragdiffusion.images import photo_to_array, photo_to_tensor, tensor_to_images, tensor_to_mask_image
from ragdiffusion.memory import peak_rss_mb
from ragdiffusion.retrieval.guide import StructureGuide
from ragdiffusion.retrieval.sight import Sight

StepListener = Callable[[int, int, Callable[[], Image.Image]], None]
"""Called after each step with its number, their number and a function giving a preview; may raise
`GenerationCancelled`."""

PictureSize = int | Literal["photo"] | None
"""Side of a picture: pixels, "photo" for the photo's own up to `SHOWN_SIZE`, or None for the model's."""


class GenerationCancelled(Exception):  # noqa: N818 - an outcome, not an error
    """Raised by a step listener to stop a run."""


@dataclass(frozen=True)
class Draft:
    """A photo warped into landmarks by the appearance flow.

    Attributes:
        images: K pictures on white.
        visibility: (K, H, W) in [0, 1]: the point is seen in the photo.
        flow: (K, 2, h, w): where it lies, (x, y) in [-1, 1] of the padded photo.
        seen: K shares of the landmarks, in [0, 1], that the photo shows.
    """

    images: list[Image.Image]
    visibility: torch.Tensor
    flow: torch.Tensor
    seen: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Order:
    """A picture to make.

    Attributes:
        sight: of the photo.
        guide: that it follows.
        size: of the picture.
        outline: what the landmark was drawn from, if it was: a larger picture follows it.
    """

    sight: Sight
    guide: StructureGuide
    size: PictureSize = None
    outline: Pattern | None = None


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
        seen: share of the landmark, in [0, 1], that the photo shows; None in a preset without a draft.
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
    seen: float | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should be told of the picture, in lines."""
        return () if self.seen is None else completed_notes(self.seen)


@dataclass(frozen=True)
class Enlarged:
    """A finished picture at a larger size.

    Attributes:
        image: RGB, on white.
        silhouette: L, the landmark that it is mixed with the white by.
    """

    image: Image.Image
    silhouette: Image.Image


class Generator:
    """Makes pictures of sights under guides.

    Args:
        pipeline: on its device, in eval mode.
        defaults: of sampling.
        checkpoint: fingerprint of the weights.
        placer: lays landmarks over worn garments; None: all are laid by their outlines.
        relight: finds what takes the light of wearing off the drafts of worn garments; None: they keep it.
    """

    def __init__(
        self,
        pipeline: RAGDiffusionPipeline,
        defaults: SamplingDefaults,
        checkpoint: str,
        placer: Placer | None = None,
        relight: Relighting | None = None,
    ) -> None:
        self._pipeline, self._defaults, self._checkpoint = pipeline, defaults, checkpoint
        self._placer, self._relight = placer, relight
        self._size: int = pipeline.config.image_size

    @torch.no_grad()
    def draft(self, sight: Sight, landmark: torch.Tensor, *, size: int | None = None) -> Draft:
        """Warp the photo's garment into landmarks.

        Args:
            sight: of the photo.
            landmark: (H, W) or (K, H, W) in [0, 1].
            size: side of the pictures; None: the model's. Pixels come from the photo at its own resolution.
        """
        size = self._size if size is None else size
        stack = landmark[None] if landmark.ndim == 2 else landmark
        masks = F.interpolate(self._there(stack[:, None]), size=(size, size), mode="bilinear", antialias=True)
        garment = self._garment(sight)
        found = self._pipeline.find_flow(self._photo(sight, self._size), masks, garment)
        side = source_side(found.flow, masks, size=size, photo_side=sight.longer_side)
        warped = warp(self._photo(sight, side), masks, found, garment)
        images = tensor_to_images(self._on_white(sight, warped.image, masks, found))
        seen = tuple(seen_share(warped.visibility, masks).tolist())
        return Draft(images=images, visibility=warped.visibility[:, 0].cpu(), flow=found.flow.cpu(), seen=seen)

    def generate(
        self,
        sight: Sight,
        guide: StructureGuide,
        *,
        seed: int,
        steps: int | None,
        strength: float | None,
        guidance: float | None,
        size: PictureSize,
        outline: Pattern | None = None,
        on_step: StepListener | None,
    ) -> GenerationResult:
        """Generate the flat-lay of a sight's garment under a guide; arguments and errors as in `RAGDiffusion`.

        `outline` is what the landmark was drawn from, if it was: a larger picture follows it.
        """
        (made,) = self.generate_several(
            [Order(sight, guide, size, outline)],
            seed=seed,
            steps=steps,
            strength=strength,
            guidance=guidance,
            on_step=on_step,
        )
        return made

    def generate_several(
        self,
        orders: Sequence[Order],
        *,
        seed: int,
        steps: int | None,
        strength: float | None,
        guidance: float | None,
        on_step: StepListener | None = None,
    ) -> list[GenerationResult]:
        """Generate pictures of several photos in one call of the model, which a GPU does faster than one by one.

        They differ from those of single calls by rounding only. Other arguments and errors are as in `RAGDiffusion`.
        """
        started = time.perf_counter()
        if not isinstance(seed, int) or not 0 <= seed < 2**63:
            raise ValueError(f"seed is {seed!r}, a whole number from 0 to 2^63 - 1 wanted")
        steps = self._defaults.steps if steps is None else steps
        strength = self._defaults.strength if strength is None else strength
        guidance = self._defaults.guidance if guidance is None else guidance
        sizes = [self._checked_size(order.size, order.sight) for order in orders]

        def listener(step: int, count: int, preview: Callable[[], torch.Tensor]) -> None:
            if on_step is not None:
                on_step(step, count, lambda: tensor_to_images(preview())[0])

        guides = [order.guide for order in orders]
        views = [view for order in orders if (view := self._garment(order.sight)) is not None]
        output = self._pipeline(
            torch.cat([self._photo(order.sight, self._size) for order in orders]),
            self._there(torch.stack([guide.landmark for guide in guides])[:, None]),
            self._there(torch.stack([guide.embedding for guide in guides])),
            [caption(guide.attributes) for guide in guides],
            seeds=[seed] * len(orders),
            num_inference_steps=steps,
            guidance_scale=guidance,
            strength=strength,
            garment=GarmentView.together(views) if views else None,
            on_step=listener,
        )
        share = (time.perf_counter() - started) * 1e3 / len(orders)
        settings = {"seed": seed, "steps": steps, "strength": strength, "guidance": guidance}
        return [
            self._finished(order, output.row(i), sizes[i], spent_ms=share, settings=settings)
            for i, order in enumerate(orders)
        ]

    def _finished(
        self, order: Order, output: PipelineOutput, size: int, *, spent_ms: float, settings: dict[str, Any]
    ) -> GenerationResult:
        started, sight, guide, outline = time.perf_counter(), order.sight, order.guide, order.outline
        landmark = self._there(guide.landmark[None, None])
        if output.draft is None:
            draft, seen, finished = None, None, output.images * landmark + (1 - landmark)
        else:
            draft = tensor_to_images(output.draft.image)[0]
            seen = float(seen_share(output.draft.visibility, landmark))
            exact = self._exact(landmark[0, 0], size, outline)
            finished = finish(
                self._pipeline,
                output,
                exact,
                lambda side: self._photo(sight, side),
                size=size,
                photo_side=sight.longer_side,
                garment=self._seen(sight),
            )
            large = enlarge_landmark(exact, size)
            finished = self._on_white(sight, finished, large, output.draft.prediction)
            if outline is not None and sight.garment is not None and sight.garment.worn:
                finished = show_inside(finished, outline, large, output.draft.visibility)
        spent = sum(guide.timings_ms.values()) + spent_ms + (time.perf_counter() - started) * 1e3
        timings = {**guide.timings_ms, **output.timings_ms, "total": spent}
        return GenerationResult(
            image=tensor_to_images(finished)[0],
            draft=draft,
            landmark=guide.landmark,
            guide=guide,
            **settings,
            timings_ms=timings,
            checkpoint=self._checkpoint,
            bank_version=guide.bank_version,
            peak_rss_mb=peak_rss_mb(),
            seen=seen,
        )

    @torch.no_grad()
    def enlarge(
        self,
        sight: Sight,
        picture: Image.Image,
        landmark: torch.Tensor,
        *,
        size: PictureSize,
        outline: Pattern | None = None,
    ) -> Enlarged:
        """Bring a finished picture to a larger size; arguments and errors as in `RAGDiffusion`."""
        size = self._checked_size(size, sight)
        if picture.size != (self._size, self._size):
            raise ValueError(
                f"the picture is {picture.width}x{picture.height}, {self._size}x{self._size} wanted: "
                "pictures of another model can't be enlarged"
            )
        silhouette = self.silhouette(landmark, size, outline)
        if size == self._size:
            return Enlarged(picture.convert("RGB"), silhouette)
        base = self._there(photo_to_tensor(picture.convert("RGB"), self._size))
        large = enlarge_picture(
            self._pipeline,
            base,
            self._exact(self._there(landmark), size, outline),
            lambda side: self._photo(sight, side),
            size=size,
            photo_side=sight.longer_side,
            garment=self._garment(sight),
        )
        return Enlarged(tensor_to_images(large)[0], silhouette)

    def silhouette(self, landmark: torch.Tensor, size: int, outline: Pattern | None = None) -> Image.Image:
        """A landmark as a finished picture of a size follows it; arguments as in `RAGDiffusion`."""
        return tensor_to_mask_image(enlarge_landmark(self._exact(landmark.float(), size, outline), size)[0, 0])

    def _exact(self, landmark: torch.Tensor, size: int, outline: Pattern | None) -> torch.Tensor:
        """A landmark (H, W) as (1, 1, S, S): drawn at the size wanted where its outline is known, else as it is."""
        if outline is None or size <= landmark.shape[-1]:
            return landmark[None, None]
        return torch.from_numpy(outline.rasterise(size)).to(landmark)[None, None] / 255

    @torch.no_grad()
    def opacity(self, sight: Sight, landmark: torch.Tensor, size: int, outline: Pattern | None = None) -> Image.Image:
        """A picture's opacity; arguments as in `RAGDiffusion`."""
        large = self._there(enlarge_landmark(self._exact(landmark.float(), size, outline), size))
        if sight.alpha is None or self._pipeline.appearance_flow is None:
            return tensor_to_mask_image(large[0, 0])
        small = F.interpolate(large, size=(self._size, self._size), mode="bilinear", antialias=True)
        found = self._pipeline.find_flow(self._photo(sight, self._size), small, self._garment(sight))
        return tensor_to_mask_image(self._opacity(sight, large, found)[0, 0])

    def _opacity(self, sight: Sight, landmark: torch.Tensor, found: FlowPrediction) -> torch.Tensor:
        """A landmark times the opacity of the cloth that the flow lays in it, (B, 1, H, W) in [0, 1]."""
        alpha = sight.alpha_tensor(min(sight.longer_side, landmark.shape[-1]))
        if alpha is None:
            return landmark
        warped = warp(self._there(alpha), landmark, found).image - (1 - landmark)
        return torch.minimum(warped.clamp(0, 1), landmark)

    def _on_white(
        self, sight: Sight, picture: torch.Tensor, landmark: torch.Tensor, found: FlowPrediction
    ) -> torch.Tensor:
        """A picture through whose sheer cloth white shines, in place of the ground that its cut-out was laid on."""
        if sight.ground == 1:
            return picture
        shining = landmark - self._opacity(sight, landmark, found)
        return (picture + shining * 2 * (1 - sight.ground)).clamp(-1, 1)

    def largest_size(self, photo: Image.Image) -> int:
        """Largest side of a photo's picture, pixels."""
        if self._pipeline.appearance_flow is None:
            return self._size
        return largest_size(max(photo.size), self._size)

    def _photo(self, sight: Sight, side: int) -> torch.Tensor:
        return self._there(sight.tensor(side))

    def _seen(self, sight: Sight) -> GarmentView | None:
        """The garment where its place in the landmark is known already."""
        mask = sight.garment_tensor()
        if mask is None or sight.garment is None:
            return None
        return GarmentView(self._there(mask), relight=self._relight if sight.garment.worn else None)

    def _garment(self, sight: Sight) -> GarmentView | None:
        view = self._seen(sight)
        if view is None or self._placer is None or sight.garment is None or not sight.garment.worn:
            return view
        pixels = photo_to_array(sight.image, 2 * self._size)
        return replace(view, place=self._placer.over(pixels, sight.garment.mask, sight.garment.labels))

    def _there(self, tensor: torch.Tensor) -> torch.Tensor:
        # The pipeline's own way to name its device asks every part.
        return tensor.to(next(self._pipeline.structure_net.parameters()).device)

    def _checked_size(self, size: PictureSize, sight: Sight) -> int:
        limit = self.largest_size(sight.image)
        if size is None:
            size = self._size
        elif size == "photo":
            size = min(limit, max(SHOWN_SIZE, self._size))
        if not isinstance(size, int) or not self._size <= size <= limit:
            raise ValueError(
                f"size is {size!r}, a whole number from {self._size} to {limit} wanted, the most for a "
                f"photo of {sight.image.width}x{sight.image.height}, or 'photo'"
            )
        return size
