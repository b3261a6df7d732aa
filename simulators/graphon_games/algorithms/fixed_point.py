"""Fixed-point iteration: everybody answers the last crowd."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tightbound.simulators.graphon_games.algorithms.base import (
    Floats,
    Iteration,
    PolicyIteration,
    State,
    regularisation,
)


@dataclass(frozen=True)
class FixedPoint(PolicyIteration):
    r"""Best-response iteration, :math:`\pi_{t+1} = \mathrm{BR}_\lambda(\Psi(\pi_t))`.

    Parameters
    ----------
    lam : float
        Entropy weight, at least 0. At 0 ties go to the action of lowest index.

    Raises
    ------
    ValueError
        For a negative weight.

    References
    ----------
    Cui and Koeppl, AISTATS 2021: it fails to converge where the best response is steep.

    Examples
    --------
    >>> FixedPoint(lam=0.5)
    FixedPoint(lam=0.5)
    """

    lam: float = 0.0

    def __post_init__(self) -> None:
        regularisation(self.lam)

    def step(self, state: State, iteration: Iteration) -> tuple[State, dict[str, Any]]:
        """Return the best response to the current flow."""
        from tightbound.simulators.graphon_games._evaluate import best_log_policy

        return {"log_policy": best_log_policy(iteration.evaluation.best_action_values, iteration.lam)}, {}


@dataclass(frozen=True)
class BoltzmannFixedPoint(FixedPoint):
    r"""Boltzmann iteration, :math:`\pi_{t+1} \propto \exp(Q^*_0(\Psi(\pi_t)) / \tau)`.

    Q is that of the unregularised game, so a limit is a Boltzmann equilibrium and not one of the regularised
    game; its exploitability is reported without entropy.

    Parameters
    ----------
    temperature : float
        tau, positive.

    Raises
    ------
    ValueError
        For a temperature that is not positive, or lam other than 0.

    References
    ----------
    Cui and Koeppl, ICLR 2022, whose temperatures for SIS are 0.101 to 0.3.

    Examples
    --------
    >>> BoltzmannFixedPoint(temperature=0.25).lam
    0.0
    """

    temperature: float = 0.25

    def __post_init__(self) -> None:
        if self.lam != 0.0:
            raise ValueError(
                f"lam is {self.lam}: the Boltzmann iteration has a temperature and no entropy weight"
            )
        if not (np.isfinite(self.temperature) and self.temperature > 0.0):
            raise ValueError(
                f"temperature is {self.temperature}: give a positive number, or FixedPoint() for the limit 0"
            )

    def rates(self, iterations: int) -> dict[str, Floats]:
        """Return the temperature at every iteration."""
        return {"temperature": np.full(iterations, float(self.temperature))}

    def step(self, state: State, iteration: Iteration) -> tuple[State, dict[str, Any]]:
        """Return the Boltzmann policy of the current flow."""
        from tightbound.simulators.graphon_games._evaluate import log_softmax

        q = iteration.evaluation.greedy_action_values
        return {"log_policy": log_softmax(q / iteration.rates["temperature"])}, {}
