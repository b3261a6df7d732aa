"""Merging in float64: the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.kernels._attention_arguments import as_stored

Array = NDArray[np.float64]


def merge_states(o: Any, lse: Any) -> tuple[Array, Array]:
    """Return o and lse of the union; see `tightbound.kernels.merge_states.merge_states`."""
    outputs, logs = as_stored("o", o, None).float64(), as_stored("lse", lse, None).float64()
    check(outputs, logs)
    top = logs.max(axis=0)
    shift = np.where(np.isneginf(top), 0.0, top)
    weights = np.exp(logs - shift)
    total = weights.sum(axis=0)
    empty = total == 0.0
    log_total = np.log(np.where(empty, 1.0, total))
    merged = np.where(weights[..., None] > 0.0, weights[..., None] * outputs, 0.0).sum(axis=0)
    return merged / np.where(empty, 1.0, total)[..., None], np.where(empty, -np.inf, shift + log_total)


def check(o: NDArray[Any], lse: NDArray[Any]) -> None:
    """Raise for states that are no states."""
    if np.any(np.isnan(lse)) or np.any(np.isposinf(lse)):
        raise ValueError(
            "lse has entries that are NaN or +inf: give natural logs, -inf for a part without keys"
        )
    if not np.all(np.isfinite(o).all(axis=-1) | np.isneginf(lse)):
        raise ValueError("o has entries that are NaN or infinite in a part with keys: check what made it")
