"""Training of the denoiser: ê without the own entry, the loss by hand, what learns and what stays."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ragdiffusion.attributes import encode
from ragdiffusion.generation.denoiser import ConditionMask
from ragdiffusion.retrieval.slle import barycentric_weights
from ragdiffusion.training.denoiser import (
    DROP,
    DROP_DRAFT,
    TRAINED,
    TrainingBank,
    denoiser_batch,
    denoiser_losses,
    encode_batch,
    structure_code,
    train_denoiser,
)
from ragdiffusion.training.latents import SHARD, open_pool


@pytest.fixture
def bank() -> TrainingBank:
    embeddings = F.normalize(torch.randn(9, 8, generator=torch.Generator().manual_seed(3)), dim=-1)
    structures = torch.tensor([structure_code(name) for name in "abcdefghi"])
    return TrainingBank(embeddings=embeddings, structures=structures, k=3)


@pytest.fixture
def batch(make_pair):
    names = iter("abcz")
    made = denoiser_batch(lambda rng: make_pair(rng, structure=next(names) + "~"), 16, np.random.default_rng(0), 4)
    return {name: torch.from_numpy(value) for name, value in made.items()}


def test_a_sample_is_fused_without_its_own_entry(bank):
    query = bank.embeddings[[2, 2, 5]]
    own = torch.tensor([structure_code(name) for name in ("c", "elsewhere", "f")])
    entry = (2, None, 5)
    for alpha in (0.0, 0.5, 1.0):
        found = bank.fuse(query, own, torch.full((3,), alpha))
        for row in range(3):
            similarity = bank.embeddings @ query[row]
            if entry[row] is not None:
                similarity[entry[row]] = -2
            near = bank.embeddings[similarity.argsort(descending=True)[:3]]
            weights = barycentric_weights(query[row : row + 1], near[None])[0].float()
            torch.testing.assert_close(
                found[row], alpha * (weights @ near) + (1 - alpha) * query[row], atol=1e-5, rtol=1e-5
            )
    exact = bank.fuse(query, own, torch.ones(3))
    torch.testing.assert_close(exact[1], query[1], atol=1e-4, rtol=1e-4)  # its own entry may be used: one-hot
    assert (exact[0] - query[0]).norm() > 0.1
    assert bank.embeddings.isfinite().all()


def test_each_row_has_its_own_alpha(bank):
    query = F.normalize(bank.embeddings[:2] + 0.3, dim=-1)
    rows = bank.fuse(query, torch.tensor([0, 0]), torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(rows[0], query[0])
    assert (rows[1] - query[1]).norm() > 1e-3


def test_batches_name_the_own_entry_mirrored_or_not(batch):
    assert batch["own"].tolist() == [structure_code(name) for name in "abcz"]
    assert batch["framed_photo"].shape == (4, 3, 16, 16)
    assert batch["attributes"][0].tolist() == encode({"category": "Dress", "collar": "Round"})


def _draws(count: int, pipeline, shape):
    """The random numbers of one loss, in its order: α, kept conditions, time steps, noise."""
    generator = torch.Generator().manual_seed(11)
    device = torch.device("cpu")
    alpha = torch.rand(count, generator=generator)
    keep = ConditionMask.draw(count, device, generator, drop=DROP, drop_draft=DROP_DRAFT)
    t = torch.randint(0, 1000, (count,), generator=generator)
    return alpha, keep, t, torch.randn(shape, generator=generator)


def test_the_untrained_loss_is_the_drafts_own_error_under_min_snr(pipeline, bank, batch):
    model = pipeline()
    figures = denoiser_losses(model, bank, encode_batch(model, batch), torch.Generator().manual_seed(11))
    with torch.no_grad():
        target = F.pixel_unshuffle(model.encode(batch["standard"].float() / 127.5 - 1), 2)
        draft = model.draft(batch["photo"].float() / 127.5 - 1, batch["silhouette"].float() / 255)
        laid = F.pixel_unshuffle(model.encode(draft.image), 2)
    _, keep, t, _ = _draws(4, model, target.shape)
    error = (laid * keep.draft.view(-1, 1, 1, 1) - target).square()
    signal = model.scheduler.alphas_cumprod[t]
    weight = (signal / (1 - signal)).clamp(0.25, 5.0) / 5.0
    torch.testing.assert_close(figures["loss"].detach(), (error.mean((1, 2, 3)) * weight).mean(), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(figures["latent"], error.mean(), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(figures["draft"], (laid - target).square().mean(), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["v_prediction", "epsilon"])
def test_the_loss_means_the_same_whatever_is_predicted(pipeline, bank, batch, kind):
    """An answer of zero, turned into the x0 it stands for, has min-SNR's weighted error (times its ceiling)."""
    model = pipeline(kind, drafted=False)
    torch.nn.init.zeros_(model.unet.conv_out.weight)
    torch.nn.init.zeros_(model.unet.conv_out.bias)
    figures = denoiser_losses(model, bank, encode_batch(model, batch), torch.Generator().manual_seed(11))
    with torch.no_grad():
        target = F.pixel_unshuffle(model.encode(batch["standard"].float() / 127.5 - 1), 2)
    _, _, t, noise = _draws(4, model, target.shape)
    signal = model.scheduler.alphas_cumprod[t].view(-1, 1, 1, 1)
    noisy = signal**0.5 * target + (1 - signal) ** 0.5 * noise
    x0 = signal**0.5 * noisy if kind == "v_prediction" else noisy / signal**0.5
    weight = (signal / (1 - signal)).clamp(0.25, 5.0)
    torch.testing.assert_close(figures["loss"].detach(), (weight * (x0 - target).square()).mean(), atol=1e-4, rtol=1e-3)
    assert "draft" not in figures


