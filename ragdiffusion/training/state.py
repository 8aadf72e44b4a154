"""The state of a training, on disk: safetensors for tensors, JSON for the rest, written atomically."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from ragdiffusion.files import sweep, whole, write_json

SCHEMA = 1


class ExponentialAverage:
    """Exponential moving average of a module's floating-point state.

    Args:
        module: whose state to follow.
        decay: weight of the past per step, in [0, 1); smaller in the first steps.
    """

    def __init__(self, module: torch.nn.Module, *, decay: float = 0.999) -> None:
        self.decay = decay
        self.average = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: torch.nn.Module, step: int) -> None:
        """Move towards the module's state after optimiser step number `step` (from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, value in module.state_dict().items():
            if value.dtype.is_floating_point:
                self.average[name].lerp_(value, 1 - decay)
            else:
                self.average[name].copy_(value)


def save_tensors(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """Write safetensors whole or not at all."""
    with whole(path) as partial:
        save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, partial)


def save_training(
    folder: Path,
    *,
    step: int,
    seconds: float,
    module: torch.nn.Module,
    average: ExponentialAverage,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Write everything a training needs to go on (`state.safetensors`, `state.json`).

    Each file is replaced whole. The tensors carry the step that counts; the JSON may be a save older after a kill.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"module/{name}": value for name, value in module.state_dict().items()}
    tensors |= {f"average/{name}": value for name, value in average.average.items()}
    for index, entry in optimizer.state_dict()["state"].items():
        for key, value in entry.items():
            tensors[f"optimizer/{index}/{key}"] = torch.as_tensor(value)
    tensors["step"] = torch.tensor(step)
    save_tensors(folder / "state.safetensors", tensors)
    write_json(folder / "state.json", {"schema": SCHEMA, "step": step, "seconds": seconds}, sort_keys=True)


def _read_about(path: Path) -> dict:
    """What is said about a state; nothing where a power cut left no whole file, for the tensors suffice to go on."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def read_step(folder: Path) -> int:
    """Optimiser steps that the state in a folder has behind it; 0 where there is none."""
    path = folder / "state.safetensors"
    if not path.is_file():
        return 0
    with safe_open(path, "pt") as tensors:
        return int(tensors.get_tensor("step"))


def load_training(
    folder: Path, *, module: torch.nn.Module, average: ExponentialAverage, optimizer: torch.optim.Optimizer
) -> tuple[int, float]:
    """Load what `save_training` wrote into the given objects, if there is anything.

    A state that came by `shards` holds averaged weights alone: they serve as the module's own, the optimiser is new.

    Returns:
        step: optimiser steps done, 0 for a new training.
        seconds: time spent training so far.

    Raises:
        RuntimeError: if the state is of another schema or does not fit the module.
    """
    sweep(folder)
    if not (folder / "state.safetensors").is_file():
        return 0, 0.0
    tensors = load_file(folder / "state.safetensors")
    about = _read_about(folder / "state.json")
    if about.get("schema", SCHEMA) != SCHEMA:
        raise RuntimeError(
            f"{folder}: training state of schema {about['schema']}, this version reads {SCHEMA}; start in a new folder"
        )
    part = lambda prefix: {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}  # noqa: E731
    averaged = part("average/")
    module.load_state_dict(part("module/") or averaged)
    own = module.state_dict()
    average.average = {name: value.to(own[name]) for name, value in averaged.items()}
    entries: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in part("optimizer/").items():
        index, key = name.split("/")
        entries.setdefault(int(index), {})[key] = value
    if entries:
        optimizer.load_state_dict({"state": entries, "param_groups": optimizer.state_dict()["param_groups"]})
    return int(tensors["step"]), float(about.get("seconds", 0.0))
