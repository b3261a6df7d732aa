"""One layer of a beam tree in Triton: the w best chunks, the best of each of these, the best of those."""

from __future__ import annotations

from typing import Any

from tightbound.kernels._inputs import to_numbers, to_tensor
from tightbound.kernels._triton_inverse_cdf import power_of_two
from tightbound.kernels._triton_language import jit, tl

BLOCK = 4096


@jit
def following(scores, index, score, at):  # type: ignore[no-untyped-def]
    """Return the best (score, index) of a block that ranks after the given one, else the largest index."""
    after = ((scores < score) | ((scores == score) & (index > at))) != 0
    after = (after & (scores > float("-inf"))) != 0
    best = tl.max(tl.where(after, scores, float("-inf")), 0)
    first = tl.min(tl.where((after & (scores == best)) != 0, index, 9223372036854775807), 0)
    return best, first


@jit
def better_of(best, first, score, at):  # type: ignore[no-untyped-def]
    """Return the pair (score, index) that ranks first of two."""
    better = ((score > best) | ((score == best) & (at < first))) != 0
    return tl.where(better, score, best), tl.where(better, at, first)


@jit
def load_sums(logq, cum, row, tokens, vocabulary):  # type: ignore[no-untyped-def]
    """Return the log-probabilities of continuations, minus infinity for NaN and past the end."""
    x = tl.load(logq + row * vocabulary + tokens, mask=tokens < vocabulary, other=float("-inf")).to(
        tl.float32
    )
    return tl.load(cum + row).to(tl.float64) + tl.where(x == x, x, float("-inf")).to(tl.float64)


