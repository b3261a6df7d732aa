"""Attention mass in Triton: the log-sum-exps of rows over splits of the keys, then the share of every key.

Grid (splits or blocks of keys, key heads, requests). The rows of the query heads that share a key head are
packed, as in `tightbound.kernels._kernel_attention_triton`; ``factor`` makes logits base 2.
"""

from __future__ import annotations

from tightbound.kernels._kernel_attention_triton import rows_at, weights_of
from tightbound.kernels._triton_language import jit, tl


@jit
def _count(lengths, b, all_keys, HAS_LENGTHS: tl.constexpr):  # type: ignore[no-untyped-def]
    """Return the number of keys of request b."""
    count = tl.zeros([], tl.int32) + all_keys
    if HAS_LENGTHS:
        count = tl.minimum(tl.load(lengths + b).to(tl.int32), all_keys)
    return count


@jit
def _add_logits(  # type: ignore[no-untyped-def]
    x, top, total, k, k_key, n, hi, newest, factor, D: tl.constexpr, MASKED: tl.constexpr, WIDEN: tl.constexpr
):
    """Add the logits of rows x on keys n to top and total, the log-sum-exp so far; not those past newest."""
    keys = rows_at(k, n.to(tl.int64), k_key, n < hi, D, MASKED, WIDEN)
    logits = tl.dot(x, tl.trans(keys), input_precision="ieee")
    if MASKED:
        seen = ((n < hi)[None, :] & (n[None, :] <= newest[:, None])) != 0
        logits = tl.where(seen, logits, float("-inf"))
    weights, higher, before = weights_of(logits, top, factor)
    return higher, total * before + tl.sum(weights, 1)


@jit(do_not_specialize=["batch", "rows", "all_keys", "splits"])
def attention_sums(  # type: ignore[no-untyped-def]
    q,
    k,
    lengths,
    lse,
    factor,
    batch,
    rows,
    heads,
    kv_heads,
    all_keys,
    splits,
    k_batch,
    k_key,
    k_head,
    D: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    HAS_LENGTHS: tl.constexpr,
    WIDEN: tl.constexpr,
):
    """Write the log-sum-exp of base 2 of every row over every split (S, B, M, H)."""
    s = tl.program_id(0) % splits
    h = tl.program_id(1)
    b = tl.program_id(2).to(tl.int64)
    group = heads // kv_heads
    r = tl.program_id(0) // splits * BLOCK_M + tl.arange(0, BLOCK_M)
    m = r // group
    live = r < rows * group
    line = (b * rows + m) * heads + h * group + r % group
    count = _count(lengths, b, all_keys, HAS_LENGTHS)
    part = (count + splits * BLOCK_N - 1) // (splits * BLOCK_N) * BLOCK_N
    lo = s * part
    hi = tl.minimum(lo + part, count)
    newest = count - rows + m
    # whole blocks that the oldest row sees too
    full = lo + tl.maximum(tl.minimum(hi, count - rows + 1) - lo, 0) // BLOCK_N * BLOCK_N
    here = k + b * k_batch + h * k_head
    x = rows_at(q, line, D, live, D, True, WIDEN)
    top = tl.full([BLOCK_M], float("-inf"), tl.float32)
    total = tl.zeros([BLOCK_M], tl.float32)
    for j in range(lo, full, BLOCK_N):
        n = j + tl.arange(0, BLOCK_N)
        top, total = _add_logits(x, top, total, here, k_key, n, hi, newest, factor, D, False, WIDEN)
    for j in range(full, hi, BLOCK_N):
        n = j + tl.arange(0, BLOCK_N)
        top, total = _add_logits(x, top, total, here, k_key, n, hi, newest, factor, D, True, WIDEN)
    empty = total == 0.0
    found = top + tl.log2(tl.where(empty, 1.0, total))
    to = line + s.to(tl.int64) * (batch * rows * heads)
    tl.store(lse + to, tl.where(empty, float("-inf"), found), mask=live)


@jit(do_not_specialize=["splits", "rows"])
def merge_sums(lse, merged, splits, rows, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Write the log-sum-exp of base 2 of some of all rows over all splits."""
    row = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    top = tl.full([BLOCK], float("-inf"), tl.float32)
    total = tl.zeros([BLOCK], tl.float32)
    for s in range(0, splits):
        here = tl.load(lse + s * rows + row, mask=row < rows, other=float("-inf"))
        higher = tl.maximum(top, here)
        shift = tl.where(higher == float("-inf"), 0.0, higher)
        total = total * tl.exp2(top - shift) + tl.exp2(here - shift)
        top = higher
    tl.store(merged + row, top + tl.log2(tl.where(total == 0.0, 1.0, total)), mask=row < rows)


@jit(do_not_specialize=["rows", "all_keys", "candidates"])
def attention_shares(  # type: ignore[no-untyped-def]
    q,
    k,
    lengths,
    lse,
    mass,
    factor,
    rows,
    heads,
    kv_heads,
    all_keys,
    candidates,
    k_batch,
    k_key,
    k_head,
    D: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    HAS_LENGTHS: tl.constexpr,
    WIDEN: tl.constexpr,
):
    """Write the mass (B, Hk, C) of a block of candidates: the rows of a tile, so that threads add up."""
    h = tl.program_id(1)
    b = tl.program_id(2).to(tl.int64)
    group = heads // kv_heads
    n = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    inside = n < candidates
    newest = _count(lengths, b, all_keys, HAS_LENGTHS) - rows
    keys = rows_at(k + b * k_batch + h * k_head, n.to(tl.int64), k_key, inside, D, True, WIDEN)
    total = tl.zeros([BLOCK_N], tl.float32)
    for first in range(0, rows * group, BLOCK_M):
        r = first + tl.arange(0, BLOCK_M)
        m = r // group
        live = r < rows * group
        line = (b * rows + m) * heads + h * group + r % group
        x = rows_at(q, line, D, live, D, True, WIDEN)
        row_lse = tl.load(lse + line, mask=live, other=float("inf"))
        logits = tl.dot(keys, tl.trans(x), input_precision="ieee")
        logits = tl.where(n[:, None] <= (newest + m)[None, :], logits, float("-inf"))
        total += tl.sum(tl.exp2(logits * factor - row_lse[None, :]), 1)
    tl.store(mass + (b * kv_heads + h) * candidates + n, total / rows, mask=inside)
