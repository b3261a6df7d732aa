"""PooledUCBSpec: UCBSpec with the pulls of all arms in its radius (a broken variant, for controls)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.policies.base import Array, IndexPolicy, KernelPolicy, kernel_policy
from tightbound.simulators.bandits.policies.ucb_spec import radius_constants
from tightbound.theory.bandits._validation import as_confidence
from tightbound.theory.bandits.bounds import ucbspec_radius


@dataclass(frozen=True)
class PooledUCBSpec(IndexPolicy):
    r"""**Broken on purpose.** UCBSpec whose radius counts all pulls instead of those of the arm.

    .. math:: I_{t+1} = \arg\max_i \hat\mu_i + \frac{L}{2} \sqrt{\frac{1 + t}{t^2}\left(1 + 2 \log \frac{K
              t^2 (1 + t)^{1/2}}{\delta}\right)}.

    Every arm gets the same bonus, so this is greedy: its regret is linear.

    Parameters
    ----------
    delta : float
        Confidence parameter in (0, 1).

    Examples
    --------
    >>> policy = PooledUCBSpec()
    >>> policy.select(np.array([5, 5]), np.array([20, 6]), 10, 4)
    0
    """

    delta: float = 0.5

    def __post_init__(self) -> None:
        as_confidence(self.delta)

    def index(self, counts: NDArray[np.int64], sums: NDArray[np.int64], rounds: int, max_draft: int) -> Array:
        """Return the index of every arm, in tokens per round."""
        radius = ucbspec_radius(rounds, float(rounds), counts.size, max_draft, self.delta)
        return np.asarray(sums / counts + radius)

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        return kernel_policy(codes.POOLED_UCB_SPEC, arms, *radius_constants(arms, self.delta, max_draft))
