"""Checks of laws and rates shared by what concerns pretraining."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from tightbound.theory._validation import as_floats
from tightbound.theory.planning._validation import Array, as_laws


def array_of(name: str, value: ArrayLike, ndim: int) -> Array:
    """Return finite float64 numbers with ``ndim`` axes, none of them empty."""
    array = as_floats(name, value)
    if array.ndim != ndim or array.size == 0:
        raise ValueError(
            f"{name} has shape {array.shape}: give {ndim} axes, none of them empty; reshape the array"
        )
    return array


def laws_of(name: str, value: ArrayLike, ndim: int) -> Array:
    """Return probability laws over the last of ``ndim`` axes."""
    return as_laws(name, array_of(name, value, ndim))


def law_of_states(states: ArrayLike | None, translation: Array) -> Array:
    """Return the law of states, uniform where it is left out."""
    rows = len(translation)
    if states is None:
        return as_laws("states", [1.0 / rows] * rows)
    mass = laws_of("states", states, 1)
    if mass.size != rows:
        raise ValueError(f"states has shape {mass.shape}: give one probability per row, shape ({rows},)")
    return mass


def as_fraction(name: str, value: Any) -> float:
    """Return ``value`` as a float strictly between 0 and 1."""
    number = as_floats(name, value)
    if number.ndim or not 0.0 < number < 1.0:
        raise ValueError(f"{name} is {value!r}: give one number strictly between 0 and 1, e.g. 0.5")
    return float(number)
