"""What kernels are written with: decorators of helpers that are compiled into kernels, and the switch `JIT`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])

Int = Any
"""An integer of any width in a kernel: Python's type, or NumPy's type if it was read from an array."""

JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")
"""Whether kernels are compiled; decided once, when the process starts."""


class Inline:
    """A helper that is compiled into the kernels that call it."""

    def __init__(self, function: Callable[..., Any], instruction: bool = False) -> None:
        """Wrap the helper.

        The LLVM code of an `instruction` is in `intrinsics`, and its `function` only shows what it does.
        """
        self.function, self.instruction = function, instruction


def inline(function: Function) -> Function:
    """Make a helper that kernels may call."""
    return cast(Function, Inline(function)) if JIT else function


def instruction(function: Function) -> Function:
    """Make a helper from CPU instructions that Numba cannot express; `intrinsics` has their LLVM code."""
    return cast(Function, Inline(function, instruction=True)) if JIT else function
