"""Episodes in JAX: a scan over episodes, many runs side by side."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from tightbound.simulators.planning.planners.base import Node, Rule, Tables, posterior, sum_children
from tightbound.simulators.planning.planners.explore import Explorer
from tightbound.simulators.planning.setting import Setting

SETTLED = 1e-12


class World(NamedTuple):
    """Arrays of the true environment and of the planner's knowledge; entry h belongs to level h."""

    root: Any  # (N,) law of the first observation's node
    step: tuple[Any, ...]  # (N, G, O) law of the next observation
    child: tuple[Any, ...]  # (N, G, O)
    worth: tuple[Any, ...]  # (W, N, G)
    ahead: tuple[Any, ...]  # (W, N), worth of the expert's subgoal
    expert: tuple[Any, ...]  # (W, N, Z)
    within: tuple[Any, ...]  # (1 or W, N, Z)
    exploited: Any  # (1 or W, leaves, Z)
    explored: Any  # (1 or W, leaves, Z)
    emitted: tuple[Any, ...]  # (N,) probability of each history
    tables: Tables
    best: Any  # (W,) value of the expert
    explore_law: Any  # (H-1, G)
    explore_gap: Any  # (W,)
    settled_gap: Any  # (W,)
    truth: Any


class State(NamedTuple):
    """What a run carries from one episode to the next."""

    log_weights: Any  # (Z,), the largest is 0
    lost: Any  # whether some episode excluded every environment
    doubt: Any  # posterior weight of the wrong environments
    settled: Any  # whether that fell below 1e-12 for good


class Episode(NamedTuple):
    """What is kept of an episode; the posterior is the one at its start."""

    regret: Any
    doubt: Any
    lost: Any
    log_weights: Any  # (Z,)


def world(setting: Setting) -> World:
    """Gather a setting's arrays in the layout of the engine."""
    tree, truth, experts = setting.tree, setting.truth, setting.expert
    model, explorer = tree.model, setting.planner.parts[1]
    worth = tuple(values[truth] for values in experts.action_value)
    chosen = (goals[truth][..., np.newaxis] for goals in experts.subgoal)
    never = np.full((model.decisions, model.subgoals), 1.0 / model.subgoals)
    return World(
        root=tree.levels[0].emitted[truth],
        step=tuple(level.step[truth] for level in tree.levels[:-1]),
        child=tuple(level.child for level in tree.levels[:-1]),
        worth=worth,
        ahead=tuple(np.take_along_axis(*pair, axis=-1)[..., 0] for pair in zip(worth, chosen, strict=True)),
        expert=tuple(np.moveaxis(goals, 0, -1).astype(np.int32) for goals in experts.subgoal),
        within=tuple(np.moveaxis(logs, 0, -1) for logs in setting.evidence.within),
        exploited=np.moveaxis(setting.evidence.exploited, 0, -1),
        explored=np.moveaxis(setting.evidence.explored, 0, -1),
        emitted=tuple(level.emitted[truth] for level in tree.levels),
        tables=setting.tables,
        best=experts.value[truth],
        explore_law=explorer.table(model) if isinstance(explorer, Explorer) else never,
        explore_gap=setting.explore_gap,
        settled_gap=setting.settled_gap,
        truth=np.int32(truth),
    )


def start(log_prior: Any, truth: int, runs: int) -> State:
    """Return the state before the first episode."""
    log_weights = log_prior - log_prior.max()
    doubt = _doubt(np, log_weights, truth)
    never = np.zeros(runs, bool)
    return State(np.tile(log_weights, (runs, 1)), never, np.tile(doubt, runs), never)


@partial(jax.jit, static_argnames="count")
def replicated(key: Any, count: int) -> Any:
    """Return the data of one key for each replication."""
    return jax.random.key_data(jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(count)))


@partial(jax.jit, static_argnames=("impl", "count", "draws"))
def uniforms(data: Any, first: Any, *, impl: str, count: int, draws: int) -> Any:
    """Return uniforms addressed by (key of the run, episode), shape (count, B, draws): B does not matter."""
    keys = jax.random.wrap_key_data(data, impl=impl)

    def one(time: Any, key: Any) -> Any:
        return jax.random.uniform(jax.random.fold_in(key, time), (draws,), jnp.float64)

    each = jax.vmap(jax.vmap(one, in_axes=(None, 0)), in_axes=(0, None))
    return each(first + jnp.arange(count), keys)


