from importlib import import_module

import numba
import numpy as np
import pytest

from tightbound.simulators.planning.belief_expert import belief_expert
from tightbound.simulators.planning.exact_regret import exact_regret
from tightbound.simulators.planning.planners.bail import BAIL
from tightbound.simulators.planning.planners.epsilon_greedy import EpsilonGreedy
from tightbound.simulators.planning.planners.explore import Explore
from tightbound.simulators.planning.planners.explore_first import ExploreFirst
from tightbound.simulators.planning.planners.fixed_subgoal import FixedSubgoal
from tightbound.simulators.planning.planners.greedy_bail import GreedyBAIL
from tightbound.simulators.planning.planners.schedules import Constant, Inverse
from tightbound.simulators.planning.planners.uniform import Uniform
from tightbound.simulators.planning.planners.world_model import WorldModel
from tightbound.simulators.planning.simulate_beliefs import simulate_beliefs
from tightbound.theory.planning.errors import (
    ImpossibleObservationError,
    TreeTooLargeError,
    UnsupportedTruthWarning,
)
from tightbound.theory.planning.hmdp import HMDP

SAFE, TRY, PROBE = 0, 1, 2


def random_model(seed, *, misspecified=False):
    rng = np.random.default_rng(seed)
    environments, states, subgoals, observations, tasks = 2, 2, 2, 2, 2
    return HMDP(
        rng.dirichlet(np.ones(states)),
        rng.dirichlet(np.ones(states), (environments, 2, states, subgoals)),
        rng.dirichlet(np.ones(observations), states),
        rng.random((3, observations, tasks)),
        rng.dirichlet(np.ones(environments)),
        emission=rng.dirichlet(np.ones(observations), states) if misspecified else None,
    )


def reveal(environments, eta):
    """Safe pays 1/2; try pays 1 in environment 0 only; probing tells the environment with probability eta."""
    start, win, lose, safe, blank = range(5)
    states = 5 + environments
    transition = np.zeros((environments, states, 3, states))
    transition[:, 1:, :, :] = np.eye(states)[1:, np.newaxis]
    transition[:, start, SAFE, safe] = 1
    transition[:, start, TRY, lose] = 1
    transition[0, start, TRY, [lose, win]] = [0, 1]
    transition[:, start, PROBE, blank] = 1 - eta
    for z in range(environments):
        transition[z, start, PROBE, 5 + z] = eta
    reward = np.zeros((2, states))
    reward[1, [win, safe]] = [1, 0.5]
    return HMDP(np.eye(states)[start], transition, np.eye(states), reward)


PLANNERS = [
    BAIL(),
    BAIL(0.5),
    GreedyBAIL(),
    EpsilonGreedy(BAIL(), Uniform(), Constant(0.3)),
    EpsilonGreedy(GreedyBAIL(), Explore([0.2, 0.8]), Inverse(1.5)),
    ExploreFirst(BAIL(), FixedSubgoal(1), episodes=2),
]


@pytest.mark.parametrize("misspecified", [False, True])
@pytest.mark.parametrize("planner", PLANNERS, ids=repr)
def test_regret_and_doubt_are_those_of_the_tree(planner, misspecified):
    model = random_model(0, misspecified=misspecified)
    exact = exact_regret(model, 0, 3, planner)
    found = simulate_beliefs(model, 0, 3, planner, replications=4000, rng=1)
    spread = 5 * found.standard_error
    np.testing.assert_array_less(np.abs(found.value - exact.regret), spread + 1e-12)
    spread = 5 * found.doubt.std(axis=0, ddof=1) / np.sqrt(4000)
    np.testing.assert_array_less(np.abs(found.doubt.mean(axis=0) - exact.doubt), spread + 1e-12)


@pytest.mark.parametrize(("eps", "eta"), [(0.0, 0.5), (0.2, 0.5), (0.1, 1.0)])
def test_reveal_has_its_closed_form(eps, eta):
    # an episode leaves one still in doubt with probability (1 - eps)(1 - 1/n) + eps (1 - eta)
    count, episodes = 4, 40
    planner = EpsilonGreedy(BAIL(), FixedSubgoal(PROBE), Constant(eps))
    found = simulate_beliefs(reveal(count, eta), 0, episodes, planner, replications=4000, rng=2)
    lam = (1 - eps) * (1 - 1 / count) + eps * (1 - eta)
    t = np.arange(1, episodes + 1)
    by_hand = eps * t + (1 - eps) * 0.5 * (1 - 1 / count) * (1 - lam**t) / (1 - lam)
    # the first episode is the same in all runs, up to what the coin decides
    np.testing.assert_array_less(np.abs(found.value - by_hand), 5 * found.standard_error + 1e-9)


def test_greedy_decoding_never_learns_on_reveal():
    found = simulate_beliefs(reveal(3, 0.5), 0, 50, GreedyBAIL(), replications=3, rng=0)
    np.testing.assert_allclose(found.regret, np.tile(0.5 * np.arange(1, 51), (3, 1)), rtol=1e-12)
    np.testing.assert_allclose(found.doubt, 2 / 3, rtol=1e-12)


