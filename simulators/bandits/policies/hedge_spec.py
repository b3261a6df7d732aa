"""HedgeSpec: Hedge on one-step estimates of every drafter."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.policies.base import Array, KernelPolicy, State, as_number, kernel_policy
from tightbound.simulators.bandits.policies.hedge import Hedge
from tightbound.theory._validation import as_floats


def one_step_estimate(levels: ArrayLike) -> Array:
    r"""Tokens a drafter is expected to yield, given its acceptance probabilities along one trajectory.

    .. math:: \sum_{k=1}^{L+1} k\,(1 - \gamma_k) \prod_{j<k} \gamma_j = 1 + \gamma_1 (1 + \gamma_2 (1 +
              \dots)),
              \qquad \gamma_{L+1} = 0.

    Parameters
    ----------
    levels : array_like, shape (..., L)
        Acceptance probability of draft token k = 1..L, in [0, 1].

    Returns
    -------
    ndarray, shape (...)
        Between 1 and L + 1; unbiased for the mean where the levels are independent with the right means.

    Examples
    --------
    >>> float(one_step_estimate([0.5, 0.5]))
    1.75
    """
    gamma = as_floats("levels", levels)
    if np.any((gamma < 0.0) | (gamma > 1.0)):
        raise ValueError(
            f"levels reach from {gamma.min()} to {gamma.max()}: acceptance probabilities lie in [0, 1]"
        )
    return np.asarray(1.0 + np.cumprod(gamma, axis=-1).sum(axis=-1))


@dataclass(frozen=True)
class HedgeSpec(Hedge):
    """Hedge fed with :func:`one_step_estimate` of every drafter on the verified text.

    The estimate of a round that starts at position x exists once the L tokens behind x are verified, so with
    ``delayed`` it counts only from the round after that.

    Parameters
    ----------
    spread : float
        How far a single acceptance level moves around its mean, in [0, 1/2]; cut where [0, 1] ends, which
        keeps the mean.
    delayed : bool
        Whether estimates wait for the verified text.

    References
    ----------
    As summarised for "Not-a-Bandit", arXiv 2510.20064; the simulation of the levels is ours.

    Examples
    --------
    >>> policy = HedgeSpec(delayed=False)
    >>> state = policy.update(policy.init(arms=2, max_draft=4), 0, 1, revealed=[3.0, 5.0])
    >>> state.memory["losses"]
    array([0.5, 0. ])
    """

    spread: float = 0.1
    delayed: bool = True

    def __post_init__(self) -> None:
        as_number("spread", self.spread, least=0.0, most=0.5)

    def init(self, arms: int, max_draft: int) -> State:
        """Return the state before round 0."""
        state = super().init(arms, max_draft)
        state.memory["waiting"] = deque()
        return state

    def update(self, state: State, arm: int, y: int, revealed: ArrayLike | None = None) -> State:
        """Take in the estimates of every arm, ``revealed`` of shape (K,)."""
        waiting = state.memory["waiting"]
        position = int(state.sums.sum())
        losses = state.memory["losses"].copy()
        super().update(state, arm, y, revealed)
        waiting.append((position, state.memory["losses"] - losses))
        state.memory["losses"] = losses
        reached = position + y - (state.max_draft if self.delayed else 0)
        while waiting and waiting[0][0] <= reached:
            state.memory["losses"] += waiting.popleft()[1]
        return state

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        delay = float(max_draft) if self.delayed else 0.0
        scratch = 2 + (int(delay) + 1) * (arms + 1)
        return kernel_policy(
            codes.HEDGE_SPEC, arms, 0.0, float(max_draft), delay, self.spread, scratch=scratch
        )
