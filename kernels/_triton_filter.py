"""A filter in Triton that leaves few candidates, among them surely the best of a row.

A row is laid out in lines of ``SPAN`` entries, and its groups are the columns: neighbours, which are often
alike, are in different groups. If as many groups as are wanted reach a bound, so do as many entries. The row
is read once, by many programs; one program then finds the bound and reads the groups that reach it.
"""

from __future__ import annotations

from tightbound.kernels._triton_inverse_cdf import power_of_two
from tightbound.kernels._triton_language import jit, tl
from tightbound.kernels._triton_ranking import keys_of, load_keys, load_numbers

GROUPS = 4096  # of a row, at most
COLUMNS = 256  # of them, that one program looks at
AHEAD = 8  # lines that are asked for before the first has come
COLUMN_WARPS = 1
CAPACITY = 2048  # candidates of a row, at most


def span(size: int) -> tuple[int, int]:
    """Return the groups of a row, a power of two, and the columns of a program."""
    groups = min(GROUPS, max(16, power_of_two(size)))
    return groups, min(COLUMNS, groups)


@jit
def highest_of_columns(values, base, size, column, SPAN: tl.constexpr, AHEAD: tl.constexpr):  # type: ignore[no-untyped-def]
    """Return the highest entry of every column."""
    highest = tl.full(column.shape, float("-inf"), tl.float32)
    for first in range(0, size, AHEAD * SPAN):
        for line in tl.static_range(AHEAD):
            x = load_numbers(values, base, first + line * SPAN + column, size)
            highest = tl.maximum(highest, x)
    return highest


@jit
def group_keys(highest, column, size):  # type: ignore[no-untyped-def]
    """Return the keys of groups, less than any other where a group is empty."""
    return tl.where(column < size, keys_of(highest), -2147483648)


@jit
def find_key(keys, weights, least, enough):  # type: ignore[no-untyped-def]
    """Return the highest key that ``least`` of weight reaches, or one that no more than ``enough`` reaches.

    What weighs nothing has the key -2147483648; where all weigh less than ``least``, all reach the key.
    """
    low = tl.full([], -2147483647, tl.int64)
    end = tl.max(keys, 0).to(tl.int64) + 1
    reached = tl.sum(weights, 0)
    if reached >= least:
        low = tl.min(tl.where(keys == -2147483648, 2147483647, keys), 0).to(tl.int64)
    while ((reached > enough) & (end - low > 1)) != 0:
        middle = (low + end) // 2
        weight = tl.sum(tl.where(keys >= middle.to(tl.int32), weights, 0), 0)
        fits = weight >= least
        low = tl.where(fits, middle, low)
        reached = tl.where(fits, weight, reached)
        end = tl.where(fits, end, middle)
    return low.to(tl.int32)


@jit
def keep_first(keys, key, number):  # type: ignore[no-untyped-def]
    """Whether entries are above a key, or of the first ``number`` that are equal to it."""
    equal = keys == key
    order = tl.cumsum(equal.to(tl.int32), 0)
    return ((keys > key) | (equal & (order <= number))) != 0


@jit
def keep_best(keys, number):  # type: ignore[no-untyped-def]
    """Whether entries are of the ``number`` best; of those with the key -2147483648 none is."""
    key = find_key(keys, (keys > -2147483648).to(tl.int32), number, number)
    return keep_first(keys, key, number - tl.sum((keys > key).to(tl.int32), 0))


@jit
def list_columns(column, reaching, columns):  # type: ignore[no-untyped-def]
    """Write the columns of groups that reach a bound, in order; return how many do."""
    tl.store(columns + tl.cumsum(reaching.to(tl.int32), 0) - 1, column, mask=reaching)
    tl.debug_barrier()  # threads read what others wrote
    return tl.sum(reaching.to(tl.int32), 0)


