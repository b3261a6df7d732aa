"""Laws with cuts between known bounds, in three Triton programs: candidates, the cut among them, the law.

The second is one program per row. It writes the law where nothing but candidates is kept, and searches the
whole row where there are more candidates than it holds, as where thousands of tokens are equal.
"""

from __future__ import annotations

from tightbound.kernels._triton_filter import collect, list_columns
from tightbound.kernels._triton_language import jit, tl
from tightbound.kernels._triton_ranking import factor_of, ranks_before
from tightbound.kernels.probs_from_logits._kernel_cuts_triton import (
    cut_by_rank,
    cut_by_weight,
    load_cuts,
    search_row,
    total_weight,
    weights_of,
    write_within,
)
from tightbound.kernels.probs_from_logits._kernel_softmax_triton import (
    chunk_of,
    number_at,
    scale_of,
    total_of,
)

NEIGHBOURS = tl.constexpr(16) if tl else 16  # groups in a row that are of the same part


@jit
def interval(bounds, reached, least, b, count, COUNT: tl.constexpr):  # type: ignore[no-untyped-def]
    """Return the key that candidates reach, the one that they are below, and what is not below that."""
    each = tl.arange(0, 16)
    keys = tl.load(bounds + b * 16 + each)
    low = tl.load(bounds + b * 16)
    high = tl.full([], 2147483647, tl.int32)
    above = tl.zeros([], tl.float64)
    if tl.load(bounds + b * 16 + 1) < 2147483647:
        part = tl.arange(0, COUNT)[:, None]
        sums = tl.load(reached + (b * count + part) * 16 + each[None, :], mask=part < count, other=0.0)
        sums = tl.sum(sums, 0)
        last = tl.max(tl.where(sums >= least, each, -1), 0)
        low = tl.sum(tl.where(each == last, keys, 0), 0)
        low = tl.where(last < 0, -2147483647, low)
        high = tl.where(last < 15, tl.sum(tl.where(each == last + 1, keys, 0), 0), high)
        above = tl.sum(tl.where(each == last + 1, sums, 0.0), 0)
    return low, high, above


@jit(do_not_specialize=["count"])
def collect_parts(  # type: ignore[no-untyped-def]
    logits,
    groups,
    bounds,
    reached,
    targets,
    columns,
    found,
    numbers,
    vocabulary,
    count,
    COUNT: tl.constexpr,
    SPAN: tl.constexpr,
    PARTS: tl.constexpr,
    SEGMENT: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write places of candidates of a part of a row, then their keys, to found (2 SEGMENT,); and how many.

    Where that is more than SEGMENT, not all are written. Groups are dealt to parts some neighbours at a time,
    as neighbours are often alike.
    """
    width: tl.constexpr = SPAN // PARTS
    near: tl.constexpr = width if width < NEIGHBOURS else NEIGHBOURS
    program = tl.program_id(0)
    b = (program // PARTS).to(tl.int64)
    part = program % PARTS
    low, high, _above = interval(bounds, reached, tl.load(targets + b), b, count, COUNT)
    met = tl.zeros([], tl.int32)
    if low < 2147483647:
        each = tl.arange(0, width)
        column = each // near * (near * PARTS) + part * near + each % near
        keys = tl.load(groups + b * SPAN + column)
        reaching = ((keys >= low) & (keys > -2147483648)) != 0
        mine = columns + program.to(tl.int64) * width
        some = list_columns(column, reaching, mine)
        found += program.to(tl.int64) * 2 * SEGMENT
        if some > 0:
            met = collect(
                logits, b * vocabulary, vocabulary, mine, some, low, high, found, SPAN, SEGMENT, BLOCK
            )
    tl.store(numbers + program, met)


@jit(do_not_specialize=["temperature", "top_k", "top_p", "count"])
def cut_rows(  # type: ignore[no-untyped-def]
    logits,
    temperature,
    top_k,
    top_p,
    tops,
    sums,
    bounds,
    reached,
    targets,
    found,
    numbers,
    out,
    cuts,
    scales,
    vocabulary,
    count,
    GROUPS: tl.constexpr,
    COUNT: tl.constexpr,
    PARTS: tl.constexpr,
    SEGMENT: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write where a row is cut, key and place, and what makes the weights of what is left probabilities.

    The latter is 0 where the law is written here, over zeros.
    """
    b = tl.program_id(0).to(tl.int64)
    base = b * vocabulary
    t, k, share = load_cuts(temperature, top_k, top_p, b, vocabulary)
    factor, rest = factor_of(t)
    top, mass = total_of(tops, sums, b * GROUPS, GROUPS, factor, rest, GROUPS)
    ranked = k < vocabulary
    key = tl.full([], -2147483648, tl.int32)
    last = tl.zeros([], tl.int32) + vocabulary
    written = tl.full([], 1.0, tl.float32)
    if (ranked | (share < 1.0)) != 0:
        least = tl.load(targets + b)
        _low, high, above = interval(bounds, reached, least, b, count, COUNT)
        each = tl.arange(0, PARTS * SEGMENT)
        part, slot = each // SEGMENT, each % SEGMENT
        number = tl.load(numbers + b * PARTS + part)
        mine = found + (b * PARTS + part) * 2 * SEGMENT + slot
        places = tl.load(mine, mask=slot < number, other=0)
        keys = tl.load(mine + SEGMENT, mask=slot < number, other=-2147483648)
        weights = weights_of(keys, top, factor, rest)
        held = tl.max(number, 0) <= SEGMENT
        alone = (held & (high == 2147483647)) != 0  # nothing but candidates is kept
        if held:
            if ranked:
                key, last = cut_by_rank(keys, places, (least - above).to(tl.int32))
            else:
                key, last = cut_by_weight(keys, places, weights, least - above)
            weights = tl.where(ranks_before(keys, places, vocabulary, key, last), weights, 0.0)
            mass = tl.sum(weights, 0) + tl.where(ranked, 0.0, above)
            if alone:
                p = weights.to(tl.float32) * scale_of(mass)
                tl.store(out + base + places, p, mask=weights > 0.0)
                written = 0.0
            elif ranked:
                mass = total_weight(logits, base, vocabulary, top, factor, rest, key, last, BLOCK)
        else:
            key, last, mass = search_row(logits, base, vocabulary, k, share, top, factor, rest, mass, BLOCK)
    tl.store(cuts + 2 * b, key)
    tl.store(cuts + 2 * b + 1, last)
    tl.store(scales + b, scale_of(mass) * written)


@jit(do_not_specialize=["temperature", "count"])
def write_rows(  # type: ignore[no-untyped-def]
    logits,
    temperature,
    out,
    highest_logits,
    cuts,
    scales,
    vocabulary,
    count,
    BLOCK: tl.constexpr,
):
    """Write a chunk of a law that is not written yet."""
    b, tokens = chunk_of(tl.program_id(0), count, BLOCK)
    scale = tl.load(scales + b)
    if scale > 0.0:
        top, key, last = tl.load(highest_logits + b), tl.load(cuts + 2 * b), tl.load(cuts + 2 * b + 1)
        factor, rest = factor_of(number_at(temperature, b))
        write_within(logits, b * vocabulary, out, tokens, vocabulary, top, factor, rest, key, last, scale)
