import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.graphon_games.exploitability import exploitability
from tightbound.theory.graphon_games.flow import flow
from tightbound.theory.graphon_games.games.beach_bar import beach_bar
from tightbound.theory.graphon_games.games.random_linear import random_linear
from tightbound.theory.graphon_games.games.rotation import rotation
from tightbound.theory.graphon_games.graphons import erdos_renyi
from tightbound.theory.graphon_games.mirror_descent import (
    mirror_descent_bound,
    mirror_step,
    mirror_step_certificate,
    spread_bound,
)
from tightbound.theory.graphon_games.values import action_values

common = settings(deadline=None, derandomize=True, max_examples=25)


def _log_softmax(x):
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def _equilibrium(game, lam, theta=0.5, steps=400):
    log_policy = np.log(game.uniform_policy())
    for _ in range(steps):
        policy = np.exp(log_policy)
        q = action_values(game, policy, flow(game, policy), lam)
        log_policy = mirror_step(log_policy, q, theta=theta, lam=lam)
    return log_policy


@common
@given(
    st.integers(0, 2**32 - 1), st.floats(0.01, 1.0), st.floats(0.01, 10.0), st.sampled_from([0.0, 0.1, 1.0])
)
def test_step_is_the_maximiser_of_its_objective(seed, theta, lam, beta):
    rng = np.random.default_rng(seed)
    log_pi, q = _log_softmax(rng.standard_normal(4)), rng.standard_normal(4)

    def objective(log_p):
        p = np.exp(log_p)
        return theta * (p @ q - lam * p @ log_p) - (1 - theta) * lam * p @ (log_p - log_pi)

    new = mirror_step(log_pi, q, theta=theta, lam=lam)
    assert np.exp(new).sum() == pytest.approx(1.0, abs=1e-14)
    for _ in range(5):
        assert objective(new) >= objective(_log_softmax(new + 0.3 * rng.standard_normal(4))) - 1e-12
    mixed = mirror_step(log_pi, q, theta=theta, lam=lam, beta=beta)
    assert np.exp(mixed) == pytest.approx((1 - beta) * np.exp(new) + beta / 4, abs=1e-14) or beta == 1.0


def test_a_full_step_forgets_even_impossible_actions_and_extreme_logs_survive():
    full = mirror_step([0.0, -np.inf], [1.0, 2.0], theta=1.0, lam=1.0)
    assert full == pytest.approx(_log_softmax(np.array([1.0, 2.0])))
    tiny = mirror_step([0.0, -3000.0], [0.0, 0.0], theta=0.5, lam=1.0)
    assert tiny == pytest.approx([0.0, -1500.0])


@common
@given(
    st.integers(0, 2**32 - 1),
    st.floats(0.01, 1.0),
    st.sampled_from([0.05, 0.5, 3.0]),
    st.sampled_from([-2.0, 0.0, 3.0]),
    st.sampled_from([0.0, 0.01, 0.5]),
)
def test_one_step_inequality_against_any_reference(seed, theta, lam, coupling, beta):
    rng = np.random.default_rng(seed)
    game = random_linear(rng=rng, blocks=4, coupling=coupling)
    draw = lambda: _log_softmax(2 * rng.standard_normal((4, 4, 4, 3)))  # noqa: E731
    found = mirror_step_certificate(game, draw(), draw(), theta=theta, lam=lam, beta=beta)
    assert found.residual <= 1e-12 * max(1.0, abs(found.bound))
    assert found.before >= 0.0
    assert np.exp(found.log_policy).sum(axis=-1) == pytest.approx(1.0, abs=1e-13)


