"""EpsilonGreedy: explore with a probability that falls like 1/t."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.policies.base import (
    Bookkeeping,
    KernelPolicy,
    State,
    Uniform,
    as_number,
    kernel_policy,
)


@dataclass(frozen=True)
class EpsilonGreedy(Bookkeeping):
    r"""Play a uniform arm with a probability that falls like 1/t, otherwise the best mean so far.

    .. math:: \varepsilon_t = \min(1, cK/t).

    Parameters
    ----------
    c : float
        Exploration, above 0. The theorem wants it above 5 over the squared gap of rewards in [0, 1].

    References
    ----------
    Auer, Cesa-Bianchi, Fischer, Machine Learning 47, 2002, Theorem 3.

    Examples
    --------
    >>> policy = EpsilonGreedy(c=1.0)
    >>> policy.choose(policy.init(arms=2, max_draft=4), lambda: 0.75)
    1
    """

    c: float

    def __post_init__(self) -> None:
        as_number("c", self.c, above=0.0)

    def choose(self, state: State, uniform: Uniform) -> int:
        """Return the arm to play."""
        if uniform() < min(1.0, self.c * state.arms / (state.rounds + 1.0)):
            return min(state.arms - 1, int(uniform() * state.arms))
        if np.any(state.counts == 0):
            return int(np.argmin(state.counts))
        return int(np.argmax(state.sums / state.counts))

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        return kernel_policy(codes.EPSILON_GREEDY, arms, self.c)
