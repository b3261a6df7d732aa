"""Sampling of demonstrations."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, Integers, as_indices, as_integer
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.method_of_types import log_likelihood


def sample_demonstrations(
    chain: DiscreteChain,
    truth: ArrayLike,
    n: int,
    replications: int,
    *,
    rng: int | np.random.Generator | None = None,
) -> Integers:
    """Draw prompts of n independent demonstrations of one task each.

    Parameters
    ----------
    chain : DiscreteChain
        The tasks.
    truth : array_like of int, shape () or (B,)
        The task that is demonstrated, one for all prompts or one for each.
    n, replications : int
        Demonstrations per prompt, n >= 0, and number B >= 1 of prompts.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    ndarray of int, shape (B, n, H+1)
        Trajectories z_0, ..., z_H.

    Raises
    ------
    TypeError, ValueError, IndexError
        For sizes below their least value, or a truth that is no task.

    Examples
    --------
    >>> chain = DiscreteChain([1.0], [[[[0.0, 1.0], [1.0, 0.0]]] * 2])
    >>> sample_demonstrations(chain, 0, 3, 1, rng=0)[0].T.tolist()
    [[1, 0, 0], [0, 1, 1], [1, 0, 0]]
    """
    count = as_integer("n", n, least=0)
    prompts = as_integer("replications", replications, least=1)
    tasks = as_indices("truth", truth, chain.tasks)
    if tasks.shape not in ((), (prompts,)):
        raise ValueError(
            f"truth has shape {tasks.shape}: give one task, or one for each of {prompts} prompts"
        )
    source = np.random.default_rng(rng)
    task = np.broadcast_to(tasks[..., None], (prompts, count))
    found = np.empty((prompts, count, chain.steps + 1), dtype=np.int64)
    found[..., 0] = draw(np.cumsum(chain.query, axis=-1)[task], source)
    for h in range(chain.steps):
        law = np.cumsum(chain.kernels[:, h], axis=-1)
        found[..., h + 1] = draw(law[task, found[..., h]], source)
    return found


def draw(cumulative: np.ndarray, rng: np.random.Generator) -> Integers:
    """Draw one index per row of cumulative probabilities (last axis), by inversion."""
    # scaled by the last entry, which is one up to rounding, so that no draw falls beyond it
    level = rng.random(cumulative.shape[:-1]) * cumulative[..., -1]
    return np.asarray((cumulative <= level[..., None]).sum(axis=-1), dtype=np.int64)


def sample_log_likelihoods(
    chain: DiscreteChain, truth: int, n: int, samples: int, *, rng: int | np.random.Generator | None = None
) -> Array:
    """Draw prompts of the true task and return only what the posterior needs: their log-likelihoods.

    A prompt is drawn through its transition counts, so the cost does not grow with n.

    Parameters
    ----------
    chain : DiscreteChain
        The tasks.
    truth : int
        The task that is demonstrated.
    n, samples : int
        Demonstrations per prompt, n >= 0, and number of prompts, at least 1.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (samples, M)
        Log-likelihood of each prompt under each task.

    Raises
    ------
    TypeError, ValueError, IndexError
        For sizes below their least value, or a truth that is no task.

    Examples
    --------
    >>> chain = DiscreteChain([0.5, 0.5], [[[[0.9, 0.1], [0.1, 0.9]]], [[[0.5, 0.5], [0.5, 0.5]]]])
    >>> sample_log_likelihoods(chain, 0, 10**6, 1, rng=0).round(-4).tolist()
    [[-1020000.0, -1390000.0]]
    """
    task = as_indices("truth", truth, chain.tasks)
    count, drawn = as_integer("n", n, least=0), as_integer("samples", samples, least=1)
    return draw_log_likelihoods(
        chain, chain.query[task], chain.kernels[task], count, drawn, np.random.default_rng(rng)
    )


def draw_log_likelihoods(
    chain: DiscreteChain, query: Array, kernels: Array, n: int, samples: int, rng: np.random.Generator
) -> Array:
    """Return the same for prompts of any Markov law, of shapes (m,) and (H, m, m)."""
    counts = [rng.multinomial(n, query / query.sum(), size=samples)]
    logs = [chain.log_query]
    at = counts[0]
    for h, kernel in enumerate(kernels):
        law = kernel / kernel.sum(axis=1, keepdims=True)
        moves = np.stack([rng.multinomial(at[:, i], law[i]) for i in range(chain.states)], axis=1)
        at = moves.sum(axis=1)
        counts.append(moves.reshape(samples, -1))
        logs.append(chain.log_kernels[:, h].reshape(chain.tasks, -1))
    return log_likelihood(np.concatenate(counts, axis=1), np.concatenate(logs, axis=1))
