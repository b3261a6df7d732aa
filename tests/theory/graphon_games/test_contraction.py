import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.graphon_games.best_response import best_response
from tightbound.theory.graphon_games.contraction import (
    ContractionConstants,
    certified_constants,
    largest_degree,
    observed_constants,
    ppo_average_bound,
    ppo_recursion,
    reward_range,
)
from tightbound.theory.graphon_games.distances import flow_distance, worst_policy_distance
from tightbound.theory.graphon_games.flow import flow, frozen_flow
from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.games.beach_bar import beach_bar
from tightbound.theory.graphon_games.games.cyber import cyber
from tightbound.theory.graphon_games.games.investment import investment
from tightbound.theory.graphon_games.games.linear_quadratic import linear_quadratic
from tightbound.theory.graphon_games.games.random_linear import random_linear
from tightbound.theory.graphon_games.games.rotation import rotation
from tightbound.theory.graphon_games.games.sis import sis
from tightbound.theory.graphon_games.graphons import erdos_renyi
from tightbound.theory.graphon_games.mirror_descent import mirror_step
from tightbound.theory.graphon_games.values import action_values

common = settings(deadline=None, derandomize=True, max_examples=25)
GAMES = {
    "sis": sis(blocks=3, horizon=4),
    "investment": investment(blocks=3, horizon=4),
    "beach_bar": beach_bar(blocks=3, horizon=4),
    "cyber": cyber(blocks=3, horizon=4),
    "linear_quadratic": linear_quadratic(blocks=3, horizon=4, radius=2),
    "random": random_linear(rng=0, blocks=3),
    "herd": random_linear(rng=0, blocks=3, mix=1.0, coupling=2.0, graphon=erdos_renyi(1.0)),
    "rotation": rotation(-0.3),
}


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("lam", [0.05, 1.0])
def test_certified_constants_are_never_exceeded(name, lam, rng):
    game = GAMES[name]
    certified = certified_constants(game, lam)
    shape = (game.blocks, game.horizon, game.states)
    for _ in range(6):
        policies = list(rng.dirichlet(np.full(game.actions, 0.3), size=(2, *shape)))
        crowds = [rng.dirichlet(np.full(game.states, 0.3), size=shape[:2]) for _ in range(2)]
        crowds[1] = crowds[0] + rng.choice([1.0, 1e-3]) * (crowds[1] - crowds[0])
        seen = observed_constants(game, lam, policies, crowds)
        assert seen.d1 <= certified.d1 * (1 + 1e-9)
        assert seen.d2 <= certified.d2 * (1 + 1e-9)
        assert seen.d3 <= certified.d3 * (1 + 1e-9)


def test_policy_constant_is_attained_without_reward():
    # the action is the next state; policies that differ at the first step only and are kept in place after
    keep = np.tile(np.eye(2)[:, None], (1, 2, 1))
    choose = np.tile(np.eye(2), (2, 1, 1))
    game = GraphonGame(
        erdos_renyi(0.5), [1.0, 0.0], np.stack([choose, keep, keep, keep]), np.zeros((2, 2)), 4, blocks=2
    )
    first = game.uniform_policy()
    second = first.copy()
    second[:, 0] = [1.0, 0.0]
    crowd = flow(game, first)
    moved = flow_distance(frozen_flow(game, first, crowd), frozen_flow(game, second, crowd))
    assert moved / worst_policy_distance(first, second) == pytest.approx(3.0)


def test_crowd_constant_without_kernel_coupling_in_closed_form():
    game = random_linear(rng=0, horizon=3, coupling=-0.2, graphon=erdos_renyi(0.5))
    found = certified_constants(game, 0.4)
    assert found.d1 == pytest.approx(0.5 * 3 * 0.1 / 0.4)
    assert (found.d2, found.d3) == (2.0, 0.0)
    herd = random_linear(rng=0, horizon=3, coupling=-0.2, mix=0.3, graphon=erdos_renyi(0.5))
    spread = np.ptp(herd.reward.table, axis=(1, 2)).max() + 0.2 * 0.5
    slopes = [k * (0.1 + 0.3 * (3 - k) * spread / 2) for k in (1, 2, 3)]
    again = certified_constants(herd, 0.4)
    assert again.d1 == pytest.approx(0.5 / 0.4 * max(slopes))
    assert again.d3 == pytest.approx(2 * 0.3 * 0.5)


