import math

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.simulators.planning.belief import filter_paths, update_beliefs
from tightbound.theory.planning.errors import ImpossibleObservationError
from tightbound.theory.planning.filtering import belief, likelihood
from tightbound.theory.planning.hmdp import HMDP


def random_model(seed, environments=2, states=3, subgoals=2, observations=3, horizon=3, *, steps=True):
    rng = np.random.default_rng(seed)
    batch = (environments, horizon - 1, states, subgoals) if steps else (environments, states, subgoals)
    return HMDP(
        rng.dirichlet(np.ones(states)),
        rng.dirichlet(np.ones(states), batch),
        rng.dirichlet(np.ones(observations), states),
        np.zeros((horizon, observations)),
        emission=rng.dirichlet(np.ones(observations), states),  # must not matter here
    )


def by_hand(model, z, h, law, goal, seen):
    states = range(model.states)
    joint = [
        math.fsum(law[s] * model.transition[z, h, s, goal, t] for s in states) * model.observation[t, seen]
        for t in states
    ]
    return np.array(joint) / math.fsum(joint), math.fsum(joint)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 4), st.booleans())
def test_an_update_is_bayes_rule(seed, states, observations, steps):
    model = random_model(seed, states=states, observations=observations, steps=steps)
    rng = np.random.default_rng(seed)
    rows = rng.dirichlet(np.ones(states), 6)
    goals, seen = rng.integers(0, 2, 6), rng.integers(0, observations, 6)
    where, when = rng.integers(0, 2, 6), rng.integers(0, 2, 6)
    updated, likelihoods = update_beliefs(model, rows, goals, seen, environments=where, step=when)
    for i in range(6):
        law, mass = by_hand(model, where[i], when[i], rows[i], goals[i], seen[i])
        np.testing.assert_allclose(updated[i], law, rtol=0, atol=1e-14)
        assert likelihoods[i] == pytest.approx(mass, rel=1e-13)


def test_a_transposed_kernel_would_be_noticed():
    model = random_model(1, environments=1, steps=False)
    flipped = HMDP(
        model.initial,
        np.stack([_rows(model.transition[0, 0, :, g].T) for g in range(2)], axis=1)[np.newaxis],
        model.observation,
        model.reward,
    )
    start = np.eye(3)
    right, _ = update_beliefs(model, start, [0] * 3, [1] * 3)
    wrong, _ = update_beliefs(flipped, start, [0] * 3, [1] * 3)
    assert np.abs(right - wrong).max() > 0.05


def _rows(matrix):
    return matrix / matrix.sum(axis=1, keepdims=True)


def test_results_depend_neither_on_threads_nor_on_the_batch():
    model = random_model(5, states=16, subgoals=4, observations=4)
    rng = np.random.default_rng(6)
    rows, goals, seen = rng.dirichlet(np.ones(16), 300), rng.integers(0, 4, 300), rng.integers(0, 4, 300)
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        alone, mass = update_beliefs(model, rows, goals, seen)
        numba.set_num_threads(min(2, numba.config.NUMBA_NUM_THREADS))
        together, _ = update_beliefs(model, rows, goals, seen)
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(alone, together)
    single, one = update_beliefs(model, rows[7:8], goals[7:8], seen[7:8])
    np.testing.assert_array_equal(single[0], alone[7])
    assert one[0] == mass[7]


def test_the_order_of_rows_changes_no_bit():
    # 5 * 9 * 8 = 360 matrices, more than one pass of eight bits sorts; three blocks
    model = random_model(7, environments=5, states=6, subgoals=8, horizon=10)
    rng = np.random.default_rng(8)
    count = 4500
    rows, seen = rng.dirichlet(np.ones(6), count), rng.integers(0, 3, count)
    goals, where, when = (rng.integers(0, size, count) for size in (8, 5, 9))
    updated, mass = update_beliefs(model, rows, goals, seen, environments=where, step=when)
    order = rng.permutation(count)
    shuffled, other = update_beliefs(
        model, rows[order], goals[order], seen[order], environments=where[order], step=when[order]
    )
    np.testing.assert_array_equal(shuffled, updated[order])
    np.testing.assert_array_equal(other, mass[order])
    for i in range(0, count, 450):
        single, one = update_beliefs(model, rows[[i]], goals[i], seen[i], environments=where[i], step=when[i])
        np.testing.assert_array_equal(single[0], updated[i])
        assert one[0] == mass[i]