@common
@given(st.integers(0, 2**32 - 1))
def test_without_hoeffding_the_step_is_an_identity(seed):
    # phi' = (1 - theta) phi + (theta/lam) gap + E_{mu*}[log Z - theta <pi, G>], kernel free of the mean field
    rng = np.random.default_rng(seed)
    game, lam, theta = random_linear(rng=rng, blocks=3), 0.4, 0.3
    log_pi, log_star = (_log_softmax(rng.standard_normal((3, 4, 4, 3))) for _ in range(2))
    found = mirror_step_certificate(game, log_pi, log_star, theta=theta, lam=lam)
    pi, mu_star = np.exp(log_pi), flow(game, np.exp(log_star))
    g = action_values(game, pi, flow(game, pi), lam) / lam - log_pi
    log_z = np.log((pi * np.exp(theta * g)).sum(axis=-1)) - theta * (pi * g).sum(axis=-1)
    excess = (mu_star * log_z).sum(axis=(1, 2)).mean()
    exact = (1 - theta) * found.before + theta / lam * found.gap + excess
    assert found.after == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("mix", [0.0, 0.7])
def test_a_kernel_that_follows_the_crowd_breaks_the_inequality(mix):
    # small steps: the violation is of order theta, the slack of Hoeffding's lemma of order theta squared
    theta, residuals = 1e-3, []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        game = random_linear(rng=rng, blocks=3, mix=mix, coupling=10.0, horizon=6, graphon=erdos_renyi(1.0))
        log_pi, log_star = (_log_softmax(rng.standard_normal((3, 6, 4, 3))) for _ in range(2))
        found = mirror_step_certificate(game, log_pi, log_star, theta=theta, lam=0.1)
        residuals.append(found.residual / theta)
    assert (max(residuals) > 0.01) == (mix > 0.0)
    assert (max(residuals) <= 0.0) == (mix == 0.0)


@pytest.mark.parametrize("lam", [0.2, 1.0])
def test_gap_is_at_most_zero_against_the_equilibrium_of_a_monotone_game(lam, rng):
    game = random_linear(rng=3, blocks=5, coupling=-1.0)
    star = _equilibrium(game, lam)
    assert exploitability(game, np.exp(star), lam) < 1e-10
    for _ in range(10):
        log_pi = _log_softmax(2 * rng.standard_normal(star.shape))
        assert mirror_step_certificate(game, log_pi, star, theta=0.5, lam=lam).gap <= 1e-9


def test_an_anti_monotone_game_has_a_positive_gap_and_growing_divergence():
    game, lam = rotation(2.0, blocks=2), 0.05
    star = np.log(game.uniform_policy())
    start = star.copy()
    start[:, 0] = _log_softmax(np.array([0.1, 0.0, 0.0]))
    found = mirror_step_certificate(game, start, star, theta=0.1, lam=lam)
    assert found.gap > 0.0
    assert found.after > found.before
    assert found.residual <= 1e-14


@pytest.mark.parametrize("schedule", ["constant", "decreasing"])
def test_bound_holds_along_a_run(schedule):
    game, lam, steps = random_linear(rng=3, blocks=5, coupling=-1.0), 0.5, 60
    star = _equilibrium(game, lam)
    thetas = np.full(steps, 0.2) if schedule == "constant" else 2 / (np.arange(steps) + 2)
    log_pi, phis, spreads = np.log(game.uniform_policy()), [], []
    for theta in thetas:
        found = mirror_step_certificate(game, log_pi, star, theta=theta, lam=lam)
        phis.append(found.before)
        spreads.append(found.spread)
        log_pi = found.log_policy
    phis.append(found.after)
    bound = mirror_descent_bound(thetas, phis[0], spreads)
    assert np.all(np.array(phis) <= bound + 1e-12)
    assert phis[0] <= game.horizon * math.log(game.actions) + 1e-12
    assert max(spreads) <= spread_bound(game, lam)
    if schedule == "decreasing":
        t = np.arange(1, steps + 1)
        assert np.all(mirror_descent_bound(thetas, 50.0, 3.0)[1:] <= 3.0 / (2 * (t + 1)) + 1e-15)
    else:
        closed = 0.8**steps * 50.0 + 0.2 * 3.0 / 8
        assert mirror_descent_bound(thetas, 50.0, 3.0)[-1] <= closed


