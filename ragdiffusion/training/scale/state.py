"""The state of a training at scale: weights, their average and the optimiser apart, each in shards, whole or not.

A state is a folder `step-0000100`, written under another name and renamed when it is complete; older ones go when a
new one is there. Optimisers that are spread over processes (DeepSpeed) write their part themselves.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ragdiffusion.files import replace
from ragdiffusion.training.scale.shards import SHARD_BYTES, read_sharded, write_sharded

SCHEMA = 1
KEPT = 2  # states


@dataclass
class Trained:
    """What a state holds.

    Attributes:
        module: that learns.
        average: of its parameters that learn, by name, on the CPU; None: no average is kept here.
        optimizer: None where it writes its state itself.
    """

    module: nn.Module
    average: dict[str, torch.Tensor] | None
    optimizer: torch.optim.Optimizer | None


def newest_state(out: Path) -> Path | None:
    """The newest complete state of a training."""
    there = sorted(path for path in out.glob("step-*") if (path / "state.json").is_file())
    return there[-1] if there else None


def save_state(
    out: Path,
    trained: Trained,
    *,
    step: int,
    settings: Mapping[str, Any],
    limit: int = SHARD_BYTES,
    more: Callable[[Path], None] | None = None,
) -> Path:
    """Write a state; called by the main process alone.

    Args:
        out: of the training.
        trained: what to write.
        step: optimiser steps done.
        settings: what a resumed training must have too.
        limit: bytes a shard.
        more: writes what is beyond us (an optimiser spread over processes) into the folder.
    """
    target = out / f"step-{step:07d}"
    partial = out / f"{target.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    write_sharded(partial, "weights", learning(trained.module), limit=limit)
    if trained.average is not None:
        write_sharded(partial, "average", trained.average, limit=limit)
    if trained.optimizer is not None:
        write_sharded(partial, "optimizer", _optimizer_tensors(trained.optimizer), limit=limit)
    if more is not None:
        more(partial)
    about = {"schema": SCHEMA, "step": step, "settings": json.loads(json.dumps(dict(settings), default=str))}
    (partial / "state.json").write_text(json.dumps(about, indent=1) + "\n")
    shutil.rmtree(target, ignore_errors=True)
    replace(partial, target)
    complete = sorted(path for path in out.glob("step-*") if path.suffix != ".partial")
    for old in [*complete[:-KEPT], *out.glob("step-*.partial")]:  # what a kill left goes too
        shutil.rmtree(old, ignore_errors=True)
    return target


def load_state(folder: Path, trained: Trained, *, settings: Mapping[str, Any]) -> int:
    """Load a state into what is trained.

    Args:
        folder: from `newest_state`.
        trained: of the same build.
        settings: what this training was started with.

    Returns:
        Optimiser steps done.

    Raises:
        ValueError: if the state is damaged, of another version, or of a training with other settings or parts.
    """
    about = json.loads((folder / "state.json").read_text())
    if about["schema"] != SCHEMA:
        raise ValueError(f"{folder}: a state of schema {about['schema']}, this version reads {SCHEMA}")
    asked = json.loads(json.dumps(dict(settings), default=str))
    for name in {**about["settings"], **asked}:
        had, wanted = about["settings"].get(name), asked.get(name)
        if had != wanted:
            raise ValueError(
                f"{folder}: a training with {name} {had!r}, {wanted!r} was asked for: resume with the "
                "same settings, or start in a new folder"
            )
    _copy(read_sharded(folder, "weights"), learning(trained.module), folder)
    if trained.average is not None:
        _copy(read_sharded(folder, "average"), trained.average, folder)
    if trained.optimizer is not None:
        entries: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in read_sharded(folder, "optimizer"):
            index, _, key = name.partition("/")
            entries.setdefault(int(index), {})[key] = value
        trained.optimizer.load_state_dict(
            {"state": entries, "param_groups": trained.optimizer.state_dict()["param_groups"]}
        )
    return int(about["step"])


def learning(module: nn.Module) -> dict[str, torch.Tensor]:
    """The parameters that learn, by name."""
    return {name: parameter.data for name, parameter in module.named_parameters() if parameter.requires_grad}


@torch.no_grad()
def _copy(tensors, into: dict[str, torch.Tensor], folder: Path) -> None:  # noqa: ANN001
    left = set(into)
    for name, value in tensors:
        if name not in into or into[name].shape != value.shape:
            raise ValueError(
                f"{folder}: holds {name} of shape {tuple(value.shape)}, which this model has not; resume "
                "with the model that was trained"
            )
        into[name].copy_(value)
        left.discard(name)
    if left:
        raise ValueError(f"{folder}: lacks {sorted(left)[0]}; resume with the model that was trained")


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    return {
        f"{index}/{key}": torch.as_tensor(value)
        for index, entry in optimizer.state_dict()["state"].items()
        for key, value in entry.items()
    }
