"""Flow, values, best responses and exploitability of a policy, traced by JAX; scans over the horizon.

Inside, arrays carry the horizon first: policies (H, M, S, A), mean fields (H, M, S).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from tightbound.simulators.graphon_games._form import Arrays, Form


def _unroll(form: Form) -> int:
    """Return how many steps of a scan to unroll: products gain by it, gathers would be fused and repeated."""
    return 1 if form.sparse else 5


class Evaluation(NamedTuple):
    """What a policy amounts to; the horizon comes first."""

    mean_field: Any  # (H, M, S) its own flow
    action_values: Any  # (H, M, S, A) Q of the policy at its flow, with entropy weight lam
    best_action_values: Any  # (H, M, S, A) optimal Q at that flow, with entropy weight lam
    greedy_action_values: Any  # (H, M, S, A) the same without entropy
    exploitability: Any  # () with entropy weight lam
    exploitability_unregularised: Any  # ()


def aggregate(form: Form, arrays: Arrays, mean_field: Any) -> Any:
    """Return z, shape (H, M, S)."""
    weights = arrays["weights"]
    if len(weights) == 1:
        return jnp.einsum("mn,hns->hms", weights[0], mean_field)
    return jnp.einsum("hmn,hns->hms", weights, mean_field)


def flow(form: Form, arrays: Arrays, log_policy: Any) -> Any:
    """Return the policy's own flow."""
    weights = arrays["weights"]

    def step(law: Any, at: tuple[Any, Any]) -> tuple[Any, Any]:
        h, policy = at
        z = weights[h if len(weights) > 1 else 0] @ law
        return _forward(form, arrays, h, z, law[..., None] * policy), law

    steps = (jnp.arange(form.horizon), jnp.exp(log_policy))
    return jax.lax.scan(step, arrays["initial"], steps, unroll=_unroll(form))[1]


def frozen_flow(form: Form, arrays: Arrays, log_policy: Any, mean_field: Any) -> Any:
    """Return the law of an agent who plays the policy among a given crowd."""

    def step(law: Any, at: tuple[Any, Any, Any]) -> tuple[Any, Any]:
        h, z, policy = at
        return _forward(form, arrays, h, z, law[..., None] * policy), law

    steps = (jnp.arange(form.horizon), aggregate(form, arrays, mean_field), jnp.exp(log_policy))
    return jax.lax.scan(step, arrays["initial"], steps, unroll=_unroll(form))[1]


def evaluate(form: Form, arrays: Arrays, log_policy: Any, lam: Any) -> Evaluation:
    """Return everything about a policy at its own flow."""
    mean_field = flow(form, arrays, log_policy)
    q, values = action_values(form, arrays, log_policy, mean_field, lam)
    value, best, greedy = jnp.mean(jnp.sum(arrays["initial"][..., None] * values, axis=1), axis=0)
    bonus = lam * jnp.sum(mean_field * entropy(log_policy)) / form.blocks
    return Evaluation(mean_field, q[..., 0], q[..., 1], q[..., 2], best - value, greedy - (value - bonus))


def action_values(form: Form, arrays: Arrays, log_policy: Any, mean_field: Any, lam: Any) -> tuple[Any, Any]:
    """Return Q (H, M, S, A, 3) and first values (M, S, 3) among a given crowd.

    The last axis: the policy with entropy, the best response with entropy, the best response without. One
    pass carries all three, since each step is one product with the same kernel.
    """

    def step(ahead: Any, at: tuple[Any, Any, Any, Any]) -> tuple[Any, Any]:
        h, z, policy, bonus = at
        reward = form.reward(arrays["reward"], h, z)
        q = reward[..., None] + _backward(form, arrays, h, z, ahead)
        values = jnp.stack(
            [
                jnp.sum(policy * q[..., 0], axis=-1) + bonus,
                soft_maximum(q[..., 1], lam),
                jnp.max(q[..., 2], axis=-1),
            ],
            axis=-1,
        )
        return values, q

    last = jnp.zeros((form.blocks, form.states, 3))
    z, policy, bonus = aggregate(form, arrays, mean_field), jnp.exp(log_policy), lam * entropy(log_policy)
    steps = (jnp.arange(form.horizon), z, policy, bonus)
    values, q = jax.lax.scan(step, last, steps, reverse=True, unroll=_unroll(form))
    return q, values


