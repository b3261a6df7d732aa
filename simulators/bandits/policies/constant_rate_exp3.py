"""ConstantRateEXP3: EXP3Spec with a rate that never falls (a broken variant, for controls)."""

from __future__ import annotations

from dataclasses import dataclass

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.policies.base import KernelPolicy, as_number, kernel_policy
from tightbound.simulators.bandits.policies.exp3_spec import EXP3Spec


@dataclass(frozen=True)
class ConstantRateEXP3(EXP3Spec):
    """**Broken on purpose.** EXP3Spec with a constant learning rate: it locks on a random arm.

    Parameters
    ----------
    eta : float
        Learning rate of every round, above 0.

    Examples
    --------
    >>> ConstantRateEXP3().rate(arms=2, t=100)
    1.0
    """

    eta: float = 1.0

    def __post_init__(self) -> None:
        as_number("eta", self.eta, above=0.0)

    def rate(self, arms: int, t: int) -> float:
        """Return the learning rate of round t = 1, 2, ..."""
        return self.eta

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        return kernel_policy(codes.CONSTANT_RATE_EXP3, arms, self.eta, float(max_draft))
