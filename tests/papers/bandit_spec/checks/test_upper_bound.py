"""Parts of the checks of UCBSpec that the claims themselves do not exercise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.papers.bandit_spec.checks import costs, practice, upper_bound
from tightbound.simulators.bandits import TruncatedGeometric, UCBSpec, simulate
from tightbound.theory.bandits import law_mean, ucbspec_radius
from tightbound.verification.statistics import BoundHolds
from tightbound.verification.statistics.base import CellEvidence


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.lists(st.floats(1.0, 5.0), min_size=1, max_size=4))
def test_both_laws_of_a_dependent_arm_have_its_mean(means):
    cell = {"means": tuple(means), "max_draft": 4}
    narrow, wide = upper_bound._markov_laws(cell)
    for laws in (narrow, wide):
        np.testing.assert_allclose(law_mean(laws), means, atol=1e-12)
        np.testing.assert_allclose(laws.sum(axis=1), 1.0)
    spread = [laws @ np.arange(1, 6) ** 2 - law_mean(laws) ** 2 for laws in (narrow, wide)]
    assert np.all(spread[0] <= spread[1] + 1e-12)
    assert upper_bound.laws_share_their_means(cell)


def test_misses_follow_the_radius_they_are_measured_in():
    cell = {"rule": "UCBSpec", "arms": 2, "max_draft": 4, "rounds": (2, 8), "runs": 4000}
    found = upper_bound._misses(cell, np.random.default_rng(1), 0.0)
    assert np.all(found["value"][:, 0] == 1.0)  # one pull yields 1 or L + 1, never the mean
    # after one pull each the mean is exactly L/2 off
    radius = float(ucbspec_radius(1, 2, 2, 4))
    assert found["largest"].min() >= 2.0 / radius - 1e-12
    assert found["bound"].tolist() == [[0.125, 0.5 / 64]]


def test_half_pulls_do_not_hide_a_wrong_limit():
    cell = {"acceptance": (0.8, 0.6), "max_draft": 4, "budgets": (1000,), "runs": 500}
    right = upper_bound.against_fluid(cell, np.random.default_rng(1))
    assert np.all(np.abs(right["ratio_to_fluid"] - 1.0) < 0.08)
    assert right["reference"][0, 0] > right["value"].mean() / right["ratio_to_fluid"][0, 0]


def test_a_bound_worse_than_the_trivial_one_is_called_vacuous():
    cell = {"acceptance": (0.8, 0.75), "max_draft": 4, "budgets": (200,), "runs": 50, "arms": 2}
    found = upper_bound.ucb_regret(cell, np.random.default_rng(1))
    evidence = [CellEvidence(cell, found)]
    assert BoundHolds(method="t").judge(evidence, level=0.01).status == "vacuous"


def test_growth_curves_agree_with_a_plain_simulation():
    cell = {"acceptance": (0.8, 0.6), "max_draft": 4, "budgets": (100, 1000, 10_000, 100_000), "runs": 20}
    found = upper_bound.growth(cell, np.random.default_rng(3))
    budgets = list(cell["budgets"])
    plain = simulate(
        TruncatedGeometric((0.8, 0.6), 4), UCBSpec(), budgets, replications=20, rng=np.random.default_rng(3)
    )
    np.testing.assert_array_equal(found["curve"], plain.regret)
    assert found["x"].tolist() == [1000.0, 10_000.0, 100_000.0]


@pytest.mark.parametrize("arms", [1, 2, 5])
def test_counted_memory_plays_like_the_simulator(arms):
    cell = {"arms": arms, "max_draft": 4, "rounds": 60}
    found = practice.accesses(cell, np.random.default_rng(1))
    assert np.all(found["value"] == found["reference"])


def test_decades_round_up():
    assert [practice._decade(t) for t in (9.0, 10.0, 11.0, 99.9, 100.1)] == [10.0, 10.0, 100.0, 100.0, 1000.0]


def test_both_policies_meet_the_same_draws():
    cell = {"acceptance": (0.5,), "max_draft": 4, "budgets": (50, 100), "runs": 30}
    found = practice.accepted_tokens(cell, np.random.default_rng(1))
    np.testing.assert_array_equal(found["greater"], found["smaller"])  # one arm leaves no choice


def test_costs_decide_which_arm_is_fastest():
    assert costs.longest_is_not_fastest(costs.TWO_DRAFTERS)
    assert not costs.longest_is_not_fastest({**costs.TWO_DRAFTERS, "costs": (1.0, 1.0)})


def test_equal_costs_make_time_regret_the_regret_in_rounds():
    cell = {**costs.TWO_DRAFTERS, "costs": (1.0, 1.0), "budgets": (100, 1000), "runs": 20}
    aware = costs.cost_aware_growth(cell, np.random.default_rng(5))
    blind = costs.cost_blind_growth(cell, np.random.default_rng(5))
    np.testing.assert_allclose(aware["curve"], blind["curve"], atol=1e-9)
