"""The loop at scale: processes, accumulation and kills change nothing about what is computed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ragdiffusion.training.scale.loop import ScaleConfig, train_at_scale
from ragdiffusion.training.scale.state import newest_state
from tests.ragdiffusion.training.scale.ranks import run_ranks
from tests.ragdiffusion.training.scale.small import SETTINGS, Regression, contrast, make


@pytest.fixture(autouse=True)
def _fresh_accelerator():
    """Accelerate keeps one state a process; each test opens its own."""
    from accelerate.state import AcceleratorState

    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def _config(out: Path, **changes) -> ScaleConfig:
    return ScaleConfig(out=out, **{"batch_size": 4, **SETTINGS, **changes})


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Averaged weights of an uninterrupted training by one process."""
    from accelerate.state import AcceleratorState

    average = train_at_scale(_config(tmp_path_factory.mktemp("alone")), Regression(), make)
    AcceleratorState._reset_state(reset_partial_state=True)  # the test that asks first may want another precision
    return average


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> Path:
    """What two processes left, each with half the batch."""
    out = tmp_path_factory.mktemp("two")
    run_ranks("tests.ragdiffusion.training.scale.small", str(out), settings={"ACCELERATE_USE_CPU": "true"})
    return out


def test_two_processes_equal_one_of_twice_the_batch(alone, two):
    found = load_file(two / "two.safetensors")
    for name, value in alone.items():
        torch.testing.assert_close(found[f"average/{name}"], value, atol=1e-6, rtol=1e-5)
    assert "fixed.weight" not in alone


def test_a_contrast_over_two_processes_has_the_gradient_of_the_whole_batch(two):
    found, (loss, gradient) = load_file(two / "two.safetensors"), contrast(0, 1)
    torch.testing.assert_close(found["loss"], loss)
    torch.testing.assert_close(found["contrast"], gradient, atol=1e-6, rtol=1e-5)


def test_processes_that_disagree_say_so_each(two):
    for rank in range(2):
        said = json.loads((two / f"said-{rank}.json").read_text())
        assert said["disagreement"] == (
            "the processes disagree on learning_rate: 0.1 on rank 0, 0.2 on rank 1; start all with the same command"
        )


def test_processes_with_unlike_commands_say_so_before_they_write(two):
    for rank in range(2):
        code, errors = json.loads((two / f"said-{rank}.json").read_text())["command"]
        assert code == 2 and errors.splitlines()[-1] == (
            "ragdiffusion: error: the processes disagree on pool: 3 on rank 0, 4 on rank 1; "
            "start all with the same command"
        )
    assert not (two / "never").exists()


def test_nothing_of_a_process_group_outlives_the_training(two):
    """Threads that meet the end of their interpreter abort the process, now and then."""
    for rank in range(2):
        assert not [name for name in json.loads((two / f"said-{rank}.json").read_text())["threads"] if "gloo" in name]


def test_accumulated_batches_equal_one(alone, tmp_path):
    found = train_at_scale(_config(tmp_path, batch_size=2, accumulate=2), Regression(), make)
    for name, value in alone.items():
        torch.testing.assert_close(found[name], value, atol=1e-6, rtol=1e-5)


def test_half_precision_trains_like_full_and_keeps_its_weights_whole(alone, tmp_path):
    module, seen = Regression(), []
    module.last.register_forward_hook(lambda _, given, out: seen.append(out.dtype))
    found = train_at_scale(_config(tmp_path / "bf16", precision="bf16"), module, make)
    assert set(seen) == {torch.bfloat16}
    for name, value in alone.items():
        assert found[name].dtype == torch.float32 and not torch.equal(found[name], value)
        torch.testing.assert_close(found[name], value, atol=5e-3, rtol=5e-2)


def test_what_a_cpu_would_do_in_float32_is_not_called_fp16(tmp_path):
    with pytest.raises(ValueError, match="precision is fp16, which a CPU does not train in: bf16 or no wanted, or a"):
        train_at_scale(_config(tmp_path / "out", precision="fp16"), Regression(), make)
    assert not (tmp_path / "out").exists()


