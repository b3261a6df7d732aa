"""Checks of the arguments that the bounds share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_floats
from tightbound.theory.planning._validation import Array, as_integer


def as_episodes(value: Any) -> int:
    """Return the number of episodes."""
    return as_integer("episodes", value, least=1)


def as_horizon(value: Any) -> int:
    """Return the number of observations of an episode."""
    return as_integer("horizon", value, least=2)


def as_eta(value: Any) -> float:
    """Return the squared Hellinger distance that exploration guarantees."""
    number = as_floats("eta", value)
    if number.ndim or not 0.0 < number <= 1.0:
        raise ValueError(
            f"eta is {value!r}: the squared Hellinger distance of exploration lies in (0, 1]; at 0 no bound "
            "holds, give an exploration law that tells the environments apart"
        )
    return float(number)


def as_ratio(value: Any) -> float:
    """Return the largest ratio of two prior weights."""
    number = as_floats("prior_ratio", value)
    if number.ndim or number < 1.0:
        raise ValueError(
            f"prior_ratio is {value!r}: the largest ratio of two prior weights is at least 1; give "
            "prior.max() / prior.min()"
        )
    return float(number)


def as_nonnegative(name: str, value: Any) -> float:
    """Return one finite number of at least 0."""
    number = as_floats(name, value)
    if number.ndim or number < 0.0:
        raise ValueError(f"{name} is {value!r}: give one finite number of at least 0")
    return float(number)


def as_share(name: str, value: Any) -> float:
    """Return one number in [0, 1]."""
    number = as_floats(name, value)
    if number.ndim or not 0.0 <= number <= 1.0:
        raise ValueError(f"{name} is {value!r}: give one number in [0, 1]")
    return float(number)


def as_positive_share(name: str, value: Any) -> float:
    """Return one number in (0, 1]."""
    number = as_share(name, value)
    if number == 0.0:
        raise ValueError(f"{name} is 0: nothing can be said then; give one number in (0, 1]")
    return number


def as_schedule(eps: ArrayLike, episodes: int) -> Array:
    """Return the exploration probability of every episode, shape (T,)."""
    array = as_floats("eps", eps)
    if array.ndim > 1 or (array.ndim == 1 and array.size != episodes):
        raise ValueError(
            f"eps has shape {array.shape}: give one probability, or one per episode, shape ({episodes},)"
        )
    if np.any((array < 0.0) | (array > 1.0)):
        bad = array[(array < 0.0) | (array > 1.0)].ravel()[0]
        raise ValueError(f"eps contains {bad}: exploration probabilities lie in [0, 1]; clip the schedule")
    return np.broadcast_to(array, (episodes,))


def as_counts(episodes: ArrayLike) -> Array:
    """Return numbers of episodes as floats of at least 1."""
    count = as_floats("episodes", episodes)
    if np.any(count < 1.0):
        raise ValueError(f"episodes contains {count.min()}: give at least one episode")
    return count


def as_shares(eps: ArrayLike) -> Array:
    """Return exploration probabilities of any shape."""
    array = as_floats("eps", eps)
    return as_schedule(array.ravel(), array.size).reshape(array.shape)


def log_plus(value: float) -> float:
    """Return the positive part of the logarithm."""
    return math.log(value) if value > 1.0 else 0.0
