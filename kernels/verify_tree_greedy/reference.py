"""Greedy verification of trees: the definition."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.kernels._inputs import to_numpy


def verify_tree_greedy(tokens: Any, index: Any, child: Any, sibling: Any, best: Any) -> tuple[Any, Any, Any]:
    """Walk each tree; arguments have been checked."""
    tokens, index, child, sibling, best = map(to_numpy, (tokens, index, child, sibling, best))
    predicts = np.full(tokens.size, -1, np.int32)
    path, accepted = np.full(tokens.shape, -1, np.int32), np.zeros(len(tokens), np.int32)
    for b in range(len(tokens)):
        node, depth, pointer = 0, 0, child[b, 0]
        path[b, 0] = index[b, 0]
        while pointer >= 0:
            if tokens[b, pointer] == best[b, node]:
                predicts[index[b, node]] = best[b, node]
                node, depth = pointer, depth + 1
                path[b, depth] = index[b, node]
                pointer = child[b, node]
            else:
                pointer = sibling[b, pointer]
        predicts[index[b, node]] = best[b, node]
        accepted[b] = depth
    return predicts, path, accepted
