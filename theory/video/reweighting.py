r"""Reweighting of attention: what a change of logits does to the rows of a softmax.

**Affine path.** Let A = sm(S), p_i = A_ii < 1, and let B be A without its diagonal,

.. math:: B_{ij} = A_{ij} / (1 - p_i) \; (i \ne j), \qquad B_{ii} = 0.

Then for every vector a of reductions

.. math:: \mathrm{sm}(S - \mathrm{diag}(a)) = \mathrm{diag}(\beta) + (I - \mathrm{diag}(\beta)) B, \qquad
          \operatorname{logit} \beta_i = \operatorname{logit} p_i - a_i.

*Proof.* Row i of the left side is proportional to e^{S_ij} for j != i and to e^{S_ii - a_i} for j = i. The
ratios off the diagonal are those of A, so they are B's after the diagonal is taken out; and the odds of the
diagonal against the rest are e^{-a_i} times p_i / (1 - p_i). In general
:math:`\mathrm{sm}(S + \Lambda)_{ij} = A_{ij} e^{\Lambda_{ij}} / \sum_k A_{ik} e^{\Lambda_{ik}}`, by the same
cancellation of the row's normaliser. QED.

Everything here starts from logits: where a row has all its mass on one frame, the logarithm of the weights
has lost the others, and with them what the row turns to when that frame is reduced.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from tightbound.theory._log_space import log_sum
from tightbound.theory._validation import Array, as_floats
from tightbound.theory.video.motion_intensity import as_square


def attention_weights(logits: ArrayLike) -> Array:
    """Return the softmax of every row.

    Parameters
    ----------
    logits : array_like, shape (..., N, N)
        Finite; put a large negative number such as -1e4 where a mask forbids attention.

    Returns
    -------
    ndarray, shape (..., N, N)
        Rows that sum to 1.

    Raises
    ------
    TypeError, ValueError
        For logits that are not finite or not square.

    Examples
    --------
    >>> attention_weights([[0.0, 0.0], [0.0, 800.0]]).tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    """
    rows = as_square("logits", logits)
    weights = np.exp(rows - rows.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def reweight(logits: ArrayLike, change: ArrayLike) -> Array:
    """Return the softmax of logits plus a change of them.

    Parameters
    ----------
    logits, change : array_like, shape (..., N, N)
        S and Lambda; leading axes broadcast.

    Returns
    -------
    ndarray, shape (..., N, N)
        sm(S + Lambda).

    Raises
    ------
    TypeError, ValueError
        For entries that are not finite or shapes that do not agree.

    Examples
    --------
    >>> reweight([[0.0, 0.0], [0.0, 0.0]], [[-800.0, 0.0], [0.0, -800.0]]).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    rows, added = as_square("logits", logits), as_square("change", change)
    if rows.shape[-1] != added.shape[-1]:
        raise ValueError(f"change has shape {added.shape}, logits {rows.shape}: give one entry per logit")
    return attention_weights(rows + added)


def reduce_diagonal(logits: ArrayLike, reduction: ArrayLike) -> Array:
    """Return the softmax of logits whose diagonal is reduced.

    Parameters
    ----------
    logits : array_like, shape (..., N, N)
        S.
    reduction : array_like, shape (..., N) or broadcast to it
        What is subtracted from the diagonal, a; negative numbers strengthen it.

    Returns
    -------
    ndarray, shape (..., N, N)
        sm(S - diag(a)).

    Raises
    ------
    TypeError, ValueError
        For entries that are not finite or shapes that do not broadcast.

    Examples
    --------
    >>> reduce_diagonal([[800.0, 0.0], [0.0, 0.0]], [800.0, 0.0]).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    rows = as_square("logits", logits)
    return attention_weights(rows - _reduction(reduction, rows)[..., np.newaxis] * np.eye(rows.shape[-1]))


def self_logit(logits: ArrayLike) -> Array:
    r"""Return the log odds of every frame's weight on itself, logit p_i = S_ii - log sum_{j != i} e^{S_ij}.

    Parameters
    ----------
    logits : array_like, shape (..., N, N), N >= 2
        S.

    Returns
    -------
    ndarray, shape (..., N)
        Finite also where p_i rounds to 0 or 1.

    Raises
    ------
    TypeError, ValueError
        For logits that are not finite or not square, or a single frame, whose odds are infinite.

    Examples
    --------
    >>> self_logit([[800.0, 0.0], [0.0, 0.0]]).tolist()
    [800.0, 0.0]
    """
    rows = _several(logits)
    return np.asarray(np.diagonal(rows, axis1=-2, axis2=-1) - log_sum(without_diagonal(rows)))


def off_diagonal(logits: ArrayLike) -> Array:
    """Return B, the attention to other frames alone.

    Parameters
    ----------
    logits : array_like, shape (..., N, N), N >= 2
        S; its diagonal has no influence.

    Returns
    -------
    ndarray, shape (..., N, N)
        Rows that sum to 1, with a zero diagonal.

    Raises
    ------
    TypeError, ValueError
        As in :func:`self_logit`.

    Examples
    --------
    >>> off_diagonal([[800.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])[0].tolist()
    [0.0, 0.5, 0.5]
    """
    rows = _several(logits)
    others = without_diagonal(rows)
    weights = np.exp(others - others.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    frames = rows.shape[-1]
    found = np.zeros_like(rows)
    i, j = np.nonzero(~np.eye(frames, dtype=bool))
    found[..., i, j] = weights.reshape(*rows.shape[:-2], -1)
    return found


def affine_path(logits: ArrayLike, reduction: ArrayLike) -> Array:
    """Return diag(beta) + (I - diag(beta)) B, which is the softmax of the reduced logits (see above).

    Parameters
    ----------
    logits : array_like, shape (..., N, N), N >= 2
        S.
    reduction : array_like, shape (..., N) or broadcast to it
        a.

    Returns
    -------
    ndarray, shape (..., N, N)
        The same as :func:`reduce_diagonal`, by the other route.

    Raises
    ------
    TypeError, ValueError
        As in :func:`self_logit`, and for a reduction that does not broadcast.

    Examples
    --------
    >>> affine_path([[800.0, 0.0], [0.0, 0.0]], [800.0, 0.0]).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    rows = _several(logits)
    odds = (self_logit(rows) - _reduction(reduction, rows))[..., np.newaxis]
    return np.asarray(expit(odds) * np.eye(rows.shape[-1]) + expit(-odds) * off_diagonal(rows))


def without_diagonal(rows: Array) -> Array:
    """Return the entries off the diagonal, (..., N, N) -> (..., N, N - 1), in their order."""
    frames = rows.shape[-1]
    i, j = np.nonzero(~np.eye(frames, dtype=bool))
    return np.asarray(rows[..., i, j].reshape(*rows.shape[:-1], frames - 1))


def _several(logits: ArrayLike) -> Array:
    rows = as_square("logits", logits)
    if rows.shape[-1] < 2:
        raise ValueError(f"logits has shape {rows.shape}: one frame has no others; give at least 2 frames")
    return rows


def _reduction(value: ArrayLike, rows: Array) -> Array:
    found = as_floats("reduction", value)
    try:
        np.broadcast_shapes(found.shape, rows.shape[-1:])
    except ValueError as error:
        raise ValueError(
            f"reduction has shape {found.shape}, logits {rows.shape}: give one number or one per frame"
        ) from error
    return np.asarray(np.broadcast_to(found, np.broadcast_shapes(found.shape, rows.shape[-1:])))
