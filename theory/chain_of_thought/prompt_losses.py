r"""What is lost by not knowing the task, prompt by prompt, in log space.

.. math:: 1 - \pi_n(\theta^*), \qquad -\log \pi_n(\Theta_{eq}), \qquad
    KL(P_{\theta^*}(y | z_0) \| P_{BMA}(y | S, z_0))

All three vanish exponentially, so each is returned as a logarithm, and none is computed as one minus
something that tends to one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tightbound.theory._log_space import log_sum
from tightbound.theory._validation import Array
from tightbound.theory.chain_of_thought.answer_law import normalised
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.equivalence import as_truth, equivalence_class

BLOCK = 2**15


class PromptLosses(NamedTuple):
    """Logarithms of three losses: of prompts, shape (K,), or their expectations.

    Attributes
    ----------
    log_doubt : ndarray or float
        log(1 - pi_n(truth)), before the query is seen.
    log_surprise : ndarray or float
        log E[-log pi_n(class of the truth)] over queries of the truth, each seen; at least ``log_answer_kl``.
    log_answer_kl : ndarray or float
        log E[KL of the averaged answer law] over queries of the truth, in nats: the prompting error.
    """

    log_doubt: Array | float
    log_surprise: Array | float
    log_answer_kl: Array | float


def prompt_losses(
    chain: DiscreteChain, truth: int, log_likelihoods: Array, *, allow_misspecified: bool = False
) -> PromptLosses:
    """Return the three losses of prompts given by their log-likelihoods.

    Parameters
    ----------
    chain : DiscreteChain
        Tasks and prior.
    truth : int
        The task that was demonstrated and is asked.
    log_likelihoods : ndarray, shape (K, M)
        Of each prompt under each task, up to a term that is the same for all tasks.
    allow_misspecified : bool
        Whether the truth may have prior probability zero.

    Returns
    -------
    PromptLosses
        Arrays of shape (K,); -inf where nothing is lost, +inf where all is.

    Raises
    ------
    InconsistentEvidenceError
        For a prompt that no task of positive prior probability can produce.
    TypeError, ValueError, IndexError
        For a truth that is no task or has prior probability zero.

    Notes
    -----
    With delta(y) = sum over tasks outside the class of pi_n(theta) (1 - P_theta(y) / P*(y)), the averaged law
    is P*(y) (1 - delta(y)), and since the laws sum to one KL = sum P* (-log(1 - delta) - delta) + the mass
    that the average puts where P* has none. No difference of nearly equal numbers is left; the error is of
    second order in the doubt where P* has full support.

    Examples
    --------
    >>> chain = DiscreteChain([0.5, 0.5], [[[[0.9, 0.1], [0.1, 0.9]]], [[[0.5, 0.5], [0.5, 0.5]]]])
    >>> even = prompt_losses(chain, 0, np.zeros((1, 2)))
    >>> [round(float(np.exp(one[0])), 4) for one in even]
    [0.5, 0.6931, 0.1163]
    """
    true = as_truth(chain, truth, allow_misspecified=allow_misspecified)
    same = equivalence_class(chain, true)
    answers = chain.answer_table()
    blocks = [
        _losses(chain, true, same, answers, log_likelihoods[start : start + BLOCK])
        for start in range(0, log_likelihoods.shape[0], BLOCK)
    ]
    return PromptLosses(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))


def _losses(
    chain: DiscreteChain, true: int, same: NDArray[np.bool_], answers: Array, log_likelihoods: Array
) -> PromptLosses:
    weights = normalised(chain.log_prior + log_likelihoods)
    others = np.delete(weights, true, axis=1)
    doubt = log_sum(others) if others.shape[1] else np.full(weights.shape[0], -np.inf)
    surprise, divergence = [], []
    unseen = weights, *_split(weights, same)
    for z in np.flatnonzero(chain.query[true]):
        seen, inside, outside = unseen
        if np.any(chain.query[:, z] != chain.query[true, z]):
            seen = normalised(weights + chain.log_query[:, z])
            inside, outside = _split(seen, same)
        chance = chain.log_query[true, z]
        surprise.append(chance + _log_log1pexp(outside - inside))
        divergence.append(
            chance + _log_kl(answers[true, z], answers[~same, z], inside, outside, seen[:, ~same])
        )
    return PromptLosses(doubt, np.logaddexp.reduce(surprise), np.logaddexp.reduce(divergence))


def _split(weights: Array, same: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Log weight inside and outside the class."""
    if same.all():
        return log_sum(weights), np.full(weights.shape[0], -np.inf)
    return log_sum(weights[:, same]), log_sum(weights[:, ~same])


def _log_log1pexp(odds: Array) -> Array:
    """Return log(log(1 + e^x)), with full relative accuracy at both ends."""
    with np.errstate(divide="ignore"):
        return np.where(odds < -40.0, odds, np.log(np.logaddexp(0.0, odds)))


def _log_kl(true: Array, others: Array, inside: Array, outside: Array, weights: Array) -> Array:
    """Log KL of the true answer law from the average; weights (K, M') of the other tasks, with their sum."""
    on = true > 0.0
    with np.errstate(invalid="ignore"):
        share = np.where(np.isneginf(weights), 0.0, np.exp(weights - outside[:, None]))
    scaled = share @ (1.0 - others[:, on] / true[on])
    leak = share @ others[:, ~on].sum(axis=1)
    delta = np.exp(outside)[:, None] * scaled
    with np.errstate(divide="ignore", under="ignore"):
        direct = np.log(_excess(delta, share @ (others[:, on] / true[on]), inside, outside) @ true[on])
        quadratic = 2.0 * outside + np.log(0.5 * scaled**2 @ true[on])
        tiny = np.abs(delta).max(axis=1) < 1e-140
        return np.asarray(np.logaddexp(np.where(tiny, quadratic, direct), outside + np.log(leak)))


def _excess(delta: Array, ratio: Array, inside: Array, outside: Array) -> Array:
    """Return -log(1 - delta) - delta, which is at least 0."""
    small, large = np.abs(delta) < 0.05, delta > 0.5
    tame = np.where(small | large, 0.0, delta)
    found = -np.log1p(-tame) - tame
    few = np.where(small, delta, 0.0)
    series = few**2 * np.polynomial.polynomial.polyval(few, 1.0 / np.arange(2, 14))
    # 1 - delta without cancellation, where the average all but excludes what the truth answers
    with np.errstate(divide="ignore"):
        kept = np.logaddexp(inside[:, None], outside[:, None] + np.log(ratio))
    return np.asarray(np.where(small, series, np.where(large, -kept - delta, found)))
