"""Catches, at the file descriptors, the output that a library writes without Python's streams."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def with_output(function: Callable[[], Result]) -> tuple[Result, str]:
    """Call a function; return its result, and the text that the process printed to both streams during the call.

    The output of all threads of the process is redirected, so no other thread should print during the call.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    saved = [os.dup(descriptor) for descriptor in (1, 2)]
    with tempfile.TemporaryFile() as file:
        try:
            for descriptor in (1, 2):
                os.dup2(file.fileno(), descriptor)
            result = function()
        finally:
            for descriptor, original in zip((1, 2), saved, strict=True):
                os.dup2(original, descriptor)
                os.close(original)
        file.seek(0)
        return result, file.read().decode(errors="replace")
