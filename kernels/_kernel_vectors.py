"""Innermost loops of compiled operations, written in LLVM's vectors of eight float32.

Two tiles of a product of matrices, eight vectors of sums each, which stay in registers, so that there are
6 loads to 8 multiplications. LLVM splits the vectors on processors whose registers hold four numbers.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils as _cgutils
from numba.extending import intrinsic

cgutils: Any = _cgutils
LANES = 8

_FLOAT, _HALF, _INDEX = ir.FloatType(), ir.HalfType(), ir.IntType(64)
_EIGHT = ir.VectorType(_FLOAT, LANES)


def _float_of_bits_code(typing, bits):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.bitcast(arguments[0], _FLOAT)

    return types.float32(types.uint32), generate


float_of_bits: Any = intrinsic(_float_of_bits_code)


def _bits_of_float_code(typing, number):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), generate


bits_of_float: Any = intrinsic(_bits_of_float_code)


def _float_of_half_code(typing, bits):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.fpext(builder.bitcast(arguments[0], _HALF), _FLOAT)

    return types.float32(types.uint16), generate


float_of_half: Any = intrinsic(_float_of_half_code)


def _prefetch_code(typing, data, position):  # type: ignore[no-untyped-def]
    """Ask for the cache line of one number; hardware does not look across pages, as rows of a head go."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        pointer = builder.bitcast(builder.gep(array.data, [arguments[1]]), ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", [pointer.type], kind)
        builder.call(function, [pointer, number(0), number(2), number(1)])
        return context.get_dummy_value()

    return types.none(data, types.int64), generate


prefetch: Any = intrinsic(_prefetch_code)


def _place(context: Any, builder: Any, kind: Any, value: Any, *index: Any) -> Any:
    """Return the address of one entry of a dense array."""
    array = context.make_array(kind)(context, builder, value)
    at = index[0]
    for size, step in zip(cgutils.unpack_tuple(builder, array.shape)[1:], index[1:], strict=True):
        at = builder.add(builder.mul(at, size), step)
    return builder.gep(array.data, [at])


def _load(builder: Any, kind: Any, place: Any, ahead: int = 0) -> Any:
    """Return eight numbers as float32; uint16 holds float16 and int16 bfloat16."""
    if ahead:
        place = builder.gep(place, [_INDEX(ahead)])

    def load(element: Any) -> Any:
        vector = ir.VectorType(element, LANES)
        found = builder.load(builder.bitcast(place, vector.as_pointer()))
        found.align = kind.dtype.bitwidth // 8
        return found

    if kind.dtype == types.float32:
        return load(_FLOAT)
    if kind.dtype == types.uint16:
        return builder.fpext(load(_HALF), _EIGHT)
    wide = ir.VectorType(ir.IntType(32), LANES)
    bits = builder.zext(load(ir.IntType(16)), wide)
    return builder.bitcast(builder.shl(bits, ir.Constant(wide, [16] * LANES)), _EIGHT)


def _store(builder: Any, value: Any, place: Any) -> None:
    builder.store(value, builder.bitcast(place, value.type.as_pointer())).align = 4


def _all(builder: Any, number: Any) -> Any:
    """Return eight copies of a number."""
    one = builder.insert_element(ir.Constant(_EIGHT, ir.Undefined), number, ir.IntType(32)(0))
    return builder.shuffle_vector(one, one, _lanes([0] * LANES))


def _lanes(numbers: list[int]) -> Any:
    return ir.Constant(ir.VectorType(ir.IntType(32), len(numbers)), numbers)


def _multiply_add(builder: Any, x: Any, y: Any, slot: Any) -> None:
    kind = ir.FunctionType(_EIGHT, [_EIGHT] * 3)
    function = builder.module.declare_intrinsic("llvm.fmuladd.v8f32", (), kind)
    builder.store(builder.call(function, [x, y, builder.load(slot)]), slot)


def _slots(builder: Any, count: int) -> list[Any]:
    """Return variables, 0 at first; LLVM keeps them in registers."""
    slots = [cgutils.alloca_once(builder, _EIGHT) for _ in range(count)]
    for slot in slots:
        builder.store(ir.Constant(_EIGHT, [0.0] * LANES), slot)
    return slots


def _neighbours(builder: Any, x: Any, y: Any) -> Any:
    """Return sums of neighbours, those of x and of y side by side in each half."""
    even = builder.shuffle_vector(x, y, _lanes([0, 2, 8, 10, 4, 6, 12, 14]))
    odd = builder.shuffle_vector(x, y, _lanes([1, 3, 9, 11, 5, 7, 13, 15]))
    return builder.fadd(even, odd)


