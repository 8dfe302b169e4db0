"""The part that needs Numba: it compiles a kernel with its helpers, and has the LLVM code of `kernels.instructions`.

This module is imported only when something must be compiled. Helpers are compiled without the wrappers through which
Python would call them. Each kernel gets one C function, `int entry(int64 *block)`: the function writes its result to
the first cell of the block. The other cells hold the values that `compiler.cells` yields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, cast

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core import config as numba_config
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Flags, compile_extra
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.extending import intrinsic, typeof_impl
from numba.np import arrayobj, numpy_support

from impls.kernels.helpers import Inline
from impls.kernels.instructions import UTF8_RANGES, Block, Utf8

settings: Any = numba_config

# Reference counts are off: they cost half the time of a scan, and kernels neither make nor keep arrays.
_HELPER: dict[str, Any] = {
    "error_model": "numpy",
    "_nrt": False,
    "forceinline": True,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}


@cache
def _dispatcher(helper: Inline) -> Any:
    return numba.njit(**_HELPER)(helper.function)


@typeof_impl.register(Inline)
def _type_of_helper(helper: Inline, _context: Any) -> Any:
    if helper.instruction:
        return cpu_target.typing_context.resolve_value_type(INSTRUCTIONS[helper.function.__name__])
    return numba.typeof(_dispatcher(helper))


def _type_of(argument: Any) -> Any:
    if isinstance(argument, np.ndarray):
        return types.Array(numpy_support.from_dtype(argument.dtype), argument.ndim, "C")
    if isinstance(argument, tuple):
        return types.BaseTuple.from_types([_type_of(field) for field in argument], type(argument))
    return types.uint64 if isinstance(argument, np.uint64) else types.int64


class _Block:
    """Generates LLVM code that reads the cells of a call, one after the other."""

    def __init__(self, context: Any, builder: Any, block: Any) -> None:
        self._context, self._builder, self._block, self._next = context, builder, block, 1

    def _cell(self) -> Any:
        address = self._builder.gep(self._block, [ir.Constant(ir.IntType(64), self._next)])
        self._next += 1
        return self._builder.load(address)

    def read(self, kind: Any) -> Any:
        """Return the value of the next argument."""
        if isinstance(kind, types.Array):
            return self._read_array(kind)
        if isinstance(kind, types.BaseTuple):
            fields: Any = kind
            return self._context.make_tuple(self._builder, kind, [self.read(field) for field in fields])
        return self._cell()

    def _read_array(self, kind: Any) -> Any:
        context, builder = self._context, self._builder
        array = context.make_array(kind)(context, builder)
        data = builder.inttoptr(self._cell(), context.get_data_type(kind.dtype).as_pointer())
        shape = [self._cell() for _ in range(kind.ndim)]
        itemsize = ir.Constant(ir.IntType(64), numpy_support.as_dtype(kind.dtype).itemsize)
        strides = [itemsize]
        for length in reversed(shape[1:]):
            strides.insert(0, builder.mul(strides[0], length))
        arrayobj.populate_array(array, data=data, shape=shape, strides=strides, itemsize=itemsize, meminfo=None)
        return array._getvalue()


class _Unoptimized(JITCodeLibrary):
    def _optimize_final_module(self) -> None:
        pass


@contextmanager
def _unoptimized(codegen: Any) -> Iterator[None]:
    # A kernel is optimised once, as a whole: optimising its helpers first would take a quarter longer.
    before, codegen._library_class = codegen._library_class, _Unoptimized
    try:
        yield
    finally:
        codegen._library_class = before


def _cast_index(context: Any, builder: Any, kind: Any, index: Any, _size: Any) -> Any:
    return context.cast(builder, index, kind, types.intp)


@contextmanager
def _indices_from_the_front() -> Iterator[None]:
    # Python counts a negative index from the end of an array. No kernel has negative indices, as a test checks, and
    # the code that looks for them would take a fifth of the time of a scan.
    before, changed = arrayobj.fix_integer_index, cast(Any, arrayobj)
    changed.fix_integer_index = _cast_index
    try:
        yield
    finally:
        changed.fix_integer_index = before


@global_compiler_lock
def object_code(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bytes:
    """Compile `function` for arguments of these types to object code that defines `entry`."""
    typing_context, context = cpu_target.typing_context, cpu_target.target_context
    typing_context.refresh()
    context.refresh()
    flags: Any = Flags()
    flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = flags.forceinline = True
    flags.error_model, flags.boundscheck = "numpy", bool(settings.BOUNDSCHECK)
    kinds = tuple(map(_type_of, arguments))
    codegen = context.codegen()
    with _unoptimized(codegen), _indices_from_the_front():
        compiled: Any = compile_extra(typing_context, context, function, kinds, None, flags, {})
    library = codegen.create_library("entry")
    library.add_linking_library(compiled.library)
    library.add_ir_module(_entry(context, library, compiled, kinds))
    library.finalize()
    code: bytes = codegen._tm.emit_object(library._final_module)
    return code


def _entry(context: Any, library: Any, compiled: Any, kinds: tuple[Any, ...]) -> Any:
    module = library.create_ir_module("entry")
    word = ir.IntType(64)
    entry = ir.Function(module, ir.FunctionType(ir.IntType(32), [word.as_pointer()]), "entry")
    builder = ir.IRBuilder(entry.append_basic_block())
    block = _Block(context, builder, entry.args[0])
    values = [block.read(kind) for kind in kinds]
    description = compiled.fndesc
    callee = context.declare_function(module, description)
    status, result = context.call_conv.call_function(
        builder, callee, description.restype, description.argtypes, values
    )
    if isinstance(description.restype, types.Integer | types.Boolean):
        builder.store(context.cast(builder, result, description.restype, types.int64), entry.args[0])
    builder.ret(builder.zext(status.is_error, ir.IntType(32)))
    return module


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
def _store_u64(_typing: Any, array: Any, _index: Any, _word: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], arguments[0], arguments[1], 64)
        builder.store(arguments[2], pointer, align=1)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.uint64), generate


@intrinsic
def _store_two(_typing: Any, array: Any, _index: Any, _word: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        offset = builder.mul(arguments[1], ir.Constant(ir.IntType(64), 4))
        builder.store(arguments[2], _pointer(context, builder, signature.args[0], arguments[0], offset, 64), align=4)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.uint64), generate


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


@intrinsic
def _without_lowest(_typing: Any, _value: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.and_(arguments[0], builder.sub(arguments[0], ir.Constant(ir.IntType(64), 1)))

    return types.uint64(types.uint64), generate


_LANES = 64


def _load_block(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    lanes = ir.VectorType(ir.IntType(8), _LANES)
    pointer = _pointer(context, builder, array_type, array, index, 8)
    return builder.load(builder.bitcast(pointer, lanes.as_pointer()), align=1)


def _every(value: int) -> Any:
    return ir.Constant(ir.VectorType(ir.IntType(8), _LANES), [value] * _LANES)


def _bits(builder: Any, flags: Any) -> Any:
    # The empty assembly hides where the word comes from. Otherwise LLVM would turn arithmetic on the word back into
    # arithmetic on vectors of single bits, and spend 64 insertions on each vector.
    word = ir.IntType(64)
    hide = ir.InlineAsm(ir.FunctionType(word, [word]), "", "=r,0")
    return builder.call(hide, [builder.bitcast(flags, word)])


def _below(builder: Any, vector: Any, first: int, count: int) -> Any:
    return builder.icmp_unsigned("<", builder.sub(vector, _every(first)), _every(count))


@intrinsic
def _classify_block(_typing: Any, text: Any, _position: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def below(vector: Any, first: int, count: int) -> Any:
            return _below(builder, vector, first, count)

        def equal(vector: Any, byte: str) -> Any:
            return builder.icmp_unsigned("==", vector, _every(ord(byte)))

        block = _load_block(context, builder, signature.args[0], *arguments)
        blank = equal(block, " ")
        masks = [
            below(builder.or_(block, _every(0x20)), ord("a"), 26),
            below(block, ord("A"), 26),
            below(block, ord("0"), 10),
            builder.or_(blank, below(block, 0x09, 5)),
            builder.or_(equal(block, "\r"), equal(block, "\n")),
            blank,
            equal(block, "'"),
            equal(block, "/"),
            builder.icmp_signed("<", block, _every(0)),
        ]
        words = [_bits(builder, mask) for mask in masks]
        return context.make_tuple(builder, signature.return_type, words)

    masks: Any = types.NamedUniTuple
    return masks(types.uint64, len(Block._fields), Block)(text, types.int64), generate


@intrinsic
def _classify_utf8(_typing: Any, text: Any, _position: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _load_block(context, builder, signature.args[0], *arguments)
        words = [_bits(builder, _below(builder, block, first, last - first + 1)) for first, last in UTF8_RANGES]
        return context.make_tuple(builder, signature.return_type, words)

    masks: Any = types.NamedUniTuple
    return masks(types.uint64, len(Utf8._fields), Utf8)(text, types.int64), generate


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


INSTRUCTIONS: dict[str, Any] = {
    "load_u64": _load_u64,
    "store_u64": _store_u64,
    "store_two": _store_two,
    "multiply_fold": _multiply_fold,
    "prefetch_row": _prefetch_row,
    "trailing_zeros": _trailing_zeros,
    "leading_zeros": _leading_zeros,
    "count_ones": _count_ones,
    "without_lowest": _without_lowest,
    "classify_block": _classify_block,
    "classify_utf8": _classify_utf8,
    "match_block": _match_block,
}
