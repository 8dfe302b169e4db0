"""Which implementation `impl="auto"` takes: pure Python where that is done before Numba is imported."""

from __future__ import annotations

import numpy as np

from impls.contract import Pretokens
from impls.registry import Impl, find

PURE_PYTHON_BYTES = 1 << 20
"""Up to this size pure Python is done before Numba is imported and, the first time, has compiled."""

PURE_PYTHON_STEPS = 1 << 24
"""The same for training, in symbols rewritten: a pretoken of n symbols is rewritten up to n times."""

_PURE_PYTHON = {"count": "finditer", "train": "incremental", "encode": "cached"}


def pick(stage: str, n_bytes: int) -> Impl:
    """Return the implementation to use for `n_bytes` of text.

    Raises:
        UsageError: no such stage.
    """
    return find(stage, _PURE_PYTHON.get(stage, "jit") if n_bytes <= PURE_PYTHON_BYTES else "jit")


def pick_trainer(pretokens: Pretokens, n_bytes: int) -> Impl:
    """Return the trainer to use for the pretokens of `n_bytes` of text: long pretokens are not for pure Python."""
    steps = int((np.diff(pretokens.offsets).astype(np.float64) ** 2).sum())
    return find("train", "jit") if steps > PURE_PYTHON_STEPS else pick("train", n_bytes)
