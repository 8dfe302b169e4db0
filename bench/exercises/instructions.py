"""Counts the work of a function in bytecode instructions, so that the count does not depend on the machine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from types import FrameType
from typing import Any

Function = Callable[..., Any]


def instructions(use: Callable[[Function], object], function: Function, files: Collection[str]) -> int:
    """Return how many bytecode instructions the calls of a function execute. Work inside C code is not counted.

    Args:
        use: calls the function, and may do other work.
        function: the function.
        files: the source files whose instructions are counted.
    """
    executed = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal executed
        del argument
        if frame.f_code.co_filename not in files:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        executed += event == "opcode"
        return trace

    def traced(*arguments: Any, **options: Any) -> Any:
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            return function(*arguments, **options)
        finally:
            sys.settrace(before)

    use(traced)
    return executed
