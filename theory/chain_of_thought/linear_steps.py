r"""Reasoning in real-valued steps: the task of a prompt is one of finitely many chains of linear maps.

.. math:: \theta \sim \pi, \qquad z_0 \sim f, \qquad z_h = W_{\theta, h} z_{h-1} + \sigma \epsilon_h,
    \quad \epsilon_h \sim N(0, I_d), \quad h = 1, \dots, H, \qquad y = z_H.

The law f of the query is the same under all tasks, so a query by itself tells nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from tightbound.theory._validation import Array, as_floats, as_positive
from tightbound.theory.in_context._tasks import as_prior, readonly


@dataclass(frozen=True, eq=False)
class LinearSteps:
    r"""Tasks of H linear steps in R^d with Gaussian noise, with a prior over tasks.

    .. math:: \log p_\theta(z_1, \dots, z_H | z_0) = -\frac{1}{2\sigma^2}\sum_{h=1}^H
        \|z_h - W_{\theta, h} z_{h-1}\|^2 - \frac{Hd}{2}\log(2\pi\sigma^2)

    Parameters
    ----------
    prior : array_like, shape (M,)
        Law of the task. A task of probability zero keeps its place and never gets weight.
    matrices : array_like, shape (M, H, d, d)
        ``matrices[task, h-1]`` is the map of step h, H >= 1.
    noise : float
        sigma > 0, standard deviation of each coordinate of a step.

    Raises
    ------
    TypeError, ValueError
        For a prior that is no law, shapes that do not fit, entries that are not finite, or noise that is not
        positive.

    Warns
    -----
    UnsupportedTaskWarning
        For a task of prior probability zero.

    References
    ----------
    Hu, Zhang, Chen, Yang, "Unveiling the Statistical Foundations of Chain-of-Thought Prompting Methods",
    arXiv:2408.14511, abstract: the multi-step latent variable model, here with linear steps.

    Examples
    --------
    >>> double, halve = [[[2.0]], [[2.0]]], [[[2.0]], [[0.5]]]
    >>> problem = LinearSteps([0.5, 0.5], [double, halve], noise=1.0)
    >>> problem.posterior([[[1.0], [2.0], [3.0]]]).round(4).tolist()
    [0.8176, 0.1824]
    >>> mean, covariance = problem.answer_moments([1.0])
    >>> mean[:, 0].tolist(), covariance[:, 0, 0].tolist()
    ([4.0, 1.0], [5.0, 1.25])
    """

    prior: Array
    matrices: Array
    noise: float

    def __init__(self, prior: ArrayLike, matrices: ArrayLike, noise: float) -> None:
        believed, maps = as_prior(prior), as_floats("matrices", matrices)
        if (
            maps.ndim != 4
            or maps.shape[0] != believed.size
            or maps.shape[2] != maps.shape[3]
            or 0 in maps.shape
        ):
            raise ValueError(
                f"matrices has shape {maps.shape}: give a square matrix per task and step, "
                f"({believed.size}, H, d, d) with H >= 1"
            )
        spread = as_positive("noise", noise)
        for name, array in (("prior", believed), ("matrices", maps)):
            object.__setattr__(self, name, readonly(array))
        object.__setattr__(self, "noise", spread)

    @property
    def tasks(self) -> int:
        """M, number of tasks."""
        return int(self.matrices.shape[0])

    @property
    def steps(self) -> int:
        """H, number of steps from query to answer."""
        return int(self.matrices.shape[1])

    @property
    def dim(self) -> int:
        """d, dimension of a state."""
        return int(self.matrices.shape[2])

    def residual_maps(self) -> Array:
        r"""Return the matrices that take a trajectory, written as one row, to its noise under each task.

        .. math:: B_\theta (z_0, \dots, z_H) = (z_h - W_{\theta, h} z_{h-1})_{h = 1, \dots, H}

        Returns
        -------
        ndarray, shape (M, H d, (H+1) d)
        """
        d = self.dim
        found = np.zeros((self.tasks, self.steps * d, (self.steps + 1) * d))
        for h in range(self.steps):
            rows = slice(h * d, (h + 1) * d)
            found[:, rows, rows] = -self.matrices[:, h]
            found[:, rows, (h + 1) * d : (h + 2) * d] = np.eye(d)
        return found

    def log_likelihood(self, demonstrations: ArrayLike) -> Array:
        """Return the log density of the steps of every demonstration under every task, given its query.

        Parameters
        ----------
        demonstrations : array_like, shape (..., H+1, d)
            Whole trajectories.

        Returns
        -------
        ndarray, shape (..., M)
            In nats.

        Raises
        ------
        TypeError, ValueError
            For a shape that does not fit, or entries that are not finite.
        """
        z = as_floats("demonstrations", demonstrations)
        if z.shape[-2:] != (self.steps + 1, self.dim) or z.ndim < 2:
            raise ValueError(
                f"demonstrations has shape {z.shape}: its last axes must hold the {self.steps + 1} states "
                f"z_0, ..., z_H of {self.dim} numbers each"
            )
        guess = np.einsum("mhij,...hj->...mhi", self.matrices, z[..., :-1, :])
        squares = ((z[..., None, 1:, :] - guess) ** 2).sum(axis=(-2, -1))
        constant = 0.5 * self.steps * self.dim * math.log(2.0 * math.pi * self.noise**2)
        return np.asarray(-squares / (2.0 * self.noise**2) - constant)

    def posterior(self, demonstrations: ArrayLike) -> Array:
        """Return the posterior over tasks, shape (..., M), after demonstrations of shape (..., n, H+1, d)."""
        table = self.log_likelihood(demonstrations)
        if table.ndim < 2:
            raise ValueError(
                f"demonstrations has shape {np.shape(demonstrations)}: give a sequence of trajectories, "
                "(..., n, H+1, d)"
            )
        with np.errstate(divide="ignore"):
            weights = table.sum(axis=-2) + np.log(self.prior)
        return np.asarray(np.exp(weights - logsumexp(weights, axis=-1, keepdims=True)))

    def answer_moments(self, query: ArrayLike) -> tuple[Array, Array]:
        r"""Return mean and covariance of the answer under each task.

        .. math:: y | z_0, \theta \sim N\Big(W_H \cdots W_1 z_0,\
            \sigma^2 \sum_{h=1}^H (W_H \cdots W_{h+1})(W_H \cdots W_{h+1})^\top\Big)

        Parameters
        ----------
        query : array_like, shape (..., d)
            z_0.

        Returns
        -------
        mean : ndarray, shape (..., M, d)
        covariance : ndarray, shape (M, d, d)
            The same for every query.

        Raises
        ------
        TypeError, ValueError
            For a shape that does not fit, or entries that are not finite.
        """
        start = as_floats("query", query)
        if start.ndim == 0 or start.shape[-1] != self.dim:
            raise ValueError(f"query has shape {start.shape}: its last axis must hold {self.dim} numbers")
        mean = np.broadcast_to(start[..., None, :], (*start.shape[:-1], self.tasks, self.dim))
        covariance = np.zeros((self.tasks, self.dim, self.dim))
        for h in range(self.steps):
            step = self.matrices[:, h]
            mean = (step @ mean[..., None])[..., 0]
            covariance = step @ covariance @ step.mT + self.noise**2 * np.eye(self.dim)
        return mean, covariance