def test_gradients_reach_exactly_what_learns(pipeline, bank, batch):
    model = pipeline()
    for part in (model.vae, model.structure_net, model.appearance_flow):
        part.requires_grad_(False)
    for module in (model.unet, model.ep_adapter):  # off zero, as after some steps
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    denoiser_losses(model, bank, encode_batch(model, batch), torch.Generator().manual_seed(11))["loss"].backward()
    for name in TRAINED:
        for parameter_name, parameter in getattr(model, name).named_parameters() if getattr(model, name) else ():
            # The second-to-last layer of the text encoder is read; its last, and its final norm, are not.
            unread = name == "text_encoder" and ("layers.1." in parameter_name or "final_layer_norm" in parameter_name)
            # At 32 pixels ReferenceNet's coarsest level is one token, which attends to itself whatever its query.
            unread |= (
                name == "reference_net"
                and not parameter_name.startswith(("down_blocks.0", "up_blocks.1"))
                and ".attn1.to_" in parameter_name
                and parameter_name.endswith(("to_q.weight", "to_k.weight"))
            )
            if parameter.requires_grad and not unread:
                assert parameter.grad is not None and parameter.grad.abs().sum() > 0, f"{name}.{parameter_name}"
    for part in (model.vae, model.structure_net, model.appearance_flow):
        assert all(parameter.grad is None for parameter in part.parameters())


def test_training_moves_its_parts_only_and_resumes_bit_for_bit(pipeline, bank, make_pair, config):
    held_out = [make_pair(np.random.default_rng(i), structure="b") for i in range(2)]
    whole, halved = pipeline(), pipeline()
    before = {
        name: {k: v.clone() for k, v in getattr(whole, name).state_dict().items()}
        for name in ("vae", "structure_net", "appearance_flow", "unet")
    }
    train_denoiser(config(4, "whole"), make_pair, held_out, pipeline=whole, bank=bank)
    train_denoiser(config(2, "halved"), make_pair, held_out, pipeline=pipeline(), bank=bank)
    train_denoiser(config(4, "halved"), make_pair, held_out, pipeline=halved, bank=bank)
    parts = [name for name in TRAINED if getattr(whole, name) is not None]
    assert parts == ["unet", "reference_net", "ep_adapter", "landmark_guider", "text_encoder"]
    for name in parts:
        for key, value in getattr(whole, name).state_dict().items():
            assert torch.equal(getattr(halved, name).state_dict()[key], value), f"{name}.{key}"
    for name in ("vae", "structure_net", "appearance_flow"):
        for key, value in getattr(whole, name).state_dict().items():
            assert torch.equal(value, before[name][key]), f"{name}.{key}"
    assert any(not torch.equal(v, before["unet"][k]) for k, v in whole.unet.state_dict().items())
    folder = config(4, "whole").out
    loaded = type(whole.ep_adapter).from_pretrained(folder / "ep_adapter", low_cpu_mem_usage=False)
    for key, value in whole.ep_adapter.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value)
    sheet = cv2.imread(str(folder / "sheet-0000004.jpg"))
    assert sheet.shape == (2 * 32, 6 * 32, 3)  # photo, draft, three strengths, standard


def test_without_a_draft_the_sheet_has_full_runs_only(pipeline, bank, make_pair, config):
    model = pipeline("v_prediction", drafted=False)
    settings = config(1)
    train_denoiser(
        settings, make_pair, [make_pair(np.random.default_rng(0))], pipeline=model, bank=replace(bank, k=40)
    )  # more neighbours than entries: all of them
    assert cv2.imread(str(settings.out / "sheet-0000001.jpg")).shape == (32, 3 * 32, 3)


def test_the_training_bank_names_structures_as_pairs_do(tmp_path):
    from ragdiffusion.bank import Bank, NewEntry
    from ragdiffusion.images import encode_silhouette
    from ragdiffusion.training.training_bank import training_bank

    silhouette = torch.zeros(64, 64)
    silhouette[16:48, 20:44] = 1
    bank = Bank.create(tmp_path / "bank.sqlite3", fingerprint="f", dimension=4)
    bank.add(
        [
            NewEntry(embedding=torch.eye(4)[i], silhouette=encode_silhouette(silhouette), attributes={}, source=source)
            for i, source in enumerate(("real:a", "drawn:7", "real:a+mirrored"))
        ]
    )
    found = training_bank(bank)
    assert found.structures.tolist() == [structure_code(name) for name in ("a", "7", "a")]
    torch.testing.assert_close(torch.as_tensor(found.embeddings), torch.eye(4)[:3])


def test_a_pool_is_encoded_once_and_read_again(pipeline, batch, tmp_path):
    model, calls = pipeline(), []

    def encode(rng: np.random.Generator, count: int):
        calls.append(count)
        rows = {name: value.repeat(-(-count // 4), *(1,) * (value.ndim - 1))[:count] for name, value in batch.items()}
        return encode_batch(model, rows)

    first = open_pool(tmp_path, encode, size=SHARD + 1, seed=3)
    assert calls == [SHARD, SHARD] and len(first) == 2 * SHARD and first.numbers == [0, 1]
    again = open_pool(tmp_path, encode, size=SHARD + 1, seed=3)
    assert len(calls) == 2
    drawn, repeated = (pool.batch(np.random.default_rng(5), 6) for pool in (first, again))
    wanted = encode_batch(model, batch)
    for name, rows in drawn.items():
        np.testing.assert_array_equal(rows, repeated[name])
        known = wanted[name].half() if wanted[name].is_floating_point() else wanted[name]
        assert all(any(np.array_equal(row, one) for one in known.numpy()) for row in rows), name
    with pytest.raises(ValueError, match="pool of 0 samples"):
        open_pool(tmp_path, encode, size=0, seed=3)
