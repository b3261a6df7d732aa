"""Checks of arguments shared by the modules of this package."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory._validation import as_floats

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

ROW_TOLERANCE = 1e-9


def as_integer(name: str, value: Any, *, least: int, most: int | None = None) -> int:
    """Return ``value`` as an int between ``least`` and ``most``."""
    allowed = f"of at least {least}" if most is None else f"from {least} to {most}"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} is {value!r} ({type(value).__name__}): give an integer {allowed}")
    number = int(value)
    if number < least or (most is not None and number > most):
        raise ValueError(f"{name} is {number}: give an integer {allowed}")
    return number


def as_laws(name: str, value: ArrayLike) -> Array:
    """Return an array whose last axis holds probabilities that sum to one."""
    array = as_floats(name, value)
    if array.ndim == 0 or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}: its last axis must hold at least one probability")
    if np.any(array < 0.0):
        raise ValueError(f"{name} contains {array.min()}: probabilities must not be negative; check the rows")
    sums = array.sum(axis=-1)
    worst = float(sums.ravel()[np.argmax(np.abs(sums - 1.0))])
    if abs(worst - 1.0) > ROW_TOLERANCE:
        raise ValueError(
            f"{name} has a row that sums to {worst!r}: rows (last axis) must sum to 1 "
            f"within {ROW_TOLERANCE}; divide each row by its sum"
        )
    return array


def as_indices(name: str, value: ArrayLike, size: int) -> Integers:
    """Return ``value`` as an array of integers in 0, ..., size - 1."""
    array = np.asarray(value)
    if array.size == 0:
        return array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {array.dtype}: give integers from 0 to {size - 1}")
    if array.min() < 0 or array.max() >= size:
        bad = array.min() if array.min() < 0 else array.max()
        raise IndexError(f"{name} contains {bad}: give integers from 0 to {size - 1}")
    return array.astype(np.int64)


def as_log_weights(value: ArrayLike, environments: int) -> Array:
    """Return log weights of the environments, shape (Z,), up to a common constant; -inf means excluded."""
    array = np.asarray(value, dtype=np.float64)
    if array.shape != (environments,):
        raise ValueError(
            f"log_weights has shape {array.shape}: give one logarithm per environment, "
            f"shape ({environments},)"
        )
    if np.any(np.isnan(array) | (array == np.inf)) or not np.any(array > -np.inf):
        raise ValueError(
            f"log_weights is {array.tolist()}: give finite numbers or -inf, at least one of them finite; "
            "the prior's are in model.log_prior"
        )
    return array


def shaped(name: str, array: Array, shape: tuple[int, ...], axes: str) -> Array:
    """Refuse an array of another shape."""
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}: the other arguments ask for {axes} = {shape}")
    return array
