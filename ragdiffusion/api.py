"""The model as its user holds it: `RAGDiffusion.from_pretrained()`, `retrieve`, `draft`, `generate`."""

from __future__ import annotations

import logging
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from ragdiffusion.attributes import UNKNOWN, caption, encode, validate
from ragdiffusion.bank import Bank, Ranking
from ragdiffusion.config import SamplingDefaults, assets_folder, get_preset
from ragdiffusion.fingerprint import ENCODER_PARTS, fingerprint
from ragdiffusion.garments.outlines import symmetrise
from ragdiffusion.generation.finishing import (
    enlarge_landmark,
    enlarge_picture,
    finish,
    largest_size,
    source_side,
)
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline
from ragdiffusion.images import (
    canonical_square,
    load_mask,
    load_photo,
    mask_to_tensor,
    photo_to_array,
    photo_to_tensor,
    tensor_to_images,
    tensor_to_mask_image,
)
from ragdiffusion.retrieval.guide import Neighbours, StructureGuide, build_guide
from ragdiffusion.retrieval.ranking import EXPECTED_WEIGHT, OUTLINE_WEIGHT, RANKED_DEPTH, SYMMETRY_WEIGHT, shape_order
from ragdiffusion.structure.framing import framed, laid_over, largest_part, silhouette_frame
from ragdiffusion.structure.readers.choice import open_reader, parse_reader
from ragdiffusion.structure.readers.heads import head_probabilities, sure_reading, taught_attributes
from ragdiffusion.structure.readers.reading import AttributeReader, AttributeReading
from ragdiffusion.structure.readers.vote import VOTERS, Probabilities, VotingReader, voted_reading
from ragdiffusion.structure.silhouette_net import SilhouettePrediction

KEPT_NEIGHBOURS = 8  # fetched with every search, so that K can move without another
EMBEDDED_CONFIDENCE = 0.9  # of a read attribute that joins the embedding: a wrong one leads further astray than none

_LOG = logging.getLogger(__name__)

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


@dataclass(frozen=True)
class _Sight:
    """What retrieval sees in a photo.

    Attributes:
        tokens: (1, L, feature_dim) of the photo tower.
        probabilities: what the attribute heads give each value.
        ranking: the order in which what the embedding finds fits what is seen; None where no garment is.
    """

    tokens: torch.Tensor
    probabilities: Probabilities
    ranking: Ranking | None


@dataclass(frozen=True)
class Enlarged:
    """A finished picture at a larger size.

    Attributes:
        image: RGB, on white.
        silhouette: L, the landmark that it is mixed with the white by.
    """

    image: Image.Image
    silhouette: Image.Image


