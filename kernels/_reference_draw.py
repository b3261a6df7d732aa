"""Draws by inverse distribution function, in float64: the definition for all backends."""

from __future__ import annotations

import numpy as np

from tightbound.theory._validation import Array


def draw(weights: Array, u: float, otherwise: Array) -> int:
    r"""Return the first token whose cumulative weight exceeds u times the total.

    .. math:: y = \min \{v : \textstyle\sum_{w \le v} \text{weight}_w > u \sum_w \text{weight}_w\}

    Such a token has positive weight. Where rounding leaves none it is the last one with positive weight.

    Parameters
    ----------
    weights : ndarray, shape (V,)
        Not negative; they need not sum to one.
    u : float
        In [0, 1).
    otherwise : ndarray, shape (V,)
        Weights to draw from where ``weights`` are all zero, as (p - q)_+ is where p = q.

    Returns
    -------
    int
        The token; -1 if no weight is positive.

    Examples
    --------
    >>> draw(np.array([0.0, 1.0, 0.0, 1.0]), 0.5, np.ones(4))
    3
    """
    mass = weights if weights.any() else otherwise
    total = np.cumsum(mass)
    token = int(np.searchsorted(total, u * total[-1], side="right"))
    if token < mass.size:
        return token
    positive = np.flatnonzero(mass > 0.0)
    return int(positive[-1]) if positive.size else -1
