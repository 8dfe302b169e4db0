"""The part that needs Numba: it compiles a kernel with its helpers.

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
from numba.core import config as numba_config
from numba.core import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Flags, compile_extra
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.extending import typeof_impl
from numba.np import arrayobj, numpy_support

from impls.kernels.builtins import BYTES_HEADER
from impls.kernels.helpers import Inline
from impls.kernels.intrinsics import INSTRUCTIONS

settings: Any = numba_config

# Reference counts are off: they cost half the time of a scan, and kernels neither make nor keep arrays.
_HELPER: dict[str, Any] = {
    "error_model": "numpy",
    "_nrt": False,
    "forceinline": True,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}


_WORD = ir.IntType(64)


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
def object_code(function: Callable[..., Any], arguments: tuple[Any, ...], is_builtin: bool = False) -> bytes:
    """Compile `function` for arguments of these types to object code that defines `entry`.

    With `is_builtin`, `entry` is a method of Python instead, see `kernels.builtins`.
    """
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
    library.add_ir_module((_python_entry if is_builtin else _entry)(context, library, compiled, kinds))
    library.finalize()
    code: bytes = codegen._tm.emit_object(library._final_module)
    return code


def _entry(context: Any, library: Any, compiled: Any, kinds: tuple[Any, ...]) -> Any:
    module = library.create_ir_module("entry")
    entry = ir.Function(module, ir.FunctionType(ir.IntType(32), [_WORD.as_pointer()]), "entry")
    builder = ir.IRBuilder(entry.append_basic_block())
    is_error, result = _call(context, builder, compiled, kinds, entry.args[0])
    if isinstance(compiled.fndesc.restype, types.Integer | types.Boolean):
        builder.store(context.cast(builder, result, compiled.fndesc.restype, types.int64), entry.args[0])
    builder.ret(builder.zext(is_error, ir.IntType(32)))
    return module


def _python_entry(context: Any, library: Any, compiled: Any, kinds: tuple[Any, ...]) -> Any:
    module = library.create_ir_module("entry")
    entry = ir.Function(module, ir.FunctionType(_WORD, [_WORD, _WORD]), "entry")
    builder = ir.IRBuilder(entry.append_basic_block())
    place = builder.add(entry.args[0], ir.Constant(_WORD, BYTES_HEADER))
    address = builder.load(builder.inttoptr(place, _WORD.as_pointer()))
    block = builder.inttoptr(address, _WORD.as_pointer())
    builder.store(entry.args[1], builder.gep(block, [ir.Constant(_WORD, 1)]))
    _, result = _call(context, builder, compiled, kinds, block)
    builder.ret(result)
    return module


def _call(context: Any, builder: Any, compiled: Any, kinds: tuple[Any, ...], block: Any) -> tuple[Any, Any]:
    """Generate the call with the values in a block; return whether the function failed, and its result."""
    cells = _Block(context, builder, block)
    values = [cells.read(kind) for kind in kinds]
    description = compiled.fndesc
    callee = context.declare_function(builder.module, description)
    status, result = context.call_conv.call_function(
        builder, callee, description.restype, description.argtypes, values
    )
    return status.is_error, result
