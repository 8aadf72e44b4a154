"""The ablation's rows, and how each is measured: Table 2, Table 7, α and the number of steps.

Every row generates the same held-out garments with seed 0. The landmark is what the bank gives, except where a row
says otherwise, and the picture is judged as the denoiser's decoder returns it: no landmark cuts it out, no draft adds
detail. SSIM, LPIPS and DISTS stand for pictures aligned to the truth by bounding boxes (11.1); FID and KID compare the
sets as they are; all but SSIM on the features of `perceptual.py`. `iou` compares the picture's outline with the
truth's, unaligned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

import torch
from torch.nn import functional as F

from ragdiffusion.api import RAGDiffusion
from ragdiffusion.attributes import caption
from ragdiffusion.evaluation.generation.faithfulness import FaithfulnessSample
from ragdiffusion.generation.pipeline import RAGDiffusionPipeline
from ragdiffusion.images import load_photo, photo_to_tensor
from ragdiffusion.metrics.image import align_by_box, foreground_of, mask_iou, ssim
from ragdiffusion.metrics.perceptual import (
    PerceptualFeatures,
    dists_distance,
    frechet_distance,
    kernel_distance,
    lpips_distance,
)
from ragdiffusion.retrieval.guide import StructureGuide
from ragdiffusion.structure.framing import main_parts

HAZE = 0.1
"""How far from white a raw picture's garment must be: a young denoiser leaves a haze that 0.03 would call garment."""


@dataclass(frozen=True)
class AblationRow:
    """One line of a table.

    Attributes:
        label: as the table has it.
        variant: the denoiser, by name.
        k: neighbours of Eq. 2.
        alpha: of Eq. 3.
        strength: share of the schedule that is run.
        steps: of DDIM; None: as the ablation is asked for.
        predicted_mask: the landmark is the mask network's, not the bank's.
    """

    label: str
    variant: str
    k: int = 4
    alpha: float = 0.5
    strength: float = 1.0
    steps: int | None = None
    predicted_mask: bool = False

    def settings(self, steps: int) -> tuple:
        """What decides the pictures: rows that agree in it need be made once only."""
        return (self.variant, self.k, self.alpha, self.strength, self.steps or steps, self.predicted_mask)


TABLE_2 = (
    AblationRow("Vanilla Model", "vanilla"),
    AblationRow("+ emb", "emb"),
    AblationRow("+ emb + sil", "emb-sil"),
    AblationRow("Generating mask", "full", predicted_mask=True),
    AblationRow("+ emb + sil + PGEA (Full)", "full"),
    AblationRow("Full + draft", "full-draft"),
    AblationRow("Full + draft, strength 0.5", "full-draft", strength=0.5),
)
TABLE_7 = tuple(AblationRow(f"K = {k}", "full", k=k) for k in (1, 2, 4, 8))
ALPHAS = tuple(AblationRow(f"α = {alpha:g}", "full", alpha=alpha) for alpha in (0.0, 0.25, 0.5, 0.75, 1.0))
STEPS = tuple(AblationRow(f"{steps} steps", "full", steps=steps) for steps in (4, 8, 16, 30))


@dataclass(frozen=True)
class Case:
    """A held-out garment, ready to be generated.

    Attributes:
        photo: (1, 3, N, N) in [-1, 1].
        guide: what the bank gives, K = 4 and α = 0.5, with neighbours enough for any K of the tables.
        truth: (1, 3, N, N) in [-1, 1].
        silhouette: (1, N, N) in [0, 1] of the truth.
        levels: perceptual features of the truth.
        pooled: (1, 1280) of the truth.
    """

    photo: torch.Tensor
    guide: StructureGuide
    truth: torch.Tensor
    silhouette: torch.Tensor
    levels: list[torch.Tensor]
    pooled: torch.Tensor


def prepare_cases(
    model: RAGDiffusion, samples: Sequence[FaithfulnessSample], features: PerceptualFeatures, size: int
) -> list[Case]:
    """Retrieve for every sample, and look at its truth.

    Args:
        model: with bank; it retrieves only.
        samples: of side `size`.
        features: the perceptual network.
        size: side N of the pictures, pixels.
    """
    cases = []
    for sample in samples:
        truth = torch.from_numpy(sample.standard).permute(2, 0, 1)[None].float() / 127.5 - 1
        levels, pooled = features(truth)
        cases.append(
            Case(
                photo=photo_to_tensor(load_photo(sample.photo), size),
                guide=model.retrieve(sample.photo),
                truth=truth,
                silhouette=torch.from_numpy(sample.silhouette).float()[None] / 255,
                levels=levels,
                pooled=pooled,
            )
        )
    return cases


