"""The claims on naive execution: every formula a control relies on, against the engine."""

import numpy as np
import pytest

from tightbound.papers.bail_planner.checks import consistency, naive
from tightbound.theory.planning.bounds import hard_instance_lower_bound

RNG = np.random.default_rng(0)


def test_ids_are_unique_and_in_order():
    ids = [claim.id for claim in naive.NAIVE]
    assert len(set(ids)) == len(ids)
    assert {one[:-1] for one in ids} == {"PLN-5", "PLN-6", "PLN-7", "PLN-10"}


def test_the_growing_family_is_linear_and_one_instance_is_not():
    cell = {"environments": None, "episodes": (50, 800)}
    grown, fixed = naive.naive_on_reveal(cell, RNG), naive.one_instance_for_all(cell, RNG)
    assert grown["value"][0, 1] / grown["value"][0, 0] == pytest.approx(16.0, rel=0.02)
    assert np.all(fixed["value"] <= 3.5)
    assert np.all(fixed["value"][0, 1:] < hard_instance_lower_bound(800, 800))


def test_a_delusional_planner_never_returns():
    """The truth is excluded by the first safe choice: regret (1 - 1/N) T / 2."""
    cell = {"episodes": 8, "runs": 4000}
    found = naive.delusional_in_simulation(cell, np.random.default_rng(1))["value"]
    error = found.std(ddof=1) / np.sqrt(found.size)
    assert abs(found.mean() - 0.5 * 8 * (1.0 - 1.0 / 8)) < 5.0 * error


def test_the_other_ties_matter_from_depth_three_on():
    same = {"weight": 0.5, "truth": 0, "episodes": 20}
    for depth, equal in ((2, True), (3, False)):
        found = naive.lock_with_other_ties({"depth": depth, **same}, RNG)
        assert np.allclose(found["value"], found["reference"]) == equal


def test_doubling_without_the_truth_costs_the_same_twice():
    cell = {"environments": 3, "horizon": 3, "instances": 2, "runs": 40, "episodes": 100}
    found = consistency.doubling_without_the_truth(cell, np.random.default_rng(3))
    first, second = 2.0 * found["greater"].mean(), found["smaller"].mean()
    assert second == pytest.approx(first, rel=0.5)
    assert np.all(found["doubt"] == 1.0)
