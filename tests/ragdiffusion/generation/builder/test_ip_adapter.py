"""IP-Adapter-plus as a start: its Resampler computes the same here, layer numbers meet layer names."""

from __future__ import annotations

import re

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from safetensors.torch import save_file

from ragdiffusion.config import get_preset
from ragdiffusion.generation.builder.ip_adapter import published_names, start_from_ip_adapter
from ragdiffusion.generation.conditioners import EPAdapter
from tests.ragdiffusion.published import UNET

_FEATURES, _TOKENS, _DIM = 10, 3, 16


@pytest.fixture(scope="module")
def unet() -> UNet2DConditionModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return UNet2DConditionModel(in_channels=4, out_channels=4, **UNET)


def _adapter(unet, **changes) -> EPAdapter:
    settings = {"embedding_dim": _FEATURES, "tokens": _TOKENS, "dim": _DIM, "attention_heads": 2, **changes}
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return EPAdapter.of_unet(unet, **settings)


def _published(unet, *, depth: int = 4) -> dict[str, torch.Tensor]:
    """Tensors as IP-Adapter's authors name them: processors numbered as the UNet has them, cross-attention odd."""
    generator = torch.Generator().manual_seed(2)
    draw = lambda *shape: torch.randn(*shape, generator=generator) * 0.2  # noqa: E731
    tensors = {
        "image_proj.latents": draw(1, _TOKENS, _DIM),
        "image_proj.proj_in.weight": draw(_DIM, _FEATURES),
        "image_proj.proj_in.bias": draw(_DIM),
        "image_proj.proj_out.weight": draw(32, _DIM),
        "image_proj.proj_out.bias": draw(32),
        "image_proj.norm_out.weight": draw(32),
        "image_proj.norm_out.bias": draw(32),
    }
    for layer in range(depth):
        own = {
            "0.norm1.weight": (_DIM,),
            "0.norm1.bias": (_DIM,),
            "0.norm2.weight": (_DIM,),
            "0.norm2.bias": (_DIM,),
            "0.to_q.weight": (_DIM, _DIM),
            "0.to_kv.weight": (2 * _DIM, _DIM),
            "0.to_out.weight": (_DIM, _DIM),
            "1.0.weight": (_DIM,),
            "1.0.bias": (_DIM,),
            "1.1.weight": (4 * _DIM, _DIM),
            "1.3.weight": (_DIM, 4 * _DIM),
        }
        tensors |= {f"image_proj.layers.{layer}.{name}": draw(*shape) for name, shape in own.items()}
    for number, name in enumerate(unet.attn_processors):
        if name.endswith("attn2.processor"):
            width = unet.get_submodule(name.removesuffix(".processor")).inner_dim
            tensors |= {f"ip_adapter.{number}.to_{kind}_ip.weight": draw(width, 32) for kind in "kv"}
    return tensors


def _theirs(tensors: dict[str, torch.Tensor]) -> IPAdapterPlusImageProjection:
    """The Resampler as diffusers has it, with the published tensors."""
    net = IPAdapterPlusImageProjection(
        embed_dims=_FEATURES, output_dims=32, hidden_dims=_DIM, depth=4, dim_head=8, heads=2, num_queries=_TOKENS
    )
    state = {}
    for name, value in tensors.items():
        if not name.startswith("image_proj."):
            continue
        name = name.removeprefix("image_proj.")
        for old, new in (
            ("0.norm1", "ln0"),
            ("0.norm2", "ln1"),
            ("0.to_q", "attn.to_q"),
            ("0.to_out", "attn.to_out.0"),
            ("1.0", "ff.0"),
            ("1.1", "ff.1.net.0.proj"),
            ("1.3", "ff.1.net.2"),
        ):
            name = re.sub(rf"^(layers\.\d+)\.{re.escape(old)}\.", rf"\1.{new}.", name)
        if ".0.to_kv." in name:
            key, item = value.chunk(2)
            for new, half in (("attn.to_k", key), ("attn.to_v", item)):
                state[name.replace(".0.to_kv.", f".{new}.")] = half
        else:
            state[name] = value
    net.load_state_dict(state)
    return net


