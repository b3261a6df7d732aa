"""TokenKLUCB: KL upper confidence bounds on the acceptance probability of single tokens."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.policies.base import KernelPolicy, State, Uniform, as_number
from tightbound.simulators.bandits.policies.token_thompson import TokenPolicy


@dataclass(frozen=True)
class TokenKLUCB(TokenPolicy):
    r"""Play the arm whose acceptance probability could be largest without being refuted.

    .. math:: I_{t+1} = \arg\max_i \max\{q : (a_i + f_i)\, \mathrm{kl}(\hat p_i, q) \le \log t + c \log\log
              t\},
              \qquad \hat p_i = \frac{a_i}{a_i + f_i},

    with :math:`a_i` accepted and :math:`f_i` rejected draft tokens.

    Parameters
    ----------
    lengths, costs, assume_tgd
        As in :class:`~tightbound.simulators.bandits.TokenThompson`.
    c : float
        Weight of log log t, at least 0.

    References
    ----------
    Garivier, Cappe, "The KL-UCB algorithm for bounded stochastic bandits and beyond", COLT 2011.

    Examples
    --------
    >>> policy = TokenKLUCB()
    >>> policy.choose(policy.init(arms=2, max_draft=4), float)
    0
    """

    c: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        as_number("c", self.c, least=0.0)

    def choose(self, state: State, uniform: Uniform) -> int:
        """Return the arm to play; no coin is used."""
        accepted, rejected = state.memory["accepted"], state.memory["rejected"]
        if state.rounds < (1 if self.lengths is not None else state.arms):
            return state.rounds
        target = math.log(state.rounds)
        if state.rounds > 2:
            target += self.c * math.log(target)
        trials = accepted + rejected
        q = np.array([kl_upper(a / n, n, target) for a, n in zip(accepted, trials, strict=True)])
        return int(np.argmax(self.values(q, state)))

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        return self._kernel(codes.TOKEN_KL_UCB, arms, max_draft, self.c)


def kl_upper(p: float, trials: float, target: float) -> float:
    """Return the largest q with trials * kl(p, q) <= target, by bisection."""
    if p >= 1.0 or target <= 0.0:
        return p
    low, high = p, 1.0
    for _ in range(100):
        q = 0.5 * (low + high)
        if q in (low, high):
            break
        divergence = (1.0 - p) * math.log((1.0 - p) / (1.0 - q)) + (p * math.log(p / q) if p > 0.0 else 0.0)
        low, high = (q, high) if trials * divergence <= target else (low, q)
    return low
