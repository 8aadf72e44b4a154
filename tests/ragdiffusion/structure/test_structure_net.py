"""StructureNet: unit vectors, attributes that count, one tower for each domain."""

from __future__ import annotations

import copy

import pytest
import torch
from transformers import CLIPVisionConfig, CLIPVisionModel

from ragdiffusion.attributes import ATTRIBUTES, EMBEDDED, encode
from ragdiffusion.structure.structure_net import StructureNet, place_codes


@pytest.fixture(scope="module")
def _built() -> StructureNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return StructureNet(
            vision={
                "hidden_size": 16,
                "intermediate_size": 32,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "image_size": 16,
                "patch_size": 8,
            },
            feature_dim=12,
            embedding_dim=10,
            resampler_dim=16,
            resampler_heads=2,
            attribute_dim=4,
            resampler_depth=2,
            resampler_queries=3,
        ).eval()


@pytest.fixture
def net(_built) -> StructureNet:
    return copy.deepcopy(_built)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1


_UNKNOWN = torch.zeros(3, len(EMBEDDED), dtype=torch.long)


@pytest.mark.parametrize("domain", ["photo", "standard"])
@torch.no_grad()
def test_embeddings_are_of_unit_length_and_do_not_depend_on_the_batch(net, images, domain):
    e = net(images, _UNKNOWN, domain)
    assert e.norm(dim=-1).tolist() == pytest.approx([1.0] * 3, abs=1e-6)
    torch.testing.assert_close(net(images[1:2], _UNKNOWN[:1], domain), e[1:2], atol=1e-5, rtol=1e-5)
    assert (e[0] - e[1]).abs().max() > 1e-3


@torch.no_grad()
def test_every_embedded_attribute_changes_the_embedding(net, images):
    plain = net(images, _UNKNOWN, "photo")
    for index, attribute in enumerate(EMBEDDED):
        codes = _UNKNOWN.clone()
        codes[:, index] = len(attribute.values)  # the last value is the last row of the table
        assert (net(images, codes, "photo") - plain).abs().max() > 1e-4, attribute.key
        codes[:, index] = len(attribute.values) + 1
        with pytest.raises(IndexError):
            net(images, codes, "photo")


@torch.no_grad()
def test_code_zero_is_unknown(net, images):
    assert encode({}) == [0] * len(EMBEDDED)
    tokens = net.tokens(images, "photo")
    unknown = torch.cat([table.weight[0] for table in net.attribute_embeddings])
    sequence = torch.cat([tokens, unknown.expand(3, tokens.shape[1], -1)], -1)
    wanted = torch.nn.functional.normalize(net.to_embedding(net.resampler(sequence).mean(1)), dim=-1)
    torch.testing.assert_close(net.embed(tokens, _UNKNOWN), wanted)


@torch.no_grad()
def test_a_tower_is_clips_on_clips_normalisation(net, images):
    clip = CLIPVisionModel(CLIPVisionConfig(**net.config.vision)).eval()
    clip.load_state_dict(net.towers["standard"].state_dict())
    mean, std = (
        torch.tensor(v).view(3, 1, 1)
        for v in ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
    )
    hidden = clip(((images + 1) / 2 - mean) / std).last_hidden_state
    torch.testing.assert_close(net.tokens(images, "standard"), net.projections["standard"](hidden))
    assert hidden.shape[1] == 1 + 4


def test_a_domain_trains_its_own_tower_and_what_is_shared(net, images):
    (net(images, _UNKNOWN, "photo") * torch.randn(3, 10, generator=torch.Generator().manual_seed(2))).sum().backward()
    touched = {
        name.split(".")[0] + "." + name.split(".")[1]
        for name, p in net.named_parameters()
        if p.grad is not None and p.grad.abs().sum() > 0
    }
    assert {"towers.photo", "projections.photo", "resampler.queries", "to_embedding.weight"} <= touched
    assert not {"towers.standard", "projections.standard"} & touched
    assert {f"attribute_embeddings.{i}" for i in range(len(EMBEDDED))} <= touched


@torch.no_grad()
def test_fourteen_attributes_are_read_from_the_mean_token(net, images):
    tokens = net.tokens(images, "photo")
    logits = net.read_attributes(tokens)
    assert [part.shape[1] for part in logits] == [len(a.values) for a in ATTRIBUTES]
    assert not any(part.any() for part in logits)  # undecided to start with
    head = net.attribute_heads[3]
    head.weight.normal_()
    logits = net.read_attributes(tokens)
    torch.testing.assert_close(logits[3], tokens.mean(1) @ head.weight.T + head.bias)


@pytest.mark.parametrize(("log", "wanted"), [(None, 0.07), (-20.0, 0.01), (5.0, 1.0)])
def test_temperature_stays_within_its_bounds(net, log, wanted):
    if log is not None:
        with torch.no_grad():
            net.log_temperature.fill_(log)
    assert net.temperature.item() == pytest.approx(wanted, rel=1e-5)


def test_bad_inputs_are_refused(net, images):
    with pytest.raises(ValueError, match=r"unknown domain 'model': a tower is one of \('photo', 'standard'\)"):
        net(images, _UNKNOWN, "model")
    with pytest.raises(ValueError, match=r"images are \(16, 8\), StructureNet wants \(16, 16\)"):
        net(images[..., :8], _UNKNOWN, "photo")


@torch.no_grad()
def test_it_comes_back_from_disk(net, images, tmp_path):
    net.save_pretrained(tmp_path)
    loaded = StructureNet.from_pretrained(tmp_path, low_cpu_mem_usage=False).eval()
    assert torch.equal(loaded(images, _UNKNOWN, "photo"), net(images, _UNKNOWN, "photo"))


def test_place_codes_tell_every_place_apart():
    codes = place_codes(4, 16)
    assert codes.shape == (17, 16) and not codes[0].any()
    distance = torch.cdist(codes[1:], codes[1:]) + torch.eye(16) * 9
    assert distance.min() > 0.1
    torch.testing.assert_close(codes[1, :8], torch.tensor([0.0, 0, 0, 0, 1, 1, 1, 1]))  # row 0: sines, cosines
    with pytest.raises(ValueError, match="multiple of 4"):
        place_codes(4, 18)
