"""Flow, values, best responses and exploitability of a policy, traced by JAX; scans over the horizon.

Arrays carry the horizon first and agents last: policies (H, A, S, N), mean fields (H, S, N). The agents are
the blocks of all games of a batch, game after game, so that every operation runs along one long axis. Arrays
that describe the games have the games first, or 1 where all agree, so that one product serves them all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from tightbound.simulators.graphon_games._form import Arrays, Form, Stage


def _unroll(form: Form) -> int:
    """Return how many steps of a scan to unroll: products gain by it, gathers would be fused and repeated."""
    return 1 if form.sparse else 5


class Evaluation(NamedTuple):
    """What a policy amounts to; the horizon comes first, agents or games last."""

    mean_field: Any  # (H, S, N) its own flow
    aggregate: Any  # (H, S, N) z of that flow
    action_values: Any  # (H, A, S, N) Q of the policy at its flow, with entropy weight lam
    best_action_values: Any  # (H, A, S, N) optimal Q at that flow, with entropy weight lam
    greedy_action_values: Any  # (H, A, S, N) the same without entropy
    exploitability: Any  # (G,) with entropy weight lam
    exploitability_unregularised: Any  # (G,)


def by_game(form: Form, values: Any) -> Any:
    """Return the means over the blocks of each game, (..., G), of values (..., N)."""
    return values.reshape(*values.shape[:-1], -1, form.blocks).mean(axis=-1)


def spread(values: Any, agents: int) -> Any:
    """Return values (..., N) for every agent of values (..., G) for every game."""
    return jnp.repeat(values, agents // values.shape[-1], axis=-1)


def each_game(arrays: Arrays) -> tuple[Arrays, Any]:
    """Return arrays and their axes for a map over games in which every game sees its own."""
    axes = jax.tree.map(lambda leaf: 0 if len(leaf) > 1 else None, arrays)
    return jax.tree.map(lambda leaf: leaf if len(leaf) > 1 else leaf[0], arrays), axes


def aggregate(form: Form, arrays: Arrays, mean_field: Any) -> Any:
    """Return z, shape (H, S, N)."""
    return jax.vmap(lambda h, law: _aggregate(form, arrays, h, law))(jnp.arange(form.horizon), mean_field)


def flow(form: Form, arrays: Arrays, log_policy: Any) -> tuple[Any, Any]:
    """Return the policy's own flow and its aggregates."""

    def step(law: Any, at: tuple[Any, Any]) -> tuple[Any, Any]:
        h, policy = at
        z = _aggregate(form, arrays, h, law)
        return _forward(form, arrays, h, z, law * policy), (law, z)

    steps = (jnp.arange(form.horizon), policy_of(log_policy))
    found: tuple[Any, Any] = jax.lax.scan(
        step, _initial(form, arrays, log_policy), steps, unroll=_unroll(form)
    )[1]
    return found


def frozen_flow(form: Form, arrays: Arrays, log_policy: Any, z: Any) -> Any:
    """Return the law of an agent who plays the policy at given aggregates."""

    def step(law: Any, at: tuple[Any, Any, Any]) -> tuple[Any, Any]:
        h, crowd, policy = at
        return _forward(form, arrays, h, crowd, law * policy), law

    steps = (jnp.arange(form.horizon), z, policy_of(log_policy))
    return jax.lax.scan(step, _initial(form, arrays, log_policy), steps, unroll=_unroll(form))[1]


def policy_of(log_policy: Any) -> Any:
    """Return exp of a log-policy (..., S, N)."""
    if log_policy.shape[-1] > 1:
        return jnp.exp(log_policy)
    # Compiled loops run along the last axis, here of length one: three times slower than along states. The
    # barrier keeps the compiler from taking the reshaping back.
    barrier: Callable[[Any], Any] = jax.lax.optimization_barrier
    return jnp.exp(barrier(log_policy[..., 0]))[..., np.newaxis]


def evaluate(form: Form, arrays: Arrays, log_policy: Any, lam: Any) -> Evaluation:
    """Return everything about a policy at its own flow."""
    mean_field, z = flow(form, arrays, log_policy)
    q, values = action_values(form, arrays, log_policy, z, lam)
    first = _initial(form, arrays, log_policy)
    value, best, greedy = by_game(form, jnp.sum(first[:, None] * values, axis=0))
    if without_entropy(lam):
        return Evaluation(mean_field, z, *q, best - value, greedy - value)
    bonus = lam * by_game(form, jnp.sum(mean_field * entropy(log_policy), axis=(0, 1)))
    return Evaluation(mean_field, z, *q, best - value, greedy - (value - bonus))


