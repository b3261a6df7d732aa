"""Block verification compiled for the CPU: requests in parallel, rows from the last one back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from tightbound.kernels._chain_inputs import running_totals
from tightbound.kernels._inputs import to_floats, to_numpy
from tightbound.kernels._kernel_inverse_cdf import blocks, draw, draw_without, excess_mass


@njit(cache=True)
def one(b, q, ids, p, stops, coins, finals, tokens, emitted):  # type: ignore[no-untyped-def]
    """Verify request b, from its last position back to the one that passes."""
    start = stops[b - 1] if b > 0 else 0
    drafts = stops[b] - start
    paths = np.ones(drafts + 1)
    for i in range(drafts):
        x = ids[start + i]
        wanted, drafted = paths[i] * np.float64(p[start + b + i, x]), np.float64(q[start + i, x])
        if wanted <= 0.0:
            paths[i + 1] = 0.0
        elif wanted < drafted:
            paths[i + 1] = wanted / drafted
    tau = 0
    for i in range(drafts, 0, -1):
        coin = coins[start + i - 1]
        if i == drafts:
            passed = coin < paths[i]
        else:
            room = excess_mass(p[start + b + i], paths[i], q[start + i])
            rest = room + (1.0 - paths[i])
            passed = rest <= 0.0 or coin * rest < room
        if passed:
            tau = i
            break
    for i in range(tau):
        tokens[b, i] = ids[start + i]
    emitted[b] = tau
    row = p[start + b + tau]
    sums = np.empty(blocks(row.size))
    if tau < drafts:
        tokens[b, tau] = draw(row, paths[tau], q[start + tau], finals[b], sums)
    else:
        tokens[b, tau] = draw_without(row, np.empty(0, np.int32), finals[b], sums)


@njit(cache=True, parallel=True)
def many(q, ids, p, stops, coins, finals, tokens, emitted):  # type: ignore[no-untyped-def]
    """Verify all requests."""
    for b in prange(stops.size):
        one(np.int64(b), q, ids, p, stops, coins, finals, tokens, emitted)


def ragged_block_speculative_sampling(
    draft_probs: Any,
    draft_token_ids: Any,
    target_probs: Any,
    cu_num_draft_tokens: Any,
    uniform: Any,
    uniform_final: Any,
    width: int,
) -> tuple[Any, Any]:
    """Verify requests in parallel; arguments as in the reference."""
    q, p = to_floats(draft_probs, target_probs)
    stops = running_totals(cu_num_draft_tokens, len(uniform_final), width)
    tokens, emitted = np.full((stops.size, width + 1), -1, np.int32), np.empty(stops.size, np.int32)
    arguments = (
        q,
        to_numpy(draft_token_ids, np.int32),
        p,
        stops,
        to_numpy(uniform, np.float64),
        to_numpy(uniform_final, np.float64),
        tokens,
        emitted,
    )
    if stops.size == 1:  # waking other threads takes longer than one request
        one(0, *arguments)
    else:
        many(*arguments)
    return tokens, emitted
