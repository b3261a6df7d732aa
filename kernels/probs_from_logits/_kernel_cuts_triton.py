"""Laws with cuts that leave few tokens, in two Triton programs: what is highest where in a row, the cuts.

The second is one program per row. It looks at few candidates, and at the whole row where thousands of tokens
are equal or kept.
"""

from __future__ import annotations

from tightbound.kernels._triton_filter import (
    bound_for,
    collect_reaching,
    find_key,
    group_keys,
    highest_of_columns,
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
def weights_of(keys, top, factor, rest):  # type: ignore[no-untyped-def]
    """Return the weights of tokens as float64, 0 for the key -2147483648."""
    weights = weight_of(numbers_of(keys), top, factor, rest).to(tl.float64)
    return tl.where(keys > -2147483648, weights, 0.0)


@jit
def bound_by_weight(highest, weights, least, whole):  # type: ignore[no-untyped-def]
    """Return a key that so many groups reach that their highest tokens alone weigh ``least``, if all do."""
    return find_key(highest, weights, least * 1.000002, least + 0.0625 * (whole - least))  # they are rounded


@jit
def last_among(keys, places, key, number):  # type: ignore[no-untyped-def]
    """Return the place of the ``number``-th candidate with a key, past all if there are fewer."""
    equal = keys == key
    return -1 - find_key(tl.where(equal, -1 - places, -2147483648), equal.to(tl.int32), number, number)


@jit
def cut_by_rank(keys, places, number):  # type: ignore[no-untyped-def]
    """Return the cut before which are ``number`` candidates; the key -2147483648 is none."""
    key = find_key(keys, (keys > -2147483648).to(tl.int32), number, number)
    return key, last_among(keys, places, key, number - tl.sum((keys > key).to(tl.int32), 0))


@jit
def cut_by_weight(keys, places, weights, least):  # type: ignore[no-untyped-def]
    """Return the first cut before which candidates weigh ``least``."""
    key = find_key(keys, weights, least, least)
    above = tl.sum(tl.where(keys > key, weights, 0.0), 0)
    one = tl.max(tl.where(keys == key, weights, 0.0), 0)
    return key, last_among(keys, places, key, number_for(least - above, one, 2147483646))


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
def write_within(logits, base, out, tokens, vocabulary, top, factor, rest, key, last, scale):  # type: ignore[no-untyped-def]
    """Write the probabilities of tokens, 0 beyond a cut."""
    x, keys = load_keys(logits, base, tokens, vocabulary)
    kept = ranks_before(keys, tokens, vocabulary, key, last)
    p = tl.where(kept, weight_of(x, top, factor, rest) * scale, 0.0)
    tl.store(out + base + tokens, p, mask=tokens < vocabulary)


@jit
def search_row(  # type: ignore[no-untyped-def]
    logits,
    base,
    vocabulary,
    k,
    share,
    top,
    factor,
    rest,
    mass,
    BLOCK: tl.constexpr,
):
    """Return the cut of a row and what it leaves, wherever that is; ``mass`` is what all tokens weigh."""
    key, last = tl.full([], -2147483648, tl.int32), tl.zeros([], tl.int32) + vocabulary
    if k < vocabulary:
        least = tl.zeros([], tl.float64) + k
        key, last = find_cut(logits, base, vocabulary, top, factor, rest, key, last, least, True, BLOCK)
        mass = total_weight(logits, base, vocabulary, top, factor, rest, key, last, BLOCK)
    if share < 1.0:
        least = share * mass
        key, last = find_cut(logits, base, vocabulary, top, factor, rest, key, last, least, False, BLOCK)
        mass = total_weight(logits, base, vocabulary, top, factor, rest, key, last, BLOCK)
    return key, last, mass


@jit(do_not_specialize=["temperature", "top_k", "top_p"])
def cut_few(  # type: ignore[no-untyped-def]
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
    ranked = k < vocabulary
    mine = found + b * 2 * CAPACITY
    groups += b * SPAN
    count = tl.full([], CAPACITY + 1, tl.int32)
    if (ranked | (share < 1.0)) != 0:
        highest = tl.load(groups + tl.arange(0, SPAN))
        if ranked:
            bound = bound_for(highest, k)
        else:
            bound = bound_by_weight(highest, weights_of(highest, top, factor, rest), share * total, total)
        most: tl.constexpr = CAPACITY * 9 // 16  # a group that reaches a bound has a candidate or some more
        if tl.sum((highest >= bound).to(tl.int32), 0) > most:
            bound = bound_for(highest, most)
        count = collect_reaching(logits, base, vocabulary, highest, bound, groups, mine, SPAN, CAPACITY)
    done = count < 0
    if count <= CAPACITY:
        places, keys = load_found(mine, count, CAPACITY)
        if ranked:
            done = count >= k
            key, last = cut_by_rank(keys, places, k)
            keys = tl.where(ranks_before(keys, places, vocabulary, key, last), keys, -2147483648)
        weights = weights_of(keys, top, factor, rest)
        mass = tl.sum(weights, 0)
        least = share * tl.where(ranked, mass, total)
        done = (done | ((ranked == 0) & (mass >= least))) != 0
        if share < 1.0:
            key, last = cut_by_weight(keys, places, weights, least)
            weights = tl.where(ranks_before(keys, places, vocabulary, key, last), weights, 0.0)
        if done:
            p = weights.to(tl.float32) * scale_of(tl.sum(weights, 0))
            tl.store(out + base + places, p, mask=weights > 0.0)
    if done == 0:
        key, last, whole = search_row(logits, base, vocabulary, k, share, top, factor, rest, total, BLOCK)
        scale = scale_of(whole)
        for low in range(0, vocabulary, 4 * BLOCK):
            for part in tl.static_range(4):
                tokens = low + part * BLOCK + tl.arange(0, BLOCK)
                write_within(logits, base, out, tokens, vocabulary, top, factor, rest, key, last, scale)