class RAGDiffusion:
    """Both halves of the system over one checkpoint and one bank.

    Make one with `from_pretrained`.

    Args:
        pipeline: on its device, in eval mode.
        bank: made by this checkpoint's encoder.
        checkpoint: fingerprint of the weights.
        reader: who reads the attributes: a reader, or its name as in `open_reader`.

    Raises:
        ValueError: if there is no such reader, or it can't be loaded.
    """

    def __init__(self, pipeline: RAGDiffusionPipeline, bank: Bank, checkpoint: str, *,
                 reader: str | AttributeReader = "heads") -> None:
        self.pipeline, self.bank, self.checkpoint = pipeline, bank, checkpoint
        self.preset: str = pipeline.config.preset_name
        self.image_size: int = pipeline.config.image_size
        self.defaults = SamplingDefaults(**(pipeline.config.sampling or asdict(get_preset(self.preset).defaults)))
        self._taught = {name: taught_attributes(net.attribute_heads) for name, net in
                        (("tower", pipeline.structure_net), ("silhouette", pipeline.silhouette_net))
                        if net is not None}
        self._voting = VotingReader(self._look)
        self.reader: AttributeReader = (
            open_reader(reader, heads=self._voting, device=self.device) if isinstance(reader, str) else reader)

    @classmethod
    def from_pretrained(cls, checkpoint: str | Path | None = None, *, preset: str = "studio",
                        bank: str | Path | None = None, device: str | None = None,
                        reader: str | AttributeReader = "heads") -> RAGDiffusion:
        """Load a checkpoint and its bank.

        Args:
            checkpoint: folder in diffusers layout or hub id; None: the bundled one of the preset.
            preset: which preset's bundled checkpoint; a checkpoint that is given must be of this preset.
            bank: file or database URL; None: `bank.sqlite3` beside the checkpoint.
            device: torch device; None takes a GPU where there is one.
            reader: who reads the attributes: "heads", "qwen:FOLDER_OR_HUB_ID", the address of an OpenAI-compatible
                server (to which each photo is then sent), or any reader.

        Raises:
            ValueError: if the preset, checkpoint, bank or reader does not exist or does not fit.
        """
        get_preset(preset)
        if isinstance(reader, str):
            parse_reader(reader)  # before the weights are loaded, which takes seconds
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
        return cls(pipeline, opened, fingerprint(location), reader=reader)

    @property
    def device(self) -> str:
        """Where the model computes."""
        return str(next(self.pipeline.structure_net.parameters()).device)  # the pipeline's own way asks every part

    @property
    def on_disk(self) -> bool:
        """Whether the checkpoint is still where it was loaded from; without it all goes on until the next start."""
        folder = self.pipeline.name_or_path  # None if it was never loaded
        return folder is None or (Path(folder) / self.pipeline.config_name).is_file()

    @torch.no_grad()
    def read_attributes(self, photo: PhotoSource) -> AttributeReading:
        """Read Table 6's attributes from a photo; those the reader is not sure of are "Unknown"."""
        return self.reader.read(load_photo(photo))

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
        sight = self._see(image)
        # The heads have seen the photo already; other readers look at it themselves.
        heads = self.reader is self._voting
        reading = sure_reading(sight.probabilities, started=started) if heads else self.reader.read(image)
        if reading.note:
            _LOG.warning("%s", reading.note)
        query = self._embedding(sight.tokens, reading, given)
        encoded = time.perf_counter()
        neighbours = self._search(query, k, sight.ranking)
        if heads:  # what was found says more
            voters = self.bank.attributes(neighbours.ids[:VOTERS])
            reading = voted_reading(sight.probabilities, voters, started=started)
        known = {**reading.values, **given}
        searched = time.perf_counter()
        guide = build_guide(query, neighbours, k=k, alpha=alpha, attributes=known, checkpoint=self.checkpoint,
                            timings_ms={"encode": (encoded - started) * 1e3, "search": (searched - encoded) * 1e3})
        confidence = {key: share for key, share in reading.confidence.items() if key not in given}
        return replace(guide, attribute_confidence=confidence, attribute_note=reading.note)

    def _embedding(self, tokens: torch.Tensor, reading: AttributeReading, given: Mapping[str, str]) -> torch.Tensor:
        """e of a photo, (D,): of its tokens, the attributes that are given and those that were read surely."""
        sure = {key: value for key, value in reading.values.items()
                if reading.confidence.get(key, 0.0) >= EMBEDDED_CONFIDENCE}
        codes = torch.tensor([encode({**sure, **given})], device=tokens.device)
        return self.pipeline.structure_net.embed(tokens, codes)[0].float().cpu()

    @torch.no_grad()
    def _look(self, image: Image.Image) -> tuple[Probabilities, list[dict[str, str]]]:
        """What the heads say of a photo, and the attributes of the entries found for it."""
        sight = self._see(image)
        if not len(self.bank):
            return sight.probabilities, []
        reading = sure_reading(sight.probabilities, started=time.perf_counter())
        query = self._embedding(sight.tokens, reading, {})
        found = self._search(query, min(VOTERS, len(self.bank)), sight.ranking)
        return sight.probabilities, self.bank.attributes(found.ids[:VOTERS])

    def _see(self, image: Image.Image) -> _Sight:
        """Show a photo to the networks that retrieval asks."""
        net, mask = self.pipeline.structure_net, self._garment_mask(image)
        outline, shown = None, image
        if mask is not None:
            pixels = self._pixels(image)
            outline = self._outline(mask)
            shown = Image.fromarray(framed(pixels, mask, net.image_size))
        tokens = net.tokens(photo_to_tensor(shown, net.image_size).to(self.device), "photo")
        probabilities = head_probabilities(net.read_attributes(tokens), self._taught["tower"])
        if outline is None:
            return _Sight(tokens, probabilities, None)
        evidence = [(outline, OUTLINE_WEIGHT)]
        if self.pipeline.silhouette_net is not None:
            seen = self._silhouette_prediction(pixels, mask)
            evidence.append((_share_of_garment(seen), EXPECTED_WEIGHT))
            # It was taught on more, and sees shape better: where both have a say, its word counts.
            probabilities |= head_probabilities(seen.attributes, self._taught["silhouette"])
        return _Sight(tokens, probabilities, Ranking(RANKED_DEPTH, partial(shape_order, evidence=evidence, symmetry_weight=SYMMETRY_WEIGHT)))

    def _search(self, query: torch.Tensor, k: int, ranking: Ranking | None) -> Neighbours:
        """The k entries nearest to a photo and some more, so that K can move without another search."""
        if not isinstance(k, int) or not 1 <= k <= len(self.bank):
            return self.bank.search(query, k)  # which says what is wrong
        kept = min(max(k, KEPT_NEIGHBOURS), len(self.bank))
        return self.bank.search(query, kept, size=self.image_size, ranking=ranking)

    def _pixels(self, image: Image.Image) -> np.ndarray:
        """A photo as frames are cut out of it: uint8 (N, N, 3)."""
        return photo_to_array(image, 2 * self.image_size)

    def _silhouette_prediction(self, pixels: np.ndarray, mask: np.ndarray) -> SilhouettePrediction:
        """What SilhouetteNet makes of a photo's pixels and garment mask."""
        net = self.pipeline.silhouette_net
        photo, framed_mask = laid_over(pixels, mask, silhouette_frame(mask), net.config.input_size)
        seen = photo_to_tensor(Image.fromarray(photo), net.config.input_size).to(self.device)
        return net(seen, torch.from_numpy(framed_mask)[None, None].to(self.device))

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
        mask = self._garment_mask(load_photo(photo))
        if mask is None:
            raise RuntimeError(f"the {self.preset} preset has no appearance flow to find the garment with")
        outline = self._outline(mask)
        if outline is None:
            raise ValueError("no garment is found in the photo: pick a candidate or bring an outline of your own")
        return outline

    @torch.no_grad()
    def expected_silhouette(self, photo: PhotoSource) -> torch.Tensor:
        """The silhouette that the photo's garment would have, laid flat as the standard wants it.

        It is drawn, not retrieved: evidence by which retrieval ranks sound silhouettes, and no landmark itself.

        Args:
            photo: path, bytes or PIL image.

        Returns:
            (H, W) in [0, 1] at the guide's size, symmetric.

        Raises:
            ValueError: if no garment is found in the photo.
            RuntimeError: if this checkpoint has no SilhouetteNet.
        """
        if self.pipeline.silhouette_net is None:
            raise RuntimeError(f"the {self.preset} checkpoint has no SilhouetteNet to draw a silhouette with")
        image = load_photo(photo)
        mask = self._garment_mask(image)
        if largest_part(mask) is None:
            raise ValueError("no garment is found in the photo, so there is no silhouette to draw")
        size = (self.image_size, self.image_size)
        expected = _share_of_garment(self._silhouette_prediction(self._pixels(image), mask))
        return F.interpolate(expected[None, None], size=size, mode="bilinear")[0, 0]

    @torch.no_grad()
    def _garment_mask(self, image: Image.Image) -> np.ndarray | None:
        """Where the garment is in the padded photo, (h, w) in [0, 1]; None in a preset that cannot tell."""
        if self.pipeline.appearance_flow is None:
            return None
        whole = photo_to_tensor(image, self.pipeline.appearance_flow.config.input_size)
        return self.pipeline.garment_mask(whole.to(self.device))[0, 0].cpu().numpy()

    def _outline(self, mask: np.ndarray) -> torch.Tensor | None:
        """A garment mask as a landmark: (H, W) in [0, 1], centred and symmetric; None if it shows no garment."""
        size = self.image_size
        mask = cv2.resize(mask, (2 * size, 2 * size), interpolation=cv2.INTER_CUBIC).clip(0, 1)
        part = largest_part(mask)
        if part is None:
            return None
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
        found = self.pipeline.find_flow(photo_to_tensor(image, self.image_size).to(self.device), masks)
        side = source_side(found.flow, masks, size=size, photo_side=max(image.size))
        laid = self.pipeline.warp(photo_to_tensor(image, side).to(self.device), masks, found)
        return Draft(images=tensor_to_images(laid.image), visibility=laid.visibility[:, 0].cpu(),
                     flow=found.flow.cpu())

    def generate(self, photo: PhotoSource, guide: StructureGuide | None = None, *, seed: int = 0,
                 steps: int | None = None, strength: float | None = None, guidance: float | None = None,
                 size: int | None = None, on_step: StepListener | None = None) -> GenerationResult:
        """Generate the flat-lay of a photo's garment under a guide (3.3).

        Args:
            photo: path, bytes or PIL image.
            guide: from `retrieve`, perhaps changed by a person; None retrieves one.
            seed: of the noise, from 0 to 2^63 - 1.
            steps: of DDIM; None: the preset's.
            strength: share of the schedule run, in (0, 1]; None: the preset's.
            guidance: scale, 1 is off; None: the preset's.
            size: side of the picture, from the model's to `largest_size(photo)`; None: the model's. The detail of a
                larger one comes from the photo.
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
        size = self._checked_size(size, image)

        def listener(step: int, count: int, preview: Callable[[], torch.Tensor]) -> None:
            if on_step is not None:
                on_step(step, count, lambda: tensor_to_images(preview())[0])

        tensor = photo_to_tensor(image, self.image_size).to(self.device)
        landmark = guide.landmark[None, None].to(self.device)
        output = self.pipeline(tensor, landmark, guide.embedding[None].to(self.device), caption(guide.attributes),
                               seeds=[seed], steps=steps, guidance=guidance, strength=strength, on_step=listener)
        if output.draft is None:
            draft, finished = None, output.images * landmark + (1 - landmark)
        else:
            draft = tensor_to_images(output.draft.image)[0]
            photo_at = lambda side: photo_to_tensor(image, side).to(self.device)  # noqa: E731
            finished = finish(self.pipeline, output, landmark, photo_at, size=size, photo_side=max(image.size))
        spent = sum(guide.timings_ms.values()) + (time.perf_counter() - started) * 1e3
        timings = {**guide.timings_ms, **output.timings_ms, "total": spent}
        return GenerationResult(image=tensor_to_images(finished)[0], draft=draft, landmark=guide.landmark, guide=guide,
                                seed=seed, steps=steps, strength=strength, guidance=guidance, timings_ms=timings,
                                checkpoint=self.checkpoint, bank_version=guide.bank_version,
                                peak_rss_mb=peak_rss_mb())

    def largest_size(self, photo: PhotoSource) -> int:
        """Largest side that `generate` makes of a photo, pixels: the photo's own, at least the model's."""
        if self.pipeline.appearance_flow is None:
            return self.image_size
        return largest_size(max(load_photo(photo).size), self.image_size)

    @torch.no_grad()
    def enlarge(self, photo: PhotoSource, picture: Image.Image, landmark: torch.Tensor, *,
                size: int | None = None) -> Enlarged:
        """Bring a picture that `generate` made at the model's size to a larger one, without denoising it again.

        Args:
            photo: that it was made from.
            picture: RGB on white.
            landmark: (H, W) in [0, 1], what it was made with.
            size: as in `generate`.

        Raises:
            ValueError: if the photo or the size can't be used, or the picture is not of the model's size.
        """
        image = load_photo(photo)
        size = self._checked_size(size, image)
        if picture.size != (self.image_size, self.image_size):
            raise ValueError(f"the picture is {picture.width}x{picture.height}, {self.image_size}x{self.image_size} "
                             "wanted: pictures of another model can't be enlarged")
        silhouette = self.silhouette(landmark, size)
        if size == self.image_size:
            return Enlarged(picture.convert("RGB"), silhouette)
        photo_at = lambda side: photo_to_tensor(image, side).to(self.device)  # noqa: E731
        base = photo_to_tensor(picture.convert("RGB"), self.image_size).to(self.device)
        large = enlarge_picture(self.pipeline, base, landmark[None, None].to(self.device), photo_at, size=size,
                                photo_side=max(image.size))
        return Enlarged(tensor_to_images(large)[0], silhouette)

    def silhouette(self, landmark: torch.Tensor, size: int) -> Image.Image:
        """A landmark as a finished picture of a size follows it: L, 255 is garment.

        Args:
            landmark: (H, W) in [0, 1].
            size: side, pixels, at least H.
        """
        return tensor_to_mask_image(enlarge_landmark(landmark[None, None].float(), size)[0, 0])

    def _checked_size(self, size: int | None, image: Image.Image) -> int:
        size = self.image_size if size is None else size
        limit = self.largest_size(image)
        if not isinstance(size, int) or not self.image_size <= size <= limit:
            raise ValueError(f"size is {size!r}, a whole number from {self.image_size} to {limit} wanted, the most for "
                             f"a photo of {image.width}x{image.height}")
        return size


def _share_of_garment(seen: SilhouettePrediction) -> torch.Tensor:
    """The silhouette of one photo's impression, on the CPU: (h, w) in [0, 1]."""
    return seen.silhouette[0, 0].float().sigmoid().cpu()


def peak_rss_mb() -> float:
    """Most memory this process has held so far, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes here
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
