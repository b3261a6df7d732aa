r"""Exact inference of state and environment from what is observed.

.. math:: \alpha_1(s) = \rho(s) O(o_1 | s), \qquad
    \alpha_{h+1}(s') = O(o_{h+1} | s') \sum_s \alpha_h(s) P_{z,h}(s' | s, g_h), \qquad
    L_z = \sum_s \alpha(s)

The likelihood L_z of a history carries no factor for how its subgoals were chosen. Every rule that chooses
them from the history alone, however often it changes, contributes the same factor in all environments, which
cancels in the posterior of z.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory.planning._validation import Array, Integers, as_indices, as_integer
from tightbound.theory.planning.errors import ImpossibleObservationError
from tightbound.theory.planning.hmdp import HMDP

Episode = tuple[ArrayLike, ArrayLike]
"""Observations, shape (h,), and the subgoals between them, shape (h-1,)."""


def as_history(model: HMDP, observations: ArrayLike, subgoals: ArrayLike) -> tuple[Integers, Integers]:
    """Check a history.

    Parameters
    ----------
    model : HMDP
        The process.
    observations : array_like of int, shape (..., h)
        With 1 <= h <= H.
    subgoals : array_like of int, shape (..., h-1)
        The subgoals between them.

    Returns
    -------
    observations, subgoals : ndarray of int
        The same as integers.

    Raises
    ------
    ValueError
        For shapes that are no history.
    IndexError
        For subgoals or observations outside the model.
    """
    seen = as_indices("observations", observations, model.observations)
    goals = as_indices("subgoals", subgoals, model.subgoals)
    if seen.ndim == 0 or goals.ndim == 0 or not 1 <= seen.shape[-1] <= model.horizon:
        raise ValueError(
            f"observations has shape {seen.shape} and subgoals {goals.shape}: give (..., h) and (..., h-1) "
            f"with h from 1 to H = {model.horizon}"
        )
    if goals.shape != (*seen.shape[:-1], seen.shape[-1] - 1):
        raise ValueError(
            f"subgoals has shape {goals.shape}: {seen.shape[-1]} observations have one subgoal between "
            f"each two, shape {(*seen.shape[:-1], seen.shape[-1] - 1)}"
        )
    return seen, goals


def filter_start(model: HMDP, observation: ArrayLike) -> Array:
    """Joint weight of state and first observation.

    Parameters
    ----------
    model : HMDP
        The process.
    observation : array_like of int, shape (...)
        First observations.

    Returns
    -------
    ndarray, shape (..., Z, S)
        The weights alpha, the same for every environment.

    Raises
    ------
    IndexError
        For an observation outside the model.

    Examples
    --------
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.array([np.stack([stay, flip], 1), np.stack([flip, stay], 1)])
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), [[0.0, 0.0], [0.0, 1.0]])
    >>> filter_start(model, 0).tolist()
    [[1.0, 0.0], [1.0, 0.0]]
    """
    seen = as_indices("observation", observation, model.observations)
    alpha = model.initial * model.observation.T[seen]
    return np.repeat(alpha[..., np.newaxis, :], model.environments, axis=-2)


def filter_step(model: HMDP, step: int, alpha: Array, subgoal: ArrayLike, observation: ArrayLike) -> Array:
    r"""One step of the unnormalised filter.

    .. math:: \alpha'(z, s') = O(o | s') \sum_s \alpha(z, s) P_{z,h}(s' | s, g)

    Parameters
    ----------
    model : HMDP
        The process.
    step : int
        Decision, 0 to H-2.
    alpha : ndarray, shape (..., Z, S)
        Weights before the step.
    subgoal, observation : array_like of int, shape (...)
        What was decided and then observed; broadcast with the leading axes of ``alpha``.

    Returns
    -------
    ndarray, shape (..., Z, S)
        Weights after the step. Environments in which this cannot happen have weight zero.

    Raises
    ------
    IndexError
        For a subgoal or an observation outside the model.
    ValueError
        For a step outside 0 to H-2 or weights of another shape.

    Examples
    --------
    >>> model = HMDP([1.0, 0.0], [[[[0.2, 0.8]], [[0.0, 1.0]]]], np.eye(2), np.zeros((2, 2)))
    >>> filter_step(model, 0, filter_start(model, 0), 0, 1)
    array([[0. , 0.8]])
    """
    now = as_integer("step", step, least=0, most=model.decisions - 1)
    weights = np.asarray(alpha, dtype=np.float64)
    shape = (model.environments, model.states)
    if weights.shape[-2:] != shape:
        raise ValueError(f"alpha has shape {weights.shape}: its last two axes must be (Z, S) = {shape}")
    goals = as_indices("subgoal", subgoal, model.subgoals)
    seen = as_indices("observation", observation, model.observations)
    batch = np.broadcast_shapes(weights.shape[:-2], goals.shape, seen.shape)
    flat = np.broadcast_to(weights, (*batch, *shape)).reshape(-1, *shape)
    chosen = np.broadcast_to(goals, batch).ravel()
    moved = np.empty_like(flat)
    for goal in np.unique(chosen):
        rows = chosen == goal
        moved[rows] = np.matmul(flat[rows].swapaxes(0, 1), model.transition[:, now, :, goal]).swapaxes(0, 1)
    return np.asarray(moved.reshape(*batch, *shape) * model.observation.T[seen][..., np.newaxis, :])


def log_likelihood(model: HMDP, observations: ArrayLike, subgoals: ArrayLike) -> Array:
    """Logarithm of `likelihood`, which does not underflow on long histories.

    Parameters
    ----------
    model, observations, subgoals
        As for `likelihood`.

    Returns
    -------
    ndarray, shape (..., Z)
        Logarithms; -inf where the history is impossible.

    Raises
    ------
    ValueError, IndexError
        As `likelihood`.

    Examples
    --------
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.array([np.stack([stay, flip], 1), np.stack([flip, stay], 1)])
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), [[0.0, 0.0], [0.0, 1.0]])
    >>> log_likelihood(model, [0, 1], [1]).tolist()
    [0.0, -inf]
    """
    scale, alpha = _filter(model, observations, subgoals)
    total = alpha.sum(axis=-1)
    return np.asarray(scale + np.log(total, out=np.full(total.shape, -np.inf), where=total > 0.0))


def likelihood(model: HMDP, observations: ArrayLike, subgoals: ArrayLike) -> Array:
    r"""Probability of the observations of (part of) an episode, given its subgoals.

    .. math:: L_z(\tau) = P_z(o_1, \dots, o_h \,\|\, g_1, \dots, g_{h-1})

    Parameters
    ----------
    model : HMDP
        The process.
    observations : array_like of int, shape (..., h)
        With 1 <= h <= H.
    subgoals : array_like of int, shape (..., h-1)
        The subgoals between them.

    Returns
    -------
    ndarray, shape (..., Z)
        One likelihood per environment; zero where the history is impossible.

    Raises
    ------
    ValueError
        For shapes that are no history.
    IndexError
        For subgoals or observations outside the model.

    Examples
    --------
    >>> model = HMDP([1.0, 0.0], [[[[0.2, 0.8]], [[0.0, 1.0]]]], np.eye(2), np.zeros((3, 2)))
    >>> likelihood(model, [0, 0, 1], [0, 0]).round(12)
    array([0.16])
    """
    return np.exp(log_likelihood(model, observations, subgoals))


def belief(model: HMDP, observations: ArrayLike, subgoals: ArrayLike) -> Array:
    """Law of the current state in every environment.

    Parameters
    ----------
    model, observations, subgoals
        As for `likelihood`.

    Returns
    -------
    ndarray, shape (..., Z, S)
        Rows sum to one; a row of zeros belongs to an environment in which the history is impossible.

    Raises
    ------
    ImpossibleObservationError
        For a history that is impossible in every environment.
    ValueError, IndexError
        As `likelihood`.

    Examples
    --------
    >>> model = HMDP([0.5, 0.5], [[[[1.0, 0.0]], [[0.0, 1.0]]]], [[0.8, 0.2], [0.2, 0.8]], np.zeros((2, 2)))
    >>> belief(model, [0], []).round(12)
    array([[0.8, 0.2]])
    """
    _, alpha = _filter(model, observations, subgoals)
    total = alpha.sum(axis=-1, keepdims=True)
    if not np.all(np.any(total > 0.0, axis=(-2, -1))):
        raise ImpossibleObservationError(
            "observations cannot occur in any environment after these subgoals: check their order, or give "
            "the model a reporter that can emit them"
        )
    return np.asarray(np.divide(alpha, total, out=np.zeros_like(alpha), where=total > 0.0))


def posterior(model: HMDP, episodes: Iterable[Episode] = (), prefix: Episode | None = None) -> Array:
    r"""Law of the environment given past episodes and the episode under way.

    .. math:: w(z) \propto P_Z(z) \prod_i L_z(\tau^i) \cdot L_z(\tau)

    Parameters
    ----------
    model : HMDP
        The process.
    episodes : iterable of (observations, subgoals)
        Past episodes.
    prefix : (observations, subgoals), optional
        The episode under way.

    Returns
    -------
    ndarray, shape (Z,)
        Probabilities.

    Raises
    ------
    ImpossibleObservationError
        Where no environment of positive prior weight can have produced this.
    ValueError, IndexError
        As `likelihood`.

    Examples
    --------
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.stack([stay, flip])[:, :, np.newaxis]
    >>> model = HMDP([1.0, 0.0], transition, [[0.8, 0.2], [0.2, 0.8]], np.zeros((2, 2)))
    >>> posterior(model, [([0, 1], [0])]).round(12)
    array([0.2, 0.8])
    """
    log_weights = np.array(model.log_prior)
    for observations, subgoals in (*episodes, *(() if prefix is None else (prefix,))):
        if np.ndim(observations) != 1:
            raise ValueError(
                f"an episode has observations of shape {np.shape(observations)}: give pairs "
                "(observations, subgoals) of shapes (h,) and (h-1,)"
            )
        log_weights += log_likelihood(model, observations, subgoals)
    return normalised(log_weights)


def normalised(log_weights: Array) -> Array:
    """Turn log weights, shape (Z,) or (Z, N), into probabilities along the first axis.

    Parameters
    ----------
    log_weights : ndarray, shape (Z, ...)
        Logarithms up to a constant per column; -inf excludes an environment.

    Returns
    -------
    ndarray, shape (Z, ...)
        Probabilities along axis 0.

    Raises
    ------
    ImpossibleObservationError
        Where a whole column is -inf.

    Examples
    --------
    >>> normalised(np.array([-1000.0, -np.inf]))
    array([1., 0.])
    """
    top = log_weights.max(axis=0)
    if not np.all(top > -np.inf):
        raise ImpossibleObservationError(
            "what was observed has probability zero in every environment of positive prior weight: check the "
            "episodes, give the true environment prior weight, or a reporter that can emit what was seen"
        )
    weights = np.exp(log_weights - top)
    return np.asarray(weights / weights.sum(axis=0))


def _filter(model: HMDP, observations: ArrayLike, subgoals: ArrayLike) -> tuple[Array, Array]:
    """Return log scales, shape (..., Z), and weights, shape (..., Z, S), whose product is alpha."""
    seen, goals = as_history(model, observations, subgoals)
    alpha = filter_start(model, seen[..., 0])
    scale = np.zeros(alpha.shape[:-1])
    for h in range(goals.shape[-1]):
        top = alpha.max(axis=-1)
        top = np.where(top > 0.0, top, 1.0)
        scale += np.log(top)
        alpha = filter_step(model, h, alpha / top[..., np.newaxis], goals[..., h], seen[..., h + 1])
    return scale, alpha
