r"""Finitely many tasks with independent demonstrations.

.. math:: z \sim \pi, \qquad r_t \mid c_t, z \sim P_z(\cdot \mid c_t) \text{ independent over } t
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._log_space import safe_log
from tightbound.theory._validation import Array, as_laws
from tightbound.theory.in_context._tasks import (
    as_covariate_law,
    as_covariates,
    as_prior,
    as_sequences,
    readonly,
)


@dataclass(frozen=True, eq=False)
class FiniteTasks:
    r"""Finitely many concepts, each a table of response laws.

    .. math:: P(r_1, \dots, r_T \mid c_1, \dots, c_T, z) = \prod_t P_z(r_t \mid c_t)

    Parameters
    ----------
    prior : array_like, shape (M,)
        Law of the concept. A task of probability zero keeps its place and never gets weight.
    likelihood : array_like, shape (M, C, R)
        ``likelihood[z, c, r]`` is the probability of response r to covariate c in task z. Zeros are allowed.
    covariate : array_like, shape (C,) or (M, C), optional
        Law of the covariates, one for all tasks or one for each, which makes them informative. Left out:
        covariates come from outside and tell nothing about the task. Stored with shape (M, C).

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
    Zhang, Zhang, Yang, Wang, "What and How does In-Context Learning Learn?", AISTATS 2025, arXiv:2305.19420,
    (4.1) with a hidden state that is the concept itself.

    Examples
    --------
    >>> tasks = FiniteTasks([0.5, 0.5], [[[0.9, 0.1]], [[0.1, 0.9]]])
    >>> tasks.tasks, tasks.covariates, tasks.responses
    (2, 1, 2)
    >>> tasks.log_likelihoods([0, 0], [0, 1]).round(3).tolist()
    [[-0.105, -2.303], [-2.303, -0.105]]
    """

    prior: Array
    likelihood: Array
    covariate: Array | None = None

    def __init__(self, prior: ArrayLike, likelihood: ArrayLike, covariate: ArrayLike | None = None) -> None:
        believed, table = as_prior(prior), as_laws("likelihood", likelihood)
        if table.ndim != 3 or table.shape[0] != believed.size:
            raise ValueError(
                f"likelihood has shape {table.shape}: give one table (C, R) per task, ({believed.size}, C, R)"
            )
        asked = as_covariate_law(covariate, believed.size, table.shape[1])
        object.__setattr__(self, "prior", readonly(believed))
        object.__setattr__(self, "likelihood", readonly(table))
        object.__setattr__(self, "covariate", None if asked is None else readonly(asked))

    @property
    def tasks(self) -> int:
        """Number M of tasks."""
        return int(self.prior.size)

    @property
    def covariates(self) -> int:
        """Number C of different covariates."""
        return int(self.likelihood.shape[1])

    @property
    def responses(self) -> int:
        """Number R of different responses."""
        return int(self.likelihood.shape[2])

    @property
    def log_prior(self) -> Array:
        """Logarithm of the prior, shape (M,); -inf for a task that is excluded."""
        return safe_log(self.prior)

    @cached_property
    def _log_table(self) -> Array:
        """Log likelihoods with the tasks last, shape (C, R, M), so that a look-up reads one row."""
        return np.ascontiguousarray(np.moveaxis(safe_log(self.likelihood), 0, -1))

    def log_likelihoods(self, covariates: ArrayLike, responses: ArrayLike) -> Array:
        """Return log P(r_t | c_t, z).

        Parameters
        ----------
        covariates, responses : array_like of int, shape (..., T)
            Demonstrations; T may be 0.

        Returns
        -------
        ndarray, shape (..., T, M)
            In nats; -inf where a task excludes a response.

        Raises
        ------
        IndexError, TypeError, ValueError
            For labels out of range, or shapes that differ.
        """
        c, r = as_sequences(self, covariates, responses)
        return np.asarray(self._log_table[c, r])

    def log_covariates(self, covariates: ArrayLike) -> Array:
        """Return log P(c_t | z), shape (..., T, M); zeros where covariates come from outside."""
        c = as_covariates(self, covariates)
        if self.covariate is None:
            return np.zeros((*c.shape, self.tasks))
        return np.asarray(safe_log(self.covariate.T)[c])
