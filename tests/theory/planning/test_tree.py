import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.planning.errors import TreeTooLargeError
from tightbound.theory.planning.filtering import likelihood
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree, as_policy, as_tree

common = settings(deadline=None, derandomize=True, max_examples=25)


@common
@given(
    seed=st.integers(0, 2**32 - 1),
    keep=st.sampled_from([1.0, 0.5]),
    misspecified=st.booleans(),
    horizon=st.integers(2, 4),
)
def test_holds_exactly_the_histories_that_can_occur(random_model, seed, keep, misspecified, horizon):
    model = random_model(seed, 2, 3, 2, 2, horizon, keep=keep, misspecified=misspecified)
    tree = HistoryTree(model)
    for h, level in enumerate(tree.levels):
        there = {}
        for seen in itertools.product(range(2), repeat=h + 1):
            for goals in itertools.product(range(2), repeat=h):
                assumed = likelihood(model, seen, list(goals) or np.zeros(0, int))
                real = likelihood(model.as_emitted(), seen, list(goals) or np.zeros(0, int))
                if (assumed + real).max() > 0:
                    there[seen, goals] = assumed, real
        assert level.size == len(there)
        for (seen, goals), (assumed, real) in there.items():
            node = int(tree.find(seen, list(goals) or np.zeros(0, int)))
            assert tree.history(h, node) == (list(seen), list(goals))
            assert np.abs(level.likelihood[:, node] - assumed).max() <= 1e-14
            assert np.abs(level.emitted[:, node] - real).max() <= 1e-14


@common
@given(seed=st.integers(0, 2**32 - 1), keep=st.sampled_from([1.0, 0.5]), misspecified=st.booleans())
def test_laws_of_the_next_observation(random_model, seed, keep, misspecified):
    tree = HistoryTree(random_model(seed, 3, 3, 2, 3, 4, keep=keep, misspecified=misspecified))
    for level, below in itertools.pairwise(tree.levels):
        for law, mass, after in (
            (level.predicted, level.likelihood, below.likelihood),
            (level.step, level.emitted, below.emitted),
        ):
            rows = law.sum(axis=-1)
            assert np.abs(rows - (mass > 0)[:, :, np.newaxis]).max() <= 1e-13
            moved = mass[:, below.parent] * law[:, below.parent, below.subgoal, below.observation]
            assert moved == pytest.approx(after, abs=1e-14)
        assert np.array_equal(
            level.child[below.parent, below.subgoal, below.observation], np.arange(below.size)
        )
        assert (level.child >= 0).sum() == below.size
        assert level.child.dtype == np.int32


def test_one_array_serves_where_the_reporter_is_as_assumed(random_model):
    for level in HistoryTree(random_model()).levels:
        assert level.emitted is level.likelihood
        assert level.step is level.predicted


def test_last_level_decides_nothing(random_model):
    tree = HistoryTree(random_model(0, 2, 3, 2, 2, 3))
    assert tree.leaves == tree.levels[-1].size == 2 * 4 * 4
    assert tree.levels[-1].child.shape == (32, 0, 2)
    assert tree.levels[-1].step.shape == (2, 32, 0, 2)
    assert tree.levels[0].parent.tolist() == tree.levels[0].subgoal.tolist() == [-1, -1]


def test_sums_over_children(random_model):
    tree = HistoryTree(random_model(1, 2, 3, 3, 3, 3, keep=0.5))
    values = np.random.default_rng(0).random((2, 4, tree.leaves))
    expected = np.zeros((2, 4, tree.levels[1].size, 3))
    last = tree.levels[2]
    for n in range(last.size):
        expected[:, :, last.parent[n], last.subgoal[n]] += values[..., n]
    assert tree.sum_children(1, values) == pytest.approx(expected, abs=1e-13)
    assert tree.descend(1, expected)[..., 0] == pytest.approx(expected[:, :, last.parent[0], last.subgoal[0]])


def test_reward_is_that_of_the_last_observation(random_model):
    tree = HistoryTree(random_model(1, tasks=3))
    for h, level in enumerate(tree.levels):
        assert np.array_equal(tree.reward(h), tree.model.reward[h, level.observation].T)


