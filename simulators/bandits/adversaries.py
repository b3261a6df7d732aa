"""Tables of accepted tokens fixed in advance: what an oblivious adversary may play.

The generators return y as an integer array of shape (rounds, K), entries in 1..L+1, for ``Table`` (Monte
Carlo) or ``theory.bandits.exp3spec_law`` (exact). A run with budget B lasts at most B rounds, so B rows are
always enough.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory._validation import as_floats, as_integer, as_positive
from tightbound.theory.bandits._validation import as_laws, as_means

Counts = NDArray[np.int64]


def sampled(laws: ArrayLike, rounds: int, *, rng: int | np.random.Generator | None = None) -> Counts:
    r"""Independent rounds, :math:`y_{i,t} \sim q_i`, drawn once and then fixed.

    Parameters
    ----------
    laws : array_like, shape (K, L+1)
        Probabilities of 1, ..., L+1 tokens for each arm.
    rounds : int
        Number of rows.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    ndarray of int, shape (rounds, K)
        The table.

    Raises
    ------
    ValueError
        For laws that are no probabilities, or fewer than one round.

    Examples
    --------
    >>> sampled([[0.0, 1.0], [1.0, 0.0]], 2)
    array([[2, 1],
           [2, 1]])
    """
    cumulative = np.cumsum(as_laws("laws", laws, 2), axis=1)[:, :-1]
    count = as_integer("rounds", rounds, least=1)
    uniforms = np.random.default_rng(rng).random((count, cumulative.shape[0]))
    return np.asarray(1 + (uniforms[:, :, np.newaxis] >= cumulative).sum(axis=2), dtype=np.int64)


def two_point(
    means: ArrayLike, max_draft: int, rounds: int, *, rng: int | np.random.Generator | None = None
) -> Counts:
    r"""Independent rounds that accept all or nothing, :math:`P(y_{i,t} = L + 1) = (\mu_i - 1)/L`, else 1.

    Of all laws with these means this one has the largest variance.

    Parameters
    ----------
    means : array_like, shape (K,)
        Mean tokens per round, in [1, L+1].
    max_draft : int
        Draft length L, in tokens.
    rounds : int
        Number of rows.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    ndarray of int, shape (rounds, K)
        The table.

    Examples
    --------
    >>> two_point([3.0, 1.0], 2, 2)
    array([[3, 1],
           [3, 1]])
    """
    length, count = as_integer("max_draft", max_draft, least=1), as_integer("rounds", rounds, least=1)
    accept = (as_means(means, length) - 1.0) / length
    accepted = np.random.default_rng(rng).random((count, accept.size)) < accept
    return np.where(accepted, length + 1, 1)


def tuned_gap(arms: int, max_draft: int, tokens: float) -> float:
    r"""Gap at which no policy can tell the arms apart within the budget.

    .. math:: \Delta = L \sqrt{\frac{K \log K}{ST}}, \qquad ST = \frac{B}{1 + L/2}.

    Parameters
    ----------
    arms, max_draft : int
        Number of arms K, at least 2, and draft length L.
    tokens : float
        Budget B.

    Returns
    -------
    float
        Gap in tokens per round; the arms that it belongs to have means around 1 + L/2.

    Raises
    ------
    ValueError
        Where the budget is so small that the gap would exceed L/2.

    Examples
    --------
    >>> round(tuned_gap(2, 4, 10_000), 4)
    0.0816
    """
    count, length = as_integer("arms", arms, least=2), as_integer("max_draft", max_draft, least=1)
    rounds = as_positive("tokens", tokens) / (1.0 + length / 2.0)
    gap = length * math.sqrt(count * math.log(count) / rounds)
    if gap > length / 2.0:
        least = math.ceil(4.0 * count * math.log(count) * (1.0 + length / 2.0))
        raise ValueError(
            f"tokens is {tokens}: the gap {gap:.3g} exceeds max_draft / 2; give at least {least} tokens"
        )
    return gap


def rotating(arms: int, max_draft: int, rounds: int) -> Counts:
    r"""Arm k mod K yields L + 1 and the others 1 in phase k, which lasts :math:`2^k` rounds.

    Whoever follows the leader of the past is wrong for most of every phase; whoever tracks beats every fixed
    arm, so regret is often negative.

    Parameters
    ----------
    arms, max_draft : int
        Number of arms K and draft length L.
    rounds : int
        Number of rows.

    Returns
    -------
    ndarray of int, shape (rounds, K)
        The table.

    Examples
    --------
    >>> rotating(2, 2, 4).tolist()
    [[3, 1], [1, 3], [1, 3], [3, 1]]
    """
    count, length = as_integer("arms", arms, least=1), as_integer("max_draft", max_draft, least=1)
    phase = np.floor(np.log2(np.arange(1, as_integer("rounds", rounds, least=1) + 1))).astype(np.int64)
    y = np.ones((phase.size, count), dtype=np.int64)
    y[np.arange(phase.size), phase % count] = length + 1
    return y


def dominated(
    means: ArrayLike, max_draft: int, rounds: int, *, rng: int | np.random.Generator | None = None
) -> Counts:
    r"""Like :func:`two_point`, but the best arm yields at least as much as any other in every single round.

    The arms share one uniform variate per round, so no sequence of arms can finish before the best arm does.

    Parameters
    ----------
    means : array_like, shape (K,)
        Mean tokens per round, in [1, L+1].
    max_draft : int
        Draft length L, in tokens.
    rounds : int
        Number of rows.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    ndarray of int, shape (rounds, K)
        The table.

    Examples
    --------
    >>> y = dominated([2.0, 1.5], 2, 100, rng=0)
    >>> bool(np.all(y[:, 0] >= y[:, 1]))
    True
    """
    length, count = as_integer("max_draft", max_draft, least=1), as_integer("rounds", rounds, least=1)
    accept = (as_means(means, length) - 1.0) / length
    accepted = np.random.default_rng(rng).random((count, 1)) < accept
    return np.where(accepted, length + 1, 1)


def cliff(table: ArrayLike, tokens: int) -> Counts:
    r"""Set every round after the best fixed arm has finished to one token per round.

    .. math:: y'_{i,t} = y_{i,t} \ (t \le ST^*), \qquad y'_{i,t} = 1 \ (t > ST^*).

    A missing token then costs a whole round: this is what makes the factor L in the bound necessary.

    Parameters
    ----------
    table : array_like of int, shape (rounds, K)
        The table to cut.
    tokens : int
        Budget B.

    Returns
    -------
    ndarray of int, shape (rounds, K)
        A new table.

    Raises
    ------
    IndexError
        Where no arm reaches the budget within the table.

    Examples
    --------
    >>> cliff([[2, 1]] * 4, 4)[:, 0]
    array([2, 2, 1, 1])
    """
    y = _as_table(table)
    cut = y.copy()
    cut[best_stopping_time(y, tokens) :] = 1
    return cut


def best_stopping_time(table: ArrayLike, tokens: int) -> int:
    r"""Count the rounds of the best fixed arm.

    .. math:: ST^* = \min_i \min\{t : \sum_{s \le t} y_{i,s} \ge B\}.

    Parameters
    ----------
    table : array_like of int, shape (rounds, K)
        Tokens of each arm in each round.
    tokens : int
        Budget B.

    Returns
    -------
    int
        Rounds.

    Raises
    ------
    IndexError
        Where no arm reaches the budget within the table.

    Examples
    --------
    >>> best_stopping_time([[1, 2]] * 5, 5)
    3
    """
    y, budget = _as_table(table), as_integer("tokens", tokens, least=1)
    reached = np.cumsum(y, axis=0).max(axis=1) >= budget
    if not reached[-1]:
        raise IndexError(
            f"table has {y.shape[0]} rounds and no arm reaches {budget} tokens in them: add rounds or "
            "lower tokens"
        )
    return int(np.argmax(reached)) + 1


def early_finish_possible(table: ArrayLike, tokens: int) -> bool:
    r"""Whether some sequence of arms finishes before the best fixed arm.

    .. math:: \sum_{t < ST^*} \max_i y_{i,t} \ge B.

    EXP3Spec gives every sequence of arms a positive probability, so it finishes early with positive
    probability exactly where this is true. (It also ties with the best arm with positive probability on every
    table, by playing it throughout.)

    Parameters
    ----------
    table : array_like of int, shape (rounds, K)
        Tokens of each arm in each round.
    tokens : int
        Budget B.

    Returns
    -------
    bool
        False exactly where :math:`ST \ge ST^*` holds almost surely.

    Examples
    --------
    >>> early_finish_possible([[2, 1], [1, 2], [2, 2]], 4), early_finish_possible([[2, 1]] * 3, 4)
    (True, False)
    """
    y = _as_table(table)
    best = best_stopping_time(y, tokens)
    return bool(y[: best - 1].max(axis=1).sum() >= tokens)


def _as_table(table: ArrayLike) -> Counts:
    """Return a table of whole numbers, shape (rounds, K)."""
    y = as_floats("table", table)
    if y.ndim != 2 or y.size == 0:
        raise ValueError(
            f"table has shape {y.shape}: give shape (rounds, K) with at least one round and one arm"
        )
    if np.any(y < 1) or np.any(y != np.round(y)):
        raise ValueError(
            f"table contains {y[(y < 1) | (y != np.round(y))][0]}: entries are whole numbers of at least 1"
        )
    return y.astype(np.int64)
