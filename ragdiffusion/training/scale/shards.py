"""Large sets of tensors in files of a limited size with an index, as diffusers and transformers lay them out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

SHARD_BYTES = 5 * 10**9


def write_sharded(folder: Path, name: str, tensors: Mapping[str, torch.Tensor], *, limit: int = SHARD_BYTES) -> None:
    """Write `NAME-00001-of-0000N.safetensors` and `NAME.safetensors.index.json`.

    Args:
        folder: to write into.
        name: of the set.
        tensors: on any device; a shard at a time is brought to the CPU.
        limit: bytes a shard; a larger tensor has one for itself.
    """
    parts: list[list[str]] = [[]]
    held = 0
    for key, value in tensors.items():
        size = value.numel() * value.element_size()
        if parts[-1] and held + size > limit:
            parts.append([])
            held = 0
        parts[-1].append(key)
        held += size
    places = {}
    for number, keys in enumerate(parts, 1):
        file = f"{name}-{number:05d}-of-{len(parts):05d}.safetensors"
        save_file({key: tensors[key].detach().to("cpu", copy=True).contiguous() for key in keys}, folder / file)
        places |= dict.fromkeys(keys, file)
    (folder / f"{name}.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}, indent=1))


def read_sharded(folder: Path, name: str) -> Iterator[tuple[str, torch.Tensor]]:
    """Tensors of a set, one at a time.

    Raises:
        ValueError: if the index or a shard is missing or damaged.
    """
    index = folder / f"{name}.safetensors.index.json"
    try:
        places: dict[str, str] = json.loads(index.read_text())["weight_map"]
        for file in sorted(set(places.values())):
            with safe_open(folder / file, "pt") as tensors:
                for key in (key for key, place in places.items() if place == file):
                    yield key, tensors.get_tensor(key)
    except (OSError, KeyError, json.JSONDecodeError, SafetensorError) as error:
        raise ValueError(
            f"{folder}: the state is incomplete or damaged ({str(error).splitlines()[0]}); remove it to "
            "go on from the one before"
        ) from error
