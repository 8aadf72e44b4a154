"""The training loop: killed and resumed equals uninterrupted, the learning rate by hand, batches by number."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from ragdiffusion.training.loop import LoopConfig, SeededBatches, learning_rate, train


def _batches(seed: int = 0) -> SeededBatches:
    return SeededBatches(
        lambda rng, count: {"x": rng.normal(size=(count, 4)).astype(np.float32)}, batch_size=2, seed=seed
    )


def _module() -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.nn.Sequential(
            torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Tanh(), torch.nn.Linear(8, 1)
        )


def _losses(module, batch, generator):
    noise = torch.randn(batch["x"].shape, generator=generator)
    error = (module(batch["x"] + 0.1 * noise) - batch["x"].sum(1, keepdim=True)).square().mean()
    return {"loss": error, "error": error.detach()}


def test_batch_numbers_decide_batches():
    first, again, other = _batches(), _batches(), _batches(seed=1)
    assert torch.equal(first[7]["x"], again[7]["x"])
    assert not torch.equal(first[7]["x"], first[8]["x"]) and not torch.equal(first[7]["x"], other[7]["x"])
    wanted = np.random.default_rng([0, 7]).normal(size=(2, 4)).astype(np.float32)
    assert torch.equal(first[7]["x"], torch.from_numpy(wanted))


def test_resumed_equals_uninterrupted_bit_for_bit(config):
    whole = _module()
    average = train(config(12, "whole"), whole, _batches(), _losses)
    train(config(5, "halved"), _module(), _batches(), _losses)
    resumed = _module()
    again = train(config(12, "halved"), resumed, _batches(), _losses)
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name
        assert torch.equal(again[name], average[name]), name
    assert not torch.equal(average["0.weight"], _module().state_dict()["0.weight"])


def test_killed_between_saves_equals_uninterrupted(config):
    whole = _module()
    train(config(9, "whole"), whole, _batches(), _losses)
    calls = []

    def killed(module, batch, generator):
        calls.append(1)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return _losses(module, batch, generator)

    with pytest.raises(KeyboardInterrupt):
        train(config(9, "killed", save_every=0.0), _module(), _batches(), killed)
    (config(9, "killed").out / f".state.safetensors.{2**22 + 1}.partial").write_bytes(b"half")
    resumed = _module()
    train(config(9, "killed"), resumed, _batches(), _losses)
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_every_step_has_its_own_noise_resumed_or_not(config):
    def noises(folder, *stops, seed=0):
        seen = []

        def remember(module, batch, generator):
            seen.append(torch.randn(1, generator=torch.Generator().manual_seed(generator.initial_seed())).item())
            return _losses(module, batch, generator)

        for steps in stops:
            train(config(steps, folder, seed=seed), _module(), _batches(), remember)
        return seen

    whole = noises("whole", 6)
    assert len(set(whole)) == 6
    assert noises("halved", 3, 6) == whole
    assert not set(noises("other", 6, seed=1)) & set(whole)


def test_the_loss_falls_and_frozen_weights_stay(config):
    module = _module()
    module[0].requires_grad_(False)
    frozen = module[0].weight.clone()
    before = float(_losses(module, _batches()[99], torch.Generator().manual_seed(0))["loss"].detach())
    average = train(config(150, learning_rate=0.02), module, _batches(), _losses)
    after = float(_losses(module, _batches()[99], torch.Generator().manual_seed(0))["loss"].detach())
    assert after < 0.5 * before
    assert torch.equal(module[0].weight, frozen)
    torch.testing.assert_close(average["0.weight"], frozen)
    lines = [json.loads(line) for line in (config(150).out / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [100] and {"loss", "error", "minutes"} <= set(lines[0])


def test_samples_are_taken_with_averaged_weights_and_change_nothing(config):
    plain, sampled = _module(), _module()
    train(config(6, "plain"), plain, _batches(), _losses)
    seen = []

    def on_sample(module, step):
        seen.append((step, module.training, {name: value.clone() for name, value in module.state_dict().items()}))
        assert not torch.is_grad_enabled()
        return {"figure": 1.25}

    average = train(config(6, "sampled", sample_every=4), sampled, _batches(), _losses, on_sample=on_sample)
    assert [(step, training) for step, training, _ in seen] == [(4, False), (6, False)]
    for name, value in average.items():
        assert torch.equal(seen[-1][2][name], value)
    for name, value in plain.state_dict().items():
        assert torch.equal(sampled.state_dict()[name], value), name
    assert sampled.training
    lines = [json.loads(line) for line in (config(6, "sampled").out / "log.jsonl").read_text().splitlines()]
    assert lines == [{"step": 4, "figure": 1.25}, {"step": 6, "figure": 1.25}]


def test_a_finished_training_is_left_alone(config):
    module = _module()
    train(config(3), module, _batches(), _losses)
    again = _module()

    def never(*_):
        raise AssertionError("no step is left")

    train(config(3), again, _batches(), never)
    assert torch.equal(again[0].weight, module[0].weight)


def test_a_loss_that_is_never_finite_ends_the_training(config):
    module, steps = _module(), []

    def broken(module, batch, generator):
        steps.append(1)
        return {"loss": module(batch["x"]).sum() * float("nan")}

    before = module[0].weight.clone()
    with pytest.raises(RuntimeError, match="the loss was not finite for 20 steps; lower the learning rate"):
        train(config(100), module, _batches(), broken)
    assert len(steps) == 20 and torch.equal(module[0].weight, before)


def test_a_few_bad_steps_are_skipped(config):
    def sometimes(module, batch, generator):
        named = _losses(module, batch, generator)
        sometimes.calls += 1
        return {"loss": named["loss"] * (float("inf") if sometimes.calls % 2 else 1.0)}

    sometimes.calls = 0
    module = _module()
    train(config(10), module, _batches(), sometimes)
    assert all(torch.isfinite(p).all() for p in module.parameters())


@pytest.mark.parametrize(
    ("step", "elapsed", "wanted"),
    [
        (0, 0.0, 0.1 * 1.0),
        (4, 0.0, 0.5),
        (9, 0.0, 1.0),
        (500, 0.0, 1.0),  # warm-up over 10 steps
        (500, 480.0, 1.0),
        (500, 540.0, 0.5),
        (500, 588.0, 0.1),
        (500, 600.0, 0.0),
        (500, 700.0, 0.0),  # last fifth
    ],
)
def test_the_learning_rate_over_time_by_hand(tmp_path, step, elapsed, wanted):
    config = LoopConfig(out=tmp_path, minutes=10, warmup=10, cooldown=0.2, learning_rate=1.0)
    assert learning_rate(config, step, elapsed) == pytest.approx(wanted, abs=1e-9)


def test_the_learning_rate_over_steps_by_hand(tmp_path):
    config = LoopConfig(out=tmp_path, minutes=10, steps=100, warmup=1, cooldown=0.5, learning_rate=0.2)
    assert [learning_rate(config, step, 0.0) for step in (0, 50, 75, 99)] == pytest.approx([0.2, 0.2, 0.1, 0.004])
    assert learning_rate(config, 10, 450.0) == pytest.approx(0.1)  # whichever ends first counts
    flat = LoopConfig(out=tmp_path, minutes=10, steps=100, warmup=1, cooldown=0.0, learning_rate=0.2)
    assert learning_rate(flat, 99, 599.0) == 0.2
