"""How scores of one row depend on each other's logits, and the gradient that feeds a sink."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_laws


def softmax_jacobian(scores: ArrayLike) -> Array:
    r"""Return how softmax scores react to the logits.

    .. math:: \frac{\partial A_j}{\partial s_k} = A_j (1[j = k] - A_k)

    Parameters
    ----------
    scores : array_like, shape (..., C)
        Rows of softmax attention.

    Returns
    -------
    ndarray, shape (..., C, C)
        Entry (j, k). Symmetric; rows and columns sum to zero; every entry off the diagonal is negative where
        both scores are positive: what one column gains the others lose.

    Raises
    ------
    ValueError
        For rows that are no probabilities.

    Notes
    -----
    *Proof.* :math:`\log A_j = s_j - \log\sum_k e^{s_k}`, so :math:`\partial \log A_j / \partial s_k =
    1[j = k] - A_k`. The sum over k is :math:`A_j (1 - 1) = 0`. ∎

    Examples
    --------
    >>> softmax_jacobian([0.25, 0.75]).tolist()
    [[0.1875, -0.1875], [-0.1875, 0.1875]]
    """
    a = as_laws("scores", scores)
    return np.asarray(a[..., :, None] * (np.eye(a.shape[-1]) - a[..., None, :]))


def sigmoid_jacobian(scores: ArrayLike) -> Array:
    r"""Return how scores :math:`A_j = \sigma(s_j)` without a normaliser react to the logits.

    .. math:: \frac{\partial A_j}{\partial s_k} = 1[j = k]\, A_j (1 - A_j)

    Parameters
    ----------
    scores : array_like, shape (..., C)
        Scores in [0, 1].

    Returns
    -------
    ndarray, shape (..., C, C)
        Exactly zero off the diagonal: no score depends on another's logit.

    Raises
    ------
    ValueError
        For scores outside [0, 1].

    Examples
    --------
    >>> sigmoid_jacobian([0.5, 0.25]).tolist()
    [[0.25, 0.0], [0.0, 0.1875]]
    """
    a = as_floats("scores", scores)
    if a.ndim == 0 or a.size == 0 or a.min() < 0.0 or a.max() > 1.0:
        raise ValueError(f"scores is {scores!r}: give rows of values of a sigmoid, in [0, 1]")
    return np.asarray((a * (1.0 - a))[..., None] * np.eye(a.shape[-1]))


def logit_gradient(scores: ArrayLike, values: ArrayLike, output_gradient: ArrayLike) -> Array:
    r"""Return the gradient of a loss with respect to the logits of softmax attention.

    .. math:: \frac{\partial L}{\partial s_{tj}}
        = A_{tj} \Bigl(u_t \cdot v_j - \sum_k A_{tk}\, u_t \cdot v_k\Bigr), \qquad
        u_t = \frac{\partial L}{\partial\,\mathrm{out}_t}

    Parameters
    ----------
    scores : array_like, shape (..., R, C)
        Rows of softmax attention.
    values : array_like, shape (..., C, d)
        Values.
    output_gradient : array_like, shape (..., R, d)
        u.

    Returns
    -------
    ndarray, shape (..., R, C)
        Rows sum to zero.

    Raises
    ------
    ValueError
        For shapes that do not fit or rows that are no probabilities.

    Notes
    -----
    *Proof.* :math:`\partial\,\mathrm{out}_t / \partial s_{tj} = \sum_k v_k\,\partial A_{tk}/\partial s_{tj}
    = A_{tj} (v_j - \mathrm{out}_t)` by `softmax_jacobian`. ∎

    It feeds a sink: where a head's output hurts, :math:`u_t \cdot \mathrm{out}_t > 0`, and :math:`v_1 = 0`,
    the derivative by :math:`s_{t1}` is :math:`-A_{t1}\, u_t \cdot \mathrm{out}_t < 0`. So a step down the
    gradient raises the logit on token 1, and the more, the more attention token 1 has.

    Examples
    --------
    >>> logit_gradient([[0.5, 0.5]], [[0.0], [2.0]], [[1.0]]).tolist()
    [[-0.5, 0.5]]
    """
    a, v, u = (
        as_laws("scores", scores),
        as_floats("values", values),
        as_floats("output_gradient", output_gradient),
    )
    if (
        min(a.ndim, v.ndim, u.ndim) < 2
        or v.shape[-2:] != (a.shape[-1], u.shape[-1])
        or u.shape[-2] != a.shape[-2]
    ):
        raise ValueError(
            f"scores {a.shape}, values {v.shape} and output_gradient {u.shape} do not fit: give (..., R, C), "
            "(..., C, d) and (..., R, d)"
        )
    along = u @ v.mT
    return np.asarray(a * (along - (a * along).sum(axis=-1, keepdims=True)))
