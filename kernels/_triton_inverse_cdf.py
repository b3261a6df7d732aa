"""Draws by inverse distribution function in Triton: sums over chunks of a row, then a search in one chunk.

Everything is added up in float64: memory, not arithmetic, is what these kernels wait for, and the tokens are
then those of the reference.
"""

from __future__ import annotations

from tightbound.kernels._triton_language import jit, tl

CHUNK = 4096  # tokens whose weights one program adds up


@jit
def load_law(pointer, offsets, mask):  # type: ignore[no-untyped-def]
    # by way of float32, since bfloat16 arithmetic is wrong in the interpreter
    return tl.load(pointer + offsets, mask=mask, other=0.0).to(tl.float32).to(tl.float64)


@jit
def positive(x):  # type: ignore[no-untyped-def]
    # what is above zero
    return tl.where(x > 0.0, x, 0.0)


@jit
def find_chunk(sums, index, u):  # type: ignore[no-untyped-def]
    # chunk in which the threshold u * total falls, and what is left of it there; -1 without any mass
    upto = tl.cumsum(sums, 0)
    threshold = u * tl.sum(sums, 0)
    positive = sums > 0.0
    last = tl.max(tl.where(positive, index, -1), 0)
    first = tl.min(tl.where((positive & (upto > threshold)) != 0, index, 2147483647), 0)
    chunk = tl.minimum(first, last)
    before = tl.sum(tl.where(index < chunk, sums, 0.0), 0)
    return chunk, threshold - before


@jit
def find_token(weights, tokens, rest):  # type: ignore[no-untyped-def]
    # first token whose cumulative weight exceeds ``rest``, the last with positive weight if none does
    upto = tl.cumsum(weights, 0)
    positive = weights > 0.0
    last = tl.max(tl.where(positive, tokens, -1), 0)
    first = tl.min(tl.where((positive & (upto > rest)) != 0, tokens, 2147483647), 0)
    return tl.minimum(first, last)


def power_of_two(number: int) -> int:
    """Return the smallest power of two that is not below a number."""
    return 1 << max(number - 1, 0).bit_length()


def chunks(vocabulary: int) -> tuple[int, int, int]:
    """Return the number of chunks of a row, it rounded up to a power of two, and the tokens of a chunk."""
    size = min(CHUNK, max(16, power_of_two(vocabulary)))
    count = -(-vocabulary // size)
    return count, max(2, power_of_two(count)), size
