"""What a policy is: a frozen set of hyper-parameters with ``init``, ``choose`` and ``update``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory._validation import as_integer

Array = NDArray[np.float64]
Uniform = Callable[[], float]


@dataclass
class State:
    """What a policy remembers. ``update`` changes it in place and returns it.

    Parameters
    ----------
    arms, max_draft : int
        K and L.
    rounds : int
        Rounds played so far.
    counts, sums : ndarray of int, shape (K,)
        Pulls of each arm and tokens it yielded.
    memory : dict
        Whatever else the policy keeps.
    """

    arms: int
    max_draft: int
    rounds: int = 0
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    sums: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    memory: dict[str, Any] = field(default_factory=dict)


class KernelPolicy(NamedTuple):
    """What the compiled driver reads of a policy: code, numbers, costs and lengths of the arms, scratch."""

    code: int
    par: Array
    vec: Array
    scratch: int = 1


@runtime_checkable
class Policy(Protocol):
    """A rule that picks an arm from what it has seen."""

    def init(self, arms: int, max_draft: int) -> State:
        """Return the state before round 0."""

    def choose(self, state: State, uniform: Uniform) -> int:
        """Return the arm to play; ``uniform()`` gives the coins of this round."""

    def update(self, state: State, arm: int, y: int, revealed: ArrayLike | None = None) -> State:
        """Take in that ``arm`` yielded ``y`` tokens."""

    def kernel_policy(self, arms: int, max_draft: int) -> KernelPolicy:
        """Return the arrays that the compiled driver reads."""


class Bookkeeping:
    """Counts pulls and tokens: the part of ``init`` and ``update`` that all policies share."""

    def init(self, arms: int, max_draft: int) -> State:
        """Return the state before round 0."""
        arms, max_draft = as_integer("arms", arms, least=1), as_integer("max_draft", max_draft, least=1)
        return State(
            arms,
            max_draft,
            counts=np.zeros(arms, dtype=np.int64),
            sums=np.zeros(arms, dtype=np.int64),
            memory={},
        )

    def update(self, state: State, arm: int, y: int, revealed: ArrayLike | None = None) -> State:
        """Take in that ``arm`` yielded ``y`` tokens."""
        if not 1 <= y <= state.max_draft + 1:
            raise ValueError(f"y is {y}: a round yields 1 to max_draft + 1 = {state.max_draft + 1} tokens")
        state.rounds += 1
        state.counts[arm] += 1
        state.sums[arm] += y
        return state


class IndexPolicy(Bookkeeping):
    """Play every arm once, then the arm with the largest index; among equals the lowest arm."""

    def index(self, counts: NDArray[np.int64], sums: NDArray[np.int64], rounds: int, max_draft: int) -> Array:
        """Return the index of every arm, shape (K,), from pulls and tokens after ``rounds`` rounds."""
        raise NotImplementedError(
            f"{type(self).__name__} must say its index: define index(counts, sums, ...)"
        )

    def select(self, counts: NDArray[np.int64], sums: NDArray[np.int64], rounds: int, max_draft: int) -> int:
        """Return the arm to play: a function of pulls and tokens alone, as the exact forward law needs."""
        if rounds < counts.size:
            return rounds
        return int(np.argmax(self.index(counts, sums, rounds, max_draft)))

    def choose(self, state: State, uniform: Uniform) -> int:
        """Return the arm to play; no coin is used."""
        return self.select(state.counts, state.sums, state.rounds, state.max_draft)


def kernel_policy(
    code: int, arms: int, *par: float, costs: ArrayLike = 1.0, lengths: ArrayLike = 0.0, scratch: int = 1
) -> KernelPolicy:
    """Return the arrays of a policy in the layout of the compiled driver."""
    vec = np.empty((2, arms))
    vec[0], vec[1] = costs, lengths
    return KernelPolicy(code, np.array(par if par else (0.0,), dtype=np.float64), vec, scratch)


def as_number(
    name: str, value: Any, *, above: float = -np.inf, least: float = -np.inf, most: float = np.inf
) -> float:
    """Return ``value`` as a finite float within the given limits."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} is {value!r} ({type(value).__name__}): give a number")
    number = float(value)
    if not np.isfinite(number) or number <= above or number < least or number > most:
        limits = [f"above {above:g}"] * bool(above > -np.inf) + [f"at least {least:g}"] * bool(
            least > -np.inf
        )
        limits += [f"at most {most:g}"] * bool(most < np.inf)
        raise ValueError(f"{name} is {value!r}: it must be finite{''.join(', ' + text for text in limits)}")
    return number
