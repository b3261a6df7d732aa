"""Compiled softmax attention over chosen keys, for every attention operation on the CPU.

One task per request, split and set of key heads. A task goes through its keys in blocks, reads each once for
all G M queries that share it, and keeps a running maximum. Logits are in base 2 inside. Everything is
float32; only the sum over a split's blocks runs in float64.

Few queries read keys and values where they lie, converting as they multiply: then memory is the bound, and
key heads that lie side by side are read in that order, by one task. Many queries read a copy in float32.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite.binding import get_host_cpu_features  # type: ignore[import-untyped]
from numba import njit, prange, types
from numba.extending import overload

from tightbound.kernels._attention_arguments import FEW, WANTED_TASKS
from tightbound.kernels._kernel_vectors import (
    add_to_four,
    add_to_two,
    bits_of_float,
    float_of_bits,
    float_of_half,
    prefetch,
    products_of_four,
    products_of_two,
)

# No "ninf" and "nnan": masks need infinities.
SAFE = {"contract", "reassoc", "nsz", "arcp"}
BLOCK = 64
IN_PLACE = 256  # keys of a block that is not copied
SOME = 8  # keys, all heads of which stay in the cache of a core
LOOK = 8  # keys that are asked for before they are read
WIDTH = 32  # rows of numbers are filled up to a multiple
APART = 16  # numbers between rows of logits: rows a power of 2 apart displace each other from a cache
LOG2E = 1.4426950408889634
LN2 = 0.6931471805599453
LINE = 64  # bytes
HALF_IN_HARDWARE = bool(get_host_cpu_features().get("f16c"))


@njit(cache=True, fastmath=SAFE, inline="always")
def _exp2(x):  # type: ignore[no-untyped-def]
    """2**x for x <= 0, within 2 units in the last place; 0 below -126. Vectorises, which a call would not."""
    y = np.float32(-126.0) if x < np.float32(-126.0) else x
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
    power = float_of_bits(np.uint32((np.int32(whole) + np.int32(127)) << np.int32(23)))
    return np.float32(0.0) if x < np.float32(-126.0) else p * power


@njit(cache=True, inline="always")
def _float_of_half_bits(half):  # type: ignore[no-untyped-def]
    """Decode float16, 5 bits of exponent where float32 has 8, on processors that do not."""
    bits = np.uint32(half)
    sign = (bits & np.uint32(0x8000)) << np.uint32(16)
    rest = (bits & np.uint32(0x7FFF)) << np.uint32(13)
    special = rest >= np.uint32(0x0F800000)  # infinities and NaN
    number = float_of_bits(rest | sign) * np.float32(2.0**112)
    return float_of_bits(rest | sign | np.uint32(0x7F800000)) if special else number


def _read(row: Any, data: Any, start: int, count: int) -> None:
    """Copy numbers that lie side by side into ``row``, as float32."""
    raise NotImplementedError("only compiled code reads: Numba takes the overload for the dtype of data")


@overload(_read)
def _read_as(row, data, start, count):  # type: ignore[no-untyped-def]
    half, bfloat16 = data.dtype == types.uint16, data.dtype == types.int16

    def read(row, data, start, count):  # type: ignore[no-untyped-def]
        source = data[start : start + count]  # indices that cannot be negative vectorise
        for d in range(count):
            if bfloat16:
                row[d] = float_of_bits(np.uint32(np.uint16(source[d])) << np.uint32(16))
            elif half and HALF_IN_HARDWARE:
                row[d] = float_of_half(source[d])
            elif half:
                row[d] = _float_of_half_bits(source[d])
            else:
                row[d] = np.float32(source[d])

    return read


@njit(cache=True, inline="always")
def _readable(data, dim):  # type: ignore[no-untyped-def]
    """Whether rows can be multiplied as they are stored."""
    return dim % WIDTH == 0 and (data.itemsize == 4 or HALF_IN_HARDWARE)


@njit(cache=True)
def _ahead(data, at, first, part, some, heads, step, dim):  # type: ignore[no-untyped-def]
    """Ask for one of ``heads`` parts of the keys from ``first`` on, in the order of memory.

    Hardware does not look across pages, and cannot know which keys were chosen.
    """
    for n in range(part * some, (part + 1) * some):
        row = at[first + n // heads] + n % heads * step
        for d in range(0, dim, LINE // data.itemsize):
            prefetch(data, row + d)


@njit(cache=True)
def _score(scores, queries, even, heads, data, at, step, count, some, look):  # type: ignore[no-untyped-def]
    """Inner products of the queries, ``even`` rows for each head, with the keys at ``at``.

    ``some`` keys at a time, of all heads, which are ``step`` apart; all three are counted in fours.
    """
    for first in range(0, count, some):
        last = min(first + some, count)
        for h in range(heads):
            low = h * even
            if look > 0:
                _ahead(data, at, first + look, h, some, heads, step, queries.shape[1])
            for r in range(low, low + even - 2, 4):
                for i in range(first, last, 2):
                    products_of_four(scores, queries, r, data, at, i, h * step)
            if even % 4 == 2:
                for i in range(first, last, 4):
                    products_of_two(scores, queries, low + even - 2, data, at, i, h * step)


@njit(cache=True)
def _add(acc, weights, even, heads, data, at, step, count, some, look):  # type: ignore[no-untyped-def]
    """Add the weighted values at ``at``, in the order of `_score`."""
    for first in range(0, count, some):
        last = min(first + some, count)
        for h in range(heads):
            low = h * even
            if look > 0:
                _ahead(data, at, first + look, h, some, heads, step, acc.shape[1])
            for r in range(low, low + even - 2, 4):
                for d in range(0, acc.shape[1], 16):
                    add_to_four(acc, r, d, weights, data, at, first, last, h * step)
            if even % 4 == 2:
                for d in range(0, acc.shape[1], 32):
                    add_to_two(acc, low + even - 2, d, weights, data, at, first, last, h * step)


@njit(cache=True)
def _highest(row, count):  # type: ignore[no-untyped-def]
    """Largest of the first numbers, by the order of their bits as integers, which vectorises."""
    best = np.int32(-2139095041)  # -inf
    for i in range(count):
        bits = np.int32(bits_of_float(row[i]))
        best = max(best, np.int32(bits ^ ((bits >> np.int32(31)) & np.int32(0x7FFFFFFF))))
    return float_of_bits(np.uint32(best ^ ((best >> np.int32(31)) & np.int32(0x7FFFFFFF))))


@njit(cache=True, fastmath=SAFE)
def _weigh(weights, count, top):  # type: ignore[no-untyped-def]
    """Turn logits of base 2 into weights relative to ``top``; return their sum."""
    total = np.float32(0.0)
    for i in range(count):
        weights[i] = _exp2(weights[i] - top)
        total += weights[i]
    return total


@njit(cache=True)
def _softmax(scores, acc, top, total, even, used, mask, group, start, count):  # type: ignore[no-untyped-def]
    """Turn a block of logits into weights, and bring what has been added up to the same maximum.

    A logit that is NaN becomes a weight that is NaN, and the total with it.
    """
    for r in range(scores.shape[0]):
        if r % even >= used:
            continue
        row = scores[r]
        if mask.shape[1] > 0:
            seen = mask[r % even // group, start : start + count]
            for i in range(count):
                row[i] = row[i] if seen[i] else np.float32(-np.inf)
        highest = _highest(row, count)
        if highest > top[r]:
            shrink = _exp2(top[r] - highest)
            total[r] *= shrink
            for d in range(acc.shape[1]):
                acc[r, d] *= shrink
            top[r] = highest
        total[r] += _weigh(row, count, top[r] if top[r] > -np.inf else np.float32(0.0))


@njit(cache=True)
def _padded_queries(q, heads, factor):  # type: ignore[no-untyped-def]
    """Return the queries (M, heads G, D) head by head, an even number for each, rows filled up with 0."""
    rows, group, dim = q.shape[0], q.shape[1] // heads, q.shape[2]
    even = (rows * group + 1) // 2 * 2
    padded = np.zeros((heads * even, (dim + WIDTH - 1) // WIDTH * WIDTH), dtype=np.float32)
    for h in range(heads):
        for m in range(rows):
            for g in range(group):
                for d in range(dim):
                    padded[h * even + m * group + g, d] = q[m, h * group + g, d] * np.float32(factor)
    return padded


@njit(cache=True)
def _finish(acc, top, total, even, group, o, lse):  # type: ignore[no-untyped-def]
    """Divide by the totals: o and lse of the queries (M, heads G, D)."""
    for m in range(o.shape[0]):
        for n in range(o.shape[1]):
            r = n // group * even + m * group + n % group
            if total[r] > 0.0:
                lse[m, n] = top[r] * LN2 + math.log(total[r])
                over = 1.0 / total[r]
                for d in range(o.shape[2]):
                    o[m, n, d] = acc[r, d] * over
            else:
                lse[m, n] = -np.inf if total[r] == 0.0 else np.nan
                for d in range(o.shape[2]):
                    o[m, n, d] = np.float32(0.0)


@njit(cache=True, inline="always")
def _key(index, tail_start, n):  # type: ignore[no-untyped-def]
    """Where key n of a list is: first the chosen keys, then the tail."""
    return np.int64(index[n]) if n < index.size else tail_start + (n - index.size)


@njit(cache=True, nogil=True)
def _one_split(  # type: ignore[no-untyped-def]
    q, k, v, k_start, v_start, k_steps, v_steps, heads, index, tail_start, mask, lo, hi, factor, o, lse
):
    """Attend from the queries (M, heads G, D) of some key heads to keys lo, ..., hi - 1 of their list."""
    dim, group = q.shape[2], q.shape[1] // heads
    used = q.shape[0] * group
    queries = _padded_queries(q, heads, factor)
    even, width = queries.shape[0] // heads, queries.shape[1]
    in_place = used <= FEW and _readable(k, dim)
    size = IN_PLACE if in_place else BLOCK
    asked = heads == 1 or k.itemsize == 2  # all heads of float32: asking only delays what is read
    look = LOOK if in_place and asked else 0
    copied = np.zeros((0 if in_place else size, width), dtype=np.float32)
    flat = copied.reshape(-1)
    inside = np.arange(size) * width
    scores = np.zeros((heads * even, size + APART), dtype=np.float32)
    acc = np.zeros((heads * even, width), dtype=np.float32)
    top = np.full(heads * even, np.float32(-np.inf))
    total = np.zeros(heads * even)
    keys, values = np.zeros((2, size + look), dtype=np.int64)
    for j in range(lo, hi, size):
        count = min(size, hi - j)
        fours = (count + 3) // 4 * 4
        for i in range(fours + look):
            n = _key(index, tail_start, min(j + i, hi - 1))
            keys[i] = k_start + n * k_steps[1]
            values[i] = v_start + n * v_steps[1]
        if in_place:
            _score(scores, queries, even, heads, k, keys, k_steps[2], fours, SOME, look)
        else:
            for i in range(count):
                _read(copied[i], k, keys[i], dim)
            _score(scores, queries, even, heads, flat, inside, 0, fours, size, 0)
        _softmax(scores, acc, top, total, even, used, mask, group, j, count)
        if in_place:
            _add(acc, scores, even, heads, v, values, v_steps[2], count, SOME, look)
        else:
            for i in range(count):
                _read(copied[i], v, values[i], dim)
            _add(acc, scores, even, heads, flat, inside, 0, count, size, 0)
    _finish(acc, top, total, even, group, o, lse)


@njit(cache=True, parallel=True)
def attend(  # type: ignore[no-untyped-def]
    q, k, v, k_strides, v_strides, index, tail_start, lengths, mask, splits, part, scale, o, lse
):
    """Attend from q (B, M, H, D) to the keys at ``index`` (B, Hk, K), then from ``tail_start`` on.

    ``k`` and ``v`` are buffers in one dimension with strides for request, key and head. ``lengths`` (B,)
    counts all keys of the list; ``mask`` (B, M, N), if it has columns, hides keys of the list whose entry
    is 0. Split s of S takes ``part`` (B,) keys of the list from ``s * part``. Writes o (S, B, M, H, D) and
    lse (S, B, M, H).
    """
    batch, rows, heads, dim = q.shape
    kv_heads = index.shape[1]
    group = heads // kv_heads
    together = 1
    side_by_side = k_strides[2] < k_strides[1] and v_strides[2] < v_strides[1]
    if side_by_side and index.shape[2] == 0 and rows * group <= FEW and _readable(k, dim):
        wanted = max(1, WANTED_TASKS // (batch * splits))
        together = (kv_heads + wanted - 1) // wanted
    parts = (kv_heads + together - 1) // together
    for task in prange(batch * splits * parts):
        h = task % parts * together
        s = task // parts % splits
        b = task // parts // splits
        some = min(together, kv_heads - h)
        first = h * group
        last = first + some * group
        _one_split(
            q[b, :, first:last],
            k,
            v,
            b * k_strides[0] + h * k_strides[2],
            b * v_strides[0] + h * v_strides[2],
            k_strides,
            v_strides,
            some,
            index[b, h],
            tail_start[b],
            mask[b],
            min(s * part[b], lengths[b]),
            min((s + 1) * part[b], lengths[b]),
            scale * LOG2E,
            o[s, b, :, first:last],
            lse[s, b, :, first:last],
        )
