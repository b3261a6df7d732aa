"""GMFG-PPO: proximal policy steps beside a slowly moving estimate of the mean field."""

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
class GMFGPPO(PolicyIteration):
    r"""Proximal policy optimisation with a damped mean field.

    .. math:: \pi_{t+1} \propto \pi_t^{1-\theta_t} e^{\theta_t Q^{\pi_t}(\bar\mu_t)/\lambda}, \qquad
              \bar\mu_{t+1} = (1-\alpha_t)\bar\mu_t + \alpha_t F(\pi_{t+1}, \bar\mu_t), \qquad
              \theta_t = \lambda\eta_t

    with a share beta of the uniform policy mixed into the new policy. F is the law of an agent among the
    frozen crowd. The history holds ``tracking``, the distance
    :math:`\int \sum_h \max_s |\pi_{t+1} - \mathrm{BR}(\bar\mu_t)|_1` that drives the error of the mean field.

    Parameters
    ----------
    alpha : float, sequence or callable
        Steps of the mean field, in [0, 1].
    eta : float, sequence or callable
        Steps of the policy; lam * eta in (0, 1].
    lam : float
        Entropy weight, positive.
    beta : float, sequence or callable
        Share of the uniform policy, in [0, 1].

    Raises
    ------
    ValueError
        For lam <= 0, or rates out of range.

    References
    ----------
    Zhang, Tan, Wang, Yang, JMLR 25 (2024), arXiv:2310.17531: the algorithm; its rate is O(T^-1/3) up to
    logarithms.

    Examples
    --------
    >>> GMFGPPO(alpha=8.0 ** (-2 / 3), eta=0.5, lam=1.0).rates(2)["alpha"]
    array([0.25, 0.25])
    """

    alpha: Schedule
    eta: Schedule
    lam: float
    beta: Schedule = 0.0

    def __post_init__(self) -> None:
        positive_lam(self.lam)
        if not callable(self.eta) and not callable(self.alpha):
            self.rates(1)

    def rates(self, iterations: int) -> dict[str, Floats]:
        """Return alpha, theta = lam eta and beta, each of shape (iterations,)."""
        eta = scheduled("eta", self.eta, iterations, most=(1.0 + 1e-12) / self.lam, zero=False)
        return {
            "alpha": scheduled("alpha", self.alpha, iterations, most=1.0),
            "theta": (eta * self.lam).clip(max=1.0),
            "beta": scheduled("beta", self.beta, iterations, most=1.0),
        }

    def init(self, log_policy: Any, mean_field: Any) -> State:
        """Return the first state: the mean field starts at the first policy's flow."""
        return {"log_policy": log_policy, "mean_field": mean_field}

    def step(self, state: State, iteration: Iteration) -> tuple[State, dict[str, Any]]:
        """Return the state after one policy step and one step of the mean field."""
        import jax.numpy as jnp

        from tightbound.simulators.graphon_games._evaluate import (
            action_values,
            aggregate,
            best_log_policy,
            by_game,
            frozen_flow,
            mirror_step,
        )

        form, arrays, lam, rates = iteration.form, iteration.arrays, iteration.lam, iteration.rates
        crowd = state["mean_field"]
        z = aggregate(form, arrays, crowd)
        (own, best, _), _ = action_values(form, arrays, state["log_policy"], z, lam)
        new = mirror_step(state["log_policy"], own, rates["theta"], lam, rates["beta"])
        response = best_log_policy(best, lam)
        gap = jnp.abs(jnp.exp(new) - jnp.exp(response)).sum(axis=1).max(axis=1)
        moved = frozen_flow(form, arrays, new, z)
        mean_field = (1.0 - rates["alpha"]) * crowd + rates["alpha"] * moved
        return {"log_policy": new, "mean_field": mean_field}, {"tracking": by_game(form, gap.sum(axis=0))}

    def mean_field(self, state: State, flow: Any) -> Any:
        """Return the damped mean field."""
        return state["mean_field"]
