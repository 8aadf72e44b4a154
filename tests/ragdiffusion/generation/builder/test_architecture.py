"""Every parameter of the full-size parts, by name and shape, against the published architecture written out here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from ragdiffusion.config import get_preset
from ragdiffusion.generation.builder.untrained import build_components
from ragdiffusion.generation.cost import published_parts

Shapes = dict[str, tuple[int, ...]]
_TEXT_WIDTH, _TIME = 2048, 1280


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _linear(name: str, into: int, out: int, *, bias: bool = True) -> Shapes:
    return {f"{name}.weight": (out, into), **({f"{name}.bias": (out,)} if bias else {})}


def _conv(name: str, into: int, out: int, size: int = 3) -> Shapes:
    return {f"{name}.weight": (out, into, size, size), f"{name}.bias": (out,)}


def _resnet(name: str, into: int, out: int, *, time: int | None = _TIME) -> Shapes:
    shapes = {
        **_norm(f"{name}.norm1", into),
        **_conv(f"{name}.conv1", into, out),
        **_norm(f"{name}.norm2", out),
        **_conv(f"{name}.conv2", out, out),
    }
    if time is not None:
        shapes |= _linear(f"{name}.time_emb_proj", time, out)
    return shapes | (_conv(f"{name}.conv_shortcut", into, out, 1) if into != out else {})


def _transformer(name: str, width: int, depth: int) -> Shapes:
    shapes = {
        **_norm(f"{name}.norm", width),
        **_linear(f"{name}.proj_in", width, width),
        **_linear(f"{name}.proj_out", width, width),
    }
    for index in range(depth):
        block = f"{name}.transformer_blocks.{index}"
        for number, read in ((1, width), (2, _TEXT_WIDTH)):
            attention = f"{block}.attn{number}"
            shapes |= _norm(f"{block}.norm{number}", width)
            shapes |= _linear(f"{attention}.to_q", width, width, bias=False)
            shapes |= _linear(f"{attention}.to_k", read, width, bias=False)
            shapes |= _linear(f"{attention}.to_v", read, width, bias=False)
            shapes |= _linear(f"{attention}.to_out.0", width, width)
        shapes |= _norm(f"{block}.norm3", width) | _linear(f"{block}.ff.net.0.proj", width, 8 * width)
        shapes |= _linear(f"{block}.ff.net.2", 4 * width, width)
    return shapes


def _sdxl_unet() -> Shapes:
    """SDXL's UNet: 320, 640 and 1280 channels, transformers of depth 2 and 10 at the lower two."""
    widths, depths = (320, 640, 1280), (0, 2, 10)
    shapes = {
        **_conv("conv_in", 4, 320),
        **_linear("time_embedding.linear_1", 320, _TIME),
        **_linear("time_embedding.linear_2", _TIME, _TIME),
        **_linear("add_embedding.linear_1", 2816, _TIME),
        **_linear("add_embedding.linear_2", _TIME, _TIME),
    }
    skips, width = [320], 320
    for level, (out, depth) in enumerate(zip(widths, depths, strict=True)):
        for index in range(2):
            shapes |= _resnet(f"down_blocks.{level}.resnets.{index}", width, out)
            if depth:
                shapes |= _transformer(f"down_blocks.{level}.attentions.{index}", out, depth)
            width = out
            skips.append(out)
        if level < 2:
            shapes |= _conv(f"down_blocks.{level}.downsamplers.0.conv", out, out)
            skips.append(out)
    shapes |= _resnet("mid_block.resnets.0", 1280, 1280) | _resnet("mid_block.resnets.1", 1280, 1280)
    shapes |= _transformer("mid_block.attentions.0", 1280, 10)
    for level, (out, depth) in enumerate(zip(widths[::-1], depths[::-1], strict=True)):
        for index in range(3):
            shapes |= _resnet(f"up_blocks.{level}.resnets.{index}", width + skips.pop(), out)
            if depth:
                shapes |= _transformer(f"up_blocks.{level}.attentions.{index}", out, depth)
            width = out
        if level < 2:
            shapes |= _conv(f"up_blocks.{level}.upsamplers.0.conv", out, out)
    return shapes | _norm("conv_norm_out", 320) | _conv("conv_out", 320, 4)


