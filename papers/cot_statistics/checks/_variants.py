"""What the claims on voting and searching share: tasks that turn, and the mean over prompts."""

from __future__ import annotations

import numpy as np

from tightbound.papers.cot_statistics.checks._chains import marginals
from tightbound.theory.chain_of_thought.answer_law import normalised
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.lumping import lumped_types

TURN = "symmetric tasks (each step turns a circle of three states by 0 or by 1, with noise) allow exact sums"


def turning(noise: float) -> DiscreteChain:
    """Return two tasks of two steps on three states: each step adds 0, or 1, with probability 1 - noise."""
    steps = [
        np.roll(np.eye(3), turn, axis=1) * (1.0 - 1.5 * noise) + 0.5 * noise * np.ones((3, 3))
        for turn in (0, 1)
    ]
    return DiscreteChain([0.5, 0.5], [[step, step] for step in steps])


def prompts(
    chain: DiscreteChain, n: int, truth: int, *, shuffled: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return the chances (K,) of all that a posterior sees of n demonstrations, and its log weights (K, M).

    ``shuffled``: states of the demonstrations are independent draws from the truth's marginals.
    """
    law = chain.trajectory_law()[truth]
    if shuffled:
        law = np.ones(1)
        for marginal in marginals(chain, truth):
            law = (law[:, None] * marginal).ravel()
    log_chance, likelihoods = lumped_types(chain, n, law)
    return np.exp(log_chance), normalised(chain.log_prior + likelihoods)


def over(value: np.ndarray, bound: np.ndarray) -> dict[str, np.ndarray]:
    """Return measurements in units of their bounds, with the bound 1 and what the trivial bound 1 becomes."""
    return {"value": value / bound, "bound": np.ones((1, value.shape[-1])), "trivial": 1.0 / bound}
