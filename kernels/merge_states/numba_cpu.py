"""Merging in compiled loops over rows; sums in float64, results in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.kernels._attention_arguments import as_stored
from tightbound.kernels.merge_states.reference import check


def merge_states(o: Any, lse: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return o and lse of the union; see `tightbound.kernels.merge_states.merge_states`."""
    states, scores = as_stored("o", o, None), as_stored("lse", lse, None)
    outputs, logs = (x.float32() if x.bfloat16 else x.data for x in (states, scores))
    check(outputs, logs)
    merged, total = merge_parts(outputs, logs)
    return merged, total.astype(np.float32)


def merge_parts(o: NDArray[Any], lse: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return the union of states known to be good, lse in float64."""
    from tightbound.kernels.merge_states._kernel_merge import merge_rows

    parts, *rows, dim = o.shape
    merged = np.zeros((int(np.prod(rows)), dim), dtype=np.float32)
    total = np.empty(len(merged))
    flat = np.ascontiguousarray(o, dtype=np.float32).reshape(parts, -1, dim)
    merge_rows(flat, np.ascontiguousarray(lse, dtype=np.float64).reshape(parts, -1), merged, total)
    return merged.reshape(*rows, dim), total.reshape(rows)
