r"""Exact law of an adaptive deterministic policy by dynamic programming over its sufficient statistics.

A policy that looks only at the pulls n_i and the token sums s_i of the arms turns the process into a Markov
chain on (n_1, s_1, ..., n_K, s_K). Its law is carried forward round by round until the budget is reached;
every expectation that depends on the final statistics is then exact up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory._validation import as_integer
from tightbound.theory.bandits._validation import Array, as_laws

Integers = NDArray[np.int64]
Choose = Callable[[Integers, Integers, int], int]
Event = Callable[[Integers, Integers], ArrayLike]


@dataclass(frozen=True, eq=False)
class AdaptiveLaw:
    """Joint law of pulls and token sums when the budget is reached.

    Parameters
    ----------
    counts, sums : ndarray of int, shape (N, K)
        Pulls and tokens of every arm in each of the N possible final states.
    probability : ndarray, shape (N,)
        Probability of each final state.
    tokens : int
        The budget B.
    """

    counts: Integers
    sums: Integers
    probability: Array
    tokens: int

    @property
    def expected_pulls(self) -> Array:
        """Expected pulls of every arm, shape (K,)."""
        return np.asarray(self.probability @ self.counts)

    @property
    def expected_stopping_time(self) -> float:
        """Expected number of rounds."""
        return float(self.probability @ self.counts.sum(axis=1))

    @property
    def expected_overshoot(self) -> float:
        """Expected number of tokens beyond the budget."""
        return float(self.probability @ (self.sums.sum(axis=1) - self.tokens))

    def chance(self, event: Event) -> float:
        """Probability of an event that the final pulls and the stopping time decide.

        Parameters
        ----------
        event : callable ``(counts, stopping_time) -> bool``
            Called once with arrays of shape (N, K) and (N,); returns a boolean array of shape (N,).

        Returns
        -------
        float
            The probability.

        Raises
        ------
        ValueError
            For an event that does not return one boolean per final state.
        """
        happened = np.asarray(event(self.counts, self.counts.sum(axis=1)))
        if happened.shape != self.probability.shape or happened.dtype != np.bool_:
            raise ValueError(
                f"event returned shape {happened.shape} of {happened.dtype}: "
                f"return one boolean per final state, shape {self.probability.shape}"
            )
        return float(self.probability[happened].sum())


def adaptive_law(laws: ArrayLike, choose: Choose, tokens: int) -> AdaptiveLaw:
    r"""Exact law of the final statistics of a deterministic policy.

    .. math:: P(\text{state after } t + 1) = \sum_{\text{state}} P(\text{state after } t)\,
        q_{\text{choose(state)}}(y).

    Parameters
    ----------
    laws : array_like, shape (K, L+1), or (tokens, K, L+1) where laws change with the round
        Probabilities of Y = 1, ..., L+1 of every arm.
    choose : callable ``(counts, sums, t) -> arm``
        Called once per state that can be reached, with the pulls (K,), the token sums (K,) and the rounds so
        far. It returns the arm of the next round, from 0. A policy that compares rounded indices must write
        them in the same order of operations (mean plus radius) and break ties the same way (lowest arm)
        wherever its choices are to be compared.
    tokens : int
        Budget B, at least 1.

    Returns
    -------
    AdaptiveLaw
        Final states and their probabilities.

    Raises
    ------
    ValueError
        For laws that are not, a choice that is no arm, or a state space beyond 63 bits.

    Notes
    -----
    The number of states grows like B^(2K-1); two arms with B = 60 at L = 1 or B = 30 at L = 3 take seconds.

    Examples
    --------
    >>> law = adaptive_law([[0.5, 0.5], [0.9, 0.1]], lambda counts, sums, t: 0, 2)
    >>> law.expected_stopping_time, law.expected_overshoot
    (1.5, 0.25)
    """
    budget = as_integer("tokens", tokens, least=1)
    q = as_laws("laws", laws, (2, 3))
    if q.ndim == 3 and q.shape[0] < budget:
        raise ValueError(
            f"laws covers {q.shape[0]} rounds: up to tokens = {budget} may be played; give one per round"
        )
    arms, lengths = q.shape[-2:]
    base = budget + lengths
    if base ** (2 * arms) >= 2**63:
        raise ValueError(
            f"tokens is {budget} with {arms} arms: the states do not fit in 63 bits; "
            "use fewer arms or a smaller budget"
        )
    weight = base ** np.arange(2 * arms, dtype=np.int64)
    keys, mass = np.zeros(1, dtype=np.int64), np.ones(1)
    done_keys: list[Integers] = []
    done_mass: list[Array] = []
    for t in range(budget):
        state = keys[:, np.newaxis] // weight % base
        arm = np.fromiter(
            (choose(row[:arms], row[arms:], t) for row in state), dtype=np.int64, count=keys.size
        )
        if np.any((arm < 0) | (arm >= arms)):
            raise ValueError(
                f"choose returned {arm[(arm < 0) | (arm >= arms)][0]}: arms are numbered 0 to {arms - 1}"
            )
        now = q if q.ndim == 2 else q[t]
        step = weight[arm][:, np.newaxis] + weight[arms + arm][:, np.newaxis] * np.arange(1, lengths + 1)
        chance = mass[:, np.newaxis] * now[arm]
        total = state[:, arms:].sum(axis=1)[:, np.newaxis] + np.arange(1, lengths + 1)
        new, possible = keys[:, np.newaxis] + step, chance > 0.0
        ended, going = possible & (total >= budget), possible & (total < budget)
        done_keys.append(new[ended])
        done_mass.append(chance[ended])
        if not going.any():
            break
        keys, where = np.unique(new[going], return_inverse=True)
        mass = np.asarray(np.bincount(where, weights=chance[going]), dtype=np.float64)
    final, where = np.unique(np.concatenate(done_keys), return_inverse=True)
    ends = final[:, np.newaxis] // weight % base
    probability = np.asarray(np.bincount(where, weights=np.concatenate(done_mass)), dtype=np.float64)
    return AdaptiveLaw(ends[:, :arms], ends[:, arms:], probability, budget)