@jit
def load_entries(values, base, size, columns, count, first, entries, SPAN: tl.constexpr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Return places and keys of a block of entries of groups, line by line; the place size past the end."""
    each = first + tl.arange(0, BLOCK)
    line = ((each.to(tl.float32) + 0.5) * (1.0 / count)).to(tl.int32)  # a division costs as much as the rest
    line += (each - line * count >= count).to(tl.int32) - (each - line * count < 0).to(tl.int32)
    column = tl.load(columns + (each - line * count), mask=each < entries, other=size)
    place = column + line * SPAN
    _x, keys = load_keys(values, base, place, size)
    return place, keys


@jit
def collect(  # type: ignore[no-untyped-def]
    values,
    base,
    size,
    columns,
    count,
    low,
    high,
    found,
    SPAN: tl.constexpr,
    CAPACITY: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write places of entries from ``low`` and below ``high``, then their keys, to found (2 CAPACITY,).

    Looks at ``count`` groups, ``columns``, and returns how many such entries there are; where that is more
    than CAPACITY, not all were looked for. Places are in order.
    """
    entries = count * ((size + SPAN - 1) // SPAN)
    first, met = tl.zeros([], tl.int32), tl.zeros([], tl.int32)
    place, keys = load_entries(values, base, size, columns, count, first, entries, SPAN, BLOCK)
    while ((first < entries) & (met <= CAPACITY)) != 0:
        first += BLOCK
        # asked for before what came is put in order
        next_place, next_keys = load_entries(values, base, size, columns, count, first, entries, SPAN, BLOCK)
        kept = ((keys >= low) & (keys < high) & (place < size)) != 0
        order = met + tl.cumsum(kept.to(tl.int32), 0) - 1
        fits = (kept & (order < CAPACITY)) != 0
        tl.store(found + order, place, mask=fits)
        tl.store(found + CAPACITY + order, keys, mask=fits)
        met += tl.sum(kept.to(tl.int32), 0)
        place, keys = next_place, next_keys
    return met


@jit
def collect_reaching(  # type: ignore[no-untyped-def]
    values,
    base,
    size,
    highest,
    bound,
    groups,
    found,
    SPAN: tl.constexpr,
    CAPACITY: tl.constexpr,
):
    """Collect the entries that reach a bound, of all groups; return how many there are.

    ``groups`` (SPAN,), from which the keys ``highest`` came, is written over.
    """
    tl.debug_barrier()  # threads write over what others read
    count = list_columns(tl.arange(0, SPAN), highest >= bound, groups)
    met = count
    if count <= CAPACITY:
        end = tl.full([], 2147483647, tl.int32)
        met = collect(values, base, size, groups, count, bound, end, found, SPAN, CAPACITY, CAPACITY)
        tl.debug_barrier()  # threads read what others wrote
    return met


@jit
def bound_for(highest, number):  # type: ignore[no-untyped-def]
    """Return a key that so many groups reach, or some more; the so many best entries are among what does."""
    return find_key(highest, (highest > -2147483648).to(tl.int32), number, number + number // 16 + 16)


@jit
def load_found(found, count, CAPACITY: tl.constexpr):  # type: ignore[no-untyped-def]
    """Return places and keys of candidates, the key -2147483648 where there is none."""
    each = tl.arange(0, CAPACITY)
    places = tl.load(found + each, mask=each < count, other=0)
    return places, tl.load(found + CAPACITY + each, mask=each < count, other=-2147483648)


@jit
def highest_of_groups(  # type: ignore[no-untyped-def]
    values,
    groups,
    size,
    SPAN: tl.constexpr,
    BLOCK: tl.constexpr,
    AHEAD: tl.constexpr,
):
    """Write the keys of some groups of a row."""
    count: tl.constexpr = SPAN // BLOCK
    part = tl.program_id(0)
    row = (part // count).to(tl.int64)
    column = part % count * BLOCK + tl.arange(0, BLOCK)
    highest = highest_of_columns(values, row * size, size, column, SPAN, AHEAD)
    tl.store(groups + row * SPAN + column, group_keys(highest, column, size))
