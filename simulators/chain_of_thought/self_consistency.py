"""Self-consistency, simulated: K chains of thought for every prompt, and a vote over their answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.chain_of_thought.stepwise import generate_steps
from tightbound.theory._validation import Array, Integers, as_indices, as_integer
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain


@dataclass(frozen=True, eq=False)
class SelfConsistency:
    """Votes and how often they are wrong.

    Parameters
    ----------
    voted : ndarray of int, shape (B,)
        The answer elected for every prompt.
    counts : ndarray of int, shape (B, m)
        How many of the K chains gave each answer.
    error, standard_error : float
        Share of prompts whose vote is not the right answer, and its standard error.
    """

    voted: Integers
    counts: Integers
    error: float
    standard_error: float


def self_consistency(
    chain: DiscreteChain,
    log_weights: ArrayLike,
    query: ArrayLike,
    samples: int,
    *,
    answer: ArrayLike,
    replications: int = 1,
    rng: int | np.random.Generator | None = None,
) -> SelfConsistency:
    r"""Draw K chains of thought for every prompt step by step, and elect the answer given most often.

    Parameters
    ----------
    chain : DiscreteChain
        The tasks; their prior is not read.
    log_weights : array_like, shape (M,) or (B, M)
        Logarithm of the posterior given the prompt and the query.
    query : array_like of int, shape () or (B,)
        z_0.
    samples : int
        K, at least 1; ties are broken evenly.
    answer : array_like of int, shape () or (B,)
        The right answer.
    replications : int
        How often every prompt is voted on; results are ordered prompt by prompt.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    SelfConsistency
        One vote per prompt and replication.

    Raises
    ------
    TypeError, ValueError, IndexError
        For sizes below 1, what is no state, or shapes that do not fit.

    References
    ----------
    Wang et al., "Self-consistency improves chain of thought reasoning in language models", ICLR 2023.

    Examples
    --------
    >>> chain = DiscreteChain([1.0], [[[[0.6, 0.4], [0.4, 0.6]]]])
    >>> found = self_consistency(chain, chain.log_prior, 0, 101, answer=0, replications=1000, rng=0)
    >>> found.error, round(found.standard_error, 4)
    (0.022, 0.0046)
    """
    count = as_integer("samples", samples, least=1)
    repeats = as_integer("replications", replications, least=1)
    asked, right = as_indices("query", query, chain.states), as_indices("answer", answer, chain.states)
    weights = np.asarray(log_weights, dtype=np.float64)
    if weights.ndim not in (1, 2) or asked.ndim > 1 or right.ndim > 1:
        raise ValueError(
            f"log_weights has shape {weights.shape}, query {asked.shape} and answer {right.shape}: give "
            f"({chain.tasks},) or (B, {chain.tasks}), and () or (B,)"
        )
    (prompts,) = np.broadcast_shapes(weights.shape[:-1], asked.shape, right.shape, (1,))
    source = np.random.default_rng(rng)
    each = count * repeats
    paths = generate_steps(
        chain,
        np.repeat(np.broadcast_to(weights, (prompts, weights.shape[-1])), each, axis=0),
        np.repeat(np.broadcast_to(asked, prompts), each),
        rng=source,
    )
    ballots = prompts * repeats
    counts = np.zeros((ballots, chain.states), dtype=np.int64)
    np.add.at(counts, (np.repeat(np.arange(ballots), count), paths[:, -1]), 1)
    voted = elect(counts, source)
    wrong = voted != np.repeat(np.broadcast_to(right, prompts), repeats)
    return SelfConsistency(voted, counts, *mean_and_error(wrong))


def elect(counts: np.ndarray, rng: np.random.Generator) -> Integers:
    """Return the index of the largest count along the last axis, one of several at random."""
    return np.asarray((counts + rng.random(counts.shape)).argmax(axis=-1), dtype=np.int64)


def mean_and_error(values: ArrayLike) -> tuple[float, float]:
    """Return the mean of independent replications and its standard error; infinite for only one."""
    array: Array = np.asarray(values, dtype=np.float64)
    if array.size < 2:
        return float(array.mean()), float("inf")
    return float(array.mean()), float(array.std(ddof=1) / np.sqrt(array.size))
