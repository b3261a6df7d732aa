r"""A stack of linear-attention blocks, each of which is one step of gradient descent on ridge regression.

.. math:: F(w) = \tfrac12 \|Xw - y\|^2 + \tfrac{\lambda}{2}\|w\|^2, \qquad
    \nabla F(w) = G w - X^\top y, \quad G = X^\top X + \lambda I

With :math:`\lambda = \sigma^2/\lambda_0` the minimiser is the posterior mean of a Gaussian linear concept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_integer, as_positive
from tightbound.theory.in_context.networks._validation import as_prompt, frozen
from tightbound.theory.in_context.networks.layers import LinearAttention, LinearAttentionBlock


class Schedule(NamedTuple):
    """Step size and momentum of every block, each of shape (blocks,)."""

    step: Array
    momentum: Array


@dataclass(frozen=True, eq=False)
class LinearAttentionStack:
    r"""Blocks of linear attention that run gradient descent in their activations.

    The tokens are :math:`(x_i, y_i, f_i, g_i)`, of width d + 3, with f = g = 0 at first; a query token is
    :math:`(q, 0, 0, 0)` and is not attended to. Block l has :math:`W_Q = W_K` picking x, :math:`W_V` writing
    :math:`\eta_l (y_j - f_j)` into the coordinate f, and the skip
    :math:`f \leftarrow (1 - \eta_l\lambda + \beta_l) f - \beta_l g`, :math:`g \leftarrow f`:

    .. math:: f^{l+1} = f^l + \beta_l (f^l - f^{l-1})
        + \eta_l\Big(\sum_j \langle x, x_j\rangle (y_j - f^l_j) - \lambda f^l\Big).

    *Each block is a step of gradient descent.* If :math:`f^l_i = \langle x_i, w_l\rangle` and
    :math:`g^l_i = \langle x_i, w_{l-1}\rangle` in every token (true at l = 0 with w = 0), the right side is
    :math:`\langle x, w_{l+1}\rangle` with
    :math:`w_{l+1} = w_l + \beta_l (w_l - w_{l-1}) - \eta_l (G w_l - X^\top y)`, for demonstrations and
    queries alike. So the query token carries :math:`f_q = \langle q, w_l\rangle` after l blocks.

    *Contraction.* Without momentum :math:`w_{l+1} - w^* = (I - \eta G)(w_l - w^*)`. Let :math:`\mu, L` be the
    extreme eigenvalues of G and :math:`\eta = 2/(\mu + L)`: the eigenvalues of :math:`I - \eta G` lie in
    :math:`[-\rho, \rho]`, :math:`\rho = (L - \mu)/(L + \mu)`, both ends attained, whence

    .. math:: |f_q - \langle q, w^*\rangle| \le \|q\|\,\|w^*\|\,\rho^l .

    With Chebyshev's steps :math:`w_l - w^* = -P_l(G) w^*`, where :math:`P_l(t) =
    T_l((L + \mu - 2t)/(L - \mu))/T_l((L + \mu)/(L - \mu))` is the polynomial of degree l with
    :math:`P_l(0) = 1` that is smallest on :math:`[\mu, L]`, so :math:`\rho^l` becomes

    .. math:: 1/T_l\big(\tfrac{L+\mu}{L-\mu}\big) = 2 r^l/(1 + r^{2l}), \qquad
        r = (\sqrt{L/\mu} - 1)/(\sqrt{L/\mu} + 1) .

    *Against the printed rate.* Both errors fall like :math:`e^{-cD}` in the number D of blocks. The proof of
    the printed approximation result gives a stretched exponential :math:`e^{-cD^{1/4}}` for general targets.
    These networks are consistent with it and better; they say nothing about its exponent.

    Parameters
    ----------
    dim : int
        d.
    blocks : tuple of LinearAttentionBlock
        From input to output.

    See Also
    --------
    linear_attention_stack : writes the weights.
    """

    dim: int
    blocks: tuple[LinearAttentionBlock, ...]

    def __call__(self, inputs: ArrayLike, targets: ArrayLike, queries: ArrayLike) -> Array:
        """Return the prediction for every query after every block.

        Parameters
        ----------
        inputs : array_like, shape (..., T, d)
            Rows x_i of the demonstrations; T may be 0.
        targets : array_like, shape (..., T)
            Their responses y_i.
        queries : array_like, shape (..., Q, d)
            Rows q.

        Returns
        -------
        ndarray, shape (..., blocks + 1, Q)
            Entry l is f_q after l blocks; entry 0 is 0.

        Raises
        ------
        ValueError
            For shapes that do not fit, or entries that are not finite.
        """
        x, y, q = as_prompt(inputs, targets, queries, self.dim)
        context = np.concatenate([x, y[..., None], np.zeros((*y.shape, 2))], axis=-1)
        tokens = np.concatenate([q, np.zeros((*q.shape[:-1], 3))], axis=-1)
        found = [tokens[..., self.dim + 1]]
        for block in self.blocks:
            tokens, context = block(tokens, context), block(context, context)
            found.append(tokens[..., self.dim + 1])
        return np.stack(found, axis=-2)


def linear_attention_stack(
    dim: int, step: ArrayLike, *, momentum: ArrayLike | None = None, ridge: float = 0.0
) -> LinearAttentionStack:
    r"""Write the weights of blocks that each take one gradient step.

    Parameters
    ----------
    dim : int
        d, number of features, at least 1.
    step : array_like, shape (blocks,)
        Step sizes :math:`\eta_l > 0`; :func:`gradient_schedule` and :func:`chebyshev_schedule` give them.
    momentum : array_like, shape (blocks,), optional
        :math:`\beta_l \ge 0`; 0 where left out.
    ridge : float
        :math:`\lambda \ge 0`.

    Returns
    -------
    LinearAttentionStack

    Raises
    ------
    TypeError, ValueError
        For a dimension below 1, a step that is not positive, a negative momentum or ridge, or shapes that do
        not fit.

    References
    ----------
    von Oswald et al., "Transformers learn in-context by gradient descent", ICML 2023: one step for one layer
    of linear attention.

    Examples
    --------
    >>> x, y = np.array([[1.0], [1.0]]), np.array([2.0, 4.0])
    >>> schedule = gradient_schedule(2, *spectrum(x))
    >>> linear_attention_stack(1, *schedule[:1])(x, y, [[1.0]])[:, 0].tolist()  # one step is enough in 1-d
    [0.0, 3.0, 3.0]
    """
    width = as_integer("dim", dim, least=1)
    eta = as_floats("step", step)
    beta = np.zeros(eta.shape) if momentum is None else as_floats("momentum", momentum)
    if eta.ndim != 1 or beta.shape != eta.shape:
        raise ValueError(
            f"step has shape {eta.shape} and momentum {beta.shape}: give one number per block, (blocks,)"
        )
    if np.any(eta <= 0.0) or np.any(beta < 0.0):
        raise ValueError("step must be positive and momentum at least 0: take them from a schedule")
    lam = float(as_floats("ridge", ridge))
    if lam < 0.0:
        raise ValueError(f"ridge is {lam}: give a number of at least 0")
    return LinearAttentionStack(
        width, tuple(_block(width, e, b, lam) for e, b in zip(eta, beta, strict=True))
    )


def spectrum(inputs: ArrayLike, ridge: float = 0.0) -> tuple[float, float]:
    r"""Return the extreme eigenvalues of :math:`X^\top X + \lambda I` over all prompts given.

    Parameters
    ----------
    inputs : array_like, shape (..., T, d)
        Rows x_i.
    ridge : float
        :math:`\lambda \ge 0`.

    Returns
    -------
    smallest, largest : float

    Raises
    ------
    ValueError
        For a matrix without an inverse: fewer than d independent rows and no ridge.

    Examples
    --------
    >>> spectrum([[1.0, 0.0], [0.0, 2.0]])
    (1.0, 4.0)
    """
    x = as_floats("inputs", inputs)
    if x.ndim < 2 or x.shape[-1] == 0:
        raise ValueError(f"inputs has shape {x.shape}: give one row per demonstration, (..., T, d)")
    lam = float(as_floats("ridge", ridge))
    values = np.linalg.eigvalsh(x.mT @ x + lam * np.eye(x.shape[-1]))
    smallest, largest = float(values.min()), float(values.max())
    if lam < 0.0 or smallest <= x.shape[-1] * np.finfo(np.float64).eps * largest:
        raise ValueError(
            f"ridge is {lam} and the smallest eigenvalue {smallest:g}: {x.shape[-2]} rows do not determine "
            f"{x.shape[-1]} features; give a positive ridge or more independent rows"
        )
    return smallest, largest


def contraction_factor(smallest: float, largest: float) -> float:
    r"""Return :math:`\rho = (L - \mu)/(L + \mu)`, by which a step of size 2/(mu + L) shrinks the error.

    Examples
    --------
    >>> contraction_factor(1.0, 3.0)
    0.5
    """
    mu, top = _ordered(smallest, largest)
    return (top - mu) / (top + mu)


def gradient_bound(blocks: ArrayLike, smallest: float, largest: float) -> Array:
    r"""Return :math:`\rho^l`, the factor left of :math:`\|q\|\|w^*\|` after l gradient steps.

    Examples
    --------
    >>> gradient_bound([0, 2], 1.0, 3.0).tolist()
    [1.0, 0.25]
    """
    return np.asarray(contraction_factor(smallest, largest) ** as_floats("blocks", blocks))


def chebyshev_bound(blocks: ArrayLike, smallest: float, largest: float) -> Array:
    r"""Return :math:`2r^l/(1 + r^{2l})`, the factor left of :math:`\|q\|\|w^*\|` after l Chebyshev steps.

    Examples
    --------
    >>> chebyshev_bound([0, 1, 2], 1.0, 4.0).round(4).tolist()
    [1.0, 0.6, 0.2195]
    """
    mu, top = _ordered(smallest, largest)
    root = math.sqrt(top / mu)
    r = (root - 1.0) / (root + 1.0)
    power = r ** as_floats("blocks", blocks)
    return np.asarray(2.0 * power / (1.0 + power**2))


def gradient_schedule(blocks: int, smallest: float, largest: float) -> Schedule:
    r"""Return the constant step :math:`2/(\mu + L)` without momentum.

    Examples
    --------
    >>> gradient_schedule(2, 1.0, 3.0)
    Schedule(step=array([0.5, 0.5]), momentum=array([0., 0.]))
    """
    count = as_integer("blocks", blocks, least=0)
    mu, top = _ordered(smallest, largest)
    return Schedule(np.full(count, 2.0 / (mu + top)), np.zeros(count))


def chebyshev_schedule(blocks: int, smallest: float, largest: float) -> Schedule:
    r"""Return the steps and momenta of Chebyshev's semi-iteration.

    With :math:`\vartheta = (L+\mu)/2, \delta = (L-\mu)/2` and :math:`\rho_0 = \delta/\vartheta,
    \rho_l = (2\vartheta/\delta - \rho_{l-1})^{-1}`: :math:`\eta_0 = 1/\vartheta, \beta_0 = 0` and
    :math:`\eta_l = 2\rho_l/\delta, \beta_l = \rho_l\rho_{l-1}`.

    References
    ----------
    Saad, "Iterative methods for sparse linear systems", 2nd edition, SIAM 2003, Algorithm 12.1.

    Examples
    --------
    >>> schedule = chebyshev_schedule(2, 1.0, 3.0)
    >>> schedule.step.round(4).tolist(), schedule.momentum.round(4).tolist()
    ([0.5, 0.5714], [0.0, 0.1429])
    """
    count = as_integer("blocks", blocks, least=0)
    mu, top = _ordered(smallest, largest)
    center, half = (top + mu) / 2.0, (top - mu) / 2.0
    step, momentum = np.full(count, 1.0 / center), np.zeros(count)
    if half > 0.0:
        last = half / center
        for block in range(1, count):
            now = 1.0 / (2.0 * center / half - last)
            step[block], momentum[block] = 2.0 * now / half, now * last
            last = now
    return Schedule(step, momentum)


def _block(dim: int, step: float, momentum: float, ridge: float) -> LinearAttentionBlock:
    target, estimate, before = dim, dim + 1, dim + 2
    pick = np.eye(dim + 3)[:, :dim]
    value = np.zeros((dim + 3, dim + 3))
    value[target, estimate], value[estimate, estimate] = step, -step
    skip = np.eye(dim + 3)
    skip[estimate, estimate] = 1.0 - step * ridge + momentum
    skip[before, estimate] = -momentum
    skip[estimate, before], skip[before, before] = 1.0, 0.0
    attention = LinearAttention(query=frozen(pick), key=frozen(pick), value=frozen(value))
    return LinearAttentionBlock(attention, frozen(skip))


def _ordered(smallest: float, largest: float) -> tuple[float, float]:
    mu, top = as_positive("smallest", smallest), as_positive("largest", largest)
    if mu > top:
        raise ValueError(f"smallest is {mu} and largest {top}: give eigenvalues in order")
    return mu, top
