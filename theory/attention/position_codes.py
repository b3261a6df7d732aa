"""How attention learns where a token stands: vectors, rotations, and biases by distance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, Integers, as_floats, as_integer, as_positive


def sinusoidal(positions: ArrayLike, width: int, *, base: float = 1e4) -> Array:
    r"""Return the vectors that are added to the embeddings.

    .. math:: p_{t, 2i} = \sin(t\, b^{-2i/d}), \qquad p_{t, 2i+1} = \cos(t\, b^{-2i/d})

    Parameters
    ----------
    positions : array_like of int, shape (T,)
        Positions, at least 0.
    width : int
        d, even.
    base : float, default 1e4
        b, positive.

    Returns
    -------
    ndarray, shape (T, d)
        One vector per position.

    Raises
    ------
    TypeError, ValueError
        For an odd width, or positions that are no integers of at least 0.

    References
    ----------
    Vaswani et al., NeurIPS 2017, Section 3.5.

    Examples
    --------
    >>> sinusoidal([0, 1], 2).round(3).tolist()
    [[0.0, 1.0], [0.841, 0.54]]
    """
    angles = _angles(_distances("positions", positions), width, base)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(*angles.shape[:-1], width)


def rotary(vectors: ArrayLike, positions: ArrayLike, *, base: float = 1e4) -> Array:
    r"""Return queries or keys turned by their positions.

    .. math:: (x_i, x_{i + d/2}) \mapsto
        (x_i \cos\theta - x_{i+d/2} \sin\theta,\; x_i \sin\theta + x_{i+d/2} \cos\theta), \qquad
        \theta = t\, b^{-2i/d}

    so that the product of a turned query and a turned key depends on the positions through their difference.

    Parameters
    ----------
    vectors : array_like, shape (..., T, d)
        Queries or keys, d even.
    positions : array_like of int, shape (T,)
        Positions, at least 0.
    base : float, default 1e4
        b, positive.

    Returns
    -------
    ndarray, shape (..., T, d)
        Vectors of the same lengths.

    Raises
    ------
    TypeError, ValueError
        For an odd d, shapes that do not fit, or positions that are no integers of at least 0.

    References
    ----------
    Su et al., "RoFormer", arXiv:2104.09864, Section 3.2; pairs as in GPT-NeoX, first half with second half.

    Examples
    --------
    >>> rotary([[1.0, 0.0]], [1]).round(3).tolist()
    [[0.54, 0.841]]
    """
    x = as_floats("vectors", vectors)
    places = _distances("positions", positions)
    if x.ndim < 2 or places.ndim != 1 or x.shape[-2] != places.size:
        raise ValueError(
            f"vectors has shape {x.shape} and positions {places.shape}: give (..., T, d) vectors and T "
            "positions"
        )
    angles = _angles(places, x.shape[-1], base)
    sin, cos = np.sin(angles), np.cos(angles)
    left, right = np.split(x, 2, axis=-1)
    return np.concatenate([left * cos - right * sin, left * sin + right * cos], axis=-1)


def alibi_slopes(heads: int) -> Array:
    r"""Return the slopes :math:`m_h` of the biases :math:`-m_h (i - j)`.

    For H a power of two :math:`m_h = 2^{-8h/H}`, h = 1, ..., H. Otherwise those of the largest power of two
    below H, and then every second one of twice that power.

    Parameters
    ----------
    heads : int
        H, at least 1.

    Returns
    -------
    ndarray, shape (H,)
        Positive slopes.

    Raises
    ------
    TypeError, ValueError
        For a number of heads that is no integer of at least 1.

    References
    ----------
    Press, Smith, Lewis, ICLR 2022, Section 3 and its released code (H not a power of two).

    Examples
    --------
    >>> alibi_slopes(4).tolist()
    [0.25, 0.0625, 0.015625, 0.00390625]
    >>> alibi_slopes(3).tolist()
    [0.0625, 0.00390625, 0.25]
    """
    count = as_integer("heads", heads, least=1)
    power = 1 << (count.bit_length() - 1)
    between = _geometric(2 * power)[::2]
    return np.concatenate([_geometric(power), between[: count - power]])


def relative_buckets(distances: ArrayLike, *, buckets: int = 32, furthest: int = 128) -> Integers:
    r"""Return the bucket of each distance from a row back to a column.

    .. math:: b(n) = n \text{ for } n < B/2, \qquad
        b(n) = \min\Bigl\{\tfrac B2 + \Bigl\lfloor \tfrac B2 \frac{\log(2n/B)}{\log(2N/B)} \Bigr\rfloor,
        B - 1\Bigr\} \text{ else}

    Parameters
    ----------
    distances : array_like of int
        n = row minus column, at least 0.
    buckets : int, default 32
        B, at least 2 and even.
    furthest : int, default 128
        N, from which on all distances share the last bucket; more than B / 2.

    Returns
    -------
    ndarray of int64
        Entries 0, ..., B - 1, non-decreasing in the distance.

    Raises
    ------
    TypeError, ValueError
        For distances that are no integers of at least 0, or sizes out of range.

    References
    ----------
    Raffel et al., JMLR 2020, Section 2.1, and its released code (attention to the past only).

    Examples
    --------
    >>> relative_buckets([0, 15, 16, 18, 19, 127, 500]).tolist()
    [0, 15, 16, 16, 17, 31, 31]
    """
    n = _distances("distances", distances)
    count = as_integer("buckets", buckets, least=2)
    far = as_integer("furthest", furthest, least=2)
    if count % 2 or far <= count // 2:
        raise ValueError(
            f"buckets is {count} and furthest is {far}: buckets must be even and furthest above buckets / 2"
        )
    exact = count // 2
    ratio = np.log(np.maximum(n, exact) / exact) / np.log(far / exact)
    return np.where(n < exact, n, np.minimum(exact + np.floor(ratio * exact), count - 1)).astype(np.int64)


def _geometric(count: int) -> Array:
    return np.exp2(-8.0 * np.arange(1, count + 1) / count)


def _angles(positions: Integers, width: int, base: float) -> Array:
    size = as_integer("width", width, least=1)
    if size % 2:
        raise ValueError(f"width is {size}: these positions turn pairs of dimensions; give an even width")
    rates = as_positive("base", base) ** (-np.arange(0, size, 2) / size)
    return positions[..., None] * rates


def _distances(name: str, value: ArrayLike) -> Integers:
    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {array.dtype}: give integers of at least 0")
    if array.size and array.min() < 0:
        raise ValueError(f"{name} contains {array.min()}: give integers of at least 0")
    return array.astype(np.int64)
