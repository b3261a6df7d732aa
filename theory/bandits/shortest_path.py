"""Exact oracles for position-indexed traces: the shortest path through a text, and each arm's own path.

In greedy decoding the tokens that arm i yields depend on the position x in the text alone, ``y[x, i]``. A
policy is then a walk ``x -> x + y[x, i]`` from 0 until ``x >= tokens``, and the best of all walks is a
shortest path.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory._validation import as_floats, as_integer
from tightbound.theory.bandits._validation import Array


def cost_to_go(y: ArrayLike, tokens: int | None = None, *, costs: ArrayLike | None = None) -> Array:
    """Return V(x), the least cost of writing the tokens from position x on, over all policies.

    ``V(x) = min_i costs_i + V(x + y_i(x))`` for x < tokens and ``V(x) = 0`` from there on. With unit costs
    this is the smallest number of rounds of any policy, even of one that knows the whole trace.

    Parameters
    ----------
    y : array_like of int, shape (positions, K)
        Tokens that arm i yields at position x, each at least 1.
    tokens : int, optional
        Length B of the text; all positions if left out.
    costs : array_like of float, shape (K,), optional
        Cost of one round of each arm, e.g. in ms; 1 (a round) if left out.

    Returns
    -------
    ndarray of float64, shape (tokens + 1,)
        ``V[0]`` is the oracle's cost of the whole text.

    Raises
    ------
    IndexError
        If the trace ends before ``tokens``.
    ValueError, TypeError
        For yields below 1, a wrong shape or non-integer entries.

    Notes
    -----
    Every policy, randomised or not, walks one path for each outcome of its coins, and the cost of a path is
    the sum of its steps. Steps only go forward, so positions are a topological order and backward induction
    is exact: no path from x costs less than its first step plus the least cost from where that step ends,
    and choosing the minimising arm attains it.

    Examples
    --------
    Arm 0 yields 4 at multiples of 4 and 1 elsewhere, arm 1 always 3:

    >>> x = np.arange(12)
    >>> cost_to_go(np.stack([np.where(x % 4 == 0, 4, 1), np.full(12, 3)], axis=1))[0]
    np.float64(3.0)
    """
    steps, length = _checked(y, tokens)
    charge = _charges(costs, steps.shape[1])
    reach = np.minimum(np.arange(length)[:, None] + steps, length).tolist()
    value = [0.0] * (length + 1)
    if np.all(charge == charge[0]):
        price = float(charge[0])
        for x in range(length - 1, -1, -1):
            value[x] = price + min([value[r] for r in reach[x]])
    else:
        prices = charge.tolist()
        for x in range(length - 1, -1, -1):
            value[x] = min([price + value[r] for price, r in zip(prices, reach[x], strict=True)])
    return np.array(value)


def fixed_arm_costs(y: ArrayLike, tokens: int | None = None, *, costs: ArrayLike | None = None) -> Array:
    """Return what each arm costs if it plays every round: its number of rounds times its cost of a round.

    Parameters
    ----------
    y, tokens, costs
        As in :func:`cost_to_go`.

    Returns
    -------
    ndarray of float64, shape (K,)

    Examples
    --------
    >>> fixed_arm_costs([[4, 3], [1, 3], [1, 3], [1, 3], [4, 3], [1, 3], [1, 3], [1, 3]])
    array([2., 3.])
    """
    steps, length = _checked(y, tokens)
    rounds = np.array([_walk(column.tolist(), length) for column in steps.T], dtype=np.float64)
    return rounds * _charges(costs, steps.shape[1])


def longest_step_rounds(y: ArrayLike, tokens: int | None = None) -> int:
    """Return the rounds of the policy that always takes the arm yielding most tokens at its position.

    On a coherent trace (:func:`coherence_share` 1 for every arm) this is the optimum ``cost_to_go(y)[0]``:
    the position reached from x, ``x + max_i y_i(x)``, never falls as x grows, so being ahead never costs a
    round.

    Parameters
    ----------
    y, tokens
        As in :func:`cost_to_go`.

    Examples
    --------
    >>> longest_step_rounds([[3, 2], [1, 1], [1, 4], [1, 1], [1, 1], [1, 1]])
    4
    >>> cost_to_go([[3, 2], [1, 1], [1, 4], [1, 1], [1, 1], [1, 1]])[0]
    np.float64(2.0)
    """
    steps, length = _checked(y, tokens)
    return _walk(steps.max(axis=1).tolist(), length)


def coherence_share(y: ArrayLike, tokens: int | None = None) -> Array:
    """Return, per arm, how often ``y_i(x + 1) >= y_i(x) - 1``: one token ahead loses no reach.

    Parameters
    ----------
    y, tokens
        As in :func:`cost_to_go`.

    Returns
    -------
    ndarray of float64, shape (K,)
        Shares of the positions x with a successor; 1 where there is none.

    Notes
    -----
    Let ``N_i(x)`` be the rounds arm i needs from position x. If arm i is coherent everywhere, its reach ``x
    + y_i(x)`` never falls as x grows, hence ``N_i`` never rises (induction from the end). Along any
    policy's walk a round of arm i lowers ``N_i`` by exactly 1 and a round of another arm does not raise it.
    So a policy needs at most ``N_i(0)`` rounds of arm i, and its rounds exceed those of arm i alone by at
    most the number of rounds that it gave to other arms.

    Examples
    --------
    >>> coherence_share([[3, 1], [2, 1], [1, 4], [1, 1]])
    array([1.        , 0.66666667])
    """
    steps, _ = _checked(y, tokens)
    if len(steps) < 2:
        return np.ones(steps.shape[1])
    return np.asarray(np.mean(steps[1:] >= steps[:-1] - 1, axis=0), dtype=np.float64)


def _walk(steps: list[int], length: int) -> int:
    """Return how many steps lead from 0 to at least ``length``."""
    x = rounds = 0
    while x < length:
        x += steps[x]
        rounds += 1
    return rounds


def _checked(y: ArrayLike, tokens: int | None) -> tuple[NDArray[np.int64], int]:
    """Return the first ``tokens`` rows as int64, and their number."""
    steps = np.asarray(y)
    if not np.issubdtype(steps.dtype, np.integer):
        raise TypeError(f"y has dtype {steps.dtype}: give integer token counts, e.g. uint8")
    if steps.ndim != 2 or steps.size == 0:
        raise ValueError(f"y has shape {steps.shape}: give one row per position and one column per arm")
    length = len(steps) if tokens is None else as_integer("tokens", tokens, least=1)
    if length > len(steps):
        raise IndexError(
            f"y ends before position {len(steps)}, but tokens is {length}: record a trace of at least "
            f"{length} positions or ask for at most {len(steps)} tokens"
        )
    if steps[:length].min() < 1:
        x, arm = np.argwhere(steps[:length] < 1)[0]
        raise ValueError(
            f"y[{x}, {arm}] is {steps[x, arm]}: every round yields at least 1 token; "
            "count the target's own token too"
        )
    return steps[:length].astype(np.int64), length


def _charges(costs: ArrayLike | None, arms: int) -> Array:
    """Return one positive cost per arm."""
    charge = np.ones(arms) if costs is None else as_floats("costs", costs)
    if charge.shape != (arms,) or np.any(charge <= 0):
        raise ValueError(f"costs is {costs!r}: give one positive cost per round for each of the {arms} arms")
    return charge
