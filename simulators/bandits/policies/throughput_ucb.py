"""ThroughputUCB: upper confidence bounds on measured tokens per time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.environments import as_costs
from tightbound.simulators.bandits.policies.base import (
    Array,
    IndexPolicy,
    KernelPolicy,
    as_number,
    kernel_policy,
)
from tightbound.simulators.bandits.policies.ucb_spec import radius_constants
from tightbound.theory._validation import as_floats
from tightbound.theory.bandits._validation import as_confidence
from tightbound.theory.bandits.bounds import ucbspec_radius


@dataclass(frozen=True)
class ThroughputUCB(IndexPolicy):
    r"""Take the throughput of a round, :math:`r = y / c`, as the reward of an upper confidence bound.

    .. math:: I_{t+1} = \arg\max_i \hat r_i + \frac{h - l}{2} \sqrt{\frac{1 + n_i}{n_i^2}
              \left(1 + 2 \log \frac{K t^2 (1 + n_i)^{1/2}}{\delta}\right)}, \qquad r \in [l, h].

    The range is not L: it has to be given, and rewards must stay within it.

    Parameters
    ----------
    costs : array_like, shape (K,)
        Time per round of each arm.
    reward_range : tuple of two floats
        (l, h), in tokens per unit of time.
    delta : float
        Confidence parameter in (0, 1).

    Raises
    ------
    ValueError
        When simulated with rewards that can leave the range.

    Examples
    --------
    >>> policy = ThroughputUCB(costs=[4.0, 1.0], reward_range=(0.25, 5.0))
    >>> policy.select(np.array([50, 50]), np.array([200, 100]), 100, 4)
    1
    """

    costs: Any
    reward_range: tuple[float, float]
    delta: float = 0.5

    def __post_init__(self) -> None:
        as_confidence(self.delta)
        limits = as_floats("reward_range", self.reward_range)
        if limits.shape != (2,):
            raise ValueError(f"reward_range is {self.reward_range!r}: give two numbers (lowest, highest)")
        as_number("reward_range[1]", float(limits[1]), above=float(limits[0]))

    @property
    def width(self) -> float:
        """Length of the reward range."""
        return float(self.reward_range[1]) - float(self.reward_range[0])

    def index(self, counts: NDArray[np.int64], sums: NDArray[np.int64], rounds: int, max_draft: int) -> Array:
        """Return the upper confidence bound of every arm, in tokens per unit of time."""
        radius = self.width * np.asarray(ucbspec_radius(counts, float(rounds), counts.size, 1, self.delta))
        return np.asarray(sums / counts / as_costs(self.costs, counts.size) + radius)

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        costs = as_costs(self.costs, arms)
        low, high = 1.0 / costs.max(), (max_draft + 1.0) / costs.min()
        if low < self.reward_range[0] or high > self.reward_range[1]:
            raise ValueError(
                f"reward_range is {self.reward_range!r} but rewards y / cost reach from {low:g} "
                f"to {high:g}: widen it"
            )
        constants = radius_constants(arms, self.delta, self.width)
        return kernel_policy(codes.THROUGHPUT_UCB, arms, *constants, costs=costs)
