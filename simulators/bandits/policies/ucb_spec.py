"""UCBSpec: upper confidence bounds from a self-normalised inequality."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.policies.base import (
    Array,
    IndexPolicy,
    KernelPolicy,
    as_number,
    kernel_policy,
)
from tightbound.theory.bandits._validation import as_confidence
from tightbound.theory.bandits.bounds import ucbspec_radius


@dataclass(frozen=True)
class UCBSpec(IndexPolicy):
    r"""Play the arm with the largest upper confidence bound on its mean tokens per round.

    .. math:: I_{t+1} = \arg\max_i \hat\mu_i + s\,\frac{L}{2} \sqrt{\frac{1 + n_i}{n_i^2}
              \left(1 + 2 \log \frac{K t^2 (1 + n_i)^{1/2}}{\delta}\right)}

    after every arm has been played once; among equal indices the lowest arm.

    Parameters
    ----------
    delta : float
        Confidence parameter in (0, 1); 1/2 in the theorem.
    scale : float
        Multiplies the radius. 1 is the published policy; 0 is greedy, a broken variant for controls.

    References
    ----------
    Hou et al., "BanditSpec", ICML 2025, Algorithm 4 and Theorem 4.3.

    Examples
    --------
    >>> policy = UCBSpec()
    >>> state = policy.init(arms=2, max_draft=4)
    >>> for y in (5, 1):
    ...     state = policy.update(state, policy.choose(state, float), y)
    >>> policy.choose(state, float)
    0
    """

    delta: float = 0.5
    scale: float = 1.0

    def __post_init__(self) -> None:
        as_confidence(self.delta)
        as_number("scale", self.scale, least=0.0)

    def index(self, counts: NDArray[np.int64], sums: NDArray[np.int64], rounds: int, max_draft: int) -> Array:
        """Return the upper confidence bound of every arm, in tokens per round."""
        radius = ucbspec_radius(counts, float(rounds), counts.size, max_draft, self.delta)
        return sums / counts + self.scale * np.asarray(radius)

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        return kernel_policy(
            codes.UCB_SPEC, arms, *radius_constants(arms, self.delta, self.scale * max_draft)
        )


def radius_constants(arms: int, delta: float, width: float) -> tuple[float, float]:
    """Return 1 + 2 log(K / delta) and (width / 2)^2, the radius constants for reward range ``width``."""
    return 1.0 + 2.0 * math.log(arms / delta), (0.5 * width) ** 2
