import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.planning.brute_force import plan_values
from tightbound.theory.planning.evaluation import evaluate
from tightbound.theory.planning.expert import best, expert
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree

common = settings(deadline=None, derandomize=True, max_examples=25)


@common
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.sampled_from([(2, 2, 2), (2, 2, 3), (3, 2, 3), (2, 3, 2), (4, 3, 2), (2, 2, 4)]),
    keep=st.sampled_from([1.0, 0.5]),
)
def test_equals_the_best_of_all_plans(random_model, seed, shape, keep):
    goals, observations, horizon = shape
    model = random_model(seed, 2, 3, goals, observations, horizon, keep=keep)
    found = expert(model)
    for z in range(2):
        for w in range(2):
            assert found.value[z, w] == pytest.approx(plan_values(model, z, w).max(), abs=1e-12)


@common
@given(seed=st.integers(0, 2**32 - 1), keep=st.sampled_from([1.0, 0.5]), misspecified=st.booleans())
def test_earns_its_value_and_action_values_are_its_own(random_model, random_policy, seed, keep, misspecified):
    """Performance difference: J(expert) - J(policy) is the sum of the action values given up on the way."""
    tree = HistoryTree(random_model(seed, 3, 3, 3, 2, 4, keep=keep, misspecified=misspecified))
    found = expert(tree)
    policy = random_policy(tree, np.random.default_rng(seed))
    values = evaluate(tree, policy)
    for z in range(3):
        own = found.policy(z)
        assert evaluate(tree, own)[z] == pytest.approx(found.value[z], abs=1e-13)
        reach, lost = np.ones((2, tree.levels[0].size)), np.zeros(2)
        for h, (mine, other, q) in enumerate(zip(own, policy, found.action_value, strict=True)):
            lost += (reach * tree.levels[h].emitted[z] * ((mine - other) * q[z]).sum(axis=-1)).sum(axis=-1)
            reach = tree.descend(h, reach[..., np.newaxis] * other)
        assert found.value[z] - values[z] == pytest.approx(lost, abs=1e-12)


def test_action_values_are_optimal_where_the_reporter_is_as_assumed(random_model):
    found = expert(random_model(4, 2, 3, 3, 2, 4))
    for chosen, q in zip(found.subgoal, found.action_value, strict=True):
        own = np.take_along_axis(q, chosen[..., np.newaxis], axis=-1)[..., 0]
        assert own == pytest.approx(q.max(axis=-1), abs=1e-13)


def test_histories_that_cannot_occur_are_worth_nothing(random_model):
    tree = HistoryTree(random_model(11, 3, 3, 2, 3, 4, keep=0.4))
    found = expert(tree)
    some = False
    for level, chosen, q in zip(tree.levels, found.subgoal, found.action_value, strict=False):
        never = level.likelihood == 0.0
        some |= bool(never.any())
        for z in range(3):
            assert not q[z][:, never[z]].any()
            assert not chosen[z][:, never[z]].any()
        assert np.all(np.isfinite(q))
    assert some


def test_adding_a_constant_to_the_first_reward_changes_no_decision(random_model):
    model = random_model(2, tasks=1)
    reward = np.array(model.reward)
    reward[0] = 0.0
    plain = HMDP(model.initial, model.transition, model.observation, reward, model.prior)
    reward[0] = 1.0
    raised = expert(HMDP(model.initial, model.transition, model.observation, reward, model.prior))
    assert raised.value == pytest.approx(expert(plain).value + 1.0, abs=1e-14)
    for a, b in zip(raised.subgoal, expert(plain).subgoal, strict=True):
        assert np.array_equal(a, b)


def test_ties_by_rule_also_through_rounding():
    # Three subgoals whose values are 0.3 up to rounding, and one that is worse.
    rows = np.array([[0.9, 0.1, 0.0], [0.7, 0.3, 0.0], [0.7, 0.1, 0.2], [0.7, 0.2, 0.1]])
    kernel = np.zeros((1, 3, 4, 3))
    kernel[:] = rows
    model = HMDP([1.0, 0.0, 0.0], kernel, np.eye(3), [[0, 0, 0], [0, 1, 1]])
    assert expert(model).subgoal[0].ravel()[0] == 1
    assert expert(model, ties="highest").subgoal[0].ravel()[0] == 3
    assert expert(model).value == pytest.approx(expert(model, ties="highest").value, abs=1e-15)


def test_best_ignores_rounding_and_nothing_more():
    assert best(np.array([[1.0, 1.0 + 1e-13], [1.0, 1.0 + 1e-11]])).tolist() == [0, 1]
    assert best(np.zeros((2, 3))).tolist() == [0, 0]
    assert best(np.zeros((2, 3)), "highest").tolist() == [2, 2]


def test_one_environment_identical_ones_and_the_shortest_horizon(random_model):
    model = random_model(3, 1, 3, 2, 2, 2)
    twins = HMDP(model.initial, model.transition.repeat(2, axis=0), model.observation, model.reward)
    one, two = expert(model), expert(twins)
    assert np.array_equal(two.value[0], two.value[1])
    assert two.value[:1] == pytest.approx(one.value, abs=1e-15)
    assert len(one.subgoal) == 1


def test_seeing_the_state_gives_the_fully_observed_optimum(random_model):
    model = random_model(6, 2, 3, 2, 2, 4)
    seen = HMDP(model.initial, model.transition, np.eye(3), np.random.default_rng(0).random((4, 3)))
    from tightbound.theory.planning.hidden_state import state_values

    assert expert(seen).value == pytest.approx(state_values(seen)[0], abs=1e-13)


def test_bad_arguments(random_model):
    with pytest.raises(ValueError, match="ties is 'random': choose 'lowest' or 'highest'"):
        expert(random_model(), ties="random")
    with pytest.raises(ValueError, match="environment is 2: give an integer from 0 to 1"):
        expert(random_model()).policy(2)
    with pytest.raises(TypeError, match="model_or_tree is a int"):
        expert(3)
