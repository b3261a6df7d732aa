"""A package is timed only where its beliefs agree."""

import numpy as np
import pytest

from tightbound.papers.bail_planner import benchmarks as bench


def formula(shift):
    """A package that multiplies matrices, and is wrong by ``shift``."""

    def prepare(model, beliefs, subgoals, observations):
        def run():
            predicted = np.einsum("bs,bst->bt", beliefs, np.moveaxis(model.transition[0, 0], 1, 0)[subgoals])
            weights = predicted * model.observation.T[observations]
            return weights / weights.sum(axis=1, keepdims=True) + shift

        return run

    return prepare


def test_the_formula_agrees():
    match = bench.match(formula(0.0), rows=32)
    assert match.theirs().shape == (32, bench.SIZE)


def test_what_differs_is_not_timed():
    with pytest.raises(ArithmeticError, match="speeds cannot be compared"):
        bench.match(formula(1e-9), rows=32)
