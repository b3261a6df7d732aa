"""Checks of arguments shared by the modules of this package."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory._validation import ROW_TOLERANCE, Integers, as_indices, as_laws

__all__ = [
    "ROW_TOLERANCE",
    "Array",
    "Integers",
    "as_indices",
    "as_integer",
    "as_laws",
    "as_log_weights",
    "shaped",
]

Array = NDArray[np.float64]


def as_integer(name: str, value: Any, *, least: int, most: int | None = None) -> int:
    """Return ``value`` as an int between ``least`` and ``most``."""
    allowed = f"of at least {least}" if most is None else f"from {least} to {most}"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} is {value!r} ({type(value).__name__}): give an integer {allowed}")
    number = int(value)
    if number < least or (most is not None and number > most):
        raise ValueError(f"{name} is {number}: give an integer {allowed}")
    return number


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
