"""One layer of a beam tree in Triton: the best of every chunk, then the best of those."""

from __future__ import annotations

from typing import Any

from tightbound.kernels._inputs import to_tensor
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
def best_of_chunks(logq, cum, scores, index, rows, vocabulary, w, chunks, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Write the w best continuations in one chunk of one row, in order."""
    row = tl.program_id(0).to(tl.int64)
    chunk = tl.program_id(1)
    tokens = chunk * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(logq + row * vocabulary + tokens, mask=tokens < vocabulary, other=float("-inf")).to(
        tl.float32
    )
    x = tl.where(x == x, x, float("-inf"))
    total = tl.load(cum + row) + x.to(tl.float64)
    flat = (row % rows) * vocabulary + tokens
    score, at = tl.full([], float("inf"), tl.float64), tl.full([], -1, tl.int64)
    out = (row * chunks + chunk) * w
    for i in range(0, w):
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
            top, place = following(s, j, score, at)
            better = ((top > best) | ((top == best) & (place < first))) != 0
            first = tl.where(better, place, first)
            best = tl.where(better, top, best)
        score, at = best, first
        some = score > float("-inf")
        out = b * w + i
        tl.store(tokens + out, tl.where(some, at % vocabulary, -1).to(tl.int32))
        tl.store(parents + out, tl.where(some, at // vocabulary, -1).to(tl.int32))
        tl.store(found + out, score)


def beam_tree_step(logq: Any, cum: Any, w: int) -> tuple[Any, Any, Any]:
    """Rank on the GPU; arguments have been checked."""
    import torch

    x, before = to_tensor("logq", logq), to_tensor("cum", cum, "float64")
    if x.dtype == torch.float64:
        raise TypeError("logq has dtype float64: backend 'triton' reads float32, float16 and bfloat16")
    batch, rows, vocabulary = x.shape
    tokens, parents = (torch.empty((batch, w), dtype=torch.int32, device=x.device) for _ in range(2))
    found = before.new_empty((batch, w))
    if batch:
        block = min(BLOCK, max(16, power_of_two(vocabulary)))
        chunks = -(-vocabulary // block)
        kept = min(w, block)
        scores = before.new_empty((batch, rows * chunks * kept))
        index = torch.empty(scores.shape, dtype=torch.int64, device=x.device)
        best_of_chunks[(batch * rows, chunks)](
            x, before, scores, index, rows, vocabulary, kept, chunks, BLOCK=block
        )
        count = scores.shape[1]
        every = min(BLOCK, max(16, power_of_two(count)))
        best_of_all[(batch,)](scores, index, tokens, parents, found, count, vocabulary, w, BLOCK=every)
    return tokens, parents, found


_TYPES = {"logq": "*fp32", "cum": "*fp64", "scores": "*fp64", "found": "*fp64", "index": "*i64"}
_TYPES |= {"tokens": "*i32", "parents": "*i32"}
_TYPES |= dict.fromkeys(("rows", "vocabulary", "w", "chunks", "count"), "i32")
VARIANTS = [
    ("chunks", best_of_chunks, _TYPES, {"BLOCK": BLOCK}, {"num_warps": 4}),
    ("all", best_of_all, _TYPES, {"BLOCK": BLOCK}, {"num_warps": 4}),
]
