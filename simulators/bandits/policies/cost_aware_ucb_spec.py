"""CostAwareUCBSpec: UCBSpec per unit of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.environments import as_costs
from tightbound.simulators.bandits.policies.base import Array, IndexPolicy, KernelPolicy, kernel_policy
from tightbound.simulators.bandits.policies.ucb_spec import radius_constants
from tightbound.theory.bandits._validation import as_confidence
from tightbound.theory.bandits.bounds import ucbspec_radius


@dataclass(frozen=True)
class CostAwareUCBSpec(IndexPolicy):
    r"""Play the arm with the largest upper confidence bound on its tokens per unit of time.

    .. math:: I_{t+1} = \arg\max_i \frac{\hat\mu_i + \mathrm{cr}_i}{c_i}

    with the radius of :class:`UCBSpec` and known costs. Time regret is logarithmic; counting rounds instead
    makes it linear where the longest drafts are not the fastest.

    Parameters
    ----------
    costs : array_like, shape (K,)
        Time per round of each arm.
    delta : float
        Confidence parameter in (0, 1).

    Examples
    --------
    >>> policy = CostAwareUCBSpec(costs=[4.0, 1.0])
    >>> policy.select(np.array([50, 50]), np.array([200, 100]), 100, 4)
    1
    """

    costs: Any
    delta: float = 0.5

    def __post_init__(self) -> None:
        as_confidence(self.delta)

    def index(self, counts: NDArray[np.int64], sums: NDArray[np.int64], rounds: int, max_draft: int) -> Array:
        """Return the upper confidence bound of every arm, in tokens per unit of time."""
        radius = ucbspec_radius(counts, float(rounds), counts.size, max_draft, self.delta)
        return np.asarray((sums / counts + radius) / as_costs(self.costs, counts.size))

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        constants = radius_constants(arms, self.delta, max_draft)
        return kernel_policy(codes.COST_AWARE_UCB_SPEC, arms, *constants, costs=as_costs(self.costs, arms))
