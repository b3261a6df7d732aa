r"""Counter-based uniforms: every random number of a simulation has an address.

A *stream* is a start and an odd step, both hashed from ``(seed, replication, lane)``; its ``k``-th uniform is

.. math:: u_k = 2^{-53} \lfloor \mathrm{mix}(\mathrm{start} + (k+1)\,\mathrm{step} \bmod 2^{64}) / 2^{11}
          \rfloor \in [0, 1)

with the finaliser of SplitMix64 as ``mix``. Nothing is carried from one draw to the next, so a result depends
neither on the number of threads nor on their order, and two policies under one seed meet the same draws.

========================  ==========================================  =====================
lane                      what it feeds                               counter ``k``
========================  ==========================================  =====================
``arm``                   accepted tokens of that arm                 pulls of the arm
``POLICY``                the policy's own coins, 2**32 per round     round * 2**32 + draw
``CHANNEL + arm``         side channels (confidence, divergence)      round * 2**10 + draw
========================  ==========================================  =====================

References
----------
Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014 (SplitMix).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
POLICY = 1 << 32
CHANNEL = 1 << 33
ROUND = 1 << 32
CHANNEL_ROUND = 1 << 10


def mix(value: int) -> int:
    """Return the SplitMix64 finaliser of a 64-bit integer.

    Examples
    --------
    >>> mix(0)
    0
    """
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


@dataclass(frozen=True)
class Stream:
    """One addressable sequence of uniforms.

    Parameters
    ----------
    seed, replication, lane : int
        The address; see the table of this module for the lanes.

    Examples
    --------
    >>> arm = Stream(seed=1, replication=0, lane=2)
    >>> arm.uniform(5) == arm.uniform(5)
    True
    """

    seed: int
    replication: int
    lane: int

    @property
    def start(self) -> int:
        """Where the stream begins: a hash of its address."""
        key = mix((self.seed + GOLDEN) & MASK)
        key = mix((key + (self.replication + 1) * GOLDEN) & MASK)
        return mix((key + (self.lane + 1) * GOLDEN) & MASK)

    @property
    def step(self) -> int:
        """Odd increment of the stream, with enough bit changes to be a good one."""
        odd = mix((self.start + GOLDEN) & MASK) | 1
        return odd if (odd ^ (odd >> 1)).bit_count() >= 24 else odd ^ 0xAAAAAAAAAAAAAAAA

    def uniform(self, counter: int) -> float:
        """Return the uniform number ``counter`` (from 0) in [0, 1), a multiple of 2**-53."""
        return (mix((self.start + (int(counter) + 1) * self.step) & MASK) >> 11) * 2.0**-53


class Coins:
    """The uniforms a policy may use in one round, drawn one after the other."""

    def __init__(self, stream: Stream, rounds: int) -> None:
        self.stream = stream
        self.next = rounds * ROUND

    def __call__(self) -> float:
        """Return the next uniform of this round."""
        value = self.stream.uniform(self.next)
        self.next += 1
        return value


def seed_of(rng: int | np.random.Generator | None) -> int:
    """Return the 64-bit root seed that ``rng`` stands for.

    Examples
    --------
    >>> seed_of(7) == seed_of(7)
    True
    """
    return int(np.random.default_rng(rng).integers(2**64, dtype=np.uint64))
