"""MonoMD with action values estimated from episodes of a few representative agents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tightbound.simulators.graphon_games.algorithms.base import Iteration, State
from tightbound.simulators.graphon_games.algorithms.mono_md import MonoMD


@dataclass(frozen=True)
class SampledMonoMD(MonoMD):
    r"""MonoMD whose Q is regressed from samples.

    N representative agents play K episodes each under the uniform policy among the current crowd; Q is the
    cell mean of r + V(s') backwards over the steps, and a block takes the Q of the agent nearest to it.

    Parameters
    ----------
    eta, lam, beta
        As for `MonoMD`. With estimated Q some mixing keeps log-policies bounded.
    agents : int
        N, at least 2.
    episodes : int
        K, at least 1.

    Raises
    ------
    ValueError
        For N < 2 or K < 1, besides those of `MonoMD`.

    References
    ----------
    Zhang, Tan, Wang, Yang, NeurIPS 2023, arXiv:2310.08089: the error of the estimate is
    O(K^-1/2 + N^-1), according to third-party summaries.

    Examples
    --------
    >>> SampledMonoMD(eta=0.5, lam=1.0, agents=5, episodes=100).size
    (5, 100)
    """

    agents: int = 10
    episodes: int = 300

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.agents < 2:
            raise ValueError(f"agents is {self.agents}: give at least 2 representative agents")
        if self.episodes < 1:
            raise ValueError(f"episodes is {self.episodes}: each agent needs at least 1 episode")

    @property
    def size(self) -> tuple[int, ...]:
        """Number of agents and of episodes."""
        return (self.agents, self.episodes)

    def step(self, state: State, iteration: Iteration) -> tuple[State, dict[str, Any]]:
        """Return the state after one mirror step along the estimated Q."""
        import jax
        import jax.numpy as jnp

        from tightbound.simulators.graphon_games._evaluate import each_game, mirror_step
        from tightbound.simulators.graphon_games._form import agents_last, games_first
        from tightbound.simulators.graphon_games._sampling import representatives, sampled_action_values

        form, rates = iteration.form, iteration.rates
        agents, episodes = iteration.size
        _, nearest = representatives(form.blocks, agents)

        def estimate(arrays: Any, logs: Any, z: Any, key: Any) -> Any:
            even = jnp.full_like(logs, -jnp.log(form.actions))
            q, _ = sampled_action_values(
                form,
                arrays,
                logs,
                z,
                iteration.lam,
                key,
                agents=agents,
                episodes=episodes,
                log_behaviour=even,
            )
            return q[:, nearest]

        logs = state["log_policy"]
        arrays, axes = each_game(iteration.arrays)
        policies, crowds = (
            games_first(values, form.blocks) for values in (logs, iteration.evaluation.aggregate)
        )
        q = jax.vmap(estimate, in_axes=(axes, 0, 0, 0))(arrays, policies, crowds, iteration.keys)
        new = mirror_step(logs, agents_last(q), rates["theta"], iteration.lam, rates["beta"])
        return {"log_policy": new}, {}
