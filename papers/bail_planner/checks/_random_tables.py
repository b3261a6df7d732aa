"""Random processes for identities: every table free, and zeros where asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.theory.planning.hmdp import HMDP
from tightbound.verification.grid import Cell

Array = NDArray[np.float64]

TASKS = 2
PERFECT = (
    "the exact conditional law in place of a trained language model; random tables for reporter and actor"
)


def sizes(
    environments: int, states: int, subgoals: int, observations: int, horizon: int, **more: Any
) -> dict[str, Any]:
    """Return a cell of these sizes; no table has zeros unless ``keep`` is below 1."""
    return {
        "environments": environments,
        "states": states,
        "subgoals": subgoals,
        "observations": observations,
        "horizon": horizon,
        "keep": 1.0,
        **more,
    }


def laws(rng: np.random.Generator, shape: tuple[int, ...], keep: float) -> Array:
    """Draw laws along the last axis, uniform but for zeros: each entry survives with chance ``keep``."""
    mass = rng.dirichlet(np.ones(shape[-1]), shape[:-1]) * (rng.random(shape) < keep)
    mass[..., 0] += mass.sum(axis=-1) == 0.0
    return np.asarray(mass / mass.sum(axis=-1, keepdims=True))


def random_tables(cell: Cell, rng: np.random.Generator) -> HMDP:
    """Draw a process of the cell's sizes, with a kernel of its own at each step."""
    z, s, g, o, horizon = (
        cell[name] for name in ("environments", "states", "subgoals", "observations", "horizon")
    )
    return HMDP(
        laws(rng, (s,), cell["keep"]),
        laws(rng, (z, horizon - 1, s, g, s), cell["keep"]),
        laws(rng, (s, o), cell["keep"]),
        rng.random((horizon, o, TASKS)),
        rng.dirichlet(np.ones(z)),
    )
