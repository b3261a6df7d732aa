r"""Frequency response of reweighted attention that depends on the distance between frames alone.

Let S be circulant and symmetric, so that attention looks the same from every frame, and let the whole
diagonal be reduced by a. With B the attention to other frames, :math:`\hat b(k)` the transform of its first
row, and beta the weight on itself, logit beta = logit p - a, the reweighted attention is circulant with gain

.. math:: f_\beta(k) = \hat b(k) + \beta\,(1 - \hat b(k)).

*Proof.* The affine path (:mod:`~tightbound.theory.video.reweighting`) is beta I + (1 - beta) B here, and
circulant matrices share their eigenvectors. By symmetry :math:`\hat b` is real; rows that sum to 1 give
:math:`\hat b(0) = 1` and :math:`|\hat b| \le 1`. QED.

So the mean over time has gain 1 whatever a is; every other gain falls as a grows, the faster the smaller
:math:`\hat b(k)`. B has no diagonal, hence :math:`\sum_k \hat b(k) = 0`: some gains become negative for large
a. **Reweighting too much amplifies again**: attention to the two neighbours has :math:`\hat b(N/2) = -1` and
its gain there tends to -1.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from tightbound.theory._log_space import log_sum
from tightbound.theory._validation import Array, as_floats

SYMMETRY = 1e-12


def circulant(row: ArrayLike) -> Array:
    """Return the matrix whose entry (i, j) is ``row[(j - i) % N]``.

    Parameters
    ----------
    row : array_like, shape (N,)
        The first row.

    Returns
    -------
    ndarray, shape (N, N)
        The circulant matrix.

    Raises
    ------
    TypeError, ValueError
        For entries that are not finite or more than one axis.

    Examples
    --------
    >>> circulant([0.0, 1.0, 2.0]).tolist()
    [[0.0, 1.0, 2.0], [2.0, 0.0, 1.0], [1.0, 2.0, 0.0]]
    """
    first = as_floats("row", row)
    if first.ndim != 1 or first.size == 0:
        raise ValueError(f"row has shape {first.shape}: give one axis of at least one entry")
    frames = np.arange(first.size)
    return np.asarray(first[(frames - frames[:, np.newaxis]) % first.size])


def other_frames_response(row: ArrayLike) -> Array:
    r"""Return the gains :math:`\hat b` of the attention to other frames alone.

    Parameters
    ----------
    row : array_like, shape (N,), N >= 2
        First row of the circulant, symmetric logits: row[d] = row[N - d].

    Returns
    -------
    ndarray, shape (N,)
        Values in [-1, 1], 1 at frequency 0; they sum to 0.

    Raises
    ------
    TypeError, ValueError
        For entries that are not finite, fewer than 2 of them, or a row that is not symmetric.

    Examples
    --------
    >>> other_frames_response([0.0, 0.0, 0.0, 0.0]).round(6).tolist()
    [1.0, -0.333333, -0.333333, -0.333333]
    """
    first = as_symmetric(row)
    weights = np.zeros_like(first)
    weights[1:] = np.exp(first[1:] - first[1:].max())
    weights /= weights.sum()
    return np.asarray(np.fft.fft(weights).real)


def self_weight(row: ArrayLike, reduction: ArrayLike = 0.0) -> Array:
    r"""Return beta, every frame's weight on itself, logit beta = logit p - a.

    Parameters
    ----------
    row : array_like, shape (N,)
        See :func:`other_frames_response`.
    reduction : array_like
        a, of any shape and sign; 0 gives p.

    Returns
    -------
    ndarray, of the shape of ``reduction``
        Values in (0, 1), up to rounding.

    Raises
    ------
    TypeError, ValueError
        As in :func:`other_frames_response`, and for reductions that are not finite.

    Examples
    --------
    >>> self_weight([0.0, 0.0, 0.0, 0.0], [0.0, 800.0]).tolist()
    [0.25, 0.0]
    """
    return np.asarray(expit(self_weight_logit(row) - as_floats("reduction", reduction)))


def self_weight_logit(row: ArrayLike) -> float:
    """Return logit p = row[0] - log sum of the others, finite for every row.

    Examples
    --------
    >>> round(self_weight_logit([0.0, 0.0, 0.0, 0.0]), 6)
    -1.098612
    """
    first = as_symmetric(row)
    return float(first[0] - log_sum(first[1:]))


def frequency_response(row: ArrayLike, reduction: ArrayLike = 0.0) -> Array:
    r"""Return the gains f_beta of attention whose diagonal logits are reduced.

    Parameters
    ----------
    row : array_like, shape (N,)
        First row of the circulant, symmetric logits.
    reduction : array_like
        a, of any shape and sign.

    Returns
    -------
    ndarray, shape (*reduction.shape, N)
        Real gains, 1 at frequency 0.

    Raises
    ------
    TypeError, ValueError
        As in :func:`self_weight`.

    Examples
    --------
    Attention to the two neighbours, first as strong as to oneself, then with the diagonal taken away:

    >>> row = [0.0, 0.0, -800.0, 0.0]
    >>> frequency_response(row, [0.0, 800.0]).round(3).tolist()
    [[1.0, 0.333, -0.333, 0.333], [1.0, 0.0, -1.0, 0.0]]
    """
    others = other_frames_response(row)
    beta = self_weight(row, reduction)[..., np.newaxis]
    return np.asarray(others + beta * (1.0 - others))


def attenuates(row: ArrayLike, reduction: ArrayLike) -> np.ndarray:
    r"""Return whether no frequency is amplified by a reduction a > 0, |f_beta(k)| <= |f_p(k)| for all k.

    .. math:: \beta + p \ge \frac{2c}{1+c}, \qquad c = -\min_k \hat b(k) > 0

    *Proof.* For a > 0, beta < p, so f_beta(k) < f_p(k) wherever b = b(k) < 1. Hence |f_beta| <= |f_p| exactly
    where f_beta >= -f_p (if f_p < 0, both fail). That is 2 b + (beta + p)(1 - b) >= 0, or
    beta + p >= -2 b / (1 - b), whose right side falls with b: the smallest b decides. It is negative, since
    the gains sum to 0 and b(0) = 1. QED.

    Parameters
    ----------
    row : array_like, shape (N,)
        First row of the circulant, symmetric logits.
    reduction : array_like
        a > 0, of any shape.

    Returns
    -------
    ndarray of bool, of the shape of ``reduction``
        The condition.

    Raises
    ------
    TypeError, ValueError
        As in :func:`self_weight`, and for a reduction that is not positive: a negative one amplifies.

    Examples
    --------
    >>> attenuates([2.0, 0.0, -800.0, 0.0], [1.0, 8.0]).tolist()
    [True, False]
    """
    taken = as_floats("reduction", reduction)
    if taken.size and taken.min() <= 0.0:
        raise ValueError(f"reduction contains {taken.min()}: the condition is about reductions above 0")
    c = -other_frames_response(row).min()
    return np.asarray(self_weight(row, taken) + self_weight(row) >= 2.0 * c / (1.0 + c))


def largest_attenuating_reduction(row: ArrayLike) -> float:
    r"""Return the largest reduction that amplifies no frequency.

    .. math:: a = \operatorname{logit} p - \operatorname{logit}\Big(\frac{2c}{1+c} - p\Big)

    It is where :func:`attenuates` holds with equality, since beta falls with a.

    Parameters
    ----------
    row : array_like, shape (N,)
        First row of the circulant, symmetric logits.

    Returns
    -------
    float
        0 where every reduction amplifies something, infinity where none does.

    Raises
    ------
    TypeError, ValueError
        As in :func:`other_frames_response`.

    Examples
    --------
    >>> round(largest_attenuating_reduction([2.0, 0.0, -800.0, 0.0]), 6)
    2.613706
    """
    c = -other_frames_response(row).min()
    needed = 2.0 * c / (1.0 + c) - float(self_weight(row))
    if needed <= 0.0:
        return math.inf
    if needed >= 1.0:
        return 0.0
    return max(0.0, self_weight_logit(row) - math.log(needed / (1.0 - needed)))


def largest_nonnegative_reduction(row: ArrayLike) -> float:
    r"""Return the largest reduction that leaves all gains at least 0.

    .. math:: a = \operatorname{logit} p - \log c

    The smallest gain is -c + beta (1 + c), which is 0 at beta = c / (1 + c), whose logit is log c. Beyond it
    the sign of some frequency turns; up to it no frequency is amplified, since gains only fall.

    Parameters
    ----------
    row : array_like, shape (N,)
        First row of the circulant, symmetric logits.

    Returns
    -------
    float
        Negative where some gain is negative before any reduction.

    Raises
    ------
    TypeError, ValueError
        As in :func:`other_frames_response`.

    Examples
    --------
    >>> round(largest_nonnegative_reduction([2.0, 0.0, -800.0, 0.0]), 6)
    1.306853
    """
    return self_weight_logit(row) - math.log(-other_frames_response(row).min())


def as_symmetric(row: ArrayLike) -> Array:
    """Return a row of at least two finite entries with row[d] = row[N - d]."""
    first = as_floats("row", row)
    if first.ndim != 1 or first.size < 2:
        raise ValueError(f"row has shape {first.shape}: give the first row of the logits, at least 2 entries")
    apart = float(np.abs(first[1:] - first[:0:-1]).max())
    if apart > SYMMETRY * max(1.0, float(np.abs(first).max())):
        raise ValueError(
            f"row differs from its mirror image by {apart:g}: its gains would be complex; give row[d] = "
            "row[N - d], e.g. a function of the circular distance min(d, N - d)"
        )
    return first
