"""Exact belief updates, many at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory.planning._validation import ROW_TOLERANCE, Array, Integers, as_indices
from tightbound.theory.planning.errors import ImpossibleObservationError
from tightbound.theory.planning.hmdp import HMDP


def update_beliefs(
    model: HMDP,
    beliefs: ArrayLike,
    subgoals: ArrayLike,
    observations: ArrayLike,
    *,
    environments: ArrayLike = 0,
    step: ArrayLike = 0,
) -> tuple[Array, Array]:
    r"""Update beliefs about the hidden state by a subgoal and the observation that followed.

    .. math:: b'(s') = \frac{1}{L} O(o | s') \sum_s b(s) P_{z,h}(s' | s, g), \qquad
        L = \sum_{s'} O(o | s') \sum_s b(s) P_{z,h}(s' | s, g)

    O is the reporter's law as planners assume it, ``model.observation``. Every row is summed in one order, so
    neither the batch nor the number of threads changes a bit of the result. Batches of some hundred rows or
    more per subgoal are fastest.

    Parameters
    ----------
    model : HMDP
        The tables.
    beliefs : array_like, shape (B, S)
        Laws of the state before the subgoal.
    subgoals, observations : int or array_like of int, shape (B,)
        What was pursued, and what was seen next.
    environments, step : int or array_like of int, shape (B,), optional
        Environment z in which a row is updated, and decision h = 0, ..., H-2 it follows.

    Returns
    -------
    beliefs : ndarray, shape (B, S)
        Laws of the state after the observation.
    likelihoods : ndarray, shape (B,)
        Probability L of the observation given the belief and the subgoal.

    Raises
    ------
    ImpossibleObservationError
        For an observation of probability zero; the message names the row.
    ValueError
        For beliefs that are no laws, or shapes that do not fit together.
    IndexError
        For a subgoal, observation, environment or step that the model has not.

    Examples
    --------
    >>> import numpy as np
    >>> listen = np.eye(2)[:, np.newaxis]
    >>> model = HMDP([0.5, 0.5], [listen], [[0.85, 0.15], [0.15, 0.85]], np.zeros((2, 2)))
    >>> beliefs, likelihoods = update_beliefs(model, [[0.5, 0.5], [0.85, 0.15]], [0, 0], [0, 0])
    >>> beliefs[:, 0].round(3).tolist(), likelihoods.round(3).tolist()
    ([0.85, 0.97], [0.5, 0.745])
    """
    rows = np.ascontiguousarray(beliefs, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != model.states:
        raise ValueError(
            f"beliefs has shape {rows.shape}: give one row over the states, shape (B, {model.states})"
        )
    count = rows.shape[0]
    named = (
        ("subgoals", subgoals, model.subgoals),
        ("observations", observations, model.observations),
        ("environments", environments, model.environments),
        ("step", step, model.decisions),
    )
    indices = [np.asarray(value) for _, value, _ in named]
    if any(array.dtype != np.int64 or array.shape not in ((), (count,)) for array in indices):
        indices = [_per_row(*entry, count) for entry in named]
    updated, likelihoods, sums, amiss = _advance(model, rows, *indices)
    if amiss:  # compiled code has looked at every row and says only that something is wrong
        chosen, seen, where, _ = (_per_row(*entry, count) for entry in named)
        _refuse(rows, sums, likelihoods, chosen, seen, where)
    return updated, likelihoods


def _refuse(
    rows: Array, sums: Array, likelihoods: Array, subgoals: Integers, observations: Integers, where: Integers
) -> None:
    """Name the first row that is no law, or else whose observation is impossible."""
    right = np.abs(sums - 1.0) <= ROW_TOLERANCE
    if not right.all():
        row = int(np.argmin(right))
        raise ValueError(
            f"beliefs has row {row} with sum {rows[row].sum()} and smallest entry {rows[row].min()}: "
            "each row must be a law, nonnegative and with sum 1 within 1e-10; divide it by its sum"
        )
    if not likelihoods.all():
        row = int(np.argmin(likelihoods))
        z, goal, report = (int(np.broadcast_to(a, len(rows))[row]) for a in (where, subgoals, observations))
        raise ImpossibleObservationError(
            f"observations has {report} in row {row}, which has probability zero there after subgoal {goal}: "
            f"check that the history was recorded in environment {z}, or let the reporter's law give it "
            "positive probability"
        )


def filter_paths(model: HMDP, subgoals: ArrayLike, observations: ArrayLike) -> tuple[Array, Array]:
    r"""Filter many paths in every environment at once.

    .. math:: b_{z,h} = P_z(s_h | o_1, g_1, \dots, o_h), \qquad
        L_z = \prod_{h} P_z(o_h | o_1, g_1, \dots, o_{h-1}, g_{h-1})

    Parameters
    ----------
    model : HMDP
        The tables; the reporter's law is ``model.observation``.
    subgoals : array_like of int, shape (B, H'-1)
        Subgoals of the paths; H' is between 1 and H.
    observations : array_like of int, shape (B, H')
        Observations of the paths.

    Returns
    -------
    beliefs : ndarray, shape (B, H', Z, S)
        Laws of the state after each observation; zero from an observation on that is impossible in z.
    likelihoods : ndarray, shape (B, H', Z)
        Conditional probability of each observation; their product over H' is the likelihood of the path.

    Raises
    ------
    ImpossibleObservationError
        For a path that is impossible in every environment of positive prior; the message names the path.
    ValueError
        For shapes that do not fit together.
    IndexError
        For a subgoal or observation that the model has not.

    Examples
    --------
    >>> import numpy as np
    >>> listen = np.eye(2)[:, np.newaxis]
    >>> model = HMDP([0.5, 0.5], [listen], [[0.85, 0.15], [0.15, 0.85]], np.zeros((3, 2)))
    >>> beliefs, likelihoods = filter_paths(model, [[0, 0]], [[0, 0, 1]])
    >>> beliefs[0, :, 0, 0].round(3).tolist(), float(likelihoods[0, :, 0].prod().round(5))
    ([0.85, 0.97, 0.85], 0.06375)
    """
    chosen = as_indices("subgoals", subgoals, model.subgoals)
    seen = as_indices("observations", observations, model.observations)
    if seen.ndim != 2 or not 1 <= seen.shape[1] <= model.horizon:
        raise ValueError(
            f"observations has shape {seen.shape}: give one row per path, 1 to {model.horizon} long"
        )
    if chosen.shape != (seen.shape[0], seen.shape[1] - 1):
        raise ValueError(
            f"subgoals has shape {chosen.shape}: give one subgoal between two observations, "
            f"shape {(seen.shape[0], seen.shape[1] - 1)}"
        )
    count, length = seen.shape
    environments, states = model.environments, model.states
    beliefs = np.zeros((count, length, environments, states))
    likelihoods = np.zeros((count, length, environments))
    start = model.initial * model.observation.T[seen[:, 0]]  # (B, S), the same in every environment
    likelihoods[:, 0] = start.sum(axis=1, keepdims=True)
    beliefs[:, 0] = np.divide(
        start[:, np.newaxis],
        likelihoods[:, 0, :, np.newaxis],
        out=beliefs[:, 0],
        where=likelihoods[:, 0, :, np.newaxis] > 0.0,
    )
    where = np.tile(np.arange(environments), count)
    for h in range(1, length):
        rows = np.ascontiguousarray(beliefs[:, h - 1].reshape(-1, states))
        goal, report = np.repeat(chosen[:, h - 1], environments), np.repeat(seen[:, h], environments)
        updated, mass, *_ = _advance(model, rows, goal, report, where, np.asarray(h - 1))
        beliefs[:, h] = updated.reshape(count, environments, states)
        likelihoods[:, h] = mass.reshape(count, environments)
    impossible = np.flatnonzero(~np.any(likelihoods[:, -1, model.prior > 0.0] > 0.0, axis=1))
    if impossible.size:
        row = int(impossible[0])
        raise ImpossibleObservationError(
            f"observations has path {row}, {seen[row].tolist()} after subgoals {chosen[row].tolist()}, with "
            "probability zero in every environment: check how it was recorded, or give the reporter's law "
            "and the prior a wider support"
        )
    return beliefs, likelihoods


def _advance(
    model: HMDP,
    rows: Array,
    subgoals: Integers,
    observations: Integers,
    environments: Integers,
    steps: Integers,
) -> tuple[Array, Array, Array, int]:
    """Return updated rows, likelihoods, the sums of the rows given, and whether anything is wrong with them.

    Zeros stay zeros. Indices have shape (B,) or (); one out of range is wrong, and leaves rows unfilled.
    """
    from tightbound.simulators.planning import _kernel_belief as kernel

    # Where all steps agree one of them is enough, and it is contiguous.
    alike = model.transition.strides[1] == 0
    transition = model.transition[:, :1] if alike else model.transition
    limits = (model.environments, model.decisions, model.subgoals, model.observations)
    indices = (_read_only(array) for array in (environments, steps, subgoals, observations))
    result = np.empty_like(rows), np.empty(len(rows)), np.empty(len(rows))
    driver: Any = kernel.update
    tables = _read_only(transition), _read_only(model.observation.T)
    amiss = driver(*tables, _read_only(rows), *indices, limits, ROW_TOLERANCE, *result)
    return *result, int(amiss)


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return one contiguous type of array, whatever came: compiled code is specialised by type."""
    view = np.ascontiguousarray(array)  # of one axis at least
    if view.flags.writeable:
        view = view.view()
        view.flags.writeable = False
    return view


def _per_row(name: str, value: ArrayLike, size: int, count: int) -> Integers:
    array = as_indices(name, value, size)
    if array.shape not in ((), (count,)):
        raise ValueError(
            f"{name} has shape {array.shape}: beliefs has {count} rows; give one integer, or shape ({count},)"
        )
    return array
