"""Keys on the unit sphere and values that are noisy harmonics of them."""

from __future__ import annotations

import numpy as np

from tightbound.theory._validation import Array, as_integer
from tightbound.theory.in_context.sphere_harmonics import harmonic_values


def uniform_sphere(
    dim: int, length: int, *, batch: int = 1, rng: int | np.random.Generator | None = None
) -> Array:
    """Draw independent unit vectors without preferred direction.

    Parameters
    ----------
    dim : int
        d, at least 1.
    length, batch : int
        T >= 0 vectors in each of B >= 1 sequences.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (B, T, d)
        Vectors of length 1.

    Raises
    ------
    TypeError, ValueError
        For a size below its least value.

    Examples
    --------
    >>> bool(np.allclose((uniform_sphere(3, 4, batch=2, rng=0) ** 2).sum(-1), 1.0))
    True
    """
    shape = (as_integer("batch", batch, least=1), as_integer("length", length, least=0))
    drawn = np.random.default_rng(rng).standard_normal((*shape, as_integer("dim", dim, least=1)))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=-1, keepdims=True))


def noisy_harmonics(
    keys: Array, degree: int, *, signal: float = 1.0, rng: int | np.random.Generator | None = None
) -> Array:
    r"""Draw values of length 1 whose mean given the key is a multiple of all harmonics of one degree.

    .. math:: v = \varsigma\,Y(k), \qquad P(\varsigma = \pm 1) = (1 \pm s)/2, \qquad E[v|k] = s\,Y(k)

    Parameters
    ----------
    keys : ndarray, shape (..., d)
        Unit vectors.
    degree : int
        Degree of the harmonics Y, as in ``harmonic_values``.
    signal : float, default 1.0
        s in [0, 1]; 1 leaves no noise.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (..., D)
        The values.

    Raises
    ------
    ValueError
        For a signal outside [0, 1], or as in ``harmonic_values``.

    Examples
    --------
    >>> noisy_harmonics(np.eye(2), 1).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    if not 0.0 <= signal <= 1.0:
        raise ValueError(
            f"signal is {signal!r}: the mean of a sign that keeps values at length 1 lies in [0, 1]"
        )
    values = harmonic_values(keys, degree)
    if signal == 1.0:
        return values
    kept = np.random.default_rng(rng).random(values.shape[:-1]) < 0.5 * (1.0 + signal)
    return np.where(kept[..., None], values, -values)
