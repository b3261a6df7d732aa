"""UCBV: empirical Bernstein bounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.policies.base import Array, KernelPolicy, as_number, kernel_policy
from tightbound.simulators.bandits.policies.ucb_tuned import SquaresPolicy


@dataclass(frozen=True)
class UCBV(SquaresPolicy):
    r"""Upper confidence bounds from the empirical Bernstein inequality; rewards have range L.

    .. math:: I_{t+1} = \arg\max_i \hat\mu_i + \sqrt{\frac{2 \zeta \hat\sigma_i^2 \log t}{n_i}} + \frac{3 L
              \zeta \log t}{n_i}.

    Parameters
    ----------
    zeta : float
        Exploration, above 1 in the theorem.

    References
    ----------
    Audibert, Munos, Szepesvari, "Exploration-exploitation tradeoff using variance estimates", Theoretical
    Computer
    Science 410, 2009.

    Examples
    --------
    >>> policy = UCBV()
    >>> policy.choose(policy.init(arms=2, max_draft=4), float)
    0
    """

    zeta: float = 1.2

    def __post_init__(self) -> None:
        as_number("zeta", self.zeta, above=0.0)

    def bonus(self, variance: Array, counts: Array, log_t: float, max_draft: int) -> Array:
        """Return what is added to the mean of every arm, in tokens per round."""
        scale = self.zeta * log_t / counts
        return np.asarray(np.sqrt(2.0 * variance * scale) + 3.0 * max_draft * scale)

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        return kernel_policy(codes.UCB_V, arms, float(max_draft), self.zeta)
