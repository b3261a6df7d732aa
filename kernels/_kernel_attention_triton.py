"""One Triton program for every attention operation on the GPU.

Grid (splits x row tiles, key heads, requests). The M rows of the G query heads that share a key head are
packed to G M rows of one tile, so a key is read once for all of them. ``factor`` makes logits base 2.
"""

from __future__ import annotations

from tightbound.kernels._triton_language import jit, tl


@jit
def rows_at(values, line, step, inside, D: tl.constexpr, MASKED: tl.constexpr, WIDEN: tl.constexpr):  # type: ignore[no-untyped-def]
    """Load rows of D numbers; if MASKED, zeros where not inside."""
    d = tl.arange(0, D)
    if MASKED:
        found = tl.load(values + line[:, None] * step + d[None, :], mask=inside[:, None], other=0.0)
    else:
        found = tl.load(values + line[:, None] * step + d[None, :])
    if WIDEN:
        found = found.to(tl.float32)
    return found


@jit
def weights_of(logits, top, factor):  # type: ignore[no-untyped-def]
    """Return the weights of logits, the highest so far, and what it makes of weights before.

    The highest is rounded once, so that what was added up is not scaled where it stays the same.
    """
    higher = tl.maximum(top, tl.max(logits, 1) * factor)
    shift = tl.where(higher == float("-inf"), 0.0, higher)
    return tl.exp2(logits * factor - shift[:, None]), higher, tl.exp2(top - shift)


@jit
def _add_block(  # type: ignore[no-untyped-def]
    x,
    acc,
    top,
    total,
    k,
    v,
    k_stride,
    v_stride,
    n,
    inside,
    seen,
    factor,
    D: tl.constexpr,
    MASKED: tl.constexpr,
    WIDEN: tl.constexpr,
):
    """Add keys at n to the state of rows x; if MASKED, where inside, for the pairs that are seen."""
    at = n.to(tl.int64)
    keys = rows_at(k, at, k_stride, inside, D, MASKED, WIDEN)
    values = rows_at(v, at, v_stride, inside, D, MASKED, WIDEN)
    logits = tl.dot(x, tl.trans(keys), input_precision="ieee")
    if MASKED:
        logits = tl.where(seen, logits, float("-inf"))
    weights, higher, before = weights_of(logits, top, factor)
    total = total * before + tl.sum(weights, 1)
    acc = acc * before[:, None] + tl.dot(weights.to(values.dtype), values, input_precision="ieee")
    return acc, higher, total


# sizes that change from call to call: compiled once for all of them
_SIZES = ["batch", "rows", "keys", "chosen", "start", "tree_keys", "splits", "window", "sinks"]


