"""Attention of a window in Triton programs, selection without sorting in one program per row."""

from __future__ import annotations

from typing import Any

from tightbound.kernels._attention_arguments import Sizes
from tightbound.kernels._attention_triton import LOG2E, as_integers, as_tensor, blocks, computed, tensors
from tightbound.kernels._triton_inverse_cdf import power_of_two
from tightbound.kernels._triton_language import jit, tl
from tightbound.kernels._triton_ranking import find_cut, write_places

BLOCK = 4096
WARPS = 32  # all threads that a program can have: a row is read by one


@jit
def _rows_of(values, line, step, inside, D: tl.constexpr, WIDEN: tl.constexpr):  # type: ignore[no-untyped-def]
    """Load rows of D numbers."""
    d = tl.arange(0, D)
    found = tl.load(values + line[:, None] * step + d[None, :], mask=inside[:, None], other=0.0)
    if WIDEN:
        found = found.to(tl.float32)
    return found


@jit
def _logits(x, keys, live, m, n, count, rows, factor):  # type: ignore[no-untyped-def]
    """Return base-2 logits of a tile of rows on a block of keys, -inf where a row does not see a key."""
    seen = (live[:, None] & (n[None, :] <= (count - rows + m)[:, None])) != 0
    return tl.where(seen, tl.dot(x, tl.trans(keys), input_precision="ieee") * factor, float("-inf"))


@jit
def _count(lengths, b, all_keys, HAS_LENGTHS: tl.constexpr):  # type: ignore[no-untyped-def]
    """Return the number of keys of request b."""
    count = tl.zeros([], tl.int32) + all_keys
    if HAS_LENGTHS:
        count = tl.minimum(tl.load(lengths + b).to(tl.int32), all_keys)
    return count


@jit
def attention_sums(  # type: ignore[no-untyped-def]
    q,
    k,
    lengths,
    lse,
    factor,
    rows,
    heads,
    kv_heads,
    all_keys,
    k_batch,
    k_key,
    k_head,
    D: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    HAS_LENGTHS: tl.constexpr,
    WIDEN: tl.constexpr,
):
    """Write the log-sum-exp of base 2 of every row (B, M, H)."""
    h = tl.program_id(1)
    b = tl.program_id(2).to(tl.int64)
    group = heads // kv_heads
    r = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    m = r // group
    live = r < rows * group
    line = (b * rows + m) * heads + h * group + r % group
    count = _count(lengths, b, all_keys, HAS_LENGTHS)
    here = k + b * k_batch + h * k_head
    x = _rows_of(q, line, D, live, D, WIDEN)
    top = tl.full([BLOCK_M], float("-inf"), tl.float32)
    total = tl.zeros([BLOCK_M], tl.float32)
    for j in range(0, count, BLOCK_N):
        n = j + tl.arange(0, BLOCK_N)
        keys = _rows_of(here, n.to(tl.int64), k_key, n < count, D, WIDEN)
        logits = _logits(x, keys, live, m, n, count, rows, factor)
        higher = tl.maximum(top, tl.max(logits, 1))
        shift = tl.where(higher == float("-inf"), 0.0, higher)
        total = total * tl.exp2(top - shift) + tl.sum(tl.exp2(logits - shift[:, None]), 1)
        top = higher
    tl.store(lse + line, top + tl.log2(tl.where(total == 0.0, 1.0, total)), mask=live)


@jit
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
    """Write the mass (B, Hk, C) of a block of candidates."""
    h = tl.program_id(1)
    b = tl.program_id(2).to(tl.int64)
    group = heads // kv_heads
    n = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    inside = n < candidates
    count = _count(lengths, b, all_keys, HAS_LENGTHS)
    keys = _rows_of(k + b * k_batch + h * k_head, n.to(tl.int64), k_key, inside, D, WIDEN)
    total = tl.zeros([BLOCK_N], tl.float32)
    for first in range(0, rows * group, BLOCK_M):
        r = first + tl.arange(0, BLOCK_M)
        m = r // group
        live = r < rows * group
        line = (b * rows + m) * heads + h * group + r % group
        x = _rows_of(q, line, D, live, D, WIDEN)
        logits = _logits(x, keys, live, m, n, count, rows, factor)
        row_lse = tl.load(lse + line, mask=live, other=0.0)
        total += tl.sum(tl.exp2(logits - row_lse[:, None]), 0)
    tl.store(mass + (b * kv_heads + h) * candidates + n, total / rows, mask=inside)


