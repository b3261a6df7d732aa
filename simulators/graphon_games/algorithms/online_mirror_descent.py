"""Online mirror descent: the policy is the softmax of accumulated action values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tightbound.simulators.graphon_games.algorithms.base import (
    Floats,
    Iteration,
    PolicyIteration,
    Schedule,
    State,
    regularisation,
    scheduled,
)


@dataclass(frozen=True)
class OnlineMirrorDescent(PolicyIteration):
    r"""Accumulate the policy's own action values.

    .. math:: y_{t+1} = y_t + \eta_t\, Q^{\pi_t}, \qquad \pi_{t+1} = \mathrm{softmax}(y_{t+1})

    Parameters
    ----------
    eta : float, sequence or callable
        Step sizes, positive.
    lam : float
        Entropy weight of Q, at least 0; 0 is the published algorithm.

    Raises
    ------
    ValueError
        For a negative weight or rates out of range.

    References
    ----------
    Perolat et al., AAMAS 2022.

    Examples
    --------
    >>> OnlineMirrorDescent(eta=1.0).rates(2)["eta"]
    array([1., 1.])
    """

    eta: Schedule
    lam: float = 0.0

    def __post_init__(self) -> None:
        regularisation(self.lam)
        if not callable(self.eta):
            self.rates(1)

    def rates(self, iterations: int) -> dict[str, Floats]:
        """Return eta, shape (iterations,)."""
        return {"eta": scheduled("eta", self.eta, iterations, zero=False)}

    def init(self, log_policy: Any, mean_field: Any) -> State:
        """Return the first state: scores whose softmax is the first policy."""
        return {"scores": log_policy}

    def step(self, state: State, iteration: Iteration) -> tuple[State, dict[str, Any]]:
        """Return the scores with one more Q."""
        gain = iteration.rates["eta"] * iteration.evaluation.action_values
        return {"scores": state["scores"] + gain}, {}

    def log_policy(self, state: State) -> Any:
        """Return the softmax of the scores."""
        from tightbound.simulators.graphon_games._evaluate import log_softmax

        return log_softmax(state["scores"])


@dataclass(frozen=True)
class MaxBackupMirrorDescent(OnlineMirrorDescent):
    r"""Accumulate optimal action values, :math:`y_{t+1} = y_t + \eta_t\, Q^*(\Psi(\pi_t))`.

    A variant found in public code. It differs from online mirror descent: Q is backed up with the maximum
    over actions instead of the policy's own mean.

    Parameters
    ----------
    eta, lam
        As for `OnlineMirrorDescent`.

    Examples
    --------
    >>> MaxBackupMirrorDescent(eta=0.1).lam
    0.0
    """

    def step(self, state: State, iteration: Iteration) -> tuple[State, dict[str, Any]]:
        """Return the scores with one more optimal Q."""
        gain = iteration.rates["eta"] * iteration.evaluation.best_action_values
        return {"scores": state["scores"] + gain}, {}