@torch.no_grad()
def test_the_published_resampler_computes_the_same_here(unet, tmp_path):
    tensors = _published(unet)
    save_file(tensors, tmp_path / "plus.safetensors")
    adapter = _adapter(unet)
    assert start_from_ip_adapter(adapter, tmp_path / "plus.safetensors") == [
        "resampler.proj_in.weight",
        "resampler.proj_in.bias",
    ]
    for ours, theirs in (("weight", "image_proj.proj_in.weight"), ("bias", "image_proj.proj_in.bias")):
        getattr(adapter.resampler.proj_in, ours).copy_(tensors[theirs])  # theirs reads other features
    features = torch.randn(2, 1, _FEATURES, generator=torch.Generator().manual_seed(3))
    wanted = _theirs(tensors)(features)
    torch.testing.assert_close(adapter.resampler(features), wanted, atol=1e-5, rtol=1e-5)
    keys_values = adapter(features[:, 0])
    for number, name in enumerate(unet.attn_processors):
        if name.endswith("attn2.processor"):
            for index, kind in enumerate("kv"):
                torch.testing.assert_close(
                    keys_values[name.removesuffix(".processor")][index],
                    wanted @ tensors[f"ip_adapter.{number}.to_{kind}_ip.weight"].T,
                    atol=1e-5,
                    rtol=1e-5,
                )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokens": 5}, r"image_proj\.latents is \(1, 3, 16\), the EP-Adapter wants \(1, 5, 16\)"),
        ({"dim": 8}, "the EP-Adapter wants"),
    ],
)
def test_other_shapes_are_refused_and_nothing_is_changed(unet, tmp_path, changes, message):
    save_file(_published(unet), tmp_path / "plus.safetensors")
    adapter = _adapter(unet, **changes)
    before = {name: value.clone() for name, value in adapter.state_dict().items()}
    with pytest.raises(ValueError, match=message):
        start_from_ip_adapter(adapter, tmp_path / "plus.safetensors")
    assert all(torch.equal(adapter.state_dict()[name], value) for name, value in before.items())


def test_a_plain_ip_adapter_is_refused(unet, tmp_path):
    save_file({"image_proj.proj.weight": torch.zeros(4, 4)}, tmp_path / "plain.safetensors")
    with pytest.raises(ValueError, match=r"no IP-Adapter-plus for this UNet \(it lacks image_proj\.latents\)"):
        start_from_ip_adapter(_adapter(unet), tmp_path / "plain.safetensors")


def test_at_full_size_the_published_file_fits():
    """IP-Adapter-plus for SDXL (ViT-H): 16 queries of 1280, four layers, 70 cross-attentions of SDXL's UNet."""
    preset = get_preset("sdxl")
    with torch.device("meta"):
        unet = UNet2DConditionModel(in_channels=16, out_channels=16, **preset.unet)
        adapter = EPAdapter.of_unet(unet, **preset.ep_adapter)
    wanted = {
        "image_proj.latents": (1, 16, 1280),
        "image_proj.proj_out.weight": (2048, 1280),
        **dict.fromkeys(
            ("image_proj.proj_out.bias", "image_proj.norm_out.weight", "image_proj.norm_out.bias"), (2048,)
        ),
    }
    for layer in range(4):
        wanted |= {
            f"image_proj.layers.{layer}.{name}": shape
            for name, shape in {
                "0.norm1.weight": (1280,),
                "0.norm1.bias": (1280,),
                "0.norm2.weight": (1280,),
                "0.norm2.bias": (1280,),
                "0.to_q.weight": (1280, 1280),
                "0.to_kv.weight": (2560, 1280),
                "0.to_out.weight": (1280, 1280),
                "1.0.weight": (1280,),
                "1.0.bias": (1280,),
                "1.1.weight": (5120, 1280),
                "1.3.weight": (1280, 5120),
            }.items()
        }
    for number, name in enumerate(unet.attn_processors):
        if name.endswith("attn2.processor"):
            width = unet.get_submodule(name.removesuffix(".processor")).inner_dim
            wanted |= {f"ip_adapter.{number}.to_{kind}_ip.weight": (width, 2048) for kind in "kv"}
    own = adapter.state_dict()
    assert {theirs: tuple(own[ours].shape) for ours, theirs in published_names(adapter).items()} == wanted
    assert adapter.resampler.proj_in.out_features == 1280 and len(wanted) == 5 + 4 * 11 + 2 * 70
