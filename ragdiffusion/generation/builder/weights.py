"""Weights in their published layout: one safetensors file or several with an index, in full precision or fp16.

Tensors are looked up by name and read one at a time into a module that was made without memory, so loading takes as
much memory as the module itself, in the precision that is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

_STEMS = ("diffusion_pytorch_model", "model")
_PICKLED = (".ckpt", ".bin", ".pt", ".pth")


@dataclass(frozen=True)
class Weights:
    """Where the tensors of a part lie.

    Attributes:
        location: folder or file that a person would look at.
        files: name of each tensor: the file that holds it.
    """

    location: Path
    files: Mapping[str, Path]

    def read(self, names: Mapping[str, str]) -> Iterator[tuple[str, torch.Tensor]]:
        """Read tensors file by file.

        Args:
            names: name in the file: name to give it.

        Raises:
            ValueError: if a file is damaged.
        """
        for file in sorted({self.files[name] for name in names}):
            with _open(file) as tensors:
                for name, wanted in names.items():
                    if self.files[name] == file:
                        yield wanted, tensors.get_tensor(name)


def read_config(folder: Path) -> dict:
    """The `config.json` of a part.

    Raises:
        ValueError: if it is missing or no JSON object.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise ValueError(f"{folder}: config.json is missing; take the whole folder of the published model")
    try:
        config = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: no JSON ({error}); take the file anew") from error
    if not isinstance(config, dict):
        raise ValueError(f"{path}: a JSON object wanted")
    return config


def find_weights(folder: Path, variant: str | None = None) -> Weights:
    """Find a part's tensors.

    Args:
        folder: of the part.
        variant: such as `fp16`; None: full precision, or fp16 where that is all there is.

    Raises:
        ValueError: if there are none, they are pickled, a shard is missing, a file is damaged, or it is a LoRA.
    """
    for choice in (variant,) if variant is not None else (None, "fp16"):
        for stem in _STEMS:
            single = folder / f"{_with_variant(stem, choice)}.safetensors"
            index = folder / f"{_with_variant(f'{stem}.safetensors.index', choice)}.json"
            if index.is_file():
                return _sharded(index)
            if single.is_file():
                return open_file(single)
    if pickled := [file.name for file in sorted(folder.iterdir()) if file.suffix in _PICKLED]:
        raise ValueError(f"{folder}: {pickled[0]} is a pickle, which is never loaded; take the model's *.safetensors")
    kind = f"{variant} " if variant is not None else ""
    raise ValueError(f"{folder}: no {kind}weights here ({_STEMS[0]}.safetensors or {_STEMS[1]}.safetensors wanted)")


def open_file(file: Path) -> Weights:
    """The tensors of one file.

    Raises:
        ValueError: if the file is missing, pickled, damaged, or a LoRA.
    """
    if not file.is_file():
        raise ValueError(f"{file}: no such file")
    if file.suffix in _PICKLED:
        raise ValueError(f"{file}: a pickle, which is never loaded; take the model in safetensors")
    with _open(file) as tensors:
        names = list(tensors.keys())
    if any("lora" in name.lower() for name in names):
        raise ValueError(f"{file}: a LoRA, which changes a model and is none; give the folder of the model itself")
    return Weights(file, dict.fromkeys(names, file))


def _with_variant(stem: str, variant: str | None) -> str:
    return stem if variant is None else f"{stem}.{variant}"


def _sharded(index: Path) -> Weights:
    try:
        places = json.loads(index.read_text())["weight_map"]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{index}: no index of shards; take the file anew") from error
    files = {name: index.parent / file for name, file in places.items()}
    for file in sorted(set(files.values())):
        if not file.is_file():
            raise ValueError(f"{file}: this shard is missing; take all {len(set(files.values()))} of them")
        held = open_file(file).files
        if lacking := [name for name, place in files.items() if place == file and name not in held]:
            raise ValueError(f"{file}: lacks {lacking[0]}, which its index promises; take index and shards together")
    return Weights(index.parent, files)


def _open(file: Path):  # noqa: ANN202 - the library's type has no public name
    try:
        return safe_open(file, "pt")
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{file}: damaged or cut short ({error}); take the file anew") from error


def load_into(
    module: nn.Module, weights: Weights, *, dtype: torch.dtype, rename: Callable[[str], str | None] = lambda name: name
) -> nn.Module:
    """Fill a module that was made without memory (`accelerate.init_empty_weights`), strictly.

    Args:
        module: its parameters are replaced; floating-point ones come in `dtype`.
        weights: of exactly this module once renamed.
        dtype: of the parameters.
        rename: a published name to the module's own, None for what the module has no use for.

    Raises:
        ValueError: if a name is missing or too much, a shape differs, or a number is not finite.
    """
    wanted = dict(module.state_dict())
    names = {name: own for name in weights.files if (own := rename(name)) is not None}
    kind, where = type(module).__name__, weights.location
    if lacking := sorted(set(wanted) - set(names.values())):
        raise ValueError(
            f"{where}: lacks {len(lacking)} of the {len(wanted)} tensors of {kind}, such as {lacking[0]}; "
            "is it another model?"
        )
    if extra := sorted(name for name, own in names.items() if own not in wanted):
        raise ValueError(
            f"{where}: has {len(extra)} tensors that {kind} has not, such as {extra[0]}; is it another model?"
        )
    for own, tensor in weights.read(names):
        if tensor.shape != wanted[own].shape:
            raise ValueError(f"{where}: {own} is {tuple(tensor.shape)}, {tuple(wanted[own].shape)} wanted by {kind}")
        if tensor.is_floating_point():
            tensor = tensor.to(dtype)
            if not bool(torch.isfinite(tensor).all()):
                raise ValueError(
                    f"{where}: {own} holds numbers that are not finite in {dtype}; take the weights anew, "
                    "or in full precision"
                )
        _place(module, own, tensor)
    return module.eval()


def _place(module: nn.Module, name: str, tensor: torch.Tensor) -> None:
    path, _, last = name.rpartition(".")
    owner = module.get_submodule(path)
    if last in owner._parameters:
        owner._parameters[last] = nn.Parameter(tensor, requires_grad=owner._parameters[last].requires_grad)
    else:
        owner._buffers[last] = tensor
