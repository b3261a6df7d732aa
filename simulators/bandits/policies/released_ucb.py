"""ReleasedUCB: the rule in the code released with BanditSpec."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.environments import as_optional_costs
from tightbound.simulators.bandits.policies.base import Array, IndexPolicy, KernelPolicy, kernel_policy
from tightbound.theory._validation import as_integer


@dataclass(frozen=True)
class ReleasedUCB(IndexPolicy):
    r"""Greedy after a cyclic warm-up: the released bonus is the same for every arm.

    .. math:: I_{t+1} = \arg\max_i \hat r_i + \sqrt{\frac{6 \log t}{\sum_j n_j}}, \qquad t \ge \text{warmup},

    with :math:`r = y / c`. The sum over all arms in place of :math:`n_i` makes this differ from Algorithm 4
    of the paper: there is no exploration after the warm-up, and the regret is linear.

    Parameters
    ----------
    warmup : int
        Rounds that play arms 0, 1, ..., K-1, 0, ...; at least K. 7 in the released code, which has 4 arms.
    costs : array_like, shape (K,), optional
        Time per round; the reward is then tokens per time, as in the released code.

    References
    ----------
    The repository sail-sg/BanditSpec.

    Examples
    --------
    >>> policy = ReleasedUCB()
    >>> policy.select(np.array([4, 3]), np.array([4, 9]), 7, 4)
    1
    """

    warmup: int = 7
    costs: Any = None

    def __post_init__(self) -> None:
        as_integer("warmup", self.warmup, least=1)

    def select(self, counts: NDArray[np.int64], sums: NDArray[np.int64], rounds: int, max_draft: int) -> int:
        """Return the arm to play: a function of pulls and tokens alone."""
        if rounds < self.warmup:
            return rounds % counts.size
        return int(np.argmax(self.index(counts, sums, rounds, max_draft)))

    def index(self, counts: NDArray[np.int64], sums: NDArray[np.int64], rounds: int, max_draft: int) -> Array:
        """Return the index of every arm."""
        costs = as_optional_costs(self.costs, counts.size)
        reward = sums / counts if costs is None else sums / counts / costs
        return np.asarray(reward + np.sqrt(6.0 * np.log(rounds) / rounds))

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        if arms > self.warmup:
            raise ValueError(
                f"warmup is {self.warmup}: {arms} arms need at least {arms} warm-up rounds; raise it"
            )
        costs = as_optional_costs(self.costs, arms)
        return kernel_policy(
            codes.RELEASED_UCB, arms, float(self.warmup), costs=1.0 if costs is None else costs
        )