@jit
def select(mass, chosen, size, number, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Write the ``number`` best of one row, in the order of their places."""
    row = tl.program_id(0).to(tl.int64)
    zero, one = tl.zeros([], tl.float64), tl.full([], 1.0, tl.float64)
    everything, end = tl.full([], -2147483648, tl.int32), tl.zeros([], tl.int32) + size
    base, least = row * size, zero + number
    key, last = find_cut(mass, base, size, zero, one, everything, end, least, True, BLOCK)
    write_places(mass, base, size, key, last, chosen + row * number, BLOCK)


def _variants() -> list[Any]:
    found = []
    for kind, dim, rows in (("fp16", 128, 64), ("fp32", 128, 64)):
        launch = blocks(rows, dim, 4 if kind == "fp32" else 2)
        options = {name: launch.pop(name) for name in ("num_warps", "num_stages")}
        types = dict.fromkeys(("q", "k"), f"*{kind}:16") | {"lengths": "*i32:16", "factor": "fp32"}
        types |= dict.fromkeys(("lse", "mass"), "*fp32:16")
        types |= dict.fromkeys(("rows", "heads", "kv_heads", "all_keys", "candidates"), "i32")
        types |= dict.fromkeys(("k_batch", "k_key", "k_head"), "i64:16")
        constants = {"D": dim, "HAS_LENGTHS": True, "WIDEN": False} | launch
        name = f"{kind} D={dim} BLOCK_M={launch['BLOCK_M']}"
        found.append((f"sums {name}", attention_sums, types, constants, options))
        found.append((f"shares {name}", attention_shares, types, constants, options))
    types = {"mass": "*fp32", "chosen": "*i32", "size": "i32", "number": "i32"}
    found.append(("select", select, types, {"BLOCK": BLOCK}, {"num_warps": WARPS}))
    return found


VARIANTS = _variants()


def attention_mass(
    q: Any, k: Any, kv_len: Any, n: Sizes, candidates: int, scale: float, storage: str | None
) -> Any:
    """Return the mass of every candidate; see `tightbound.kernels.topk_select.attention_mass`."""
    import torch

    q, k = tensors({"q": q, "k": k}, n, storage)
    q, given = q.contiguous(), as_integers("kv_len", kv_len, q, (n.batch,))
    lengths = q if given is None else given
    launch = blocks(n.rows * n.group, n.dim, q.element_size())
    lse = torch.empty((n.batch, n.rows, n.heads), dtype=torch.float32, device=q.device)
    mass = torch.empty((n.batch, n.kv_heads, candidates), dtype=torch.float32, device=q.device)
    if not candidates:
        return mass
    flags = {"D": n.dim, "HAS_LENGTHS": given is not None, "WIDEN": computed(q.dtype) != q.dtype}
    sizes, strides = (n.rows, n.heads, n.kv_heads, n.keys), k.stride()[:3]
    tiles = -(-n.rows * n.group // launch["BLOCK_M"])
    attention_sums[(tiles, n.kv_heads, n.batch)](
        q, k, lengths, lse, scale * LOG2E, *sizes, *strides, **flags, **launch
    )
    attention_shares[(-(-candidates // launch["BLOCK_N"]), n.kv_heads, n.batch)](
        q, k, lengths, lse, mass, scale * LOG2E, *sizes, candidates, *strides, **flags, **launch
    )
    return mass


def topk_select(mass: Any, num_keys: int) -> Any:
    """Return the keys of largest mass; see `tightbound.kernels.topk_select.topk_select`."""
    import torch

    scores = as_tensor("mass", mass).contiguous()
    size = scores.shape[-1]
    number = min(num_keys, size)
    chosen = torch.empty((*scores.shape[:-1], number), dtype=torch.int32, device=scores.device)
    if chosen.numel():
        block = min(BLOCK, max(16, power_of_two(size)))
        select[(chosen.numel() // number,)](scores, chosen, size, number, BLOCK=block, num_warps=WARPS)
    return chosen