@common
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.05, 1.0]))
def test_spread_bound_holds_for_any_steps(seed, lam):
    rng = np.random.default_rng(seed)
    game = random_linear(rng=rng, blocks=3, coupling=rng.uniform(-2, 2), mix=rng.choice([0.0, 0.5]))
    log_pi = np.log(game.uniform_policy())
    star = _log_softmax(rng.standard_normal(log_pi.shape))
    for _ in range(8):
        found = mirror_step_certificate(game, log_pi, star, theta=rng.uniform(0.01, 1.0), lam=lam)
        assert found.spread <= spread_bound(game, lam)
        log_pi = found.log_policy


def test_spread_bound_of_a_game_with_a_table():
    # sis pays between 0 and -2.5
    game = beach_bar(blocks=3, horizon=2, crowd=0.0)
    one = spread_bound(game, 1.0)
    r = 1.2
    assert one == pytest.approx(4 * (2 * r + math.log(3)) ** 2 + 4 * r**2)


GAME = random_linear(rng=0, blocks=2)
UNIFORM = np.log(GAME.uniform_policy())


def _certify(**changes):
    return mirror_step_certificate(GAME, UNIFORM, UNIFORM, **{"theta": 0.5, "lam": 1.0, **changes})


def _closed():
    closed = np.full_like(UNIFORM, -np.inf)
    closed[..., 0] = 0.0
    return closed


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mirror_step([0.0], [1.0], theta=0.5, lam=0.0), "lam is 0: without entropy .* give lam > 0"),
        (lambda: mirror_step([0.0], [1.0], theta=0.5, lam=-1.0), "lam is -1.0"),
        (lambda: mirror_step([0.0], [1.0], theta=0.0, lam=1.0), r"theta is 0.0: it must lie in \(0, 1\]"),
        (lambda: mirror_step([0.0], [1.0], theta=1.1, lam=1.0), "theta is 1.1"),
        (lambda: mirror_step([0.0], [1.0], theta=math.nan, lam=1.0), "theta has entries that are NaN"),
        (
            lambda: mirror_step([0.0], [1.0], theta=0.5, lam=1.0, beta=1.2),
            r"beta is 1.2: it must lie in \[0, 1\]",
        ),
        (lambda: mirror_step([0.0], [1.0, 2.0], theta=0.5, lam=1.0), r"log_policy has shape \(1,\)"),
        (
            lambda: mirror_step([0.0], [math.nan], theta=0.5, lam=1.0),
            "action_values has entries that are NaN",
        ),
        (lambda: _certify(beta=1.0), "beta is 1.0: the inequality needs beta < 1"),
        (lambda: _certify(beta=-0.1), "beta is -0.1"),
        (lambda: _certify(lam=0.0), "lam is 0"),
        (
            lambda: mirror_step_certificate(GAME, _closed(), UNIFORM, theta=0.5, lam=1.0),
            "log_policy has an action of probability 0: .* full support",
        ),
        (lambda: mirror_descent_bound([0.5, 0.0], 1.0, 1.0), r"thetas is .* steps in \(0, 1\]"),
        (lambda: mirror_descent_bound([0.5], -1.0, 1.0), "initial is -1.0"),
        (lambda: mirror_descent_bound([0.5], 1.0, [1.0, 2.0]), r"spread has shape \(2,\): give one number"),
        (lambda: spread_bound(GAME, 0.0), "lam is 0"),
        (
            lambda: spread_bound(random_linear(rng=0, root_level=0.1), 1.0),
            "without oscillation.* largest_range",
        ),
    ],
)
def test_bad_values(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_given_range_replaces_a_missing_one():
    assert spread_bound(random_linear(rng=0, root_level=0.1), 1.0, largest_range=2.0) > 0.0
