"""Trees of chosen drafts in numba.cuda, one block per request."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda as _cuda

from tightbound.kernels._cuda_inverse_cdf import THREADS, find_stretch
from tightbound.kernels._inputs import to_float, to_numpy

cuda: Any = _cuda  # has no types


@cuda.jit
def walk(tokens, index, child, sibling, coins, finals, p, banned, predicts, path, accepted):  # type: ignore[no-untyped-def]
    """Walk the tree of a request with one thread, add up stretches of its last row with all."""
    b, thread = int(cuda.blockIdx.x), int(cuda.threadIdx.x)
    state = cuda.shared.array(2, np.int32)
    sums = cuda.shared.array(THREADS, np.float64)
    if thread == 0:
        node, depth, rejected, upto, pointer = 0, 0, 0, 0.0, child[b, 0]
        path[b, 0] = index[b, 0]
        while pointer >= 0:
            token = tokens[b, pointer]
            new = True
            for i in range(rejected):
                new = new and banned[b, i] != token
            if new:
                upto += p[b, node, token]
            if new and coins[b, node] < upto:
                predicts[index[b, node]] = token
                node, rejected, upto = pointer, 0, 0.0
                depth += 1
                path[b, depth] = index[b, node]
                pointer = child[b, node]
            else:
                if new:
                    banned[b, rejected] = token
                    rejected += 1
                pointer = sibling[b, pointer]
        accepted[b] = depth
        state[0] = node
        state[1] = rejected
    cuda.syncthreads()
    node, rejected, vocabulary = int(state[0]), int(state[1]), p.shape[2]
    stretch = (vocabulary + THREADS - 1) // THREADS
    mass = 0.0
    for v in range(thread * stretch, min((thread + 1) * stretch, vocabulary)):
        weight = np.float64(p[b, node, v])
        for i in range(rejected):
            if banned[b, i] == v:
                weight = 0.0
        mass += weight
    sums[thread] = mass
    cuda.syncthreads()
    last, rest = find_stretch(sums, finals[b])
    cuda.syncthreads()
    if last < 0:  # the children have all the mass
        rejected, mass = 0, 0.0
        for v in range(thread * stretch, min((thread + 1) * stretch, vocabulary)):
            mass += p[b, node, v]
        sums[thread] = mass
    cuda.syncthreads()
    if thread == 0:
        if last < 0:
            last, rest = find_stretch(sums, finals[b])
        total, drawn = 0.0, -1
        for v in range(last * stretch, min((last + 1) * stretch, vocabulary) if last >= 0 else 0):
            weight = np.float64(p[b, node, v])
            for i in range(rejected):
                if banned[b, i] == v:
                    weight = 0.0
            if weight > 0.0 and total <= rest:
                drawn = v
                total += weight
        predicts[index[b, node]] = drawn


def tree_speculative_sampling_target_only(
    tokens: Any, index: Any, child: Any, sibling: Any, uniform: Any, uniform_final: Any, target_probs: Any
) -> tuple[Any, Any, Any]:
    """Walk on the GPU; arguments have been checked."""
    links = [to_numpy(array, np.int32) for array in (tokens, index, child, sibling)]
    shape = links[0].shape
    predicts = np.full(links[0].size, -1, np.int32)
    path, accepted = np.full(shape, -1, np.int32), np.zeros(shape[0], np.int32)
    coins, finals = to_numpy(uniform, np.float64), to_numpy(uniform_final, np.float64)
    if shape[0]:
        banned = np.empty(shape, np.int32)
        walk[shape[0], THREADS](
            *links, coins, finals, to_float(target_probs), banned, predicts, path, accepted
        )
    return predicts, path, accepted
