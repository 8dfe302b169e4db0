"""How kernels are compiled, where the compiled code is kept, and the few instructions that NumPy has no word for.

Compiled code goes to `<cache>/kernels-<digest>`, the digest being that of all kernel sources, versions and flags:
Numba itself only looks at the file of the function that is called, and would go on serving callers of a changed
kernel in another file. With NUMBA_DISABLE_JIT=1 everything below runs as plain Python, which the tests use.
"""

from __future__ import annotations

import errno
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
from numba.core import cgutils, types
from numba.core import config as numba_config
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])

# Reference counts off: they cost half of the time of a scan, and kernels neither make nor keep arrays.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}

config: Any = numba_config

Int = Any
"""An integer of any width in a kernel: Python's, or NumPy's where it comes from an array."""


def cache_root() -> Path:
    """Return the folder for compiled code and tables: $MERGELAB_CACHE, else below the user's cache folder.

    Raises:
        OSError: the user has no home.
    """
    if chosen := os.environ.get("MERGELAB_CACHE"):
        return Path(chosen)
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        return Path(chosen) / "mergelab"
    try:
        return Path.home() / ".cache" / "mergelab"
    except RuntimeError as error:
        raise OSError(errno.ENOENT, f"{error}") from None


def kernels_digest() -> str:
    """Hash the kernel sources, the versions and the flags that compiled code depends on."""
    digest = hashlib.sha256(f"{numba.__version__} {np.__version__} {config.BOUNDSCHECK}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


@lru_cache(maxsize=1)
def _code_folder() -> Path | None:
    try:
        folder = cache_root() / f"kernels-{kernels_digest()}"
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        where = error.filename or "MERGELAB_CACHE"
        warnings.warn(f"{where}: {error.strerror}; kernels are compiled again by each process", stacklevel=4)
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


@intrinsic
def _prefetch_row(_typing: Any, array: Any, _row: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        table = context.make_array(signature.args[0])(context, builder, arguments[0])
        offset = builder.mul(arguments[1], builder.extract_value(table.strides, 0))
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        address = builder.gep(builder.bitcast(table.data, byte), [offset])
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        insert: Any = cgutils.get_or_insert_function
        function = insert(builder.module, kind, "llvm.prefetch.p0")
        read, most_local, data = (ir.Constant(word, number) for number in (0, 3, 1))
        builder.call(function, [address, read, most_local, data])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


@intrinsic
def _trailing_zeros(_typing: Any, _value: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@intrinsic
def _leading_zeros(_typing: Any, _value: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@intrinsic
def _count_ones(_typing: Any, _value: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


_LANES = 64


def _load_block(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    lanes = ir.VectorType(ir.IntType(8), _LANES)
    pointer = _pointer(context, builder, array_type, array, index, 8)
    return builder.load(builder.bitcast(pointer, lanes.as_pointer()), align=1)


def _every(value: int) -> Any:
    return ir.Constant(ir.VectorType(ir.IntType(8), _LANES), [value] * _LANES)


def _bits(builder: Any, flags: Any) -> Any:
    # The empty assembly hides where the word comes from: LLVM would move the arithmetic on it back to vectors of
    # single bits, of which it makes 64 insertions each.
    word = ir.IntType(64)
    hide = ir.InlineAsm(ir.FunctionType(word, [word]), "", "=r,0")
    return builder.call(hide, [builder.bitcast(flags, word)])


@intrinsic
def _classify_block(_typing: Any, text: Any, _position: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def below(vector: Any, first: int, count: int) -> Any:
            return builder.icmp_unsigned("<", builder.sub(vector, _every(first)), _every(count))

        block = _load_block(context, builder, signature.args[0], *arguments)
        blank = builder.icmp_unsigned("==", block, _every(0x20))
        masks = [
            below(builder.or_(block, _every(0x20)), ord("a"), 26),
            below(block, ord("0"), 10),
            builder.or_(blank, below(block, 0x09, 5)),
            blank,
            builder.icmp_unsigned("==", block, _every(ord("'"))),
            builder.icmp_signed("<", block, _every(0)),
        ]
        words = [_bits(builder, mask) for mask in masks]
        return context.make_tuple(builder, signature.return_type, words)

    masks: Any = types.UniTuple
    return masks(types.uint64, 6)(text, types.int64), generate


@intrinsic
def _match_block(_typing: Any, text: Any, _position: Any, _byte: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _load_block(context, builder, signature.args[0], *arguments[:2])
        lanes = ir.VectorType(ir.IntType(8), _LANES)
        single = builder.insert_element(
            ir.Constant(lanes, ir.Undefined), arguments[2], ir.Constant(ir.IntType(32), 0)
        )
        mask = ir.Constant(ir.VectorType(ir.IntType(32), _LANES), [0] * _LANES)
        wanted = builder.shuffle_vector(single, ir.Constant(lanes, ir.Undefined), mask)
        return _bits(builder, builder.icmp_unsigned("==", block, wanted))

    return types.uint64(text, types.int64, types.uint8), generate


if config.DISABLE_JIT:

    def load_u64(text: Any, index: int) -> Any:
        """Return 8 bytes of `text` from `index` as a little-endian uint64; the bytes must be there."""
        return np.uint64(int.from_bytes(text[index : index + 8].tobytes(), "little"))

    def multiply_fold(left: Any, right: Any) -> Any:
        """Return both halves of the 128-bit product of two uint64, one folded over the other by xor."""
        product = int(left) * int(right)
        return np.uint64((product ^ (product >> 64)) & 0xFFFFFFFFFFFFFFFF)

    def prefetch_row(table: Any, row: Int) -> None:
        """Ask for a row of a two-dimensional array ahead of its use."""

    def trailing_zeros(value: Any) -> Int:
        """Return the place of the lowest bit of a uint64, 64 if there is none."""
        number = int(value)
        return (number & -number).bit_length() - 1 if number else 64

    def leading_zeros(value: Any) -> Int:
        """Return how many zeros are above the highest bit of a uint64, 64 if there is none."""
        return 64 - int(value).bit_length()

    def count_ones(value: Any) -> Int:
        """Return how many bits of a uint64 are set."""
        return int(value).bit_count()

    def without_lowest(value: Any) -> Any:
        """Return a uint64 without its lowest bit."""
        return np.uint64(int(value) & (int(value) - 1)) if value else value

    def classify_block(text: Any, position: Int) -> Any:
        """Return six uint64, a bit a byte of `text[position:position + 64]`, which must be there.

        ASCII letters, ASCII digits, ASCII whitespace, U+0020, apostrophes, bytes that are not ASCII.
        """
        block = text[position : position + 64]
        lower = block | 0x20
        blank = block == 0x20
        masks = (
            (lower >= ord("a")) & (lower <= ord("z")),
            (block >= ord("0")) & (block <= ord("9")),
            blank | ((block >= 0x09) & (block <= 0x0D)),
            blank,
            block == ord("'"),
            block >= 0x80,
        )
        return tuple(np.packbits(mask, bitorder="little").view(np.uint64)[0] for mask in masks)

    def match_block(text: Any, position: Int, byte: Any) -> Any:
        """Return a uint64, a bit a byte of `text[position:position + 64]`, which must be there: is it `byte`?"""
        return np.packbits(text[position : position + 64] == byte, bitorder="little").view(np.uint64)[0]

else:

    @inline
    def load_u64(text: Any, index: int) -> Any:
        """Return 8 bytes of `text` from `index` as a little-endian uint64; the bytes must be there."""
        return _load_u64(text, index)  # type: ignore[call-arg]

    @inline
    def multiply_fold(left: Any, right: Any) -> Any:
        """Return both halves of the 128-bit product of two uint64, one folded over the other by xor."""
        return _multiply_fold(left, right)  # type: ignore[call-arg]

    @inline
    def prefetch_row(table: Any, row: Int) -> None:
        """Ask for a row of a two-dimensional array ahead of its use."""
        _prefetch_row(table, row)  # type: ignore[call-arg]

    @inline
    def trailing_zeros(value: Any) -> Int:
        """Return the place of the lowest bit of a uint64, 64 if there is none."""
        return _trailing_zeros(value)  # type: ignore[call-arg]

    @inline
    def leading_zeros(value: Any) -> Int:
        """Return how many zeros are above the highest bit of a uint64, 64 if there is none."""
        return _leading_zeros(value)  # type: ignore[call-arg]

    @inline
    def count_ones(value: Any) -> Int:
        """Return how many bits of a uint64 are set."""
        return _count_ones(value)  # type: ignore[call-arg]

    @inline
    def without_lowest(value: Any) -> Any:
        """Return a uint64 without its lowest bit."""
        return value & (value - np.uint64(1))

    @inline
    def classify_block(text: Any, position: Int) -> Any:
        """Return six uint64, a bit a byte of `text[position:position + 64]`, which must be there.

        ASCII letters, ASCII digits, ASCII whitespace, U+0020, apostrophes, bytes that are not ASCII.
        """
        return _classify_block(text, position)  # type: ignore[call-arg]

    @inline
    def match_block(text: Any, position: Int, byte: Any) -> Any:
        """Return a uint64, a bit a byte of `text[position:position + 64]`, which must be there: is it `byte`?"""
        return _match_block(text, position, byte)  # type: ignore[call-arg]
