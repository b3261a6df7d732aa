r"""Contraction: how much closer frames are after attention, for any logits.

The oscillation osc(v) = max v - min v of a channel over frames shrinks by the Dobrushin coefficient,

.. math:: \mathrm{osc}(A v) \le \delta(A)\, \mathrm{osc}(v), \qquad
          \delta(A) = \max_{i,j} \mathrm{TV}(A_{i,:}, A_{j,:}),

with equality for some v. *Proof.* (A v)_i - (A v)_j = sum_k (A_ik - A_jk) v_k; the positive parts of
A_ik - A_jk and the negative parts both sum to TV, so this is at most TV (max v - min v), attained by the
indicator of the positive parts. QED.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_integer
from tightbound.theory.video.motion_intensity import as_square
from tightbound.theory.video.reweighting import without_diagonal


def dobrushin(attention: ArrayLike) -> Array:
    """Return the Dobrushin coefficient, the largest total variation between two rows.

    Parameters
    ----------
    attention : array_like, shape (..., N, N)
        Rows that are laws.

    Returns
    -------
    ndarray, shape (...)
        Values in [0, 1].

    Raises
    ------
    TypeError, ValueError
        For entries that are negative or not finite, or rows that do not sum to 1.

    References
    ----------
    Dobrushin, "Central limit theorem for nonstationary Markov chains", Theory Probab. Appl. 1, 1956.

    Examples
    --------
    >>> dobrushin([[0.75, 0.25], [0.25, 0.75]]).tolist()
    0.5
    """
    rows = as_square("attention", attention)
    if rows.size and (rows.min() < 0.0 or np.abs(rows.sum(axis=-1) - 1.0).max() > 1e-10):
        raise ValueError(
            "attention has rows that are no laws (negative, or sums other than 1): give softmax weights"
        )
    found = np.zeros(rows.shape[:-2])
    for shift in range(1, rows.shape[-1] // 2 + 1):  # every pair of rows, without N^3 numbers at once
        apart = 0.5 * np.abs(rows - np.roll(rows, shift, axis=-2)).sum(axis=-1)
        found = np.maximum(found, apart.max(axis=-1))
    return np.asarray(found)


def oscillation(values: ArrayLike) -> Array:
    """Return max - min over frames.

    Parameters
    ----------
    values : array_like, shape (..., N, C)
        One row per frame.

    Returns
    -------
    ndarray, shape (..., C)
        At least 0.

    Raises
    ------
    TypeError, ValueError
        For entries that are not finite, or fewer than two axes.

    Examples
    --------
    >>> oscillation([[1.0, 0.0], [3.0, 0.0]]).tolist()
    [2.0, 0.0]
    """
    given = as_floats("values", values)
    if given.ndim < 2 or given.shape[-2] == 0:
        raise ValueError(f"values has shape {given.shape}: give (..., N, C) with at least one frame")
    return np.asarray(given.max(axis=-2) - given.min(axis=-2))


def logit_spread(logits: ArrayLike) -> Array:
    """Return R, the largest spread of a row's logits off the diagonal.

    Parameters
    ----------
    logits : array_like, shape (..., N, N), N >= 2
        S.

    Returns
    -------
    ndarray, shape (...)
        At least 0.

    Raises
    ------
    TypeError, ValueError
        For logits that are not finite or not square, or a single frame.

    Examples
    --------
    >>> logit_spread([[9.0, 1.0, 0.0], [2.0, 9.0, 2.0], [0.0, 0.0, 9.0]]).tolist()
    1.0
    """
    rows = as_square("logits", logits)
    if rows.shape[-1] < 2:
        raise ValueError(f"logits has shape {rows.shape}: one frame has no others; give at least 2 frames")
    others = without_diagonal(rows)
    return np.asarray((others.max(axis=-1) - others.min(axis=-1)).max(axis=-1))


def contraction_bound(frames: int, smallest: ArrayLike, largest: ArrayLike, spread: ArrayLike) -> Array:
    r"""Return a bound of the Dobrushin coefficient from weights on oneself and the spread of other logits.

    .. math:: \delta \le 1 - (N - 2)\, c - 2 \min(\beta_{\min}, c), \qquad
              c = \frac{1 - \beta_{\max}}{1 + (N - 2) e^R}

    *Proof.* Off the diagonal a row is 1 - beta_i times a law on N - 1 frames whose weights differ by factors
    of at most e^R, so each is at least 1 / (1 + (N - 2) e^R), and each entry at least c. The overlap
    sum_k min(A_ik, A_jk) of rows i and j has N - 2 terms off both diagonals, each at least c, and two terms
    min(beta_i, A_ji), min(A_ij, beta_j), each at least min(beta_min, c). TV is 1 minus the overlap. QED.

    The first part improves as the diagonal is reduced, the second gets worse once beta_min < c. For equal
    logits off the diagonal (R = 0) and equal beta the bound is attained: :func:`uniform_coefficient`.

    Parameters
    ----------
    frames : int
        N, at least 2.
    smallest, largest : array_like
        beta_min <= beta_max, the extreme weights of frames on themselves, in [0, 1].
    spread : array_like
        R of at least 0, :func:`logit_spread`; infinite where there is none, and then the bound says nothing.

    Returns
    -------
    ndarray, of the common shape
        The bound, in [0, 1].

    Raises
    ------
    TypeError, ValueError
        For arguments outside their range.

    Examples
    --------
    >>> contraction_bound(4, [0.7, 0.25], [0.7, 0.25], [0.0, 0.0]).round(6).tolist()
    [0.6, 0.0]
    >>> contraction_bound(4, 0.0, 0.5, np.inf).tolist()
    1.0
    """
    count = as_integer("frames", frames, least=2)
    low, high = as_floats("smallest", smallest), as_floats("largest", largest)
    if low.size and high.size and (low.min() < 0.0 or high.max() > 1.0 or (low > high).any()):
        raise ValueError("smallest and largest must be weights, 0 <= smallest <= largest <= 1")
    room = np.asarray(spread, dtype=np.float64)
    if np.isnan(room).any() or (room < 0.0).any():
        raise ValueError("spread is negative or NaN: give the largest difference of logits in a row")
    # e^-R, so that an infinite spread gives 0
    least = np.exp(-room)
    others = least / (least + (count - 2)) if count > 2 else 1.0  # a single other frame has all the rest
    c = (1.0 - high) * others
    return np.asarray(1.0 - (count - 2) * c - 2.0 * np.minimum(low, c))


def uniform_coefficient(frames: int, self_weight: ArrayLike) -> Array:
    r"""Return the Dobrushin coefficient of attention that treats all other frames alike.

    .. math:: \delta = |N \beta - 1| / (N - 1)

    Two rows differ in their two diagonal entries alone, by |beta - (1 - beta)/(N - 1)| each. It is 0 at
    beta = 1/N and grows again below: frames that see everything but themselves are told apart by what they
    miss.

    Parameters
    ----------
    frames : int
        N, at least 2.
    self_weight : array_like
        beta in [0, 1].

    Returns
    -------
    ndarray, of the shape of ``self_weight``
        Values in [0, 1].

    Raises
    ------
    TypeError, ValueError
        For arguments outside their range.

    Examples
    --------
    >>> uniform_coefficient(4, [1.0, 0.25, 0.0]).round(6).tolist()
    [1.0, 0.0, 0.333333]
    """
    count = as_integer("frames", frames, least=2)
    beta = as_floats("self_weight", self_weight)
    if beta.size and (beta.min() < 0.0 or beta.max() > 1.0):
        raise ValueError("self_weight must lie in [0, 1]: give a weight of a softmax")
    return np.asarray(np.abs(count * beta - 1.0) / (count - 1))
