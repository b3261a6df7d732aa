"""Checks of arguments shared by the modules of this package."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory._validation import as_floats

Array = NDArray[np.float64]

_SUM_TOLERANCE = 1e-12


def as_confidence(value: Any) -> float:
    """Return ``delta`` as a float strictly between 0 and 1."""
    number = as_floats("delta", value)
    if number.ndim != 0 or not 0.0 < number < 1.0:
        raise ValueError(f"delta is {value!r}: it must be one number strictly between 0 and 1, e.g. 0.5")
    return float(number)


def as_acceptance(name: str, value: ArrayLike, *, arms: bool = False) -> Array:
    """Return per-token acceptance probabilities in [0, 1)."""
    array = as_floats(name, value)
    if arms and (array.ndim == 0 or array.shape[-1] == 0):
        raise ValueError(
            f"{name} has shape {array.shape}: the last axis runs over the arms; give at least one arm"
        )
    if np.any((array < 0.0) | (array >= 1.0)):
        bad = array[(array < 0.0) | (array >= 1.0)].ravel()[0]
        raise ValueError(
            f"{name} contains {bad}: acceptance probabilities lie in [0, 1); "
            "at 1 every draft is accepted and divergences are infinite, so use a value just below it"
        )
    return array


def as_means(value: ArrayLike, max_draft: int | None = None) -> Array:
    """Return mean tokens per round of the arms, shape (K,), each in [1, max_draft + 1]."""
    array = as_floats("means", value)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"means has shape {array.shape}: give one mean per arm, shape (K,) with K >= 1")
    if np.any(array < 1.0):
        raise ValueError(
            f"means contains {array.min()}: every round yields at least 1 token; give means >= 1"
        )
    if max_draft is not None and np.any(array > max_draft + 1):
        raise ValueError(
            f"means contains {array.max()}: a round yields at most max_draft + 1 = {max_draft + 1} tokens; "
            "raise max_draft or lower the means"
        )
    return array


def as_laws(name: str, value: ArrayLike, ndim: int | tuple[int, ...]) -> Array:
    """Return probability rows over Y = 1, ..., L+1 with one of the given numbers of axes."""
    array = as_floats(name, value)
    allowed = (ndim,) if isinstance(ndim, int) else ndim
    if array.ndim not in allowed or array.size == 0 or array.shape[-1] < 2:
        axes = " or ".join({1: "(L+1,)", 2: "(K, L+1)", 3: "(tokens, K, L+1)"}[n] for n in allowed)
        raise ValueError(f"{name} has shape {array.shape}: give shape {axes} with L >= 1 and K >= 1")
    if np.any(array < 0.0):
        raise ValueError(f"{name} contains {array.min()}: probabilities must not be negative; check the rows")
    sums = array.sum(axis=-1)
    worst = float(sums.ravel()[np.argmax(np.abs(sums - 1.0))])
    if abs(worst - 1.0) > _SUM_TOLERANCE:
        raise ValueError(
            f"{name} has a row that sums to {worst!r}: rows must sum to 1; divide each row by its sum"
        )
    return array
