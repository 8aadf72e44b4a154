"""Does a picture keep to its landmark and to its photo's colours? Measured on photos whose garment is known."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import torch
from PIL import Image

from ragdiffusion.api import RAGDiffusion
from ragdiffusion.colour import delta_e_2000, mean_colour, srgb_to_lab
from ragdiffusion.garments import GarmentEngine
from ragdiffusion.garments.garment import RealGarment, load_garments, read_garment
from ragdiffusion.garments.spreadsheets import read_rows
from ragdiffusion.images import photo_to_tensor
from ragdiffusion.metrics.image import foreground_of, mask_iou
from ragdiffusion.training.sources import split_held_out

LANDMARKS = ("retrieved", "truth")
SPLITS = ("val", "held-out")
_DRAWN_SEEDS = 1 << 42  # no trainer draws these


@dataclass(frozen=True)
class FaithfulnessSample:
    """A photo whose garment is known.

    Attributes:
        name: of the garment.
        category: what kind it is.
        photo: a path, or the picture itself.
        photo_pixels: uint8 (N, N, 3), the photo padded to square.
        photo_mask: uint8 (N, N), the garment in it.
        standard: uint8 (N, N, 3), its flat-lay on white.
        silhouette: uint8 (N, N), the flat-lay's mask.
    """

    name: str
    category: str
    photo: Path | Image.Image
    photo_pixels: np.ndarray
    photo_mask: np.ndarray
    standard: np.ndarray
    silhouette: np.ndarray

    def photo_file(self) -> bytes:
        """The photo as the bytes of a file."""
        if isinstance(self.photo, Path):
            return self.photo.read_bytes()
        buffer = io.BytesIO()
        self.photo.save(buffer, format="PNG")
        return buffer.getvalue()


@dataclass(frozen=True)
class Faithfulness:
    """One picture's measures.

    Attributes:
        name: of the sample.
        category: of the sample.
        iou: of the picture's foreground with the landmark it was given.
        delta_e_mean_colour: ΔE2000 between the mean Lab colour of the picture's foreground and that of the photo's
            garment. It needs no correspondence, and sees shifts of colour only, not of pattern.
        delta_e_pixelwise: median over the foreground of ΔE2000 to the known flat-lay; None unless the landmark was
            the flat-lay's own silhouette, since only then do pixels correspond.
    """

    name: str
    category: str
    iou: float
    delta_e_mean_colour: float
    delta_e_pixelwise: float | None


def folder_garments(folder: Path, size: int, limit: int | None, *, split: str = "val") -> list[RealGarment]:
    """Real garments that no training draws, spread evenly over a folder's list.

    Args:
        folder: holds `val.csv` beside `val/CATEGORY/ID.jpg` and `.png`; `val` itself will do.
        size: side N of the pictures, pixels.
        limit: at most so many; None: all.
        split: "val", or "held-out": the garments of `train.csv` that no trainer draws. What ships is chosen on the
            latter, for `val` measures and nothing else.

    Raises:
        ValueError: if the list is empty, or it or a file in it can't be read, or there is no such split.
    """
    folder, part = _root_of(folder, split)
    table = folder / f"{part}.csv"
    if not table.is_file():
        raise ValueError(
            f"{folder}: no {part}.csv here; a folder with {part}.csv beside {part}/CATEGORY/ID.jpg and ID.png is wanted"
        )
    if split == "val":
        garments = load_garments(folder, part, size, limit=limit)
    else:
        rows = split_held_out(list(read_rows(table)))[1]
        if limit is not None and limit < len(rows):
            rows = [rows[i] for i in np.linspace(0, len(rows) - 1, limit).astype(int)]
        garments = [
            read_garment(
                folder / part / row["category"] / f"{row['id']}.jpg",
                folder / part / row["category"] / f"{row['id']}.png",
                size,
                category=row["category"],
                symmetry=float(row["symmetry"]),
            )
            for row in rows
        ]
    if not garments:
        raise ValueError(f"{table} lists no garment: one at least is wanted")
    return garments


def folder_samples(folder: Path, size: int, limit: int | None, *, split: str = "val") -> list[FaithfulnessSample]:
    """Samples of a folder of real garments; arguments and errors as in `folder_garments`."""
    root, part = _root_of(folder, split)
    return [
        FaithfulnessSample(
            name=g.name,
            category=g.category,
            photo=root / part / g.category / f"{g.name}.jpg",
            photo_pixels=g.photo,
            photo_mask=g.photo_mask,
            standard=g.standard,
            silhouette=g.alpha,
        )
        for g in folder_garments(folder, size, limit, split=split)
    ]


def _root_of(folder: Path, split: str) -> tuple[Path, str]:
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}, one of {', '.join(SPLITS)} wanted")
    part = "val" if split == "val" else "train"
    inner = folder.name == part and not (folder / f"{part}.csv").is_file()
    return (folder.parent if inner else folder), part


def drawn_samples(size: int, limit: int, *, display: str | None = None) -> list[FaithfulnessSample]:
    """The same number of samples from the garment engine, which works on any machine.

    Args:
        size: side N of the pictures, pixels.
        limit: so many.
        display: "laid", "hung" or "worn"; None: as the engine mixes them.
    """
    engine = GarmentEngine(size)
    samples = []
    for seed in range(_DRAWN_SEEDS, _DRAWN_SEEDS + limit):
        rng = np.random.default_rng([seed, 2025])
        structure = engine.structure(rng)
        flat = engine.flat_lay(structure, engine.texture(rng, structure))
        photo = engine.photo(flat, rng, display)
        category = structure.category if structure.category != "Unknown" else structure.kind
        samples.append(
            FaithfulnessSample(
                name=f"synthetic-{seed}",
                category=category,
                photo=Image.fromarray(photo.image),
                photo_pixels=photo.image,
                photo_mask=photo.mask,
                standard=flat.image,
                silhouette=flat.silhouette,
            )
        )
    return samples


def measure(
    model: RAGDiffusion, samples: Sequence[FaithfulnessSample], *, landmark: str = "retrieved"
) -> Iterator[Faithfulness]:
    """Generate every sample's flat-lay with the checkpoint's defaults and seed 0, and measure it.

    Args:
        model: to measure.
        samples: of the model's image size.
        landmark: "retrieved": what the bank gives; "truth": the sample's own silhouette.

    Raises:
        ValueError: if `landmark` is neither.
    """
    if landmark not in LANDMARKS:
        raise ValueError(f"landmark is {landmark!r}, one of {', '.join(LANDMARKS)} wanted")
    for sample in samples:
        guide = model.retrieve(sample.photo)
        if landmark == "truth":
            guide = guide.edit(torch.from_numpy(sample.silhouette / np.float32(255)))
        result = model.generate(sample.photo, guide, seed=0)
        yield compare(result.image, result.landmark, sample, aligned=landmark == "truth")


def compare(image: Image.Image, landmark: torch.Tensor, sample: FaithfulnessSample, *, aligned: bool) -> Faithfulness:
    """Measure one picture.

    Args:
        image: (N, N), the flat-lay made.
        landmark: (N, N) in [0, 1], what it was given.
        sample: what it was made from.
        aligned: the landmark is the sample's own silhouette, so pixels correspond.
    """
    lab = srgb_to_lab(photo_to_tensor(image, image.width))
    foreground = foreground_of(photo_to_tensor(image, image.width))
    # A picture without any foreground is compared as a whole: white.
    inside = foreground if bool(foreground.any()) else torch.ones_like(foreground)
    photo = srgb_to_lab(photo_to_tensor(Image.fromarray(sample.photo_pixels), image.width))
    photo_mask = torch.from_numpy(sample.photo_mask / np.float32(255))[None]
    colour = delta_e_2000(mean_colour(lab, inside), mean_colour(photo, photo_mask))
    pixelwise = None
    if aligned:
        standard = srgb_to_lab(photo_to_tensor(Image.fromarray(sample.standard), image.width))
        pixelwise = float(delta_e_2000(lab, standard)[inside > 0.5].median())
    return Faithfulness(
        name=sample.name,
        category=sample.category,
        iou=float(mask_iou(foreground, landmark[None])),
        delta_e_mean_colour=float(colour),
        delta_e_pixelwise=pixelwise,
    )


def summarise(each: Sequence[Faithfulness]) -> dict[str, Any]:
    """Sum up the measures of some pictures, at least one: mean and least IoU, medians of ΔE2000, and `each` of them."""
    summary: dict[str, Any] = {
        "count": len(each),
        "iou_mean": mean(one.iou for one in each),
        "iou_min": min(one.iou for one in each),
        "delta_e_mean_colour": median(one.delta_e_mean_colour for one in each),
    }
    pixelwise = [one.delta_e_pixelwise for one in each if one.delta_e_pixelwise is not None]
    if pixelwise:
        summary["delta_e_pixelwise"] = median(pixelwise)
    return {**summary, "each": [asdict(one) for one in each]}
