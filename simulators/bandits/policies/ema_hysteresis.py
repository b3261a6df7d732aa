"""EMAHysteresis: follow a moving average of accepted tokens, with dead zones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.policies.base import KernelPolicy, State, Uniform, as_number, kernel_policy
from tightbound.simulators.bandits.policies.heuristic_schedule import LengthPolicy
from tightbound.theory._validation import as_integer


@dataclass(frozen=True)
class EMAHysteresis(LengthPolicy):
    r"""Change the draft length when a moving average of accepted draft tokens leaves a dead zone.

    .. math:: e \leftarrow (1 - \rho) e + \rho (y - 1); \qquad
              \text{up if } e > \gamma_i - \tfrac12 + u, \qquad \text{down if } e \le \gamma_{i-1} - \tfrac12
              + d.

    Parameters
    ----------
    lengths : sequence of int, shape (K,)
        Candidate lengths, increasing.
    rate : float
        Weight of the newest round, in (0, 1].
    up, down : float
        Shifts of the two thresholds, in tokens.
    interval, warmup : int
        Rounds between two decisions, and rounds before the first.
    start : int
        Arm of round 0.

    References
    ----------
    Modelled on the adaptive number of speculative steps in SGLang (pull requests 21599 and 24055).

    Examples
    --------
    >>> policy = EMAHysteresis(interval=1, warmup=1)
    >>> state = policy.update(policy.init(arms=3, max_draft=7), 0, 2)
    >>> policy.choose(state, float)
    1
    """

    lengths: Any = (1, 3, 7)
    rate: float = 0.2
    up: float = 0.0
    down: float = -0.25
    interval: int = 5
    warmup: int = 10
    start: int = 0

    def __post_init__(self) -> None:
        as_number("rate", self.rate, above=0.0, most=1.0)
        as_number("up", self.up)
        as_number("down", self.down, most=self.up)
        as_integer("interval", self.interval, least=1)
        as_integer("warmup", self.warmup, least=0)
        as_integer("start", self.start, least=0)

    def init(self, arms: int, max_draft: int) -> State:
        """Return the state before round 0."""
        state = super().init(arms, max_draft)
        state.memory.update(average=0.0, arm=min(self.start, arms - 1))
        return state

    def choose(self, state: State, uniform: Uniform) -> int:
        """Return the arm to play; no coin is used."""
        return int(state.memory["arm"])

    def update(self, state: State, arm: int, y: int, revealed: ArrayLike | None = None) -> State:
        """Take in that ``arm`` yielded ``y`` tokens."""
        super().update(state, arm, y)
        lengths, i = state.memory["lengths"], state.memory["arm"]
        accepted = y - 1.0
        old = state.memory["average"]
        average = accepted if state.rounds == 1 else (1.0 - self.rate) * old + self.rate * accepted
        state.memory["average"] = average
        if state.rounds >= self.warmup and state.rounds % self.interval == 0:
            if i + 1 < state.arms and average > lengths[i] - 0.5 + self.up:
                state.memory["arm"] = i + 1
            elif i > 0 and average <= lengths[i - 1] - 0.5 + self.down:
                state.memory["arm"] = i - 1
        return state

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""
        par = (
            self.rate,
            self.up,
            self.down,
            float(self.interval),
            float(self.warmup),
            float(min(self.start, arms - 1)),
        )
        return kernel_policy(codes.EMA_HYSTERESIS, arms, *par, lengths=self.lengths_of(arms), scratch=2)
