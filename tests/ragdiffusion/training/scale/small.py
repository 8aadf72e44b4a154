"""A small model for the loop at scale, and what two processes do with it; run as a script by a launcher."""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stderr
from pathlib import Path

import torch
import torch.distributed as dist
from accelerate.state import AcceleratorState
from safetensors.torch import save_file
from torch import nn

from ragdiffusion import cli
from ragdiffusion.structure.losses import info_nce
from ragdiffusion.training.scale.loop import ScaleConfig, open_accelerator, train_at_scale
from ragdiffusion.training.scale.ranks import RowRandom, check_agreement, gather_with_gradients

SETTINGS = {
    "steps": 6,
    "learning_rate": 0.02,
    "warmup": 3,
    "ema_decay": 0.9,
    "save_every": 2,
    "sample_every": 100,
    "cpu": True,
}


class Regression(nn.Module):
    """Two layers that learn noise of its own for each row; one parameter is frozen."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.first, self.last, self.fixed = nn.Linear(4, 8), nn.Linear(8, 2), nn.Linear(2, 2)
        self.fixed.requires_grad_(False)

    def forward(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        wanted = batch["wanted"] + RowRandom(batch["seed"]).randn(2)
        error = (self.fixed(self.last(torch.tanh(self.first(batch["given"])))) - wanted).square()
        return {"loss": error.mean()}


def make(numbers: range) -> dict[str, torch.Tensor]:
    rows = RowRandom(numbers)
    return {"given": rows.randn(4), "wanted": rows.randn(2), "seed": torch.tensor(list(numbers))}


def contrast(rank: int, world: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss over all processes' pairs and this process's mean gradient of a shared projection."""
    generator = torch.Generator().manual_seed(4)
    photos, standards = torch.randn(2, 6, 5, generator=generator)
    weight = torch.eye(5).requires_grad_()
    rows = slice(rank * 6 // world, (rank + 1) * 6 // world)
    loss = info_nce(gather_with_gradients(photos[rows] @ weight), gather_with_gradients(standards[rows] @ weight), 0.2)
    loss.backward()
    return loss.detach(), weight.grad


def main(out: Path) -> None:
    """Train as one of two processes that meet over a file, compare notes, and say what still runs at the end."""
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    dist.init_process_group("gloo", init_method=(out / "meeting").as_uri(), rank=rank, world_size=world)
    config = ScaleConfig(out=out / "two", batch_size=2, **SETTINGS)
    with open_accelerator(config) as accelerator:
        average = train_at_scale(config, Regression(), make, accelerator=accelerator)
        loss, gradient = contrast(rank, world)
        dist.all_reduce(gradient)
        if rank == 0:
            named = {f"average/{name}": value.contiguous() for name, value in average.items()}
            save_file({"contrast": gradient / world, "loss": loss, **named}, out / "two.safetensors")
        said: dict = {"disagreement": disagreement(rank)}
    said["command"] = unlike_commands(out, rank, world)
    said["threads"] = threads()
    (out / f"said-{rank}.json").write_text(json.dumps(said))


def disagreement(rank: int) -> str:
    """What the check of settings says where each process has a learning rate of its own."""
    try:
        check_agreement({"seed": 3, "learning_rate": 0.1 * (rank + 1)})
    except ValueError as error:
        return str(error)
    return ""


def unlike_commands(out: Path, rank: int, world: int) -> tuple[int, str]:
    """Exit code and errors of a training that each process was told another pool for."""
    AcceleratorState._reset_state(reset_partial_state=True)
    dist.init_process_group("gloo", init_method=(out / "again").as_uri(), rank=rank, world_size=world)
    words = ["train", "paper", "denoiser", "--checkpoint", str(out / "none"), "--out", str(out / "never")]
    errors = io.StringIO()
    with redirect_stderr(errors):
        code = cli.main([*words, "--cpu", "--precision", "no", "--workers", "0", "--pool", str(rank + 3)])
    return code, errors.getvalue()


def threads() -> list[str]:
    """Names of this process's threads, as Linux has them; elsewhere none."""
    return sorted(path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