def action_values(
    form: Form, arrays: Arrays, log_policy: Any, z: Any, lam: Any
) -> tuple[tuple[Any, Any, Any], Any]:
    """Return three Q (H, A, S, N) and first values (S, 3, N) at given aggregates.

    The three: the policy with entropy, the best response with entropy, the best response without. One pass
    carries all, since each step is one product with the same kernel; without entropy the last two are one.
    """
    plain = without_entropy(lam)

    def step(ahead: Any, at: tuple[Any, Any, Any, Any]) -> tuple[Any, Any]:
        h, crowd, policy, bonus = at
        reward = _reward(form, arrays, h, crowd)
        expected = _backward(form, arrays, h, crowd, ahead)
        own, *best = (reward + expected[:, :, k] for k in range(ahead.shape[1]))
        values = [jnp.sum(policy * own, axis=0), jnp.max(best[-1], axis=0)]
        if not plain:
            values = [values[0] + bonus, soft_maximum(best[0], lam), values[1]]
        return jnp.stack(values, axis=1), (own, *best)

    last = jnp.zeros((form.states, 2 if plain else 3, z.shape[-1]))
    bonus = None if plain else lam * entropy(log_policy)
    steps = (jnp.arange(form.horizon), z, policy_of(log_policy), bonus)
    values, q = jax.lax.scan(step, last, steps, reverse=True, unroll=_unroll(form))
    if plain:
        return (*q, q[-1]), values[:, jnp.array([0, 1, 1])]
    return q, values


def without_entropy(lam: Any) -> bool:
    """Whether an entropy weight is the constant 0, no traced number: programs are then compiled without."""
    return isinstance(lam, float) and lam == 0.0


def entropy(log_policy: Any) -> Any:
    """Return the entropy (..., S, N) of log-policies (..., A, S, N)."""
    pi = policy_of(log_policy)
    return -jnp.sum(jnp.where(pi > 0.0, pi * log_policy, 0.0), axis=-3)


def soft_maximum(q: Any, lam: Any) -> Any:
    """Return lam logsumexp(q / lam) over actions; the maximum at lam = 0."""
    if without_entropy(lam):
        return jnp.max(q, axis=-3)
    safe = jnp.where(lam > 0.0, lam, 1.0)
    return jnp.where(lam > 0.0, safe * jax.nn.logsumexp(q / safe, axis=-3), jnp.max(q, axis=-3))


def log_softmax(scores: Any) -> Any:
    """Return the log-policy proportional to exp of scores (..., A, S, N)."""
    # States and agents as one axis: with few agents, or one, loops along them alone would be short.
    flat = scores.reshape(*scores.shape[:-2], -1)
    return jax.nn.log_softmax(flat, axis=-2).reshape(scores.shape)


def best_log_policy(q: Any, lam: Any) -> Any:
    """Return the log-policy of a best response: softmax, or the maximising action of lowest index."""
    actions = jnp.arange(q.shape[-3])[:, None, None]
    greedy = jnp.where(actions == jnp.argmax(q, axis=-3, keepdims=True), 0.0, -jnp.inf)
    if without_entropy(lam):
        return greedy
    safe = jnp.where(lam > 0.0, lam, 1.0)
    return jnp.where(lam > 0.0, log_softmax(q / safe), greedy)


def mirror_step(log_policy: Any, q: Any, theta: Any, lam: Any, beta: Any) -> Any:
    """Return pi' ∝ pi^(1-theta) exp(theta Q / lam), mixed with a share beta of the uniform policy."""
    scores = jnp.where(theta < 1.0, (1.0 - theta) * log_policy, 0.0) + (theta / lam) * q
    new = log_softmax(scores)

    def mixed() -> Any:
        return jnp.logaddexp(jnp.log1p(-beta) + new, jnp.log(beta / q.shape[-3]))

    return jax.lax.cond(beta > 0.0, mixed, lambda: new)


def conditional(occupancy: Any) -> Any:
    """Return the log-policy of state-action weights (..., A, S, N); uniform where a state has none."""
    total = occupancy.sum(axis=-3, keepdims=True)
    reached = total > 0.0
    policy = jnp.where(reached, occupancy / jnp.where(reached, total, 1.0), 1.0 / occupancy.shape[-3])
    return jnp.log(policy)


