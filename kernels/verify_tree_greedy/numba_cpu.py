"""Greedy verification of trees compiled for the CPU; a walk is too short to be worth a thread."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tightbound.kernels._inputs import to_numpy


@njit(cache=True)
def walk(tokens, index, child, sibling, best, predicts, path, accepted):  # type: ignore[no-untyped-def]
    """Walk each tree."""
    for b in range(tokens.shape[0]):
        node, depth, pointer = 0, 0, child[b, 0]
        path[b, 0] = index[b, 0]
        while pointer >= 0:
            if tokens[b, pointer] == best[b, node]:
                predicts[index[b, node]] = best[b, node]
                node = int(pointer)
                depth += 1
                path[b, depth] = index[b, node]
                pointer = child[b, node]
            else:
                pointer = sibling[b, pointer]
        predicts[index[b, node]] = best[b, node]
        accepted[b] = depth


def verify_tree_greedy(tokens: Any, index: Any, child: Any, sibling: Any, best: Any) -> tuple[Any, Any, Any]:
    """Walk all trees; arguments have been checked."""
    given = [to_numpy(array, np.int32) for array in (tokens, index, child, sibling, best)]
    shape = given[0].shape
    predicts = np.full(given[0].size, -1, np.int32)
    path, accepted = np.full(shape, -1, np.int32), np.zeros(shape[0], np.int32)
    arguments = (*given, predicts, path, accepted)
    walk(*arguments)
    return predicts, path, accepted
