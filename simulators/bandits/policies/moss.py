"""MOSS: minimax-optimal index in its anytime form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.policies.base import Array, IndexPolicy, KernelPolicy, kernel_policy


@dataclass(frozen=True)
class MOSS(IndexPolicy):
    r"""Explore an arm only while it has less than its fair share of rounds; rewards have range L.

    .. math:: I_{t+1} = \arg\max_i \hat\mu_i + L \sqrt{\frac{1}{n_i} \max\Bigl(0, \log\frac{t}{K n_i}\Bigr)}.

    The original needs the horizon; here the present round stands in for it.

    References
    ----------
    Audibert, Bubeck, "Minimax policies for adversarial and stochastic bandits", COLT 2009; Degenne, Perchet,
    "Anytime optimal algorithms in stochastic multi-armed bandits", ICML 2016.

    Examples
    --------
    >>> policy = MOSS()
    >>> policy.select(np.array([5, 5]), np.array([20, 6]), 10, 4)
    0
    """

    def index(self, counts: NDArray[np.int64], sums: NDArray[np.int64], rounds: int, max_draft: int) -> Array:
        """Return the index of every arm, in tokens per round."""
        bonus = np.maximum(0.0, np.log(rounds / (counts.size * counts)))
        return np.asarray(sums / counts + max_draft * np.sqrt(bonus / counts))

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        return kernel_policy(codes.MOSS, arms, float(max_draft))
