"""Oblivious environments: accepted tokens fixed in advance, by round or by text position (both from 0)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.bandits import codes
from tightbound.simulators.bandits.environments import (
    Array,
    Counts,
    KernelEnvironment,
    as_optional_costs,
    set_fields,
)
from tightbound.theory._validation import as_integer

Table16 = NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Table:
    r"""Tokens :math:`y_{t,i}` fixed for every round t and arm i before decoding starts.

    Parameters
    ----------
    y : array_like of int, shape (rounds, K)
        Tokens in 1..L+1.
    after : int or array_like of int, shape (K,), optional
        What every later round yields. Without it a run that needs more rounds raises IndexError.
    max_draft : int, optional
        Draft length L; inferred from the largest entry where left out.
    costs : array_like, shape (K,), optional
        Time per round of each arm.

    Examples
    --------
    >>> Table([[1, 3], [3, 1]], after=1).fixed_arm_stopping_time(np.array([5]))
    array([[3., 3.]])
    """

    y: Any
    after: Any = None
    max_draft: Any = None
    costs: Any = None
    arms: int = field(init=False)
    means: None = field(init=False, default=None)

    def __post_init__(self) -> None:
        y = _as_table("y", self.y)
        arms = y.shape[1]
        largest = int(y.max())
        after = None
        if self.after is not None:
            after = np.asarray(self.after)
            after = _as_table("after", np.full((1, arms), after) if after.ndim == 0 else after[np.newaxis])[0]
            if after.size != arms:
                raise ValueError(
                    f"after has {after.size} entries: give one number, or one for each of the {arms} arms"
                )
            largest = max(largest, int(after.max()))
        depth = _as_depth(self.max_draft, largest)
        set_fields(
            self, y=y, after=after, max_draft=depth, arms=arms, costs=as_optional_costs(self.costs, arms)
        )

    def fixed_arm_stopping_time(self, tokens: Counts) -> Array:
        """Return rounds of each fixed arm, shape (len(tokens), K)."""
        total = np.cumsum(self.y, axis=0, dtype=np.int64)
        rows = self.y.shape[0]
        out = np.empty((tokens.size, self.arms))
        for i in range(self.arms):
            out[:, i] = np.searchsorted(total[:, i], tokens) + 1.0
            short = tokens > total[-1, i]
            if np.any(short):
                if self.after is None:
                    raise self.exhausted(rows)
                out[short, i] = rows + np.ceil((tokens[short] - total[-1, i]) / self.after[i])
        return out

    def exhausted(self, row: int) -> IndexError:
        """Return the error for a run that needs round ``row``."""
        return IndexError(
            f"the table holds rounds 0..{self.y.shape[0] - 1} but round {row} is needed: give a longer "
            "table, fewer tokens, or after= for the rounds beyond it"
        )

    def kernel_environment(self) -> KernelEnvironment:
        """Return the arrays that the compiled driver reads."""
        after = np.zeros(self.arms, dtype=np.int16) if self.after is None else self.after
        return KernelEnvironment(
            codes.TABLE, np.zeros((2, self.arms, self.max_draft + 1)), table=self.y, after=after
        )


@dataclass(frozen=True, eq=False)
class PositionTrace:
    r"""Tokens :math:`y_i(x)` fixed for every text position x and arm i, as in greedy decoding.

    Parameters
    ----------
    y : array_like of int, shape (positions, K)
        Tokens in 1..L+1 that arm i yields in a round that starts at position x; at least as many positions as
        tokens asked for.
    max_draft : int, optional
        Draft length L; inferred from the largest entry where left out.
    costs : array_like, shape (K,), optional
        Time per round of each arm.

    Examples
    --------
    >>> trace = PositionTrace([[4, 3], [1, 3], [1, 3], [1, 3]] * 3)
    >>> trace.fixed_arm_stopping_time(np.array([12]))
    array([[3., 4.]])
    """

    y: Any
    max_draft: Any = None
    costs: Any = None
    arms: int = field(init=False)
    means: None = field(init=False, default=None)

    def __post_init__(self) -> None:
        y = _as_table("y", self.y)
        arms = y.shape[1]
        depth = _as_depth(self.max_draft, int(y.max()))
        set_fields(self, y=y, max_draft=depth, arms=arms, costs=as_optional_costs(self.costs, arms))

    def fixed_arm_stopping_time(self, tokens: Counts) -> Array:
        """Return rounds of each fixed arm, shape (len(tokens), K), by following its positions."""
        from tightbound.simulators.bandits._kernel_reference import trace_rounds

        if tokens[-1] > self.y.shape[0]:
            raise IndexError(
                f"the trace holds positions 0..{self.y.shape[0] - 1} but position {tokens[-1] - 1} may be "
                "needed: give a longer trace or fewer tokens"
            )
        return np.asarray(trace_rounds(self.y, tokens))

    def kernel_environment(self) -> KernelEnvironment:
        """Return the arrays that the compiled driver reads."""
        after = np.zeros(self.arms, dtype=np.int16)
        laws = np.zeros((2, self.arms, self.max_draft + 1))
        return KernelEnvironment(codes.POSITION, laws, table=self.y, after=after)


def anti_ucb_table(rounds: int, arms: int, max_draft: int, delta: float = 0.5) -> Table:
    r"""Table that punishes UCBSpec: its own choice yields 1 token in every round, all other arms L + 1.

    It is fixed in advance because UCBSpec is deterministic; against it UCBSpec needs B rounds for B tokens.

    Parameters
    ----------
    rounds : int
        Length of the table.
    arms, max_draft : int
        K, at least 2, and L.
    delta : float
        Confidence parameter of the UCBSpec to punish.

    Returns
    -------
    Table
        With ``after=1``.

    Examples
    --------
    >>> anti_ucb_table(4, 2, 3).y.tolist()
    [[1, 4], [4, 1], [1, 4], [4, 1]]
    """
    from tightbound.simulators.bandits._kernel_index import punish_ucb_spec
    from tightbound.simulators.bandits.policies.ucb_spec import UCBSpec

    rounds, arms = as_integer("rounds", rounds, least=1), as_integer("arms", arms, least=2)
    depth = as_integer("max_draft", max_draft, least=1)
    par = UCBSpec(delta=delta).kernel_policy(arms, depth).par
    return Table(punish_ucb_spec(par, rounds, arms, depth), after=1, max_draft=depth)


def _as_depth(max_draft: int | None, largest: int) -> int:
    if max_draft is None:
        return max(1, largest - 1)
    depth = as_integer("max_draft", max_draft, least=1)
    if largest > depth + 1:
        raise ValueError(
            f"y contains {largest}: a round yields at most max_draft + 1 = {depth + 1} tokens; "
            "raise max_draft"
        )
    return depth


def _as_table(name: str, value: ArrayLike) -> Table16:
    array = np.asarray(value)
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"{name} has dtype {array.dtype}: tokens are whole numbers; give an integer array")
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            f"{name} has shape {array.shape}: give shape (rounds or positions, K), neither of them 0"
        )
    if array.min() < 1 or array.max() > np.iinfo(np.int16).max:
        bad = int(array.min()) if array.min() < 1 else int(array.max())
        raise ValueError(
            f"{name} contains {bad}: a round yields 1 to L + 1 tokens, at most 32767; check the table"
        )
    return np.ascontiguousarray(array, dtype=np.int16)
