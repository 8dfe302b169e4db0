"""The LLVM code of `kernels.instructions`: one intrinsic per instruction, which Numba puts in place of the call."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from impls.kernels.instructions import UTF8_RANGES, Block, Utf8


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


@intrinsic
def _call_c(_typing: Any, _function: Any, _first: Any, _second: Any, _third: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        word = ir.IntType(64)
        function = builder.inttoptr(arguments[0], ir.FunctionType(word, [word] * 3).as_pointer())
        return builder.call(function, arguments[1:])

    return types.int64(*[types.int64] * 4), generate


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
    "call_c": _call_c,
    "classify_block": _classify_block,
    "classify_utf8": _classify_utf8,
    "match_block": _match_block,
}
