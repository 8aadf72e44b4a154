"""IP-Adapter-plus for SDXL as a start for the EP-Adapter (9.3).

Both gather a sequence by the same Resampler and project its tokens to keys and values of every cross-attention
layer. The image features that IP-Adapter reads are not the structure embedding: the layer that takes them in is left
as it is, to be learned.
"""

from __future__ import annotations

from pathlib import Path

import torch

from ragdiffusion.generation.builder.weights import Weights, open_file
from ragdiffusion.generation.conditioners import EPAdapter

_PROJECTION = "image_proj."
_LAYER = {
    "0.norm1": "norm_sequence",
    "0.norm2": "norm_queries",
    "0.to_q": "to_q",
    "0.to_kv": "to_kv",
    "0.to_out": "to_out",
    "1.0": "mlp.0",
    "1.1": "mlp.1",
    "1.3": "mlp.3",
}
_NEW = ("resampler.proj_in.weight", "resampler.proj_in.bias")


def published_names(adapter: EPAdapter) -> dict[str, str]:
    """Each parameter of an EP-Adapter that IP-Adapter has too: its name there.

    There, a UNet's attention layers are numbered in the order of its modules, and cross-attention has the odd numbers.
    """
    names = {"resampler.queries": f"{_PROJECTION}latents"}
    for name in ("proj_out.weight", "proj_out.bias", "norm_out.weight", "norm_out.bias"):
        names[f"resampler.{name}"] = f"{_PROJECTION}{name}"
    own = adapter.state_dict()
    for index in range(adapter.config.depth):
        for theirs, ours in _LAYER.items():
            for kind in ("weight", "bias"):
                key = f"resampler.layers.{index}.{ours}.{kind}"
                if key in own and not (kind == "bias" and theirs in ("1.1", "1.3")):
                    names[key] = f"{_PROJECTION}layers.{index}.{theirs}.{kind}"
    for index, (layer, _) in enumerate(adapter.config.layers):
        for kind in ("k", "v"):
            names[f"to_{kind}.{layer.replace('.', '/')}.weight"] = f"ip_adapter.{2 * index + 1}.to_{kind}_ip.weight"
    return names


@torch.no_grad()
def start_from_ip_adapter(adapter: EPAdapter, file: Path) -> list[str]:
    """Set an EP-Adapter's weights to those of a published IP-Adapter-plus.

    Args:
        adapter: of the same number of tokens, widths, depth and UNet; changed in place.
        file: such as `ip-adapter-plus_sdxl_vit-h.safetensors`.

    Returns:
        Names of the parameters that stay new.

    Raises:
        ValueError: if the file is no IP-Adapter-plus, or a shape differs; the adapter is then unchanged.
    """
    weights = open_file(file)
    names, own = published_names(adapter), adapter.state_dict()
    if lacking := [name for name in names.values() if name not in weights.files]:
        raise ValueError(
            f"{file}: no IP-Adapter-plus for this UNet (it lacks {lacking[0]}); without --ip-adapter the "
            "EP-Adapter starts new"
        )
    taken = _fitting(weights, names, own)
    for name, value in own.items():
        if name in taken:
            value.copy_(taken[name])
        elif name not in _NEW:  # biases that the published Resampler has not
            value.zero_()
    return list(_NEW)


def _fitting(weights: Weights, names: dict[str, str], own: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    taken = dict(weights.read({theirs: ours for ours, theirs in names.items()}))
    for name, value in taken.items():
        if value.shape != own[name].shape:
            raise ValueError(
                f"{weights.location}: {names[name]} is {tuple(value.shape)}, the EP-Adapter wants "
                f"{tuple(own[name].shape)}; without --ip-adapter it starts new"
            )
    return taken