def _autoencoder(channels: int, *, quantised: bool) -> Shapes:
    """The autoencoder of SDXL and, without the 1x1 convolutions at its waist, of FLUX."""
    shapes: Shapes = {}
    for side, first, last in (("encoder", 3, 2 * channels), ("decoder", channels, 3)):
        widths = (128, 256, 512, 512) if side == "encoder" else (512, 512, 256, 128)
        name, count, kind = (
            (f"{side}.down_blocks", 2, "downsamplers") if side == "encoder" else (f"{side}.up_blocks", 3, "upsamplers")
        )
        width = widths[0]
        shapes |= _conv(f"{side}.conv_in", first, width)
        for level, out in enumerate(widths):
            for index in range(count):
                shapes |= _resnet(f"{name}.{level}.resnets.{index}", width, out, time=None)
                width = out
            if level < 3:
                shapes |= _conv(f"{name}.{level}.{kind}.0.conv", out, out)
        attention = f"{side}.mid_block.attentions.0"
        shapes |= _norm(f"{attention}.group_norm", 512)
        for part in ("to_q", "to_k", "to_v", "to_out.0"):
            shapes |= _linear(f"{attention}.{part}", 512, 512)
        for index in range(2):
            shapes |= _resnet(f"{side}.mid_block.resnets.{index}", 512, 512, time=None)
        shapes |= _norm(f"{side}.conv_norm_out", widths[-1]) | _conv(f"{side}.conv_out", widths[-1], last)
    if quantised:
        shapes |= _conv("quant_conv", 2 * channels, 2 * channels, 1) | _conv("post_quant_conv", channels, channels, 1)
    return shapes


def _clip_l() -> Shapes:
    """The image encoder of CLIP ViT-L/14."""
    shapes = {
        "embeddings.class_embedding": (1024,),
        "embeddings.patch_embedding.weight": (1024, 3, 14, 14),
        "embeddings.position_embedding.weight": (257, 1024),
        **_norm("pre_layrnorm", 1024),
        **_norm("post_layernorm", 1024),
    }
    for index in range(24):
        layer = f"encoder.layers.{index}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes |= _linear(f"{layer}.self_attn.{part}", 1024, 1024)
        shapes |= _linear(f"{layer}.mlp.fc1", 1024, 4096) | _linear(f"{layer}.mlp.fc2", 4096, 1024)
        shapes |= _norm(f"{layer}.layer_norm1", 1024) | _norm(f"{layer}.layer_norm2", 1024)
    return shapes


def _shapes(module: torch.nn.Module) -> Iterator[tuple[str, tuple[int, ...]]]:
    for name, parameter in module.named_parameters():
        yield name.removeprefix("vision_model."), tuple(parameter.shape)


@pytest.mark.parametrize(
    ("preset", "part", "wanted", "millions"),
    [
        ("sdxl", "unet", _sdxl_unet(), 2567),
        ("sdxl", "vae", _autoencoder(16, quantised=False), 83.8),
        ("sdxl", "clip_vision", _clip_l(), 303),
        ("sdxl-refine", "vae", _autoencoder(4, quantised=True), 83.65),
    ],
)
def test_every_parameter_is_where_it_was_published(preset, part, wanted, millions):
    chosen = get_preset(preset)
    found = dict(_shapes(published_parts(chosen)[part]))
    assert found == wanted
    count = sum(torch.Size(shape).numel() for shape in found.values())
    assert count == chosen.published[part] and count / 1e6 == pytest.approx(millions, rel=1e-3)


def test_mainnet_differs_from_the_published_unet_at_its_ends_alone():
    with torch.device("meta"):
        unet = build_components(get_preset("sdxl"))["unet"]
    found, wanted = dict(_shapes(unet)), _sdxl_unet()
    assert {name: (found[name], wanted[name]) for name in found if found[name] != wanted.get(name)} == {
        "conv_in.weight": ((320, 144, 3, 3), (320, 4, 3, 3)),
        "conv_out.weight": ((16, 320, 3, 3), (4, 320, 3, 3)),
        "conv_out.bias": ((16,), (4,)),
    }
    assert set(found) == set(wanted)
