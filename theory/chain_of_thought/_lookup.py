"""Kernels of steps that look something up, with slips."""

from __future__ import annotations

import numpy as np

from tightbound.theory._validation import Array, Integers, as_floats


def lookup(table: Integers, values: int, states: int, slip: float) -> Array:
    """Return the kernel of ``table[state]``, replaced by a uniform value with probability ``slip``.

    Parameters
    ----------
    table : ndarray of int, shape (rows,)
        The right value of each state that occurs; the others lead to 0 and are never reached.
    values, states : int
        Number of values, and size m >= values of the alphabet that holds them.
    slip : float
        In [0, 1].
    """
    kernel = np.zeros((states, states))
    kernel[table.size :, 0] = 1.0
    kernel[: table.size, :values] = slip / values
    kernel[np.arange(table.size), table] += 1.0 - slip
    return kernel


def as_slip(slip: float) -> float:
    """Return a probability."""
    chance = as_floats("slip", slip)
    if chance.ndim or not 0.0 <= chance <= 1.0:
        raise ValueError(f"slip is {slip!r}: give the probability of a slip, from 0 to 1")
    return float(chance)


def as_residues(name: str, value: object, modulus: int, shape: tuple[int | None, ...]) -> Integers:
    """Return integers modulo p, of the shape asked for (None: any size of at least 1)."""
    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {array.dtype}: give integers, which are read modulo {modulus}")
    fits = len(shape) == array.ndim and all(
        size >= 1 if want is None else size == want for size, want in zip(array.shape, shape, strict=True)
    )
    if not fits:
        asked = ", ".join("any" if want is None else str(want) for want in shape)
        raise ValueError(f"{name} has shape {array.shape}: give shape ({asked},)")
    return np.asarray(array % modulus, dtype=np.int64)
