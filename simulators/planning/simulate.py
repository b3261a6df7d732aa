"""Play many episodes with a planner, many times, and measure its regret."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.planning.planners.base import Planner
from tightbound.simulators.planning.planners.epsilon_greedy import EpsilonGreedy
from tightbound.simulators.planning.planners.explore import Explorer
from tightbound.simulators.planning.planners.schedules import Constant, Schedule
from tightbound.simulators.planning.result import PlanningResult
from tightbound.simulators.planning.setting import (
    Setting,
    as_chances,
    as_checkpoints,
    as_setting,
    as_tasks,
    warn_of_unsupported,
)
from tightbound.theory.planning._validation import Array, as_integer
from tightbound.theory.planning.errors import ImpossibleObservationError
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree

# Runs that go through compiled code side by side, and episodes per call of it: a few or many, so that few
# programs are compiled. Results depend on neither.
FEW = 16
RUNS = 256
EPISODES = 128


def simulate(
    model: HMDP | HistoryTree,
    truth: int,
    episodes: int,
    planner: Planner,
    *,
    tasks: ArrayLike | None = None,
    replications: int,
    key: Any,
    checkpoints: ArrayLike | None = None,
) -> PlanningResult:
    r"""Play T episodes against the true environment, R times, and measure regret.

    .. math:: \mathrm{Reg}_z(T) = \sum_{t \le T} E\left[J_z(\pi^*_z, \omega^t) - J_z(\pi^t, \omega^t)\right]

    Every episode enters the posterior, whoever chose its subgoals. Performance differences along the path
    stand for the differences of returns; what exploration costs, and what the coin decides about the first
    decision, enter in expectation; a plan for whole episodes is evaluated exactly.

    A replication whose posterior weight of wrong environments falls below 1e-12 is settled: its posterior
    is held and its episodes are charged what they cost under certainty, exploration included. Under Bayes'
    rule and the right reporter the odds of these weights are a nonnegative supermartingale, so this neglects
    at most 1e-12 (H-1)^2 per episode in expectation. Planners on wrong posteriors and models with a
    misspecified reporter never settle.

    Parameters
    ----------
    model : HMDP or HistoryTree
        Environments and their prior; a tree that is given is not built again.
    truth : int
        Index of the true environment.
    episodes : int
        T, at least 1.
    planner : Planner
        Who plans.
    tasks : array_like of int, shape (T,), optional
        The task of every episode; task 0 where left out.
    replications : int
        Independent runs R, at least 1.
    key : int or JAX key
        All randomness. Replication r in episode t draws from ``fold_in(fold_in(key, r), t)``, so that a
        result does not depend on how many others run beside it.
    checkpoints : array_like of int, optional
        After how many episodes, from 0 to T - 1, the log posterior is kept; T - 1 where left out.

    Returns
    -------
    PlanningResult
        Cumulative regret and posterior, by replication and episode.

    Raises
    ------
    ValueError, TypeError, IndexError
        For arguments out of range.
    ImpossibleObservationError
        Where some replication observed what its planner held to be impossible in every environment.

    Warns
    -----
    UnsupportedTruthWarning
        Where the truth has prior weight zero.

    References
    ----------
    He, Chen, Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883.

    Examples
    --------
    >>> from tightbound.simulators.planning.planners.bail import BAIL
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.array([np.stack([stay, flip], 1), np.stack([flip, stay], 1)])
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), [[0.0, 0.0], [0.0, 1.0]])
    >>> result = simulate(model, 0, 3, BAIL(), replications=4, key=1)
    >>> result.value.tolist()  # half a chance in the first episode, which reveals the environment
    [0.5, 0.5, 0.5]
    """
    (result,) = _simulate(
        model, truth, [(episodes, planner)], tasks, replications, [as_key(key)], checkpoints
    )
    return result


def sweep(
    model: HMDP | HistoryTree,
    truth: int,
    pairs: Sequence[tuple[int, float | Schedule]],
    *,
    exploit: Planner,
    explore: Explorer,
    tasks: ArrayLike | None = None,
    replications: int,
    key: Any,
) -> list[PlanningResult]:
    """Simulate epsilon-greedy planners for several numbers of episodes and chances of exploration at once.

    All runs go through one compiled program, those of similar length side by side. Since the best chance
    depends on the number of episodes, a curve of regret needs runs of its own for each.

    Parameters
    ----------
    model, truth, replications
        As in ``simulate``.
    pairs : sequence of (int, float or Schedule)
        Number of episodes T and chance of exploration.
    exploit, explore : Planner, Explorer
        The parts of the planner.
    tasks : array_like of int, shape (largest T,), optional
        As in ``simulate``; shorter runs see the first of them.
    key : int or JAX key
        Pair i runs as ``simulate`` does with ``fold_in(key, i)``.

    Returns
    -------
    list of PlanningResult
        One per pair.

    Raises
    ------
    ValueError, TypeError, IndexError, ImpossibleObservationError
        As in ``simulate``.

    Examples
    --------
    >>> from tightbound.simulators.planning.planners.bail import BAIL
    >>> from tightbound.simulators.planning.planners.uniform import Uniform
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.array([np.stack([stay, flip], 1), np.stack([flip, stay], 1)])
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), [[0.0, 0.0], [0.0, 1.0]])
    >>> results = sweep(
    ...     model, 0, [(2, 1.0), (4, 0.5)], exploit=BAIL(), explore=Uniform(), replications=4, key=1
    ... )
    >>> [float(result.value[-1]) for result in results]
    [1.0, 1.25]
    """
    import jax

    if len(pairs) == 0:
        raise ValueError("pairs is empty: give at least one pair of a number of episodes and a chance")
    planned = [
        (episodes, EpsilonGreedy(exploit, explore, eps if callable(eps) else Constant(eps)))
        for episodes, eps in pairs
    ]
    root = as_key(key)
    keys = [jax.random.fold_in(root, i) for i in range(len(planned))]
    return _simulate(model, truth, planned, tasks, replications, keys, None)


def as_key(key: Any) -> Any:
    """Return a JAX key for an integer seed, or the key that was given."""
    import jax

    if isinstance(key, jax.Array):
        typed = jax.numpy.issubdtype(key.dtype, jax.dtypes.prng_key)
        return key if typed else jax.random.wrap_key_data(key)
    return jax.random.key(as_integer("key", key, least=0))


class _Run(NamedTuple):
    """One replication of one pair."""

    pair: int
    replication: int
    episodes: int


def _simulate(
    model: HMDP | HistoryTree,
    truth: int,
    pairs: Sequence[tuple[int, Planner]],
    tasks: ArrayLike | None,
    replications: int,
    keys: Sequence[Any],
    checkpoints: ArrayLike | None,
) -> list[PlanningResult]:
    """Simulate planners that differ in their chances of exploration only."""
    import jax

    from tightbound.simulators.planning import _engine

    count = as_integer("replications", replications, least=1)
    lengths = [as_integer("episodes", episodes, least=1) for episodes, _ in pairs]
    longest = max(lengths)
    setting = as_setting(model, truth, pairs[0][1])
    warn_of_unsupported(setting)
    todo = as_tasks(tasks, longest, setting.tree.model)
    chances = np.zeros((len(pairs), longest))
    for own_chances, length, (_, planner) in zip(chances, lengths, pairs, strict=True):
        own_chances[:length] = as_chances(planner, length)
    kept = [as_checkpoints(checkpoints, length) for length in lengths]
    found = [
        PlanningResult(
            regret=np.empty((count, length)),
            doubt=np.empty((count, length)),
            checkpoints=at,
            log_weights=np.empty((count, at.size, setting.tree.model.environments)),
        )
        for length, at in zip(lengths, kept, strict=True)
    ]
    runs = [_Run(i, r, length) for i, length in enumerate(lengths) for r in range(count)]
    runs.sort(key=lambda run: -run.episodes)
    marks = np.unique(np.concatenate(kept))
    lost = 0
    with jax.enable_x64(True):
        play = _player(setting, str(jax.random.key_impl(keys[0])))
        every = np.concatenate([np.asarray(_engine.replicated(key, count)) for key in keys])
        for first in range(0, len(runs), RUNS):
            block = runs[first : first + RUNS]
            own = every[np.array([run.pair * count + run.replication for run in block])]
            length = block[0].episodes
            block_chances = chances[[run.pair for run in block], :length]
            regret, doubt, dead, log_weights = play(own, todo[:length], block_chances, marks)
            for row, run in enumerate(block):
                result, end = found[run.pair], run.episodes
                result.regret[run.replication] = np.cumsum(regret[row, :end])
                result.doubt[run.replication] = doubt[row, :end]
                result.log_weights[run.replication] = log_weights[
                    row, np.searchsorted(marks, result.checkpoints)
                ]
                lost += bool(dead[row, end - 1])
    if lost:
        raise ImpossibleObservationError(
            f"{lost} of {len(runs)} replications observed what every environment in the posterior excludes: "
            "give the true environment prior weight, or planners a reporter that can emit what is seen"
        )
    return found


def _player(setting: Setting, impl: str) -> Callable[..., tuple[Array, ...]]:
    """Return a function that plays a block of runs: regret, doubt, lost (B, T), log weights (B, marks, Z)."""
    import jax

    from tightbound.simulators.planning import _engine

    world = jax.device_put(_engine.world(setting))
    advance = partial(
        _engine.advance, rule=setting.rule, exact=setting.exploit.whole_tree, settles=setting.settles
    )
    model, log_prior = setting.tree.model, setting.tree.model.log_prior
    numbers = tuple(np.asarray(number, np.float64) for number in setting.numbers)

    def play(
        own: Any, tasks: NDArray[np.int64], chances: Array, marks: NDArray[np.int64]
    ) -> tuple[Array, ...]:
        size, total = own.shape[0], tasks.size
        width, depth = _block(size, RUNS), _block(total, EPISODES)
        keys = own[np.minimum(np.arange(width), size - 1)]
        state = _engine.start(log_prior, setting.truth, width)
        regret, doubt, dead = (np.zeros((size, total)) for _ in range(3))
        log_weights = np.empty((size, marks.size, log_prior.size))
        for t in range(0, total, depth):
            end = min(t + depth, total)
            todo, eps = np.zeros(depth, np.int64), np.zeros((depth, width))
            todo[: end - t], eps[: end - t, :size] = tasks[t:end], chances[:, t:end].T
            coins = _engine.uniforms(keys, t, impl=impl, count=depth, draws=2 * model.horizon)
            state, told = advance(world, state, coins, todo, eps, numbers)
            for whole, part in ((regret, told.regret), (doubt, told.doubt), (dead, told.lost)):
                whole[:, t:end] = np.asarray(part)[: end - t, :size].T
            here = (marks >= t) & (marks < end)
            log_weights[:, here] = np.moveaxis(np.asarray(told.log_weights)[marks[here] - t, :size], 0, 1)
            if np.asarray(state.settled)[:size].all():
                # What is left is known: posteriors are held and episodes cost what they cost on average.
                explored = (setting.explore_gap - setting.settled_gap)[tasks[end:]]
                regret[:, end:] = setting.settled_gap[tasks[end:]] + chances[:, end:] * explored
                doubt[:, end:] = np.asarray(state.doubt)[:size, np.newaxis]
                log_weights[:, marks >= end] = np.asarray(state.log_weights)[:size, np.newaxis]
                break
        return regret, doubt, dead, log_weights

    return play


def _block(size: int, most: int) -> int:
    """Return FEW where that holds ``size``, else ``most``."""
    return FEW if size <= FEW else most
