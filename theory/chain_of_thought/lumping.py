"""Prompts up to what the posterior sees of them: demonstrations equally likely under every task merge."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from tightbound.theory._validation import Array, as_integer, as_laws
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.types import count_vectors, log_likelihood, log_multinomial

DIGITS = 12


def lumped_types(chain: DiscreteChain, n: int, law: ArrayLike) -> tuple[Array, Array]:
    r"""Return the chance of everything that a posterior can see of n demonstrations, and its log-likelihoods.

    Two demonstrations x and x' with p_theta(x) = p_theta(x') for every task move the posterior alike, so only
    their number together matters. Tasks with symmetries have few classes of demonstrations, and prompts of a
    hundred demonstrations can be enumerated.

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
        Of any one such prompt under each task.

    Raises
    ------
    TypeError, ValueError
        For arguments out of range, and where there are more than 5e6 count vectors of classes.

    Notes
    -----
    Demonstrations are merged where their log-likelihoods agree to 12 decimals; K equals
    ``number_of_types(n, classes)``. Without symmetries it agrees with ``prompt_types``.

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
        logs = np.log(laws[:, possible])
    _, first, place = np.unique(logs.round(DIGITS), axis=1, return_index=True, return_inverse=True)
    merged = np.zeros(first.size)
    np.add.at(merged, place.ravel(), drawn[possible])
    counts = count_vectors(count, first.size)
    chance = log_multinomial(counts) + counts @ np.log(merged)
    return chance - logsumexp(chance), log_likelihood(counts, logs[:, first])
