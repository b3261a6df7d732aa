"""Speed of decoding, its first round left out."""

from __future__ import annotations

import time
from collections.abc import Callable

from tightbound.simulators.speculative.text_drafter import Tokens


class Pace:
    """What a decoder calls after each round; the first round may have to compile, and does not count.

    Parameters
    ----------
    texts : int
        Texts that are written together.
    clock : callable
        Seconds, of the wall or of the processor.

    Examples
    --------
    >>> import numpy as np
    >>> pace = Pace(1, clock=iter([3.0, 4.0, 5.0]).__next__)
    >>> for size in (9, 2, 2):
    ...     pace(0, np.zeros(size, int), None)
    >>> pace.seconds_per_token
    0.5
    """

    def __init__(self, texts: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self.texts, self.clock = texts, clock
        self.calls = self.tokens = 0
        self.begin = self.end = 0.0

    def __call__(self, number: int, new: Tokens, outcome: str | None) -> None:
        """Count the tokens of one text; every text is told of before any is told of again."""
        self.calls += 1
        self.end = self.clock()
        if self.calls <= self.texts:
            self.begin = self.end
        else:
            self.tokens += new.size

    @property
    def seconds_per_token(self) -> float:
        """Seconds over tokens after the first round; 0 where it was the only one."""
        return (self.end - self.begin) / self.tokens if self.tokens else 0.0