@pytest.mark.parametrize("bad", [2, 2500])
def test_one_bad_row_among_many_is_named(bad):
    model, count = random_model(0), 3000
    rows, zeros = np.full((count, 3), 1.0 / 3.0), np.zeros(count, int)
    far = np.where(np.arange(count) == bad, 7, 0)
    with pytest.raises(IndexError, match=r"subgoals contains 7.*0 to 1"):
        update_beliefs(model, rows, far, far)  # the first argument that is wrong
    rows[bad] = [1.5, -0.5, 0.0]
    with pytest.raises(ValueError, match=f"beliefs has row {bad} with sum 1.0 and smallest entry -0.5"):
        update_beliefs(model, rows, zeros, zeros)


@pytest.mark.parametrize("steps", [False, True])
def test_paths_agree_with_the_filter_of_the_theory(steps):
    model = random_model(2, horizon=4, steps=steps)
    rng = np.random.default_rng(3)
    goals, seen = rng.integers(0, 2, (20, 3)), rng.integers(0, 3, (20, 4))
    beliefs, likelihoods = filter_paths(model, goals, seen)
    np.testing.assert_allclose(likelihoods.prod(axis=1), likelihood(model, seen, goals), rtol=1e-12)
    for h in range(1, 5):
        known = belief(model, seen[:, :h], goals[:, : h - 1])
        np.testing.assert_allclose(beliefs[:, h - 1], known, rtol=0, atol=1e-14)


def test_a_path_of_one_observation_needs_no_subgoal():
    model = random_model(4)
    beliefs, likelihoods = filter_paths(model, np.zeros((3, 0), dtype=int), [[0], [1], [2]])
    np.testing.assert_allclose(likelihoods[:, 0, 0], model.initial @ model.observation, rtol=1e-14)
    np.testing.assert_allclose(beliefs.sum(axis=-1), 1.0, rtol=1e-14)


def revealing():
    stay, flip = np.eye(2), np.eye(2)[::-1]
    transition = np.stack([stay, flip])[:, :, np.newaxis]
    return HMDP([1.0, 0.0], transition, np.eye(2), np.zeros((3, 2)))


def test_an_environment_that_is_excluded_keeps_zeros():
    beliefs, likelihoods = filter_paths(revealing(), [[0, 0]], [[0, 0, 0]])
    np.testing.assert_array_equal(likelihoods[0], [[1, 1], [1, 0], [1, 0]])
    np.testing.assert_array_equal(beliefs[0, 1:, 1], 0.0)
    assert not np.isnan(beliefs).any()


def test_impossible_observations_are_named():
    model = revealing()
    with pytest.raises(
        ImpossibleObservationError, match=r"observations has 1 in row 1.*environment 0.*reporter"
    ):
        update_beliefs(model, [[1.0, 0.0], [1.0, 0.0]], [0, 0], [0, 1])
    with pytest.raises(ImpossibleObservationError, match=r"path 1, \[1\].*prior a wider support"):
        filter_paths(model, np.zeros((2, 0), dtype=int), [[0], [1]])


def test_no_prior_weight_is_no_way_out():
    base = revealing()
    model = HMDP(base.initial, base.transition, base.observation, base.reward, [0.0, 1.0])
    with pytest.raises(ImpossibleObservationError, match="every environment"):
        filter_paths(model, [[0]], [[0, 0]])


