"""The checks measure what they say: floors, controls and random pairs, on small instances."""

import numpy as np
import pytest

from tightbound.papers.gmfg_monotone.checks import (
    existence,
    mirror_descent,
    monotonicity,
    q_estimation,
    uniqueness,
)
from tightbound.papers.gmfg_monotone.claims import CLAIMS
from tightbound.theory.graphon_games import (
    discontinuous_floor,
    exploitability,
    is_positive_semidefinite,
    mirror_descent_bound,
)


def test_every_claim_has_a_number_of_its_own_and_a_cost():
    names = [claim.id for claim in CLAIMS]
    assert len(set(names)) == len(names)
    assert {name[:6] for name in names} == {f"GMFG-{k}" for k in range(1, 6)}
    assert all(claim.paper == "gmfg_monotone" and claim.seconds["quick"] <= 3.0 for claim in CLAIMS)


def test_the_continuous_version_of_the_jump_game_has_an_equilibrium():
    game = existence._sloping()
    even = existence._play(np.full(4, 0.5))
    assert exploitability(game, even, 0.3) == pytest.approx(0.0, abs=1e-15)
    assert discontinuous_floor(0.3) > 0.04


def test_the_floor_is_met_at_the_even_mixture(rng):
    found = existence.least_exploitability({"lam": 0.1, "points": 4}, rng)
    assert found["value"] == pytest.approx(found["reference"], rel=1e-12)
    assert found["at"] == 0.5


def test_a_mirror_step_falls_short_of_the_certified_optimum(rng):
    found = existence.mirror_step_in_certificate({"lam": 0.5, "instances": 1}, rng)
    assert found["value"][0, 0] > 1e-3
    assert found["value"][0, 1] < 1e-6


@pytest.mark.parametrize("name", monotonicity.SEMIDEFINITE)
def test_graphons_called_semidefinite_are(name):
    graphon = monotonicity.named_graphon(name)
    assert is_positive_semidefinite(graphon)
    assert graphon.matrix(np.linspace(0.0, 1.0, 30)).max() <= 1.0


@pytest.mark.parametrize("name", monotonicity.INDEFINITE)
def test_graphons_called_indefinite_are(name):
    cell = {"graphon": name, "blocks": 60}
    assert monotonicity.smallest_eigenvalues(cell, np.random.default_rng(0))["value"] < -1e-3


def test_random_pairs_miss_what_aligned_pairs_show(rng):
    cell = {"graphon": "exp", "game": "random", "horizon": 3, "instances": 2, "pairs": 3}
    assert not monotonicity.random_violations(cell, rng)["violated"].any()
    assert monotonicity.aligned_violations(cell, rng)["violated"].all()


def test_bounds_of_whole_runs_are_at_least_the_recursion():
    spread, steps = 3.0, 20
    thetas = np.full(steps, 0.3)
    exact = mirror_descent_bound(thetas, 2.0, spread)
    simple = mirror_descent._constant_bound(exact, np.full(steps, spread), thetas)
    assert np.all(exact[1:] <= simple + 1e-12)
    thetas = mirror_descent._shrinking({"steps": steps})
    exact = mirror_descent_bound(thetas, 2.0, spread)
    simple = mirror_descent._shrinking_bound(exact, np.full(steps, spread), thetas)
    assert np.all(exact[1:] <= simple + 1e-12)


def test_the_inequality_breaks_only_with_a_kernel_that_follows_the_crowd(rng):
    cell = {
        "theta": 0.001,
        "lam": 0.1,
        "coupling": 10.0,
        "graphon": "er",
        "instances": 2,
        "starts": 6,
        "steps": 1,
    }
    free = mirror_descent.one_step(cell, rng)
    assert np.all(free["value"] <= free["bound"] + 1e-12)
    herd = mirror_descent.one_step_with_herding(cell, rng)
    assert np.any(herd["value"] > herd["bound"] + 1e-6)


def test_crowded_representatives_do_not_help(rng):
    cell = {"instances": 2, "blocks": 40, "agents": (2, 4)}
    spread = q_estimation.bias_of_nearest(cell, rng)["value"].mean(axis=0)
    crowded = q_estimation.bias_of_crowded(cell, rng)["value"].mean(axis=0)
    assert spread[1] < 0.6 * spread[0]
    assert crowded[1] > 0.9 * crowded[0]


def test_the_closed_form_of_coordination_is_an_equilibrium():
    for ratio in (2.2, 4.0):
        m = uniqueness.coordination_gap(ratio)
        assert m == pytest.approx(np.tanh(ratio * m / 2.0), abs=1e-12)
        share = (1.0 + m) / 2.0
        policy = np.full((4, 2, 2, 2), 0.5)
        policy[:, 0] = (1.0 - share, share)
        game = uniqueness._coordination(ratio * 0.7)
        assert exploitability(game, policy, 0.7) == pytest.approx(0.0, abs=1e-12)
    assert uniqueness.coordination_gap(2.0) == 0.0
