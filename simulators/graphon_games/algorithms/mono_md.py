"""MonoMD: regularised policy mirror descent for weakly monotone games."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tightbound.simulators.graphon_games.algorithms.base import (
    Floats,
    Iteration,
    PolicyIteration,
    Schedule,
    State,
    positive_lam,
    scheduled,
)


@dataclass(frozen=True)
class MonoMD(PolicyIteration):
    r"""Mirror descent on the policy at its own flow.

    .. math:: \pi_{t+1} \propto \pi_t^{1-\theta_t} e^{\theta_t Q_t / \lambda}, \qquad
              \theta_t = \lambda \eta_t, \qquad Q_t = Q^{\pi_t}_\lambda \text{ at } \Psi(\pi_t)

    followed by mixing with a share beta of the uniform policy.

    Parameters
    ----------
    eta : float, sequence or callable
        Step sizes; lam * eta must lie in (0, 1]. `proximal_rate` turns the rate of the proximal form.
    lam : float
        Entropy weight, positive.
    beta : float, sequence or callable
        Share of the uniform policy, in [0, 1]. With exact Q none is needed: log-policies stay bounded.

    Raises
    ------
    ValueError
        For lam <= 0, or rates out of range.

    References
    ----------
    Zhang, Tan, Wang, Yang, NeurIPS 2023, arXiv:2310.08089: the algorithm; its rate is O(T^-1/2) up to
    logarithms.

    Examples
    --------
    >>> MonoMD(eta=0.5, lam=1.0).rates(3)["theta"]
    array([0.5, 0.5, 0.5])
    >>> MonoMD(eta=lambda t: 2.0 / (t + 2.0), lam=1.0).rates(2)["theta"].round(3)
    array([0.667, 0.5  ])
    """

    eta: Schedule
    lam: float
    beta: Schedule = 0.0

    def __post_init__(self) -> None:
        positive_lam(self.lam)
        if not callable(self.eta):
            self.rates(1)

    def rates(self, iterations: int) -> dict[str, Floats]:
        """Return theta = lam eta and beta, each of shape (iterations,)."""
        eta = scheduled("eta", self.eta, iterations, most=(1.0 + 1e-12) / self.lam, zero=False)
        return {
            "theta": (eta * self.lam).clip(max=1.0),
            "beta": scheduled("beta", self.beta, iterations, most=1.0),
        }

    def step(self, state: State, iteration: Iteration) -> tuple[State, dict[str, Any]]:
        """Return the state after one mirror step."""
        from tightbound.simulators.graphon_games._evaluate import mirror_step

        rates, q = iteration.rates, iteration.evaluation.action_values
        new = mirror_step(state["log_policy"], q, rates["theta"], iteration.lam, rates["beta"])
        return {"log_policy": new}, {}


def proximal_rate(eta: float, lam: float) -> float:
    r"""Return the MonoMD rate equal to a proximal step of rate eta: :math:`\eta / (1 + \lambda\eta)`.

    The proximal form maximises <Q, p> + lam H(p) - KL(p || pi) / eta.

    Parameters
    ----------
    eta, lam : float
        Positive.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For values that are not positive.

    Examples
    --------
    >>> proximal_rate(1.0, 1.0)
    0.5
    """
    for name, value in (("eta", eta), ("lam", lam)):
        if not value > 0.0:
            raise ValueError(f"{name} is {value}: give a positive number")
    return eta / (1.0 + lam * eta)
