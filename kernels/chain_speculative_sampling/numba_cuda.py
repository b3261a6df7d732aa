"""Chain verification in numba.cuda, one block per request: a second opinion beside Triton."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda as _cuda

from tightbound.kernels._chain_inputs import running_totals
from tightbound.kernels._cuda_inverse_cdf import THREADS, find_stretch
from tightbound.kernels._inputs import to_float, to_numpy

cuda: Any = _cuda  # has no types


@cuda.jit
def verify(q, ids, p, stops, coins, finals, greedy, tokens, accepted, emitted):  # type: ignore[no-untyped-def]
    """Verify a request: each thread adds up a stretch of the row, the first one then searches one."""
    b, thread = int(cuda.blockIdx.x), int(cuda.threadIdx.x)
    left_sums = cuda.shared.array(THREADS, np.float64)
    law_sums = cuda.shared.array(THREADS, np.float64)
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
    vocabulary = p.shape[1]
    stretch = (vocabulary + THREADS - 1) // THREADS
    row = start + b + n
    left, law = 0.0, 0.0
    for v in range(thread * stretch, min((thread + 1) * stretch, vocabulary)):
        mass = np.float64(p[row, v])
        law += mass
        if n < drafts and greedy:
            mass = 0.0 if v == ids[start + n] else mass
        elif n < drafts:
            mass = max(mass - np.float64(q[start + n, v]), 0.0)
        left += mass
    left_sums[thread] = left
    law_sums[thread] = law
    cuda.syncthreads()
    if thread == 0:
        for i in range(tokens.shape[1]):
            tokens[b, i] = ids[start + i] if i < n else -1
        accepted[b] = passed
        emitted[b] = n
        last, rest = find_stretch(left_sums, finals[b])
        some = last >= 0
        if not some:
            last, rest = find_stretch(law_sums, finals[b])
        total, token = 0.0, -1
        for v in range(last * stretch, min((last + 1) * stretch, vocabulary) if last >= 0 else 0):
            mass = np.float64(p[row, v])
            if some and n < drafts and greedy:
                mass = 0.0 if v == ids[start + n] else mass
            elif some and n < drafts:
                mass = max(mass - np.float64(q[start + n, v]), 0.0)
            if mass > 0.0 and total <= rest:
                token = v
                total += mass
        tokens[b, n] = token


def ragged_chain_speculative_sampling(
    draft_probs: Any,
    draft_token_ids: Any,
    target_probs: Any,
    cu_num_draft_tokens: Any,
    uniform: Any,
    uniform_final: Any,
    width: int,
) -> tuple[Any, Any, Any]:
    """Verify on the GPU; arguments as in the reference."""
    p = to_float(target_probs)
    q = p if draft_probs is None else to_float(draft_probs)
    stops = running_totals(cu_num_draft_tokens, len(uniform_final), width)
    tokens = np.full((stops.size, width + 1), -1, np.int32)
    accepted, emitted = np.zeros(stops.size, np.int32), np.zeros(stops.size, np.int32)
    if stops.size:
        verify[stops.size, THREADS](
            q,
            to_numpy(draft_token_ids, np.int32),
            p,
            stops,
            to_numpy(uniform, np.float64),
            to_numpy(uniform_final, np.float64),
            draft_probs is None,
            tokens,
            accepted,
            emitted,
        )
    return tokens, accepted, emitted
