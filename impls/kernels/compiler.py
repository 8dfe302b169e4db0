"""How kernels are compiled, where the compiled code is kept, and the few instructions that NumPy has no word for.

Compiled code goes to `<cache>/kernels-<digest>`, the digest being that of all kernel sources, versions and flags:
Numba itself only looks at the file of the function that is called, and would go on serving callers of a changed
kernel in another file. With NUMBA_DISABLE_JIT=1 everything below runs as plain Python, which the tests use.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from llvmlite import ir
from numba.core import config as numba_config
from numba.core import types
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])

# Reference counts off: they cost half of the time of a scan, and kernels neither make nor keep arrays.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}

config: Any = numba_config

Int = Any
"""An integer of any width in a kernel: Python's, or NumPy's where it comes from an array."""


def cache_root() -> Path:
    """Return the folder for compiled code and tables: $MERGELAB_CACHE, else below the user's cache folder."""
    if chosen := os.environ.get("MERGELAB_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mergelab"


def kernels_digest() -> str:
    """Hash the kernel sources, the versions and the flags that compiled code depends on."""
    digest = hashlib.sha256(f"{numba.__version__} {np.__version__} {config.BOUNDSCHECK}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


@lru_cache(maxsize=1)
def _code_folder() -> Path | None:
    folder = cache_root() / f"kernels-{kernels_digest()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        warnings.warn(f"{folder}: {error.strerror}; kernels are compiled again by each process", stacklevel=4)
        return None
    return folder


def kernel(function: Function) -> Function:
    """Compile with Numba: without the interpreter lock, cached on disk where that is possible."""
    folder = _code_folder()
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder or "")
    try:
        compiled: Function = numba.njit(cache=folder is not None, **_OPTIONS)(function)
    finally:
        config.CACHE_DIR = before
    return compiled


def inline(function: Function) -> Function:
    """Compile a helper into the kernels that call it."""
    compiled: Function = numba.njit(forceinline=True, **_OPTIONS)(function)
    return compiled


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any, bits: int) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    address = builder.gep(builder.bitcast(data, ir.IntType(8).as_pointer()), [index])
    return builder.bitcast(address, ir.IntType(bits).as_pointer())


@intrinsic
def _load_u64(_typing: Any, array: Any, _index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], arguments[0], arguments[1], 64)
        return builder.load(pointer, align=1)

    return types.uint64(array, types.int64), generate


@intrinsic
def _multiply_fold(_typing: Any, _left: Any, _right: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(arguments[0], wide), builder.zext(arguments[1], wide))
        high = builder.lshr(product, ir.Constant(wide, 64))
        return builder.trunc(builder.xor(product, high), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


if config.DISABLE_JIT:

    def load_u64(text: Any, index: int) -> Any:
        """Return 8 bytes of `text` from `index` as a little-endian uint64; the bytes must be there."""
        return np.uint64(int.from_bytes(text[index : index + 8].tobytes(), "little"))

    def multiply_fold(left: Any, right: Any) -> Any:
        """Return both halves of the 128-bit product of two uint64, one folded over the other by xor."""
        product = int(left) * int(right)
        return np.uint64((product ^ (product >> 64)) & 0xFFFFFFFFFFFFFFFF)

else:

    @inline
    def load_u64(text: Any, index: int) -> Any:
        """Return 8 bytes of `text` from `index` as a little-endian uint64; the bytes must be there."""
        return _load_u64(text, index)  # type: ignore[call-arg]

    @inline
    def multiply_fold(left: Any, right: Any) -> Any:
        """Return both halves of the 128-bit product of two uint64, one folded over the other by xor."""
        return _multiply_fold(left, right)  # type: ignore[call-arg]
