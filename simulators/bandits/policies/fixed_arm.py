"""FixedArm: one configuration, never another."""

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
from tightbound.theory._validation import as_integer


@dataclass(frozen=True)
class FixedArm(Bookkeeping):
    """Always play arm ``arm`` (from 0).

    Examples
    --------
    >>> policy = FixedArm(1)
    >>> policy.choose(policy.init(arms=2, max_draft=4), float)
    1
    """

    arm: int

    def __post_init__(self) -> None:
        as_integer("arm", self.arm, least=0)

    def init(self, arms: int, max_draft: int) -> State:
        """Return the state before round 0."""
        self._check(arms)
        return super().init(arms, max_draft)

    def choose(self, state: State, uniform: Uniform) -> int:
        """Return the arm."""
        return self.arm

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        self._check(arms)
        return kernel_policy(codes.FIXED_ARM, arms, float(self.arm))

    def _check(self, arms: int) -> None:
        if self.arm >= arms:
            raise ValueError(f"arm is {self.arm}: the environment has arms 0..{arms - 1}; choose one of them")
