"""Probabilities from logits in Triton, one program per row: cuts by bisection instead of sorting.

A cut is a logit and an index: what ranks after it is dropped. Logits are compared as integers that are in the
same order, so that 32 steps find any of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.kernels._inputs import is_tensor, to_tensor
from tightbound.kernels._triton_inverse_cdf import power_of_two
from tightbound.kernels._triton_language import jit, tl

BLOCK = 4096


@jit
def load_logits(logits, base, tokens, vocabulary):  # type: ignore[no-untyped-def]
    """Load a block as float32, minus infinity for NaN and past the end, and as integers in its order."""
    x = tl.load(logits + base + tokens, mask=tokens < vocabulary, other=float("-inf")).to(tl.float32)
    x = tl.where(x == x, x, float("-inf"))
    x = tl.where(x == 0.0, 0.0, x)  # minus zero is zero
    bits = x.to(tl.int32, bitcast=True)
    return x, tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits)


@jit
def measure(  # type: ignore[no-untyped-def]
    logits,
    base,
    vocabulary,
    top,
    inverse,
    cut_key,
    cut_last,
    key,
    last,
    COUNTING: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Add up tokens, or their weight, that rank before two cuts."""
    total = tl.zeros([], tl.float64)
    for low in range(0, vocabulary, BLOCK):
        tokens = low + tl.arange(0, BLOCK)
        x, keys = load_logits(logits, base, tokens, vocabulary)
        kept = ((keys > cut_key) | ((keys == cut_key) & (tokens <= cut_last))) != 0
        kept = (kept & ((keys > key) | ((keys == key) & (tokens <= last)))) != 0
        kept = (kept & (x > float("-inf"))) != 0
        if COUNTING:
            weight = tl.where(kept, 1.0, 0.0).to(tl.float64)
        else:
            weight = tl.where(kept, tl.exp((x.to(tl.float64) - top) * inverse), 0.0)
        total += tl.sum(weight, 0)
    return total


@jit
def find_cut(  # type: ignore[no-untyped-def]
    logits,
    base,
    vocabulary,
    top,
    inverse,
    cut_key,
    cut_last,
    least,
    steps,
    COUNTING: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Return the first cut before which there is ``least`` of weight, or of tokens."""
    low = tl.full([], -2147483648, tl.int64)
    high = tl.full([], 2147483647, tl.int64)
    for _ in range(0, 32):
        middle = low + (high - low + 1) // 2
        found = measure(
            logits, base, vocabulary, top, inverse, cut_key, cut_last, middle, vocabulary, COUNTING, BLOCK
        )
        low = tl.where(found >= least, middle, low)
        high = tl.where(found >= least, high, middle - 1)
    first = tl.zeros([], tl.int64)
    last = tl.full([], 0, tl.int64) + vocabulary
    for _ in range(0, steps):
        middle = (first + last) // 2
        found = measure(
            logits, base, vocabulary, top, inverse, cut_key, cut_last, low, middle, COUNTING, BLOCK
        )
        last = tl.where(found >= least, middle, last)
        first = tl.where(found >= least, first, middle + 1)
    return low, last


@jit
def normalise(  # type: ignore[no-untyped-def]
    logits,
    temperature,
    top_k,
    top_p,
    out,
    vocabulary,
    steps,
    HAS_K: tl.constexpr,
    HAS_P: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write the law of one row."""
    b = tl.program_id(0)
    base = b.to(tl.int64) * vocabulary
    t = tl.load(temperature + b)
    k = tl.where(t == 0.0, 1, tl.load(top_k + b))
    k = tl.where(k == 0, vocabulary, k).to(tl.float64)
    inverse = 1.0 / tl.where(t == 0.0, 1.0, t)
    share = tl.load(top_p + b)
    best = tl.full([], float("-inf"), tl.float32)
    for low in range(0, vocabulary, BLOCK):
        x, _keys = load_logits(logits, base, low + tl.arange(0, BLOCK), vocabulary)
        best = tl.maximum(best, tl.max(x, 0))
    top = tl.where(best > float("-inf"), best, 0.0).to(tl.float64)
    key = tl.full([], -2147483648, tl.int64)
    last = tl.zeros([], tl.int64) + vocabulary
    if HAS_K:
        key, last = find_cut(
            logits, base, vocabulary, top, inverse, key, last, k, steps, COUNTING=True, BLOCK=BLOCK
        )
    total = measure(logits, base, vocabulary, top, inverse, key, last, key, last, COUNTING=False, BLOCK=BLOCK)
    if HAS_P:
        first, end = find_cut(
            logits,
            base,
            vocabulary,
            top,
            inverse,
            key,
            last,
            share * total,
            steps,
            COUNTING=False,
            BLOCK=BLOCK,
        )
        key = tl.where(share < 1.0, first, key)
        last = tl.where(share < 1.0, end, last)
        total = measure(
            logits, base, vocabulary, top, inverse, key, last, key, last, COUNTING=False, BLOCK=BLOCK
        )
    scale = 1.0 / tl.where(total > 0.0, total, 1.0)
    for low in range(0, vocabulary, BLOCK):
        tokens = low + tl.arange(0, BLOCK)
        x, keys = load_logits(logits, base, tokens, vocabulary)
        kept = ((keys > key) | ((keys == key) & (tokens <= last))) != 0
        kept = (kept & (x > float("-inf"))) != 0
        p = tl.where(kept, tl.exp((x.to(tl.float64) - top) * inverse) * scale, 0.0)
        tl.store(out + base + tokens, p.to(tl.float32), mask=tokens < vocabulary)


def probs_from_logits(logits: Any, temperature: Any, top_k: Any, top_p: Any) -> Any:
    """Rows on the GPU; parameters (rows,) have been checked."""
    import torch

    rows = to_tensor("logits", logits)
    if rows.dtype == torch.float64:
        raise TypeError("logits has dtype float64: backend 'triton' reads float32, float16 and bfloat16")
    given = (temperature, top_k, top_p)
    # whether a cut is needed is only known of numbers that came from the CPU
    has_k = any(is_tensor(a) for a in given[:2]) or bool(np.any(temperature == 0.0) or np.any(top_k > 0))
    has_p = is_tensor(top_p) or bool(np.any(top_p < 1.0))
    t, k, share = (
        torch.as_tensor(np.array(a) if not is_tensor(a) else a, device=rows.device).to(kind).contiguous()
        for a, kind in zip(given, (torch.float64, torch.int32, torch.float64), strict=True)
    )
    out = torch.empty(rows.shape, dtype=torch.float32, device=rows.device)
    vocabulary = rows.shape[1]
    if len(rows):
        block = min(BLOCK, max(16, power_of_two(vocabulary)))
        steps = vocabulary.bit_length() + 1
        normalise[(len(rows),)](
            rows, t, k, share, out, vocabulary, steps, HAS_K=has_k, HAS_P=has_p, BLOCK=block, num_warps=8
        )
    return out


_TYPES = {"logits": "*fp32", "temperature": "*fp64", "top_k": "*i32", "top_p": "*fp64", "out": "*fp32"}
_TYPES |= {"vocabulary": "i32", "steps": "i32"}
VARIANTS = [
    (
        f"{name}, {kind}",
        normalise,
        _TYPES | {"logits": kind},
        {"HAS_K": cuts, "HAS_P": cuts, "BLOCK": BLOCK},
        {"num_warps": 8},
    )
    for name, kind, cuts in (("softmax", "*bf16", False), ("top-k and top-p", "*fp32", True))
]
