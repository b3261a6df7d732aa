r"""Demonstrations as one sequence of tokens, and the answer law of a model that has read them.

A prompt of n demonstrations and a query is

.. math:: z^1_0 \dots z^1_H \;|\; \cdots \;|\; z^n_0 \dots z^n_H \;|\; z_0

with a separator between them; its token is m, the states are 0, ..., m-1.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.chain_of_thought.sampling import sample_demonstrations
from tightbound.simulators.language_models.causal_transformer import CausalTransformer
from tightbound.theory._validation import Array, Integers, as_indices, as_integer
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain

LARGEST_BATCH = 4096
MOST_PATHS = 10_000


@dataclass(frozen=True, eq=False)
class DemonstrationSequences:
    """A sampler for training: sequences of demonstrations of one task each, drawn from the prior.

    Parameters
    ----------
    chain : DiscreteChain
        The tasks.
    demonstrations : int
        Demonstrations per sequence, at least 1. A model trained on them has seen prompts of up to one less.
    shared_task : bool, default True
        Whether the demonstrations of a sequence are of one task; otherwise each has a task of its own, and
        nothing can be inferred from those before it.

    Raises
    ------
    TypeError, ValueError
        For fewer than one demonstration.

    Examples
    --------
    >>> chain = DiscreteChain([1.0], [[[[0.0, 1.0], [1.0, 0.0]]] * 2])
    >>> DemonstrationSequences(chain, 2)(np.random.default_rng(0), 1).tolist()
    [[0, 1, 0, 2, 0, 1, 0]]
    """

    chain: DiscreteChain
    demonstrations: int
    shared_task: bool = True

    def __post_init__(self) -> None:
        as_integer("demonstrations", self.demonstrations, least=1)

    @property
    def length(self) -> int:
        """Tokens per sequence."""
        return (self.chain.steps + 2) * self.demonstrations - 1

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The positions that hold steps z_1, ..., z_H, shape (length,)."""
        place = np.arange(self.length) % (self.chain.steps + 2)
        return np.asarray((place >= 1) & (place <= self.chain.steps))

    def __call__(self, rng: np.random.Generator, count: int) -> Integers:
        """Return tokens of shape (count, length)."""
        shape = (count, 1) if self.shared_task else (count, self.demonstrations)
        task = rng.choice(self.chain.tasks, size=shape, p=self.chain.prior)
        if self.shared_task:
            drawn = sample_demonstrations(self.chain, task[:, 0], self.demonstrations, count, rng=rng)
        else:
            drawn = sample_demonstrations(self.chain, task.ravel(), 1, task.size, rng=rng)
        return joined(drawn.reshape(count, self.demonstrations, -1), self.chain.states)


def joined(demonstrations: ArrayLike, separator: int) -> Integers:
    """Return demonstrations (B, n, H+1) as sequences (B, n (H+2) - 1), a separator between two of them.

    Examples
    --------
    >>> joined([[[0, 1], [1, 1]]], separator=2).tolist()
    [[0, 1, 2, 1, 1]]
    """
    array = np.asarray(demonstrations)
    if array.ndim != 3 or array.shape[1] == 0:
        raise ValueError(f"demonstrations has shape {array.shape}: give (B, n, H+1) with n >= 1")
    ended = np.concatenate([array, np.full((*array.shape[:2], 1), separator)], axis=-1)
    return np.asarray(ended.reshape(len(array), -1)[:, :-1], dtype=np.int64)


def generated_answer_laws(
    model: CausalTransformer, parameters: dict[str, Any], chain: DiscreteChain, demonstrations: ArrayLike
) -> Array:
    r"""Return the law of the answer that a model generates step by step, for every query, exactly.

    .. math:: \hat P(y | S, z_0) = \sum_{z_1, \dots, z_{H-1}} \prod_{h=1}^H
              \hat P(z_h | S, z_0, \dots, z_{h-1}), \qquad z_H = y

    A separator in place of a step is not generated: the step laws are those of the states alone.

    Parameters
    ----------
    model, parameters
        The model, with vocabulary m + 1.
    chain : DiscreteChain
        Says H and m; its laws are not read.
    demonstrations : array_like of int, shape (B, n, H+1)
        Prompts; n may be 0.

    Returns
    -------
    ndarray, shape (B, m, m)
        Entry [b, z_0, y].

    Raises
    ------
    TypeError, ValueError, IndexError
        For entries that are no states, a model of another vocabulary or too short a context, or more than
        10^4 paths.
    """
    steps, states = chain.steps, chain.states
    array = np.asarray(demonstrations)
    if array.ndim != 3 or array.shape[2] != steps + 1:
        raise ValueError(f"demonstrations has shape {array.shape}: give (B, n, {steps + 1})")
    count = int(array.shape[1])
    prompts = as_indices("demonstrations", array, states).reshape(len(array), count, steps + 1)
    if model.vocabulary != states + 1:
        raise ValueError(
            f"model has vocabulary {model.vocabulary}: give {states + 1}, the states and the separator"
        )
    if states**steps > MOST_PATHS:
        raise ValueError(
            f"there are {states**steps} paths from query to answer, more than {MOST_PATHS}: take fewer "
            "states or steps"
        )
    start = count * (steps + 2)
    if start + steps + 1 > model.context:
        raise ValueError(
            f"{count} demonstrations and a query need {start + steps + 1} positions and the model "
            f"has context {model.context}: give fewer, or train with a larger context"
        )
    paths = np.array(list(itertools.product(range(states), repeat=steps)), dtype=np.int64)  # z_0 .. z_{H-1}
    known = np.zeros((len(prompts), start), dtype=np.int64)
    if start:
        known[:, :-1] = joined(prompts, states)
        known[:, -1] = states
    found = np.empty((len(prompts), states, states))
    size = max(1, LARGEST_BATCH // len(paths))
    for first in range(0, len(prompts), size):
        part = known[first : first + size]
        # every prompt with every path, padded to one length: what comes later is not seen
        rows = np.zeros((len(part), len(paths), model.context), dtype=np.int64)
        rows[:, :, :start] = part[:, None]
        rows[:, :, start : start + steps] = paths
        log_laws = model.log_predictive(parameters, rows.reshape(-1, model.context))
        chosen = log_laws[:, start + 1 : start + steps + 1, :states]
        laws = np.exp(chosen - np.logaddexp.reduce(chosen, axis=-1, keepdims=True))
        laws = laws.reshape(len(part), len(paths), steps, states)
        weight = np.ones((len(part), len(paths)))
        for h in range(1, steps):
            weight = weight * laws[:, np.arange(len(paths)), h - 1, paths[:, h]]
        ends = (weight[..., None] * laws[:, :, -1]).reshape(len(part), states, -1, states)
        found[first : first + size] = ends.sum(axis=2)
    return found
