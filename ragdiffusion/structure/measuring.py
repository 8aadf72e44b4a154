"""From a photo, its garment's mask and its parse to the garment's measures, and to the standard drawn from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ragdiffusion.garments.patterns import Pattern, specs
from ragdiffusion.garments.patterns.code import MeasureCode, nearest_drawable
from ragdiffusion.garments.patterns.labels import group_of
from ragdiffusion.images import photo_to_tensor
from ragdiffusion.structure.framing import context_frame, labels_over, laid_over
from ragdiffusion.structure.measure_net import MeasureNet
from ragdiffusion.structure.readers.heads import head_probabilities, taught_attributes

PART = "measure_net"
"""Folder of MeasureNet in a checkpoint."""


@dataclass(frozen=True, eq=False)
class Measurement:
    """What MeasureNet says of a garment.

    Attributes:
        kind: of the drafter's kinds, the likeliest that fits the parse.
        kind_probability: what it is given among all kinds of its group, in [0, 1].
        measures: by key, in cm, degrees or as ratios; within the ranges of the kind.
        deviations: one standard deviation of each, in the same units.
        probabilities: of Table 6's attributes that the network was taught.
    """

    kind: str
    kind_probability: float
    measures: dict[str, float]
    deviations: dict[str, float]
    probabilities: dict[str, np.ndarray]

    @cached_property
    def pattern(self) -> Pattern:
        """The garment drawn from these measures; where they contradict each other, from the nearest that do not."""
        return nearest_drawable(self.kind, self.measures)


class Measurer:
    """Measures garments in photos.

    Args:
        net: trained, in eval mode.
    """

    def __init__(self, net: MeasureNet) -> None:
        self._net = net
        config = net.config
        self._code = MeasureCode(tuple(config.measure_names), tuple(config.centre), tuple(config.spread))
        self._groups = np.array([group_of(kind) for kind in config.kind_names])
        self.taught = taught_attributes(net.attribute_heads)

    @torch.no_grad()
    def measure(
        self, pixels: np.ndarray, mask: np.ndarray, labels: np.ndarray | None, group: str | None = None
    ) -> Measurement:
        """Measure a garment.

        Args:
            pixels: uint8 (N, N, 3), the padded photo.
            mask: (h, w) in [0, 1], the garment's on the same square.
            labels: (9, h, w) in [0, 1], a parse's probabilities on the same square; None: nobody was asked.
            group: "upper", "lower" or "dress": only kinds of this group are taken; None: all.
        """
        size, device = self._net.config.input_size, self._net.device
        frame = context_frame(mask)
        photo, framed = laid_over(pixels, mask, frame, size)
        said = self._net(
            photo_to_tensor(Image.fromarray(photo), size).to(device),
            torch.from_numpy(framed)[None, None].to(device),
            torch.from_numpy(labels_over(labels, frame, size))[None].to(device),
        )
        logits = said.kinds[0].double().cpu().numpy()
        allowed = np.ones(len(logits), bool) if group is None else self._groups == group
        shares = np.where(allowed, np.exp(logits - logits[allowed].max()), 0)
        shares /= shares.sum()
        chosen = int(shares.argmax())
        kind = self._net.config.kind_names[chosen]
        mean, log_variance = said.mean[0].cpu().numpy(), said.log_variance[0].cpu().numpy()
        return Measurement(
            kind,
            float(shares[chosen]),
            self._code.decode(mean, kind),
            self._deviations(kind, mean, log_variance),
            head_probabilities(said.attributes, self.taught),
        )

    def _deviations(self, kind: str, mean: np.ndarray, log_variance: np.ndarray) -> dict[str, float]:
        side = self._code.side(mean)
        spread = dict(zip(self._code.keys, np.exp(log_variance[:-1] / 2) * np.array(self._code.spread), strict=True))
        return {
            spec.key: float(spread[spec.key]) * (side if spec.unit == "cm" else 1.0)
            for spec in specs(kind)
            if spec.key in spread
        }


def load_measurer(location: Path, device: str = "cpu") -> Measurer | None:
    """The measurer of a checkpoint's folder; None where it has no MeasureNet.

    Raises:
        ValueError: if what is there can't be read.
    """
    folder = location / PART
    if not (folder / MeasureNet.config_name).is_file():
        return None
    try:
        net = MeasureNet.from_pretrained(folder)
    except (OSError, ValueError, RuntimeError) as error:
        raise ValueError(f"{folder} holds no whole MeasureNet ({' '.join(str(error).split())[:150]})") from error
    return Measurer(net.float().to(device).eval().requires_grad_(False))
