"""The small model under DeepSpeed ZeRO-2, as one of two processes on the CPU; run as a script."""

from __future__ import annotations

import sys
from pathlib import Path

from accelerate.state import PartialState
from accelerate.utils import DistributedType
from safetensors.torch import save_file

from ragdiffusion.training.scale.loop import ScaleConfig, open_accelerator, train_at_scale
from tests.ragdiffusion.training.scale.small import SETTINGS, Regression, make


def main(out: Path, steps: int) -> None:
    """Train to a step, each process half of a batch of four, a row at a time."""
    # Accelerate knows DeepSpeed on GPUs only; without one it must be told who else is there.
    PartialState._prepare_backend = lambda *_: ("gloo", DistributedType.MULTI_CPU)
    changes = {"steps": steps, "cpu": False}
    config = ScaleConfig(out=out / "spread", batch_size=1, accumulate=2, **{**SETTINGS, **changes})
    with open_accelerator(config) as accelerator:
        assert accelerator.distributed_type == DistributedType.DEEPSPEED and accelerator.num_processes == 2
        average = train_at_scale(config, Regression(), make, accelerator=accelerator)
        if accelerator.is_main_process:
            save_file({name: value.contiguous() for name, value in average.items()}, out / "spread.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
