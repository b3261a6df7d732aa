"""Probabilities from logits in Triton, one program per row."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.kernels._inputs import is_tensor, to_numbers, to_tensor
from tightbound.kernels._triton_inverse_cdf import power_of_two
from tightbound.kernels._triton_language import jit, tl
from tightbound.kernels._triton_ranking import find_cut, load_keys, ranks_before, weight_of, write_places

BLOCK = 2048  # tokens at a time of a search for a cut: what registers hold
PLAIN = 4096  # without cuts
WARPS = 32  # all threads that a program can have: a row is read by one


@jit
def total_weight(logits, base, vocabulary, top, inverse, key, last, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Add up the weights of the tokens within a cut."""
    sums = tl.zeros([BLOCK], tl.float64)
    for low in range(0, vocabulary, BLOCK):
        tokens = low + tl.arange(0, BLOCK)
        x, keys = load_keys(logits, base, tokens, vocabulary)
        kept = ranks_before(keys, tokens, vocabulary, key, last)
        sums += tl.where(kept, weight_of(x, top, inverse), 0.0)
    return tl.sum(sums, 0)


@jit
def keep(logits, base, vocabulary, key, last, values, places, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Write what a cut leaves, at most BLOCK tokens, and where it stood; return how many there are."""
    count = write_places(logits, base, vocabulary, key, last, places, BLOCK)
    tl.debug_barrier()  # threads read what others wrote
    each = tl.arange(0, BLOCK)
    place = tl.load(places + each, mask=each < count, other=0)
    x, _keys = load_keys(logits, base, place, vocabulary)
    tl.store(values + each, x, mask=each < count)
    tl.debug_barrier()
    return count


@jit
def cut_share(values, base, size, top, inverse, key, last, share, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Return the cut that leaves a share of what another leaves, and the weight of what it leaves."""
    least = share * total_weight(values, base, size, top, inverse, key, last, BLOCK)
    first, end = find_cut(values, base, size, top, inverse, key, last, least, False, BLOCK)
    key = tl.where(share < 1.0, first, key)
    last = tl.where(share < 1.0, end, last)
    return key, last, total_weight(values, base, size, top, inverse, key, last, BLOCK)


@jit
def normalise(  # type: ignore[no-untyped-def]
    logits,
    temperature,
    top_k,
    top_p,
    out,
    values,
    places,
    vocabulary,
    HAS_K: tl.constexpr,
    HAS_P: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write the law of one row.

    Where top-k leaves at most BLOCK tokens, these are copied to ``values`` and ``places`` (rows, BLOCK), and
    the search for top-p looks at nothing else.
    """
    b = tl.program_id(0)
    base = b.to(tl.int64) * vocabulary
    t = tl.load(temperature + b).to(tl.float64)
    k = tl.where(t == 0.0, 1.0, tl.load(top_k + b).to(tl.float64))
    k = tl.where(k == 0.0, tl.zeros([], tl.float64) + vocabulary, k)
    inverse = 1.0 / tl.where(t == 0.0, 1.0, t)
    share = tl.load(top_p + b).to(tl.float64)
    wide: tl.constexpr = 4 * BLOCK  # nothing else is in registers yet: more bytes on their way
    highest = tl.full([wide], float("-inf"), tl.float32)
    for low in range(0, vocabulary, wide):
        x, _keys = load_keys(logits, base, low + tl.arange(0, wide), vocabulary)
        highest = tl.maximum(highest, x)
    best = tl.max(highest, 0)
    top = tl.where(best > float("-inf"), best, 0.0).to(tl.float64)
    key = tl.full([], -2147483648, tl.int32)
    last = tl.zeros([], tl.int32) + vocabulary
    if HAS_K:
        key, last = find_cut(logits, base, vocabulary, top, inverse, key, last, k, True, BLOCK)
    total = tl.zeros([], tl.float64)
    if not HAS_P:
        total = total_weight(logits, base, vocabulary, top, inverse, key, last, BLOCK)
    elif HAS_K:
        if k <= BLOCK:
            mine = b.to(tl.int64) * BLOCK
            count = keep(logits, base, vocabulary, key, last, values + mine, places + mine, BLOCK)
            lowest = tl.full([], -2147483648, tl.int32)
            first, end, total = cut_share(values, mine, count, top, inverse, lowest, count, share, BLOCK)
            place = tl.load(places + mine + tl.minimum(end, count - 1))
            last = tl.where(first == lowest, last, tl.where(first > key, place, tl.minimum(place, last)))
            key = tl.maximum(first, key)
        else:
            key, last, total = cut_share(logits, base, vocabulary, top, inverse, key, last, share, BLOCK)
    else:
        key, last, total = cut_share(logits, base, vocabulary, top, inverse, key, last, share, BLOCK)
    scale = 1.0 / tl.where(total > 0.0, total, 1.0)
    for low in range(0, vocabulary, BLOCK):
        tokens = low + tl.arange(0, BLOCK)
        x, keys = load_keys(logits, base, tokens, vocabulary)
        kept = ranks_before(keys, tokens, vocabulary, key, last)
        p = tl.where(kept, weight_of(x, top, inverse) * scale, 0.0)
        tl.store(out + base + tokens, p.to(tl.float32), mask=tokens < vocabulary)


def probs_from_logits(logits: Any, temperature: Any, top_k: Any, top_p: Any) -> Any:
    """Rows on the GPU; parameters (rows,) have been checked."""
    import torch

    rows = to_tensor("logits", logits)
    if rows.dtype == torch.float64:
        raise TypeError("logits has dtype float64: backend 'triton' reads float32, float16 and bfloat16")
    given = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    # whether a cut is needed is only known of numbers that came from the CPU
    has_k = is_tensor(temperature) or is_tensor(top_k) or bool(np.any((temperature == 0.0) | (top_k > 0)))
    has_p = is_tensor(top_p) or bool(np.any(top_p < 1.0))
    numbers = np.array([a for a in given.values() if not is_tensor(a)], np.float64)
    sent = iter(torch.as_tensor(numbers, device=rows.device))  # in one transfer
    t, k, share = (to_numbers(name, a) if is_tensor(a) else next(sent) for name, a in given.items())
    out = torch.empty(rows.shape, dtype=torch.float32, device=rows.device)
    vocabulary = rows.shape[1]
    if len(rows):
        block = min(BLOCK if has_k or has_p else PLAIN, max(16, power_of_two(vocabulary)))
        kept = (len(rows), block if has_k and has_p else 0)
        values, places = out.new_empty(kept), torch.empty(kept, dtype=torch.int32, device=rows.device)
        normalise[(len(rows),)](
            rows, t, k, share, out, values, places, vocabulary,
            HAS_K=has_k, HAS_P=has_p, BLOCK=block, num_warps=WARPS,
        )  # fmt: skip
    return out


_TYPES = {"logits": "*fp32", "temperature": "*fp64", "top_k": "*fp64", "top_p": "*fp64", "out": "*fp32"}
_TYPES |= {"values": "*fp32", "places": "*i32", "vocabulary": "i32"}
VARIANTS = [
    (
        f"{name}, {kind}",
        normalise,
        _TYPES | {"logits": kind, "top_k": index},
        {"HAS_K": cuts, "HAS_P": cuts, "BLOCK": BLOCK if cuts else PLAIN},
        {"num_warps": WARPS},
    )
    for name, kind, index, cuts in (
        ("softmax", "*bf16", "*fp64", False),
        ("top-k and top-p", "*fp32", "*i64", True),
    )
]
