"""Fictitious play: everybody answers the average of all past crowds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tightbound.simulators.graphon_games.algorithms.base import (
    Iteration,
    PolicyIteration,
    State,
    regularisation,
)


@dataclass(frozen=True)
class FictitiousPlay(PolicyIteration):
    r"""Answer the average crowd, and average.

    .. math:: q_{t} = \mathrm{BR}_\lambda(\bar\mu_t), \qquad
              \bar\mu_{t+1} = \bar\mu_t + \frac{1}{t+1} (F(q_t, \bar\mu_t) - \bar\mu_t)

    The policy is the average of the answers weighted by how often their states are reached, which has the
    flow :math:`\bar\mu` where the kernel is free of the mean field.

    Parameters
    ----------
    lam : float
        Entropy weight, at least 0.

    Raises
    ------
    ValueError
        For a negative weight.

    References
    ----------
    Perrin et al., NeurIPS 2020.

    Examples
    --------
    >>> FictitiousPlay()
    FictitiousPlay(lam=0.0)
    """

    lam: float = 0.0

    def __post_init__(self) -> None:
        regularisation(self.lam)

    def init(self, log_policy: Any, mean_field: Any) -> State:
        """Return the first state."""
        import jax.numpy as jnp

        return {"mean_field": mean_field, "occupancy": mean_field[:, None] * jnp.exp(log_policy)}

    def step(self, state: State, iteration: Iteration) -> tuple[State, dict[str, Any]]:
        """Return the averages with one more answer."""
        import jax.numpy as jnp

        from tightbound.simulators.graphon_games._evaluate import (
            action_values,
            aggregate,
            best_log_policy,
            frozen_flow,
        )

        form, arrays, lam = iteration.form, iteration.arrays, iteration.lam
        crowd = state["mean_field"]
        z = aggregate(form, arrays, crowd)
        (_, best, _), _ = action_values(form, arrays, self.log_policy(state), z, lam)
        response = best_log_policy(best, lam)
        law = frozen_flow(form, arrays, response, z)
        weight = 1.0 / (iteration.number + 2.0)
        occupancy = law[:, None] * jnp.exp(response)
        return {
            "mean_field": crowd + weight * (law - crowd),
            "occupancy": state["occupancy"] + weight * (occupancy - state["occupancy"]),
        }, {}

    def log_policy(self, state: State) -> Any:
        """Return the average policy; uniform in states that were never reached."""
        from tightbound.simulators.graphon_games._evaluate import conditional

        return conditional(state["occupancy"])

    def mean_field(self, state: State, flow: Any) -> Any:
        """Return the average crowd."""
        return state["mean_field"]
