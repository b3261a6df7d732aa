r"""A network that turns real-valued demonstrations into a posterior over finitely many linear tasks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_integer, as_positive
from tightbound.theory.in_context.networks._validation import frozen
from tightbound.theory.in_context.networks.layers import ReluLayer
from tightbound.theory.in_context.networks.posterior_head import Counting, PosteriorHead, posterior_head
from tightbound.theory.in_context.networks.relu_square import SquareNetwork
from tightbound.theory.in_context.perturbation import softmax_stability


@dataclass(frozen=True, eq=False)
class ReluPosteriorNetwork:
    r"""Feed-forward layers that square residuals, then two attention blocks of Bayes' rule.

    .. math:: P(\theta|y_1, \dots, y_n) \propto \pi_\theta
        \exp\Big(-\frac{1}{2\sigma^2}\sum_{i \le n}\|B_\theta y_i\|^2\Big)

    Demonstrations are :math:`y_i \in R^D`, and :math:`B_\theta y` of length K is what task theta leaves
    unexplained, standard noise of size sigma under theta. For regression y = (c, r) and
    :math:`B_\theta = (-w_\theta^\top, 1)`.

    The first layer computes :math:`|B_\theta y|/A` by two ReLUs per residual; a :class:`SquareNetwork` f
    follows, entry by entry; its sum over residuals times :math:`-A^2/(2\sigma^2)` is the log-likelihood that
    :class:`PosteriorHead` takes.

    *Error.* With :math:`0 \le f(x) - x^2 \le \epsilon` on [0, 1] and all residuals at most A in size, every
    logit is lowered by something in :math:`[0, \eta]`, :math:`\eta = n K A^2 \epsilon/(2\sigma^2)`. One-sided
    stability of the softmax gives

    .. math:: TV(\text{network}, \text{posterior}) \le \tanh(\eta/4),

    and with L levels :math:`\epsilon = 4^{-(L+1)}`: the error falls like :math:`4^{-L}`. The same bound holds
    for every law that mixes fixed laws by these weights, such as the law of the answer, as mixing contracts
    total variation.

    *Against the printed rate.* The depth enters the error as :math:`e^{-L\log 4}`; the printed proof of the
    approximation result gives a stretched exponential :math:`e^{-cD^{1/4}}` in the depth D for general
    targets. The network is consistent with it and better; it says nothing about its exponent.

    Parameters
    ----------
    residuals : ReluLayer
        First layer, from D to M K.
    square : SquareNetwork
        The layers that square.
    head : PosteriorHead
        The attention blocks.
    scale, noise : float
        A and sigma, in units of the residuals.

    See Also
    --------
    relu_posterior_network : writes the weights.
    """

    residuals: ReluLayer
    square: SquareNetwork
    head: PosteriorHead
    scale: float
    noise: float

    @property
    def depth(self) -> int:
        """Number of layers: residuals, squaring, and two of attention."""
        return len(self.square.layers) + 3

    @property
    def per_task(self) -> int:
        """K, number of residuals of a demonstration under one task."""
        return int(self.residuals.outer.shape[1]) // self.head.tasks

    def logit_error(self, demonstrations: int) -> float:
        r"""Return :math:`\eta = nKA^2\epsilon/(2\sigma^2)`, the most by which a logit is off."""
        n = as_integer("demonstrations", demonstrations, least=0)
        return n * self.per_task * self.scale**2 * self.square.error / (2.0 * self.noise**2)

    def bound(self, demonstrations: int) -> float:
        r"""Return :math:`\tanh(\eta/4)`, the bound on the error in total variation."""
        return float(softmax_stability(self.logit_error(demonstrations), one_sided=True))

    def log_likelihood(self, demonstrations: ArrayLike) -> Array:
        """Return what enters the attention blocks, shape (..., n, M): log-likelihoods without the constant.

        Raises
        ------
        ValueError
            For shapes that do not fit, or a residual beyond the scale.
        """
        y = as_floats("demonstrations", demonstrations)
        width = self.residuals.inner.shape[0]
        if y.ndim < 2 or y.shape[-1] != width:
            raise ValueError(
                f"demonstrations has shape {y.shape}: give rows of {width} numbers, (..., n, {width})"
            )
        size = self.residuals(y)
        if size.size and size.max() > 1.0:
            raise ValueError(
                f"demonstrations have a residual of size {size.max() * self.scale:g}, beyond scale = "
                f"{self.scale:g}, where the network squares nothing; give a larger scale"
            )
        squares = self.square(size).reshape(*y.shape[:-1], self.head.tasks, self.per_task)
        return np.asarray(-(self.scale**2) / (2.0 * self.noise**2) * squares.sum(axis=-1))

    def __call__(self, demonstrations: ArrayLike) -> Array:
        """Return the posterior over tasks.

        Parameters
        ----------
        demonstrations : array_like, shape (..., n, D)
            n may be 0.

        Returns
        -------
        ndarray, shape (..., M)

        Raises
        ------
        ValueError
            For shapes that do not fit, entries that are not finite, or a residual beyond the scale.
        """
        return self.head(self.log_likelihood(demonstrations))


def relu_posterior_network(
    residuals: ArrayLike,
    prior: ArrayLike,
    square: SquareNetwork,
    *,
    scale: float,
    noise: float,
    counting: Counting = "position",
) -> ReluPosteriorNetwork:
    r"""Write the weights of a network that infers which linear task produced real-valued demonstrations.

    Parameters
    ----------
    residuals : array_like, shape (M, K, D)
        The matrices :math:`B_\theta`.
    prior : array_like, shape (M,)
        Law of the task, every entry positive.
    square : SquareNetwork
        ``relu_square(L)``, or any other.
    scale : float
        A > 0: the largest residual that the network accepts.
    noise : float
        Standard deviation sigma > 0 of a residual under its own task.
    counting : {"position", "begin", "linear"}
        See :class:`PosteriorHead`.

    Returns
    -------
    ReluPosteriorNetwork

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range, or shapes that do not fit.

    Examples
    --------
    >>> from tightbound.theory.in_context.networks.relu_square import relu_square
    >>> slopes = np.array([1.0, -1.0])  # r = w c + noise
    >>> maps = np.stack([np.array([[-w, 1.0]]) for w in slopes])
    >>> network = relu_posterior_network(maps, [0.5, 0.5], relu_square(10), scale=4.0, noise=1.0)
    >>> network([[1.0, 0.5]]).round(4).tolist()  # exact: 1 / (1 + exp(-1))
    [0.7311, 0.2689]
    """
    maps = as_floats("residuals", residuals)
    head = posterior_head(prior, counting=counting)
    if maps.ndim != 3 or maps.shape[0] != head.tasks or 0 in maps.shape:
        raise ValueError(f"residuals has shape {maps.shape}: give one matrix per task, ({head.tasks}, K, D)")
    size, sigma = as_positive("scale", scale), as_positive("noise", noise)
    rows = maps.reshape(-1, maps.shape[2])
    inner = np.concatenate([rows, -rows]).T / size
    outer = np.vstack([np.eye(len(rows)), np.eye(len(rows))])
    layer = ReluLayer(frozen(inner), frozen(np.zeros(2 * len(rows))), frozen(outer))
    return ReluPosteriorNetwork(layer, square, head, size, sigma)


def levels_needed(tolerance: float, demonstrations: int, *, per_task: int, scale: float, noise: float) -> int:
    r"""Return how many levels make the bound on total variation at most ``tolerance``.

    .. math:: L = \Big\lceil \log_4 \frac{n K A^2}{8 \sigma^2\,\mathrm{artanh}(\tau)} \Big\rceil - 1

    (at least 0), which solves :math:`\tanh(\eta/4) \le \tau` for
    :math:`\eta = nKA^2 4^{-(L+1)}/(2\sigma^2)`: logarithmic in everything.

    Parameters
    ----------
    tolerance : float
        tau in (0, 1).
    demonstrations, per_task : int
        n and K, at least 1.
    scale, noise : float
        A and sigma, positive.

    Returns
    -------
    int

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Examples
    --------
    >>> levels_needed(1e-6, 100, per_task=1, scale=8.0, noise=1.0)
    14
    """
    tau = as_positive("tolerance", tolerance)
    if tau >= 1.0:
        raise ValueError(f"tolerance is {tau}: total variation never exceeds 1; give a number in (0, 1)")
    n, k = as_integer("demonstrations", demonstrations, least=1), as_integer("per_task", per_task, least=1)
    size, sigma = as_positive("scale", scale), as_positive("noise", noise)
    ratio = n * k * (size / sigma) ** 2 / (8.0 * math.atanh(tau))
    return max(0, math.ceil(math.log(ratio, 4.0)) - 1)
