"""UnweightedEXP3: EXP3Spec without importance weights (a broken variant, for controls)."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.policies.base import KernelPolicy, State, kernel_policy
from tightbound.simulators.bandits.policies.exp3_spec import EXP3Spec


@dataclass(frozen=True)
class UnweightedEXP3(EXP3Spec):
    """**Broken on purpose.** EXP3Spec that adds plain losses, without importance weights.

    Pulls then equalise the cumulative losses of the arms instead of finding the best.

    Examples
    --------
    >>> policy = UnweightedEXP3()
    >>> policy.update(policy.init(arms=2, max_draft=4), 0, 3).memory["losses"]
    array([0.5, 0. ])
    """

    def update(self, state: State, arm: int, y: int, revealed: ArrayLike | None = None) -> State:
        """Take in that ``arm`` yielded ``y`` tokens."""
        state.memory["probabilities"][arm] = 1.0
        return super().update(state, arm, y)

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        return kernel_policy(codes.UNWEIGHTED_EXP3, arms, 0.0, float(max_draft))
