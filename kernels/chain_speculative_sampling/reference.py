"""Chain verification in float64: the definition."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.kernels._chain_inputs import running_totals
from tightbound.kernels._inputs import to_numpy
from tightbound.kernels._reference_draw import draw


def ragged_chain_speculative_sampling(
    draft_probs: Any,
    draft_token_ids: Any,
    target_probs: Any,
    cu_num_draft_tokens: Any,
    uniform: Any,
    uniform_final: Any,
    width: int,
) -> tuple[Any, Any, Any]:
    """Verify request by request; ``width`` is the most drafts of a request. Arguments have been checked."""
    q = None if draft_probs is None else to_numpy(draft_probs, np.float64)
    p, ids = to_numpy(target_probs, np.float64), to_numpy(draft_token_ids)
    coins, finals = to_numpy(uniform, np.float64), to_numpy(uniform_final, np.float64)
    stops = running_totals(cu_num_draft_tokens, len(uniform_final), width)
    tokens = np.full((stops.size, width + 1), -1, np.int32)
    accepted, emitted = np.zeros(stops.size, np.int32), np.zeros(stops.size, np.int32)
    start = 0
    for b, stop in enumerate(stops):
        rows, at = p[start + b : stop + b + 1], np.arange(start, stop)
        chance = np.ones(at.size) if q is None else q[at, ids[at]]
        passed = coins[at] * chance < rows[np.arange(at.size), ids[at]]
        accepted[b] = passed.sum()
        n = emitted[b] = at.size if passed.all() else passed.argmin()
        tokens[b, :n] = ids[at[:n]]
        drafted = np.zeros_like(rows[n])
        if n < at.size:
            drafted = np.eye(1, drafted.size, ids[at[n]])[0] if q is None else q[at[n]]
        if n < at.size and q is None:
            left = np.where(drafted > 0.0, 0.0, rows[n])
        else:
            left = np.maximum(rows[n] - drafted, 0.0)
        tokens[b, n] = draw(left, finals[b], rows[n])
        start = stop
    return tokens, accepted, emitted
