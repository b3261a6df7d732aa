"""Checks of arguments that every subject needs."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

ROW_TOLERANCE = 1e-10


def as_integer(name: str, value: Any, *, least: int) -> int:
    """Return ``value`` as an int of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} is {value!r} ({type(value).__name__}): give an integer of at least {least}")
    if value < least:
        raise ValueError(f"{name} is {value}: it must be at least {least}; give a larger integer")
    return int(value)


def as_positive(name: str, value: Any) -> float:
    """Return ``value`` as a positive finite float."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is {value!r} ({type(value).__name__}): give one positive number")
    number = float(value)
    if not 0.0 < number < math.inf:
        raise ValueError(
            f"{name} is {value!r}: it must be one positive finite number, not NaN; give e.g. 1.0"
        )
    return number


def as_floats(name: str, value: ArrayLike) -> Array:
    """Return ``value`` as a float64 array without NaN or infinity."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} is {value!r}: give real numbers, e.g. a list or a NumPy array") from error
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name} has entries that are NaN or infinite: remove or replace them")
    return array


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
