import numpy as np
import pytest

from tightbound.theory.planning.brute_force import path_kernel, path_weights, plan_values
from tightbound.theory.planning.hmdp import HMDP


def test_path_weights_by_hand():
    model = HMDP([0.5, 0.5], [[[[0.2, 0.8]], [[0.6, 0.4]]]], [[0.9, 0.1], [0.3, 0.7]], np.zeros((2, 2)))
    found = path_weights(model, [0, 1], [0])
    assert found[0] == pytest.approx(
        [0.5 * (0.9 * 0.2 + 0.3 * 0.6) * 0.1, 0.5 * (0.9 * 0.8 + 0.3 * 0.4) * 0.7], abs=1e-15
    )


def test_path_kernel_by_hand():
    physical = np.array([[[[[0.5, 0.5]], [[0.0, 1.0]]]]])  # one step, one action
    assert path_kernel(physical, np.ones((1, 2, 1, 1)))[0, :, 0].tolist() == [[0.5, 0.5], [0.0, 1.0]]


def test_number_of_plans_and_their_values():
    # Blind: one observation, so a plan is a sequence of subgoals; state 1 after an odd number of flips.
    stay, flip = np.eye(2), np.eye(2)[::-1]
    model = HMDP([1.0, 0.0], [np.stack([stay, flip], 1)], np.eye(2), [[0, 0], [0, 0], [0, 1.0]])
    values = plan_values(model, 0)
    assert values.size == (2 * 2**2) ** 2
    assert sorted(set(values.tolist())) == [0.0, 1.0]
    blind = HMDP([1.0, 0.0], [np.stack([stay, flip], 1)], np.ones((2, 1)), [[0.25], [0.25], [0.5]])
    assert plan_values(blind, 0).tolist() == [1.0] * 4


def test_too_many_plans(random_model):
    with pytest.raises(ValueError, match=r"model has .* plans, the limit is 5000000: take fewer"):
        plan_values(random_model(0, 2, 3, 3, 3, 4), 0)
    with pytest.raises(ValueError, match="environment is 2"):
        plan_values(random_model(), 2)
    with pytest.raises(ValueError, match="task is 5"):
        plan_values(random_model(), 0, 5)
