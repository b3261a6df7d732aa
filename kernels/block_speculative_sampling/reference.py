"""Block verification in float64: the definition."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.kernels._chain_inputs import running_totals
from tightbound.kernels._inputs import to_numpy
from tightbound.kernels._reference_draw import draw


def ragged_block_speculative_sampling(
    draft_probs: Any,
    draft_token_ids: Any,
    target_probs: Any,
    cu_num_draft_tokens: Any,
    uniform: Any,
    uniform_final: Any,
    width: int,
) -> tuple[Any, Any]:
    """Verify request by request; ``width`` is the most drafts of a request. Arguments have been checked."""
    q, p, ids = (
        to_numpy(draft_probs, np.float64),
        to_numpy(target_probs, np.float64),
        to_numpy(draft_token_ids),
    )
    coins, finals = to_numpy(uniform, np.float64), to_numpy(uniform_final, np.float64)
    stops = running_totals(cu_num_draft_tokens, len(uniform_final), width)
    tokens = np.full((stops.size, width + 1), -1, np.int32)
    emitted = np.zeros(stops.size, np.int32)
    start = 0
    for b, stop in enumerate(stops):
        rows, drafted, x = p[start + b : stop + b + 1], q[start:stop], ids[start:stop]
        drafts = stop - start
        path, tau, weights = 1.0, 0, rows[0]
        if drafts > 0:
            weights = np.maximum(rows[0] - drafted[0], 0.0)
        for i in range(drafts):
            path = next_path(path, rows[i, x[i]], drafted[i, x[i]])
            coin = coins[start + i]
            if i + 1 == drafts:
                passed, left = coin < path, rows[drafts]
            else:
                left = np.maximum(path * rows[i + 1] - drafted[i + 1], 0.0)
                room = left.sum()
                rest = room + (1.0 - path)
                passed = rest <= 0.0 or coin * rest < room
            if passed:
                tau, weights = i + 1, left
        tokens[b, :tau] = x[:tau]
        tokens[b, tau] = draw(weights, finals[b], rows[tau])
        emitted[b] = tau
        start = stop
    return tokens, emitted


def next_path(path: float, p: float, q: float) -> float:
    """Return min(1, path p / q), 0 where the target excludes the token; nothing overflows."""
    wanted = path * p
    if wanted <= 0.0:
        return 0.0
    return 1.0 if wanted >= q else wanted / q
