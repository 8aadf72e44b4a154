"""Numba at the first call: importing a module of this package needs no compiler and opens no file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Kernel:
    """A function that numba compiles when it is first called, with all other kernels of its module.

    Kernels call each other by their names in the module; compiling puts the compiled ones there.

    Args:
        function: in the part of Python that numba knows.
        options: of ``numba.njit``.
    """

    _of_module: dict[str, list[Kernel]] = {}

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        self._function, self._options = function, options
        self._compiled: Callable[..., Any] | None = None
        self.__doc__, self.__name__ = function.__doc__, function.__name__
        self._of_module.setdefault(function.__module__, []).append(self)

    def __call__(self, *arguments: Any) -> Any:
        """Run it compiled."""
        if self._compiled is None:
            self._compile()
        assert self._compiled is not None
        return self._compiled(*arguments)

    def _compile(self) -> None:
        from numba import njit

        for kernel in self._of_module[self._function.__module__]:
            function = kernel._function
            kernel._compiled = njit(cache=True, **kernel._options)(function)
            function.__globals__[function.__name__] = kernel._compiled


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Kernel]:
    """Decorate a function as a kernel; `options` go to ``numba.njit``, which may reorder sums unless told otherwise."""
    return lambda function: Kernel(function, {"fastmath": True, **options})
