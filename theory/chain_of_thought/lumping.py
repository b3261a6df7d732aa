"""Prompts up to what the posterior sees of them: what moves it alike is merged."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_integer, as_laws
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.method_of_types import count_vectors, log_likelihood, log_multinomial

DEMONSTRATION_DIGITS = 12
PROMPT_DIGITS = 10


def lumped_types(chain: DiscreteChain, n: int, law: ArrayLike) -> tuple[Array, Array]:
    r"""Return the chance of all that a posterior can see of n demonstrations, and its likelihood ratios.

    Two demonstrations with the same ratios p_theta(x) : p_theta'(x) for all tasks move the posterior alike,
    so only their number together matters, and of their log-likelihoods only the differences. Tasks with
    symmetries have few classes, and prompts of a hundred demonstrations can be enumerated.

    Parameters
    ----------
    chain : DiscreteChain
        The tasks.
    n : int
        Number of demonstrations, at least 0.
    law : array_like, shape (m^{H+1},)
        Law that the demonstrations are drawn from: ``chain.trajectory_law()[truth]``, or one that no task
        has.

    Returns
    -------
    log_chance : ndarray, shape (K,)
        Logarithm of probabilities that sum to one.
    log_likelihoods : ndarray, shape (K, M)
        Of such a prompt under each task, up to a term that is the same for all tasks: the largest is 0. All
        -inf where no task allows the prompt.

    Raises
    ------
    TypeError, ValueError
        For arguments out of range, and where there are more than 5e6 count vectors of classes.

    Notes
    -----
    Demonstrations are merged where their log ratios agree to 12 decimals, prompts where theirs agree to 10.
    The posterior has the law that ``prompt_types`` gives it.

    Examples
    --------
    >>> chain = DiscreteChain([0.5, 0.5], [[[[0.9, 0.1], [0.1, 0.9]]], [[[0.1, 0.9], [0.9, 0.1]]]])
    >>> chance, _ = lumped_types(chain, 100, chain.trajectory_law()[0])
    >>> chance.size, round(float(np.exp(chance).sum()), 9)
    (101, 1.0)
    """
    count, drawn = as_integer("n", n, least=0), as_laws("law", law)
    laws = chain.trajectory_law()
    if drawn.shape != laws.shape[1:]:
        raise ValueError(
            f"law has shape {drawn.shape}: give one probability for each of {laws.shape[1]} demonstrations"
        )
    possible = drawn > 0.0
    with np.errstate(divide="ignore"):
        log_chance = np.log(drawn[possible])
        chance, logs = _merged(log_chance, np.log(laws[:, possible]).T, DEMONSTRATION_DIGITS)
    counts = count_vectors(count, chance.size)
    return _merged(log_multinomial(counts) + counts @ chance, log_likelihood(counts, logs.T), PROMPT_DIGITS)


def _merged(log_chance: Array, logs: Array, digits: int) -> tuple[Array, Array]:
    """Merge rows whose differences agree: add their chances, and keep the differences."""
    largest = logs.max(axis=1, keepdims=True)
    ratios = logs - np.where(np.isfinite(largest), largest, 0.0)
    _, first, place = np.unique(ratios.round(digits) + 0.0, axis=0, return_index=True, return_inverse=True)
    total = np.full(first.size, -np.inf)
    np.logaddexp.at(total, place.ravel(), log_chance)
    return total, ratios[first]
