"""The driver: iterate an algorithm on a game, keep its history, stop, and say how it went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.graphon_games._form import Arrays, Form, agents_last, games_first, split
from tightbound.simulators.graphon_games.solution import ConvergenceError, Solution
from tightbound.theory.graphon_games._validation import as_probabilities
from tightbound.theory.graphon_games.game import GraphonGame

if TYPE_CHECKING:
    from tightbound.simulators.graphon_games.algorithms.base import Algorithm

Floats = NDArray[np.float64]
Progress = Callable[[int, float], None]


def solve(
    game: GraphonGame,
    algorithm: Algorithm,
    *,
    max_iter: int = 500,
    tol: float | None = None,
    start: ArrayLike | None = None,
    reference: Solution | None = None,
    key: int = 0,
    progress: Progress | None = None,
    throw: bool = False,
) -> Solution:
    """Look for a Nash equilibrium of a graphon mean-field game.

    Parameters
    ----------
    game : GraphonGame
        The game.
    algorithm : Algorithm
        `MonoMD`, `SampledMonoMD`, `GMFGPPO`, `FixedPoint`, `BoltzmannFixedPoint`, `FictitiousPlay`,
        `OnlineMirrorDescent`, `MaxBackupMirrorDescent`, or one of your own.
    max_iter : int
        Iterations at most.
    tol : float, optional
        Stop at the first iterate whose exploitability, with the algorithm's entropy weight, is at most this.
    start : array_like, shape (M, H, S, A), optional
        First policy; uniform where left out.
    reference : Solution, optional
        An equilibrium to measure distances from; its ``log_policy`` and ``mean_field`` are read.
    key : int
        Seed of algorithms that sample.
    progress : callable, optional
        Called with the iterations done and the exploitability, every few iterations.
    throw : bool
        Raise where the tolerance is not reached, instead of saying so in the outcome.

    Returns
    -------
    Solution
        Last iterate, averages and history. Not to have converged is an outcome, not an error.

    Raises
    ------
    ValueError
        For a wrong start or reference, max_iter < 1, a negative tol, or schedules out of range.
    ConvergenceError
        With ``throw``, where ``tol`` was not reached; the error holds the solution.

    Examples
    --------
    >>> from tightbound.simulators.graphon_games import MonoMD
    >>> from tightbound.theory.graphon_games import beach_bar
    >>> game = beach_bar(blocks=4, horizon=6)
    >>> found = solve(game, MonoMD(eta=0.5, lam=1.0), max_iter=200, tol=1e-10)
    >>> found.converged, found.value <= 1e-10, found.value_unregularised > 0.1
    (True, True, True)
    """
    starts = None if start is None else [start]
    references = None if reference is None else [reference]
    found = _solve([game], algorithm, max_iter, tol, starts, references, key, progress)[0]
    if throw and tol is not None and not found.converged:
        raise ConvergenceError(found.outcome, found)
    return found


def solve_batch(
    games: Sequence[GraphonGame],
    algorithm: Algorithm,
    *,
    max_iter: int = 500,
    tol: float | None = None,
    starts: Sequence[ArrayLike] | None = None,
    references: Sequence[Solution] | None = None,
    key: int = 0,
    progress: Progress | None = None,
) -> list[Solution]:
    """Solve games of one form at once: as many products, in larger and fewer pieces.

    Parameters
    ----------
    games : sequence of GraphonGame
        Games of equal shapes with kernels and rewards of the same kind; numbers may differ.
    algorithm, max_iter, tol, key, progress
        As for `solve`. Instance i draws from ``key + i``. Progress is told the largest exploitability.
    starts, references : sequences, optional
        One per game.

    Returns
    -------
    list of Solution
        In the order of the games; equal to solving each alone, up to round-off.

    Raises
    ------
    ValueError
        For no games, or games that differ in more than numbers.

    Examples
    --------
    >>> from tightbound.simulators.graphon_games import MonoMD
    >>> from tightbound.theory.graphon_games import sis
    >>> games = [sis(blocks=3, horizon=5, infection=rate) for rate in (0.5, 0.8)]
    >>> [found.num_iter for found in solve_batch(games, MonoMD(eta=0.5, lam=1.0), max_iter=20)]
    [20, 20]
    """
    if not games:
        raise ValueError("games is empty: give at least one game")
    return _solve(list(games), algorithm, max_iter, tol, starts, references, key, progress)


def _solve(
    games: list[GraphonGame],
    algorithm: Algorithm,
    max_iter: int,
    tol: float | None,
    starts: Sequence[ArrayLike] | None,
    references: Sequence[Solution] | None,
    key: int,
    progress: Progress | None,
) -> list[Solution]:
    if max_iter < 1:
        raise ValueError(f"max_iter is {max_iter}: give at least 1 iteration")
    if tol is not None and not tol >= 0.0:
        raise ValueError(f"tol is {tol}: give a number of at least 0, or None")
    for name, given in (("starts", starts), ("references", references)):
        if given is not None and len(given) != len(games):
            raise ValueError(f"{name} has {len(given)} entries for {len(games)} games: give one per game")
    form, arrays = _one_form(games)
    first = np.stack([_start(game, None if starts is None else starts[i]) for i, game in enumerate(games)])
    marks = None
    if references is not None:
        pairs = [_reference(game, one) for game, one in zip(games, references, strict=True)]
        marks = tuple(np.stack(values) for values in zip(*pairs, strict=True))
    least = -1.0 if tol is None else tol
    found, history = _run(form, arrays, algorithm, first, marks, max_iter, least, key, progress)
    return [
        _solution(game, {name: values[i] for name, values in found.items()}, history[i], tol)
        for i, game in enumerate(games)
    ]


def _run(
    form: Form,
    arrays: list[Arrays],
    algorithm: Algorithm,
    first: Floats,
    marks: tuple[Floats, ...] | None,
    max_iter: int,
    tol: float,
    key: int,
    progress: Progress | None,
) -> tuple[dict[str, Any], list[dict[str, Floats]]]:
    """Iterate block by block; return where every game ended, games first, and the records of each."""
    import jax

    from tightbound.simulators.graphon_games._iterate import BLOCK, Problem, compiled, parts

    rates = algorithm.rates(max_iter)
    with jax.enable_x64(True):
        begin, block = compiled(type(algorithm), algorithm.size, form)
        seeds = key + np.arange(len(arrays))
        lam, least = np.float64(algorithm.lam) if algorithm.lam else None, np.float64(tol)
        groups = parts(len(arrays), form)
        problems = [
            Problem(
                _together(arrays[group]),
                lam,
                least,
                seeds[group],
                None if marks is None else tuple(agents_last(values[group]) for values in marks),
            )
            for group in groups
        ]
        carries = [
            begin(problem, agents_last(first[group])) for problem, group in zip(problems, groups, strict=True)
        ]
        records: list[list[dict[str, Floats]]] = [[] for _ in groups]
        # Iterate max_iter is evaluated as well, hence one more than there are steps.
        for at in range(0, max_iter + 1, BLOCK):
            places = np.arange(at, at + BLOCK)
            now = {name: rate[np.minimum(places, max_iter - 1)] for name, rate in rates.items()}
            for part, problem in enumerate(problems):
                if not np.all(carries[part].done):
                    carries[part], record = block(problem, carries[part], now, places, max_iter)
                    records[part].append({name: np.asarray(values) for name, values in record.items()})
            if progress is not None:
                worst = max(float(np.nanmin(part[-1]["exploitability"], 0).max()) for part in records)
                progress(max(int(np.max(carry.number)) for carry in carries), worst)
            if all(np.all(carry.done) for carry in carries):
                break
        ends = [
            {
                "log_policy": games_first(np.asarray(algorithm.log_policy(carry.state)), form.blocks),
                "mean_field": games_first(np.asarray(carry.mean_field), form.blocks),
                "occupancy": games_first(np.asarray(carry.occupancy), form.blocks),
                "mean_fields": games_first(np.asarray(carry.mean_fields), form.blocks),
                "number": np.asarray(carry.number),
                "done": np.asarray(carry.done),
            }
            for carry in carries
        ]
    found = {name: np.concatenate([end[name] for end in ends]) for name in ends[0]}
    whole = [{name: np.concatenate([one[name] for one in part]) for name in part[0]} for part in records]
    return found, [
        {name: values[:, i] for name, values in one.items()}
        for one in whole
        for i in range(one["exploitability"].shape[1])
    ]


def _one_form(games: list[GraphonGame]) -> tuple[Form, list[Arrays]]:
    """Return the common form of the games, and the arrays of each."""
    forms, arrays = zip(*(split(game) for game in games), strict=True)
    if len({_shapes(one) for one in arrays}) > 1:
        # Kernels that differ in sparsity still have one form as dense tables.
        forms, arrays = zip(*(split(game, dense=True) for game in games), strict=True)
    if len({_shapes(one) for one in arrays}) > 1 or any(form != forms[0] for form in forms):
        raise ValueError(
            "games differ in shape or in the kind of kernel or reward: a batch has one form; solve them one "
            "by one"
        )
    return forms[0], list(arrays)


def _shapes(arrays: Arrays) -> str:
    import jax

    return str(jax.tree.map(np.shape, arrays))


def _together(arrays: list[Arrays]) -> Arrays:
    """Return arrays with the games first, or 1 where all games agree."""
    import jax

    def stack(first: Any, *others: Any) -> Any:
        same = all(first is other or np.array_equal(first, other) for other in others)
        return np.asarray(first)[None] if same else np.stack([first, *others])

    together: Arrays = jax.tree.map(stack, *arrays)
    return together


def _start(game: GraphonGame, policy: ArrayLike | None) -> Floats:
    """Return the first log-policy with the horizon first."""
    shape = (game.blocks, game.horizon, game.states, game.actions)
    given = game.uniform_policy() if policy is None else as_probabilities("start", policy, shape)
    logs = np.log(given, out=np.full(shape, -np.inf), where=given > 0.0)
    return np.ascontiguousarray(np.swapaxes(logs, 0, 1))


def _reference(game: GraphonGame, solution: Solution) -> tuple[Floats, Floats]:
    shape = (game.blocks, game.horizon, game.states, game.actions)
    if solution.log_policy.shape != shape:
        raise ValueError(
            f"reference has a policy of shape {solution.log_policy.shape}: this game has (M, H, S, A) = "
            f"{shape}; solve the same game"
        )
    return np.swapaxes(solution.log_policy, 0, 1), np.swapaxes(solution.mean_field, 0, 1)


def _solution(
    game: GraphonGame,
    found: dict[str, Any],
    history: dict[str, Floats],
    tol: float | None,
) -> Solution:
    number, converged = int(found["number"]), bool(found["done"])
    kept = {name: values[: number + 1] for name, values in history.items()}
    value = float(kept["exploitability"][-1])
    broken = np.flatnonzero(~np.isfinite(kept["exploitability"]))
    if broken.size:
        raise ValueError(
            f"exploitability is not finite at iterate {broken[0]}: the reward or the kernel of game "
            f"{game.name!r} is undefined there; check them at the aggregates that the iteration reaches"
        )
    log_policy = np.swapaxes(found["log_policy"], 0, 1)
    mean_field = np.swapaxes(found["mean_field"], 0, 1)
    average, average_field = np.exp(log_policy), mean_field
    if number:
        occupancy = np.swapaxes(found["occupancy"], 0, 1)
        total = occupancy.sum(axis=-1, keepdims=True)
        even = np.full(occupancy.shape, 1.0 / game.actions)
        average = np.divide(occupancy, total, out=even, where=total > 0.0)
        average_field = np.swapaxes(found["mean_fields"], 0, 1) / number
    if converged:
        outcome = f"exploitability {value:.3g} fell to the tolerance {tol:.3g} after {number} iterations"
    elif tol is None:
        outcome = f"exploitability {value:.3g} after {number} iterations"
    else:
        outcome = (
            f"exploitability {value:.3g} is above the tolerance {tol:.3g} after {number} iterations: "
            "allow more iterations, or smaller steps if it does not fall"
        )
    return Solution(
        log_policy=log_policy,
        mean_field=mean_field,
        average_policy=average,
        average_mean_field=average_field,
        value=value,
        value_unregularised=float(kept["exploitability_unregularised"][-1]),
        converged=converged,
        num_iter=number,
        history=kept,
        outcome=outcome,
    )
