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
