"""Compiled softmax attention over chosen keys, for every attention operation on the CPU.

One task per request, key head and split. A task reads 64 key rows at a time, once for all G M queries that
share them, and keeps a running maximum. Logits are in base 2 inside. Everything is float32; only the sum
over a split's blocks of 64 runs in float64.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from llvmlite.binding import get_host_cpu_features  # type: ignore[import-untyped]
from numba import njit, prange, types
from numba.extending import intrinsic, overload

# No "ninf" and "nnan": masks need infinities.
SAFE = {"contract", "reassoc", "nsz", "arcp"}
BLOCK = 64
LOG2E = 1.4426950408889634
LN2 = 0.6931471805599453
LINE = 64  # bytes
HALF_IN_HARDWARE = bool(get_host_cpu_features().get("f16c"))


def _float_of_bits_code(typing, bits):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.uint32), generate


_float_of_bits: Any = intrinsic(_float_of_bits_code)


def _float_of_half_code(typing, bits):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.fpext(builder.bitcast(arguments[0], ir.HalfType()), ir.FloatType())

    return types.float32(types.uint16), generate


_float_of_half: Any = intrinsic(_float_of_half_code)


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


_prefetch: Any = intrinsic(_prefetch_code)


@njit(cache=True, fastmath=SAFE, inline="always")
def _exp2(x):  # type: ignore[no-untyped-def]
    """2**x for x <= 0, within 2 units in the last place; 0 below -126. Vectorises, which a call would not."""
    y = max(x, np.float32(-126.0))
    whole = np.floor(y + np.float32(0.5))
    f = y - whole
    p = np.float32(1.5252734e-5)
    p = p * f + np.float32(1.5403530e-4)
    p = p * f + np.float32(1.3333558e-3)
    p = p * f + np.float32(9.6181291e-3)
    p = p * f + np.float32(5.5504109e-2)
    p = p * f + np.float32(2.4022651e-1)
    p = p * f + np.float32(6.9314718e-1)
    p = p * f + np.float32(1.0)
    power = _float_of_bits(np.uint32((np.int32(whole) + np.int32(127)) << np.int32(23)))
    return p * power if x >= np.float32(-126.0) else np.float32(0.0)


@njit(cache=True, inline="always")
def _float_of_half_bits(half):  # type: ignore[no-untyped-def]
    """Decode float16, 5 bits of exponent where float32 has 8, on processors that do not."""
    bits = np.uint32(half)
    sign = (bits & np.uint32(0x8000)) << np.uint32(16)
    rest = (bits & np.uint32(0x7FFF)) << np.uint32(13)
    special = rest >= np.uint32(0x0F800000)  # infinities and NaN
    number = _float_of_bits(rest | sign) * np.float32(2.0**112)
    return _float_of_bits(rest | sign | np.uint32(0x7F800000)) if special else number


def _read(row: Any, data: Any, start: int, bfloat16: bool) -> None:
    """Copy numbers that lie side by side into ``row``, as float32."""
    raise NotImplementedError("only compiled code reads: Numba takes the overload for the dtype of data")


@overload(_read)
def _read_as(row, data, start, bfloat16):  # type: ignore[no-untyped-def]
    if data.dtype == types.uint16:

        def read_16_bits(row, data, start, bfloat16):  # type: ignore[no-untyped-def]
            source = data[start : start + row.size]  # indices that cannot be negative vectorise
            if bfloat16:
                for d in range(row.size):
                    row[d] = _float_of_bits(np.uint32(source[d]) << np.uint32(16))
                return
            if HALF_IN_HARDWARE:
                for d in range(row.size):
                    row[d] = _float_of_half(source[d])
                return
            for d in range(row.size):
                row[d] = _float_of_half_bits(source[d])

        return read_16_bits

    def read_floats(row, data, start, bfloat16):  # type: ignore[no-untyped-def]
        source = data[start : start + row.size]
        for d in range(row.size):
            row[d] = np.float32(source[d])

    return read_floats


@njit(cache=True, fastmath=SAFE)
def _score(scores, queries, keys, count):  # type: ignore[no-untyped-def]
    """Inner products of an even number of queries with a block of keys, two by four at a time."""
    dim = queries.shape[1]
    for r in range(0, queries.shape[0], 2):
        for i in range(0, count, 4):
            a = b = c = e = np.float32(0.0)
            f = g = h = j = np.float32(0.0)
            for d in range(dim):
                x = queries[r, d]
                y = queries[r + 1, d]
                a += x * keys[i, d]
                b += x * keys[i + 1, d]
                c += x * keys[i + 2, d]
                e += x * keys[i + 3, d]
                f += y * keys[i, d]
                g += y * keys[i + 1, d]
                h += y * keys[i + 2, d]
                j += y * keys[i + 3, d]
            scores[r, i], scores[r, i + 1], scores[r, i + 2], scores[r, i + 3] = a, b, c, e
            scores[r + 1, i], scores[r + 1, i + 1], scores[r + 1, i + 2], scores[r + 1, i + 3] = f, g, h, j


@njit(cache=True, fastmath=SAFE)
def _add(acc, weights, values, count):  # type: ignore[no-untyped-def]
    """Add the weighted values of a block, four to two rows at a time; weights beyond the keys are 0."""
    dim = acc.shape[1]
    for r in range(0, acc.shape[0], 2):
        first = acc[r]
        second = acc[r + 1]
        for i in range(0, count, 4):
            a, b, c, e = weights[r, i], weights[r, i + 1], weights[r, i + 2], weights[r, i + 3]
            f, g, h, j = (
                weights[r + 1, i],
                weights[r + 1, i + 1],
                weights[r + 1, i + 2],
                weights[r + 1, i + 3],
            )
            for d in range(dim):
                w, x, y, z = values[i, d], values[i + 1, d], values[i + 2, d], values[i + 3, d]
                first[d] += (a * w + b * x) + (c * y + e * z)
                second[d] += (f * w + g * x) + (h * y + j * z)


@njit(cache=True, fastmath=SAFE)
def _weigh(weights, count, top):  # type: ignore[no-untyped-def]
    """Turn logits of base 2 into weights relative to ``top``; return their sum."""
    total = np.float32(0.0)
    for i in range(count):
        weights[i] = _exp2(weights[i] - top)
        total += weights[i]
    return total


@njit(cache=True, inline="always")
def _key(index, tail_start, n):  # type: ignore[no-untyped-def]
    """Where key n of a list is: first the chosen keys, then the tail."""
    return np.int64(index[n]) if n < index.size else tail_start + (n - index.size)


@njit(cache=True, nogil=True)
def _one_split(  # type: ignore[no-untyped-def]
    q, k, v, k_start, v_start, k_stride, v_stride, bfloat16, index, tail_start, mask, lo, hi, factor, o, lse
):
    """Attend from the queries (M, G, D) of a key head to keys lo, ..., hi - 1 of its list."""
    rows, group, dim = q.shape
    count_rows = rows * group
    masked = mask.shape[1] > 0
    even = count_rows + count_rows % 2
    queries = np.zeros((even, dim), dtype=np.float32)
    for m in range(rows):
        for g in range(group):
            for d in range(dim):
                queries[m * group + g, d] = q[m, g, d] * np.float32(factor)
    block = np.zeros((BLOCK, dim), dtype=np.float32)
    scores = np.zeros((even, BLOCK), dtype=np.float32)
    acc = np.zeros((even, dim), dtype=np.float32)
    top = np.full(count_rows, np.float32(-np.inf))
    total = np.zeros(count_rows)
    step = LINE // k.itemsize
    broken = False  # NaN, which a maximum may pass over
    for j in range(lo, hi, BLOCK):
        count = min(BLOCK, hi - j)
        padded = (count + 3) // 4 * 4
        for i in range(count):
            n = _key(index, tail_start, j + i)
            for d in range(0, dim, step):
                _prefetch(v, v_start + n * v_stride + d)
            _read(block[i], k, k_start + n * k_stride, bfloat16)
        _score(scores, queries, block, padded)
        for i in range(count):
            n = _key(index, tail_start, j + i)
            _read(block[i], v, v_start + n * v_stride, bfloat16)
            if j + i + BLOCK < hi:
                n = _key(index, tail_start, j + i + BLOCK)
                for d in range(0, dim, step):
                    _prefetch(k, k_start + n * k_stride + d)
        for r in range(count_rows):
            row = scores[r]
            if masked:
                m = r // group
                for i in range(count):
                    if mask[m, j + i] == 0:
                        row[i] = np.float32(-np.inf)
            highest = top[r]
            for i in range(count):
                broken |= row[i] != row[i]
                highest = max(highest, row[i])
            for i in range(count, padded):
                row[i] = np.float32(0.0)
            if highest == -np.inf:
                row[:count] = np.float32(0.0)
                continue
            if highest > top[r]:
                shrink = _exp2(top[r] - highest) if top[r] > -np.inf else np.float32(0.0)
                total[r] *= shrink
                for d in range(dim):
                    acc[r, d] *= shrink
                top[r] = highest
            total[r] += _weigh(row, count, highest)
        _add(acc, scores, block, padded)
    for m in range(rows):
        for g in range(group):
            r = m * group + g
            if broken or top[r] == np.inf:
                lse[m, g] = np.nan
            elif total[r] > 0.0:
                lse[m, g] = top[r] * LN2 + math.log(total[r])
                over = 1.0 / total[r]
                for d in range(dim):
                    o[m, g, d] = acc[r, d] * over
            else:
                lse[m, g] = -np.inf
                for d in range(dim):
                    o[m, g, d] = np.float32(0.0)


@njit(cache=True, parallel=True)
def attend(  # type: ignore[no-untyped-def]
    q, k, v, k_strides, v_strides, bfloat16, index, tail_start, lengths, mask, splits, part, scale, o, lse
):
    """Attend from q (B, M, H, D) to the keys at ``index`` (B, Hk, K), then from ``tail_start`` on.

    ``k`` and ``v`` are buffers in one dimension with strides for request, key and head. ``lengths`` (B,)
    counts all keys of the list; ``mask`` (B, M, N), if it has columns, hides keys of the list whose entry
    is 0. Split s of S takes ``part`` (B,) keys of the list from ``s * part``. Writes o (S, B, M, H, D) and
    lse (S, B, M, H).
    """
    batch, _, heads, _ = q.shape
    kv_heads = index.shape[1]
    group = heads // kv_heads
    for task in prange(batch * kv_heads * splits):
        s = task % splits
        b = task // splits // kv_heads
        h = task // splits % kv_heads
        first = h * group
        _one_split(
            q[b, :, first : first + group],
            k,
            v,
            b * k_strides[0] + h * k_strides[2],
            b * v_strides[0] + h * v_strides[2],
            k_strides[1],
            v_strides[1],
            bfloat16,
            index[b, h],
            tail_start[b],
            mask[b],
            min(s * part[b], lengths[b]),
            min((s + 1) * part[b], lengths[b]),
            scale * LOG2E,
            o[s, b, :, first : first + group],
            lse[s, b, :, first : first + group],
        )