def entropy(log_policy: Any) -> Any:
    """Return the entropy of log-policies (..., A)."""
    pi = jnp.exp(log_policy)
    return -jnp.sum(jnp.where(pi > 0.0, pi * log_policy, 0.0), axis=-1)


def soft_maximum(q: Any, lam: Any) -> Any:
    """Return lam logsumexp(q / lam) over actions; the maximum at lam = 0."""
    safe = jnp.where(lam > 0.0, lam, 1.0)
    return jnp.where(lam > 0.0, safe * jax.nn.logsumexp(q / safe, axis=-1), jnp.max(q, axis=-1))


def best_log_policy(q: Any, lam: Any) -> Any:
    """Return the log-policy of a best response: softmax, or the maximising action of lowest index."""
    safe = jnp.where(lam > 0.0, lam, 1.0)
    greedy = jnp.where(jnp.arange(q.shape[-1]) == jnp.argmax(q, axis=-1)[..., None], 0.0, -jnp.inf)
    return jnp.where(lam > 0.0, jax.nn.log_softmax(q / safe, axis=-1), greedy)


def mirror_step(log_policy: Any, q: Any, theta: Any, lam: Any, beta: Any) -> Any:
    """Return pi' ∝ pi^(1-theta) exp(theta Q / lam), mixed with a share beta of the uniform policy."""
    scores = jnp.where(theta < 1.0, (1.0 - theta) * log_policy, 0.0) + (theta / lam) * q
    new = jax.nn.log_softmax(scores, axis=-1)
    return jnp.where(beta > 0.0, jnp.logaddexp(jnp.log1p(-beta) + new, jnp.log(beta / q.shape[-1])), new)


def conditional(occupancy: Any) -> Any:
    """Return the log-policy of state-action weights (..., S, A); uniform where a state has none."""
    total = occupancy.sum(axis=-1, keepdims=True)
    reached = total > 0.0
    policy = jnp.where(reached, occupancy / jnp.where(reached, total, 1.0), 1.0 / occupancy.shape[-1])
    return jnp.log(policy)


def _forward(form: Form, arrays: Arrays, h: Any, z: Any, law: Any) -> Any:
    """Return the next state law (M, S) from the state-action law (M, S, A)."""
    pairs = form.states * form.actions
    if form.sparse:
        predecessor, arrival = _lists(arrays, h, "predecessor", "arrival")
        return (law.reshape(-1, pairs)[:, predecessor] * arrival).sum(axis=-1)
    kernel = form.transition(arrays["transition"], h, z)
    if form.transition.function is None:
        return law.reshape(-1, pairs) @ kernel.reshape(pairs, form.states)
    return jnp.einsum("mp,mpt->mt", law.reshape(-1, pairs), kernel.reshape(-1, pairs, form.states))


def _backward(form: Form, arrays: Arrays, h: Any, z: Any, ahead: Any) -> Any:
    """Return the expected next values (M, S, A, 3) of values (M, S, 3)."""
    if form.sparse:
        successor, chance = _lists(arrays, h, "successor", "chance")
        return (ahead[:, successor] * chance[..., None]).sum(axis=-2)
    kernel = form.transition(arrays["transition"], h, z)
    if form.transition.function is None:
        return jnp.einsum("sat,mtk->msak", kernel, ahead)
    return jnp.einsum("msat,mtk->msak", kernel, ahead)


def _lists(arrays: Arrays, h: Any, where: str, weight: str) -> tuple[Any, Any]:
    """Return the lists of step h."""
    entries, weights = arrays["transition"][where], arrays["transition"][weight]
    at = h if len(weights) > 1 else 0
    return entries[at], weights[at]
