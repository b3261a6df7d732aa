"""DiscountedUCB: old rounds fade."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.policies.base import (
    Bookkeeping,
    KernelPolicy,
    State,
    Uniform,
    as_number,
    kernel_policy,
)


@dataclass(frozen=True)
class DiscountedUCB(Bookkeeping):
    r"""Upper confidence bounds from discounted pulls and tokens; rewards have range L.

    .. math:: I_{t+1} = \arg\max_i \frac{s_i}{n_i} + 2 L \sqrt{\frac{\xi \log \sum_j n_j}{n_i}}, \qquad
              n_i = \sum_s \gamma^{t-s} \mathbb{1}\{I_s = i\}.

    Parameters
    ----------
    discount : float
        Factor gamma per round, in (0, 1].
    xi : float
        Exploration.

    References
    ----------
    Garivier, Moulines, "On upper-confidence bound policies for switching bandit problems", ALT 2011.

    Examples
    --------
    >>> policy = DiscountedUCB(discount=0.99)
    >>> policy.choose(policy.init(arms=2, max_draft=4), float)
    0
    """

    discount: float
    xi: float = 0.6

    def __post_init__(self) -> None:
        as_number("discount", self.discount, above=0.0, most=1.0)
        as_number("xi", self.xi, least=0.0)

    def init(self, arms: int, max_draft: int) -> State:
        """Return the state before round 0."""
        state = super().init(arms, max_draft)
        state.memory.update(counts=np.zeros(arms), sums=np.zeros(arms))
        return state

    def choose(self, state: State, uniform: Uniform) -> int:
        """Return the arm to play; no coin is used."""
        if state.rounds < state.arms:
            return state.rounds
        counts, sums = state.memory["counts"], state.memory["sums"]
        log_t = max(0.0, float(np.log(sum(counts))))
        return int(np.argmax(sums / counts + 2.0 * state.max_draft * np.sqrt(self.xi * log_t / counts)))

    def update(self, state: State, arm: int, y: int, revealed: ArrayLike | None = None) -> State:
        """Take in that ``arm`` yielded ``y`` tokens."""
        super().update(state, arm, y)
        for name, value in (("counts", 1.0), ("sums", float(y))):
            state.memory[name] *= self.discount
            state.memory[name][arm] += value
        return state

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        return kernel_policy(codes.DISCOUNTED_UCB, arms, self.discount, float(max_draft), self.xi)
