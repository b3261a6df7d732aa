"""Sampling of Bigram-Backcopy sequences."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tightbound.theory._validation import Array, as_integer, as_positive
from tightbound.theory.attention.bigram_backcopy import BigramBackcopy


def random_bigram_backcopy(
    vocabulary: int = 32,
    length: int = 32,
    *,
    triggers: int = 3,
    concentration: float = 0.3,
    fixed_position: int | None = 1,
    rng: np.random.Generator | int | None = None,
) -> BigramBackcopy:
    """Return a problem whose bigram table has Dirichlet rows; tokens 0, ..., triggers - 1 are the triggers.

    Parameters
    ----------
    vocabulary, length : int
        V and T.
    triggers : int
        Number of triggers, less than V.
    concentration : float
        Of the symmetric Dirichlet law of a row, positive.
    fixed_position : int or None
        Where the fixed token stands, from 1.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    BigramBackcopy

    Examples
    --------
    >>> random_bigram_backcopy(vocabulary=8, length=6, rng=0).tokens
    9
    """
    size = as_integer("vocabulary", vocabulary, least=1)
    weight = np.full(size, as_positive("concentration", concentration))
    table = np.random.default_rng(rng).dirichlet(weight, size)
    return BigramBackcopy(table, np.arange(triggers), length, fixed_position)


@dataclass(frozen=True)
class BackcopySequences:
    """Draws sequences of a problem: ``sequences(rng, count)`` has shape (count, T).

    Parameters
    ----------
    problem : BigramBackcopy
        What to draw from.

    Examples
    --------
    >>> problem = random_bigram_backcopy(vocabulary=8, length=6, rng=0)
    >>> BackcopySequences(problem)(np.random.default_rng(0), 2).shape
    (2, 6)
    """

    problem: BigramBackcopy

    def __call__(self, rng: np.random.Generator, count: int) -> NDArray[np.int32]:
        """Return ``count`` independent sequences."""
        problem, steps = self.problem, self._steps
        uniform = rng.random((problem.length, count))
        drawn = np.empty((problem.length, count), np.int64)
        state = np.full(count, problem.fixed_token)  # the first token has the law of one after the fixed
        for t in range(problem.length):
            if t + 1 == problem.fixed_position:
                drawn[t] = problem.fixed_token
            else:
                place = np.minimum(state + uniform[t], np.nextafter(state + 1.0, 0.0))  # not rounded up
                found = np.searchsorted(steps, place, side="right") - problem.tokens * state
                copied = self._copies[state]
                drawn[t] = np.where(copied, drawn[t - 2], found) if t >= 2 else found
            state = drawn[t]
        return np.ascontiguousarray(drawn.T, dtype=np.int32)

    @cached_property
    def _copies(self) -> NDArray[np.bool_]:
        return np.isin(np.arange(self.problem.tokens), self.problem.triggers)

    @cached_property
    def _steps(self) -> Array:
        """Cumulative laws of the next token, that of token a shifted by a: one increasing list for all."""
        problem = self.problem
        laws = np.zeros((problem.tokens, problem.tokens))
        laws[:-1, :-1] = problem.transition
        laws[-1] = problem.start_law()
        cumulative = np.cumsum(laws, axis=1)
        cumulative /= cumulative[:, -1:]
        return np.ravel(cumulative + np.arange(problem.tokens)[:, None])