def test_impossible_first_observations_have_no_node():
    model = HMDP([0.0, 1.0], np.eye(2)[np.newaxis, :, np.newaxis], np.eye(2), np.zeros((3, 2)))
    tree = HistoryTree(model)
    assert [level.size for level in tree.levels] == [1, 1, 1]
    assert tree.find([1, 1], [0]) == 0
    for seen, goals in (([0], []), ([1, 0], [0])):
        with pytest.raises(ValueError, match=r"observations .* cannot occur in any environment.*check the"):
            tree.find(seen, goals)
    with pytest.raises(ValueError, match="subgoals has shape"):
        tree.find([1, 1], [0, 0])


def test_deterministic_observations_of_a_long_horizon_stay_small():
    model = HMDP([1.0], np.ones((1, 1, 1, 1)), np.ones((1, 1)), np.zeros((200, 1)))
    assert HistoryTree(model).leaves == 1


def test_too_large(random_model):
    model = random_model(0, 2, 3, 2, 2, 4)
    with pytest.raises(
        TreeTooLargeError, match=r"histories of 3 observations: 32 or more, the limit is 20; raise"
    ):
        HistoryTree(model, limit=20)
    with pytest.raises(TreeTooLargeError, match="belief engine") as caught:
        HistoryTree(random_model(0, 2, 2, 50, 50, 3), limit=100)
    assert caught.value.size > caught.value.limit
    assert "tables" in caught.value.what
    with pytest.raises(ValueError, match="limit is 0"):
        HistoryTree(model, limit=0)


def test_a_tree_or_a_model():
    model = HMDP([1.0], np.ones((1, 1, 1, 1)), np.ones((1, 1)), np.zeros((2, 1)))
    tree = HistoryTree(model)
    assert as_tree(tree) is tree
    assert as_tree(model).model is model
    with pytest.raises(TypeError, match="model_or_tree is a str: give an HMDP or a HistoryTree"):
        as_tree("reveal")


def test_policies(random_model, random_policy):
    tree = HistoryTree(random_model())
    policy = random_policy(tree, np.random.default_rng(0))
    assert all(np.array_equal(a, b) for a, b in zip(as_policy(tree, policy), policy, strict=True))
    for law in ([0.25, 0.75], np.array([0.25, 0.75])):
        rows = as_policy(tree, law)
        assert [one.shape for one in rows] == [(2, 2, 2), (2, 8, 2)]
        assert np.all(rows[1] == [0.25, 0.75])


@pytest.mark.parametrize(
    ("policy", "error", "message"),
    [
        (1, TypeError, "policy is a int: give one array per decision"),
        ([0.5, 0.4], ValueError, "policy has a row that sums to 0.9"),
        (
            [0.2, 0.3, 0.5],
            ValueError,
            r"policy has shape \(3,\): one law for all histories has shape \(G,\), G = 2",
        ),
        ([np.full((2, 2, 2), 0.5)], ValueError, r"policy has shapes .*asks for \(W, N_h, G\)"),
        ([np.full((2, 2, 2), 0.5), np.full((2, 8, 2), 0.4)], ValueError, "does not sum to 1.*give laws"),
        ([np.full((2, 2, 2), 0.5), np.full((2, 8, 2), [1.5, -0.5])], ValueError, "negative somewhere"),
        (
            [np.full((2, 2, 2), 0.5), np.full((2, 8, 2), np.nan)],
            ValueError,
            "policy has entries that are NaN",
        ),
    ],
)
def test_bad_policies(random_model, policy, error, message):
    with pytest.raises(error, match=message):
        as_policy(HistoryTree(random_model()), policy)


def test_bad_nodes(random_model):
    tree = HistoryTree(random_model())
    with pytest.raises(ValueError, match="level is 3: give an integer from 0 to 2"):
        tree.history(3, 0)
    with pytest.raises(ValueError, match="node is 2: give an integer from 0 to 1"):
        tree.history(0, 2)
