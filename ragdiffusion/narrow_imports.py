"""Import what the model takes of diffusers and transformers, and little of what comes along with it.

`from diffusers import UNet2DConditionModel` imports a hundred architectures that have nothing to do with it, torch's
compiler, tensors that are shared out over machines, and scipy's statistics for schedulers that nobody asked for:
seconds of every start. Importing this module before any other import of theirs takes the short way. The libraries stay
whole: what was passed by is imported when it is asked for, and `tell_compiler` hands on what they had to say to it.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

import torch

_EAGER = (
    "diffusers.models.autoencoders",
    "diffusers.models.transformers",
    "diffusers.models.unets",
    "transformers.models",
)
"""Packages whose `__init__` imports, or reads, every module in them."""
_NEEDED = (
    "diffusers.models.unets.unet_2d",
    "diffusers.models.unets.unet_2d_condition",
    "diffusers.models.autoencoders.autoencoder_kl",
    "diffusers.pipelines.pipeline_utils",
    "diffusers.schedulers.scheduling_ddim",
    "transformers.models.clip.modeling_clip",
)
_COMPILER = "torch._dynamo"
_ABSENT: Callable[[], bool] = lambda: False
_in_graph: list[Any] = []  # what was to stay whole in a compiled graph


@contextmanager
def _passed_by(package: str, **names: Any) -> Iterator[None]:
    """Import modules of a package without its `__init__`, which is run when the package itself is asked for.

    Args:
        package: its full name.
        names: what is taken from it meanwhile.
    """
    parent = importlib.import_module(package.rpartition(".")[0])
    found = None if package in sys.modules else importlib.util.find_spec(package)
    if found is None:
        yield
        return
    stand_in = ModuleType(package)
    stand_in.__path__ = list(found.submodule_search_locations or [])
    vars(stand_in).update(names)
    sys.modules[package] = stand_in
    vars(parent)[package.rpartition(".")[2]] = stand_in
    try:
        yield
    finally:
        del sys.modules[package]
        vars(parent).pop(package.rpartition(".")[2], None)


@contextmanager
def _replaced(module: ModuleType, name: str, value: Any) -> Iterator[None]:
    """Give a module's name another value for a while."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


class _WhenAsked(Mapping[str, Any]):
    """A mapping that is made when somebody looks into it.

    Args:
        make: it.
    """

    def __init__(self, make: Callable[[], Mapping[str, Any]]) -> None:
        self._made = functools.cache(make)

    def __getitem__(self, key: str) -> Any:
        return self._made()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made())

    def __len__(self) -> int:
        return len(self._made())


@contextmanager
def loading() -> Iterator[None]:
    """Load a pipeline: diffusers asks of each part whether it is compiled, and to ask alone imports the compiler."""
    import diffusers.pipelines.pipeline_loading_utils as asking

    ask = asking.is_compiled_module
    with _replaced(asking, "is_compiled_module", lambda part: _COMPILER in sys.modules and ask(part)):
        yield


def tell_compiler() -> None:
    """Hand on to torch's compiler what was to be told to it while it was passed by; to be called before it is used."""
    from torch._dynamo import allow_in_graph

    while _in_graph:
        allow_in_graph(_in_graph.pop())


def _allow_in_graph(function: Any) -> Any:
    _in_graph.append(function)
    return function


def _constant_result(function: Any) -> Any:
    function._dynamo_marked_constant = True  # all that the compiler's own decorator does
    return function


def _disable(function: Any = None, recursive: bool = True, **options: Any) -> Any:
    """Keep the compiler out of a function, as `torch.compiler.disable`, once there is a compiler."""
    if function is None:
        return functools.partial(_disable, recursive=recursive, **options)

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        if _COMPILER not in sys.modules:
            return function(*args, **kwargs)
        return torch.compiler.disable(function, recursive=recursive, **options)(*args, **kwargs)

    return called


def _narrowly(modules: tuple[str, ...]) -> None:
    """Import modules while nothing optional seems to be there, and eager packages are passed by."""
    distributions = _WhenAsked(importlib.metadata.packages_distributions)  # reads the notes of all that is installed
    with ExitStack() as held:
        held.enter_context(_replaced(importlib.metadata, "packages_distributions", lambda: distributions))
        if _COMPILER not in sys.modules:
            names = {
                "allow_in_graph": _allow_in_graph,
                "assume_constant_result": _constant_result,
                "disable": _disable,
            }
            held.enter_context(_passed_by(_COMPILER, **names))
            held.enter_context(_replaced(torch.compiler, "disable", _disable))
        _import_the_libraries(held)
        for package in _EAGER:
            held.enter_context(_passed_by(package))
        for module in modules:
            importlib.import_module(module)


def _import_the_libraries(held: ExitStack) -> None:
    """Import diffusers and transformers themselves, and hide what is optional to their modules while `held`."""
    import diffusers.utils.import_utils
    import transformers.utils

    held.enter_context(_replaced(diffusers.utils.import_utils, "_scipy_available", False))
    held.enter_context(_replaced(transformers.utils, "is_scipy_available", _ABSENT))
    if "RANK" in os.environ:  # several processes: a launcher has started this one
        return
    for module in (transformers.utils, transformers.utils.import_utils):
        held.enter_context(_replaced(module, "is_torch_distributed_available", _ABSENT))


_narrowly(_NEEDED)
