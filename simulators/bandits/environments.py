"""Stochastic environments: the tokens of a round are drawn, by arm. Arms and rounds are numbered from 0.

Every environment has ``arms`` (K), ``max_draft`` (L), ``costs`` (time per round of each arm, or None),
``means`` (mean
tokens per round, or None where no such number exists) and ``fixed_arm_stopping_time(tokens)``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.bandits import codes
from tightbound.theory.bandits._validation import as_floats, as_integer, as_laws
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


class _Laws:
    """Shared parts of the environments drawn from ``laws`` of shape (modes, K, L+1)."""

    laws: Array
    means: Array | None
    costs: Any

    def _derive(self, laws: Array) -> None:
        modes = laws if laws.shape[0] == 2 else np.repeat(laws, 2, axis=0)
        set_fields(self, laws=modes, arms=laws.shape[1], costs=as_costs(self.costs, laws.shape[1]))

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
            [_rounds(overshoot_curve(law, int(tokens[-1])), law, tokens) for law in self.laws[0]], axis=1
        )

    def _kernel(self, code: int, switch: int = 0) -> KernelEnvironment:
        cumulative = np.cumsum(self.laws, axis=2)
        beyond = np.cumsum(self.laws[:, :, ::-1], axis=2)[:, :, ::-1] - self.laws
        # rounding must not open a sliver above the last possible length: uniforms are below 1
        cumulative[beyond <= 0.0] = 1.0
        return KernelEnvironment(code, cumulative, switch, levels=np.ascontiguousarray(self.levels))


@dataclass(frozen=True, eq=False)
class TruncatedGeometric(_Laws):
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
class SpeculationLengths(_Laws):
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
class Categorical(_Laws):
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
class StationaryMeanMarkov(_Laws):
    r"""Dependent rounds with a stationary mean: the law switches with the previous round, its mean does not.

    After a round with more than ``switch`` tokens arm i follows ``laws_b[i]``, otherwise (and in round 0)
    ``laws_a[i]``:

    .. math:: E[Y_t \mid H_{t-1}, I_t = i] = \mu_i \quad \text{although } Y_t \text{ depends on } Y_{t-1}.

    Parameters
    ----------
    laws_a, laws_b : array_like, shape (K, L+1)
        Two laws per arm with equal means (within 1e-9).
    switch : int, optional
        Threshold in tokens; half of L + 1 where left out.
    costs : array_like, shape (K,), optional
        Time per round of each arm.

    Examples
    --------
    >>> StationaryMeanMarkov([[0.0, 1.0, 0.0]], [[0.5, 0.0, 0.5]]).means
    array([2.])
    """

    laws_a: Any
    laws_b: Any
    switch: int | None = None
    costs: Any = None
    arms: int = field(init=False)
    max_draft: int = field(init=False)
    laws: Array = field(init=False, repr=False)
    means: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        laws = _pair("laws_a", self.laws_a, "laws_b", self.laws_b)
        means = law_mean(laws)
        if np.any(np.abs(means[0] - means[1]) > 1e-9):
            arm = int(np.argmax(np.abs(means[0] - means[1])))
            raise ValueError(
                f"laws_a and laws_b of arm {arm} have means {means[0, arm]} and {means[1, arm]}: they must agree "
                "within 1e-9; use Drifting for a mean that changes"
            )
        depth = laws.shape[2] - 1
        switch = (depth + 1) // 2 if self.switch is None else as_integer("switch", self.switch, least=1)
        self._derive(laws)
        set_fields(self, switch=switch, max_draft=depth, means=means[0])

    def fixed_arm_stopping_time(self, tokens: Counts) -> Array:
        """Return expected rounds of each fixed arm, shape (len(tokens), K), by two-state renewal."""
        from tightbound.simulators.bandits._kernel_reference import markov_overshoot

        assert self.switch is not None
        columns = []
        for i in range(self.arms):
            curve = markov_overshoot(np.ascontiguousarray(self.laws[:, i]), self.switch, int(tokens[-1]))
            columns.append(_rounds(curve, self.laws[0, i], tokens))
        return np.stack(columns, axis=1)

    def kernel_environment(self) -> KernelEnvironment:
        """Return the arrays that the compiled driver reads."""
        assert self.switch is not None
        return self._kernel(codes.MARKOV, self.switch)


@dataclass(frozen=True, eq=False)
class Drifting(_Laws):
    """A mean that changes: ``before`` in the first ``change`` rounds, ``after`` from then on.

    It violates the stationary-mean assumption, so the regret identity does not hold here.

    Parameters
    ----------
    before, after : array_like, shape (K, L+1)
        Laws per arm.
    change : int
        Round (from 0) from which ``after`` holds.
    costs : array_like, shape (K,), optional
        Time per round of each arm.

    Examples
    --------
    >>> Drifting([[1.0, 0.0]], [[0.0, 1.0]], change=2).fixed_arm_stopping_time(np.array([4]))
    array([[3.]])
    """

    before: Any
    after: Any
    change: int
    costs: Any = None
    arms: int = field(init=False)
    max_draft: int = field(init=False)
    laws: Array = field(init=False, repr=False)
    means: None = field(init=False, default=None)

    def __post_init__(self) -> None:
        laws = _pair("before", self.before, "after", self.after)
        self._derive(laws)
        set_fields(self, change=as_integer("change", self.change, least=0), max_draft=laws.shape[2] - 1)

    def fixed_arm_stopping_time(self, tokens: Counts) -> Array:
        """Return expected rounds of each fixed arm, shape (len(tokens), K): forward law, then renewal."""
        from tightbound.simulators.bandits._kernel_reference import drifting_rounds

        return np.stack(
            [
                drifting_rounds(np.ascontiguousarray(self.laws[:, i]), self.change, tokens)
                for i in range(self.arms)
            ],
            axis=1,
        )

    def kernel_environment(self) -> KernelEnvironment:
        """Return the arrays that the compiled driver reads."""
        return self._kernel(codes.DRIFTING, self.change)


def as_costs(costs: ArrayLike | None, arms: int) -> Array | None:
    """Return costs per round as positive floats, shape (K,)."""
    if costs is None:
        return None
    array = as_floats("costs", costs)
    if array.shape != (arms,) or np.any(array <= 0.0):
        raise ValueError(f"costs is {costs!r}: give one positive time per round for each of the {arms} arms")
    return array


def as_lengths(lengths: ArrayLike) -> tuple[int, ...]:
    """Return draft lengths as a tuple of at least one non-negative integer."""
    array = np.asarray(lengths)
    if array.ndim != 1 or array.size == 0 or not np.issubdtype(array.dtype, np.integer) or np.any(array < 0):
        raise ValueError(
            f"lengths is {lengths!r}: give one draft length per arm, integers of at least 0, e.g. (1, 2, 4)"
        )
    return tuple(int(length) for length in array)


def _pair(name_a: str, a: ArrayLike, name_b: str, b: ArrayLike) -> Array:
    first, second = as_laws(name_a, a, 2), as_laws(name_b, b, 2)
    if first.shape != second.shape:
        raise ValueError(
            f"{name_a} and {name_b} have shapes {first.shape} and {second.shape}: give equal shapes (K, L+1)"
        )
    return np.stack([first, second])


def _rounds(overshoot: Array, law: Array, tokens: Counts) -> Array:
    return np.asarray((tokens + overshoot[tokens]) / law_mean(law))


def set_fields(instance: Any, **values: Any) -> None:
    """Set fields of a frozen dataclass while it is being constructed."""
    for name, value in values.items():
        object.__setattr__(instance, name, value)