def _initial(form: Form, arrays: Arrays, log_policy: Any) -> Any:
    """Return the first laws (S, N)."""
    games = log_policy.shape[-1] // form.blocks
    laws = jnp.broadcast_to(arrays["initial"], (games, form.states, form.blocks))
    return laws.swapaxes(0, 1).reshape(form.states, -1)


def _aggregate(form: Form, arrays: Arrays, h: Any, law: Any) -> Any:
    """Return z (S, N) of a law (S, N)."""
    weights = _at(arrays["weights"], h)
    laws = law.reshape(-1, len(weights), form.blocks).swapaxes(0, 1)
    return (laws @ weights).swapaxes(0, 1).reshape(law.shape)


def _forward(form: Form, arrays: Arrays, h: Any, z: Any, law: Any) -> Any:
    """Return the next state law (S, N) from the state-action law (A, S, N)."""
    if form.transition.function is not None:
        return (_called(form, form.transition, arrays["transition"], h, z) * law[:, :, None]).sum(axis=(0, 1))
    if form.sparse:
        predecessor, arrival = _lists(arrays, h, "predecessor", "arrival")
        pairs = law.reshape(form.states * form.actions, len(arrival), -1)
        return _gathered(pairs, predecessor, arrival).reshape(z.shape)
    kernel = _at(arrays["transition"]["arriving"], h)
    laws = law.reshape(kernel.shape[2], len(kernel), -1).swapaxes(0, 1)
    return (kernel @ laws).swapaxes(0, 1).reshape(z.shape)


def _backward(form: Form, arrays: Arrays, h: Any, z: Any, ahead: Any) -> Any:
    """Return the expected next values (A, S, K, N) of K kinds of values (S, K, N)."""
    if form.transition.function is not None:
        kernel = _called(form, form.transition, arrays["transition"], h, z)
        return (kernel[..., None, :] * ahead).sum(axis=2)
    shape = (form.actions, form.states, *ahead.shape[1:])
    if form.sparse:
        successor, chance = _lists(arrays, h, "successor", "chance")
        values = ahead.reshape(*ahead.shape[:2], len(chance), -1)
        return _gathered(values, successor, chance).reshape(shape)
    kernel = _at(arrays["transition"]["leaving"], h)
    values = jnp.moveaxis(ahead.reshape(*ahead.shape[:2], len(kernel), -1), 2, 0)
    found = kernel @ values.reshape(len(kernel), form.states, -1)
    parted = found.reshape(len(kernel), kernel.shape[1], ahead.shape[1], -1)
    return jnp.moveaxis(parted, 0, 2).reshape(shape)


def _reward(form: Form, arrays: Arrays, h: Any, z: Any) -> Any:
    """Return the rewards (A, S, N)."""
    if form.reward.function is not None:
        return _called(form, form.reward, arrays["reward"], h, z)
    return spread(_at(arrays["reward"]["table"], h).T, z.shape[-1])


def _called(form: Form, stage: Stage, arrays: Arrays, h: Any, z: Any) -> Any:
    """Return a stage function at aggregates (S, N), shape (A, S, ..., N); each game has its own numbers."""
    numbers, axes = each_game(arrays)
    crowds = z.T.reshape(-1, form.blocks, form.states)
    found = jax.vmap(lambda own, crowd: stage(own, h, crowd), in_axes=(axes, 0))(numbers, crowds)
    return jnp.moveaxis(found.reshape(-1, *found.shape[2:]), (2, 0), (0, -1))


def _at(steps: Any, h: Any) -> Any:
    """Return the entries (G, ...) of step h of (G, L, ...), where L is 1 if all steps agree."""
    return steps[:, h if steps.shape[1] > 1 else 0]


def _lists(arrays: Arrays, h: Any, where: str, weight: str) -> tuple[Any, Any]:
    """Return the lists of step h."""
    return _at(arrays["transition"][where], h), _at(arrays["transition"][weight], h)


def _gathered(values: Any, where: Any, weights: Any) -> Any:
    """Return the sums over lists (G, ..., J) of entries of values (P, ..., G, X) times weights."""

    def one(values: Any, where: Any, weights: Any) -> Any:
        shares = weights.reshape(*weights.shape, *(1,) * (values.ndim - 1))
        return (values[where] * shares).sum(axis=where.ndim - 1)

    if len(where) == 1:  # a map over one game would make gathers slower
        return one(values, where[0], weights[0])
    return jax.vmap(one, in_axes=(-2, 0, 0), out_axes=-2)(values, where, weights)
