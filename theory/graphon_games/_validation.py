"""Checks of arguments shared by the modules of this package."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory._validation import as_floats

Array = NDArray[np.float64]

SUM_TOLERANCE = 1e-10


def as_number(
    name: str, value: Any, *, least: float = -np.inf, most: float = np.inf, above: float = -np.inf
) -> float:
    """Return ``value`` as one finite float in [least, most] and strictly greater than ``above``."""
    number = as_floats(name, value)
    if number.ndim != 0:
        raise ValueError(f"{name} has shape {number.shape}: give one number")
    if not (least <= number <= most and number > above):
        low = f"({above:g}" if above >= least else f"[{least:g}"
        raise ValueError(f"{name} is {float(number)!r}: it must lie in {low}, {most:g}]; give such a number")
    return float(number)


def as_regularisation(value: Any, *, positive: bool = False) -> float:
    """Return ``lam`` as a float, at least 0 or strictly positive."""
    number = as_floats("lam", value)
    if number.ndim != 0 or number < 0:
        raise ValueError(f"lam is {value!r}: the entropy weight is one number of at least 0; raise it")
    if positive and number == 0:
        raise ValueError(
            "lam is 0: without entropy the soft best response and mirror descent are undefined; give lam > 0"
        )
    return float(number)


def as_probabilities(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Array:
    """Return an array of the given shape whose last axis holds probability vectors."""
    array = as_floats(name, value)
    if array.shape != shape:
        raise ValueError(
            f"{name} has shape {array.shape}: this game needs shape {shape}; reshape or rebuild it"
        )
    check_probabilities(name, array)
    return array


def check_probabilities(name: str, array: Array) -> None:
    """Raise unless the last axis of ``array`` holds probability vectors."""
    least = float(array.min())
    if not least >= 0.0:
        raise ValueError(
            f"{name} has the entry {least!r}: probabilities are at least 0; check how it was made"
        )
    sums = array.sum(axis=-1)
    worst = float(sums.ravel()[np.argmax(np.abs(sums - 1.0))])
    if abs(worst - 1.0) > SUM_TOLERANCE:
        raise ValueError(
            f"{name} has a row that sums to {worst!r}: rows must sum to 1; divide each by its sum"
        )


def as_log_policy(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Array:
    """Return log probabilities of the given shape; minus infinity stands for probability 0."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} is {value!r}: give logarithms of probabilities") from error
    if array.shape != shape:
        raise ValueError(
            f"{name} has shape {array.shape}: this game needs shape {shape}; reshape or rebuild it"
        )
    if np.any(np.isnan(array)) or np.any(array == np.inf):
        raise ValueError(f"{name} has entries that are NaN or plus infinity: give log probabilities")
    sums = np.exp(array).sum(axis=-1)
    worst = float(sums.ravel()[np.argmax(np.abs(sums - 1.0))])
    if not abs(worst - 1.0) <= SUM_TOLERANCE:
        raise ValueError(
            f"{name} has a row whose exponentials sum to {worst!r}: give logarithms of probabilities, "
            "not probabilities, and subtract the log-sum-exp of each row"
        )
    return array
