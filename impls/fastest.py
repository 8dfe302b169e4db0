"""Which implementation `impl="auto"` takes for an input of a given size."""

from __future__ import annotations

from impls.registry import Impl, find

PURE_PYTHON_BYTES = 1 << 20
"""Up to this size pure Python is done before Numba is imported and, the first time, has compiled."""

_PURE_PYTHON = {"count": "finditer", "train": "incremental", "encode": "cached"}


def pick(stage: str, n_bytes: int) -> Impl:
    """Return the implementation to use for `n_bytes` of text.

    Raises:
        UsageError: no such stage.
    """
    return find(stage, _PURE_PYTHON.get(stage, "jit") if n_bytes <= PURE_PYTHON_BYTES else "jit")
