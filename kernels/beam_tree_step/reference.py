"""One layer of a beam tree in float64: the definition."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.kernels._inputs import to_numpy


def beam_tree_step(logq: Any, cum: Any, w: int) -> tuple[Any, Any, Any]:
    """Rank all continuations; arguments have been checked."""
    scores = to_numpy(cum, np.float64)[..., np.newaxis] + to_numpy(logq, np.float64)
    vocabulary = scores.shape[-1]
    flat = scores.reshape(len(scores), -1)
    flat = np.where(np.isnan(flat), -np.inf, flat)
    best = np.argsort(-flat, axis=-1, kind="stable")[:, :w]
    found = np.take_along_axis(flat, best, axis=-1)
    possible = found > -np.inf
    tokens, parents = (
        np.where(possible, a, -1).astype(np.int32) for a in (best % vocabulary, best // vocabulary)
    )
    return tokens, parents, found
