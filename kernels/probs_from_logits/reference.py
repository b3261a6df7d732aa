"""Probabilities from logits in float64: the definition."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.kernels._inputs import to_numpy
from tightbound.kernels.probs_from_logits import BAD_LOGITS


def probs_from_logits(logits: Any, temperature: Any, top_k: Any, top_p: Any) -> Any:
    """Rank, cut and normalise row by row; parameters (rows,) have been checked."""
    rows = to_numpy(logits, np.float64)
    t, k, share = to_numpy(temperature, np.float64), to_numpy(top_k, np.int64), to_numpy(top_p, np.float64)
    if not np.isfinite(rows.max(axis=-1)).all():
        raise ValueError(BAD_LOGITS)
    out = np.zeros_like(rows)
    for b, row in enumerate(rows):
        order = np.argsort(-row, kind="stable")
        kept = order[: 1 if t[b] == 0.0 else k[b] or order.size]
        weights = np.exp((row[kept] - row[kept[0]]) / (t[b] or 1.0))
        upto = np.cumsum(weights)
        enough = 1 + int(np.searchsorted(upto, share[b] * upto[-1]))
        kept, weights = kept[:enough], weights[:enough]
        out[b, kept] = weights / weights.sum()
    return out
