"""The paper's trainings at scale: rows are independent, recomputed activations change nothing, commands run whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ragdiffusion.cli import main
from ragdiffusion.training.denoiser import denoiser_batch
from ragdiffusion.training.latents import LatentPool
from ragdiffusion.training.scale.paper import (
    LEARNING,
    PaperDenoiser,
    PaperSamples,
    PaperStructure,
    StructureSamples,
    draw_by_rows,
    encode_pool,
    encode_with_text,
)
from ragdiffusion.training.training_bank import TrainingBank, structure_code


@pytest.fixture(autouse=True)
def _fresh_accelerator():
    from accelerate.state import AcceleratorState

    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture
def bank() -> TrainingBank:
    embeddings = F.normalize(torch.randn(9, 8, generator=torch.Generator().manual_seed(3)), dim=-1)
    return TrainingBank(embeddings, torch.tensor([structure_code(name) for name in "abcdefghi"]), k=3)


@pytest.fixture
def trained(pipeline):
    """A pipeline whose weights are off their start, so that every branch takes part."""
    made = pipeline()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for part in LEARNING:
            for parameter in getattr(made, part).parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    for name in ("vae", "structure_net", "appearance_flow", "text_encoder"):
        getattr(made, name).eval().requires_grad_(False)
    return made


@pytest.fixture
def batch(trained, make_pair):
    names = iter("abcz")
    made = denoiser_batch(lambda rng: make_pair(rng, structure=next(names)), 16, np.random.default_rng(0), 4)
    encoded = encode_with_text(trained, {name: torch.from_numpy(rows) for name, rows in made.items()})
    return {**encoded, "seed": torch.tensor([11, 12, 13, 14])}


def test_the_loss_of_a_batch_is_the_mean_of_its_rows(trained, bank, batch):
    """So processes that share a batch, and micro-steps that make one up, compute what one would."""
    module = PaperDenoiser(trained, bank, checkpointing=False)
    with torch.no_grad():
        whole = module(batch)["loss"]
        halves = [
            module({name: rows[part] for name, rows in batch.items()})["loss"] for part in (slice(0, 2), slice(2, 4))
        ]
        torch.testing.assert_close(whole, torch.stack(halves).mean(), atol=1e-5, rtol=1e-4)
        other = module({**batch, "seed": batch["seed"] + 100})["loss"]
    assert not torch.allclose(whole, other)


def test_recomputed_activations_give_the_same_gradients_referencenets_too(trained, bank, batch):
    gradients = []
    for checkpointing in (False, True):
        module = PaperDenoiser(trained, bank, checkpointing=checkpointing).train()
        module(batch)["loss"].backward()
        gradients.append(
            {
                name: parameter.grad.clone()
                for name, parameter in module.named_parameters()
                if parameter.grad is not None
            }
        )
        module.zero_grad()
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, atol=1e-6, rtol=1e-4)
    assert any(
        name.startswith("denoiser.reference_net.down_blocks") and gradient.any()
        for name, gradient in gradients[1].items()
    )


def test_what_is_dropped_is_a_tenth_and_every_parameter_takes_part_all_the_same(trained, bank, batch):
    many = {
        **{name: rows[:1].expand(4000, *rows.shape[1:]) for name, rows in batch.items()},
        "seed": torch.arange(4000),
    }
    draws = draw_by_rows(trained, many)
    for kept in (draws.keep.reference, draws.keep.embedding, draws.keep.landmark, draws.keep.draft):
        assert 0.085 < float((~kept).float().mean()) < 0.115
    assert 0 <= draws.t.min() < 20 and 980 < draws.t.max() < 1000
    # A row that looks at no reference: a process with such rows alone must not keep the others waiting.
    blind = int((~draws.keep.reference).nonzero()[0])
    module = PaperDenoiser(trained, bank, checkpointing=False).train()
    module({**{name: rows[:1] for name, rows in batch.items()}, "seed": torch.tensor([blind])})["loss"].backward()
    silent = [name for name, weight in module.named_parameters() if weight.requires_grad and weight.grad is None]
    assert silent == []


def test_processes_share_the_encoding_and_samples_have_numbers(trained, make_pair, tmp_path):
    for rank in (1, 0):
        encode_pool(tmp_path, trained, make_pair, size=130, seed=3, batch_size=64, rank=rank, world=2)
    pool = LatentPool(tmp_path, shards=2)
    assert len(pool) == 256
    samples = PaperSamples(pool, seed=5)
    whole, first, rest = samples(range(6)), samples(range(2)), samples(range(2, 6))
    for name, rows in whole.items():
        assert torch.equal(rows, torch.cat([first[name], rest[name]])), name
    assert whole["text_hidden"].shape[0] == 6 and whole["seed"].tolist() == [5 * 1_000_003 + n for n in range(6)]
    before = (tmp_path / "shard-0000.safetensors").stat().st_mtime_ns
    encode_pool(tmp_path, trained, make_pair, size=130, seed=3, batch_size=64)  # nothing is encoded twice
    assert (tmp_path / "shard-0000.safetensors").stat().st_mtime_ns == before


def test_processes_take_their_rows_of_one_batch_of_distinct_structures(pipeline, make_pair):
    def draw(rng, count):
        return [make_pair(rng, structure=f"{number}") for number in range(count)]

    alone = StructureSamples(draw, 7, world=1)(range(4, 8))
    shared = [StructureSamples(draw, 7, world=2)(numbers) for numbers in (range(4, 6), range(6, 8))]
    for name, rows in alone.items():
        assert torch.equal(rows, torch.cat([part[name] for part in shared])), name


def test_every_head_of_structurenet_takes_part_with_or_without_labels(pipeline, make_pair):
    module = PaperStructure(pipeline().structure_net).train()
    draw = lambda rng, count: [make_pair(rng, structure=f"{n}") for n in range(count)]  # noqa: E731
    batch = StructureSamples(draw, 0, 1)(range(3))
    batch = {
        **batch,
        "photo": F.interpolate(batch["photo"].float(), 16).byte(),
        "standard": F.interpolate(batch["standard"].float(), 16).byte(),
    }
    module({**batch, "labels": torch.zeros_like(batch["labels"])})["loss"].backward()
    assert [name for name, p in module.named_parameters() if p.requires_grad and p.grad is None] == []


def test_the_denoiser_trains_by_command_and_goes_on(tiny_checkpoint, tmp_path, capsys):
    from accelerate.state import AcceleratorState

    words = [
        "train",
        "paper",
        "denoiser",
        "--preset",
        "studio",
        "--checkpoint",
        str(tiny_checkpoint),
        "--out",
        str(tmp_path),
        "--pool",
        "4",
        "--held-out",
        "1",
        "--batch-size",
        "2",
        "--cpu",
        "--precision",
        "no",
        "--workers",
        "0",
        "--ema-every",
        "1",
    ]
    assert main([*words, "--steps", "1"]) == 0, capsys.readouterr().err
    first = (tmp_path / "unet" / "diffusion_pytorch_model.safetensors").read_bytes()
    AcceleratorState._reset_state(reset_partial_state=True)
    assert main([*words, "--steps", "2"]) == 0, capsys.readouterr().err
    assert (tmp_path / "unet" / "diffusion_pytorch_model.safetensors").read_bytes() != first
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} >= {*LEARNING, "pool", "step-0000002"}
    assert (tmp_path / "sheet-0000002.jpg").is_file()
    AcceleratorState._reset_state(reset_partial_state=True)
    assert main([*words, "--steps", "3", "--batch-size", "1"]) == 2
    assert "a training with samples_a_step 2, 1 was asked for" in capsys.readouterr().err


def test_structurenet_trains_by_command(pipeline, tmp_path):
    from ragdiffusion.structure.structure_net import StructureNet

    small = dict(pipeline().structure_net.config)
    net = StructureNet(
        **{
            **{key: value for key, value in small.items() if not key.startswith("_")},
            "vision": {**small["vision"], "image_size": 64, "patch_size": 32},
        }
    )  # no smaller is drawn
    net.save_pretrained(tmp_path / "start" / "structure_net")
    assert (
        main(
            [
                "train",
                "paper",
                "structure",
                "--checkpoint",
                str(tmp_path / "start"),
                "--out",
                str(tmp_path),
                "--steps",
                "2",
                "--warmup",
                "1",
                "--ema-every",
                "1",
                "--batch-size",
                "3",
                "--cpu",
                "--precision",
                "no",
                "--workers",
                "0",
            ]
        )
        == 0
    )
    found = StructureNet.from_pretrained(tmp_path / "structure_net", low_cpu_mem_usage=False)
    assert not torch.equal(found.to_embedding.weight, net.to_embedding.weight)
