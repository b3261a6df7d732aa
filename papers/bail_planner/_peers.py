"""The same belief updates in other packages: one step of an exact filter, row by row or in one batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.theory.planning.hmdp import HMDP

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Runner = Callable[[], Array]
Peer = Callable[[HMDP, Array, Integers, Integers], Runner]


def pomdp_py_histogram(model: HMDP, beliefs: Array, subgoals: Integers, observations: Integers) -> Runner:
    """Return a function that updates one histogram after the other, as pomdp_py does."""
    import pomdp_py

    transition = model.transition[0, 0].tolist()
    channel = model.observation.tolist()

    class Transition(pomdp_py.TransitionModel):  # type: ignore[misc]
        def probability(self, next_state: int, state: int, action: int) -> float:
            return float(transition[state][action][next_state])

    class Observation(pomdp_py.ObservationModel):  # type: ignore[misc]
        def probability(self, observation: int, next_state: int, action: int) -> float:
            return float(channel[next_state][observation])

    moves, report = Transition(), Observation()
    histograms = [pomdp_py.Histogram(dict(enumerate(row.tolist()))) for row in beliefs]
    goals, seen = subgoals.tolist(), observations.tolist()
    states = range(model.states)

    def run() -> Array:
        updated = [
            pomdp_py.update_histogram_belief(histogram, goal, report_, report, moves)
            for histogram, goal, report_ in zip(histograms, goals, seen, strict=True)
        ]
        return np.array([[histogram[s] for s in states] for histogram in updated])

    return run


def pymdp_batch(model: HMDP, beliefs: Array, subgoals: Integers, observations: Integers) -> Runner:
    """Return a function that updates all rows in one compiled call of pymdp, in double precision.

    Double precision must be on already when pymdp is imported, since it fixes the smallest number it takes
    the logarithm of at import.
    """
    import jax

    with jax.enable_x64(True):
        import jax.numpy as jnp
        from pymdp.control import compute_expected_state
        from pymdp.inference import update_posterior_states

        likelihood = [jnp.asarray(model.observation.T)]
        kernel = [jnp.asarray(np.moveaxis(model.transition[0, 0], 2, 0))]  # (next state, state, subgoal)
        codes = jnp.eye(model.observations)[observations]
        rows, goals = jnp.asarray(beliefs), jnp.asarray(subgoals)

        def one(belief: Any, goal: Any, code: Any) -> Any:
            predicted = compute_expected_state([belief], kernel, [goal])
            (updated,) = update_posterior_states(
                likelihood, None, [code], None, prior=predicted, A_dependencies=[[0]], method="exact"
            )
            return updated[0]

        program = jax.jit(jax.vmap(one))

    def run() -> Array:
        with jax.enable_x64(True):
            return np.asarray(program(rows, goals, codes))

    return run


PEERS: dict[str, tuple[str, Peer]] = {
    "pomdp_py": ("histograms, row by row", pomdp_py_histogram),
    "pymdp": ("one batch in JAX", pymdp_batch),
}
"""By module that must be importable: a label and what prepares the run."""
