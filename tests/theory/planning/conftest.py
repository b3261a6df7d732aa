import numpy as np
import pytest

from tightbound.theory.planning.hmdp import HMDP


def _sparse(rng, shape, keep):
    """Random laws along the last axis in which each entry survives with probability ``keep``."""
    mass = rng.dirichlet(np.ones(shape[-1]), shape[:-1]) * (rng.random(shape) < keep)
    mass[..., 0] += mass.sum(axis=-1) == 0.0
    return mass / mass.sum(axis=-1, keepdims=True)


@pytest.fixture(scope="session")
def random_model():
    """Build random tables: every axis free, zeros where ``keep`` < 1, another real reporter on request."""

    def make(
        seed=0,
        environments=2,
        states=3,
        subgoals=2,
        observations=2,
        horizon=3,
        tasks=2,
        keep=1.0,
        misspecified=False,
        **fields,
    ):
        rng = np.random.default_rng(seed)
        kernel = (environments, horizon - 1, states, subgoals, states)
        report = _sparse(rng, (states, observations), keep)
        real = {"emission": _sparse(rng, (states, observations), keep)} if misspecified else {}
        return HMDP(
            _sparse(rng, (states,), keep),
            _sparse(rng, kernel, keep),
            report,
            rng.random((horizon, observations, tasks)),
            rng.dirichlet(np.ones(environments)),
            **real,
            **fields,
        )

    return make


@pytest.fixture(scope="session")
def random_policy():
    """Build random laws of the subgoal after every history."""

    def make(tree, rng):
        sizes = [level.size for level in tree.levels[:-1]]
        goals = tree.model.subgoals
        return [rng.dirichlet(np.ones(goals), (tree.model.tasks, size)) for size in sizes]

    return make
