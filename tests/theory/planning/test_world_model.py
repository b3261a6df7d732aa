import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.planning.evaluation import evaluate
from tightbound.theory.planning.expert import expert
from tightbound.theory.planning.filtering import normalised
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree
from tightbound.theory.planning.world_model import predicted_value, predictive, world_model

common = settings(deadline=None, derandomize=True, max_examples=25)


@common
@given(seed=st.integers(0, 2**32 - 1), keep=st.sampled_from([1.0, 0.5]))
def test_product_of_predictions_is_the_mixture_of_episodes(random_model, seed, keep):
    tree = HistoryTree(random_model(seed, 3, 3, 2, 3, 4, keep=keep))
    weights = np.random.default_rng(seed).normal(size=3)
    law = normalised(weights) @ tree.levels[0].likelihood
    for h, step in enumerate(predictive(tree, weights)):
        below = tree.levels[h + 1]
        law = law[below.parent] * step[below.parent, below.subgoal, below.observation]
        assert law == pytest.approx(normalised(weights) @ below.likelihood, abs=1e-13)


@common
@given(seed=st.integers(0, 2**32 - 1), keep=st.sampled_from([1.0, 0.5]))
def test_predicted_value_is_the_mixture_of_values_and_the_plan_is_best(
    random_model, random_policy, seed, keep
):
    tree = HistoryTree(random_model(seed, 3, 3, 3, 2, 3, keep=keep))
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=3)
    mixture = normalised(weights)
    plan = world_model(tree, weights)
    top = predicted_value(tree, weights, plan)
    for policy in (plan, random_policy(tree, rng), [0.2, 0.3, 0.5], *map(expert(tree).policy, range(3))):
        value = predicted_value(tree, weights, policy)
        assert value == pytest.approx(mixture @ evaluate(tree, policy), abs=1e-13)
        assert np.all(value <= top + 1e-13)


def test_best_plan_is_the_expert_of_the_environment_mixed_into_the_state(random_model):
    """A second algorithm: put the environment into the hidden state and take that process's expert."""
    model = random_model(9, 2, 3, 2, 3, 4)
    mixture = np.array([0.3, 0.7])
    kernel = np.zeros((1, 3, 6, 2, 6))
    for z in range(2):
        part = slice(3 * z, 3 * z + 3)
        kernel[0, :, part, :, part] = model.transition[z]
    initial = np.concatenate([mixture[0] * model.initial, mixture[1] * model.initial])
    joined = HMDP(initial, kernel, np.tile(model.observation, (2, 1)), model.reward)
    plan, known = world_model(model, np.log(mixture)), expert(joined)
    for laws, chosen in zip(plan, known.subgoal, strict=True):
        assert np.array_equal(laws.argmax(axis=-1), chosen[0])
    assert predicted_value(model, np.log(mixture), plan) == pytest.approx(known.value[0], abs=1e-13)


def test_a_point_mass_plans_like_the_expert(random_model):
    tree = HistoryTree(random_model(1, 3))
    plan = world_model(tree, [-np.inf, 0.0, -np.inf])
    assert all(np.array_equal(a, b) for a, b in zip(plan, expert(tree).policy(1), strict=True))


def test_tiny_weights_do_not_underflow(random_model):
    tree = HistoryTree(random_model(2))
    for a, b in zip(world_model(tree, [-3000.0, -3001.0]), world_model(tree, [0.0, -1.0]), strict=True):
        assert np.array_equal(a, b)


def test_impossible_histories_predict_nothing_and_take_the_lowest():
    kernel = np.eye(3)[[[1, 1], [2, 2]]][:, np.newaxis].repeat(3, axis=1)
    tree = HistoryTree(HMDP([1.0, 0, 0], kernel, np.eye(3), np.ones((3, 3))))
    impossible = tree.find([0, 2], [1])
    assert not predictive(tree, [0.0, -np.inf])[1][impossible].any()
    assert world_model(tree, [0.0, -np.inf])[1][0, impossible].tolist() == [1.0, 0.0]


def test_plans_with_the_reporter_that_is_assumed(random_model):
    model = random_model(3, 2, 3, 2, 2, 3, misspecified=True)
    assumed = HMDP(model.initial, model.transition, model.observation, model.reward, model.prior)
    mine, other = (world_model(m, model.log_prior) for m in (model, assumed))
    assert all(np.array_equal(a, b) for a, b in zip(mine, other, strict=True))


def test_bad_weights(random_model):
    for function in (world_model, predictive):
        with pytest.raises(ValueError, match="log_weights has shape"):
            function(random_model(), [0.0])