@pytest.mark.parametrize(
    ("beliefs", "message"),
    [
        ([[0.5, 0.6, 0.0]], r"beliefs has row 0 with sum 1\.1.*divide"),
        ([[1.5, -0.5, 0.0]], "smallest entry -0.5.*divide"),
        ([[np.nan, 0.5, 0.5]], "row 0 with sum nan.*divide"),
        ([[0.5, 0.5]], r"beliefs has shape \(1, 2\).*\(B, 3\)"),
        ([0.5, 0.5, 0.0], r"beliefs has shape \(3,\)"),
    ],
)
def test_beliefs_must_be_laws(beliefs, message):
    with pytest.raises(ValueError, match=message):
        update_beliefs(random_model(0), beliefs, [0], [0])


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"subgoals": [2]}, IndexError, "subgoals contains 2.*0 to 1"),
        ({"observations": [3]}, IndexError, "observations contains 3.*0 to 2"),
        ({"observations": [-1]}, IndexError, "observations contains -1"),
        ({"subgoals": [0.5]}, TypeError, "subgoals has dtype float64"),
        ({"subgoals": [0, 1]}, ValueError, r"subgoals has shape \(2,\).*one integer, or shape \(1,\)"),
        ({"environments": 2}, IndexError, "environments contains 2"),
        ({"step": [2]}, IndexError, "step contains 2.*0 to 1"),
    ],
)
def test_indices_must_fit(changes, error, message):
    arguments = {"beliefs": [[1.0, 0.0, 0.0]], "subgoals": [0], "observations": [0], **changes}
    with pytest.raises(error, match=message):
        update_beliefs(random_model(0), **arguments)


@pytest.mark.parametrize(
    ("goals", "seen", "message"),
    [
        ([[0, 0]], [[0, 0]], r"subgoals has shape \(1, 2\).*shape \(1, 1\)"),
        ([0], [0, 0], "one row per path, 1 to 3"),
        ([[0, 0, 0]], [[0, 0, 0, 0]], "1 to 3 long"),
    ],
)
def test_paths_must_fit(goals, seen, message):
    with pytest.raises(ValueError, match=message):
        filter_paths(random_model(0), goals, seen)


def test_an_observation_all_but_impossible_still_leaves_a_law():
    tiny = 1e-310  # its reciprocal overflows
    model = HMDP([0.5, 0.5], [np.eye(2)[:, np.newaxis]], [[1.0, tiny], [1.0, tiny / 4]], np.zeros((2, 2)))
    updated, likelihoods = update_beliefs(model, [[0.5, 0.5]], 0, 1)
    np.testing.assert_allclose(updated, [[0.8, 0.2]], rtol=1e-10)
    assert likelihoods[0] == pytest.approx(0.625 * tiny, rel=1e-10)


def test_one_integer_stands_for_all_rows():
    model, rows = random_model(3), np.random.default_rng(0).dirichlet(np.ones(3), 4)
    once = update_beliefs(model, rows, 1, 2, environments=1, step=1)
    each = update_beliefs(model, rows, [1] * 4, [2] * 4, environments=[1] * 4, step=[1] * 4)
    np.testing.assert_array_equal(once[0], each[0])
    np.testing.assert_array_equal(once[1], each[1])


def test_no_rows_give_no_rows():
    updated, likelihoods = update_beliefs(
        random_model(0), np.zeros((0, 3)), np.zeros(0, int), np.zeros(0, int)
    )
    assert updated.shape == (0, 3)
    assert likelihoods.shape == (0,)


def test_large_batches_go_through_in_blocks():
    model = random_model(8, states=5, steps=False)
    rng = np.random.default_rng(9)
    count = 5000  # more than two blocks, and pieces of more than 64 rows with one subgoal
    rows, goals, seen = rng.dirichlet(np.ones(5), count), rng.integers(0, 2, count), rng.integers(0, 3, count)
    where = rng.integers(0, 2, count)
    updated, likelihoods = update_beliefs(model, rows, goals, seen, environments=where)
    joint = np.einsum("bs,bst->bt", rows, model.transition[where, 0, :, goals]) * model.observation.T[seen]
    np.testing.assert_allclose(likelihoods, joint.sum(axis=1), rtol=1e-13)
    np.testing.assert_allclose(updated, joint / joint.sum(axis=1, keepdims=True), rtol=0, atol=1e-14)
