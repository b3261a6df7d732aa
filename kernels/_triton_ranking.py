"""Finding in Triton where a ranking is cut, without sorting: the largest first, of equal ones the first.

A cut is a key and an index: what ranks after them is dropped. Keys are floats as integers in the same order.
Weights are exp((x - top) / temperature); the temperature is given as log2(e) over it, in two float32.
A cut is found four bits at a time: one pass over the row adds up what ranks before each of 16 candidates.
Sums are kept by lane and put together once a pass, so that no thread waits for another within one.
"""

from __future__ import annotations

from tightbound.kernels._triton_language import jit, tl


@jit
def load_numbers(values, base, index, size):  # type: ignore[no-untyped-def]
    """Load a block as float32, minus infinity for NaN and past the end."""
    x = tl.load(values + base + index, mask=index < size, other=float("-inf")).to(tl.float32)
    return tl.where(x == x, x, float("-inf"))


@jit
def keys_of(x):  # type: ignore[no-untyped-def]
    """Return the keys of float32."""
    bits = tl.where(x == 0.0, 0.0, x).to(tl.int32, bitcast=True)  # minus zero is zero
    return tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits)


@jit
def numbers_of(keys):  # type: ignore[no-untyped-def]
    """Return the float32 that keys are of."""
    return tl.where(keys < 0, keys ^ 0x7FFFFFFF, keys).to(tl.float32, bitcast=True)


@jit
def load_keys(values, base, index, size):  # type: ignore[no-untyped-def]
    """Load a block as float32, minus infinity for NaN and past the end, and as keys."""
    x = load_numbers(values, base, index, size)
    return x, keys_of(x)


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
def factor_of(temperature):  # type: ignore[no-untyped-def]
    """Return log2(e) / temperature as a float32 and what that leaves out; 0 is as good as 1 for one token."""
    exact = 1.4426950408889634 / tl.where(temperature == 0.0, 1.0, temperature)
    exact = tl.minimum(tl.maximum(exact, 1e-27), 1e30)  # no weight is changed, and products are finite
    factor = exact.to(tl.float32)
    return factor, (exact - factor.to(tl.float64)).to(tl.float32)


@jit
def weight_of(x, top, factor, rest):  # type: ignore[no-untyped-def]
    """Return the weight of every entry, to a few 1e-7 of itself.

    The exponent is in two float32, as what the first leaves out is not small where weights are.
    """
    x = tl.maximum(x, top - 1e30)  # minus infinity less itself is NaN
    apart = x - top
    back = apart - x
    left = (x - (apart - back)) - (top + back)
    exponent = apart * factor
    left = tl.fma(apart, factor, -exponent) + (apart * rest + left * factor)
    weight = tl.exp2(exponent) * (1.0 + left * 0.6931471805599453)
    return tl.where(exponent > -200.0, weight, 0.0)


@jit
def number_for(weight, one, most):  # type: ignore[no-untyped-def]
    """Return how many entries that weigh ``one`` weigh enough, at least one."""
    one = tl.where(one > 0.0, one, 1.0)
    number = tl.minimum(weight / one, tl.zeros([], tl.float64) + most).to(tl.int32)
    number = tl.maximum(number, 1)
    return number + (number * one < weight).to(tl.int32)


@jit
def add_up(  # type: ignore[no-untyped-def]
    values,
    base,
    size,
    top,
    factor,
    rest,
    cut_key,
    cut_last,
    candidates,
    COUNTING: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Return how many entries, or what weight, within a cut have a key of at least each of 16 candidates.

    A thread adds up its own columns, sixteen lines in float32.
    """
    bounds = numbers_of(tl.maximum(candidates, -2139095041))[:, None]  # the key of minus infinity
    width: tl.constexpr = BLOCK // 8
    column = tl.arange(0, width)
    sums = tl.zeros([16, width], tl.float64)
    for first in range(0, size, 2 * BLOCK):
        few = tl.zeros([16, width], tl.float32)
        for line in tl.range(0, 16, loop_unroll_factor=4):
            index = first + line * width + column
            x, keys = load_keys(values, base, index, size)
            kept = ranks_before(keys, index, size, cut_key, cut_last)
            if COUNTING:
                weights = kept.to(tl.float32)
            else:
                weights = tl.where(kept, weight_of(x, top, factor, rest), 0.0)
            few = tl.fma((x[None, :] >= bounds).to(tl.float32), weights[None, :], few)
        sums += few.to(tl.float64)
    return tl.sum(sums, 1)


@jit
def find_cut(  # type: ignore[no-untyped-def]
    values,
    base,
    size,
    top,
    factor,
    rest,
    cut_key,
    cut_last,
    least,
    COUNTING: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Return the first cut before which there is ``least`` of weight, or of entries; all if there is less."""
    key = tl.full([], -2147483648, tl.int32)
    above, reached = (
        tl.zeros([], tl.float64),
        tl.zeros([], tl.float64),
    )  # before entries of that key, with them
    each = tl.arange(0, 16)
    step = tl.full([], 268435456, tl.int32)
    for _ in range(0, 8):
        sums = add_up(
            values, base, size, top, factor, rest, cut_key, cut_last, key + step * each, COUNTING, BLOCK
        )
        best = tl.max(tl.where(sums >= least, each, 0), 0)
        beyond = tl.sum(tl.where(each == best + 1, sums, 0.0), 0)
        above = tl.where(best < 15, beyond, above)
        reached = tl.sum(tl.where(each == best, sums, 0.0), 0)
        key += step * best
        step = step // 16
    # equal ones weigh the same: how many of them are needed, and where the last of these is
    one = tl.full([], 1.0, tl.float64)
    if not COUNTING:
        one = weight_of(numbers_of(key), top, factor, rest).to(tl.float64)
    number = number_for(least - above, one, size)
    met = tl.zeros([], tl.int32)
    last = tl.where(key == cut_key, cut_last, tl.zeros([], tl.int32) + size)
    some = number < number_for(reached - above, one, size)
    for first in range(tl.where(some, 0, size), size, BLOCK):
        index = first + tl.arange(0, BLOCK)
        _x, keys = load_keys(values, base, index, size)
        equal = (ranks_before(keys, index, size, cut_key, cut_last) & (keys == key)) != 0
        order = met + tl.cumsum(equal.to(tl.int32), 0)
        here = (equal & (order == number)) != 0
        last = tl.minimum(last, tl.min(tl.where(here, index, size), 0))
        met += tl.sum(equal.to(tl.int32), 0)
    return key, last
