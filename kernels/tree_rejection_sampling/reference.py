"""Trees of sampled drafts in float64: the definition."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.kernels._inputs import to_numpy
from tightbound.kernels._reference_draw import draw


def tree_rejection_sampling(
    tokens: Any,
    index: Any,
    child: Any,
    sibling: Any,
    uniform: Any,
    uniform_final: Any,
    target_probs: Any,
    draft_probs: Any,
    replace: bool,
) -> tuple[Any, Any, Any]:
    """Walk each tree; arguments have been checked."""
    tokens, index, child, sibling = map(to_numpy, (tokens, index, child, sibling))
    coins, finals, p, q = (
        to_numpy(a, np.float64) for a in (uniform, uniform_final, target_probs, draft_probs)
    )
    predicts = np.full(tokens.size, -1, np.int32)
    path, accepted = np.full(tokens.shape, -1, np.int32), np.zeros(len(tokens), np.int32)
    for b in range(len(tokens)):
        node, depth, pointer = 0, 0, child[b, 0]
        path[b, 0] = index[b, 0]
        law, drafted = p[b, 0], q[b, 0]
        while pointer >= 0:
            token = tokens[b, pointer]
            if coins[b, pointer] * drafted[token] < law[token]:
                predicts[index[b, node]] = token
                node, depth = pointer, depth + 1
                path[b, depth] = index[b, node]
                pointer = child[b, node]
                law, drafted = p[b, node], q[b, node]
                continue
            law = _normalised(np.maximum(law - drafted, 0.0), law)
            if not replace:
                left = drafted.copy()
                left[token] = 0.0
                drafted = _normalised(left, left)
            pointer = sibling[b, pointer]
        predicts[index[b, node]] = draw(law, finals[b], law)
        accepted[b] = depth
    return predicts, path, accepted


def _normalised(weights: Any, otherwise: Any) -> Any:
    total = weights.sum()
    return weights / total if total > 0.0 else otherwise
