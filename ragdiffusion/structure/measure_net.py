"""MeasureNet: a garment's measures, as a pattern maker would take them, from its photo and parse.

The outline of a posed body is no flat-lay. But arms, legs and neck beside a garment say how long its sleeves are, where
its hem falls and how wide it is; and measures stay sharp where a drawn silhouette would blur. So the network says
measures with their uncertainty, of which the pattern drafter draws a standard outline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn import functional as F

from ragdiffusion.attributes import ATTRIBUTES
from ragdiffusion.layers import ResidualBlock, cell_centres

LABEL_CHANNELS = 9
"""Labels of a parse, ground first."""
_LEAST_LOG_VARIANCE, _MOST_LOG_VARIANCE = -8.0, 4.0


@dataclass(frozen=True)
class MeasurePrediction:
    """What MeasureNet says of B garments.

    Attributes:
        kinds: (B, K) logits of the kinds that the drafter knows.
        mean: (B, M + 1) measures as `patterns.code.MeasureCode` writes them; the last is the garment's size.
        log_variance: (B, M + 1) of the same.
        attributes: logits of Table 6's attributes, 14 x (B, number of values); all zeros where nothing was taught.
    """

    kinds: torch.Tensor
    mean: torch.Tensor
    log_variance: torch.Tensor
    attributes: list[torch.Tensor]


class MeasureNet(ModelMixin, ConfigMixin):
    """Photo, garment mask and labels around it to kind, measures and attributes.

    Args:
        kind_names: of the drafter's kinds, in the order of the logits.
        measure_names: in order.
        centre: what is written as 0, for each key (`patterns.code.MeasureCode`).
        spread: what is written as 1 above that.
        input_size: side of photo, mask and labels, pixels.
        widths: channels at 1/2, 1/4, ... of the input; the coarsest map is read whole.
        hidden: width of what the heads look at.
    """

    config_name = "config.json"

    @register_to_config
    def __init__(
        self,
        kind_names: Sequence[str] = (),
        measure_names: Sequence[str] = (),
        centre: Sequence[float] = (),
        spread: Sequence[float] = (),
        input_size: int = 128,
        widths: tuple[int, ...] = (32, 64, 96, 128, 160),
        hidden: int = 256,
    ) -> None:
        super().__init__()
        if input_size % (1 << len(widths)):
            raise ValueError(f"input_size is {input_size}, a multiple of {1 << len(widths)} wanted for these widths")
        if not kind_names or not measure_names:
            raise ValueError("MeasureNet needs the names of kinds and measures")
        self.stem = nn.Conv2d(4 * (3 + 1 + LABEL_CHANNELS) + 2, widths[0], 3, padding=1)
        self.down = nn.ModuleList(ResidualBlock(widths[max(0, i - 1)], width) for i, width in enumerate(widths))
        coarsest = input_size >> len(widths)
        self.squeeze = nn.Conv2d(widths[-1], 48, 1)
        self.reading = nn.Sequential(
            nn.Linear(48 * coarsest**2 + widths[-1], hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU()
        )
        self.kind_head = nn.Linear(hidden, len(kind_names))
        self.measure_head = nn.Linear(hidden, 2 * (len(measure_names) + 1))
        self.attribute_heads = nn.ModuleList(nn.Linear(hidden, len(attribute.values)) for attribute in ATTRIBUTES)
        for head in (self.kind_head, self.measure_head, *self.attribute_heads):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def forward(self, photo: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor) -> MeasurePrediction:
        """Predict.

        Args:
            photo: (B, 3, S, S) in [-1, 1], S = `input_size`, framed by `framing.context_frame`.
            mask: (B, 1, S, S) in [0, 1], the garment's, framed alike.
            labels: (B, 9, S, S) in [0, 1], probabilities of a parse's labels, framed alike; all zeros where no
                parser was asked.

        Raises:
            ValueError: if one is of another size.
        """
        size = self.config.input_size
        for image, name, channels in ((photo, "photo", 3), (mask, "mask", 1), (labels, "labels", LABEL_CHANNELS)):
            if image.shape[1:] != (channels, size, size):
                raise ValueError(f"{name} is {tuple(image.shape[1:])}, MeasureNet wants {(channels, size, size)}")
        folded = F.pixel_unshuffle(torch.cat([photo, mask * 2 - 1, labels * 2 - 1], 1), 2)
        x = self.stem(torch.cat([folded, cell_centres(size // 2, like=photo).expand(len(photo), -1, -1, -1)], 1))
        for index, block in enumerate(self.down):
            x = block(F.avg_pool2d(x, 2) if index else x)
        read = self.reading(torch.cat([self.squeeze(x).flatten(1), x.mean((2, 3))], 1))
        mean, log_variance = self.measure_head(read).float().chunk(2, 1)
        return MeasurePrediction(
            self.kind_head(read).float(),
            mean,
            log_variance.clamp(_LEAST_LOG_VARIANCE, _MOST_LOG_VARIANCE),
            [head(read).float() for head in self.attribute_heads],
        )
