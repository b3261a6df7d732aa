"""SlidingWindowUCB: only the last rounds count."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.policies.base import (
    Bookkeeping,
    KernelPolicy,
    State,
    Uniform,
    as_number,
    kernel_policy,
)
from tightbound.theory._validation import as_integer


@dataclass(frozen=True)
class SlidingWindowUCB(Bookkeeping):
    r"""Upper confidence bounds from the last ``window`` rounds; rewards have range L.

    .. math:: I_{t+1} = \arg\max_i \hat\mu_i^{(\tau)} + L \sqrt{\frac{\xi \log (t \wedge
              \tau)}{n_i^{(\tau)}}}.

    An arm without a pull in the window is played next.

    Parameters
    ----------
    window : int
        Rounds that count.
    xi : float
        Exploration.

    References
    ----------
    Garivier, Moulines, "On upper-confidence bound policies for switching bandit problems", ALT 2011.

    Examples
    --------
    >>> policy = SlidingWindowUCB(window=100)
    >>> policy.choose(policy.init(arms=2, max_draft=4), float)
    0
    """

    window: int
    xi: float = 0.6

    def __post_init__(self) -> None:
        as_integer("window", self.window, least=1)
        as_number("xi", self.xi, least=0.0)

    def init(self, arms: int, max_draft: int) -> State:
        """Return the state before round 0."""
        state = super().init(arms, max_draft)
        state.memory.update(recent=deque(), counts=np.zeros(arms), sums=np.zeros(arms))
        return state

    def choose(self, state: State, uniform: Uniform) -> int:
        """Return the arm to play; no coin is used."""
        if state.rounds < state.arms:
            return state.rounds
        counts, sums = state.memory["counts"], state.memory["sums"]
        if np.any(counts == 0.0):
            return int(np.argmin(counts))
        log_t = np.log(min(state.rounds, self.window))
        return int(np.argmax(sums / counts + state.max_draft * np.sqrt(self.xi * log_t / counts)))

    def update(self, state: State, arm: int, y: int, revealed: ArrayLike | None = None) -> State:
        """Take in that ``arm`` yielded ``y`` tokens."""
        super().update(state, arm, y)
        recent = state.memory["recent"]
        recent.append((arm, y))
        state.memory["counts"][arm] += 1.0
        state.memory["sums"][arm] += y
        if len(recent) > self.window:
            old, tokens = recent.popleft()
            state.memory["counts"][old] -= 1.0
            state.memory["sums"][old] -= tokens
        return state

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        par = (float(self.window), float(max_draft), self.xi)
        return kernel_policy(codes.SLIDING_WINDOW_UCB, arms, *par, scratch=2 * self.window)
