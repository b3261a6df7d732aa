r"""Kernel ridge attention: the attention that is exactly Bayesian model averaging.

.. math:: \mathrm{attn}^\dagger(q) = V^\top (\mathcal K(K, K) + \lambda I)^{-1} \mathcal K(K, q)

For values :math:`v_t = z\,\varphi(k_t) + \xi_t`, with prior variance :math:`\lambda_0` of each entry of z and
noise variance :math:`\sigma^2`, this is the posterior mean of :math:`z\,\varphi(q)` at the ridge
:math:`\lambda = \sigma^2/\lambda_0`, where :math:`\mathcal K(k, q) = \langle\varphi(k), \varphi(q)\rangle`.
At any other ridge it is the posterior mean under another prior. The primal (d x d) form and the Kalman
recursion of :class:`~tightbound.theory.in_context.gaussian_linear.GaussianLinear` give the same from the
features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_positive
from tightbound.theory.in_context.softmax_attention import attention_inputs


class Kernel(Protocol):
    """A positive semidefinite kernel between rows."""

    def __call__(self, first: Array, second: Array) -> Array:
        """Return the Gram matrix, shape (..., A, B), of rows (..., A, d) and (..., B, d)."""
        ...


@dataclass(frozen=True)
class LinearKernel:
    r"""The inner product, :math:`\mathcal K(k, q) = \langle k, q\rangle`: the keys are the features.

    Examples
    --------
    >>> LinearKernel()(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])).tolist()
    [[11.0]]
    """

    def __call__(self, first: Array, second: Array) -> Array:
        """Return the Gram matrix, shape (..., A, B)."""
        return np.asarray(first @ second.mT)


@dataclass(frozen=True)
class RBFKernel:
    r"""The Gaussian kernel, :math:`\mathcal K(k, q) = e^{-\kappa\|k-q\|^2/2}`.

    Parameters
    ----------
    kappa : float, default 1.0
        Inverse squared bandwidth, positive. For unit vectors the kernel is
        :math:`e^{\kappa(\langle k,q\rangle - 1)}`, the weight of softmax attention.

    Raises
    ------
    ValueError
        For a ``kappa`` that is not positive and finite.

    Examples
    --------
    >>> RBFKernel(2.0)(np.array([[0.0]]), np.array([[1.0]])).round(6).tolist()
    [[0.367879]]
    """

    kappa: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "kappa", as_positive("kappa", self.kappa))

    def __call__(self, first: Array, second: Array) -> Array:
        """Return the Gram matrix, shape (..., A, B)."""
        squares = (first**2).sum(-1)[..., :, None] + (second**2).sum(-1)[..., None, :]
        return np.asarray(np.exp(-0.5 * self.kappa * np.maximum(squares - 2.0 * (first @ second.mT), 0.0)))


Ridge = float | Literal["bayes"] | Callable[[int], float]
LINEAR = LinearKernel()


def ridge_attention(
    keys: ArrayLike,
    values: ArrayLike,
    queries: ArrayLike,
    *,
    kernel: Kernel = LINEAR,
    ridge: Ridge = "bayes",
    prior_variance: float = 1.0,
    noise_variance: float = 1.0,
) -> Array:
    r"""Return kernel ridge attention, from the T x T system of its dual form.

    Parameters
    ----------
    keys : array_like, shape (..., T, d)
        T >= 0 keys; leading axes run over independent prompts.
    values : array_like, shape (..., T, d_v)
        Their values.
    queries : array_like, shape (..., Q, d)
        What is asked; a common set of queries may leave out the leading axes.
    kernel : callable
        :class:`LinearKernel`, :class:`RBFKernel`, or any callable from rows to a Gram matrix.
    ridge : {"bayes"}, float, or callable from T to float
        ``"bayes"``: noise_variance / prior_variance, at which the output is the posterior mean. A callable
        gets the number of keys.
    prior_variance, noise_variance : float
        Positive; read by ``ridge="bayes"`` alone.

    Returns
    -------
    ndarray, shape (..., Q, d_v)
        One output per query; 0 for an empty prompt.

    Raises
    ------
    ValueError
        For shapes that do not fit, entries that are not finite, or a ridge that is not positive.

    References
    ----------
    Zhang, Zhang, Yang, Wang, AISTATS 2025, arXiv:2305.19420, (4.6) to (4.8) and Appendix E.4. The paper
    writes one letter for prior variance and ridge.

    Examples
    --------
    >>> keys, values = [[1.0], [1.0]], [[3.0], [2.0]]
    >>> ridge_attention(keys, values, [[1.0]], prior_variance=4.0, noise_variance=2.0).round(12).tolist()
    [[2.0]]
    """
    k, v, q = attention_inputs(keys, values, queries)
    steps = k.shape[-2]
    damping = _ridge(ridge, steps, prior_variance, noise_variance)
    return np.asarray(kernel(q, k) @ _solve(kernel(k, k), damping, v))


def ridge_variance(
    keys: ArrayLike,
    queries: ArrayLike,
    *,
    kernel: Kernel = LINEAR,
    prior_variance: float = 1.0,
    noise_variance: float = 1.0,
) -> Array:
    r"""Return the predictive variance that belongs to ridge attention at the Bayes ridge.

    .. math:: \sigma^2 + \lambda_0 \big(\mathcal K(q,q)
        - \mathcal K(q,K) (\mathcal K(K,K) + \lambda I)^{-1} \mathcal K(K,q)\big),
        \qquad \lambda = \sigma^2/\lambda_0

    Parameters
    ----------
    keys : array_like, shape (..., T, d)
        T >= 0 keys; leading axes run over independent prompts.
    queries : array_like, shape (..., Q, d)
        What is asked.
    kernel : callable
        As in :func:`ridge_attention`.
    prior_variance, noise_variance : float
        Positive.

    Returns
    -------
    ndarray, shape (..., Q)
        Variance of each coordinate of the next value, noise included.

    Raises
    ------
    ValueError
        For shapes that do not fit, entries that are not finite, or a variance that is not positive.

    Examples
    --------
    >>> ridge_variance([[1.0], [1.0]], [[1.0]], prior_variance=4.0, noise_variance=2.0).round(12).tolist()
    [2.8]
    """
    k, _, q = attention_inputs(keys, np.zeros((*np.shape(keys)[:-1], 1)), queries)
    prior, noise = (
        as_positive("prior_variance", prior_variance),
        as_positive("noise_variance", noise_variance),
    )
    cross = kernel(q, k)
    own = np.diagonal(kernel(q, q), axis1=-2, axis2=-1)
    explained = (cross * _solve(kernel(k, k), noise / prior, cross.mT).mT).sum(-1)
    return np.asarray(noise + prior * np.maximum(own - explained, 0.0))


def _solve(gram: Array, damping: float, right: Array) -> Array:
    try:
        return np.asarray(np.linalg.solve(gram + damping * np.eye(gram.shape[-1]), right))
    except np.linalg.LinAlgError:
        raise ValueError(
            f"ridge is {damping:g}, below the rounding of kernel values up to {np.abs(gram).max():g}, and "
            "keys repeat: the system is singular; give a larger ridge"
        ) from None


def _ridge(ridge: Ridge, steps: int, prior_variance: float, noise_variance: float) -> float:
    if isinstance(ridge, str):
        if ridge != "bayes":
            raise ValueError(f"ridge is {ridge!r}: give 'bayes', a positive number, or a function of T")
        return as_positive("noise_variance", noise_variance) / as_positive("prior_variance", prior_variance)
    return as_positive("ridge", ridge(steps) if callable(ridge) else ridge)
