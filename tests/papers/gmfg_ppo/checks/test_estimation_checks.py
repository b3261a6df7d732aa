"""What the measures of GMFG-7 to GMFG-10 return, on small cells and against direct computation."""

import numpy as np
import pytest

from tightbound.papers.gmfg_ppo.checks import estimation, finite_agents, hidden_positions, learning, plug_in
from tightbound.papers.gmfg_ppo.checks.estimation import ESTIMATION
from tightbound.papers.gmfg_ppo.checks.finite_agents import FINITE_AGENTS
from tightbound.papers.gmfg_ppo.checks.learning import exploration, observed
from tightbound.papers.gmfg_ppo.checks.plug_in import PLUG_IN
from tightbound.theory.graphon_games import exponential, stochastic_block

SMALL = {"graphon": "exp", "agents": 6, "horizon": 6, "episodes": (200, 20_000), "runs": 5}


def generator():
    return np.random.default_rng(0)


def test_identifiers_are_unique_and_of_one_paper():
    claims = (*ESTIMATION, *PLUG_IN, *FINITE_AGENTS)
    assert len({claim.id for claim in claims}) == len(claims)
    assert {claim.paper for claim in claims} == {"gmfg_ppo"}
    assert all(claim.substitutes and set(claim.seconds) >= {"quick", "standard"} for claim in claims)
    assert all(len(grid) for claim in claims for grid in (claim.grid.quick, claim.grid.standard))


def test_exploration_is_a_policy_that_tells_communities_apart():
    game = observed(SMALL, stochastic_block())
    policy = exploration(game)
    np.testing.assert_allclose(policy.sum(axis=-1), 1.0)
    np.testing.assert_allclose(policy[:, 0, 0, 1], 0.1 + 0.8 * game.positions)
    np.testing.assert_allclose(policy[:, -1, 0, 1], 0.9 - 0.8 * game.positions)


def test_errors_fall_where_labels_are_right_and_stay_where_they_are_not():
    known = learning.known_errors(SMALL, generator())["value"].mean(axis=0)
    hidden = learning.hidden_errors(SMALL, generator())["value"].mean(axis=0)
    wrong = learning.unsorted_errors(SMALL, generator())["value"].mean(axis=0)
    assert known[1] < known[0] / 3
    assert hidden[1] < hidden[0] / 3
    assert wrong.min() > 5 * known[1]


def test_communities_are_recovered_from_many_episodes():
    cell = {**SMALL, "graphon": "sbm", "agents": 10, "episodes": 100_000}
    assert not hidden_positions.misplaced(cell, generator())["violated"].any()
    assert hidden_positions.misplaced_unsorted(cell, generator())["violated"].mean() > 0.5


def test_biases_of_grids():
    cells = [{"crowd": 240, "horizon": 5, "agents": n} for n in (6, 12)]
    middle = [float(estimation.midpoint_bias(cell, generator())["value"]) for cell in cells]
    right = [float(estimation.right_bias(cell, generator())["value"]) for cell in cells]
    assert middle[0] / middle[1] == pytest.approx(4.0, rel=0.1)
    assert right[0] / right[1] == pytest.approx(2.0, rel=0.1)
    assert middle[0] < right[1] / 20


def test_alternatives_have_the_degrees_of_the_truth():
    cell = {"agents": 10, "horizon": 6, "alternatives": 5}
    assert np.all(estimation.alternative_risk(cell, generator())["value"] < 1e-12)
    assert np.all(estimation.alternative_risk_explored(cell, generator())["value"] > 1e-4)


def test_every_ridge_schedule_is_in_every_grid():
    claim = next(claim for claim in ESTIMATION if claim.id == "GMFG-7e")
    for grid in (claim.grid.quick, claim.grid.standard):
        assert {cell["ridge"] for cell in grid} == set(estimation.RIDGES)


def test_variance_ratio_is_one_for_aggregates_and_not_by_degree():
    cell = {"graphon": "sbm", "adjacency": "sampled", "agents": 8, "episodes": 4000}
    ratio = finite_agents.variance_ratio(cell, generator())["value"]
    assert abs(ratio.mean() - 1.0) < 5 * ratio.std(ddof=1) / np.sqrt(ratio.size)
    assert finite_agents.variance_ratio_by_degree(cell, generator())["value"].mean() > 1.5


def test_agents_without_neighbours_feel_nothing():
    adjacency = np.array([[0.0, 0.0], [0.0, 1.0]])
    felt = finite_agents._by_degree(np.array([0.0, 0.5]), adjacency)
    np.testing.assert_array_equal(felt, [0.0, 1.0])


def test_deviations_are_per_episode_whatever_the_batches():
    cell = {
        "graphon": "exp",
        "adjacency": "sampled",
        "blocks": 40,
        "horizon": 3,
        "sizes": (4, 16),
        "episodes": 70,
    }
    found = finite_agents.deviation(cell, generator())["value"]
    assert found.shape == (70, 2)
    assert 1.5 < found[:, 0].mean() / found[:, 1].mean() < 2.7


@pytest.fixture(scope="module")
def played():
    cell = plug_in._cells(10, 10, (400, 40_000), 20, 60)[0]
    return plug_in._played(cell, generator(), "known")


def test_the_true_graphon_is_solved_and_constants_are_far(played):
    assert abs(played["true"]) < 1e-12
    assert played["unsolved"] < 1e-12
    assert played["estimated"].shape == (20, 2)
    assert played["estimated"].mean(axis=0)[1] < 0.05 * played["estimated"].mean(axis=0)[0]
    assert played["constants"].min() > 0.1


def test_without_entropy_an_estimate_can_beat_the_truth(played):
    assert np.any(played["estimated_unregularised"] < played["true_unregularised"])
    assert np.all(played["estimated"] >= played["true"])


def test_names_of_graphons():
    x = [0.2, 0.9]
    np.testing.assert_array_equal(learning.graphon_called("exp").matrix(x), exponential().matrix(x))
    with pytest.raises(KeyError, match="ring"):
        learning.graphon_called("ring")
