"""Which split patterns have a compiled scan, and which classes of characters each scan tells apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from impls.kernels.classes import Classes, load_classes
from impls.kernels.scan import scan_gpt2
from impls.kernels.scan_words import scan_gpt4, scan_llama3, scan_o200k, scan_qwen2


class Split(NamedTuple):
    """The scan of a pattern, a helper for kernels, and whether its classes tell upper case from lower case."""

    scan_ends: Callable[..., Any]
    by_case: bool

    def classes(self) -> Classes:
        """Return the table of classes that the scan needs."""
        return load_classes(self.by_case)


SPLITS = {
    "gpt2": Split(scan_gpt2, False),
    "gpt4": Split(scan_gpt4, False),
    "o200k": Split(scan_o200k, True),
    "llama3": Split(scan_llama3, False),
    "qwen2": Split(scan_qwen2, False),
}
