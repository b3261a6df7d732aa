"""The compiled loop: evaluate the current policy, step, record; a block of iterations per call."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from tightbound.simulators.graphon_games import _evaluate
from tightbound.simulators.graphon_games._form import Arrays, Form
from tightbound.simulators.graphon_games.algorithms.base import Algorithm, Iteration, State

BLOCK = 32

# Policies of more entries than this, of all games side by side, no longer stay in cache.
_ENTRIES = 2**17


class Problem(NamedTuple):
    """What stays the same during one solve of games side by side."""

    arrays: Arrays
    lam: Any  # None: no entropy
    tol: Any  # negative: none
    seeds: Any  # one per game
    reference: Any  # log-policy (H, A, S, N) and flow (H, S, N) of an equilibrium, or None


class Carry(NamedTuple):
    """What moves from one iteration to the next."""

    state: State
    mean_field: Any  # of the iterate before
    occupancy: Any  # sums over the iterates done, the first excluded
    mean_fields: Any
    done: Any  # (G,) the tolerance is met
    number: Any  # (G,) steps done


@lru_cache(maxsize=128)
def compiled(algorithm: type, size: tuple[int, ...], form: Form) -> tuple[Any, Any]:
    """Return the compiled start and the compiled block of iterations."""
    # Steps read numbers from the iteration only, so any instance of the class will do: none is constructed.
    method: Algorithm = object.__new__(algorithm)

    def begin(problem: Problem, log_policy: Any) -> Carry:
        mean_field, _ = _evaluate.flow(form, problem.arrays, log_policy)
        games = len(problem.seeds)
        return Carry(
            method.init(log_policy, mean_field),
            mean_field,
            jnp.zeros_like(log_policy),
            jnp.zeros_like(mean_field),
            jnp.zeros(games, dtype=bool),
            jnp.zeros(games, dtype=int),
        )

    def block(problem: Problem, carry: Carry, rates: Any, places: Any, last: Any) -> tuple[Carry, Any]:
        def body(carry: Carry, at: tuple[Any, Any]) -> tuple[Carry, dict[str, Any]]:
            rate, place = at
            arguments = (method, size, form, problem, carry, rate, place, place < last)
            done: tuple[Carry, dict[str, Any]] = jax.lax.cond(
                (place <= last) & ~jnp.all(carry.done),
                lambda: _advance(*arguments),
                lambda: (carry, _nothing(*arguments)),
            )
            return done

        return jax.lax.scan(body, carry, (rates, places))

    return jax.jit(begin), jax.jit(block)


def parts(games: int, form: Form) -> list[slice]:
    """Return the games to advance side by side: equal parts, of one compiled program, that fit in cache."""
    most = max(1, _ENTRIES // (form.horizon * form.blocks * form.states * form.actions))
    size = max(n for n in range(1, games + 1) if games % n == 0 and n <= most)
    return [slice(at, at + size) for at in range(0, games, size)]


def _advance(
    algorithm: Algorithm,
    size: tuple[int, ...],
    form: Form,
    problem: Problem,
    carry: Carry,
    rate: Any,
    place: Any,
    more: Any,
) -> tuple[Carry, dict[str, Any]]:
    """Evaluate and record iterate ``place``; step games that have ``more`` to do and miss the tolerance."""
    arrays, lam = problem.arrays, 0.0 if problem.lam is None else problem.lam
    logs = algorithm.log_policy(carry.state)
    found = _evaluate.evaluate(form, arrays, logs, lam)
    mean_field = algorithm.mean_field(carry.state, found.mean_field)
    agents = logs.shape[-1]
    counts = _evaluate.spread(~carry.done & (place > 0), agents)
    weights = found.mean_field[:, None] * _evaluate.policy_of(logs)
    occupancy = carry.occupancy + jnp.where(counts, weights, 0.0)
    mean_fields = carry.mean_fields + jnp.where(counts, mean_field, 0.0)
    reached = carry.done | (found.exploitability <= problem.tol)
    keys = jax.vmap(lambda seed: jax.random.fold_in(jax.random.PRNGKey(seed), place))(problem.seeds)
    state, extra = algorithm.step(carry.state, Iteration(form, arrays, found, rate, lam, place, keys, size))
    record = {
        "exploitability": found.exploitability,
        "exploitability_unregularised": found.exploitability_unregularised,
        "change": distance(form, mean_field, carry.mean_field),
        **{name: jnp.broadcast_to(value, reached.shape) for name, value in extra.items()},
    }
    if problem.reference is not None:
        first = place == 0
        average = jnp.where(first, mean_field, mean_fields / jnp.maximum(place, 1))
        average_policy = _evaluate.conditional(jnp.where(first, weights, occupancy))
        policy, crowd = problem.reference
        record |= {
            "kl": divergence(form, crowd, policy, logs),
            "policy_distance": policy_distance(form, crowd, policy, logs),
            "flow_distance": distance(form, mean_field, crowd),
            "average_policy_distance": policy_distance(form, crowd, policy, average_policy),
            "average_flow_distance": distance(form, average, crowd),
        }
    moves = more & ~reached
    moving = _evaluate.spread(moves, agents)
    state = jax.tree.map(lambda old, new: jnp.where(moving, new, old), carry.state, state)
    return Carry(state, mean_field, occupancy, mean_fields, reached, carry.number + moves), record


def _nothing(algorithm: Algorithm, size: tuple[int, ...], form: Form, *rest: Any) -> dict[str, Any]:
    """Return the record of an iteration that is not done."""
    shapes = jax.eval_shape(lambda *given: _advance(algorithm, size, form, *given)[1], *rest)
    return {name: jnp.full(leaf.shape, jnp.nan, leaf.dtype) for name, leaf in shapes.items()}


def distance(form: Form, one: Any, other: Any) -> Any:
    """Return the mean over blocks of sum_h |.|_1 of mean fields (H, S, N), for each game."""
    return _evaluate.by_game(form, jnp.abs(one - other).sum(axis=(0, 1)))


def policy_distance(form: Form, crowd: Any, one: Any, other: Any) -> Any:
    """Return the mean over blocks of sum_h E_crowd |pi - q|_1 of log-policies (H, A, S, N), for each game."""
    gap = jnp.abs(jnp.exp(one) - jnp.exp(other)).sum(axis=1)
    return _evaluate.by_game(form, (crowd * gap).sum(axis=(0, 1)))


def divergence(form: Form, crowd: Any, one: Any, other: Any) -> Any:
    """Return the mean over blocks of sum_h E_crowd KL(pi || q) of log-policies (H, A, S, N), per game."""
    pi = jnp.exp(one)
    gap = jnp.where(pi > 0.0, pi * (one - other), 0.0).sum(axis=1)
    return _evaluate.by_game(form, jnp.where(crowd > 0.0, crowd * gap, 0.0).sum(axis=(0, 1)))
