"""Speed with random weights: both ways draw the same, training lowers the loss, and the pack holds what is needed."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
import torch
from packaging.utils import canonicalize_name

from ragdiffusion.cli import main
from ragdiffusion.config import PRESETS
from ragdiffusion.evaluation.gpu_machine import _NEEDED, closure, pack
from ragdiffusion.evaluation.paper_speed import matrix_product_peak, measure_speed, measure_training
from tests.ragdiffusion.conftest import tiny_preset

_ROOT = Path(__file__).resolve().parents[3]


def test_fast_and_plain_draw_the_same():
    report = measure_speed(tiny_preset(), "cpu", torch.float32, steps=2, rounds=1)
    assert report["difference"] < 1e-5
    assert set(report["stages"]) == {"text", "encode", "reference", "conditions", "step", "decode", "plain_step"}
    assert report["stages"]["plain_step"]["tflop"] > report["stages"]["step"]["tflop"] > 0
    for stage in report["stages"].values():
        assert stage["share_of_peak"] == pytest.approx(
            stage["tflop"] / (stage["ms"] / 1e3) / report["peak_tflops"], rel=1e-6
        )
    assert report["photo_to_picture_s"] > report["picture_s"] > 0


def test_steps_of_training_lower_the_loss_on_one_batch():
    report = measure_training(tiny_preset(), "cpu", torch.float32, steps=3, learning_rate=1e-3)
    assert len(report["losses"]) == 4 and len(report["seconds"]) == 3
    assert report["losses"] == sorted(report["losses"], reverse=True) and report["losses"][3] < report["losses"][0]


def test_the_command_prints_it_and_refuses_nonsense(monkeypatch, capsys):
    monkeypatch.setitem(PRESETS, "tiny", replace(tiny_preset(), name="tiny"))
    words = ["benchmark", "--preset", "tiny", "--random-weights", "--device", "cpu"]
    assert main([*words, "--steps", "1", "--training-steps", "1"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("tiny, random weights, cpu, float32") and "training" in printed
    assert main([*words, "--steps", "0"]) == 2
    assert "--steps is 0, 1 or more wanted" in capsys.readouterr().err


def test_a_matrix_product_is_timed():
    assert 0 < matrix_product_peak("cpu", torch.float32, rounds=2) < 1000


def test_the_pack_brings_what_torch_does_not():
    names = closure(("diffusers", "transformers", "accelerate"))
    assert {"diffusers", "transformers", "accelerate", "safetensors", "tokenizers", "huggingface-hub"} <= set(names)
    assert not {"torch", "numpy", "scipy"} & set(names) and len(names) == len(set(names))


_THERE = """
import json, sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

root, out, absent = json.loads(sys.argv[1])
sys.path.insert(0, root)
from tests.ragdiffusion.conftest import tiny_preset
from tests.ragdiffusion.fresh_environment import hide

tiny = replace(tiny_preset(), name="tiny")
for name in [name for name in sys.modules if name.partition(".")[0] == "ragdiffusion"]:
    del sys.modules[name]
hide(frozenset(absent))
from ragdiffusion.config import PRESETS
from ragdiffusion.evaluation.gpu_machine import _measure

PRESETS["tiny"] = tiny
report = _measure(Namespace(preset="tiny", device="cpu", dtype="float32", steps=2, compile=False))
Path(out).write_text(json.dumps(report))
"""


def test_the_script_for_a_gpu_machine_runs_on_torch_and_what_it_packs_alone(tmp_path):
    """In a process that finds nothing else: fast and plain way drawn alike, and a loss that goes down."""
    packed = closure(_NEEDED)
    with_torch = {"torch", "filelock", "typing-extensions", "fsspec", "numpy", "sympy", "networkx", "jinja2", "mpmath"}
    kept = {*packed, *with_torch, "markupsafe", "setuptools"}
    absent = [
        name
        for name, owners in metadata.packages_distributions().items()
        if not any(canonicalize_name(owner) in kept for owner in owners)
    ]
    assert {"diffusers", "torch"}.isdisjoint(absent) and {"pytest", "gradio", "cv2", "scipy"} <= set(absent)
    given = json.dumps([str(_ROOT), str(tmp_path / "report.json"), absent])
    done = subprocess.run([sys.executable, "-c", _THERE, given], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["eager"]["difference"] < 1e-5 and report["eager"]["plain_to_fast"] > 0
    assert report["training"]["losses"][-1] < report["training"]["losses"][0]


def test_a_pack_holds_the_package_and_can_be_imported_from(tmp_path, monkeypatch):
    monkeypatch.setattr("ragdiffusion.evaluation.gpu_machine._NEEDED", ("hjson-is-not-here", "tqdm"))
    with zipfile.ZipFile(pack(tmp_path)) as bundle:
        names = set(bundle.namelist())
    assert {"ragdiffusion/evaluation/paper_speed.py", "ragdiffusion/config.py", "tqdm/__init__.py"} <= names
    assert not any("__pycache__" in name or name.startswith(("/", "..")) for name in names)
