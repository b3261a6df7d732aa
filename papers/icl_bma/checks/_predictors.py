"""Broken averages: what controls predict with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from tightbound.theory.in_context.finite_tasks import FiniteTasks
from tightbound.theory.in_context.hmm_concept import HMMConcept
from tightbound.theory.in_context.model_averaging import log_posterior

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Model = FiniteTasks | HMMConcept


def frozen(model: Model, covariates: Integers, responses: Integers) -> Array:
    """Log probability of each response (..., T), averaged with the prior for ever."""
    return np.asarray(logsumexp(model.log_prior + model.log_likelihoods(covariates, responses), axis=-1))


def likeliest(model: Model, covariates: Integers, responses: Integers) -> Array:
    """Log probability of each response (..., T) under the task that is likeliest so far."""
    best = log_posterior(model, covariates, responses)[..., :-1, :].argmax(axis=-1)
    told = model.log_likelihoods(covariates, responses)
    return np.asarray(np.take_along_axis(told, best[..., None], axis=-1)[..., 0])


def tempered(model: Model, covariates: Integers, responses: Integers, power: float = 0.5) -> Array:
    """Log probability of each response (..., T), averaged with a posterior of likelihoods to a power."""
    told = model.log_likelihoods(covariates, responses)
    before = np.cumsum(told, axis=-2) - told
    weights = model.log_prior + power * before
    return np.asarray(logsumexp(weights + told, axis=-1) - logsumexp(weights, axis=-1))
