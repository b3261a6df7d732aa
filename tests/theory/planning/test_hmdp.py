import dataclasses
import pickle
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.planning.brute_force import path_kernel
from tightbound.theory.planning.hmdp import HMDP, high_level_kernel

common = settings(deadline=None, derandomize=True, max_examples=25)

GOOD = {
    "initial": [0.5, 0.5],
    "transition": np.full((3, 2, 4, 2), 0.5),
    "observation": [[0.1, 0.2, 0.7], [0.3, 0.3, 0.4]],
    "reward": np.zeros((3, 3)),
}


def test_sizes_and_defaults():
    model = HMDP(**GOOD)
    assert (model.environments, model.states, model.subgoals, model.observations) == (3, 2, 4, 3)
    assert (model.tasks, model.horizon, model.decisions) == (1, 3, 2)
    assert model.prior == pytest.approx(1 / 3)
    assert model.emission is model.observation
    assert not model.misspecified
    assert model.actors == (4,)
    assert model.transition.shape == (3, 2, 2, 4, 2)
    assert model.reward.shape == (3, 3, 1)
    assert model.as_emitted() is model


def test_a_constant_kernel_is_stored_once_also_after_replace():
    model = HMDP(**GOOD)
    again = dataclasses.replace(model, prior=[1.0, 0.0, 0.0])
    assert model.transition.strides[1] == again.transition.strides[1] == 0
    assert np.array_equal(model.transition, again.transition)


def test_tables_are_copies_and_read_only():
    law = np.array([0.5, 0.5])
    model = HMDP(**{**GOOD, "initial": law})
    law[0] = 7.0
    assert model.initial[0] == 0.5
    for name in ("initial", "transition", "observation", "reward", "prior", "emission"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(model, name)[...] = 0.0


def test_kernels_of_each_step_and_tasks_are_kept():
    rng = np.random.default_rng(0)
    kernel, reward = rng.dirichlet(np.ones(2), (3, 2, 2, 4)), rng.random((3, 3, 5))
    model = HMDP(**{**GOOD, "transition": kernel, "reward": reward})
    assert np.array_equal(model.transition, kernel)
    assert np.array_equal(model.reward, reward)
    assert model.tasks == 5


def test_another_emission_is_misspecification_and_an_equal_one_is_not():
    other = [[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]]
    model = HMDP(**GOOD, emission=other)
    assert model.misspecified
    assert np.array_equal(model.as_emitted().observation, other)
    assert not model.as_emitted().misspecified
    assert not HMDP(**GOOD, emission=GOOD["observation"]).misspecified


def test_log_prior_of_an_excluded_environment():
    model = HMDP(**GOOD, prior=[0.0, 0.25, 0.75])
    assert model.log_prior[0] == -np.inf
    assert np.exp(model.log_prior) == pytest.approx([0.0, 0.25, 0.75])


def test_pickles():
    model = pickle.loads(pickle.dumps(HMDP(**GOOD, actors=(2, 2))))
    assert model.actors == (2, 2)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"initial": [0.5, 0.6]}, ValueError, "initial has a row that sums to 1.1.*divide each row"),
        ({"initial": [0.5, 0.5 + 2e-9]}, ValueError, "initial .* within 1e-10"),
        ({"initial": [1.5, -0.5]}, ValueError, "initial contains -0.5.*must not be negative"),
        ({"initial": [np.nan, 1.0]}, ValueError, "initial has entries that are NaN.*remove"),
        ({"initial": [[1.0]]}, ValueError, "initial has shape .*one probability per state"),
        ({"initial": "even"}, TypeError, "initial is 'even': give real numbers"),
        ({"observation": [[0.5, 0.5]]}, ValueError, "observation has shape .*one row per state"),
        ({"observation": [[0.5, 0.6], [0.5, 0.5]]}, ValueError, "observation has a row"),
        ({"emission": [[1.0], [1.0]]}, ValueError, r"emission has shape \(2, 1\).*\(S, O\) = \(2, 3\)"),
        ({"emission": np.full((2, 3), np.inf)}, ValueError, "emission has entries"),
        ({"transition": np.full((3, 2, 4, 2), 0.4)}, ValueError, "transition has a row that sums to 0.8"),
        (
            {"transition": np.full((3, 2, 4, 3), 1 / 3)},
            ValueError,
            r"transition has shape .*S = 2 and H-1 = 2",
        ),
        ({"transition": np.full((3, 5, 2, 4, 2), 0.5)}, ValueError, r"transition has shape .*H-1 = 2"),
        ({"transition": np.zeros((0, 2, 4, 2))}, ValueError, "transition has shape .*at least one"),
        ({"reward": np.full((3, 3), 1.5)}, ValueError, r"reward contains 1.5: .*\[0, 1\]; shift and scale"),
        ({"reward": np.full((3, 3), -0.1)}, ValueError, "reward contains -0.1"),
        ({"reward": np.full((3, 3), np.nan)}, ValueError, "reward has entries that are NaN"),
        ({"reward": np.zeros((1, 3))}, ValueError, "reward has H = 1 steps: .*at least 2.*add a step"),
        ({"reward": np.zeros((3, 2))}, ValueError, "reward has shape .*O = 3"),
        ({"reward": np.zeros(3)}, ValueError, "reward has shape"),
        ({"prior": [0.5, 0.5]}, ValueError, r"prior has shape \(2,\).*\(Z,\) = \(3,\)"),
        ({"prior": [0.5, 0.5, 0.5]}, ValueError, "prior has a row that sums to 1.5"),
        ({"actors": (2, 3)}, ValueError, r"actors is \(2, 3\), product 6: .*4 joint subgoals"),
        ({"actors": (-2, -2)}, ValueError, "actors is -2: give an integer of at least 1"),
        ({"actors": (2.0, 2)}, TypeError, "actors is 2.0"),
    ],
)
def test_bad_tables(change, error, message):
    with pytest.raises(error, match=message):
        HMDP(**{**GOOD, **change})


