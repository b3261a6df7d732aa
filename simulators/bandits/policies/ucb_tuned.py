"""UCBTuned: an index that estimates variances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.policies.base import (
    Array,
    Bookkeeping,
    KernelPolicy,
    State,
    Uniform,
    kernel_policy,
)


class SquaresPolicy(Bookkeeping):
    """Keeps the sum of squared tokens of every arm; plays every arm once, then the largest index."""

    def init(self, arms: int, max_draft: int) -> State:
        """Return the state before round 0."""
        state = super().init(arms, max_draft)
        state.memory["squares"] = np.zeros(arms)
        return state

    def update(self, state: State, arm: int, y: int, revealed: ArrayLike | None = None) -> State:
        """Take in that ``arm`` yielded ``y`` tokens."""
        state.memory["squares"][arm] += y * y
        return super().update(state, arm, y)

    def bonus(self, variance: Array, counts: Array, log_t: float, max_draft: int) -> Array:
        """Return what is added to the mean of every arm."""
        raise NotImplementedError(f"{type(self).__name__} must say its bonus: define bonus(variance, ...)")

    def choose(self, state: State, uniform: Uniform) -> int:
        """Return the arm to play; no coin is used."""
        if state.rounds < state.arms:
            return state.rounds
        mean, counts = state.sums / state.counts, state.counts.astype(np.float64)
        variance = np.maximum(0.0, state.memory["squares"] / counts - mean * mean)
        return int(
            np.argmax(mean + self.bonus(variance, counts, float(np.log(state.rounds)), state.max_draft))
        )


@dataclass(frozen=True)
class UCBTuned(SquaresPolicy):
    r"""UCB1 with the variance bound of rewards in [0, 1] replaced by an estimate; rewards have range L.

    .. math:: I_{t+1} = \arg\max_i \hat\mu_i + L \sqrt{\frac{\log t}{n_i}
              \min\Bigl(\frac14, \frac{\hat\sigma_i^2}{L^2} + \sqrt{\frac{2 \log t}{n_i}}\Bigr)}.

    References
    ----------
    Auer, Cesa-Bianchi, Fischer, Machine Learning 47, 2002, Section 4.

    Examples
    --------
    >>> policy = UCBTuned()
    >>> policy.choose(policy.init(arms=2, max_draft=4), float)
    0
    """

    def bonus(self, variance: Array, counts: Array, log_t: float, max_draft: int) -> Array:
        """Return what is added to the mean of every arm, in tokens per round."""
        cap = np.minimum(0.25, variance / max_draft**2 + np.sqrt(2.0 * log_t / counts))
        return np.asarray(max_draft * np.sqrt(log_t / counts * cap))

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        return kernel_policy(codes.UCB_TUNED, arms, float(max_draft))
