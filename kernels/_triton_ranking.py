"""Finding in Triton where a ranking is cut, without sorting: the largest first, of equal ones the first.

A cut is a key and an index: what ranks after them is dropped. Keys are floats as integers in the same order.
A cut is found three bits at a time: one pass over the row adds up what ranks before each of eight candidates.
Sums are kept by lane and put together once a pass, so that no thread waits for another within one.
"""

from __future__ import annotations

from tightbound.kernels._triton_language import jit, tl


@jit
def load_keys(values, base, index, size):  # type: ignore[no-untyped-def]
    """Load a block as float32, minus infinity for NaN and past the end, and as keys."""
    x = tl.load(values + base + index, mask=index < size, other=float("-inf")).to(tl.float32)
    x = tl.where(x == x, x, float("-inf"))
    x = tl.where(x == 0.0, 0.0, x)  # minus zero is zero
    bits = x.to(tl.int32, bitcast=True)
    return x, tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits)


@jit
def ranks_before(keys, index, size, key, last):  # type: ignore[no-untyped-def]
    """Whether entries rank before a cut or are it."""
    return (((keys > key) | ((keys == key) & (index <= last))) & (index < size)) != 0


@jit
def write_places(values, base, size, key, last, places, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Write the indices of what a cut leaves, in order; return how many there are."""
    met = tl.zeros([], tl.int32)
    for first in range(0, size, BLOCK):
        index = first + tl.arange(0, BLOCK)
        _x, keys = load_keys(values, base, index, size)
        kept = ranks_before(keys, index, size, key, last)
        order = met + tl.cumsum(kept.to(tl.int32), 0) - 1
        tl.store(places + order, index, mask=kept)
        met += tl.sum(kept.to(tl.int32), 0)
    return met


@jit
def weight_of(x, top, inverse):  # type: ignore[no-untyped-def]
    """Return the weight exp((x - top) / temperature) of every entry."""
    return tl.exp((x.to(tl.float64) - top) * inverse)


@jit
def add_up(  # type: ignore[no-untyped-def]
    values,
    base,
    size,
    top,
    inverse,
    cut_key,
    cut_last,
    low,
    step,
    COUNTING: tl.constexpr,
    CANDIDATES: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Add up entries, or their weights, whose key is at least low, low + step, ..., within a cut."""
    dtype: tl.constexpr = tl.int32 if COUNTING else tl.float64
    candidates = low + step * tl.arange(0, CANDIDATES)
    sums = tl.zeros([CANDIDATES, BLOCK], dtype)
    for first in range(0, size, BLOCK):
        index = first + tl.arange(0, BLOCK)
        x, keys = load_keys(values, base, index, size)
        kept = ranks_before(keys, index, size, cut_key, cut_last)
        above = (kept[None, :] & (keys[None, :] >= candidates[:, None])) != 0
        if COUNTING:
            sums += above.to(tl.int32)
        else:
            sums += tl.where(above, weight_of(x, top, inverse)[None, :], 0.0)
    return tl.sum(sums, 1)


@jit
def find_cut(  # type: ignore[no-untyped-def]
    values,
    base,
    size,
    top,
    inverse,
    cut_key,
    cut_last,
    least,
    COUNTING: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Return the first cut before which there is ``least`` of weight, or of entries; all if there is less."""
    dtype: tl.constexpr = tl.int32 if COUNTING else tl.float64
    key = tl.full([], -2147483648, tl.int32)
    above = tl.zeros([], dtype)  # what ranks before every entry of that key
    each = tl.arange(0, 8)
    step = tl.full([], 536870912, tl.int32)
    for _ in range(0, 11):
        sums = add_up(values, base, size, top, inverse, cut_key, cut_last, key, step, COUNTING, 8, BLOCK)
        enough = ((sums >= least) & (each > 0)) != 0
        best = tl.max(tl.where(enough, each, 0), 0)
        beyond = tl.sum(tl.where(each == best + 1, sums, 0), 0)
        above = tl.where(best < 7, beyond, above)
        key += step * best
        step = tl.maximum(step // 8, 1)
    # equal ones weigh the same: how many of them are needed, and where the last of these is
    one = tl.full([], 1, dtype)
    if not COUNTING:
        bits = tl.where(key < 0, key ^ 0x7FFFFFFF, key)
        one = weight_of(bits.to(tl.float32, bitcast=True), top, inverse)
        one = tl.where(one > 0.0, one, 1.0)
    most = tl.zeros([], tl.float64) + size
    number = tl.minimum((least - above) / one, most).to(tl.int32)
    number = tl.maximum(number, 1)
    number += (above + number * one < least).to(tl.int32)
    met = tl.zeros([], tl.int32)
    last = tl.zeros([], tl.int32) + size
    for first in range(0, size, BLOCK):
        index = first + tl.arange(0, BLOCK)
        _x, keys = load_keys(values, base, index, size)
        equal = (ranks_before(keys, index, size, cut_key, cut_last) & (keys == key)) != 0
        order = met + tl.cumsum(equal.to(tl.int32), 0)
        here = (equal & (order == number)) != 0
        last = tl.minimum(last, tl.min(tl.where(here, index, size), 0))
        met += tl.sum(equal.to(tl.int32), 0)
    return key, last
