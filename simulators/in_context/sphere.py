"""Keys on the unit sphere, values that are noisy harmonics of them, and attention over both."""

from __future__ import annotations

import numpy as np

from tightbound.theory._validation import Array, as_integer
from tightbound.theory.in_context.softmax_attention import softmax_attention
from tightbound.theory.in_context.sphere_harmonics import harmonic_values

# keys held in memory at once
_CHUNK = 20_000


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
    return np.asarray(drawn / np.sqrt(np.einsum("...i,...i->...", drawn, drawn))[..., None])


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


def axes(dim: int) -> Array:
    """Return the coordinate vectors and their negatives, shape (2 * dim, dim).

    Examples
    --------
    >>> axes(2).tolist()
    [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]
    """
    eye = np.eye(as_integer("dim", dim, least=2))
    return np.concatenate([eye, 0.0 - eye])


def sample_attention(
    dim: int,
    degree: int,
    kappa: float,
    keys: int,
    *,
    signal: float = 1.0,
    replications: int = 1,
    repeats: int = 1,
    rng: int | np.random.Generator | None = None,
) -> Array:
    """Draw uniform keys and noisy harmonics, and return what softmax attention makes of 2 d queries.

    The queries are the coordinate vectors and their negatives; the law of keys has no direction, so they are
    as good as any other.

    Parameters
    ----------
    dim, degree : int
        Dimension of the sphere's space, and degree of the harmonics, as in ``harmonic_values``.
    kappa : float
        Inverse temperature.
    keys : int
        Number T of keys in a prompt, at least 1.
    signal : float, default 1.0
        As in :func:`noisy_harmonics`.
    replications : int
        Number of independent prompts.
    repeats : int, default 1
        How often each pair of key and value is written down; above 1 the T pairs are not independent.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (replications, 2 * dim, D)
        The outputs.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range, or repeats that do not divide the number of keys.

    Examples
    --------
    >>> sample_attention(2, 1, 1.0, 100, replications=3, rng=0).shape
    (3, 4, 2)
    """
    count, batch = as_integer("keys", keys, least=1), as_integer("replications", replications, least=1)
    if count % as_integer("repeats", repeats, least=1):
        raise ValueError(f"repeats is {repeats}: it must divide the number of keys, {count}")
    generator = np.random.default_rng(rng)
    # softmax attention does not see repeats: every weight is multiplied by the same number
    distinct = count // repeats
    queries = axes(dim)
    outputs = []
    for start in range(0, batch, step := max(1, _CHUNK // distinct)):
        drawn = uniform_sphere(dim, distinct, batch=min(step, batch - start), rng=generator)
        values = noisy_harmonics(drawn, degree, signal=signal, rng=generator)
        outputs.append(softmax_attention(drawn, values, queries, kappa))
    return np.concatenate(outputs)