@jit(do_not_specialize=_SIZES)
def attention(  # type: ignore[no-untyped-def]
    q,
    k,
    v,
    index,
    tail_start,
    lengths,
    k_tree,
    v_tree,
    mask,
    o,
    lse,
    factor,
    batch,
    rows,
    heads,
    kv_heads,
    keys,
    chosen,
    start,
    tree_keys,
    splits,
    window,
    sinks,
    k_batch,
    k_key,
    k_head,
    v_batch,
    v_key,
    v_head,
    k_tree_batch,
    k_tree_key,
    k_tree_head,
    v_tree_batch,
    v_tree_key,
    v_tree_head,
    D: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    CACHE: tl.constexpr,
    CHOSEN: tl.constexpr,
    RING: tl.constexpr,
    TREE: tl.constexpr,
    HAS_LENGTHS: tl.constexpr,
    HAS_STARTS: tl.constexpr,
    WIDEN: tl.constexpr,
):
    """Write o (S, B, M, H, D) and lse (S, B, M, H).

    CACHE: splits 0, ..., ``splits`` - 1 read the list of keys: all up to ``lengths`` (B,) or ``keys``; with
    CHOSEN those at ``index`` (B, Hk, K), then those from ``tail_start`` (B,) or ``start`` on; with RING the
    slots of a ring of ``keys`` slots, of which the first ``sinks`` stay, after ``lengths`` tokens. TREE: one
    more split reads the tree under its mask.
    """
    programs = splits + 1 if TREE else splits
    s = tl.program_id(0) % programs
    tile = tl.program_id(0) // programs
    h = tl.program_id(1)
    b = tl.program_id(2).to(tl.int64)
    group = heads // kv_heads
    r = tile * BLOCK_M + tl.arange(0, BLOCK_M)
    m = r // group
    live = r < rows * group
    line = (b * rows + m) * heads + h * group + r % group
    d = tl.arange(0, D)
    x = tl.load(q + line[:, None] * D + d[None, :], mask=live[:, None], other=0.0)
    if WIDEN:
        x = x.to(tl.float32)
    acc = tl.zeros([BLOCK_M, D], tl.float32)
    top = tl.full([BLOCK_M], float("-inf"), tl.float32)
    total = tl.zeros([BLOCK_M], tl.float32)

    if CACHE:
        written = tl.zeros([], tl.int32) + keys
        if HAS_LENGTHS:
            written = tl.load(lengths + b).to(tl.int32)
        count = tl.minimum(written, keys)
        tail = tl.zeros([], tl.int32) + start
        if CHOSEN:
            if HAS_STARTS:
                tail = tl.load(tail_start + b).to(tl.int32)
            count = chosen + tl.maximum(count - tail, 0)
        part = (count + splits * 64 - 1) // (splits * 64) * 64
        lo = s * part
        hi = tl.minimum(lo + part, count)
        k_here = k + b * k_batch + h * k_head
        v_here = v + b * v_batch + h * v_head
        full = lo
        if not (CHOSEN or RING):  # whole blocks that all rows see
            full = lo + tl.maximum(hi - lo, 0) // BLOCK_N * BLOCK_N
            for j in range(lo, full, BLOCK_N):
                n = j + tl.arange(0, BLOCK_N)
                acc, top, total = _add_block(
                    x, acc, top, total, k_here, v_here, k_key, v_key, n, live, live, factor, D, False, WIDEN
                )
        for j in range(full, hi, BLOCK_N):
            n = j + tl.arange(0, BLOCK_N)
            inside = n < hi
            at = n
            seen = (live[:, None] & inside[None, :]) != 0
            if CHOSEN:
                listed = (inside & (n < chosen)) != 0
                at = tl.load(index + (b * kv_heads + h) * chosen + n, mask=listed, other=0)
                at = tl.where(n < chosen, at, tail + n - chosen)
            if RING:
                last = written - 1
                held = tl.where(n < sinks, n, last - (last - n) % (keys - sinks))
                now = written - rows + m
                near = (held[None, :] > now[:, None] - window) | (n < sinks)[None, :]
                seen = (seen & (near & (held[None, :] <= now[:, None]))) != 0
            acc, top, total = _add_block(
                x, acc, top, total, k_here, v_here, k_key, v_key, at, inside, seen, factor, D, True, WIDEN
            )

    if TREE:
        end = tl.where(s == splits, tree_keys, 0)
        drawn = mask + b * rows * tree_keys
        k_here = k_tree + b * k_tree_batch + h * k_tree_head
        v_here = v_tree + b * v_tree_batch + h * v_tree_head
        for j in tl.range(0, end, BLOCK_N, num_stages=2):  # more would take the memory of another program
            n = j + tl.arange(0, BLOCK_N)
            inside = n < end
            both = (live[:, None] & inside[None, :]) != 0
            seen = tl.load(drawn + (m * tree_keys)[:, None] + n[None, :], mask=both, other=0) != 0
            acc, top, total = _add_block(
                x, acc, top, total, k_here, v_here, k_tree_key, v_tree_key, n, inside, seen, factor,
                D, True, WIDEN,
            )  # fmt: skip

    empty = total == 0.0
    safe = tl.where(empty, 1.0, total)
    to = line + s.to(tl.int64) * (batch * rows * heads)
    found = (acc / safe[:, None]).to(o.dtype.element_ty)
    tl.store(o + to[:, None] * D + d[None, :], found, mask=live[:, None])
    found_lse = (top + tl.log2(safe)) * 0.6931471805599453
    tl.store(lse + to, tl.where(empty, float("-inf"), found_lse), mask=live)