def test_a_replication_depends_on_its_number_only(monkeypatch):
    model, planner = random_model(4), PLANNERS[3]
    many = simulate_beliefs(model, 1, 30, planner, replications=9, rng=7)
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        few = simulate_beliefs(model, 1, 30, planner, replications=4, rng=7)
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(many.regret[:4], few.regret)
    monkeypatch.setattr(import_module("tightbound.simulators.planning.simulate_beliefs"), "_BLOCK", 1)
    pieces = simulate_beliefs(model, 1, 30, planner, replications=9, rng=7, expert=belief_expert(model))
    np.testing.assert_array_equal(many.regret, pieces.regret)
    np.testing.assert_array_equal(many.log_weights, pieces.log_weights)
    longer = simulate_beliefs(
        model, 1, 60, EpsilonGreedy(BAIL(), Uniform(), Constant(0.3)), replications=4, rng=7
    )
    np.testing.assert_array_equal(longer.doubt.shape, (4, 60))


def test_a_generator_moves_on_and_an_integer_does_not():
    model, generator = random_model(4), np.random.default_rng(1)
    first, second = (simulate_beliefs(model, 0, 20, BAIL(), replications=3, rng=generator) for _ in range(2))
    assert np.any(first.regret != second.regret)
    again = [simulate_beliefs(model, 0, 20, BAIL(), replications=3, rng=5).regret for _ in range(2)]
    np.testing.assert_array_equal(*again)


def test_checkpoints_hold_the_posterior_that_doubt_was_computed_from():
    model = random_model(5)
    found = simulate_beliefs(model, 0, 12, BAIL(), replications=5, rng=3, checkpoints=[0, 4, 11])
    np.testing.assert_array_equal(found.checkpoints, [0, 4, 11])
    weights = np.exp(found.log_weights)
    weights /= weights.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(1 - weights[..., 0], found.doubt[:, [0, 4, 11]], atol=1e-12)
    np.testing.assert_allclose(weights[:, 0], np.tile(model.prior, (5, 1)), rtol=1e-12)
    default = simulate_beliefs(model, 0, 12, BAIL(), replications=5, rng=3)
    np.testing.assert_array_equal(default.log_weights, found.log_weights[:, 2:])


def test_a_settled_posterior_is_held_and_loses_nothing():
    # a probe tells at once; the second episode starts without doubt
    planner = ExploreFirst(BAIL(), FixedSubgoal(PROBE), episodes=1)
    found = simulate_beliefs(reveal(3, 1.0), 0, 30, planner, replications=2, rng=0, checkpoints=[0, 1, 29])
    np.testing.assert_array_equal(found.doubt[:, 1:], 0.0)
    np.testing.assert_allclose(found.regret, 1.0, rtol=1e-12)
    np.testing.assert_array_equal(found.log_weights[:, 1], found.log_weights[:, 2])
    assert np.all(found.log_weights[:, 0] == 0.0)


def test_tasks_change_what_is_lost():
    model = random_model(0)
    both = [simulate_beliefs(model, 0, 1, BAIL(), tasks=[task], replications=2000, rng=1) for task in (0, 1)]
    exact = [exact_regret(model, 0, 1, BAIL(), tasks=[task]).regret[0] for task in (0, 1)]
    for found, value in zip(both, exact, strict=True):
        assert abs(found.value[0] - value) <= 5 * found.standard_error[0] + 1e-12
    assert abs(exact[0] - exact[1]) > 10 * both[1].standard_error[0]


def test_a_truth_without_prior_weight_is_announced_and_then_impossible():
    base = reveal(2, 1.0)
    model = HMDP(base.initial, base.transition, base.observation, base.reward, [0.0, 1.0])
    planner = EpsilonGreedy(BAIL(), FixedSubgoal(PROBE), Constant(1.0))
    impossible = r"replication 0 observed in episode 1.*prior weight"
    with pytest.warns(UnsupportedTruthWarning, match=r"truth is 0.*give it prior weight"):
        with pytest.raises(ImpossibleObservationError, match=impossible):
            simulate_beliefs(model, 0, 5, planner, replications=2, rng=0)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"planner": WorldModel()}, TypeError, r"planner is WorldModel\(\).*call simulate"),
        ({"planner": Uniform()}, TypeError, r"beliefs carry BAIL\(\) and GreedyBAIL\(\)"),
        ({"planner": "BAIL"}, TypeError, "planner is 'BAIL'.*give one of these"),
        ({"truth": 2}, ValueError, "truth is 2: give an integer from 0 to 1"),
        ({"episodes": 0}, ValueError, "episodes is 0: give an integer of at least 1"),
        ({"replications": 0}, ValueError, "replications is 0"),
        ({"tasks": [0, 2, 0]}, IndexError, "tasks contains 2"),
        ({"tasks": [0]}, ValueError, r"tasks has shape \(1,\)"),
        ({"checkpoints": [3]}, IndexError, "checkpoints contains 3: give integers from 0 to 2"),
        ({"limit": 1}, TreeTooLargeError, "raise limit"),
    ],
)
def test_bad_arguments(changes, error, message):
    arguments = {
        "model": random_model(0),
        "truth": 0,
        "episodes": 3,
        "planner": BAIL(),
        "replications": 2,
        "rng": 0,
    }
    with pytest.raises(error, match=message):
        simulate_beliefs(**{**arguments, **changes})
