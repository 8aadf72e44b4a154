"""DeepSpeed and the launcher's files: what is asked for is what the launcher passes on, and ZeRO-2 changes nothing."""

from __future__ import annotations

import importlib.util
import os
import socket
from pathlib import Path

import pytest
import torch
from accelerate import DeepSpeedPlugin
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils import is_deepspeed_available
from accelerate.utils.launch import prepare_deepspeed_cmd_env
from safetensors.torch import load_file

from ragdiffusion.training.scale.loop import ScaleConfig, open_accelerator, train_at_scale
from tests.ragdiffusion.training.scale.ranks import run_ranks
from tests.ragdiffusion.training.scale.small import SETTINGS, Regression, make

_ROOT = Path(__file__).resolve().parents[4]
_CONFIGS = _ROOT / "ragdiffusion" / "training" / "scale" / "configs"


@pytest.fixture(autouse=True)
def _fresh_accelerator(monkeypatch):
    from accelerate.state import AcceleratorState

    for name in [name for name in os.environ if name.startswith("ACCELERATE")]:
        monkeypatch.delenv(name)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def _launched(name: str):  # noqa: ANN202
    """The launcher's arguments as it completes them from a file of ours."""
    words = ["--config_file", str(_CONFIGS / f"{name}.yaml"), "-m", "ragdiffusion", "train", "paper", "denoiser"]
    arguments, defaults, _ = _validate_launch_command(launch_command_parser().parse_args(words))
    arguments.deepspeed_fields_from_accelerate_config = ",".join(defaults.deepspeed_config or {})
    return arguments


def test_the_zero_2_file_is_what_accelerates_own_classes_make_of_it(monkeypatch):
    arguments = _launched("zero2")
    assert arguments.use_deepspeed and arguments.num_processes == 8 and arguments.module
    _, environment = prepare_deepspeed_cmd_env(arguments)
    for name in (name for name in environment if name.startswith("ACCELERATE")):
        monkeypatch.setenv(name, environment[name])
    plugin = DeepSpeedPlugin()
    plugin.set_mixed_precision("bf16")
    config = plugin.deepspeed_config
    assert config["zero_optimization"]["stage"] == 2 and config["gradient_clipping"] == 1.0
    assert config["zero_optimization"]["offload_optimizer"]["device"] == "none" and config["bf16"]["enabled"]
    assert not plugin.zero3_init_flag


def test_the_ddp_file_starts_eight_processes():
    arguments = _launched("ddp")
    assert arguments.multi_gpu and arguments.num_processes == 8 and arguments.mixed_precision == "bf16"


def test_accumulation_is_what_the_command_says_not_what_the_launcher_says(tmp_path, monkeypatch):
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "1")  # as every DeepSpeed file sets it
    with open_accelerator(ScaleConfig(out=tmp_path, steps=1, accumulate=3, cpu=True)) as accelerator:
        assert accelerator.gradient_accumulation_steps == 3


@pytest.mark.skipif(is_deepspeed_available(), reason="DeepSpeed is installed")
def test_without_deepspeed_it_is_said_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    with (
        pytest.raises(ValueError, match=r"^the launcher wants what is not installed .*pip install deepspeed"),
        open_accelerator(ScaleConfig(out=tmp_path, steps=1)),
    ):
        pass


@pytest.mark.skipif(
    importlib.util.find_spec("deepspeed") is None, reason="DeepSpeed is no requirement: pip install deepspeed"
)
def test_zero_2_over_two_processes_stopped_and_resumed_equals_one_of_the_whole_batch(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "ACCELERATE_USE_DEEPSPEED": "true",
        "ACCELERATE_DEEPSPEED_ZERO_STAGE": "2",
        "ACCELERATE_GRADIENT_CLIPPING": "1.0",
        "ACCELERATE_GRADIENT_ACCUMULATION_STEPS": "1",
        "DS_ACCELERATOR": "cpu",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    for steps in (4, SETTINGS["steps"]):
        run_ranks("tests.ragdiffusion.training.scale.spread", str(tmp_path), str(steps), settings=settings)
    alone = train_at_scale(ScaleConfig(out=tmp_path / "alone", batch_size=4, **SETTINGS), Regression(), make)
    found = load_file(tmp_path / "spread.safetensors")
    for name, value in alone.items():
        torch.testing.assert_close(found[name], value, atol=1e-6, rtol=1e-5)
