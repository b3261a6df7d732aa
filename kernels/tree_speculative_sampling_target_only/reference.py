"""Trees of chosen drafts in float64: the definition."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.kernels._inputs import to_numpy
from tightbound.kernels._reference_draw import draw


def tree_speculative_sampling_target_only(
    tokens: Any, index: Any, child: Any, sibling: Any, uniform: Any, uniform_final: Any, target_probs: Any
) -> tuple[Any, Any, Any]:
    """Walk each tree; arguments have been checked."""
    tokens, index, child, sibling = map(to_numpy, (tokens, index, child, sibling))
    coins, finals, p = (to_numpy(a, np.float64) for a in (uniform, uniform_final, target_probs))
    predicts = np.full(tokens.size, -1, np.int32)
    path, accepted = np.full(tokens.shape, -1, np.int32), np.zeros(len(tokens), np.int32)
    for b in range(len(tokens)):
        node, depth, pointer = 0, 0, child[b, 0]
        path[b, 0] = index[b, 0]
        upto, rest = 0.0, p[b, 0].copy()
        while pointer >= 0:
            token = tokens[b, pointer]
            upto += rest[token]
            if coins[b, node] < upto:
                predicts[index[b, node]] = token
                node, depth = pointer, depth + 1
                path[b, depth] = index[b, node]
                pointer = child[b, node]
                upto, rest = 0.0, p[b, node].copy()
            else:
                rest[token] = 0.0
                pointer = sibling[b, pointer]
        predicts[index[b, node]] = draw(rest, finals[b], p[b, node])
        accepted[b] = depth
    return predicts, path, accepted
