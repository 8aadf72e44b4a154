"""Import what the model takes of diffusers and transformers, and little of what comes along with it.

`from diffusers import UNet2DConditionModel` imports a hundred architectures that have nothing to do with it, and
scipy's statistics for schedulers that nobody asked for: seconds of every start. Importing this module before any other
import of theirs takes the short way. Both libraries stay whole: what was passed by is imported when it is asked for.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import diffusers.utils.import_utils
import transformers.utils

_EAGER = ("diffusers.models.autoencoders", "diffusers.models.transformers", "diffusers.models.unets")
"""Packages whose `__init__` imports every module in them."""
_NEEDED = (
    "diffusers.models.unets.unet_2d",
    "diffusers.models.unets.unet_2d_condition",
    "diffusers.models.autoencoders.autoencoder_kl",
    "diffusers.pipelines.pipeline_utils",
    "diffusers.schedulers.scheduling_ddim",
    "transformers.models.clip.modeling_clip",
)


@contextmanager
def _passed_by(package: str) -> Iterator[None]:
    """Import modules of a package without its `__init__`, which is run when the package itself is asked for."""
    parent = importlib.import_module(package.rpartition(".")[0])
    found = importlib.util.find_spec(package)
    if found is None or package in sys.modules:
        yield
        return
    stand_in = ModuleType(package)
    stand_in.__path__ = list(found.submodule_search_locations or [])
    sys.modules[package] = stand_in
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


def _narrowly(modules: tuple[str, ...]) -> None:
    """Import modules while nothing optional seems to be installed, and eager packages are passed by."""
    absent: Callable[[], bool] = lambda: False
    with (
        _replaced(diffusers.utils.import_utils, "_scipy_available", False),
        _replaced(transformers.utils, "is_scipy_available", absent),
        _passed_by(_EAGER[0]),
        _passed_by(_EAGER[1]),
        _passed_by(_EAGER[2]),
    ):
        for module in modules:
            importlib.import_module(module)


_narrowly(_NEEDED)
