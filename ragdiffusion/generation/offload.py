"""Where a pipeline's large parts are while others work, so that a model larger than the card still runs on it.

`whole` keeps all on the device; `model` brings one part at a time; `sequential` brings one layer at a time, slowest
and smallest. When memory runs out, a run goes on in the next mode.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from accelerate import cpu_offload
from accelerate.hooks import remove_hook_from_submodules
from torch import nn

MODES = ("whole", "model", "sequential")
MOVED = ("text_encoder", "text_encoder_2", "vae", "reference_net", "unet")
"""Parts that make room for each other; what is left is small, or sees every photo."""
_TILE = 512  # side of a decoder's tile where memory is short, pixels

_LOG = logging.getLogger(__name__)


class Offload:
    """Moves the parts of a pipeline.

    Args:
        parts: its modules by name.
        device: where they compute.
        mode: of `MODES`.

    Raises:
        ValueError: for an unknown mode.
        RuntimeError: if memory does not hold the parts in any mode.
    """

    def __init__(self, parts: Mapping[str, nn.Module], device: torch.device | str, mode: str = "whole") -> None:
        if mode not in MODES:
            raise ValueError(f"offload mode {mode!r}: choose one of {', '.join(MODES)}")
        self.device, self.mode = torch.device(device), mode
        self._moved = {name: parts[name] for name in MOVED if parts.get(name) is not None}
        self._staying = [part for name, part in parts.items() if name not in self._moved]
        self._settle()

    @contextmanager
    def at_work(self, *names: str) -> Iterator[None]:
        """Have parts on the device while they compute; names that the pipeline lacks are passed over."""
        brought = []
        if self.mode == "model":
            brought = [
                part
                for name in names
                if (part := self._moved.get(name)) is not None and _place(part).type != self.device.type
            ]
        try:
            for part in brought:
                part.to(self.device)
            yield
        finally:
            for part in brought:
                part.to("cpu")
            if brought and self.device.type == "cuda":
                torch.cuda.empty_cache()

    def make_room(self, error: Exception) -> None:
        """Go on in the next mode after memory ran out, and say so.

        Raises:
            RuntimeError: if there is no next one.
        """
        reason = str(error).strip().partition("\n")[0].partition(". ")[0]
        if self.mode == MODES[-1]:
            raise RuntimeError(
                f"memory ran out on {self.device} even layer by layer ({reason}): make fewer seeds at a "
                "time, or use another device"
            ) from error
        following = MODES[MODES.index(self.mode) + 1]
        _LOG.warning(
            "memory ran out on %s (%s): going on with parts moved in and out (%s)", self.device, reason, following
        )
        self.mode = following
        self._settle()

    def _settle(self) -> None:
        """Bring the parts where the mode has them at rest; where memory does not hold that, where the next one has."""
        try:
            self._move()
        except torch.OutOfMemoryError as error:
            self.make_room(error)

    def _move(self) -> None:
        for part in self._staying:
            part.to(self.device)
        for part in {id(part): part for part in self._moved.values()}.values():
            remove_hook_from_submodules(part)
            if self.mode == "sequential":
                cpu_offload(part.to("cpu"), self.device, offload_buffers=True)
            else:
                part.to(self.device if self.mode == "whole" else "cpu")
        vae = self._moved.get("vae")
        if self.mode != "whole" and hasattr(vae, "enable_tiling"):
            vae.enable_tiling()
            vae.tile_sample_min_size, vae.tile_latent_min_size = _TILE, _TILE // 8
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def _place(part: nn.Module) -> torch.device:
    return next(part.parameters()).device
