"""EXP3Spec: anytime exponential weights on importance-weighted losses."""

from __future__ import annotations

import math
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


class ExponentialWeights(Bookkeeping):
    """Draw an arm with probability proportional to exp(-eta * cumulative loss)."""

    def init(self, arms: int, max_draft: int) -> State:
        """Return the state before round 0."""
        state = super().init(arms, max_draft)
        state.memory.update(losses=np.zeros(state.arms), probabilities=np.full(state.arms, 1.0 / state.arms))
        return state

    def rate(self, arms: int, t: int) -> float:
        """Return the learning rate of round t = 1, 2, ..."""
        raise NotImplementedError(f"{type(self).__name__} must say its learning rate: define rate(arms, t)")

    def probabilities(self, state: State) -> Array:
        """Return the law of the arm played next, shape (K,)."""
        if state.arms == 1:
            return np.ones(1)
        losses = state.memory["losses"].tolist()
        eta, least = self.rate(state.arms, state.rounds + 1), min(losses)
        weights = [math.exp(-eta * (loss - least)) for loss in losses]
        # importance weights amplify the last bit, so both forms add in the same order
        return np.array(weights) / in_order(weights)

    def choose(self, state: State, uniform: Uniform) -> int:
        """Return the arm to play; one coin where there is more than one arm."""
        p = self.probabilities(state)
        state.memory["probabilities"] = p
        return draw(p, uniform) if state.arms > 1 else 0


def in_order(weights: list[float]) -> float:
    """Return the sum, added from left to right as the compiled form adds it."""
    total = 0.0
    for weight in weights:
        total += weight
    return total


def draw(p: Array, uniform: Uniform) -> int:
    """Return an arm by inversion; an arm of probability zero is never drawn."""
    u, below, arm = uniform(), 0.0, 0
    for i, share in enumerate(p.tolist()):
        if share > 0.0:
            arm = i
            below += share
            if u < below:
                break
    return arm


@dataclass(frozen=True)
class EXP3Spec(ExponentialWeights):
    r"""Exponential weights with a learning rate that needs no horizon.

    .. math:: p_{t,i} \propto \exp\Bigl(-\eta_t \sum_{s<t} Z_{i,s}\Bigr), \qquad \eta_t = \sqrt{\frac{\log
              K}{t K}},
              \qquad Z_{i,s} = \frac{\mathbb{1}\{I_s = i\}\,(L + 1 - y_{i,s})}{L\, p_{s,i}}.

    The rate of round t rescales the whole past sum. The loss of a fully accepted draft is 0. There is no
    clipping and no further exploration; only the probability of the arm that was drawn is ever inverted.

    References
    ----------
    Hou et al., "BanditSpec", ICML 2025, Algorithm 9 (the body's Algorithm 5 is off by one round) and Theorem
    5.3.

    Examples
    --------
    >>> policy = EXP3Spec()
    >>> state = policy.update(policy.init(arms=2, max_draft=4), 0, 5)
    >>> policy.probabilities(state)
    array([0.5, 0.5])
    """

    def rate(self, arms: int, t: int) -> float:
        """Return the learning rate of round t = 1, 2, ..."""
        return math.sqrt(math.log(arms) / (t * arms))

    def update(self, state: State, arm: int, y: int, revealed: ArrayLike | None = None) -> State:
        """Take in that ``arm`` yielded ``y`` tokens."""
        super().update(state, arm, y)
        loss = (state.max_draft + 1.0 - y) / (state.max_draft * state.memory["probabilities"][arm])
        state.memory["losses"][arm] += loss
        return state

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        return kernel_policy(codes.EXP3_SPEC, arms, 0.0, float(max_draft))