@torch.no_grad()
def predicted_landmark(net: torch.nn.Module, photo: torch.Tensor, side: int) -> torch.Tensor:
    """What the mask network draws: (B, 3, N, N) in [-1, 1] -> (B, 1, side, side), 0 or 1."""
    small = F.interpolate(photo, size=(net.config.sample_size,) * 2, mode="area")
    return (F.interpolate(net(small, 0).sample, size=(side, side), mode="bilinear") > 0).float()


@torch.no_grad()
def make_row(
    row: AblationRow,
    pipeline: RAGDiffusionPipeline,
    cases: Sequence[Case],
    *,
    without: Sequence[str],
    steps: int,
    mask_network: torch.nn.Module,
    batch_size: int = 8,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Generate a row's pictures, all with the noise of seed 0.

    Args:
        row: what to change.
        pipeline: the row's variant.
        cases: held-out garments.
        without: conditions that the variant was trained without.
        steps: of DDIM, where the row has none of its own.
        mask_network: for rows with a predicted mask.
        batch_size: pictures at a time.

    Returns:
        pictures: (n, 3, N, N) in [-1, 1].
        landmarks: (n, N, N) in [0, 1], as given.
    """
    pictures, landmarks = [], []
    for start in range(0, len(cases), batch_size):
        part = cases[start : start + batch_size]
        guides = [case.guide.retune(k=row.k, alpha=row.alpha) for case in part]
        photo = torch.cat([case.photo for case in part])
        landmark = torch.stack([guide.landmark for guide in guides])[:, None]
        if row.predicted_mask:
            landmark = predicted_landmark(mask_network, photo, landmark.shape[-1])
        output = pipeline(
            photo,
            landmark,
            torch.stack([guide.embedding for guide in guides]).to(photo),
            [caption(guide.attributes) for guide in guides],
            seeds=[0] * len(part),
            num_inference_steps=row.steps or steps,
            strength=row.strength,
            without=without,
        )
        pictures.append(output.images)
        landmarks.append(F.interpolate(landmark, size=photo.shape[-2:], mode="area")[:, 0])
    return torch.cat(pictures), torch.cat(landmarks)


@torch.no_grad()
def measure_row(
    pictures: torch.Tensor, landmarks: torch.Tensor, cases: Sequence[Case], features: PerceptualFeatures
) -> dict[str, float]:
    """A row's figures.

    Args:
        pictures: (n, 3, N, N) in [-1, 1].
        landmarks: (n, N, N) in [0, 1], what they were given.
        cases: n of them.
        features: the perceptual network.
    """
    figures: dict[str, list[float]] = {
        "ssim": [],
        "lpips_effnet": [],
        "dists_effnet": [],
        "iou": [],
        "landmark_iou": [],
    }
    pooled = []
    for picture, landmark, case in zip(pictures.split(1), landmarks.split(1), cases, strict=True):
        outline = garment_outline(picture)
        aligned = align_by_box(picture, outline, foreground_of(case.truth))
        levels = features(aligned)[0]
        figures["ssim"].append(float(ssim(aligned, case.truth)))
        figures["lpips_effnet"].append(float(lpips_distance(levels, case.levels)))
        figures["dists_effnet"].append(float(dists_distance(levels, case.levels)))
        figures["iou"].append(float(mask_iou(outline, case.silhouette)))
        figures["landmark_iou"].append(float(mask_iou(landmark, case.silhouette)))
        pooled.append(features(picture)[1])
    made, true = torch.cat(pooled), torch.cat([case.pooled for case in cases])
    return {
        **{name: mean(values) for name, values in figures.items()},
        "fid_effnet": frechet_distance(made, true),
        "kid_effnet": kernel_distance(made, true),
    }


def garment_outline(picture: torch.Tensor) -> torch.Tensor:
    """The garment in a raw picture: (1, 3, N, N) in [-1, 1] -> (1, N, N), 0 or 1, its main parts alone."""
    found = foreground_of(picture, threshold=HAZE)
    part = main_parts(found[0].numpy())
    return found if part is None else torch.from_numpy(part)[None]
