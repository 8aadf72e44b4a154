"""Published parsers in place of the bundled one: any SegFormer for human parsing, and SAM by point."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from ragdiffusion.parsing.labels import GARMENTS, LABEL, LABELS
from ragdiffusion.parsing.parse import Instance, Parse, likeliest_garment
from ragdiffusion.parsing.parser import Parser, coarse_to_fine, parse_of
from ragdiffusion.parsing.regions import components, top_below_jacket

if TYPE_CHECKING:
    from transformers import PreTrainedModel
    from transformers.image_processing_utils import BaseImageProcessor

_SIDE = 256  # longer side at which label probabilities are kept, pixels
_WORDS = {
    "ground": "background ground none unlabeled unlabelled void",
    "upper": "upper top tops shirt blouse tshirt sweatshirt sweater hoodie polo tank vest singlet",
    "outer": "coat jacket cardigan cape blazer outer outerwear parka",
    "lower": "skirt pants trousers shorts jeans leggings lower bottom bottoms",
    "dress": "dress gown jumpsuit jumpsuits romper overall overalls dungarees",
    "skin": "face skin arm arms leg legs hand hands foot feet neck torso",
    "hair": "hair",
}
"""Words of ATR's, LIP's, CIHP's and Fashionpedia's label names, by our label."""
_LABEL_OF = {word: name for name, words in _WORDS.items() for word in words.split()}
_COMPOUNDS = {"t shirt": "tshirt", "sweat shirt": "sweatshirt", "torso skin": "skin"}


def label_of(name: str) -> str:
    """Our label for a published one, such as "Upper-clothes" or "Left-arm"; "other" for all that is no garment.

    The first word that is known decides, so "dress shoes" would be a dress: no published set has such a name.
    """
    words = " ".join(re.findall(r"[a-z]+", name.lower()))
    for compound, word in _COMPOUNDS.items():
        words = words.replace(compound, word)
    return next((_LABEL_OF[word] for word in words.split() if word in _LABEL_OF), "other")


def label_table(names: dict[int, str]) -> np.ndarray:
    """The (9, N) matrix that sums a model's N label probabilities into ours.

    Raises:
        ValueError: if no name is a garment's, or none is the ground's.
    """
    table = np.zeros((len(LABELS), len(names)), np.float32)
    for index in range(len(names)):
        table[LABEL[label_of(names[index])], index] = 1
    if not table[LABEL["ground"]].any() or not table[[LABEL[name] for name in GARMENTS]].any():
        raise ValueError(
            f"its labels {', '.join(names.values())[:200]} hold no background or no garment: give a model "
            "for human parsing"
        )
    return table


class SegformerParser:
    """A SegFormer trained on human parsing; its labels are mapped by name.

    Made with `from_pretrained`.

    Args:
        model: `SegformerForSemanticSegmentation` in evaluation mode.
        image_processor: its own.
    """

    def __init__(self, model: PreTrainedModel, image_processor: BaseImageProcessor) -> None:
        self._model, self._image_processor = model, image_processor
        self._table = label_table({int(index): name for index, name in model.config.id2label.items()})

    @classmethod
    def from_pretrained(cls, location: str | Path, *, device: str = "cpu") -> SegformerParser:
        """Load a model from a folder in transformers layout, or by hub id.

        Raises:
            ValueError: if it can't be read, lacks weights, or is not for human parsing.
        """
        from transformers import SegformerForSemanticSegmentation

        return cls(*_loaded(SegformerForSemanticSegmentation, location, device, "a SegFormer"))

    def parse(self, photo: Image.Image, *, point: tuple[float, float] | None = None) -> Parse:
        """Parse an RGB photo; a point changes nothing."""
        pixels = np.asarray(photo.convert("RGB"))
        return parse_of(top_below_jacket(coarse_to_fine(pixels, self.label)), pixels)

    @torch.inference_mode()
    def label(self, picture: np.ndarray) -> np.ndarray:
        """Probabilities of our labels: float32 (9, h, w) in the picture's own proportions."""
        seen = self._image_processor(images=[Image.fromarray(picture)], return_tensors="pt").to(self._model.device)
        likely = self._model(pixel_values=seen["pixel_values"]).logits.float().softmax(1)[0]
        ours = torch.einsum("ln,nhw->lhw", torch.from_numpy(self._table).to(likely), likely)
        scale = _SIDE / max(picture.shape[:2])
        size = [max(1, round(side * scale)) for side in picture.shape[:2]]
        return F.interpolate(ours[None], size=size, mode="bilinear", align_corners=False)[0].cpu().numpy()


