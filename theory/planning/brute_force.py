"""Definitions computed by enumeration, to check what is computed faster elsewhere."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory.planning._validation import Array, as_integer, as_laws
from tightbound.theory.planning.filtering import as_history
from tightbound.theory.planning.hmdp import HMDP

_MOST_PLANS = 5_000_000


def path_weights(model: HMDP, observations: ArrayLike, subgoals: ArrayLike) -> Array:
    r"""Joint weight of the last state and the observations, summed over all paths of hidden states.

    .. math:: \alpha_z(s_h) = \sum_{s_1, \dots, s_{h-1}} \rho(s_1) O(o_1 | s_1)
        \prod_{i < h} P_{z,i}(s_{i+1} | s_i, g_i) O(o_{i+1} | s_{i+1})

    Parameters
    ----------
    model : HMDP
        The process.
    observations : array_like of int, shape (h,)
        With 1 <= h <= H; the work grows like S^h.
    subgoals : array_like of int, shape (h-1,)
        The subgoals between them.

    Returns
    -------
    ndarray, shape (Z, S)
        Weights; their sum over states is the likelihood.

    Raises
    ------
    ValueError, IndexError
        For what is no history.

    Examples
    --------
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.array([np.stack([stay, flip], 1), np.stack([flip, stay], 1)])
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), [[0.0, 0.0], [0.0, 1.0]])
    >>> path_weights(model, [0, 1], [1]).tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """
    seen, goals = as_history(model, observations, subgoals)
    paths = np.array(list(itertools.product(range(model.states), repeat=seen.size)))
    weights = np.zeros((model.environments, model.states))
    for z in range(model.environments):
        weight = model.initial[paths[:, 0]] * model.observation[paths[:, 0], seen[0]]
        for i, goal in enumerate(goals):
            here, there = paths[:, i], paths[:, i + 1]
            weight = weight * model.transition[z, i, here, goal, there]
            weight = weight * model.observation[there, seen[i + 1]]
        np.add.at(weights[z], paths[:, -1], weight)
    return weights


def path_kernel(low_level: ArrayLike, actor: ArrayLike) -> Array:
    r"""Kernel between decisions, summed over all paths of physical states and actions.

    .. math:: P(s_{K} | s_0, g) = \sum_{a_1, s_1, \dots, a_K} \prod_k
        \mu_k(a_k | s_{k-1}, g) T_k(s_k | s_{k-1}, a_k)

    Parameters
    ----------
    low_level : array_like, shape (Z, K, S, A, S)
        Physical kernels T; the work grows like (S A)^K.
    actor : array_like, shape (K, S, G, A)
        The actor's law mu of actions.

    Returns
    -------
    ndarray, shape (Z, S, G, S)
        The kernel.

    Raises
    ------
    ValueError
        For rows that do not sum to one.

    Examples
    --------
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> step = np.stack([stay, flip], axis=1)
    >>> actor = np.broadcast_to(np.eye(2), (2, 2, 2, 2))
    >>> path_kernel([[step, step]], actor)[0, 0].tolist()
    [[1.0, 0.0], [1.0, 0.0]]
    """
    physical, behaviour = as_laws("low_level", low_level), as_laws("actor", actor)
    environments, steps, states, actions, _ = physical.shape
    goals = behaviour.shape[2]
    kernel = np.zeros((environments, states, goals, states))
    for path in itertools.product(range(states), repeat=steps + 1):
        for taken in itertools.product(range(actions), repeat=steps):
            weight = np.ones((environments, goals))
            for k, (here, action, there) in enumerate(zip(path, taken, path[1:], strict=False)):
                weight = weight * behaviour[k, here, :, action] * physical[:, k, here, action, there, None]
            kernel[:, path[0], :, path[-1]] += weight
    return kernel


def plan_values(model: HMDP, environment: int, task: int = 0) -> Array:
    """Values of all deterministic plans, one by one.

    A plan assigns a subgoal to every history that it can itself meet; every deterministic policy of
    histories acts like one of them. The planners' reporter is taken to be the real one.

    Parameters
    ----------
    model : HMDP
        A tiny process: with G subgoals and O observations there are f(H-1)^O plans, f(0) = 1,
        f(n) = G f(n-1)^O.
    environment, task : int
        Indices z and w.

    Returns
    -------
    ndarray, shape (plans,)
        Expected reward of an episode under each plan.

    Raises
    ------
    ValueError
        For more than five million plans.

    Examples
    --------
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.array([np.stack([stay, flip], 1), np.stack([flip, stay], 1)])
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), [[0.0, 0.0], [0.0, 1.0]])
    >>> plan_values(model, 0).tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    z = as_integer("environment", environment, least=0, most=model.environments - 1)
    w = as_integer("task", task, least=0, most=model.tasks - 1)
    below = 1
    for _ in range(model.decisions):
        below = model.subgoals * below**model.observations
    plans = below**model.observations
    if plans > _MOST_PLANS:
        raise ValueError(
            f"model has {plans} plans, the limit is {_MOST_PLANS}: take fewer observations, subgoals or steps"
        )
    values = np.zeros(1)
    for report in range(model.observations):
        values = np.add.outer(values, _plans_below(model, z, w, [report], [], 0.0)).ravel()
    return values


def _plans_below(model: HMDP, z: int, w: int, seen: list[int], goals: list[int], earned: float) -> Array:
    """Contribution of all histories that begin like this, for each plan of what follows."""
    total = earned + model.reward[len(goals), seen[-1], w]
    if len(seen) == model.horizon:
        return np.array([total * path_weights(model, seen, goals)[z].sum()])
    plans = []
    for goal in range(model.subgoals):
        values = np.zeros(1)
        for report in range(model.observations):
            below = _plans_below(model, z, w, [*seen, report], [*goals, goal], total)
            values = np.add.outer(values, below).ravel()
        plans.append(values)
    return np.concatenate(plans)
