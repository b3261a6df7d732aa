"""MetaSDUCB: block divergence as the reward."""

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
class MetaSDUCB(Bookkeeping):
    r"""Upper confidence bounds on a smoother reward than the accepted length.

    .. math:: r_t = \frac1L \sum_{k=1}^{L} (1 - \mathrm{TV}_k), \qquad
              I_{t+1} = \arg\max_i \hat r_i + \sqrt{\frac{2 \log t}{n_i}},

    where :math:`1 - \mathrm{TV}_k` is the acceptance probability of draft token k, revealed for all L of
    them. Where tokens are accepted independently it orders the arms like the accepted length, with a smaller
    variance.

    Parameters
    ----------
    spread : float
        How far a single level moves around its mean, in [0, 1/2]; it is cut where [0, 1] ends, which keeps
        the mean.
    exploration : float
        Factor under the root: 2 for rewards anywhere in [0, 1], 8 times the variance proxy where that is
        known. With 2 the smaller variance is wasted, because the gaps shrink as well.

    References
    ----------
    As summarised for arXiv 2604.05417; the simulation of the divergences is ours.

    Examples
    --------
    >>> policy = MetaSDUCB()
    >>> state = policy.update(policy.init(arms=2, max_draft=4), 0, 3, revealed=[0.6, 0.0])
    >>> float(state.memory["rewards"][0])
    0.6
    """

    spread: float = 0.1
    exploration: float = 2.0

    def __post_init__(self) -> None:
        as_number("spread", self.spread, least=0.0, most=0.5)
        as_number("exploration", self.exploration, least=0.0)

    def init(self, arms: int, max_draft: int) -> State:
        """Return the state before round 0."""
        state = super().init(arms, max_draft)
        state.memory["rewards"] = np.zeros(arms)
        return state

    def choose(self, state: State, uniform: Uniform) -> int:
        """Return the arm to play; no coin is used."""
        if state.rounds < state.arms:
            return state.rounds
        bonus = np.sqrt(self.exploration * np.log(state.rounds) / state.counts)
        return int(np.argmax(state.memory["rewards"] / state.counts + bonus))

    def update(self, state: State, arm: int, y: int, revealed: ArrayLike | None = None) -> State:
        """Take in the tokens of ``arm`` and, in ``revealed[arm]``, the mean of its levels."""
        if revealed is None:
            raise ValueError("revealed is None: pass the mean acceptance level of the round in revealed[arm]")
        state.memory["rewards"][arm] += np.asarray(revealed)[arm]
        return super().update(state, arm, y)

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        return kernel_policy(codes.META_SD_UCB, arms, self.exploration, self.spread)
