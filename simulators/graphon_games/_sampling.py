"""Episodes of representative agents among a given crowd, and action values regressed from them, in JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tightbound.simulators.graphon_games._form import Arrays, Form


def representatives(blocks: int, agents: int) -> tuple[Any, Any]:
    """Return the blocks of evenly spread agents (N,), and the agent nearest to each block (M,)."""
    chosen = np.minimum(((np.arange(agents) + 0.5) * blocks / agents).astype(np.int64), blocks - 1)
    nearest = np.abs(np.arange(blocks)[:, None] - chosen[None, :]).argmin(axis=1)
    return chosen, nearest


def sampled_action_values(
    form: Form,
    arrays: Arrays,
    log_policy: Any,
    z: Any,
    lam: Any,
    key: Any,
    *,
    agents: int,
    episodes: int,
    log_behaviour: Any,
) -> tuple[Any, Any]:
    """Return Q (H, N, S, A) by backward regression for the representatives, and the visits (H, N, S, A).

    One game's policies (H, M, S, A) and aggregates (H, M, S).

    Cell means of r + V(s') over all visits of (s, a) at step h; 0 where there was none.
    """
    chosen, _ = representatives(form.blocks, agents)
    states, actions = form.states, form.actions
    rows = jnp.arange(agents)[:, None]

    def draw(law: Any, uniform: Any) -> Any:
        return jnp.minimum((jnp.cumsum(law, axis=-1) < uniform[..., None]).sum(axis=-1), law.shape[-1] - 1)

    def step(state: Any, at: tuple[Any, Any, Any, Any]) -> tuple[Any, Any]:
        h, crowd, logs, uniforms = at
        action = draw(jnp.exp(logs)[rows, state], uniforms[0])
        kernel = form.transition(arrays["transition"], h, crowd)
        kernel = jnp.broadcast_to(kernel, (agents, states, actions, states))
        reward = jnp.broadcast_to(form.reward(arrays["reward"], h, crowd), (agents, states, actions))
        following = draw(kernel[rows, state, action], uniforms[1])
        return following, (state, action, reward[rows, state, action], following)

    first_key, episode_key = jax.random.split(key)
    initial = jnp.broadcast_to(arrays["initial"].T[chosen][:, None], (agents, episodes, states))
    first = draw(initial, jax.random.uniform(first_key, (agents, episodes)))
    uniforms = jax.random.uniform(episode_key, (form.horizon, 2, agents, episodes))
    steps = (jnp.arange(form.horizon), z[:, chosen], log_behaviour[:, chosen], uniforms)
    _, (state, action, reward, following) = jax.lax.scan(step, first, steps)

    logs = log_policy[:, chosen]
    pi = jnp.exp(logs)
    bonus = -lam * jnp.sum(jnp.where(pi > 0.0, pi * logs, 0.0), axis=-1)

    def regress(ahead: Any, at: tuple[Any, ...]) -> tuple[Any, Any]:
        here, act, gain, then, law, extra = at
        target = gain + ahead[rows, then]
        visited = jax.nn.one_hot(here * actions + act, states * actions)
        visits = visited.sum(axis=1)
        q = (visited * target[..., None]).sum(axis=1) / jnp.maximum(visits, 1.0)
        q = q.reshape(agents, states, actions)
        return (law * q).sum(axis=-1) + extra, (q, visits.reshape(agents, states, actions))

    last = jnp.zeros((agents, states))
    backwards = (state, action, reward, following, pi, bonus)
    _, (q, visits) = jax.lax.scan(regress, last, backwards, reverse=True)
    return q, visits
