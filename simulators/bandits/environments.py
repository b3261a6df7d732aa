"""Environments with independent rounds: tokens are drawn by arm. Arms and rounds are numbered from 0.

Every environment has ``arms`` (K), ``max_draft`` (L), ``costs`` (time per round of each arm, or None),
``means`` (mean tokens per round, or None where no such number exists) and
``fixed_arm_stopping_time(tokens)``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.bandits import codes
from tightbound.theory._validation import as_floats
from tightbound.theory.bandits._validation import as_laws
from tightbound.theory.bandits.laws import law_mean, truncated_geometric
from tightbound.theory.bandits.renewal import overshoot_curve

Array = NDArray[np.float64]
Counts = NDArray[np.int64]


class KernelEnvironment(NamedTuple):
    """What the compiled driver reads of an environment."""

    code: int
    cumulative: Array
    switch: int = 0
    table: NDArray[np.int16] = np.zeros((0, 1), dtype=np.int16)
    after: NDArray[np.int16] = np.zeros(1, dtype=np.int16)
    levels: Array = np.zeros((1, 1))
    extra: Array = np.zeros(1)


class Environment(Protocol):
    """What :func:`tightbound.simulators.bandits.simulate` needs to know of an environment."""

    @property
    def arms(self) -> int:
        """Number of arms K."""

    @property
    def max_draft(self) -> int:
        """Largest draft length L: a round yields 1 to L + 1 tokens."""

    @property
    def costs(self) -> Any:
        """Time per round of each arm, shape (K,), or None."""

    @property
    def means(self) -> Array | None:
        """Mean tokens per round given the past, shape (K,), or None where they change."""

    def fixed_arm_stopping_time(self, tokens: Counts) -> Array:
        """Return expected rounds of each fixed arm, shape (len(tokens), K)."""

    def kernel_environment(self) -> KernelEnvironment:
        """Return the arrays that the compiled driver reads."""


class LawEnvironment:
    """Shared parts of the environments drawn from ``laws`` of shape (modes, K, L+1)."""

    laws: Array
    means: Array | None
    costs: Any

    def _derive(self, laws: Array) -> None:
        modes = laws if laws.shape[0] == 2 else np.repeat(laws, 2, axis=0)
        set_fields(self, laws=modes, arms=laws.shape[1], costs=as_optional_costs(self.costs, laws.shape[1]))

    @property
    def levels(self) -> Array:
        """P(Y > k | Y >= k) for k = 1..L, shape (K, L): acceptance of draft token k once it is reached."""
        reached = np.cumsum(self.laws[0][:, ::-1], axis=1)[:, ::-1]
        some = reached[:, :-1] > 0.0
        return np.asarray(
            np.divide(reached[:, 1:], reached[:, :-1], out=np.zeros_like(reached[:, 1:]), where=some)
        )

    def fixed_arm_stopping_time(self, tokens: Counts) -> Array:
        """Return expected rounds of each fixed arm, shape (len(tokens), K), by renewal."""
        return np.stack(
            [
                rounds_from_overshoot(overshoot_curve(law, int(tokens[-1])), law, tokens)
                for law in self.laws[0]
            ],
            axis=1,
        )

    def _kernel(self, code: int, switch: int = 0) -> KernelEnvironment:
        cumulative = np.cumsum(self.laws, axis=2)
        beyond = np.cumsum(self.laws[:, :, ::-1], axis=2)[:, :, ::-1] - self.laws
        # rounding must not open a sliver above the last possible length: uniforms are below 1
        cumulative[beyond <= 0.0] = 1.0
        return KernelEnvironment(code, cumulative, switch, levels=np.ascontiguousarray(self.levels))


@dataclass(frozen=True, eq=False)
class TruncatedGeometric(LawEnvironment):
    r"""Independent rounds; arm i accepts each drafted token with probability p_i.

    .. math:: P(Y_i = x) = p_i^{x-1}(1 - p_i) \quad (x \le L), \qquad P(Y_i = L+1) = p_i^L.

    Parameters
    ----------
    acceptance : array_like, shape (K,)
        Acceptance probabilities in [0, 1).
    max_draft : int
        Draft length L, in tokens.
    costs : array_like, shape (K,), optional
        Time per round of each arm, in the caller's unit.

    Examples
    --------
    >>> TruncatedGeometric([0.5, 0.0], 2).means
    array([1.75, 1.  ])
    """

    acceptance: Any
    max_draft: int
    costs: Any = None
    arms: int = field(init=False)
    laws: Array = field(init=False, repr=False)
    means: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        acceptance = as_floats("acceptance", self.acceptance)
        if acceptance.ndim != 1 or acceptance.size == 0:
            raise ValueError(
                f"acceptance has shape {acceptance.shape}: give one probability per arm, shape (K,)"
            )
        laws = truncated_geometric(acceptance, self.max_draft)
        self._derive(laws[np.newaxis])
        set_fields(self, acceptance=acceptance, means=law_mean(laws))

    def kernel_environment(self) -> KernelEnvironment:
        """Return the arrays that the compiled driver reads."""
        return self._kernel(codes.STOCHASTIC)


@dataclass(frozen=True, eq=False)
class SpeculationLengths(LawEnvironment):
    r"""Arms that are draft lengths of one drafter: its truncated geometric law, cut at each length.

    Parameters
    ----------
    acceptance : float
        Acceptance probability of the drafter, in [0, 1).
    lengths : sequence of int, shape (K,)
        Draft length of each arm, at least 0 (0 drafts nothing: one token per round); L is the largest.
    costs : array_like, shape (K,), optional
        Time per round of each arm. Without costs the longest arm is always best.

    Examples
    --------
    >>> SpeculationLengths(0.5, (0, 1, 2)).means
    array([1.  , 1.5 , 1.75])
    """

    acceptance: float
    lengths: tuple[int, ...]
    costs: Any = None
    arms: int = field(init=False)
    max_draft: int = field(init=False)
    laws: Array = field(init=False, repr=False)
    means: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        lengths = as_lengths(self.lengths)
        deepest = max(1, *lengths)
        laws = np.zeros((len(lengths), deepest + 1))
        for row, length in zip(laws, lengths, strict=True):
            row[: length + 1] = truncated_geometric(self.acceptance, length) if length else 1.0
        self._derive(laws[np.newaxis])
        set_fields(self, lengths=lengths, max_draft=deepest, means=law_mean(laws))

    def kernel_environment(self) -> KernelEnvironment:
        """Return the arrays that the compiled driver reads."""
        return self._kernel(codes.STOCHASTIC)


@dataclass(frozen=True, eq=False)
class Categorical(LawEnvironment):
    """Independent rounds with an arbitrary law per arm.

    Parameters
    ----------
    laws : array_like, shape (K, L+1)
        Probabilities of Y = 1, ..., L+1; rows sum to 1 within 1e-12.
    costs : array_like, shape (K,), optional
        Time per round of each arm.

    Examples
    --------
    >>> Categorical([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]).means
    array([1.5, 3. ])
    """

    laws: Any
    costs: Any = None
    arms: int = field(init=False)
    max_draft: int = field(init=False)
    means: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        laws = as_laws("laws", self.laws, 2)
        set_fields(self, max_draft=laws.shape[1] - 1, means=law_mean(laws))
        self._derive(laws[np.newaxis])

    def kernel_environment(self) -> KernelEnvironment:
        """Return the arrays that the compiled driver reads."""
        return self._kernel(codes.STOCHASTIC)


@dataclass(frozen=True, eq=False)
class ConfidentSpeculation(LawEnvironment):
    r"""Draft lengths of one drafter that knows how sure it is of every token.

    A token has confidence ``high`` with probability ``share``, otherwise ``low``, and is accepted with
    exactly that probability: the confidence is calibrated. A policy that never looks at it meets the
    truncated geometric law of

    .. math:: p = \text{share} \cdot \text{high} + (1 - \text{share}) \cdot \text{low}.

    A policy that does look changes the mean of the round it is about to play, so ``means`` is None.

    Parameters
    ----------
    high, low : float
        The two confidences, 1 > high >= low >= 0.
    share : float
        Probability of the high one, in [0, 1].
    lengths : sequence of int, shape (K,)
        Draft length of each arm, at least 0.
    costs : array_like, shape (K,), optional
        Time per round of each arm.

    Examples
    --------
    >>> ConfidentSpeculation(0.9, 0.1, 0.5, (0, 2)).laws[0]
    array([[1.  , 0.  , 0.  ],
           [0.5 , 0.25, 0.25]])
    """

    high: float
    low: float
    share: float
    lengths: tuple[int, ...]
    costs: Any = None
    arms: int = field(init=False)
    max_draft: int = field(init=False)
    laws: Array = field(init=False, repr=False)
    means: None = field(init=False, default=None)

    def __post_init__(self) -> None:
        high, low, share = (as_floats(name, getattr(self, name)) for name in ("high", "low", "share"))
        if not (0.0 <= low <= high < 1.0 and 0.0 <= share <= 1.0):
            raise ValueError(
                f"high, low, share are {self.high!r}, {self.low!r}, {self.share!r}: give 0 <= low <= high "
                "< 1 and a share in [0, 1]"
            )
        blind = SpeculationLengths(float(share * high + (1.0 - share) * low), self.lengths)
        self._derive(blind.laws[:1])
        set_fields(self, lengths=blind.lengths, max_draft=blind.max_draft)

    def kernel_environment(self) -> KernelEnvironment:
        """Return the arrays that the compiled driver reads."""
        extra = np.array([self.high, self.low, self.share, *self.lengths], dtype=np.float64)
        return self._kernel(codes.CONFIDENT)._replace(extra=extra)


def as_costs(costs: ArrayLike, arms: int) -> Array:
    """Return costs per round as positive floats, shape (K,)."""
    array = as_floats("costs", costs)
    if array.shape != (arms,) or np.any(array <= 0.0):
        raise ValueError(f"costs is {costs!r}: give one positive time per round for each of the {arms} arms")
    return array


def as_optional_costs(costs: ArrayLike | None, arms: int) -> Array | None:
    """Return costs per round as positive floats, shape (K,), or None."""
    return None if costs is None else as_costs(costs, arms)


def as_lengths(lengths: ArrayLike) -> tuple[int, ...]:
    """Return draft lengths as a tuple of at least one non-negative integer."""
    array = np.asarray(lengths)
    if array.ndim != 1 or array.size == 0 or not np.issubdtype(array.dtype, np.integer) or np.any(array < 0):
        raise ValueError(
            f"lengths is {lengths!r}: give one draft length per arm, integers of at least 0, e.g. (1, 2, 4)"
        )
    return tuple(int(length) for length in array)


def rounds_from_overshoot(overshoot: Array, law: Array, tokens: Counts) -> Array:
    """Return expected rounds from Wald's identity."""
    return np.asarray((tokens + overshoot[tokens]) / law_mean(law))


def set_fields(instance: Any, **values: Any) -> None:
    """Set fields of a frozen dataclass while it is being constructed."""
    for name, value in values.items():
        object.__setattr__(instance, name, value)
