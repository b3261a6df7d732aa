"""Two modules in turn: the final law against all runs, the bounds, bad tables."""

import itertools

import numpy as np
import pytest

from tightbound.theory.chain_of_thought.answer_law import log_posterior
from tightbound.theory.chain_of_thought.exponents import exponents
from tightbound.theory.chain_of_thought.prompting_bounds import doubt_bound
from tightbound.theory.chain_of_thought.selection_inference import (
    SelectionInference,
    final_state_distance,
    final_state_law,
    hybrid_bound,
    module_exponents,
    selection_inference_bound,
)


def draw(rng, tasks=2, states=3, actions=2):
    return SelectionInference(
        rng.dirichlet(np.ones(tasks)),
        rng.dirichlet(np.ones(actions), (tasks, states)),
        rng.dirichlet(np.ones(tasks + 1)),
        rng.dirichlet(np.ones(states), (tasks + 1, states, actions)),
    )


def test_final_law_against_all_runs(rng):
    problem = draw(rng)
    picked, inferred = problem.selection[0], problem.inference[1]
    expected = np.zeros(3)
    for a1, s1, a2, s2 in itertools.product(range(2), range(3), range(2), range(3)):
        expected[s2] += picked[1, a1] * inferred[1, a1, s1] * picked[s1, a2] * inferred[s1, a2, s2]
    np.testing.assert_allclose(final_state_law(picked, inferred, 1, 2), expected, rtol=1e-12)
    assert final_state_law(picked, inferred, 1, 0).tolist() == [0.0, 1.0, 0.0]


def test_distance_and_bound_against_the_laws_themselves(rng):
    """The bound is a sum over draws, so it holds for whole runs and for the final state."""
    problem = draw(rng)
    right = problem.selection[0], problem.inference[1]
    for _ in range(20):
        logs = [np.log(rng.dirichlet(np.ones(k))) for k in (2, 3)]
        model = problem.averaged(*logs)
        runs = [s[0][:, None] * i[0] for s, i in (right, model)]
        bound = hybrid_bound(problem, *logs, 0, 1, 0, 1)
        assert 0.5 * np.abs(runs[0] - runs[1]).sum() <= bound + 1e-14
        for rounds in (0, 1, 4):
            laws = [final_state_law(*both, 0, rounds) for both in (right, model)]
            found = final_state_distance(problem, *logs, 0, 1, 0, rounds)
            assert found == pytest.approx(0.5 * np.abs(laws[0] - laws[1]).sum(), abs=1e-14)
            assert found <= hybrid_bound(problem, *logs, 0, 1, 0, rounds) * (1 + 1e-12)


def test_bound_adds_up_the_distances_of_the_modules(rng):
    problem = draw(rng)
    logs = [np.log(rng.dirichlet(np.ones(k))) for k in (2, 3)]
    picked, inferred = problem.averaged(*logs)
    expected = 0.0
    for rounds in range(3):
        law = final_state_law(problem.selection[1], problem.inference[0], 2, rounds)
        expected += law @ (0.5 * np.abs(picked - problem.selection[1]).sum(axis=-1))
        apart = 0.5 * np.abs(inferred - problem.inference[0]).sum(axis=-1)
        expected += (law[:, None] * problem.selection[1] * apart).sum()
    assert hybrid_bound(problem, *logs, 1, 0, 2, 3) == pytest.approx(expected, rel=1e-12)


def test_tiny_distances_keep_their_digits(rng):
    problem = draw(rng)
    logs = [np.array([0.0, np.log(1e-30)]), np.array([0.0, -np.inf, -np.inf])]
    tiny = final_state_distance(problem, *logs, 0, 0, 0, 2)
    logs[0] = np.log([1.0 - 1e-6, 1e-6])
    assert tiny == pytest.approx(1e-24 * final_state_distance(problem, *logs, 0, 0, 0, 2), rel=1e-5)


def test_modules_as_tasks_of_one_step(rng):
    problem = draw(rng)
    selection, inference = problem.selection_tasks(), problem.inference_tasks()
    np.testing.assert_allclose(selection.kernels[:, 0, :3, :2], problem.selection)
    np.testing.assert_allclose(selection.query[0], [1 / 3] * 3)
    assert (inference.states, inference.query[0, 5]) == (6, 1 / 6)
    seen = [[2 * 2 + 1, 0], [0, 2]]
    expected = problem.inference_prior * problem.inference[:, 2, 1, 0] * problem.inference[:, 0, 0, 2]
    np.testing.assert_allclose(np.exp(log_posterior(inference, seen)), expected / expected.sum(), rtol=1e-12)


def test_bound_and_exponents_are_those_of_the_modules(rng):
    problem = draw(rng)
    parts = [
        float(doubt_bound(tasks, 0, n))
        for tasks, n in ((problem.selection_tasks(), 3), (problem.inference_tasks(), 7))
    ]
    assert selection_inference_bound(problem, 0, 0, 3, 7, 4) == pytest.approx(4 * sum(parts))
    assert selection_inference_bound(problem, 0, 0, 3, 7, 0) == 0.0
    assert module_exponents(problem, 0, 0)[1] == exponents(problem.inference_tasks(), 0).chernoff


def test_averages_in_batches(rng):
    problem = draw(rng)
    first, second = np.log(rng.dirichlet(np.ones(2), 4)), np.log(rng.dirichlet(np.ones(3), 5))
    picked, inferred = problem.averaged(first[:, None], second)
    law = final_state_law(picked, inferred, 2, 3)
    assert law.shape == (4, 5, 3)
    alone = final_state_law(*problem.averaged(first[3], second[2]), 2, 3)
    np.testing.assert_allclose(law[3, 2], alone, rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"selection_prior": [[1.0]]}, "one probability per task"),
        ({"selection_prior": [0.5, 0.5]}, r"\(2, m, A\)"),
        ({"selection": [[0.5, 0.5]]}, r"\(1, m, A\)"),
        ({"selection": [[[0.5, 0.6]]]}, "sums to 1.1"),
        ({"selection": [[[np.nan, 1.0]]]}, "NaN"),
        ({"inference": [[[[1.0]]]]}, r"\(1, 1, 2, 1\)"),
        ({"inference": [[[[-1.0], [1.0]]]]}, "must not be negative"),
    ],
)
def test_bad_tables(change, message):
    good = {
        "selection_prior": [1.0],
        "selection": [[[0.5, 0.5]]],
        "inference_prior": [1.0],
        "inference": [[[[1.0], [1.0]]]],
    }
    SelectionInference(**good)
    with pytest.raises(ValueError, match=message):
        SelectionInference(**(good | change))


def test_bad_arguments(rng):
    problem = draw(rng)
    right = problem.selection[0], problem.inference[0]
    with pytest.raises(ValueError, match="rounds is -1"):
        final_state_law(*right, 0, -1)
    with pytest.raises(IndexError, match="from 0 to 2"):
        final_state_law(*right, 3, 1)
    with pytest.raises(ValueError, match=r"\(..., m, A\)"):
        final_state_law(right[0], right[1][:, :1], 0, 1)
    with pytest.raises(ValueError, match="hold 2 tasks"):
        problem.averaged([0.0], [0.0])
    with pytest.raises(ValueError, match="sum to one"):
        problem.averaged([-1.0, -1.0], np.log([0.2, 0.3, 0.5]))
    with pytest.raises(ValueError, match="inference_demonstrations is -1"):
        selection_inference_bound(problem, 0, 0, 1, -1, 1)
    with pytest.raises(ValueError, match="read-only"):
        problem.selection[0, 0, 0] = 1.0
