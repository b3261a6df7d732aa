"""What the claims on schedules measure, on shorter runs."""

import numpy as np
import pytest

from tightbound.papers.gmfg_ppo.checks import ppo_rate, schedules

CELL = {
    "coupling": -0.4,
    "schedule": "T^-2/3",
    "games": 2,
    "iterations": (31, 63),
    "error": "mean of errors",
}


def rng():
    return np.random.default_rng(3)


def test_curves_have_one_point_per_run():
    found = schedules.averaged_error(CELL, rng())
    assert found["value"].shape == (2, 2)
    assert found["x"].tolist() == [31.0, 63.0]
    assert found["tracking"].shape == found["distance"].shape == (2, 63)
    assert np.all(found["value"].mean(axis=0) <= found["curve_bound"])


def test_the_last_point_is_the_mean_of_the_longest_run():
    found = schedules.averaged_error(CELL, rng())
    assert np.allclose(found["value"][:, -1], found["distance"].mean(axis=1))


def test_errors_of_means_include_the_policy():
    of_means = schedules.averaged_error({**CELL, "error": "error of means"}, rng())
    assert np.all(of_means["value"] > 0.0)
    assert not np.allclose(of_means["value"], schedules.averaged_error(CELL, rng())["value"])


@pytest.mark.parametrize("schedule", ["T^-1/2", "constant"])
def test_scaling_undoes_the_exponent_of_the_schedule(schedule):
    found = schedules.error_beside_schedule({**CELL, "schedule": schedule}, rng())
    power = 1.0 - ppo_rate.EXPONENTS[schedule]
    assert np.allclose(found["value"], found["error"] * found["x"] ** power)


def test_tiny_steps_forget_a_fixed_share():
    value = schedules.averaged_error_of_tiny_steps(CELL, rng())["value"]
    assert np.allclose(value[:, 0], value[:, 1], rtol=0.05)


def test_constant_mixing_leaves_a_floor():
    cell = {**CELL, "iterations": (63, 511)}
    falling = schedules.last_error(cell, rng())["value"]
    floor = schedules.last_error_with_constant_mixing(cell, rng())["value"]
    assert np.all(floor[:, 1] > 10.0 * falling[:, 1])


def test_full_length_games_certify_nothing():
    for name in schedules.FULL_LENGTH:
        assert schedules.certifies_nothing({"game": name, "lam": 1.0})


def test_damping_decides_on_beach_bar():
    cell = {"game": "beach bar", "lam": 0.3, "iterations": 255}
    assert schedules.remaining_exploitability(cell, rng())["value"] < 1e-3
    assert schedules.exploitability_without_damping(cell, rng())["value"] > 0.1
