"""The protocol by which finished pictures are judged against the known flat-lay, and `gap_closed`.

For every sample, T is the truth: the garment's flat-lay on white at the model's size. The model gets the untouched
photo and, with the landmark "truth", T's own silhouette, or, with "retrieved", what its bank gives. Everything else
is the checkpoint's default unless asked otherwise; the seed is 0. The picture O is what `generate` returns.

- Perceptual distances are those of `perceptual.py`. d is its LPIPS.
- `gap_closed` = (mean d(B) - mean d(O)) / (mean d(B) - mean d(R)), where B is the landmark filled with the mean
  colour of T inside it, on white, and R is the autoencoder's reconstruction of T. 0 is a silhouette of the right
  colour, 1 is all that the autoencoder can show. It is defined for the true landmark only. `draft_gap_closed` puts
  the bare draft in O's place.
- SSIM, LPIPS and DISTS stand for pictures aligned to T by their bounding boxes (11.1); `unaligned` has them as they
  are. ΔE2000 is the median of the aligned picture's pixels where both it and T show the garment, then the median
  over pictures.
- `landmark_iou` compares the picture's foreground with the landmark that it was given, both cut where an antialiased
  outline is half garment. (Counting every pixel that is not quite white, the truths themselves come to 0.96.)
- FID and KID compare all pictures, as they are, with all truths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import mean, median
from typing import Any

import torch
from PIL import Image

from ragdiffusion.api import RAGDiffusion
from ragdiffusion.colour import delta_e_2000, mean_colour, srgb_to_lab
from ragdiffusion.evaluation.generation.faithfulness import LANDMARKS, FaithfulnessSample
from ragdiffusion.images import photo_to_tensor
from ragdiffusion.metrics.image import align_by_box, foreground_of, mask_iou, psnr, ssim
from ragdiffusion.metrics.perceptual import (
    PerceptualFeatures,
    dists_distance,
    frechet_distance,
    kernel_distance,
    lpips_distance,
)

STANDARD_WEIGHTS = (
    "not measured: the weights these metrics are defined by (AlexNet, VGG-16 and Inception with their "
    "fitted layers) come from no package; the `_effnet` figures stand in for them"
)


@dataclass(frozen=True)
class Trial:
    """One picture made.

    Attributes:
        sample: what it was made from.
        landmark: (N, N) in [0, 1], what it was given.
        draft: the bare draft; None in a preset without one.
        output: the finished picture.
        seconds: from photo to picture.
    """

    sample: FaithfulnessSample
    landmark: torch.Tensor
    draft: Image.Image | None
    output: Image.Image
    seconds: float


@dataclass(frozen=True)
class Aligned:
    """What depends on where the garment lies."""

    ssim: float
    lpips_effnet: float
    dists_effnet: float


@dataclass(frozen=True)
class Measures:
    """One picture's measures.

    Attributes:
        name: of the sample.
        category: of the sample.
        landmark_iou: of the picture's foreground with its landmark.
        delta_e: median ΔE2000 to the truth; None where the two garments share no pixel.
        aligned: after alignment by bounding box.
        unaligned: as it is.
        filled: d(B), of the landmark filled with the garment's mean colour.
        draft: d of the bare draft; None in a preset without one.
        reconstructed: d(R), of the autoencoder's reconstruction.
        autoencoder_psnr: of that reconstruction, dB.
        seconds: from photo to picture.
    """

    name: str
    category: str
    landmark_iou: float
    delta_e: float | None
    aligned: Aligned
    unaligned: Aligned
    filled: float
    draft: float | None
    reconstructed: float
    autoencoder_psnr: float
    seconds: float


@dataclass(frozen=True)
class Judged:
    """Measures of a picture, and what the set's distances need.

    Attributes:
        measures: of the picture.
        pooled: (1280,) features of the picture.
        truth_pooled: (1280,) features of its truth.
    """

    measures: Measures
    pooled: torch.Tensor
    truth_pooled: torch.Tensor


def make_pictures(
    model: RAGDiffusion,
    samples: Sequence[FaithfulnessSample],
    *,
    landmark: str = "truth",
    steps: int | None = None,
    strength: float | None = None,
) -> Iterator[Trial]:
    """Generate every sample's flat-lay, seed 0.

    Args:
        model: to judge.
        samples: of the model's image size.
        landmark: "truth": the sample's own silhouette; "retrieved": what the bank gives.
        steps: of DDIM; None: the checkpoint's.
        strength: share of the schedule; None: the checkpoint's.

    Raises:
        ValueError: if `landmark` is neither, or steps or strength can't be used.
    """
    if landmark not in LANDMARKS:
        raise ValueError(f"landmark is {landmark!r}, one of {', '.join(LANDMARKS)} wanted")
    for sample in samples:
        guide = model.retrieve(sample.photo)
        if landmark == "truth":
            guide = guide.edit(_mask(sample)[0])
        result = model.generate(sample.photo, guide, seed=0, steps=steps, strength=strength)
        yield Trial(
            sample=sample,
            landmark=result.landmark,
            draft=result.draft,
            output=result.image,
            seconds=result.timings_ms["total"] / 1e3,
        )


def judge(
    trial: Trial,
    features: PerceptualFeatures,
    reconstruct: Callable[[torch.Tensor], torch.Tensor],
    *,
    device: str = "cpu",
) -> Judged:
    """Measure one picture.

    Args:
        trial: the picture and what it was made from.
        features: the perceptual network.
        reconstruct: (1, 3, N, N) in [-1, 1] to the autoencoder's answer.
        device: of the network and the autoencoder.
    """
    size = trial.output.width
    tensor = lambda image: photo_to_tensor(image, size).to(device)  # noqa: E731
    truth, output = tensor(Image.fromarray(trial.sample.standard)), tensor(trial.output)
    silhouette = _mask(trial.sample).to(device)
    foreground = foreground_of(output)
    aligned = align_by_box(output, foreground, foreground_of(truth))
    rebuilt = reconstruct(truth).float().clamp(-1, 1)
    levels, truth_pooled = features(truth)
    distance = lambda image: float(lpips_distance(features(image)[0], levels))  # noqa: E731
    moved, (own, pooled) = features(aligned)[0], features(output)
    return Judged(
        measures=Measures(
            name=trial.sample.name,
            category=trial.sample.category,
            landmark_iou=float(mask_iou(foreground, trial.landmark[None].to(device))),
            delta_e=_delta_e(aligned, truth, silhouette),
            aligned=Aligned(
                ssim=float(ssim(aligned, truth)),
                lpips_effnet=float(lpips_distance(moved, levels)),
                dists_effnet=float(dists_distance(moved, levels)),
            ),
            unaligned=Aligned(
                ssim=float(ssim(output, truth)),
                lpips_effnet=float(lpips_distance(own, levels)),
                dists_effnet=float(dists_distance(own, levels)),
            ),
            filled=distance(filled_landmark(truth, silhouette)),
            draft=None if trial.draft is None else distance(tensor(trial.draft)),
            reconstructed=distance(rebuilt),
            autoencoder_psnr=float(psnr(rebuilt, truth)),
            seconds=trial.seconds,
        ),
        pooled=pooled[0].cpu(),
        truth_pooled=truth_pooled[0].cpu(),
    )


def filled_landmark(truth: torch.Tensor, silhouette: torch.Tensor) -> torch.Tensor:
    """B: the silhouette in the garment's mean colour on white.

    Args:
        truth: (1, 3, N, N) in [-1, 1].
        silhouette: (1, N, N) in [0, 1].
    """
    return mean_colour(truth, silhouette)[..., None, None] * silhouette[:, None] + (1 - silhouette[:, None])


def summarise_generation(judged: Sequence[Judged], *, landmark: str) -> dict[str, Any]:
    """Sum up the judged pictures, at least two, as the module's text says.

    Args:
        judged: of every picture.
        landmark: what they were given; `gap_closed` is None for "retrieved".

    Raises:
        ValueError: if there are fewer than two.
    """
    each = [one.measures for one in judged]
    if len(each) < 2:
        raise ValueError(f"{len(each)} picture to judge, 2 at least wanted: FID and KID compare sets")
    pooled, truths = (torch.stack([getattr(one, name) for one in judged]) for name in ("pooled", "truth_pooled"))
    average = lambda part: {
        name: mean(getattr(one, part).__dict__[name] for one in each)  # noqa: E731
        for name in Aligned.__dataclass_fields__
    }
    filled, rebuilt = mean(one.filled for one in each), mean(one.reconstructed for one in each)
    closed = lambda d: (filled - d) / (filled - rebuilt)  # noqa: E731
    drafts = [one.draft for one in each if one.draft is not None]
    by_truth = landmark == "truth"
    unaligned = average("unaligned")
    return {
        "gap_closed": closed(unaligned["lpips_effnet"]) if by_truth else None,
        "draft_gap_closed": closed(mean(drafts)) if by_truth and drafts else None,
        "landmark_iou": mean(one.landmark_iou for one in each),
        "delta_e": median(one.delta_e for one in each if one.delta_e is not None),
        **average("aligned"),
        "fid_effnet": frechet_distance(pooled, truths),
        "kid_effnet": kernel_distance(pooled, truths),
        "seconds": median(one.seconds for one in each),
        "n": len(each),
        "unaligned": unaligned,
        "distances": {
            "filled": filled,
            "draft": mean(drafts) if drafts else None,
            "output": unaligned["lpips_effnet"],
            "reconstructed": rebuilt,
        },
        "autoencoder_psnr": mean(one.autoencoder_psnr for one in each),
        "lpips": None,
        "dists": None,
        "fid": None,
        "kid": None,
        "standard_weights": STANDARD_WEIGHTS,
        "each": [asdict(one) for one in each],
    }


def _mask(sample: FaithfulnessSample) -> torch.Tensor:
    return torch.from_numpy(sample.silhouette).float()[None] / 255


def _delta_e(picture: torch.Tensor, truth: torch.Tensor, silhouette: torch.Tensor) -> float | None:
    inside = (foreground_of(picture) > 0.5) & (silhouette > 0.5)
    if not bool(inside.any()):
        return None
    return float(delta_e_2000(srgb_to_lab(picture), srgb_to_lab(truth))[inside].median())