def _run(game, lam, alpha, theta, steps):
    """GMFG-PPO without mixing: the flows, and the tracking errors."""
    log_pi = np.log(game.uniform_policy())
    crowd = flow(game, np.exp(log_pi))
    crowds, tracking = [crowd], []
    for _ in range(steps):
        q = action_values(game, np.exp(log_pi), crowd, lam)
        log_pi = mirror_step(log_pi, q, theta=theta, lam=lam)
        policy = np.exp(log_pi)
        tracking.append(worst_policy_distance(policy, best_response(game, crowd, lam).policy))
        crowd = (1 - alpha) * crowd + alpha * frozen_flow(game, policy, crowd)
        crowds.append(crowd)
    return crowds, np.array(tracking)


def test_recursion_bounds_a_run_under_contraction():
    lam, alpha = 1.0, 0.2
    game = random_linear(rng=2, blocks=4, horizon=3, coupling=-0.4, mix=0.1)
    constants = certified_constants(game, lam)
    assert constants.kappa > 0.1
    star = flow(game, game.uniform_policy())
    for _ in range(200):
        star = frozen_flow(game, best_response(game, star, lam).policy, star)
    crowds, tracking = _run(game, lam, alpha, 0.5, 40)
    errors = np.array([flow_distance(crowd, star) for crowd in crowds])
    bound = ppo_recursion(constants, np.full(40, alpha), errors[0], tracking)
    assert np.all(errors <= bound + 1e-12)
    steps = (1 - alpha * constants.kappa) * errors[:-1] + alpha * constants.d2 * tracking
    assert np.all(errors[1:] <= steps + 1e-12)
    assert errors[:-1].mean() <= ppo_average_bound(constants, alpha, errors[0], tracking)


@common
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 1.0), st.floats(0.05, 1.0))
def test_average_bound_follows_from_the_recursion(seed, alpha, kappa):
    tracking = np.random.default_rng(seed).random(30)
    constants = ContractionConstants(1.0 - kappa, 1.0, 0.0)
    errors = ppo_recursion(constants, np.full(30, alpha), 1.7, tracking)
    assert errors[:-1].mean() <= ppo_average_bound(constants, alpha, 1.7, tracking) + 1e-12


def test_degree_and_range():
    game = beach_bar(blocks=6, horizon=3)
    assert largest_degree(game) == pytest.approx(game.weights[0].sum(axis=1).max())
    assert reward_range(game) == pytest.approx(1.2 + 3 * largest_degree(game))
    assert reward_range(sis(blocks=2, horizon=2)) == 2.5


GAME = random_linear(rng=0, blocks=2)
ROOT = random_linear(rng=0, blocks=2, root_level=0.1)
POLICY = GAME.uniform_policy()
FLOW = flow(GAME, POLICY)
GOOD = ContractionConstants(0.1, 2.0, 0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ContractionConstants(-0.1, 1.0, 1.0), "d1 is -0.1"),
        (lambda: certified_constants(GAME, 0.0), "lam is 0"),
        (
            lambda: certified_constants(ROOT, 1.0),
            "reward is a callable without lipschitz.* give reward_lipschitz",
        ),
        (lambda: certified_constants(GAME, 1.0, reward_lipschitz=-1.0), "reward_lipschitz is -1.0"),
        (lambda: reward_range(ROOT), "without oscillation.* give largest_range"),
        (lambda: reward_range(GAME, np.nan), "largest_range has entries that are NaN"),
        (lambda: observed_constants(GAME, 1.0, [POLICY], [FLOW, FLOW]), "policies has 1 entries .* give two"),
        (lambda: observed_constants(GAME, 1.0, [POLICY] * 2, [FLOW] * 2), "coincide: give different ones"),
        (lambda: ppo_recursion(GOOD, [1.2], 1.0, [0.1]), r"alphas is .* in \[0, 1\]"),
        (lambda: ppo_recursion(GOOD, [0.2], 1.0, [0.1, 0.2]), r"tracking has shape \(2,\): give 1 errors"),
        (lambda: ppo_recursion(GOOD, [0.2], -1.0, [0.1]), "initial_distance is -1.0"),
        (
            lambda: ppo_average_bound(ContractionConstants(1.0, 1.0, 0.0), 0.1, 1.0, [0.1]),
            "kappa = 0: .* kappa > 0",
        ),
        (lambda: ppo_average_bound(GOOD, 0.0, 1.0, [0.1]), r"alpha is 0.0: it must lie in \(0, 1\]"),
        (lambda: ppo_average_bound(GOOD, 0.5, 1.0, [-0.1]), "tracking is"),
    ],
)
def test_bad_values(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_given_constants_are_used():
    found = certified_constants(ROOT, 1.0, reward_lipschitz=0.5)
    assert found.d1 == pytest.approx(largest_degree(ROOT) * 4 * 0.5)