@jit
def highest_of_chunks(logq, cum, highest, vocabulary, chunks, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Write the best of one chunk of one row."""
    row = tl.program_id(0).to(tl.int64)
    chunk = tl.program_id(1)
    total = load_sums(logq, cum, row, chunk * BLOCK + tl.arange(0, BLOCK), vocabulary)
    tl.store(highest + row * chunks + chunk, tl.max(total, 0))


@jit
def best_chunks(highest, wanted, least, count, w, m, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Write the m best chunks of one request, and how good w continuations are at least."""
    b = tl.program_id(0).to(tl.int64)
    score, at = tl.full([], float("inf"), tl.float64), tl.full([], -1, tl.int64)
    for i in range(0, m):
        best, first = tl.full([], float("-inf"), tl.float64), tl.full([], 9223372036854775807, tl.int64)
        for low in range(0, count, BLOCK):
            each = low + tl.arange(0, BLOCK)
            s = tl.load(highest + b * count + each, mask=each < count, other=float("-inf"))
            best, first = better_of(best, first, *following(s, each.to(tl.int64), score, at))
        score, at = best, first
        tl.store(wanted + b * m + i, tl.where(score > float("-inf"), at, -1).to(tl.int32))
    tl.store(least + b, tl.where(m == w, score, float("-inf")))


@jit
def best_of_chunks(  # type: ignore[no-untyped-def]
    logq,
    cum,
    wanted,
    least,
    scores,
    index,
    rows,
    vocabulary,
    kept,
    chunks,
    KEPT: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write the ``kept`` best continuations in one of the best chunks, less those that cannot be wanted."""
    b = tl.program_id(0).to(tl.int64)
    program = b * tl.num_programs(1) + tl.program_id(1)
    out = program * kept
    chosen = tl.load(wanted + program)
    row = tl.maximum(chosen, 0) // chunks
    tokens = tl.where(chosen >= 0, tl.maximum(chosen, 0) % chunks * BLOCK, vocabulary) + tl.arange(0, BLOCK)
    total = load_sums(logq, cum, b * rows + row, tokens, vocabulary)
    flat = row.to(tl.int64) * vocabulary + tokens
    good = ((total >= tl.load(least + b)) & (total > float("-inf"))) != 0
    number = tl.sum(good.to(tl.int32), 0)
    slots = tl.arange(0, KEPT)
    none = ((slots >= number) & (slots < kept)) != 0
    tl.store(scores + out + slots, tl.full([KEPT], float("-inf"), tl.float64), mask=none)
    tl.store(index + out + slots, tl.full([KEPT], 9223372036854775807, tl.int64), mask=none)
    if number <= kept:
        order = tl.cumsum(good.to(tl.int32), 0) - 1
        tl.store(scores + out + order, total, mask=good)
        tl.store(index + out + order, flat, mask=good)
    else:
        score, at = tl.full([], float("inf"), tl.float64), tl.full([], -1, tl.int64)
        for i in range(0, kept):
            score, at = following(total, flat, score, at)
            tl.store(scores + out + i, score)
            tl.store(index + out + i, at)


@jit
def best_of_all(scores, index, tokens, parents, found, count, vocabulary, w, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Write the w best of the ``count`` that chunks of one request have left, in order."""
    b = tl.program_id(0).to(tl.int64)
    score, at = tl.full([], float("inf"), tl.float64), tl.full([], -1, tl.int64)
    for i in range(0, w):
        best, first = tl.full([], float("-inf"), tl.float64), tl.full([], 9223372036854775807, tl.int64)
        for low in range(0, count, BLOCK):
            each = low + tl.arange(0, BLOCK)
            s = tl.load(scores + b * count + each, mask=each < count, other=float("-inf"))
            j = tl.load(index + b * count + each, mask=each < count, other=0)
            best, first = better_of(best, first, *following(s, j, score, at))
        score, at = best, first
        some = score > float("-inf")
        out = b * w + i
        tl.store(tokens + out, tl.where(some, at % vocabulary, -1).to(tl.int32))
        tl.store(parents + out, tl.where(some, at // vocabulary, -1).to(tl.int32))
        tl.store(found + out, score)


def beam_tree_step(logq: Any, cum: Any, w: int) -> tuple[Any, Any, Any]:
    """Rank on the GPU; arguments have been checked."""
    import torch

    x, before = to_tensor("logq", logq), to_numbers("cum", cum)
    if x.dtype == torch.float64:
        raise TypeError("logq has dtype float64: backend 'triton' reads float32, float16 and bfloat16")
    batch, rows, vocabulary = x.shape
    tokens, parents = (torch.empty((batch, w), dtype=torch.int32, device=x.device) for _ in range(2))
    found = torch.empty((batch, w), dtype=torch.float64, device=x.device)
    if batch:
        block = min(BLOCK, max(16, power_of_two(vocabulary)))
        chunks = -(-vocabulary // block)
        count, kept = rows * chunks, min(w, block)
        m = min(w, count)  # as many chunks hold the w best
        highest, least = found.new_empty((batch, count)), found.new_empty(batch)
        wanted = tokens.new_empty((batch, m))
        scores = found.new_empty((batch, m * kept))
        index = torch.empty(scores.shape, dtype=torch.int64, device=x.device)
        highest_of_chunks[(batch * rows, chunks)](x, before, highest, vocabulary, chunks, BLOCK=block)
        best_chunks[(batch,)](highest, wanted, least, count, w, m, **_over(count))
        best_of_chunks[(batch, m)](
            x, before, wanted, least, scores, index, rows, vocabulary, kept, chunks,
            KEPT=power_of_two(kept), BLOCK=block,
        )  # fmt: skip
        count = scores.shape[1]
        best_of_all[(batch,)](scores, index, tokens, parents, found, count, vocabulary, w, **_over(count))
    return tokens, parents, found


def _over(count: int) -> dict[str, int]:
    block = min(2 * BLOCK, max(16, power_of_two(count)))
    return {"BLOCK": block, "num_warps": max(1, min(16, block // 256))}


_TYPES = {"logq": "*fp32", "cum": "*fp32", "scores": "*fp64", "found": "*fp64", "index": "*i64"}
_TYPES |= {"highest": "*fp64", "least": "*fp64"}
_TYPES |= dict.fromkeys(("tokens", "parents", "wanted"), "*i32")
_TYPES |= dict.fromkeys(("rows", "vocabulary", "w", "m", "kept", "chunks", "count"), "i32")
VARIANTS = [
    ("highest", highest_of_chunks, _TYPES, {"BLOCK": BLOCK}, {"num_warps": 4}),
    ("best chunks", best_chunks, _TYPES, {"BLOCK": 512}, {"num_warps": 2}),
    ("chunks", best_of_chunks, _TYPES, {"KEPT": 16, "BLOCK": BLOCK}, {"num_warps": 4}),
    ("all", best_of_all, _TYPES, {"BLOCK": 256}, {"num_warps": 1}),
]
