"""EXP3S: exponential weights with fixed share."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.policies.base import (
    Array,
    KernelPolicy,
    State,
    as_number,
    kernel_policy,
)
from tightbound.simulators.bandits.policies.exp3_spec import ExponentialWeights, in_order


@dataclass(frozen=True)
class EXP3S(ExponentialWeights):
    r"""Exponential weights that leak to all arms, so that a new best arm is found again.

    .. math:: p_i = (1 - \gamma)\frac{w_i}{W} + \frac{\gamma}{K}, \qquad
              w_i \leftarrow w_i \exp\Bigl(\frac{\gamma \hat x_i}{K}\Bigr) + \frac{e\,\alpha}{K} W, \qquad
              \hat x_i = \frac{(y - 1)\,\mathbb{1}\{I = i\}}{L p_i}.

    Parameters
    ----------
    exploration : float
        gamma, in (0, 1].
    share : float
        alpha, in [0, 1].

    References
    ----------
    Auer, Cesa-Bianchi, Freund, Schapire, "The nonstochastic multiarmed bandit problem", SIAM J. Comput. 32,
    2002,
    Section 8.

    Examples
    --------
    >>> policy = EXP3S()
    >>> policy.probabilities(policy.init(arms=2, max_draft=4))
    array([0.5, 0.5])
    """

    exploration: float = 0.1
    share: float = 0.001

    def __post_init__(self) -> None:
        as_number("exploration", self.exploration, above=0.0, most=1.0)
        as_number("share", self.share, least=0.0, most=1.0)

    def init(self, arms: int, max_draft: int) -> State:
        """Return the state before round 0."""
        state = super().init(arms, max_draft)
        state.memory["weights"] = np.full(arms, 1.0 / arms)
        return state

    def probabilities(self, state: State) -> Array:
        """Return the law of the arm played next, shape (K,)."""
        p = (1.0 - self.exploration) * state.memory["weights"] + self.exploration / state.arms
        return np.asarray(p / in_order(p.tolist()))

    def update(self, state: State, arm: int, y: int, revealed: ArrayLike | None = None) -> State:
        """Take in that ``arm`` yielded ``y`` tokens."""
        super().update(state, arm, y)
        gain = (y - 1.0) / (state.max_draft * state.memory["probabilities"][arm])
        weights = state.memory["weights"]
        weights[arm] *= math.exp(self.exploration * gain / state.arms)
        weights += math.e * self.share / state.arms
        weights /= in_order(weights.tolist())
        return state

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        return kernel_policy(codes.EXP3_S, arms, self.exploration, float(max_draft), self.share)
