import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.planning.bounds import (
    derived_epsilon,
    epsilon_greedy_bound,
    explore_first_bound,
    explore_first_episodes,
    greedy_mass,
    hard_instance_lower_bound,
    independent_actors_bound,
    independent_mass,
    log_factor,
    log_regret_bound,
    per_step_bound,
    recalled_epsilon,
    recalled_rate,
    sampled_mass,
    schedule_bound,
    world_model_bound,
    world_model_mass,
)
from tightbound.theory.planning.closed_forms import reveal_regret

common = settings(deadline=None, derandomize=True, max_examples=25)
etas = st.floats(0.02, 1.0)
masses = st.floats(0.0, 500.0)


def test_masses():
    assert sampled_mass(4, 3, 4.0) == 0.5 * 3 * 2 * 2
    assert greedy_mass(4, 3, 4.0) == 12.0
    assert independent_mass(4, 3, 5, 4.0) == 30.0
    assert world_model_mass(3, 4.0) == 4.0
    assert sampled_mass(2, 1) == 0.0
    assert log_factor(0.0) == 1.0
    assert log_factor(math.e) == 2.0


@common
@given(st.integers(1, 400), st.floats(0.0, 1.0), etas, masses)
def test_the_closed_form_lies_above_the_sum(episodes, eps, eta, mass):
    exact = schedule_bound(episodes, eps, eta, horizon=3, mass=mass)[-1]
    closed = float(epsilon_greedy_bound(episodes, eps, eta, horizon=3, mass=mass))
    assert exact <= closed * (1.0 + 1e-12)
    assert closed <= 2 * episodes


@common
@given(st.integers(1, 10_000), etas, masses)
def test_the_derived_probability_is_the_best(episodes, eta, mass):
    best = float(derived_epsilon(episodes, eta, mass))
    at = [float(epsilon_greedy_bound(episodes, e, eta, horizon=2, mass=mass)) for e in (best, 0.7 * best)]
    assert at[0] <= at[1] * (1.0 + 1e-12)
    if best < 1.0:
        factor = 2.0 * math.sqrt(episodes * log_factor(mass) / eta) + 1.0
        assert at[0] == pytest.approx(min(episodes, factor))


@common
@given(st.integers(1, 2_000), etas, masses, st.floats(1.05, 8.0))
def test_fading_exploration_is_below_its_closed_form(episodes, eta, mass, power):
    scale = power / eta
    eps = np.minimum(1.0, scale / np.arange(1, episodes + 1))
    exact = schedule_bound(episodes, eps, eta, horizon=2, mass=mass)
    closed = log_regret_bound(np.arange(1, episodes + 1), scale, eta, horizon=2, mass=mass)
    assert np.all(exact <= closed * (1.0 + 1e-12))


@common
@given(st.integers(1, 2_000), etas, masses)
def test_exploring_first_is_below_its_closed_form(episodes, eta, mass):
    first = explore_first_episodes(episodes, eta, mass)
    eps = (np.arange(episodes) < first).astype(float)
    exact = schedule_bound(episodes, eps, eta, horizon=2, mass=mass)[-1]
    assert exact <= explore_first_bound(episodes, eta, horizon=2, mass=mass) * (1.0 + 1e-12)


def test_one_exploration_suffices_where_it_tells_all():
    assert explore_first_episodes(10**6, 1.0, 5.0) == 1
    assert explore_first_episodes(10**6, 0.5, 0.0) == 0


