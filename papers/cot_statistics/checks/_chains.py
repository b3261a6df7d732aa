"""What the claims on discrete chains share."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.verification.grid import Cell

PAPER = "cot_statistics"
EXACT = (
    "the exact Bayesian average over a finite set of tasks stands for a pretrained language model, Markov "
    "steps on a few symbols for steps of reasoning"
)

DECAY = (
    "abstract: the prompting error decays exponentially in the number of demonstrations; derived constants"
)
SHUFFLED = (
    "steps shuffled across demonstrations do not show the task: the posterior settles on whichever task "
    "looks most like the shuffle"
)

Arrays = dict[str, Any]


def sizes(tasks: int, steps: int, states: int, **more: Any) -> dict[str, Any]:
    """Return a cell of M tasks, H steps and m states."""
    return {"tasks": tasks, "steps": steps, "states": states, **more}


def chain_of(cell: Cell, rng: np.random.Generator, **options: Any) -> DiscreteChain:
    """Draw tasks of the cell's sizes, with a prior that is not uniform."""
    from tightbound.simulators.chain_of_thought.random_chain import random_chain

    chain = random_chain(
        cell["tasks"], cell["steps"], cell["states"], mix=cell.get("mix", 0.1), rng=rng, **options
    )
    prior = 0.5 / chain.tasks + 0.5 * rng.dirichlet(np.ones(chain.tasks))
    return DiscreteChain(prior, chain.kernels, chain.query)


def marginals(chain: DiscreteChain, task: int) -> list[np.ndarray]:
    """Return the law of each state of a demonstration by itself."""
    found = [chain.query[task]]
    for kernel in chain.kernels[task]:
        found.append(found[-1] @ kernel)
    return found


def one(cell: Cell) -> float:
    """Return the bound in units of itself."""
    return 1.0


def instances(cell: Cell, rng: np.random.Generator) -> list[tuple[DiscreteChain, int]]:
    """Draw as many tasks as the cell says, and the true one for each."""
    drawn = [chain_of(cell, rng) for _ in range(cell["instances"])]
    return [(chain, int(rng.integers(chain.tasks))) for chain in drawn]
