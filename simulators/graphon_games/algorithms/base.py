"""What the driver asks of an algorithm, and the schedules of step sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tightbound.simulators.graphon_games._form import Arrays, Form

if TYPE_CHECKING:
    from tightbound.simulators.graphon_games._evaluate import Evaluation

Floats = NDArray[np.float64]
State = dict[str, Any]
Schedule = float | Sequence[float] | Callable[[Floats], Any]
"""A constant, one value per iteration, or a function of the iteration numbers 1, 2, ..., T."""


class Iteration(NamedTuple):
    """What a step may look at; the N agents are the blocks of all games of a batch, game after game."""

    form: Form
    arrays: Arrays  # games first
    evaluation: Evaluation
    rates: dict[str, Any]  # of this iteration
    lam: Any
    number: Any  # 0, 1, ...
    keys: Any  # one per game
    size: tuple[int, ...]  # the algorithm's whole numbers, which fix shapes


class Algorithm(Protocol):
    """A solver: hyper-parameters, a first state and a step. The driver iterates, evaluates and keeps history.

    ``init`` and ``step`` are traced by JAX and see numbers through `Iteration` only, so that one compiled
    program serves all hyper-parameters.
    """

    @property
    def lam(self) -> float:
        """Entropy weight of the game that is solved."""
        ...

    @property
    def size(self) -> tuple[int, ...]:
        """Whole numbers that fix the shapes of arrays; another size is another program."""
        ...

    def rates(self, iterations: int) -> dict[str, Floats]:
        """Return the schedules, each of shape (iterations,)."""
        ...

    def init(self, log_policy: Any, mean_field: Any) -> State:
        """Return the first state from the first policy and its flow: arrays with the agents last."""
        ...

    def step(self, state: State, iteration: Iteration) -> tuple[State, dict[str, Any]]:
        """Return the next state and numbers for the history: each a scalar, or one per game."""
        ...

    def log_policy(self, state: State) -> Any:
        """Return the current policy, shape (H, A, S, N)."""
        ...

    def mean_field(self, state: State, flow: Any) -> Any:
        """Return the current mean field: the policy's flow, or an estimate of the algorithm's own."""
        ...


class PolicyIteration:
    """What most algorithms share: no schedules, a state that is the policy, and the policy's own flow."""

    @property
    def size(self) -> tuple[int, ...]:
        """Nothing: every shape is the game's."""
        return ()

    def rates(self, iterations: int) -> dict[str, Floats]:
        """Return no schedules."""
        return {}

    def init(self, log_policy: Any, mean_field: Any) -> State:
        """Return the first state."""
        return {"log_policy": log_policy}

    def log_policy(self, state: State) -> Any:
        """Return the current policy."""
        return state["log_policy"]

    def mean_field(self, state: State, flow: Any) -> Any:
        """Return the policy's flow."""
        return flow


def scheduled(
    name: str, schedule: Schedule, iterations: int, *, most: float = np.inf, zero: bool = True
) -> Floats:
    """Return a schedule as an array, checked.

    Parameters
    ----------
    name : str
        Name of the argument, for errors.
    schedule : float, sequence of float, or callable
        See `Schedule`.
    iterations : int
        Its length T.
    most : float
        Largest value allowed.
    zero : bool
        Whether zero is allowed.

    Returns
    -------
    ndarray, shape (T,)

    Raises
    ------
    ValueError
        For values out of range or a sequence of another length.
    """
    numbers = np.arange(1, iterations + 1, dtype=np.float64)
    values = np.asarray(schedule(numbers) if callable(schedule) else schedule, dtype=np.float64)
    if values.ndim > 1 or (values.ndim == 1 and len(values) < iterations):
        raise ValueError(
            f"{name} has shape {values.shape}: give a number, at least {iterations} numbers, or a function "
            "of the iteration numbers"
        )
    values = np.broadcast_to(values if values.ndim == 0 else values[:iterations], (iterations,))
    wrong = ~np.isfinite(values) | (values < 0.0) | (values > most) | ((values == 0.0) & (not zero))
    if wrong.any():
        low = "[0" if zero else "(0"
        high = f"{most:g}]" if np.isfinite(most) else "inf)"
        raise ValueError(
            f"{name} is {values[wrong][0]} at iteration {int(np.flatnonzero(wrong)[0]) + 1}: allowed is "
            f"{low}, {high}; change the schedule"
        )
    return np.array(values)


def positive_lam(lam: float) -> float:
    """Return an entropy weight above 0."""
    if not (np.isfinite(lam) and lam > 0.0):
        raise ValueError(
            f"lam is {lam}: regularised mirror descent needs lam > 0; for an unregularised game use "
            "OnlineMirrorDescent or FictitiousPlay"
        )
    return float(lam)


def regularisation(lam: float) -> float:
    """Return an entropy weight of at least 0."""
    if not (np.isfinite(lam) and lam >= 0.0):
        raise ValueError(f"lam is {lam}: the entropy weight must be a finite number of at least 0")
    return float(lam)
