import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.graphon_games.best_response import best_response, soft_maximum
from tightbound.theory.graphon_games.flow import flow
from tightbound.theory.graphon_games.games.random_linear import random_linear
from tightbound.theory.graphon_games.games.rotation import rotation
from tightbound.theory.graphon_games.values import action_values, policy_value

common = settings(deadline=None, derandomize=True, max_examples=25)


@pytest.mark.parametrize("mix", [0.0, 0.6])
def test_unregularised_value_is_the_best_of_all_deterministic_policies(mix, oracle, random_policy, rng):
    game = random_linear(rng=rng, blocks=2, horizon=2, states=3, actions=2, mix=mix)
    crowd = flow(game, random_policy(game, rng))
    found = best_response(game, crowd, 0.0)
    expected = [oracle(game).best_deterministic_value(crowd, m) for m in range(2)]
    assert found.value == pytest.approx(expected, abs=1e-13)
    assert policy_value(game, found.policy, crowd, 0.0) == pytest.approx(expected, abs=1e-13)


@common
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.03, 1.0]), st.sampled_from([0.0, 0.4]))
def test_no_policy_does_better_and_values_agree(seed, lam, mix):
    rng = np.random.default_rng(seed)
    game = random_linear(rng=rng, mix=mix)
    draw = lambda: rng.dirichlet(np.full(3, 0.4), size=(game.blocks, game.horizon, game.states))  # noqa: E731
    crowd = flow(game, draw())
    found = best_response(game, crowd, lam)
    own = policy_value(game, found.policy, crowd, lam)
    assert np.abs(own - found.value).max() < 1e-12
    assert np.abs(action_values(game, found.policy, crowd, lam) - found.action_values).max() < 1e-12
    for _ in range(3):
        assert np.all(policy_value(game, draw(), crowd, lam) <= found.value + 1e-12)


def test_ties_go_to_the_action_of_lowest_index():
    game = rotation(blocks=2)
    found = best_response(game, flow(game, game.uniform_policy()), 0.0)
    assert np.array_equal(found.policy[..., 0], np.ones((2, 2, 3)))
    assert np.all(found.log_policy[..., 1:] == -np.inf)


def test_small_lam_stays_finite_and_tends_to_the_greedy_value(random_policy, rng):
    game = random_linear(rng=rng)
    crowd = flow(game, random_policy(game, rng))
    soft, hard = best_response(game, crowd, 1e-8), best_response(game, crowd, 0.0)
    assert np.all(np.isfinite(soft.log_policy))
    assert np.all(soft.value >= hard.value - 1e-14)
    assert np.all(soft.value <= hard.value + 1e-8 * game.horizon * np.log(game.actions) + 1e-14)


def test_soft_maximum_of_huge_values():
    log_policy, value = soft_maximum(np.array([[1e300, 1e300, -1e300]]), 2.0)
    assert np.exp(log_policy) == pytest.approx(np.array([[0.5, 0.5, 0.0]]))
    assert value[0] == 1e300


@pytest.mark.parametrize("lam", [-1.0, np.inf])
def test_bad_lam(lam):
    game = rotation()
    with pytest.raises(ValueError, match=r"lam (is|has)"):
        best_response(game, flow(game, game.uniform_policy()), lam)


def test_bad_mean_field():
    with pytest.raises(ValueError, match=r"mean_field has shape \(3,\): this game needs shape \(4, 2, 3\)"):
        best_response(rotation(), [0.2, 0.3, 0.5], 1.0)