@common
@given(
    seed=st.integers(0, 2**32 - 1),
    steps=st.integers(1, 4),
    states=st.integers(1, 3),
    actions=st.integers(1, 2),
    goals=st.integers(1, 3),
)
def test_kernel_equals_the_sum_over_physical_paths(seed, steps, states, actions, goals):
    rng = np.random.default_rng(seed)
    low = rng.dirichlet(np.ones(states), (2, steps, states, actions))
    actor = rng.dirichlet(np.ones(actions), (steps, states, goals))
    assert np.abs(high_level_kernel(low, actor) - path_kernel(low, actor)).max() <= 1e-13


def test_kernel_of_each_decision():
    rng = np.random.default_rng(1)
    low = rng.dirichlet(np.ones(3), (2, 4, 2, 3, 2))  # Z, H-1, K, S, A
    actor = rng.dirichlet(np.ones(2), (2, 3, 5))
    found = high_level_kernel(low, actor)
    assert found.shape == (2, 4, 3, 5, 3)
    for h in range(4):
        assert np.abs(found[:, h] - high_level_kernel(low[:, h], actor)).max() <= 1e-15
    model = HMDP.from_low_level(np.ones(3) / 3, low, actor, np.eye(3), np.zeros((5, 3)), actors=(5, 1))
    assert np.array_equal(model.transition, found)
    assert model.actors == (5, 1)


@pytest.mark.parametrize(
    ("low", "actor", "message"),
    [
        (np.full((1, 2, 2, 2), 0.5), np.ones((2, 2, 1, 1)), "low_level has shape"),
        (np.full((1, 2, 3, 1, 2), 0.5), np.ones((2, 2, 1, 1)), "low_level has shape"),
        (np.full((1, 2, 2, 1, 2), 0.5), np.ones((1, 2, 1, 1)), r"actor has shape .*\(2, 2, G, 1\)"),
        (np.full((1, 2, 2, 1, 2), 0.4), np.ones((2, 2, 1, 1)), "low_level has a row"),
        (np.full((1, 2, 2, 1, 2), 0.5), np.full((2, 2, 1, 1), 0.5), "actor has a row"),
    ],
)
def test_bad_physics(low, actor, message):
    with pytest.raises(ValueError, match=re.compile(message)):
        high_level_kernel(low, actor)
