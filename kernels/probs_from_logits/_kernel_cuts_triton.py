"""Laws with cuts in two Triton programs: what is highest where in a row, then its cuts among few candidates.

The second is one program per row. It searches the whole row where thousands of tokens are equal or kept.
"""

from __future__ import annotations

from tightbound.kernels._triton_filter import (
    collect,
    find_key,
    group_keys,
    highest_of_columns,
    keep_best,
    keep_first,
    load_found,
)
from tightbound.kernels._triton_language import jit, tl
from tightbound.kernels._triton_ranking import (
    factor_of,
    find_cut,
    load_keys,
    load_numbers,
    number_for,
    numbers_of,
    ranks_before,
    weight_of,
)
from tightbound.kernels.probs_from_logits._kernel_softmax_triton import finite, number_at, scale_of, total_of


@jit
def load_cuts(temperature, top_k, top_p, b, vocabulary):  # type: ignore[no-untyped-def]
    """Return the temperature of a row, how many tokens are kept by rank, all without top-k, and the share."""
    t = number_at(temperature, b)
    k = tl.where(t == 0.0, 1.0, number_at(top_k, b))
    most = tl.zeros([], tl.float64) + vocabulary
    k = tl.where(k == 0.0, most, tl.minimum(k, most)).to(tl.int32)
    return t, k, number_at(top_p, b)


@jit(do_not_specialize=["temperature", "top_k", "top_p"])
def highest_of_groups(  # type: ignore[no-untyped-def]
    logits,
    temperature,
    top_k,
    top_p,
    out,
    groups,
    tops,
    sums,
    vocabulary,
    SPAN: tl.constexpr,
    BLOCK: tl.constexpr,
    AHEAD: tl.constexpr,
):
    """Write keys of groups, their highest logit, without top-k their sum of weights; and zeros for laws."""
    count: tl.constexpr = SPAN // BLOCK
    part = tl.program_id(0)
    b = (part // count).to(tl.int64)
    base = b * vocabulary
    column = part % count * BLOCK + tl.arange(0, BLOCK)
    highest = highest_of_columns(logits, base, vocabulary, column, SPAN, AHEAD)
    tl.store(groups + b * SPAN + column, group_keys(highest, column, vocabulary))
    top = tl.max(highest, 0)
    tl.store(tops + part, top)
    t, k, _share = load_cuts(temperature, top_k, top_p, b, vocabulary)
    factor, rest = factor_of(t)
    total = tl.zeros([BLOCK], tl.float64)
    if k >= vocabulary:
        for first in range(0, vocabulary, AHEAD * SPAN):
            few = tl.zeros([BLOCK], tl.float32)
            for line in tl.static_range(AHEAD):
                x = load_numbers(logits, base, first + line * SPAN + column, vocabulary)
                few += weight_of(x, finite(top), factor, rest)
            total += few.to(tl.float64)
    tl.store(sums + part, tl.sum(total, 0))
    for first in range(0, vocabulary, SPAN):
        tokens = first + column
        tl.store(out + base + tokens, tl.zeros([BLOCK], tl.float32), mask=tokens < vocabulary)


@jit
def total_weight(logits, base, vocabulary, top, factor, rest, key, last, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Add up the weights of the tokens within a cut."""
    sums = tl.zeros([BLOCK], tl.float64)
    for low in range(0, vocabulary, 4 * BLOCK):
        for part in tl.static_range(4):  # all are asked for before the first has come
            tokens = low + part * BLOCK + tl.arange(0, BLOCK)
            x, keys = load_keys(logits, base, tokens, vocabulary)
            kept = ranks_before(keys, tokens, vocabulary, key, last)
            sums += tl.where(kept, weight_of(x, top, factor, rest), 0.0).to(tl.float64)
    return tl.sum(sums, 0)


@jit
def search_row(logits, base, out, vocabulary, k, share, top, factor, rest, total, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Write a law whose cut may be anywhere; ``total`` is what it weighs without top-k."""
    key = tl.full([], -2147483648, tl.int32)
    last = tl.zeros([], tl.int32) + vocabulary
    least = tl.zeros([], tl.float64) + k
    if k < vocabulary:
        key, last = find_cut(logits, base, vocabulary, top, factor, rest, key, last, least, True, BLOCK)
        total = total_weight(logits, base, vocabulary, top, factor, rest, key, last, BLOCK)
    if share < 1.0:
        least = share * total
        key, last = find_cut(logits, base, vocabulary, top, factor, rest, key, last, least, False, BLOCK)
        total = total_weight(logits, base, vocabulary, top, factor, rest, key, last, BLOCK)
    scale = scale_of(total)
    for low in range(0, vocabulary, 4 * BLOCK):
        for part in tl.static_range(4):
            tokens = low + part * BLOCK + tl.arange(0, BLOCK)
            x, keys = load_keys(logits, base, tokens, vocabulary)
            kept = ranks_before(keys, tokens, vocabulary, key, last)
            p = tl.where(kept, weight_of(x, top, factor, rest) * scale, 0.0)
            tl.store(out + base + tokens, p, mask=tokens < vocabulary)


@jit(do_not_specialize=["temperature", "top_k", "top_p"])
def cut_rows(  # type: ignore[no-untyped-def]
    logits,
    temperature,
    top_k,
    top_p,
    out,
    groups,
    tops,
    sums,
    found,
    vocabulary,
    SPAN: tl.constexpr,
    COUNT: tl.constexpr,
    CAPACITY: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write what the cuts of one row leave, over zeros; the whole row where that is not among candidates."""
    b = tl.program_id(0).to(tl.int64)
    base = b * vocabulary
    t, k, share = load_cuts(temperature, top_k, top_p, b, vocabulary)
    factor, rest = factor_of(t)
    top, total = total_of(tops, sums, b * COUNT, COUNT, factor, rest, COUNT)
    # a group has more than one candidate: so many groups that CAPACITY holds what they have
    guess = tl.minimum(CAPACITY * 9 // 16, tl.minimum(vocabulary, SPAN))
    number = tl.where(k < vocabulary, k, guess)
    mine = found + b * 2 * CAPACITY
    count = tl.full([], CAPACITY + 1, tl.int32)
    if (((k < vocabulary) | (share < 1.0)) & (number <= CAPACITY)) != 0:
        count = collect(logits, base, vocabulary, number, groups + b * SPAN, mine, SPAN, CAPACITY)
    done = count < 0
    if count <= CAPACITY:
        tokens, keys = load_found(mine, count, CAPACITY)
        if k < vocabulary:
            keys = tl.where(keep_best(keys, k), keys, -2147483648)
        weights = weight_of(numbers_of(keys), top, factor, rest)
        weights = tl.where(keys > -2147483648, weights, 0.0).to(tl.float64)
        mass = tl.sum(weights, 0)
        least = share * tl.where(k < vocabulary, mass, total)
        done = ((k < vocabulary) | (mass >= least)) != 0
        if share < 1.0:
            key = find_key(keys, weights, least, least)
            above = tl.sum(tl.where(keys > key, weights, 0.0), 0)
            one = weight_of(numbers_of(key), top, factor, rest).to(tl.float64)
            weights = tl.where(keep_first(keys, key, number_for(least - above, one, count)), weights, 0.0)
            mass = tl.sum(weights, 0)
        if done:
            p = weights.to(tl.float32) * scale_of(mass)
            tl.store(out + base + tokens, p, mask=weights > 0.0)
    if done == 0:
        search_row(logits, base, out, vocabulary, k, share, top, factor, rest, total, BLOCK)