class SamParser:
    """SAM cuts out what is pointed at; another parser names the garments, and points at each.

    Made with `from_pretrained`.

    Args:
        model: `SamModel` in evaluation mode.
        image_processor: its own.
        naming: the parser that finds and names garments.
    """

    def __init__(self, model: PreTrainedModel, image_processor: BaseImageProcessor, naming: Parser) -> None:
        self._model, self._image_processor, self._naming = model, image_processor, naming

    @classmethod
    def from_pretrained(cls, location: str | Path, *, naming: Parser, device: str = "cpu") -> SamParser:
        """Load a model from a folder in transformers layout, or by hub id.

        Raises:
            ValueError: if it can't be read or lacks weights.
        """
        from transformers import SamModel

        return cls(*_loaded(SamModel, location, device, "a SAM"), naming)

    @torch.inference_mode()
    def parse(self, photo: Image.Image, *, point: tuple[float, float] | None = None) -> Parse:
        """Parse an RGB photo.

        Args:
            photo: to parse.
            point: (x, y) in pixels of the photo that somebody pointed at: only what lies there is cut out anew, and
                it is among the garments even where the other parser saw none.
        """
        photo = photo.convert("RGB")
        parse = self._naming.parse(photo)
        seen = self._image_processor(images=[photo], return_tensors="pt").to(self._model.device)
        embedded = self._model.get_image_embeddings(seen["pixel_values"])
        cut = lambda place, named: self._cut(seen, embedded, place, parse, named)  # noqa: E731
        if point is None:
            return replace(
                parse,
                instances=_largest_first(
                    [cut(interior_point(garment), garment) or garment for garment in parse.instances]
                ),
            )
        there = parse.at(*point)
        fresh = cut(point, there)
        kept = [garment for garment in parse.instances if garment is not there or fresh is None]
        return replace(parse, instances=_largest_first([*kept, *([fresh] if fresh is not None else [])]))

    def _cut(
        self,
        seen: dict[str, torch.Tensor],
        embedded: torch.Tensor,
        place: tuple[float, float],
        parse: Parse,
        named: Instance | None,
    ) -> Instance | None:
        """What lies at a place, as SAM is surest of it; None where that is nothing."""
        width, height = parse.photo_size
        reduced = seen["reshaped_input_sizes"][0].tolist()  # height and width of the photo as SAM sees it
        point = torch.tensor([[[[place[0] * reduced[1] / width, place[1] * reduced[0] / height]]]])
        found = self._model(image_embeddings=embedded, input_points=point.to(embedded), multimask_output=True)
        best = int(found.iou_scores[0, 0].argmax())
        plane = found.pred_masks[0, 0, best].float().sigmoid().cpu().numpy()  # (h, w) over the padded square
        used = plane[
            : max(1, round(plane.shape[0] * reduced[0] / max(reduced))),
            : max(1, round(plane.shape[1] * reduced[1] / max(reduced))),
        ]
        alpha = np.rint(cv2.resize(used, (width, height), interpolation=cv2.INTER_LINEAR) * 255).astype(np.uint8)
        x, y, w, h = cv2.boundingRect((alpha > 127).astype(np.uint8))
        if not w or not h:
            return None
        name = named.name if named is not None else likeliest_garment(parse, alpha > 127)
        confidence = float(found.iou_scores[0, 0, best].clamp(0, 1))
        return Instance(name, (x, y, x + w, y + h), alpha[y : y + h, x : x + w].copy(), parse.photo_size, confidence)


def interior_point(garment: Instance) -> tuple[float, float]:
    """The point farthest from the garment's edge, (x, y) in pixels of the photo."""
    largest = components(garment.alpha > 127)[0]
    inner = cv2.distanceTransform(np.pad(largest.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(inner.argmax()), inner.shape)
    return garment.box[0] + float(x) + 0.5, garment.box[1] + float(y) + 0.5


def _largest_first(garments: list[Instance]) -> tuple[Instance, ...]:
    return tuple(sorted(garments, key=lambda garment: -garment.area))


def _loaded(
    kind: type[PreTrainedModel], location: str | Path, device: str, what: str
) -> tuple[PreTrainedModel, BaseImageProcessor]:
    """A model and its image processor, whole.

    Raises:
        ValueError: if either can't be read, or weights are missing.
    """
    from safetensors import SafetensorError
    from transformers import AutoImageProcessor

    name = str(location)
    try:
        image_processor = AutoImageProcessor.from_pretrained(name, backend="pil")
        model, report = kind.from_pretrained(name, use_safetensors=True, output_loading_info=True)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"{name!r} can't be loaded as {what} ({reason}): give a folder with its config, preprocessor "
            "and safetensors, or a hub id and a network"
        ) from error
    if report["missing_keys"]:
        raise ValueError(
            f"{name!r} lacks {len(report['missing_keys'])} weights, such as "
            f"{min(report['missing_keys'])}: download or export it again"
        )
    return model.to(device).eval().requires_grad_(False), image_processor
