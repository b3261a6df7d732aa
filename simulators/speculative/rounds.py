r"""Rounds of speculative decoding, drawn one by one: drafts, coins, acceptance and the time they take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, Integers, as_floats, as_indices, as_integer
from tightbound.theory.speculative.acceptance import as_pair
from tightbound.theory.speculative.chain import ratios_at
from tightbound.theory.speculative.tables import PrefixTables


@dataclass(frozen=True, eq=False)
class Rounds:
    """What each round yielded and cost.

    Parameters
    ----------
    tokens : ndarray of int, shape (runs, rounds)
        Emitted tokens, the one after the accepted drafts included.
    seconds : ndarray, shape (runs, rounds)
        Time in units of one pass of the target.
    """

    tokens: Integers
    seconds: Array

    @property
    def speedup(self) -> Array:
        """Tokens per unit of time of every run, a ratio of totals, shape (runs,); plain decoding has 1."""
        return np.asarray(self.tokens.sum(axis=1) / self.seconds.sum(axis=1))


def simulate_rounds(
    p: ArrayLike,
    q: ArrayLike,
    gamma: int,
    cost: float,
    rounds: int,
    *,
    runs: int = 1,
    persistence: float = 0.0,
    rng: int | np.random.Generator | None = None,
) -> Rounds:
    r"""Chain verification of drafts from q against p, context by context.

    A round draws gamma drafts :math:`x_i \sim q` and coins :math:`u_i`, accepts up to the first with
    :math:`u_i q(x_i) \ge p(x_i)`, and takes gamma draft steps and one pass of the target.

    Parameters
    ----------
    p, q : array_like, shapes (..., V) that broadcast to (V,) or (C, V)
        Laws of the next token under target and drafter, in one context or in C of them. The context of each
        position is drawn uniformly.
    gamma : int
        Drafted tokens per round, at least 0.
    cost : float
        Time of a draft step over time of a target pass, at least 0.
    rounds : int
        Rounds per run, at least 1.
    runs : int
        Independent runs.
    persistence : float
        Probability, in [0, 1], that a position has the context of the one before it in the round. At 0
        acceptance is independent from one position to the next.
    rng : None, int or numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Rounds

    Raises
    ------
    ValueError
        For laws that do not fit, or a number outside its range.

    Examples
    --------
    >>> found = simulate_rounds([0.5, 0.5], [0.5, 0.5], 3, 0.25, 2, rng=0)
    >>> found.tokens.tolist(), found.speedup.tolist()
    ([[4, 4]], [2.2857142857142856])
    """
    target, draft = as_pair(p, q)
    if target.ndim > 2:
        raise ValueError(f"p and q have shape {target.shape}: give (V,), or (C, V) for C contexts")
    price, stay = as_floats("cost", cost), as_floats("persistence", persistence)
    if price.ndim or price < 0.0:
        raise ValueError(f"cost is {cost!r}: give one number of at least 0")
    if stay.ndim or not 0.0 <= stay <= 1.0:
        raise ValueError(f"persistence is {persistence!r}: give one probability in [0, 1]")
    length, shape = as_integer("gamma", gamma, least=0), (as_integer("runs", runs, least=1), rounds)
    as_integer("rounds", rounds, least=1)
    source = np.random.default_rng(rng)
    laws, drafts = np.atleast_2d(target), np.atleast_2d(draft)
    edges = np.cumsum(drafts, axis=-1)
    going = np.ones(shape, dtype=np.bool_)
    tokens = np.ones(shape, dtype=np.int64)
    context = source.integers(len(laws), size=shape)
    for step in range(length):
        if step:
            moved = source.random(shape) >= stay
            context = np.where(moved, source.integers(len(laws), size=shape), context)
        x = _inverse_cdf(drafts, edges, context, source.random(shape))
        going &= source.random(shape) * drafts[context, x] < laws[context, x]
        tokens += going
    seconds = np.full(shape, length * float(price) + 1.0)
    return Rounds(tokens, seconds)


def simulate_all_lengths(
    p: ArrayLike, q: ArrayLike, longest: int, rounds: int, *, rng: int | np.random.Generator | None = None
) -> Integers:
    """Tokens of rounds with 0, 1, ..., ``longest`` drafts, all from the same drafts and coins.

    Parameters
    ----------
    p, q : array_like, shape (V,)
        Laws of the next token under target and drafter.
    longest : int
        Largest draft length.
    rounds : int
        Number of rounds.
    rng : None, int or numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of int, shape (rounds, longest + 1)

    Examples
    --------
    >>> simulate_all_lengths([0.5, 0.5], [0.5, 0.5], 3, 1, rng=0)
    array([[1, 2, 3, 4]])
    """
    found = simulate_rounds(p, q, longest, 0.0, rounds, rng=rng).tokens[0]
    return np.asarray(np.minimum(found[:, np.newaxis], np.arange(longest + 1) + 1))


def simulate_chain(
    target: PrefixTables,
    draft: PrefixTables,
    rounds: int,
    *,
    rng: int | np.random.Generator | None = None,
) -> Integers:
    """Count accepted drafts in rounds of chain verification whose laws depend on the prefix.

    Parameters
    ----------
    target, draft : PrefixTables
        Laws p and q; the draft length is ``draft.length``, and the target has at least that many tables.
    rounds : int
        Number of rounds.
    rng : None, int or numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of int, shape (rounds,)

    Examples
    --------
    >>> model = PrefixTables.independent([0.5, 0.5], 2)
    >>> simulate_chain(model, model, 3, rng=0).tolist()
    [2, 2, 2]
    """
    source, count = np.random.default_rng(rng), as_integer("rounds", rounds, least=1)
    texts = np.zeros((count, draft.length), dtype=np.int64)
    for i in range(draft.length):
        rows = draft.along(texts[:, :i], i + 1)[:, i]
        index = np.arange(count)
        texts[:, i] = _inverse_cdf(rows, np.cumsum(rows, axis=-1), index, source.random(count))
    texts = as_indices("texts", texts, target.vocabulary)
    ratios = ratios_at(target.along(texts, draft.length), draft.along(texts, draft.length), texts)
    accepted = source.random(texts.shape) < ratios
    return np.asarray(np.cumprod(accepted, axis=1).sum(axis=1), dtype=np.int64)


def _inverse_cdf(laws: Array, edges: Array, row: Integers, uniform: Array) -> Integers:
    """Token of each uniform number under ``laws[row]``, never one that cannot be drawn."""
    token = np.zeros(row.shape, dtype=np.int64)
    for edge in range(edges.shape[-1] - 1):
        token += uniform >= edges[row, edge]
    last = laws.shape[-1] - 1 - np.argmax(laws[:, ::-1] > 0.0, axis=-1)
    return np.asarray(np.minimum(token, last[row]))
