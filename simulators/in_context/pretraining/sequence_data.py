r"""Pretraining sequences of in-context bigram tasks: one concept each, hidden from whoever reads them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tightbound.theory._validation import as_integer, as_positive
from tightbound.theory.in_context.markov_tasks import MarkovTasks

Integers = NDArray[np.int64]
Seed = None | int | np.random.Generator


def random_tasks(tasks: int, tokens: int, *, concentration: float = 1.0, rng: Seed = None) -> MarkovTasks:
    r"""Draw chains with independent rows, under a uniform prior and a uniform first token.

    .. math:: P_z(x, \cdot) \sim \mathrm{Dirichlet}(c, \dots, c)

    Parameters
    ----------
    tasks, tokens : int
        M and m, at least 1.
    concentration : float, default 1
        c, above 0; the smaller it is, the more the chains differ.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    MarkovTasks

    Raises
    ------
    TypeError, ValueError
        For a number out of range.
    """
    count, size = as_integer("tasks", tasks, least=1), as_integer("tokens", tokens, least=1)
    spread = as_positive("concentration", concentration)
    rows = np.random.default_rng(rng).dirichlet(np.full(size, spread), size=(count, size))
    return MarkovTasks(np.full(count, 1.0 / count), np.full(size, 1.0 / size), rows)


def sample_sequences(
    tasks: MarkovTasks, count: int, length: int, *, rng: Seed = None
) -> tuple[Integers, Integers]:
    """Draw sequences, each from a concept of its own.

    Parameters
    ----------
    tasks : MarkovTasks
        The chains.
    count, length : int
        B and T, at least 0.
    rng : None, int or Generator
        Source of randomness. The first sequences do not depend on ``count`` being larger only if drawn
        together: take a slice of one call where nested sets are wanted.

    Returns
    -------
    tokens : ndarray of int, shape (B, T)
    concept : ndarray of int, shape (B,)
    """
    size = (as_integer("count", count, least=0), as_integer("length", length, least=0))
    generator = np.random.default_rng(rng)
    concept = generator.choice(tasks.tasks, size=size[0], p=tasks.prior)
    uniform = generator.random(size)
    first, step = _edges(tasks.initial), _edges(tasks.transition)
    found = np.empty(size, np.int64)
    for t in range(size[1]):
        edges = first[concept] if t == 0 else step[concept, found[:, t - 1]]
        found[:, t] = (uniform[:, t, None] >= edges).sum(axis=1)
    return found, concept


def _edges(laws: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where one token ends and the next begins on [0, 1]; the last one ends at one by definition."""
    return np.asarray(np.cumsum(laws, axis=-1)[..., :-1])


@dataclass(frozen=True, eq=False)
class FreshSequences:
    """A sampler for training: new sequences of ``tasks`` with ``length`` tokens at every call."""

    tasks: MarkovTasks
    length: int

    def __call__(self, rng: np.random.Generator, count: int) -> Integers:
        """Return tokens of shape (count, length)."""
        return sample_sequences(self.tasks, count, self.length, rng=rng)[0]


@dataclass(frozen=True, eq=False)
class PooledSequences:
    """A sampler of sequences that look like those of ``tasks`` to whoever reads two neighbouring tokens.

    Each token is drawn from `MarkovTasks.pooled_bigrams`: pairs of neighbours have the right law at each
    position, and there is no concept to infer.
    """

    tasks: MarkovTasks
    length: int

    def __call__(self, rng: np.random.Generator, count: int) -> Integers:
        """Return tokens of shape (count, length)."""
        edges = _edges(self.tasks.pooled_bigrams(self.length))
        uniform, found = rng.random((count, self.length)), np.zeros((count, self.length), np.int64)
        for t in range(self.length):
            found[:, t] = (uniform[:, t, None] >= edges[t, found[:, t - 1]]).sum(axis=1)
        return found
