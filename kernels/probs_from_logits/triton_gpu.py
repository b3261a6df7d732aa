"""Probabilities from logits in Triton, one program per row."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.kernels._inputs import is_tensor, to_numbers, to_tensor
from tightbound.kernels._triton_inverse_cdf import power_of_two
from tightbound.kernels._triton_language import jit, tl
from tightbound.kernels._triton_ranking import find_cut, load_keys, ranks_before, weight_of

BLOCK = 2048
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
def normalise(  # type: ignore[no-untyped-def]
    logits,
    temperature,
    top_k,
    top_p,
    out,
    vocabulary,
    HAS_K: tl.constexpr,
    HAS_P: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write the law of one row."""
    b = tl.program_id(0)
    base = b.to(tl.int64) * vocabulary
    t = tl.load(temperature + b).to(tl.float64)
    k = tl.where(t == 0.0, 1.0, tl.load(top_k + b).to(tl.float64))
    k = tl.where(k == 0.0, tl.zeros([], tl.float64) + vocabulary, k)
    inverse = 1.0 / tl.where(t == 0.0, 1.0, t)
    share = tl.load(top_p + b).to(tl.float64)
    highest = tl.full([BLOCK], float("-inf"), tl.float32)
    for low in range(0, vocabulary, BLOCK):
        x, _keys = load_keys(logits, base, low + tl.arange(0, BLOCK), vocabulary)
        highest = tl.maximum(highest, x)
    best = tl.max(highest, 0)
    top = tl.where(best > float("-inf"), best, 0.0).to(tl.float64)
    key = tl.full([], -2147483648, tl.int32)
    last = tl.zeros([], tl.int32) + vocabulary
    if HAS_K:
        key, last = find_cut(logits, base, vocabulary, top, inverse, key, last, k, True, BLOCK)
    total = total_weight(logits, base, vocabulary, top, inverse, key, last, BLOCK)
    if HAS_P:
        least = share * total
        first, end = find_cut(logits, base, vocabulary, top, inverse, key, last, least, False, BLOCK)
        key = tl.where(share < 1.0, first, key)
        last = tl.where(share < 1.0, end, last)
        total = total_weight(logits, base, vocabulary, top, inverse, key, last, BLOCK)
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
        block = min(BLOCK, max(16, power_of_two(vocabulary)))
        normalise[(len(rows),)](
            rows, t, k, share, out, vocabulary, HAS_K=has_k, HAS_P=has_p, BLOCK=block, num_warps=WARPS
        )
    return out


_TYPES = {"logits": "*fp32", "temperature": "*fp64", "top_k": "*fp64", "top_p": "*fp64", "out": "*fp32"}
_TYPES |= {"vocabulary": "i32"}
VARIANTS = [
    (
        f"{name}, {kind}",
        normalise,
        _TYPES | {"logits": kind, "top_k": index},
        {"HAS_K": cuts, "HAS_P": cuts, "BLOCK": BLOCK},
        {"num_warps": WARPS},
    )
    for name, kind, index, cuts in (
        ("softmax", "*bf16", "*fp64", False),
        ("top-k and top-p", "*fp32", "*i64", True),
    )
]
