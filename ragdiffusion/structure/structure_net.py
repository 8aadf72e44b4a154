"""StructureNet (3.1, 9.2): two ViT towers, attribute embeddings and a Resampler make one structure embedding."""

from __future__ import annotations

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn import functional as F
from transformers import CLIPVisionConfig, CLIPVisionModel

from ragdiffusion.attributes import ATTRIBUTES, EMBEDDED
from ragdiffusion.resampler import Resampler

_CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
_POSITIONS = "embeddings.position_embedding.weight"
DOMAINS = ("photo", "standard")


def place_codes(side: int, width: int) -> torch.Tensor:
    """Sine and cosine codes of a grid's positions, after a zero code for the class token: (1 + side^2, width).

    Raises:
        ValueError: if `width` is not a multiple of 4.
    """
    if width % 4:
        raise ValueError(f"place codes need a width that is a multiple of 4, got {width}")
    frequency = np.exp2(-np.linspace(0, np.log2(2 * side), width // 4))
    angle = np.arange(side)[:, None] * frequency * np.pi  # (side, width / 4)
    axis = np.concatenate([np.sin(angle), np.cos(angle)], 1)  # (side, width / 2)
    rows, columns = np.repeat(axis, side, axis=0), np.tile(axis, (side, 1))
    grid = np.concatenate([rows, columns], 1).astype(np.float32)
    return torch.from_numpy(np.concatenate([np.zeros((1, width), np.float32), grid]))


class StructureNet(ModelMixin, ConfigMixin):
    """Embeds garment photos and flat-lays into one space of structure.

    Each domain has its own ViT; attribute embeddings and Resampler are shared. Every image token is concatenated
    with the embeddings of the ten attributes; the Resampler's tokens are averaged and projected to e.

    Args:
        vision: keywords of `CLIPVisionConfig` for each tower.
        feature_dim: width of an image token after projection.
        embedding_dim: D.
        resampler_dim: width inside the Resampler.
        resampler_heads: its attention heads.
        attribute_dim: width of one attribute's embedding.
        resampler_depth: its attention layers, each followed by an MLP.
        resampler_queries: its queries.
        temperature: τ of Eq. 1 to start with.
    """

    @register_to_config
    def __init__(
        self,
        vision: dict,
        feature_dim: int,
        embedding_dim: int,
        resampler_dim: int,
        resampler_heads: int,
        attribute_dim: int = 32,
        resampler_depth: int = 4,
        resampler_queries: int = 8,
        temperature: float = 0.07,
    ) -> None:
        super().__init__()
        self.towers = nn.ModuleDict({name: CLIPVisionModel(CLIPVisionConfig(**vision)) for name in DOMAINS})
        for tower in self.towers.values():
            # CLIP's own start is so faint that the patches drown it; structure is all about place.
            table = tower.get_parameter(_POSITIONS)
            table.data.copy_(place_codes(vision["image_size"] // vision["patch_size"], vision["hidden_size"]))
        self.projections = nn.ModuleDict(
            {
                name: nn.Sequential(nn.LayerNorm(vision["hidden_size"]), nn.Linear(vision["hidden_size"], feature_dim))
                for name in DOMAINS
            }
        )
        for twins in (self.towers, self.projections):  # twins start alike, so photos and flat-lays start aligned
            twins["standard"].load_state_dict(twins["photo"].state_dict())
        # Index 0 is "unknown", as in attributes.encode.
        self.attribute_embeddings = nn.ModuleList(
            nn.Embedding(len(attribute.values) + 1, attribute_dim) for attribute in EMBEDDED
        )
        self.resampler = Resampler(
            in_dim=feature_dim + len(EMBEDDED) * attribute_dim,
            dim=resampler_dim,
            out_dim=resampler_dim,
            depth=resampler_depth,
            heads=resampler_heads,
            queries=resampler_queries,
        )
        self.to_embedding = nn.Linear(resampler_dim, embedding_dim)
        self.log_temperature = nn.Parameter(torch.tensor(temperature).log())
        self.attribute_heads = nn.ModuleList(nn.Linear(feature_dim, len(attribute.values)) for attribute in ATTRIBUTES)
        for head in self.attribute_heads:  # a head that never sees a label stays undecided
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    @property
    def image_size(self) -> int:
        """Side of the images it wants, pixels."""
        return self.config.vision["image_size"]

    def tokens(self, images: torch.Tensor, domain: str) -> torch.Tensor:
        """Features of one tower.

        Args:
            images: (B, 3, S, S) in [-1, 1], S = `image_size`.
            domain: "photo" or "standard".

        Returns:
            (B, 1 + patches, feature_dim); the first is the class token.

        Raises:
            ValueError: for an unknown domain or another image size.
        """
        if domain not in DOMAINS:
            raise ValueError(f"unknown domain {domain!r}: a tower is one of {DOMAINS}")
        if images.shape[-2:] != (self.image_size, self.image_size):
            raise ValueError(
                f"images are {tuple(images.shape[-2:])}, StructureNet wants {(self.image_size, self.image_size)}"
            )
        mean, std = (images.new_tensor(v).view(3, 1, 1) for v in (_CLIP_MEAN, _CLIP_STD))
        hidden = self.towers[domain](((images + 1) / 2 - mean) / std).last_hidden_state
        return self.projections[domain](hidden)

    def embed(self, tokens: torch.Tensor, attributes: torch.Tensor) -> torch.Tensor:
        """Combine image tokens with attributes into e.

        Args:
            tokens: (B, L, feature_dim) from `tokens`.
            attributes: (B, 10) long, from `attributes.encode`; 0 is unknown.

        Returns:
            (B, D), of unit length.
        """
        known = torch.cat([table(attributes[:, i]) for i, table in enumerate(self.attribute_embeddings)], -1)
        sequence = torch.cat([tokens, known[:, None].expand(-1, tokens.shape[1], -1)], -1)  # (B, L, feature + 320)
        return F.normalize(self.to_embedding(self.resampler(sequence).mean(1)), dim=-1)

    def forward(self, images: torch.Tensor, attributes: torch.Tensor, domain: str) -> torch.Tensor:
        """Images and attributes straight to e: (B, 3, S, S), (B, 10) -> (B, D)."""
        return self.embed(self.tokens(images, domain), attributes)

    def read_attributes(self, tokens: torch.Tensor) -> list[torch.Tensor]:
        """Logits of all 14 attributes from a photo's tokens: 14 x (B, number of values)."""
        pooled = tokens.mean(1)
        return [head(pooled) for head in self.attribute_heads]

    @property
    def temperature(self) -> torch.Tensor:
        """τ of Eq. 1, kept within [0.01, 1]."""
        return self.log_temperature.exp().clamp(0.01, 1.0)
