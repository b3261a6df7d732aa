"""Hedge: exponential weights with full information."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.policies.base import KernelPolicy, State, kernel_policy
from tightbound.simulators.bandits.policies.exp3_spec import ExponentialWeights


@dataclass(frozen=True)
class Hedge(ExponentialWeights):
    r"""Exponential weights that see what every arm would have yielded.

    .. math:: p_{t,i} \propto \exp\Bigl(-\eta_t \sum_{s<t} \frac{L + 1 - y_{i,s}}{L}\Bigr), \qquad
              \eta_t = \sqrt{\frac{8 \log K}{t}}.

    On stochastic environments the revealed rounds are fresh draws of every arm; on a table they are its row.

    References
    ----------
    Cesa-Bianchi, Lugosi, "Prediction, Learning, and Games", 2006, Theorem 2.3.

    Examples
    --------
    >>> policy = Hedge()
    >>> state = policy.update(policy.init(arms=2, max_draft=4), 0, 3, revealed=[3, 5])
    >>> state.memory["losses"]
    array([0.5, 0. ])
    """

    def rate(self, arms: int, t: int) -> float:
        """Return the learning rate of round t = 1, 2, ..."""
        return math.sqrt(8.0 * math.log(arms) / t)

    def update(self, state: State, arm: int, y: int, revealed: ArrayLike | None = None) -> State:
        """Take in what every arm would have yielded, ``revealed`` of shape (K,)."""
        if revealed is None:
            raise ValueError("revealed is None: Hedge needs the tokens of every arm, shape (K,)")
        super().update(state, arm, y)
        state.memory["losses"] += (state.max_draft + 1.0 - np.asarray(revealed)) / state.max_draft
        return state

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        return kernel_policy(codes.HEDGE, arms, 0.0, float(max_draft))
