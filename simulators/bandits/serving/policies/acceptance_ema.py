"""A running average of accepted drafts moves the length along a ladder, with hysteresis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tightbound.simulators.bandits.serving.engine import RoundView
from tightbound.simulators.bandits.serving.server import Server


@dataclass
class _State:
    """Rung of the ladder, running average of accepted drafts, rounds since the last look."""

    rung: int
    average: float
    rounds: int


@dataclass(frozen=True)
class AcceptanceEMA:
    r"""Climb when nearly all drafts are accepted, descend when few are; blind to load.

    .. math:: \bar a \leftarrow (1-\rho)\bar a + \rho\, a, \qquad
              \bar a \ge u\,s \Rightarrow \text{up}, \quad \bar a \le d\,s \Rightarrow \text{down}

    where ``s`` is the present rung, in the manner of SGLang's adaptive number of speculative steps.

    Parameters
    ----------
    ladder : tuple of int
        Increasing lengths of at least 1 (acceptance cannot be seen at 0).
    rate : float
        Weight of a new round, rho, in (0, 1].
    up, down : float
        Thresholds as shares of the rung, ``0 <= down < up <= 1``.
    interval : int
        Rounds between two looks.

    Raises
    ------
    ValueError
        For a ladder that does not increase from at least 1, or a threshold out of order.

    Examples
    --------
    >>> AcceptanceEMA().ladder
    (1, 2, 4)
    """

    ladder: tuple[int, ...] = (1, 2, 4)
    rate: float = 0.1
    up: float = 0.75
    down: float = 0.4
    interval: int = 10

    def __post_init__(self) -> None:
        if not self.ladder or self.ladder[0] < 1 or any(np.diff(self.ladder) <= 0):
            raise ValueError(f"ladder is {self.ladder!r}: give increasing lengths, the first at least 1")
        if not 0 < self.rate <= 1 or not 0 <= self.down < self.up <= 1 or self.interval < 1:
            raise ValueError(
                f"rate={self.rate!r}, up={self.up!r}, down={self.down!r}, interval={self.interval!r}: "
                "give 0 < rate <= 1, 0 <= down < up <= 1 and an interval of at least 1"
            )

    def init(self, server: Server, max_gamma: int, rng: np.random.Generator) -> _State:
        """Start on the middle rung."""
        rung = len(self.ladder) // 2
        return _State(rung, 0.5 * (self.up + self.down) * self.ladder[rung], 0)

    def choose(self, state: _State, view: RoundView) -> int:
        """Return the rung's length."""
        return self.ladder[state.rung]

    def update(
        self, state: _State, view: RoundView, lengths: int | np.ndarray, tokens: np.ndarray, seconds: float
    ) -> None:
        """Average, and look every ``interval`` rounds."""
        state.average += self.rate * (float(tokens.mean()) - 1.0 - state.average)
        state.rounds += 1
        if state.rounds < self.interval:
            return
        state.rounds = 0
        length = self.ladder[state.rung]
        if state.average >= self.up * length and state.rung + 1 < len(self.ladder):
            state.rung += 1
        elif state.average <= self.down * length and state.rung > 0:
            state.rung -= 1
