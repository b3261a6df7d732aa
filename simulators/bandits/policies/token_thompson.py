"""TokenThompson: Thompson sampling on the acceptance probability of single tokens."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.environments import as_lengths, as_optional_costs
from tightbound.simulators.bandits.policies.base import (
    Array,
    Bookkeeping,
    KernelPolicy,
    State,
    Uniform,
    kernel_policy,
)


@dataclass(frozen=True)
class TokenPolicy(Bookkeeping):
    """Counts accepted and rejected draft tokens of every arm: y tokens are y - 1 and [y <= L] of them."""

    lengths: Any = None
    costs: Any = None
    assume_tgd: bool = False

    def __post_init__(self) -> None:
        if self.lengths is not None:
            object.__setattr__(self, "lengths", as_lengths(self.lengths))

    def init(self, arms: int, max_draft: int) -> State:
        """Return the state before round 0."""
        state = super().init(arms, max_draft)
        state.memory.update(
            accepted=np.zeros(arms), rejected=np.zeros(arms), lengths=self._lengths(arms, max_draft)
        )
        return state

    def update(self, state: State, arm: int, y: int, revealed: ArrayLike | None = None) -> State:
        """Take in that ``arm`` yielded ``y`` tokens."""
        super().update(state, arm, y)
        drafter = arm if self.lengths is None else slice(None)
        state.memory["accepted"][drafter] += y - 1
        state.memory["rejected"][drafter] += int(y <= state.memory["lengths"][arm])
        return state

    def values(self, p: Array, state: State) -> Array:
        """Return what each arm is worth if its acceptance probability is ``p``."""
        if self.lengths is None and self.costs is None:
            return p
        tokens = [
            float(np.sum(q ** np.arange(int(n) + 1))) for q, n in zip(p, state.memory["lengths"], strict=True)
        ]
        costs = as_optional_costs(self.costs, state.arms)
        return np.asarray(tokens if costs is None else np.asarray(tokens) / costs)

    def _lengths(self, arms: int, max_draft: int) -> Array:
        if self.lengths is None:
            return np.full(arms, float(max_draft))
        if len(self.lengths) != arms or max(self.lengths) > max_draft:
            raise ValueError(
                f"lengths is {self.lengths!r}: give one draft length of at most {max_draft} for each of "
                f"the {arms} arms"
            )
        return np.asarray(self.lengths, dtype=np.float64)

    def _kernel(self, code: int, arms: int, max_draft: int, exploration: float = 0.0) -> KernelPolicy:
        costs = as_optional_costs(self.costs, arms)
        shared, valued = self.lengths is not None, self.lengths is not None or costs is not None
        return kernel_policy(
            code,
            arms,
            float(shared),
            exploration,
            float(valued),
            costs=1.0 if costs is None else costs,
            lengths=self._lengths(arms, max_draft),
        )


@dataclass(frozen=True)
class TokenThompson(TokenPolicy):
    r"""Draw an acceptance probability for every arm from its posterior and play the best.

    .. math:: \theta_i \sim \mathrm{Beta}(1 + a_i,\, 1 + f_i), \qquad I_t = \arg\max_i \theta_i,

    with :math:`a_i` accepted and :math:`f_i` rejected draft tokens: the truncated geometric law is a run of
    Bernoulli trials that stops at the first failure or after L successes. The Beta draws are exact.

    Parameters
    ----------
    lengths : sequence of int, shape (K,), optional
        Where the arms are draft lengths of *one* drafter: they share one posterior, and the arm with the
        largest mean tokens :math:`\sum_{k \le \gamma_i} \theta^k` (per cost) is played.
    costs : array_like, shape (K,), optional
        Time per round; arms are then compared by tokens per time.
    assume_tgd : bool
        The guarantee needs independent tokens. On an environment other than TruncatedGeometric or
        SpeculationLengths :func:`~tightbound.simulators.bandits.simulate` asks for ``True`` as a sign that
        this is known.

    References
    ----------
    Kaufmann, Korda, Munos, "Thompson sampling: an asymptotically optimal finite-time analysis", ALT 2012.
    Marsaglia, Tsang, "A simple method for generating gamma variables", ACM TOMS 26, 2000.

    Examples
    --------
    >>> policy = TokenThompson()
    >>> state = policy.update(policy.init(arms=2, max_draft=4), 0, 3)
    >>> state.memory["accepted"], state.memory["rejected"]
    (array([2., 0.]), array([1., 0.]))
    """

    def choose(self, state: State, uniform: Uniform) -> int:
        """Return the arm to play."""
        accepted, rejected = state.memory["accepted"], state.memory["rejected"]
        drawn = 1 if self.lengths is not None else state.arms
        p = [beta(1.0 + accepted[i], 1.0 + rejected[i], uniform) for i in range(drawn)]
        return int(
            np.argmax(self.values(np.array(p) if drawn == state.arms else np.full(state.arms, p[0]), state))
        )

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        return self._kernel(codes.TOKEN_THOMPSON, arms, max_draft)


def beta(a: float, b: float, uniform: Uniform) -> float:
    """Return a Beta(a, b) variate, a and b at least 1, as a ratio of gammas."""
    x, z = _normals(uniform)
    first = _gamma(a, x, uniform)
    return first / (first + _gamma(b, z, uniform))


def _normals(uniform: Uniform) -> tuple[float, float]:
    while True:
        a, b = 2.0 * uniform() - 1.0, 2.0 * uniform() - 1.0
        r = a * a + b * b
        if 0.0 < r < 1.0:
            scale = math.sqrt(-2.0 * math.log(r) / r)
            return a * scale, b * scale


def _gamma(shape: float, x: float, uniform: Uniform) -> float:
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        v = (1.0 + c * x) ** 3
        if v > 0.0:
            u = 1.0 - uniform()
            if u < 1.0 - 0.0331 * x**4 or math.log(u) < 0.5 * x * x + d * (1.0 - v + math.log(v)):
                return d * v
        x, _ = _normals(uniform)
