"""What models with finitely many tasks share: checks of priors, covariate laws and sequences."""

from __future__ import annotations

import warnings
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, Integers, as_indices, as_laws
from tightbound.theory.in_context.errors import UnsupportedTaskWarning


class TaskModel(Protocol):
    """What inference needs: a prior and, per task, likelihoods of responses and of covariates."""

    @property
    def tasks(self) -> int:
        """Number M of tasks."""

    @property
    def covariates(self) -> int:
        """Number C of different covariates."""

    @property
    def responses(self) -> int:
        """Number R of different responses."""

    @property
    def log_prior(self) -> Array:
        """Logarithm of the prior, shape (M,)."""

    def log_likelihoods(self, covariates: ArrayLike, responses: ArrayLike) -> Array:
        """Return log P(r_t | c_t, S_{t-1}, z), shape (..., T, M)."""

    def log_covariates(self, covariates: ArrayLike) -> Array:
        """Return log P(c_t | z), shape (..., T, M); zeros where covariates have no law."""


def as_prior(prior: ArrayLike) -> Array:
    """Check a prior over tasks, and warn of tasks that it excludes."""
    law = as_laws("prior", prior)
    if law.ndim != 1:
        raise ValueError(f"prior has shape {law.shape}: give one probability per task, shape (M,)")
    if not law.all():
        excluded = ", ".join(map(str, np.flatnonzero(law == 0.0)))
        warnings.warn(
            f"prior is 0 for task {excluded}: inference leaves it out, its weight is always 0; give it prior "
            "probability if it can be the truth",
            UnsupportedTaskWarning,
            stacklevel=3,
        )
    return law


def as_covariate_law(covariate: ArrayLike | None, tasks: int, covariates: int) -> Array | None:
    """Check a law of covariates and give every task its own row, shape (M, C)."""
    if covariate is None:
        return None
    law = as_laws("covariate", covariate)
    if law.shape not in ((covariates,), (tasks, covariates)):
        raise ValueError(
            f"covariate has shape {law.shape}: give ({covariates},) for all tasks, "
            f"({tasks}, {covariates}) for each, or None"
        )
    return np.array(np.broadcast_to(law, (tasks, covariates)))


def as_covariates(model: TaskModel, covariates: ArrayLike) -> Integers:
    """Check sequences of covariates, shape (..., T)."""
    found = as_indices("covariates", covariates, model.covariates)
    if found.ndim == 0:
        raise ValueError("covariates is one number: give a sequence, shape (..., T)")
    return found


def as_sequences(model: TaskModel, covariates: ArrayLike, responses: ArrayLike) -> tuple[Integers, Integers]:
    """Check demonstrations: covariates and responses of one shape (..., T)."""
    c, r = as_covariates(model, covariates), as_indices("responses", responses, model.responses)
    if c.shape != r.shape:
        raise ValueError(
            f"responses has shape {r.shape} beside covariates of shape {c.shape}: give one response for each "
            "covariate"
        )
    return c, r


def readonly(array: Array) -> Array:
    """Return a copy that cannot be written to."""
    owned = np.array(array)
    owned.flags.writeable = False
    return owned
