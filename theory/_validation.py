"""Checks of arguments that every subject needs."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def as_integer(name: str, value: Any, *, least: int) -> int:
    """Return ``value`` as an int of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} is {value!r} ({type(value).__name__}): give an integer of at least {least}")
    if value < least:
        raise ValueError(f"{name} is {value}: it must be at least {least}; give a larger integer")
    return int(value)


def as_floats(name: str, value: ArrayLike) -> Array:
    """Return ``value`` as a float64 array without NaN or infinity."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} is {value!r}: give real numbers, e.g. a list or a NumPy array") from error
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name} has entries that are NaN or infinite: remove or replace them")
    return array
