"""Between which logits a cut is that may leave many tokens, in two Triton programs.

If groups whose highest tokens alone are as many, or weigh as much, as is kept reach a bound, the cut is above
it. Elsewhere one more token of every group says, with the highest ones, about where the cut is; between which
of sixteen bounds around there it is, the second program adds up exactly.
"""

from __future__ import annotations

from tightbound.kernels._triton_filter import bound_for, find_key
from tightbound.kernels._triton_language import jit, tl
from tightbound.kernels._triton_ranking import factor_of, keys_of, load_keys, numbers_of, weight_of
from tightbound.kernels.probs_from_logits._kernel_cuts_triton import bound_by_weight, load_cuts, weights_of
from tightbound.kernels.probs_from_logits._kernel_softmax_triton import chunk_of, sum_of, total_of


@jit
def guess(  # type: ignore[no-untyped-def]
    logits, base, vocabulary, highest, known, whole, least, ranked, top, factor, rest, SPAN: tl.constexpr
):
    """Return sixteen bounds around the cut, from the highest token of every group and another one.

    ``known`` (SPAN,) is what the highest ones weigh; each of the others stands for as many of the rest. What
    is below the cut is added up, not what is above: these weights are the lesser ones, and vary less.
    """
    column = tl.arange(0, SPAN)
    lines = (vocabulary + SPAN - 1) // SPAN
    token = column + column * lines // SPAN * SPAN
    x, keys = load_keys(logits, base, token, vocabulary)
    taken = ((token < vocabulary) & (keys < highest)) != 0
    number = tl.maximum(tl.sum(taken.to(tl.int32), 0), 1)
    each = tl.zeros([], tl.float64) + tl.maximum(vocabulary - SPAN, 0)
    each = each / number
    weights = tl.where(ranked, 1.0, weight_of(x, top, factor, rest).to(tl.float64))
    weights = tl.where(taken, weights * each, 0.0)
    one = tl.min(tl.where(weights > 0.0, weights, float("inf")), 0)
    keys = tl.reshape(tl.join(highest, tl.where(taken, keys, -2147483648)), [2 * SPAN])
    squares = tl.reshape(tl.join(tl.zeros_like(known), weights * weights), [2 * SPAN])
    weights = tl.reshape(tl.join(known, weights), [2 * SPAN])
    all_weights, below = tl.sum(weights, 0), whole - least
    aim = all_weights - below
    middle = find_key(keys, weights, aim, aim + below / 64.0)
    squares = tl.where(keys < middle, squares, 0.0)
    # four standard deviations, and one token; where none is below, the lightest stands for those
    one = tl.maximum(tl.where(one < float("inf"), one * one, 0.0), tl.max(squares, 0))
    apart = 4.0 * tl.sqrt(tl.maximum(tl.sum(squares, 0), one)) + tl.sqrt(one)
    lowest = tl.min(tl.where(keys > -2139095041, keys, 2147483647), 0)  # above minus infinity
    low = tl.maximum(find_key(keys, weights, aim + apart, aim + 1.25 * apart), lowest)
    high = tl.maximum(find_key(keys, weights, aim - apart, aim - 0.75 * apart), low)
    first, last = numbers_of(low).to(tl.float64), numbers_of(high).to(tl.float64)
    i = tl.arange(0, 16)
    between = keys_of((first + (last - first) * (i / 15.0)).to(tl.float32))
    between = tl.minimum(tl.maximum(between, low), high)
    return tl.where(i == 0, low, tl.where(i == 15, high, between))


@jit(do_not_specialize=["temperature", "top_k", "top_p"])
def find_bounds(  # type: ignore[no-untyped-def]
    logits,
    temperature,
    top_k,
    top_p,
    groups,
    tops,
    sums,
    bounds,
    highest_logits,
    targets,
    vocabulary,
    SPAN: tl.constexpr,
    COUNT: tl.constexpr,
    MOST: tl.constexpr,
):
    """Write the bounds of one row, its highest logit, and the number or weight of tokens that are kept.

    A row is cut by rank or by weight, not both. The second bound is 2147483647 where there is only one, the
    first where there is no cut.
    """
    b = tl.program_id(0).to(tl.int64)
    t, k, share = load_cuts(temperature, top_k, top_p, b, vocabulary)
    factor, rest = factor_of(t)
    top, total = total_of(tops, sums, b * COUNT, COUNT, factor, rest, COUNT)
    ranked = k < vocabulary
    whole = tl.where(ranked, tl.zeros([], tl.float64) + vocabulary, total)
    least = tl.where(ranked, tl.zeros([], tl.float64) + k, share * total)
    tl.store(highest_logits + b, top)
    tl.store(targets + b, least)
    each = tl.arange(0, 16)
    bound = tl.full([], 2147483647, tl.int32)
    found = tl.full([16], 2147483647, tl.int32)
    if (ranked | (share < 1.0)) != 0:
        highest = tl.load(groups + b * SPAN + tl.arange(0, SPAN))
        known = (highest > -2147483648).to(tl.float64)
        if ranked:
            bound = bound_for(highest, k)
        else:
            known = weights_of(highest, top, factor, rest)
            bound = bound_by_weight(highest, known, least, whole)
        found = tl.where(each == 0, bound, found)
        if tl.sum((highest >= bound).to(tl.int32), 0) > MOST:
            found = guess(
                logits, b * vocabulary, vocabulary, highest, known, whole, least, ranked,
                top, factor, rest, SPAN,
            )  # fmt: skip
    tl.store(bounds + b * 16 + each, found)


@jit(do_not_specialize=["temperature", "top_k", "top_p", "count"])
def sums_of_bounds(  # type: ignore[no-untyped-def]
    logits,
    temperature,
    top_k,
    top_p,
    bounds,
    highest_logits,
    reached,
    vocabulary,
    count,
    BLOCK: tl.constexpr,
):
    """Write what the tokens of a chunk number or weigh that reach each of sixteen bounds."""
    part = tl.program_id(0)
    b, tokens = chunk_of(part, count, BLOCK)
    if tl.load(bounds + b * 16 + 1) < 2147483647:
        t, k, _share = load_cuts(temperature, top_k, top_p, b, vocabulary)
        factor, rest = factor_of(t)
        x, keys = load_keys(logits, b * vocabulary, tokens, vocabulary)
        weights = weight_of(x, tl.load(highest_logits + b), factor, rest)
        weights = tl.where(tokens < vocabulary, tl.where(k < vocabulary, 1.0, weights), 0.0)
        for i in tl.static_range(16):
            above = keys >= tl.load(bounds + b * 16 + i)
            tl.store(reached + part.to(tl.int64) * 16 + i, sum_of(tl.where(above, weights, 0.0), BLOCK))
