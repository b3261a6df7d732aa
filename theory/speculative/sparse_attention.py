r"""Softmax attention over some of the keys: what it loses, and which keys to keep.

Weights a over N keys with values v give :math:`o = \sum_n a_n v_n`. Over a kept set S, with mass
:math:`m = a(S)`, attention gives :math:`o_S = \sum_{n \in S} (a_n / m) v_n`, and over the rest R
:math:`o_R = \sum_{n \in R} a_n/(1 - m)\, v_n`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory._validation import Array, Integers, as_floats, as_integer, as_laws


def kept_mass(weights: ArrayLike, keep: ArrayLike) -> Array:
    r"""Mass :math:`m = a(S)` that attention puts on the kept keys.

    Attention over S has the weights :math:`a_S = 1_S\, a / m`, and
    :math:`TV(a_S, a) = \sum_{n \in S} (a_n / m - a_n) = 1 - m`: on S it is larger, elsewhere 0.

    Parameters
    ----------
    weights : array_like, shape (..., N)
        Attention weights a, rows that sum to 1.
    keep : array_like of bool, shape that broadcasts with weights
        The kept set.

    Returns
    -------
    ndarray, shape (...)
        Mass in [0, 1].

    Raises
    ------
    TypeError, ValueError
        For rows that are no laws, or a set that is not boolean or does not fit.

    Examples
    --------
    >>> float(kept_mass([0.5, 0.25, 0.25], [True, False, True]))
    0.75
    """
    law, kept = _pair(weights, keep)
    return np.asarray(np.where(kept, law, 0.0).sum(axis=-1))


def sparse_error(weights: ArrayLike, keep: ArrayLike, values: ArrayLike) -> Array:
    r"""Error of attention over the kept keys, by the identity :math:`o_S - o = (1 - m)(o_S - o_R)`.

    All attention is the mixture :math:`o = m\, o_S + (1 - m)\, o_R`; subtract it from :math:`o_S`.

    Parameters
    ----------
    weights : array_like, shape (..., N)
        Attention weights.
    keep : array_like of bool, shape that broadcasts with weights
        The kept set; it has mass in every row.
    values : array_like, shape (..., N, D)
        Values.

    Returns
    -------
    ndarray, shape (..., D)
        The difference, 0 where nothing is dropped.

    Raises
    ------
    TypeError, ValueError
        As `kept_mass`; for a kept set without mass, on which attention is not defined.

    References
    ----------
    Derived here. Sparse-to-Dense (Zhang et al., ACL 2025) keeps the keys of largest weight.

    Examples
    --------
    >>> sparse_error([0.5, 0.25, 0.25], [True, False, True], [[0.0], [8.0], [4.0]]).round(12).tolist()
    [-1.666666666667]
    """
    law, kept = _pair(weights, keep)
    vectors = as_floats("values", values)
    mass = np.where(kept, law, 0.0).sum(axis=-1, keepdims=True)
    if np.any(mass <= 0.0):
        raise ValueError("keep has no mass in some row: keep at least one key of positive weight")
    rest = np.where(kept, 0.0, law)
    total = rest.sum(axis=-1, keepdims=True)
    inside = np.where(kept, law, 0.0) / mass
    outside = np.divide(rest, total, out=np.zeros_like(rest), where=total > 0.0)
    difference = _mix(inside, vectors) - _mix(outside, vectors)
    return np.asarray(total * difference)


def sparse_error_bound(weights: ArrayLike, keep: ArrayLike, values: ArrayLike) -> Array:
    r"""Bound :math:`\|o_S - o\| \le (1 - m)\, \mathrm{diam}(V)` on the Euclidean error.

    :math:`o_S` and :math:`o_R` are convex combinations of values, whose distance is at most the largest
    distance of two values; with the identity of `sparse_error` the bound follows. Since
    :math:`\|v - w\| \le \|v\| + \|w\|`, the diameter is at most twice the largest norm.

    Parameters
    ----------
    weights, keep, values
        As for `sparse_error`.

    Returns
    -------
    ndarray, shape (...)
        At least 0.

    Raises
    ------
    TypeError, ValueError
        As `kept_mass`.

    Examples
    --------
    >>> float(sparse_error_bound([0.5, 0.25, 0.25], [True, False, True], [[0.0], [8.0], [4.0]]))
    2.0
    """
    from scipy.spatial.distance import pdist

    mass, vectors = kept_mass(weights, keep), as_floats("values", values)
    if vectors.ndim < 2:
        raise ValueError(f"values has shape {vectors.shape}: give one row per key, (..., N, D)")
    sets = vectors.reshape(-1, *vectors.shape[-2:])
    diameters = np.array([pdist(rows).max(initial=0.0) for rows in sets]).reshape(vectors.shape[:-2])
    return np.asarray((1.0 - mass) * diameters)


def top_keys(weights: ArrayLike, count: int) -> Integers:
    r"""Keys shared by a group of query heads: those of largest weight summed over the group, sorted.

    Among all sets of that size it keeps the largest mass summed over the group, so the least mean of
    :math:`1 - m` over its heads; a single head may lose mass that its own best set would keep. For a group
    of one it is that head's best set.

    Parameters
    ----------
    weights : array_like, shape (..., G, N)
        Attention weights of the G query heads that share one head of keys.
    count : int
        Keys K to keep, at least 1; all where K >= N.

    Returns
    -------
    ndarray of int, shape (..., min(K, N))
        Indices in increasing order. Of equal weights the earlier key is kept.

    Raises
    ------
    TypeError, ValueError
        For rows that are no laws, or a count below 1.

    References
    ----------
    Zhang et al., Sparse-to-Dense, ACL 2025: selection once, after the prompt, from the weights that the text
    gives to the video. Derived here: what it maximises.

    Examples
    --------
    >>> top_keys([[0.6, 0.1, 0.3], [0.1, 0.2, 0.7]], 2).tolist()
    [0, 2]
    """
    law = as_laws("weights", weights)
    if law.ndim < 2:
        raise ValueError(f"weights has shape {law.shape}: give the heads of a group as rows, (..., G, N)")
    count = min(as_integer("count", count, least=1), law.shape[-1])
    order = np.argsort(-law.sum(axis=-2), axis=-1, kind="stable")[..., :count]
    return np.sort(order, axis=-1)


def _pair(weights: ArrayLike, keep: ArrayLike) -> tuple[Array, NDArray[np.bool_]]:
    law, kept = as_laws("weights", weights), np.asarray(keep)
    if kept.dtype != bool:
        raise TypeError(f"keep has dtype {kept.dtype}: give booleans, True for a key that is kept")
    if kept.ndim == 0 or kept.shape[-1] != law.shape[-1]:
        raise ValueError(f"keep has shape {kept.shape} and weights {law.shape}: the last axes must be equal")
    return law, kept


def _mix(law: Array, vectors: Array) -> Array:
    if vectors.ndim < 2 or vectors.shape[-2] != law.shape[-1]:
        raise ValueError(
            f"values has shape {vectors.shape} for {law.shape[-1]} keys: give one row per key, (..., N, D)"
        )
    return np.asarray((law[..., np.newaxis, :] @ vectors)[..., 0, :])