@partial(jax.jit, static_argnames=("rule", "exact", "settles"))
def advance(
    world: World,
    state: State,
    uniforms: Any,
    tasks: Any,
    chances: Any,
    numbers: tuple[Any, ...],
    *,
    rule: Rule,
    exact: bool,
    settles: bool,
) -> tuple[State, Episode]:
    """Play a block of episodes in B runs.

    ``uniforms`` have shape (C, B, 2 H), ``tasks`` (C,), ``chances`` of exploration (C, B). Returns arrays of
    shape (C, B).
    """
    play = partial(_episode, world, numbers, rule, exact, settles)

    def step(state: State, inputs: tuple[Any, ...]) -> tuple[State, Episode]:
        task, eps, uniform = inputs
        return jax.vmap(play, in_axes=(0, None, 0, 0))(state, task, eps, uniform)

    return jax.lax.scan(step, state, (tasks, chances, uniforms))


def _episode(
    world: World,
    numbers: tuple[Any, ...],
    rule: Rule,
    exact: bool,
    settles: bool,
    state: State,
    task: Any,
    eps: Any,
    uniform: Any,
) -> tuple[State, Episode]:
    explores = uniform[0] < eps
    log_weights = state.log_weights
    plan = rule.plan(jnp, world.tables, posterior(jnp, log_weights), task, numbers)
    index = _draw(world.root, uniform[1])
    gap = jnp.float64(0.0)
    for h in range(len(world.child)):
        weights = posterior(jnp, log_weights + _of_task(world.within[h], task)[index])
        worth = world.worth[h][task, index]
        node = Node(h, index, weights, world.expert[h][task, index], worth)
        law = rule.law(jnp, node, plan, numbers)
        loss = world.ahead[h][task, index] - law @ worth
        # The coin does not matter to the first history, so its part is taken in expectation.
        gap += (1.0 - eps) * loss if h == 0 else jnp.where(explores, 0.0, loss)
        goal = _draw(jnp.where(explores, world.explore_law[h], law), uniform[2 + 2 * h])
        seen = _draw(world.step[h][index, goal], uniform[3 + 2 * h])
        index = world.child[h][index, goal, seen]
    if exact:
        gap = (1.0 - eps) * (world.best[task] - _value(world, plan, task))
    settled = (1.0 - eps) * world.settled_gap[task]
    regret = eps * world.explore_gap[task] + jnp.where(state.settled, settled, gap)
    moved = log_weights + jnp.where(
        explores, _of_task(world.explored, task)[index], _of_task(world.exploited, task)[index]
    )
    top = moved.max()
    dead = top == -jnp.inf
    keep = state.settled | dead
    after = jnp.where(keep, log_weights, moved - jnp.where(dead, 0.0, top))
    doubt = _doubt(jnp, after, world.truth)
    there = state.settled | (settles & (doubt < SETTLED))
    lost = state.lost | (dead & ~state.settled)
    return State(after, lost, doubt, there), Episode(regret, state.doubt, lost, log_weights)


def _doubt(xp: Any, log_weights: Any, truth: Any) -> Any:
    """Posterior weight of the wrong environments, without cancellation."""
    weights = xp.exp(log_weights - log_weights.max())
    wrong = xp.where(xp.arange(weights.size) == truth, 0.0, weights).sum()
    return wrong / weights.sum()


def _value(world: World, plan: Any, task: Any) -> Any:
    """Value of a plan in the true environment."""
    value = world.emitted[-1] * world.tables.reward[-1][task]
    for h in range(len(world.child) - 1, -1, -1):
        onward = sum_children(jnp, world.child[h], value)
        onward = jnp.take_along_axis(onward, plan[h][:, jnp.newaxis], axis=1)[:, 0]
        value = world.emitted[h] * world.tables.reward[h][task] + onward
    return value.sum()


def _of_task(array: Any, task: Any) -> Any:
    return array[0] if array.shape[0] == 1 else array[task]


def _draw(law: Any, uniform: Any) -> Any:
    """Draw an index of positive probability by inversion."""
    reached = jnp.cumsum(law)
    return (reached <= uniform * reached[-1]).sum()