def _products(rows: int) -> Any:
    """Return ``f(out, queries, r, data, at, i, shift)`` for as many queries as ``rows``, and 8 / rows keys.

    It writes into ``out[r + x, i + y]`` the product of row r + x of ``queries``, a multiple of 8 numbers, and
    as many numbers of ``data`` from ``at[i + y] + shift`` on.
    """
    keys = LANES // rows

    def code(typing, out, queries, r, data, at, i, shift):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            kinds = signature.args
            out, queries, r, data, at, i, shift = arguments
            zero = _INDEX(0)
            ours = [builder.add(r, _INDEX(x)) for x in range(rows)]
            lefts = [_place(context, builder, kinds[1], queries, x, zero) for x in ours]
            rights = []
            for y in range(keys):
                start = builder.load(_place(context, builder, kinds[4], at, builder.add(i, _INDEX(y))))
                rights.append(_place(context, builder, kinds[3], data, builder.add(start, shift)))
            shape = context.make_array(kinds[1])(context, builder, queries).shape
            width = cgutils.unpack_tuple(builder, shape)[1]
            sums = _slots(builder, LANES)
            with cgutils.for_range_slice(builder, zero, width, _INDEX(LANES), inc=True) as (d, _):
                numbers = [_load(builder, kinds[3], builder.gep(right, [d])) for right in rights]
                for x, left in enumerate(lefts):
                    query = _load(builder, kinds[1], builder.gep(left, [d]))
                    for y, number in enumerate(numbers):
                        _multiply_add(builder, query, number, sums[keys * x + y])
            found = [builder.load(slot) for slot in sums]
            while len(found) > 2:
                found = [_neighbours(builder, x, y) for x, y in zip(found[::2], found[1::2], strict=True)]
            low = builder.shuffle_vector(*found, _lanes([0, 1, 2, 3, 8, 9, 10, 11]))
            high = builder.shuffle_vector(*found, _lanes([4, 5, 6, 7, 12, 13, 14, 15]))
            whole = builder.fadd(low, high)
            for x, row in enumerate(ours):
                part = builder.shuffle_vector(whole, whole, _lanes([keys * x + y for y in range(keys)]))
                _store(builder, part, _place(context, builder, kinds[0], out, row, i))
            return context.get_dummy_value()

        number = types.int64
        return types.none(out, queries, number, data, at, number, number), generate

    return intrinsic(code)


def _sums(rows: int) -> Any:
    """Return ``f(out, r, d, weights, data, at, low, high, shift)`` for as many rows, and 64 / rows numbers.

    It adds to ``out[r + x, d + y]`` the sum over i in low, ..., high - 1 of ``weights[r + x, i]`` times
    ``data[at[i] + shift + d + y]``.
    """
    parts = LANES // rows

    def code(typing, out, r, d, weights, data, at, low, high, shift):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            kinds = signature.args
            out, r, d, weights, data, at, low, high, shift = arguments
            ours = [builder.add(r, _INDEX(x)) for x in range(rows)]
            places = [_place(context, builder, kinds[0], out, x, d) for x in ours]
            start = builder.add(shift, d)
            sums = _slots(builder, LANES)
            for x, place in enumerate(places):
                for y in range(parts):
                    builder.store(_load(builder, kinds[0], place, LANES * y), sums[parts * x + y])
            with cgutils.for_range_slice(builder, low, high, _INDEX(1), inc=True) as (i, _):
                first = builder.add(builder.load(_place(context, builder, kinds[5], at, i)), start)
                row = _place(context, builder, kinds[4], data, first)
                values = [_load(builder, kinds[4], row, LANES * y) for y in range(parts)]
                for x, ours_x in enumerate(ours):
                    weight = builder.load(_place(context, builder, kinds[3], weights, ours_x, i))
                    for y, value in enumerate(values):
                        _multiply_add(builder, _all(builder, weight), value, sums[parts * x + y])
            for x, place in enumerate(places):
                for y in range(parts):
                    total = builder.load(sums[parts * x + y])
                    _store(builder, total, builder.gep(place, [_INDEX(LANES * y)]))
            return context.get_dummy_value()

        number = types.int64
        return types.none(out, number, number, weights, data, at, number, number, number), generate

    return intrinsic(code)


products_of_four, products_of_two = _products(4), _products(2)
add_to_four, add_to_two = _sums(4), _sums(2)
