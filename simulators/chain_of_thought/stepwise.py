"""Chain of thought as it is generated: one step after the other, each taken into account by the next."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.chain_of_thought.sampling import draw
from tightbound.theory._validation import Integers, as_indices
from tightbound.theory.chain_of_thought.answer_law import normalised
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain


def generate_steps(
    chain: DiscreteChain,
    log_weights: ArrayLike,
    query: ArrayLike,
    *,
    rng: int | np.random.Generator | None = None,
) -> Integers:
    r"""Draw z_1, ..., z_H from the averaged laws of the steps, one path for every prompt.

    .. math:: z_h \sim \sum_\theta w_\theta K_{\theta, h}(z_{h-1}, \cdot), \qquad
        w_\theta \leftarrow w_\theta K_{\theta, h}(z_{h-1}, z_h)

    Parameters
    ----------
    chain : DiscreteChain
        The tasks; their prior is not read.
    log_weights : array_like, shape (M,) or (B, M)
        Logarithm of the posterior given the prompt and the query.
    query : array_like of int, shape () or (B,)
        z_0.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    ndarray of int, shape (B, H)
        Paths; the last column holds the answers.

    Raises
    ------
    TypeError, ValueError, IndexError
        For a query that is no state, or shapes that do not fit.

    Examples
    --------
    >>> chain = DiscreteChain([0.5, 0.5], [[[[1.0, 0.0], [0.0, 1.0]]] * 2, [[[0.0, 1.0], [1.0, 0.0]]] * 2])
    >>> paths = generate_steps(chain, chain.log_prior, [0, 0, 0, 0], rng=0)
    >>> set(map(tuple, paths.tolist())) <= {(0, 0), (1, 0)}
    True
    """
    asked = as_indices("query", query, chain.states)
    weights = np.asarray(log_weights, dtype=np.float64)
    if asked.ndim > 1 or weights.ndim not in (1, 2) or weights.shape[-1] != chain.tasks:
        raise ValueError(
            f"log_weights has shape {weights.shape} and query {asked.shape}: give ({chain.tasks},) or "
            f"(B, {chain.tasks}) and () or (B,)"
        )
    (paths,) = np.broadcast_shapes(weights.shape[:-1], asked.shape, (1,))
    weights = normalised(np.broadcast_to(weights, (paths, chain.tasks)))
    state = np.broadcast_to(asked, (paths,))
    source = np.random.default_rng(rng)
    steps = np.moveaxis(chain.log_kernels, 0, -1)
    found = np.empty((paths, chain.steps), dtype=np.int64)
    for h in range(chain.steps):
        law = np.einsum("bk,kby->by", np.exp(weights), chain.kernels[:, h, state])
        chosen = draw(np.cumsum(law, axis=-1), source)
        weights = normalised(weights + steps[h, state, chosen])
        found[:, h] = state = chosen
    return found
