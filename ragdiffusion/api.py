"""The model as its user holds it: `RAGDiffusion.from_pretrained()`, then `see`, `retrieve`, `draft`, `generate`.

Long because it is the one place where all that a caller may do stands, with what it takes, gives and raises; the work
is done elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

import ragdiffusion.narrow_imports  # noqa: F401 - before all that imports diffusers or transformers
from ragdiffusion.bank import Bank
from ragdiffusion.config import KEPT_NEIGHBOURS, SamplingDefaults, get_preset
from ragdiffusion.draft.placement import Placer, load_placer
from ragdiffusion.draft.relighting import Relighting, load_relighting
from ragdiffusion.fingerprint import ENCODER_PARTS, fingerprint
from ragdiffusion.garments.patterns import MeasureError, Pattern
from ragdiffusion.garments.patterns import draft as draft_pattern
from ragdiffusion.generation.generator import (
    Draft,
    Enlarged,
    GenerationCancelled,
    GenerationResult,
    Generator,
    Order,
    PictureSize,
    StepListener,
)
from ragdiffusion.generation.loading import locate_checkpoint, open_pipeline
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline
from ragdiffusion.images import (
    cut_to_frame,
    lies_over,
    load_mask,
    load_photo,
    load_photo_and_alpha,
    mask_to_tensor,
    turned_plane,
)
from ragdiffusion.parsing.choice import parse_parser
from ragdiffusion.parsing.flow_finder import FlowFinder
from ragdiffusion.parsing.found import GarmentChoice, GarmentFinder
from ragdiffusion.parsing.opening import PART, load_bundled, open_parser
from ragdiffusion.parsing.parse import Parse
from ragdiffusion.parsing.parser import Parser
from ragdiffusion.parsing.parser_finder import ParserFinder
from ragdiffusion.parsing.recent import RecentParser
from ragdiffusion.retrieval.guide import StructureGuide
from ragdiffusion.retrieval.retriever import Retriever
from ragdiffusion.retrieval.sight import Observer, Sight
from ragdiffusion.retrieval.turning import guess_turn
from ragdiffusion.structure.readers.choice import parse_reader
from ragdiffusion.structure.readers.reading import AttributeReader, AttributeReading

__all__ = [
    "KEPT_NEIGHBOURS",
    "Draft",
    "Enlarged",
    "GenerationCancelled",
    "GenerationResult",
    "PhotoSource",
    "PictureSize",
    "RAGDiffusion",
    "Sight",
    "StepListener",
]

PhotoSource = str | Path | bytes | Image.Image | Sight
"""A photo as path, bytes or PIL image, or a sight of one, which spares another look."""


class RAGDiffusion:
    """Both halves of the system over one checkpoint and one bank.

    Make one with `from_pretrained`.

    Args:
        pipeline: on its device, in eval mode.
        bank: made by this checkpoint's encoder.
        checkpoint: fingerprint of the weights.
        reader: who reads the attributes: a reader, or its name as in `open_reader`.
        parser: who tells the garments of a photo apart; None: nobody, and the appearance flow finds the one there is.
        placer: who lays landmarks over garments that are worn; None: they are laid by their outlines.
        relight: who takes the light of wearing off their drafts; None: they keep it.

    Raises:
        ValueError: if there is no such reader, or it can't be loaded.
    """

    def __init__(
        self,
        pipeline: RAGDiffusionPipeline,
        bank: Bank,
        checkpoint: str,
        *,
        reader: str | AttributeReader = "heads",
        parser: Parser | None = None,
        placer: Placer | None = None,
        relight: Relighting | None = None,
    ) -> None:
        self.pipeline, self.checkpoint = pipeline, checkpoint
        self.preset: str = pipeline.config.preset_name
        self.image_size: int = pipeline.config.image_size
        self.defaults = SamplingDefaults.checked(pipeline.config.sampling or get_preset(self.preset).defaults)
        self.parser = None if parser is None else RecentParser(parser)
        self.observer = Observer(
            pipeline.structure_net, pipeline.silhouette_net, self._finder(self.parser), image_size=self.image_size
        )
        self.retriever = Retriever(
            self.observer, bank, image_size=self.image_size, checkpoint=checkpoint, reader=reader, device=self.device
        )
        self.generator = Generator(pipeline, self.defaults, checkpoint, placer, relight)
        self._others: dict[str, Bank] = {}  # opened for single retrievals

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path | None = None,
        *,
        preset: str = "studio",
        bank: str | Path | None = None,
        device: str | None = None,
        dtype: torch.dtype = torch.float32,
        offload: str = "whole",
        compiled: bool = False,
        reader: str | AttributeReader = "heads",
        parser: str = "bundled",
    ) -> RAGDiffusion:
        """Load a checkpoint and its bank.

        Args:
            checkpoint: folder in diffusers layout or hub id; None: the bundled one of the preset.
            preset: which preset's bundled checkpoint; a checkpoint that is given must be of this preset.
            bank: file or database URL; None: `bank.sqlite3` beside the checkpoint.
            device: torch device; None takes a GPU where there is one.
            dtype: what the drawing half computes in; what looks at photos computes in float32 always.
            offload: `whole`, `model` or `sequential`: how parts make room for each other on the device. A run that
                finds too little memory goes on in the next of these.
            compiled: compile MainNet, which takes minutes once and makes steps faster.
            reader: who reads the attributes: "heads", "qwen:FOLDER_OR_HUB_ID", the address of an OpenAI-compatible
                server (to which each photo is then sent), or any reader.
            parser: who tells garments apart: "bundled" (the checkpoint's, where it has one),
                "segformer:FOLDER_OR_HUB_ID" or "sam:FOLDER_OR_HUB_ID".

        Raises:
            ValueError: if the preset, checkpoint, bank, reader or parser does not exist or does not fit.
        """
        get_preset(preset)
        if isinstance(reader, str):
            parse_reader(reader)  # before the weights are loaded, which takes seconds
        parse_parser(parser)
        location = locate_checkpoint(checkpoint, preset)
        pipeline = open_pipeline(location, preset, device, dtype=dtype, offload=offload, compiled=compiled)
        opened = Bank.open(
            location / "bank.sqlite3" if bank is None else bank,
            read_only=bank is None,
            fingerprint=fingerprint(location, ENCODER_PARTS),
        )
        chosen = load_bundled(location / PART, device or pipeline.device)
        if parser != "bundled":
            chosen = open_parser(parser, bundled=chosen, device=device or pipeline.device)
        worn = {
            "placer": load_placer(location, device or pipeline.device),
            "relight": load_relighting(location, device or pipeline.device),
        }
        return cls(pipeline, opened, fingerprint(location), reader=reader, parser=chosen, **worn)

    def use_bank(self, bank: Bank) -> Bank:
        """Search another bank from now on, without loading anything else.

        Args:
            bank: made by this checkpoint's encoder.

        Returns:
            The bank that was searched until now, still open.

        Raises:
            ValueError: if another encoder made the bank.
        """
        before = self.bank
        self.retriever = self.retriever.over(self._fitting(bank))
        return before

    def _bank_of(self, bank: Bank | str | Path | None) -> Bank:
        if bank is None:
            return self.bank
        if isinstance(bank, Bank):
            return self._fitting(bank)
        if str(bank) not in self._others:
            self._others[str(bank)] = Bank.open(bank, fingerprint=self.bank.fingerprint, read_only=True)
        return self._others[str(bank)]

    def _fitting(self, bank: Bank) -> Bank:
        if bank.fingerprint != self.bank.fingerprint:
            raise ValueError(
                f"bank {bank.label} was made with encoder {bank.fingerprint}, and this model's is "
                f"{self.bank.fingerprint}: encode it for this one (`bank encode`)"
            )
        return bank

    def _finder(self, parser: Parser | None) -> GarmentFinder | None:
        flow = self.pipeline.appearance_flow
        alone = None if flow is None else FlowFinder(flow)
        return alone if parser is None else ParserFinder(parser, alone=alone)

    @property
    def bank(self) -> Bank:
        """The bank that is searched."""
        return self.retriever.bank

    @property
    def reader(self) -> AttributeReader:
        """Who reads the attributes."""
        return self.retriever.reader

    @property
    def device(self) -> str:
        """Where the model computes."""
        return str(next(self.pipeline.structure_net.parameters()).device)  # the pipeline's own way asks every part

    @property
    def on_disk(self) -> bool:
        """Whether the checkpoint is still where it was loaded from; without it all goes on until the next start."""
        folder = self.pipeline.name_or_path  # None if it was never loaded
        return folder is None or (Path(folder) / self.pipeline.config_name).is_file()

    def see(
        self, photo: PhotoSource, garment: GarmentChoice | None = None, *, name: str | None = None, turn: int = 0
    ) -> Sight:
        """Look at a photo once; all else takes what was seen.

        Args:
            photo: path, bytes or PIL image. A sight is returned as it is, unless another garment is meant.
            garment: which garment of the photo is meant: its name, a point (x, y) on it in pixels of the photo, or
                its mask (H, W) in [0, 1] of the photo's own size; None: the one that is cut out, where the photo is
                transparent elsewhere, or that it is most likely about.
            name: what to call the photo in messages; its file's name by default.
            turn: by how many degrees clockwise it is turned before: 0, 90, 180 or 270; what is meant in it is said of
                the photo as it is turned.

        Raises:
            ValueError: if the photo can't be read or turned so, or the garment can't be found.
        """
        if turn % 90:
            raise ValueError(f"turn is {turn}, 0, 90, 180 or 270 degrees wanted")
        if isinstance(photo, Sight):
            if turn % 360:
                raise ValueError("a sight is of a photo that was turned already: see the photo again")
            return photo if garment is None else self.observer.see(photo.photo, garment)
        image, alpha = load_photo_and_alpha(photo, name=name)
        if turn % 360:
            image = image.rotate(-turn, expand=True)  # by quarters, to the pixel
            alpha = None if alpha is None else turned_plane(alpha, turn)
        return self.observer.see(image, garment, alpha=alpha)

    def parse(self, photo: PhotoSource) -> Parse:
        """Tell what is where in a photo: its garments one by one, skin, hair and ground.

        Raises:
            ValueError: if the photo can't be read.
            RuntimeError: if this checkpoint has no parser.
        """
        if self.parser is None:
            raise RuntimeError(f"the {self.preset} checkpoint has no parser: give one, such as segformer:FOLDER_OR_ID")
        return self.parser.parse(photo.photo if isinstance(photo, Sight) else load_photo(photo))

    def looks_turned(self, photo: PhotoSource) -> int:
        """By how many quarters clockwise a photo should be turned, 0 to 3; 0 where that is not clear.

        A parser of another make than the checkpoint's makes no guess, as it is not known how sure it is when.

        Args:
            photo: path, bytes or PIL image of which no garment is known, or sight; of that the garment counts too.

        Raises:
            ValueError: if the photo can't be read.
        """
        label = getattr(getattr(self.parser, "parser", None), "label", None)
        if label is None:
            return 0
        sight = photo if isinstance(photo, Sight) else None
        image = load_photo(photo) if sight is None else sight.photo
        return guess_turn(label, self.observer, self.bank, image, sight)

    def read_attributes(self, photo: PhotoSource) -> AttributeReading:
        """Read Table 6's attributes from a photo; those the reader is not sure of are "Unknown"."""
        return self.reader.read(self._image(photo))

    def retrieve(
        self,
        photo: PhotoSource,
        k: int | None = None,
        alpha: float | None = None,
        attributes: Mapping[str, str] | None = None,
        *,
        bank: Bank | str | Path | None = None,
    ) -> StructureGuide:
        """Find the structure guide of a photo (3.1, 3.2).

        Args:
            photo: path, bytes, PIL image or sight.
            k: candidates, from 1 to the bank's size; None: the preset's.
            alpha: share of the reconstruction in Eq. 3, in [0, 1]; None: the preset's.
            attributes: Table 6 values that override what is read from the photo.
            bank: to search in place of the model's own: an open one, a file or a database's URL.

        Returns:
            The candidates and what they agree on; in `drafted` a pattern cut to the silhouette that is expected, which
            `guide.draft()` takes for the landmark.

        Raises:
            ValueError: if the photo, k, alpha, an attribute or the bank can't be used.
        """
        return self.retriever.over(self._bank_of(bank)).retrieve(
            self.see(photo),
            k=self.defaults.k if k is None else k,
            alpha=self.defaults.alpha if alpha is None else alpha,
            attributes=attributes or {},
        )

    def landmark_from_mask(
        self,
        source: str | Path | bytes | Image.Image | np.ndarray,
        *,
        photo: PhotoSource | None = None,
        invert: bool | None = None,
    ) -> torch.Tensor:
        """Read a landmark drawn elsewhere: (H, W) in [0, 1] at the guide's size.

        A mask that lies over the photo, as tools for segmentation export it, is brought into the canonical frame.

        Args:
            source: the mask; white, opaque or the lighter of two colours is garment.
            photo: that it may lie over.
            invert: whether it marks the ground; None: no, and one that looks so is refused.

        Raises:
            ValueError: if it can't be read, is neither square nor of the photo's shape, is smaller than 64 pixels,
                inverted or (nearly) empty or full.
        """
        mask = load_mask(source, invert=invert)
        height, width = mask.shape
        name = source if isinstance(source, str | Path) else "the landmark"
        large, best, remedy = min(height, width) >= 64, 2 * self.image_size, ""
        if large and photo is not None:
            image = self._image(photo)
            if lies_over(mask, image.size):
                return cut_to_frame(mask, self.image_size)
            remedy = f", or of the shape of the photo that it lies over, {image.width}x{image.height}"
        if not large or height != width:
            raise ValueError(
                f"{name} is {width}x{height}: a landmark must be square and at least 64x64, best "
                f"{best}x{best}{remedy or ', or be given with the photo that it lies over'}"
            )
        return mask_to_tensor(mask, self.image_size)[0]

    def photo_outline(self, photo: PhotoSource) -> torch.Tensor:
        """The garment's own outline as it lies in the photo, centred and made symmetric, to serve as a landmark.

        Good for garments laid or hung straight; a worn or crumpled one is better served by the bank.

        Args:
            photo: path, bytes, PIL image or sight.

        Returns:
            (H, W) in [0, 1] at the guide's size.

        Raises:
            ValueError: if no garment is found in the photo.
            RuntimeError: if this preset has nobody to find the garment.
        """
        return self.see(photo).require_outline()

    def expected_silhouette(self, photo: PhotoSource) -> torch.Tensor:
        """The silhouette that the photo's garment would have, laid flat as the standard wants it.

        It is drawn, not retrieved: evidence by which retrieval ranks sound silhouettes, and no landmark itself.

        Args:
            photo: path, bytes, PIL image or sight.

        Returns:
            (H, W) in [0, 1] at the guide's size, symmetric.

        Raises:
            ValueError: if no garment is found in the photo.
            RuntimeError: if this checkpoint has no SilhouetteNet.
        """
        if self.pipeline.silhouette_net is None:
            raise RuntimeError(f"the {self.preset} checkpoint has no SilhouetteNet to draw a silhouette with")
        expected = self.see(photo).expected
        if expected is None:
            raise ValueError("no garment is found in the photo, so there is no silhouette to draw")
        return F.interpolate(expected[None, None], size=(self.image_size,) * 2, mode="bilinear")[0, 0]

    def draft(self, photo: PhotoSource, landmark: torch.Tensor, *, size: int | None = None) -> Draft:
        """Warp the photo's garment into landmarks.

        Args:
            photo: path, bytes, PIL image or sight.
            landmark: (H, W) or (K, H, W) in [0, 1].
            size: side of the pictures; None: the model's. Pixels come from the photo at its own resolution.
        """
        return self.generator.draft(self.see(photo), landmark, size=size)

    def generate(
        self,
        photo: PhotoSource,
        guide: StructureGuide | None = None,
        *,
        seed: int = 0,
        steps: int | None = None,
        strength: float | None = None,
        guidance: float | None = None,
        size: PictureSize = None,
        on_step: StepListener | None = None,
    ) -> GenerationResult:
        """Generate the flat-lay of a photo's garment under a guide (3.3).

        Args:
            photo: path, bytes, PIL image or sight.
            guide: from `retrieve`, perhaps changed by a person; None retrieves one.
            seed: of the noise, from 0 to 2^63 - 1.
            steps: of DDIM; None: the preset's.
            strength: share of the schedule run, in (0, 1]; None: the preset's.
            guidance: scale, 1 is off; None: the preset's.
            size: side of the picture, from the model's to `largest_size(photo)`; "photo": the photo's own, up to
                1536; None: the model's. The detail of a larger one comes from the photo.
            on_step: called after each step with its number, their number and a function giving a preview; may
                raise `GenerationCancelled`.

        Raises:
            ValueError: if an input can't be used.
            GenerationCancelled: if the listener raised it.
        """
        sight = self.see(photo)
        guide = self.retrieve(sight) if guide is None else guide
        return self.generator.generate(
            sight,
            guide,
            seed=seed,
            steps=steps,
            strength=strength,
            guidance=guidance,
            size=size,
            outline=self.pattern(guide),
            on_step=on_step,
        )

    def generate_several(
        self,
        sights: Sequence[Sight],
        guides: Sequence[StructureGuide],
        *,
        seed: int = 0,
        steps: int | None = None,
        strength: float | None = None,
        guidance: float | None = None,
        sizes: Sequence[PictureSize] | None = None,
    ) -> list[GenerationResult]:
        """Generate the flat-lays of several photos in one call of the model, which a GPU does faster than one by one.

        They are those of `generate` up to rounding; all have the same seed and settings.

        Args:
            sights: of the photos, one or more.
            guides: one for each.
            seed, steps, strength, guidance: as in `generate`.
            sizes: of each picture, as in `generate`; None: the model's.

        Raises:
            ValueError: if an input can't be used.
        """
        if not len(sights) == len(guides) == len(sights if sizes is None else sizes) > 0:
            raise ValueError(f"{len(sights)} sights and {len(guides)} guides: one for each, and a size each, wanted")
        orders = [
            Order(sight, guide, size, self.pattern(guide))
            for sight, guide, size in zip(sights, guides, sizes or [None] * len(sights), strict=True)
        ]
        settings = {"seed": seed, "steps": steps, "strength": strength, "guidance": guidance}
        return self.generator.generate_several(orders, **settings)

    def pattern(self, guide: StructureGuide) -> Pattern | None:
        """The pattern that a guide's landmark was drawn from; None if it has none, or a person painted it.

        Its outline has the smooth edge of its curves at any size (`Pattern.rasterise`, `Pattern.svg`).
        """
        if guide.pattern is not None:
            return guide.pattern
        entry = guide.landmark_id
        spec = None if entry is None else guide.neighbours.patterns.get(entry)  # of the bank as it was searched
        try:
            return None if spec is None else draft_pattern(spec.kind, spec.measures)
        except MeasureError:  # of a version that knew other measures
            return None

    def largest_size(self, photo: PhotoSource) -> int:
        """Largest side that `generate` makes of a photo, pixels: the photo's own, at least the model's."""
        return self.generator.largest_size(self._image(photo))

    def enlarge(
        self,
        photo: PhotoSource,
        picture: Image.Image,
        landmark: torch.Tensor,
        *,
        size: PictureSize = None,
        pattern: Pattern | None = None,
    ) -> Enlarged:
        """Bring a picture that `generate` made at the model's size to a larger one, without denoising it again.

        Args:
            photo: that it was made from.
            picture: RGB on white.
            landmark: (H, W) in [0, 1], what it was made with.
            size: as in `generate`.
            pattern: that the landmark was drawn from, for an edge that is smooth at any size.

        Raises:
            ValueError: if the photo or the size can't be used, or the picture is not of the model's size.
        """
        return self.generator.enlarge(self.see(photo), picture, landmark, size=size, outline=pattern)

    def silhouette(self, landmark: torch.Tensor, size: int, pattern: Pattern | None = None) -> Image.Image:
        """A landmark as a finished picture of a size follows it: L, 255 is garment.

        Args:
            landmark: (H, W) in [0, 1].
            size: side, pixels, at least H.
            pattern: that the landmark was drawn from, as in `enlarge`.
        """
        return self.generator.silhouette(landmark, size, pattern)

    def opacity(
        self, photo: PhotoSource, landmark: torch.Tensor, size: int, pattern: Pattern | None = None
    ) -> Image.Image:
        """How opaque a finished picture of a size is: L, 255 is opaque.

        That is its silhouette, but where the photo came cut out with sheer cloth: there the cloth keeps its opacity.
        A picture on white is `colour * opacity + white * (1 - opacity)`.

        Args:
            photo: path, bytes, PIL image or sight.
            landmark: (H, W) in [0, 1].
            size: side, pixels, at least H.
            pattern: that the landmark was drawn from, as in `enlarge`.
        """
        return self.generator.opacity(self.see(photo), landmark, size, pattern)

    @staticmethod
    def _image(photo: PhotoSource) -> Image.Image:
        return photo.image if isinstance(photo, Sight) else load_photo(photo)
