"""Claims on GMFG-PPO: instances satisfy what the proofs ask, and the two sums follow from the recursion."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.papers.gmfg_ppo.checks import ppo_rate
from tightbound.theory.graphon_games import (
    ContractionConstants,
    certified_constants,
    exploitability,
    ppo_recursion,
)

CELL = {"coupling": -0.4, "schedule": "T^-2/3", "games": 2, "iterations": 31}


def rng():
    return np.random.default_rng(3)


@pytest.mark.parametrize(("coupling", "kappa"), [(-0.2, 0.59), (-0.4, 0.3), (0.2, 0.59)])
def test_every_coupling_contracts(coupling, kappa):
    cell = {**CELL, "coupling": coupling}
    assert ppo_rate.contracts(cell)
    assert ppo_rate.constants_of(cell).kappa == pytest.approx(kappa)


def test_games_far_beyond_the_couplings_do_not_contract():
    assert not ppo_rate.contracts({**CELL, "coupling": -2.0})


def test_references_are_equilibria():
    games = ppo_rate.instances(CELL, rng())
    for game, found in zip(games, ppo_rate.equilibria(games), strict=True):
        assert exploitability(game, found.policy, ppo_rate.LAM) < 1e-13


def test_a_gathering_has_an_equilibrium_for_each_place():
    game = ppo_rate.gatherings({**CELL, "games": 1}, rng())[0]
    found = [ppo_rate.equilibria([game], action)[0] for action in range(ppo_rate.ACTIONS)]
    for action, solution in enumerate(found):
        assert exploitability(game, solution.policy, ppo_rate.LAM) < 1e-12
        assert np.all(solution.mean_field[:, -1].argmax(axis=-1) == action)


def test_constants_hold_for_every_game_of_a_cell():
    known = ppo_rate.constants_of(CELL)
    for game in ppo_rate.instances({**CELL, "games": 5}, rng()):
        own = certified_constants(game, ppo_rate.LAM)
        assert own.d1 <= known.d1 + 1e-15
        assert (own.d2, own.d3) == pytest.approx((known.d2, known.d3))


@pytest.mark.parametrize(
    ("schedule", "alpha"), [("T^-2/3", 1 / 16), ("T^-1/2", 1 / 8), ("constant", 0.3), ("1/T", 1 / 64)]
)
def test_weight(schedule, alpha):
    assert ppo_rate.weight(schedule, 64) == pytest.approx(alpha)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(
    kappa=st.floats(0.05, 1.0),
    alpha=st.floats(0.01, 1.0),
    tracking=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20),
)
def test_the_recursion_with_equality_meets_both_sums(kappa, alpha, tracking):
    known = ContractionConstants((1.0 - kappa) / 2.0, 2.0, 0.0)
    error = ppo_recursion(known, np.full(len(tracking), alpha), 1.0, tracking)
    count, slack = len(tracking), known.d2 * np.mean(tracking)
    left = (error[0] - error[-1]) / (alpha * count)
    mean = error[:-1].mean()
    assert mean == pytest.approx((left + slack) / kappa)
    assert mean >= (left - slack) / (2.0 - kappa) - 1e-12


def test_one_step_stays_below_its_bound():
    found = ppo_rate.one_step(CELL, rng())
    assert found["value"].shape == found["bound"].shape == (2, 31)
    assert np.all(found["value"] <= found["bound"] + 1e-12)


def test_both_sums_hold_and_meet_the_history():
    above, below = ppo_rate.average_error(CELL, rng()), ppo_rate.average_error_from_below(CELL, rng())
    assert np.array_equal(above["value"], below["value"])
    assert np.all(below["bound"] <= below["value"])
    assert np.all(above["value"] <= above["bound"])
    runs_mean = ppo_rate.one_step(CELL, rng())["value"].mean(axis=1)
    assert np.allclose(runs_mean, above["value"], rtol=0.2)


def test_colder_best_responses_are_steeper():
    cell = {"coupling": -0.4, "games": 4, "policies": 10}
    warm, cold = ppo_rate.observed(cell, rng()), ppo_rate.observed_when_cold(cell, rng())
    assert np.all(warm["value"] <= warm["bound"])
    assert cold["value"][:, 0].max() > 5.0 * warm["value"][:, 0].max()
    assert np.allclose(cold["value"][:, 1:], warm["value"][:, 1:])
