import sys

import numpy as np
import pytest

from tightbound.simulators.planning.exact_regret import exact_regret
from tightbound.simulators.planning.planners.bail import BAIL
from tightbound.simulators.planning.planners.epsilon_greedy import EpsilonGreedy
from tightbound.simulators.planning.planners.explore_first import ExploreFirst
from tightbound.simulators.planning.planners.fixed_subgoal import FixedSubgoal
from tightbound.simulators.planning.planners.greedy_bail import GreedyBAIL
from tightbound.simulators.planning.planners.noisy_language_model import NoisyLanguageModel
from tightbound.simulators.planning.planners.schedules import Constant, Inverse
from tightbound.simulators.planning.planners.self_delusional import SelfDelusional
from tightbound.simulators.planning.planners.uniform import Uniform
from tightbound.simulators.planning.planners.world_model import WorldModel
from tightbound.simulators.planning.simulate import simulate, sweep
from tightbound.theory.planning.closed_forms import lock_regret, reveal_regret
from tightbound.theory.planning.errors import ImpossibleObservationError, UnsupportedTruthWarning
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.instances.lock import lock
from tightbound.theory.planning.instances.noisy_try import noisy_try
from tightbound.theory.planning.instances.random_hmdp import random_hmdp
from tightbound.theory.planning.instances.reveal import PROBE, reveal
from tightbound.theory.planning.tree import HistoryTree

engine = sys.modules["tightbound.simulators.planning.simulate"]
SHARP = random_hmdp(3, 3, 2, 2, 3, 0.3, np.random.default_rng(1))


def agrees(result, exact, least=1e-9):
    """Whether means lie within 5 standard errors of exact values."""
    return bool(np.all(np.abs(result.value - exact) <= 5 * result.standard_error + least))


def with_tasks(model, tasks, rng):
    reward = rng.uniform(size=(model.horizon, model.observations, tasks))
    return HMDP(model.initial, model.transition, model.observation, reward)


@pytest.mark.parametrize("eps", [0.0, 0.2, 1.0])
def test_regret_on_reveal_is_the_closed_form(eps):
    planner = EpsilonGreedy(BAIL(), FixedSubgoal(PROBE), Constant(eps))
    result = simulate(reveal(5, 0.5), 0, 16, planner, replications=4000, key=3)
    assert agrees(result, reveal_regret(np.arange(1, 17), 5, 0.5, eps))


@pytest.mark.parametrize("truth", [0, 1])
def test_regret_on_lock_is_the_closed_form(truth):
    result = simulate(lock(2, 0.4), truth, 16, BAIL(), replications=4000, key=truth)
    assert agrees(result, lock_regret(np.arange(1, 17), 2, 0.4, truth=truth))


@pytest.mark.parametrize(
    "planner",
    [
        BAIL(),
        BAIL(temperature=0.5),
        GreedyBAIL(),
        WorldModel(),
        NoisyLanguageModel(BAIL(), 0.3, "adversarial"),
        ExploreFirst(BAIL(), FixedSubgoal(1), 2),
        EpsilonGreedy(WorldModel(), Uniform(), Inverse(1.5)),
    ],
    ids=repr,
)
def test_regret_is_the_exact_one(planner):
    exact = exact_regret(SHARP, 1, 3, planner)
    result = simulate(SHARP, 1, 3, planner, replications=4000, key=7, checkpoints=range(3))
    assert agrees(result, exact.regret)
    error = result.doubt.std(axis=0) / np.sqrt(result.replications)
    assert np.all(np.abs(result.doubt.mean(axis=0) - exact.doubt) <= 5 * error + 1e-12)
    roots = np.exp(0.5 * (result.log_weights - result.log_weights[..., [1]]))[..., [0, 2]]
    error = roots.std(axis=0).max(axis=-1) / np.sqrt(result.replications)
    assert np.all(np.abs(roots.mean(axis=0).max(axis=-1) - exact.root_ratio) <= 6 * error + 1e-12)


def test_tasks_follow_the_given_order(rng):
    model = with_tasks(SHARP, 2, rng)
    tasks = [1, 0, 1]
    for planner in (EpsilonGreedy(BAIL(), Uniform(), Constant(0.3)), WorldModel()):
        result = simulate(model, 0, 3, planner, tasks=tasks, replications=4000, key=5)
        assert agrees(result, exact_regret(model, 0, 3, planner, tasks=tasks).regret)


