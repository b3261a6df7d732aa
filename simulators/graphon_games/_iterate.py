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

# Policies of more entries than this, of all instances together, no longer stay in cache.
_ENTRIES = 4096


class Problem(NamedTuple):
    """What stays the same during one solve; instances of one form may be stacked along a first axis."""

    arrays: Arrays
    lam: Any
    tol: Any  # negative: none
    key: Any
    reference: Any  # log-policy (H, M, S, A) and flow (H, M, S) of an equilibrium, or None


class Carry(NamedTuple):
    """What moves from one iteration to the next."""

    state: State
    mean_field: Any  # of the iterate before
    occupancy: Any  # sums over the iterates done, the first excluded
    mean_fields: Any
    done: Any  # the tolerance is met
    number: Any  # steps done


def start(algorithm: Algorithm, form: Form, problem: Problem, log_policy: Any) -> Carry:
    """Return the carry of iterate 0."""
    flow = _evaluate.flow(form, problem.arrays, log_policy)
    state = algorithm.init(log_policy, flow)
    zeros = jnp.zeros_like(log_policy)
    return Carry(state, flow, zeros, jnp.zeros_like(flow), jnp.asarray(False), jnp.asarray(0))


@lru_cache(maxsize=128)
def compiled(algorithm: type, size: tuple[int, ...], form: Form, batched: bool) -> tuple[Any, Any]:
    """Return the compiled ``start`` and the compiled block of iterations."""
    # Steps read numbers from the iteration only, so any instance of the class will do: none is constructed.
    method: Algorithm = object.__new__(algorithm)

    def begin(problem: Problem, log_policy: Any) -> Carry:
        return start(method, form, problem, log_policy)

    def block(problem: Problem, carry: Carry, rates: Any, places: Any, last: Any) -> tuple[Carry, Any]:
        def body(carry: Carry, at: tuple[Any, Any]) -> tuple[Carry, dict[str, Any]]:
            rate, place = at
            arguments = (method, size, form, problem, carry, rate, place < last)
            done: tuple[Carry, dict[str, Any]] = jax.lax.cond(
                (place <= last) & ~carry.done,
                lambda: _advance(*arguments),
                lambda: (carry, _nothing(*arguments)),
            )
            return done

        return jax.lax.scan(body, carry, (rates, places))

    def blocks(problem: Problem, carry: Carry, rates: Any, places: Any, last: Any) -> tuple[Carry, Any]:
        def one(at: tuple[Problem, Carry]) -> tuple[Carry, Any]:
            return block(at[0], at[1], rates, places, last)

        found: tuple[Carry, Any] = jax.lax.map(
            one, (problem, carry), batch_size=_together(len(carry.number), form)
        )
        return found

    if batched:
        return jax.jit(jax.vmap(begin)), jax.jit(blocks)
    return jax.jit(begin), jax.jit(block)


def _together(instances: int, form: Form) -> int | None:
    """Return how many instances to advance side by side: a divisor of their number that fits in cache."""
    most = _ENTRIES // (form.horizon * form.blocks * form.states * form.actions)
    best = max(n for n in range(1, instances + 1) if instances % n == 0 and n <= max(1, most))
    return None if best == 1 else best


def _advance(
    algorithm: Algorithm,
    size: tuple[int, ...],
    form: Form,
    problem: Problem,
    carry: Carry,
    rate: Any,
    more: Any,
) -> tuple[Carry, dict[str, Any]]:
    """Evaluate and record the current iterate; step if there is ``more`` and it misses the tolerance."""
    arrays, lam = problem.arrays, problem.lam
    logs = algorithm.log_policy(carry.state)
    found = _evaluate.evaluate(form, arrays, logs, lam)
    mean_field = algorithm.mean_field(carry.state, found.mean_field)
    first = carry.number == 0
    occupancy = carry.occupancy + jnp.where(first, 0.0, found.mean_field[..., None] * jnp.exp(logs))
    mean_fields = carry.mean_fields + jnp.where(first, 0.0, mean_field)
    number = jnp.maximum(carry.number, 1)
    reached = found.exploitability <= problem.tol
    iteration = Iteration(
        form, arrays, found, rate, lam, carry.number, jax.random.fold_in(problem.key, carry.number), size
    )
    state, extra = algorithm.step(carry.state, iteration)
    record = {
        "exploitability": found.exploitability,
        "exploitability_unregularised": found.exploitability_unregularised,
        "change": distance(mean_field, carry.mean_field),
        **extra,
    }
    if problem.reference is not None:
        weights = jnp.where(first, found.mean_field[..., None] * jnp.exp(logs), occupancy)
        average = jnp.where(first, mean_field, mean_fields / number)
        policy, crowd = problem.reference
        record |= {
            "kl": divergence(crowd, policy, logs),
            "policy_distance": policy_distance(crowd, policy, logs),
            "flow_distance": distance(mean_field, crowd),
            "average_policy_distance": policy_distance(crowd, policy, _evaluate.conditional(weights)),
            "average_flow_distance": distance(average, crowd),
        }
    moves = more & ~reached
    state = jax.tree.map(lambda old, new: jnp.where(moves, new, old), carry.state, state)
    return Carry(state, mean_field, occupancy, mean_fields, reached, carry.number + moves), record


def _nothing(algorithm: Algorithm, size: tuple[int, ...], form: Form, *rest: Any) -> dict[str, Any]:
    """Return the record of an iteration that is not done."""
    shapes = jax.eval_shape(lambda *given: _advance(algorithm, size, form, *given)[1], *rest)
    return {name: jnp.full(leaf.shape, jnp.nan, leaf.dtype) for name, leaf in shapes.items()}


def distance(one: Any, other: Any) -> Any:
    """Return the mean over blocks of sum_h |.|_1 of mean fields (H, M, S)."""
    return jnp.abs(one - other).sum(axis=-1).sum(axis=0).mean()


def policy_distance(crowd: Any, one: Any, other: Any) -> Any:
    """Return the mean over blocks of sum_h E_crowd |pi - q|_1 of log-policies (H, M, S, A)."""
    gap = jnp.abs(jnp.exp(one) - jnp.exp(other)).sum(axis=-1)
    return (crowd * gap).sum(axis=-1).sum(axis=0).mean()


def divergence(crowd: Any, one: Any, other: Any) -> Any:
    """Return the mean over blocks of sum_h E_crowd KL(pi || q) of log-policies (H, M, S, A)."""
    pi = jnp.exp(one)
    gap = jnp.where(pi > 0.0, pi * (one - other), 0.0).sum(axis=-1)
    return jnp.where(crowd > 0.0, crowd * gap, 0.0).sum(axis=-1).sum(axis=0).mean()
