"""Checks of the weights of constructed networks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_laws


def as_log_prior(prior: ArrayLike) -> Array:
    """Return the logarithms of a prior over tasks, which become weights and so must be finite."""
    law = as_laws("prior", prior)
    if law.ndim != 1:
        raise ValueError(f"prior has shape {law.shape}: give one probability per task, (M,)")
    if np.any(law == 0.0):
        raise ValueError(
            f"prior gives task {int(np.argmin(law))} probability 0, whose logarithm is no weight of a "
            "network: leave tasks of probability 0 out"
        )
    return np.log(law)


def as_prompt(
    inputs: ArrayLike, targets: ArrayLike, queries: ArrayLike, dim: int
) -> tuple[Array, Array, Array]:
    """Return rows of features, a target for each, and rows of queries, with the same leading axes."""
    x, y, q = as_floats("inputs", inputs), as_floats("targets", targets), as_floats("queries", queries)
    if x.ndim < 2 or x.shape[-1] != dim or q.ndim < 2 or q.shape[-1] != dim:
        raise ValueError(
            f"inputs has shape {x.shape} and queries {q.shape}: give rows of {dim} numbers, "
            f"(..., T, {dim}) and (..., Q, {dim})"
        )
    if y.shape != x.shape[:-1] or q.shape[:-2] != x.shape[:-2]:
        raise ValueError(
            f"targets has shape {y.shape} and queries {q.shape} beside inputs of shape {x.shape}: give one "
            "target per row, and the same leading axes"
        )
    return x, y, q


def frozen(array: ArrayLike) -> Array:
    """Return a read-only copy."""
    owned = np.array(array, dtype=np.float64)
    owned.flags.writeable = False
    return owned
