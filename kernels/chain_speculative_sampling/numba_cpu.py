"""Chain verification compiled for the CPU: requests in parallel, one pass over two rows of each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from tightbound.kernels._chain_inputs import running_totals
from tightbound.kernels._inputs import to_floats, to_numpy
from tightbound.kernels._kernel_inverse_cdf import blocks, draw, draw_without


@njit(cache=True)
def one(b, q, ids, p, stops, coins, finals, greedy, tokens, accepted, emitted):  # type: ignore[no-untyped-def]
    """Verify request b."""
    start = stops[b - 1] if b > 0 else 0
    drafts = stops[b] - start
    n, passed = drafts, 0
    for i in range(drafts):
        x = ids[start + i]
        chance = 1.0 if greedy else np.float64(q[start + i, x])
        if coins[start + i] * chance < np.float64(p[start + b + i, x]):
            passed += 1
        elif n == drafts:
            n = i
    for i in range(n):
        tokens[b, i] = ids[start + i]
    accepted[b] = passed
    emitted[b] = n
    row = p[start + b + n]
    sums = np.empty(blocks(row.size))
    if n < drafts and not greedy:
        tokens[b, n] = draw(row, 1.0, q[start + n], finals[b], sums)
    else:
        banned = ids[start + n : start + n + 1] if n < drafts else ids[:0]
        tokens[b, n] = draw_without(row, banned, finals[b], sums)


@njit(cache=True, parallel=True)
def many(q, ids, p, stops, coins, finals, greedy, tokens, accepted, emitted):  # type: ignore[no-untyped-def]
    """Verify all requests."""
    for b in prange(stops.size):
        one(np.int64(b), q, ids, p, stops, coins, finals, greedy, tokens, accepted, emitted)


def ragged_chain_speculative_sampling(
    draft_probs: Any,
    draft_token_ids: Any,
    target_probs: Any,
    cu_num_draft_tokens: Any,
    uniform: Any,
    uniform_final: Any,
    width: int,
) -> tuple[Any, Any, Any]:
    """Verify requests in parallel; arguments as in the reference."""
    greedy = draft_probs is None
    q, p = to_floats(target_probs[:0] if greedy else draft_probs, target_probs)
    stops = running_totals(cu_num_draft_tokens, len(uniform_final), width)
    tokens = np.empty((stops.size, width + 1), np.int32)
    tokens.fill(-1)
    accepted, emitted = np.empty(stops.size, np.int32), np.empty(stops.size, np.int32)
    arguments = (
        q,
        to_numpy(draft_token_ids, np.int32),
        p,
        stops,
        to_numpy(uniform, np.float64),
        to_numpy(uniform_final, np.float64),
        greedy,
        tokens,
        accepted,
        emitted,
    )
    if stops.size == 1:  # waking other threads takes longer than one request
        one(0, *arguments)
    else:
        many(*arguments)
    return tokens, accepted, emitted
