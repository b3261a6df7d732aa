"""UCB1: the classical upper confidence bound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.policies.base import Array, IndexPolicy, KernelPolicy, kernel_policy


@dataclass(frozen=True)
class UCB1(IndexPolicy):
    r"""The classical upper confidence bound, with rewards of range L.

    .. math:: I_{t+1} = \arg\max_i \hat\mu_i + L \sqrt{\frac{2 \log t}{n_i}}.

    References
    ----------
    Auer, Cesa-Bianchi, Fischer, "Finite-time analysis of the multiarmed bandit problem", Machine Learning
    47, 2002,
    Theorem 1.

    Examples
    --------
    >>> policy = UCB1()
    >>> policy.select(np.array([5, 5]), np.array([20, 6]), 10, 4)
    0
    """

    def index(self, counts: NDArray[np.int64], sums: NDArray[np.int64], rounds: int, max_draft: int) -> Array:
        """Return the upper confidence bound of every arm, in tokens per round."""
        return np.asarray(sums / counts + max_draft * np.sqrt(2.0 * np.log(rounds) / counts))

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        return kernel_policy(codes.UCB1, arms, float(max_draft))