def test_results_depend_neither_on_blocks_nor_on_the_number_of_replications(monkeypatch):
    planner = EpsilonGreedy(BAIL(), Uniform(), Constant(0.2))
    whole = simulate(SHARP, 0, 20, planner, replications=40, key=2, checkpoints=[0, 7, 19])
    monkeypatch.setattr(engine, "EPISODES", engine.FEW)
    for runs, count in ((engine.RUNS, 13), (engine.FEW, 37)):
        monkeypatch.setattr(engine, "RUNS", runs)
        part = simulate(SHARP, 0, 20, planner, replications=count, key=2, checkpoints=[0, 7, 19])
        np.testing.assert_allclose(part.regret, whole.regret[:count], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(part.doubt, whole.doubt[:count], rtol=1e-9)
        np.testing.assert_allclose(part.log_weights, whole.log_weights[:count], rtol=1e-9, atol=1e-9)


def test_a_sweep_is_its_single_simulations():
    import jax

    pairs = [(5, 0.5), (40, 0.1), (17, Inverse(2.0))]
    results = sweep(SHARP, 0, pairs, exploit=BAIL(), explore=Uniform(), replications=9, key=11)
    for i, (episodes, eps) in enumerate(pairs):
        planner = EpsilonGreedy(BAIL(), Uniform(), eps if callable(eps) else Constant(eps))
        key = jax.random.fold_in(jax.random.key(11), i)
        alone = simulate(SHARP, 0, episodes, planner, replications=9, key=key)
        np.testing.assert_allclose(results[i].regret, alone.regret, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(results[i].log_weights, alone.log_weights, rtol=1e-9, atol=1e-9)


class Unsettled(BAIL):
    @property
    def bayesian(self):
        return False


def test_settled_replications_are_charged_what_they_would_have_cost():
    held, played = (
        simulate(SHARP, 0, 600, EpsilonGreedy(planner, Uniform(), Constant(0.5)), replications=16, key=4)
        for planner in (BAIL(), Unsettled())
    )
    assert 0.0 < held.doubt[:, -1].max() <= 1e-12
    assert played.doubt[:, -1].max() < 1e-15
    np.testing.assert_allclose(held.regret, played.regret, rtol=1e-9)


def test_a_misspecified_reporter_never_settles_and_can_win_over_the_posterior():
    result = simulate(
        noisy_try(0.05, 1.0),
        0,
        400,
        EpsilonGreedy(BAIL(), Uniform(), Constant(1.0)),
        replications=16,
        key=1,
    )
    assert result.doubt[:, -1].min() > 0.9


def test_self_delusion_costs_the_same_in_every_episode():
    result = simulate(reveal(5), 0, 16, SelfDelusional(BAIL()), replications=4000, key=6)
    assert agrees(result, 0.5 * 0.8 * np.arange(1, 17))
    assert set(np.round(result.doubt[:, -1], 12)) == {0.0, 1.0}


def test_keys_of_all_kinds_and_no_global_flag():
    import jax

    old = [simulate(SHARP, 0, 3, BAIL(), replications=3, key=k).regret for k in (5, jax.random.key(5))]
    old.append(simulate(SHARP, 0, 3, BAIL(), replications=3, key=jax.random.PRNGKey(5)).regret)
    np.testing.assert_array_equal(old[0], old[1])
    np.testing.assert_array_equal(old[0], old[2])
    assert old[0].dtype == np.float64
    assert not jax.config.jax_enable_x64
    assert np.any(old[0] != simulate(SHARP, 0, 3, BAIL(), replications=3, key=6).regret)


def test_one_environment_has_no_regret():
    model = random_hmdp(1, 3, 2, 2, 3, 1.0, np.random.default_rng(0))
    result = simulate(model, 0, 5, BAIL(), replications=2, key=0)
    np.testing.assert_allclose(result.regret, 0.0, atol=1e-12)


def test_equal_environments_are_never_told_apart(rng):
    kernel = rng.dirichlet([1.0, 1.0], size=(2, 2))
    model = HMDP([0.5, 0.5], [kernel, kernel], np.eye(2), rng.uniform(size=(2, 2)))
    result = simulate(model, 0, 20, BAIL(), replications=3, key=0)
    np.testing.assert_allclose(result.doubt, 0.5, rtol=1e-12)
    np.testing.assert_allclose(result.regret, 0.0, atol=1e-12)


def test_a_tree_may_be_given():
    tree = HistoryTree(SHARP)
    np.testing.assert_array_equal(
        simulate(tree, 0, 3, BAIL(), replications=2, key=0).regret,
        simulate(SHARP, 0, 3, BAIL(), replications=2, key=0).regret,
    )


def test_a_truth_without_prior_weight_is_warned_of():
    model = HMDP(SHARP.initial, SHARP.transition, SHARP.observation, SHARP.reward, [0.0, 0.5, 0.5])
    with pytest.warns(UnsupportedTruthWarning, match="give it prior weight"):
        result = simulate(model, 0, 3, BAIL(), replications=2, key=0)
    np.testing.assert_array_equal(result.doubt, 1.0)


def test_what_every_environment_excludes_is_an_error():
    model = reveal(5)
    emission = np.roll(np.eye(model.states), 1, axis=1)
    broken = HMDP(model.initial, model.transition, model.observation, model.reward, emission=emission)
    with pytest.raises(ImpossibleObservationError, match=r"5 of 5 replications.*reporter that can emit"):
        simulate(broken, 0, 3, BAIL(), replications=5, key=0)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"episodes": 0}, ValueError, "episodes is 0: give an integer of at least 1"),
        ({"episodes": 2.0}, TypeError, "episodes is 2.0"),
        ({"replications": 0}, ValueError, "replications is 0: give an integer of at least 1"),
        ({"truth": 3}, ValueError, "truth is 3: give an integer from 0 to 2"),
        ({"truth": -1}, ValueError, "truth is -1"),
        (
            {"planner": "BAIL"},
            TypeError,
            r"planner is 'BAIL' \(str\): give an instance of Planner, e.g. BAIL",
        ),
        ({"key": -1}, ValueError, "key is -1: give an integer of at least 0"),
        ({"key": None}, TypeError, "key is None"),
        ({"tasks": [0, 0]}, ValueError, r"tasks has shape \(2,\): give one task per episode, shape \(4,\)"),
        ({"tasks": [0, 0, 1, 0]}, IndexError, "tasks contains 1"),
        ({"checkpoints": [4]}, IndexError, "checkpoints contains 4: give integers from 0 to 3"),
        ({"model": 3}, TypeError, "give an HMDP or a HistoryTree"),
        ({"planner": FixedSubgoal(2)}, ValueError, "subgoal is 2: give an integer from 0 to 1"),
        (
            {"planner": EpsilonGreedy(BAIL(), Uniform(), lambda n: np.full(n, 1.5))},
            ValueError,
            r"each in \[0, 1\]",
        ),
        ({"planner": EpsilonGreedy(BAIL(), Uniform(), lambda n: np.zeros(n + 1))}, ValueError, "one chance"),
    ],
)
def test_bad_arguments(change, error, message):
    arguments = {"model": SHARP, "truth": 0, "episodes": 4, "planner": BAIL(), "replications": 2, "key": 0}
    with pytest.raises(error, match=message):
        simulate(**(arguments | change))


def test_bad_sweeps():
    common = {"exploit": BAIL(), "explore": Uniform(), "replications": 2, "key": 0}
    with pytest.raises(ValueError, match="pairs is empty: give at least one pair"):
        sweep(SHARP, 0, [], **common)
    with pytest.raises(ValueError, match=r"eps is 1.5.*clip it"):
        sweep(SHARP, 0, [(3, 1.5)], **common)
    with pytest.raises(ValueError, match="episodes is 0"):
        sweep(SHARP, 0, [(0, 0.5)], **common)
    with pytest.raises(TypeError, match=r"explore is BAIL.*give an instance of Explorer"):
        sweep(SHARP, 0, [(3, 0.5)], **(common | {"explore": BAIL()}))


def test_one_replication_has_no_standard_error():
    result = simulate(SHARP, 0, 3, BAIL(), replications=1, key=0)
    assert result.value.shape == (3,)
    assert (result.replications, result.episodes) == (1, 3)
    with pytest.raises(ValueError, match=r"replications is 1.*simulate with more"):
        _ = result.standard_error
