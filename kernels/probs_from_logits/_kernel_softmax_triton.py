"""Laws without cuts in two Triton programs per chunk of a row: its sum, then its share of all sums."""

from __future__ import annotations

from tightbound.kernels._triton_language import jit, tl
from tightbound.kernels._triton_ranking import factor_of, load_numbers, weight_of


@jit
def number_at(values, b):  # type: ignore[no-untyped-def]
    """Return the number of row b as float64: of a tensor, or the one of all rows, from its bits."""
    if values.dtype.is_ptr():
        number = tl.load(values + b).to(tl.float64)
    else:
        number = values.to(tl.int64).to(tl.float64, bitcast=True)
    return number


@jit
def finite(top):  # type: ignore[no-untyped-def]
    """Return 0 for the highest of no logits."""
    return tl.where(top > float("-inf"), top, 0.0)


@jit
def scale_of(total):  # type: ignore[no-untyped-def]
    """Return what makes weights probabilities."""
    return (1.0 / tl.where(total > 0.0, total, 1.0)).to(tl.float32)


@jit
def sum_of(weights, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Add up weights, eight at a time in float32."""
    return tl.sum(tl.sum(tl.reshape(weights, [BLOCK // 8, 8]), 1).to(tl.float64), 0)


@jit
def total_of(tops, sums, first, count, factor, rest, COUNT: tl.constexpr):  # type: ignore[no-untyped-def]
    """Return the highest logit of a row and its total, from those of its parts."""
    each = tl.arange(0, COUNT)
    parts = tl.load(tops + first + each, mask=each < count, other=float("-inf"))
    top = finite(tl.max(parts, 0))
    sums = tl.load(sums + first + each, mask=each < count, other=0.0)
    return top, tl.sum(sums * weight_of(parts, top, factor, rest).to(tl.float64), 0)


@jit
def chunk_of(part, count, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Return the row and the tokens of a chunk; a row has ``count``."""
    return (part // count).to(tl.int64), part % count * BLOCK + tl.arange(0, BLOCK)


@jit(do_not_specialize=["temperature", "count"])
def sums_of_chunks(logits, temperature, tops, sums, vocabulary, count, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Write the highest logit of every chunk, and its sum of weights relative to that."""
    part = tl.program_id(0)
    b, tokens = chunk_of(part, count, BLOCK)
    x = load_numbers(logits, b * vocabulary, tokens, vocabulary)
    factor, rest = factor_of(number_at(temperature, b))
    top = tl.max(x, 0)
    tl.store(tops + part, top)
    tl.store(sums + part, sum_of(weight_of(x, finite(top), factor, rest), BLOCK))


@jit(do_not_specialize=["temperature", "count"])
def write_laws(  # type: ignore[no-untyped-def]
    logits,
    temperature,
    out,
    tops,
    sums,
    vocabulary,
    count,
    COUNT: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write a chunk of a law without cuts."""
    part = tl.program_id(0)
    b, tokens = chunk_of(part, count, BLOCK)
    x = load_numbers(logits, b * vocabulary, tokens, vocabulary)
    factor, rest = factor_of(number_at(temperature, b))
    top, total = total_of(tops, sums, b * count, count, factor, rest, COUNT)
    scale = scale_of(total)
    p = weight_of(x, top, factor, rest) * scale
    tl.store(out + b * vocabulary + tokens, p, mask=tokens < vocabulary)