@common
@given(st.integers(2, 12), st.integers(2, 50), st.floats(1.0, 30.0), etas)
def test_per_step_bound_against_its_sum(horizon, environments, ratio, eta):
    episodes = 20_000
    factor = log_factor(0.5 * world_model_mass(environments, ratio))
    eps = math.sqrt(horizon * factor / (2.0 * eta * episodes))
    found = float(
        per_step_bound(episodes, eta, horizon=horizon, environments=environments, prior_ratio=ratio)
    )
    if eps > 1.0:
        assert found == (horizon - 1) * episodes
        return
    doubt = 0.5 * world_model_mass(environments, ratio) * (1.0 - eps * eta) ** np.arange(episodes)
    total = episodes * eps * (horizon - 1) + 0.5 * horizon * (horizon - 1) * np.minimum(1.0, doubt).sum()
    assert total <= max(found, 0.0) * (1.0 + 1e-12) or found == (horizon - 1) * episodes


@pytest.mark.parametrize("horizon", [2, 3, 5, 20])
@pytest.mark.parametrize("environments", [2, 10, 1000])
def test_the_recalled_rate_follows_with_the_constant_stated(horizon, environments):
    """At the recalled probability, the derived bound is below 2.23 rates plus H - 1."""
    eta, episodes = 0.3, 10**6
    mass = sampled_mass(horizon, environments)
    eps = recalled_epsilon(episodes, eta, horizon=horizon, environments=environments)
    assert eps < 1.0
    bound = epsilon_greedy_bound(episodes, eps, eta, horizon=horizon, mass=mass)
    rate = recalled_rate(episodes, eta, horizon=horizon, environments=environments)
    assert bound <= 2.23 * rate + horizon - 1


def test_wrappers_are_the_bound_at_their_mass():
    given = {"episodes": 1000, "eps": 0.1, "eta": 0.5, "horizon": 3}
    world = world_model_bound(**given, environments=4, prior_ratio=2.0)
    apart = independent_actors_bound(**given, environments=4, actors=3, prior_ratio=2.0)
    assert world == epsilon_greedy_bound(**given, mass=world_model_mass(4, 2.0))
    assert apart == epsilon_greedy_bound(**given, mass=independent_mass(3, 4, 3, 2.0))
    assert apart > epsilon_greedy_bound(**given, mass=sampled_mass(3, 4, 2.0))


@common
@given(st.integers(2, 300), st.integers(1, 3000))
def test_naive_reveal_exceeds_its_lower_bound(environments, episodes):
    assert reveal_regret(episodes, environments) >= hard_instance_lower_bound(episodes, environments) * (
        1 - 1e-12
    )


def test_the_lower_bound_is_linear_where_environments_grow_with_episodes():
    assert float(hard_instance_lower_bound(10**6, 10**6)) == pytest.approx(10**6 / (2 * math.e), rel=1e-5)
    assert float(hard_instance_lower_bound(1, 7)) == float(reveal_regret(1, 7))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: sampled_mass(1, 2), ValueError, "horizon is 1: give an integer of at least 2"),
        (lambda: world_model_mass(0), ValueError, "environments is 0: give an integer of at least 1"),
        (lambda: independent_mass(2, 2, 0), ValueError, "actors is 0: give an integer of at least 1"),
        (lambda: log_factor(-1.0), ValueError, "mass is -1.0: give one finite number of at least 0"),
        (lambda: epsilon_greedy_bound(0, 0.1, 0.5, horizon=2, mass=1.0), ValueError, "episodes contains 0"),
        (lambda: epsilon_greedy_bound(5, -0.1, 0.5, horizon=2, mass=1.0), ValueError, "eps contains -0.1"),
        (lambda: derived_epsilon(5, 0.0, 1.0), ValueError, "eta is 0.0"),
        (lambda: log_regret_bound(5, 2.0, 0.5, horizon=2, mass=1.0), ValueError, "scale above 2.0"),
        (lambda: recalled_rate(5, 0.5, horizon=2, environments=2, actors=0), ValueError, "actors is 0"),
        (lambda: hard_instance_lower_bound(5, 0.5), ValueError, "environments contains 0.5: give at least"),
        (lambda: schedule_bound(2, [0.1, 2.0], 0.5, horizon=2, mass=1.0), ValueError, "eps contains 2.0"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()
