r"""Reasoning in discrete steps: the task of a prompt is one of finitely many chains of Markov steps.

.. math:: \theta \sim \pi, \qquad z_0 \sim f_\theta, \qquad z_h \sim K_{\theta, h}(z_{h-1}, \cdot),
    \quad h = 1, \dots, H, \qquad y = z_H.

A demonstration is a whole trajectory (z_0, ..., z_H); given the task, demonstrations are independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._log_space import safe_log
from tightbound.theory._validation import Array, as_floats, as_indices, as_laws
from tightbound.theory.in_context._tasks import as_prior, readonly

LARGEST_TABLE = 2**24


@dataclass(frozen=True, eq=False)
class DiscreteChain:
    r"""Tasks of H Markov steps on states 0, ..., m-1, with a prior over tasks.

    .. math:: p_\theta(z_0, \dots, z_H) = f_\theta(z_0) \prod_{h=1}^H K_{\theta, h}(z_{h-1}, z_h)

    Parameters
    ----------
    prior : array_like, shape (M,)
        Law of the task. A task of probability zero keeps its place and never gets weight.
    kernels : array_like, shape (M, H, m, m)
        ``kernels[task, h-1, i, j]`` is the probability that step h leads from i to j, H >= 1. Zeros are
        allowed. Steps with alphabets of different sizes are embedded in the largest: rows of states that
        cannot occur are never read.
    query : array_like, shape (m,) or (M, m), optional
        Law of z_0, one for all tasks or one for each; uniform if left out. Stored as (M, m).

    Raises
    ------
    TypeError, ValueError
        For rows that do not sum to one within 1e-10, negative or undefined entries, or shapes that do not fit
        together.

    Warns
    -----
    UnsupportedTaskWarning
        For a task of prior probability zero.

    References
    ----------
    Hu, Zhang, Chen, Yang, "Unveiling the Statistical Foundations of Chain-of-Thought Prompting Methods",
    arXiv:2408.14511, abstract: the multi-step latent variable model, here with finitely many tasks and Markov
    steps.

    Examples
    --------
    >>> stay, swap = [[0.9, 0.1], [0.1, 0.9]], [[0.1, 0.9], [0.9, 0.1]]
    >>> chain = DiscreteChain([0.5, 0.5], [[stay, stay], [stay, swap]])
    >>> chain.tasks, chain.steps, chain.states
    (2, 2, 2)
    >>> chain.answer_table()[:, 0].round(2).tolist()
    [[0.82, 0.18], [0.18, 0.82]]
    """

    prior: Array
    kernels: Array
    query: Array

    def __init__(self, prior: ArrayLike, kernels: ArrayLike, query: ArrayLike | None = None) -> None:
        believed = as_prior(prior)
        shape = as_floats("kernels", kernels).shape
        if len(shape) != 4 or shape[0] != believed.size or shape[2] != shape[3] or 0 in shape:
            raise ValueError(
                f"kernels has shape {shape}: give a square table per task and step, "
                f"({believed.size}, H, m, m) with H >= 1"
            )
        steps = as_laws("kernels", kernels)
        first = np.full(shape[3], 1.0 / shape[3]) if query is None else as_laws("query", query)
        if first.shape not in ((shape[3],), (shape[0], shape[3])):
            raise ValueError(
                f"query has shape {first.shape}: give ({shape[3]},) for all tasks or "
                f"({shape[0]}, {shape[3]}) for each"
            )
        for name, array in (
            ("prior", believed),
            ("kernels", steps),
            ("query", np.broadcast_to(first, (shape[0], shape[3]))),
        ):
            object.__setattr__(self, name, readonly(array))

    @property
    def tasks(self) -> int:
        """M, number of tasks."""
        return int(self.kernels.shape[0])

    @property
    def steps(self) -> int:
        """H, number of steps from query to answer."""
        return int(self.kernels.shape[1])

    @property
    def states(self) -> int:
        """Number m of states."""
        return int(self.kernels.shape[2])

    @property
    def log_prior(self) -> Array:
        """Logarithm of the prior, shape (M,)."""
        return safe_log(self.prior)

    @property
    def log_kernels(self) -> Array:
        """Logarithm of the steps, shape (M, H, m, m)."""
        return safe_log(self.kernels)

    @property
    def log_query(self) -> Array:
        """Logarithm of the law of the query, shape (M, m)."""
        return safe_log(self.query)

    def answer_table(self) -> Array:
        """Return P(y | z_0) of every task, shape (M, m, m), by matrix products."""
        table = self.kernels[:, 0]
        for h in range(1, self.steps):
            table = table @ self.kernels[:, h]
        return table.copy()

    def trajectory_law(self) -> Array:
        """Return the law of a whole demonstration under every task.

        Returns
        -------
        ndarray, shape (M, m^{H+1})
            Trajectories in the order of ``itertools.product``: z_0 varies slowest.

        Raises
        ------
        ValueError
            Where the table would have more than 2^24 entries.
        """
        size = self.tasks * self.states ** (self.steps + 1)
        if size > LARGEST_TABLE:
            raise ValueError(
                f"the table of trajectories has {size} entries, more than {LARGEST_TABLE}: take fewer states "
                "or steps, or use log_likelihood on given demonstrations"
            )
        law = self.query
        for h in range(self.steps):
            law = law[..., None] * self.kernels[:, h].reshape(
                (self.tasks,) + (1,) * h + (self.states, self.states)
            )
        return law.reshape(self.tasks, -1).copy()

    def log_likelihood(self, demonstrations: ArrayLike) -> Array:
        """Return log p_theta of every demonstration under every task.

        Parameters
        ----------
        demonstrations : array_like of int, shape (..., H+1)
            Whole trajectories.

        Returns
        -------
        ndarray, shape (..., M)
            -inf where a task excludes the demonstration.

        Raises
        ------
        TypeError, ValueError, IndexError
            For entries that are no states, or trajectories of another length.
        """
        seen = self._trajectories(demonstrations)
        first, steps = self.log_query.T, np.moveaxis(self.log_kernels, 0, -1)
        found = first[seen[..., 0]]
        for h in range(self.steps):
            found = found + steps[h, seen[..., h], seen[..., h + 1]]
        return np.asarray(found)

    def _trajectories(self, demonstrations: ArrayLike) -> np.ndarray:
        array = np.asarray(demonstrations)
        if array.ndim == 0 or array.shape[-1] != self.steps + 1:
            raise ValueError(
                f"demonstrations has shape {array.shape}: its last axis must hold the {self.steps + 1} "
                "states z_0, ..., z_H"
            )
        return as_indices("demonstrations", array, self.states).reshape(array.shape)
