"""RoundRobin: every arm in turn."""

from __future__ import annotations

from dataclasses import dataclass

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.policies.base import (
    Bookkeeping,
    KernelPolicy,
    State,
    Uniform,
    kernel_policy,
)


@dataclass(frozen=True)
class RoundRobin(Bookkeeping):
    """Play arms 0, 1, ..., K-1, 0, 1, ...

    Examples
    --------
    >>> policy = RoundRobin()
    >>> policy.choose(policy.init(arms=2, max_draft=4), float)
    0
    """

    def choose(self, state: State, uniform: Uniform) -> int:
        """Return the arm to play; no coin is used."""
        return state.rounds % state.arms

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        return kernel_policy(codes.ROUND_ROBIN, arms)