def test_killed_and_resumed_equals_uninterrupted(alone, tmp_path):
    class KilledError(Exception):
        pass

    def failing(numbers: range):
        if numbers[0] >= 4 * 5:
            raise KilledError
        return make(numbers)

    with pytest.raises(KilledError):
        train_at_scale(_config(tmp_path), Regression(), failing)
    assert newest_state(tmp_path).name == "step-0000004"
    (tmp_path / "step-0000005.partial").mkdir()  # what a kill while writing leaves
    module = Regression()
    found = train_at_scale(_config(tmp_path), module, make)
    for name, value in alone.items():
        assert torch.equal(found[name], value), name
    assert sorted(path.name for path in tmp_path.glob("step-*")) == ["step-0000004", "step-0000006"]
    steps = [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert steps[-1] == 6


def test_a_resume_with_other_settings_or_parts_is_refused(tmp_path):
    train_at_scale(_config(tmp_path, steps=2), Regression(), make)
    with pytest.raises(ValueError, match=r"a training with learning_rate 0\.02, 0\.5 was asked for: resume with the"):
        train_at_scale(_config(tmp_path, learning_rate=0.5), Regression(), make)
    with pytest.raises(ValueError, match=r"a training with samples_a_step 4, 8 was asked for"):
        train_at_scale(_config(tmp_path, batch_size=8), Regression(), make)
    other = Regression()
    other.last = torch.nn.Linear(8, 3)
    with pytest.raises(ValueError, match=r"holds last\.weight of shape \(2, 8\), which this model has not"):
        train_at_scale(_config(tmp_path), other, make)
    (newest_state(tmp_path) / "optimizer-00001-of-00001.safetensors").write_bytes(b"cut")
    with pytest.raises(ValueError, match="the state is incomplete or damaged"):
        train_at_scale(_config(tmp_path), Regression(), make)


def test_the_average_is_what_is_validated_and_the_weights_go_on(tmp_path):
    seen = []

    def validate(module: Regression, step: int) -> dict[str, float]:
        seen.append((step, module.training, module.last.weight.clone()))
        return {"held_out": 1.5}

    module = Regression()
    average = train_at_scale(_config(tmp_path, sample_every=3), module, make, on_sample=validate)
    assert [(step, training) for step, training, _ in seen] == [(3, False), (6, False)]
    assert torch.equal(seen[-1][2], average["last.weight"])
    assert not torch.equal(module.last.weight, average["last.weight"])
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "held_out" in line] == [3, 6]
    assert list(tmp_path.glob("tensorboard/*"))


def test_without_an_average_the_last_weights_come_back(tmp_path):
    module = Regression()
    found = train_at_scale(_config(tmp_path, ema_decay=0.0, ema_every=1), module, make)
    assert all(torch.equal(found[name], dict(module.named_parameters())[name]) for name in found)


def test_gradients_that_are_not_finite_end_a_training(tmp_path):
    class Broken(Regression):
        def forward(self, batch):
            return {"loss": super().forward(batch)["loss"] * float("nan")}

    module = Broken()
    before = module.last.weight.clone()
    with pytest.raises(RuntimeError, match="gradients were not finite for 20 steps; lower the learning rate"):
        train_at_scale(_config(tmp_path, steps=40), module, make)
    assert torch.equal(module.last.weight, before)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps is 0, 1 or more"),
        ({"accumulate": 0}, "accumulate is 0"),
        ({"precision": "int8"}, "precision is 'int8', one of no, bf16"),
    ],
)
def test_settings_out_of_range_are_refused(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        replace(_config(tmp_path), **changes)


def test_where_memory_runs_out_it_is_said_and_half_the_batch_goes_on(alone, tmp_path):
    """The last state is whole, and half a batch accumulated twice computes the same."""

    class Large(Regression):
        def forward(self, batch):  # noqa: ANN001, ANN202
            if len(batch["seed"]) > 2 and newest_state(tmp_path) is not None:
                raise torch.OutOfMemoryError("out of memory")
            return super().forward(batch)

    with pytest.raises(RuntimeError, match=r"memory does not hold 4 samples at a time: halve --batch-size and double"):
        train_at_scale(_config(tmp_path), Large(), make)
    assert newest_state(tmp_path).name == "step-0000002" and not list(tmp_path.glob("*.partial"))
    average = train_at_scale(_config(tmp_path, batch_size=2, accumulate=2), Large(), make)
    for name, value in alone.items():
        torch.testing.assert_close(average[name], value, atol=1e-6, rtol=1e-5)
