"""Rules against the definitions in theory, in NumPy and in JAX, and every bad hyper-parameter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.simulators.planning.planners.bail import BAIL
from tightbound.simulators.planning.planners.base import Node, posterior
from tightbound.simulators.planning.planners.epsilon_greedy import EpsilonGreedy
from tightbound.simulators.planning.planners.explore import Explore
from tightbound.simulators.planning.planners.explore_first import ExploreFirst
from tightbound.simulators.planning.planners.fixed_subgoal import FixedSubgoal
from tightbound.simulators.planning.planners.frozen_posterior import FrozenPosterior
from tightbound.simulators.planning.planners.greedy_bail import GreedyBAIL
from tightbound.simulators.planning.planners.independent_bail import IndependentBAIL
from tightbound.simulators.planning.planners.noisy_language_model import NoisyLanguageModel
from tightbound.simulators.planning.planners.schedules import Constant, Inverse
from tightbound.simulators.planning.planners.self_delusional import SelfDelusional
from tightbound.simulators.planning.planners.tempered_posterior import TemperedPosterior
from tightbound.simulators.planning.planners.uniform import Uniform
from tightbound.simulators.planning.planners.world_model import WorldModel
from tightbound.simulators.planning.setting import as_setting
from tightbound.theory.planning.bail import bail, greedy, independent_bail, temper
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.instances.lock import ADVANCE, lock
from tightbound.theory.planning.instances.meet import meet
from tightbound.theory.planning.instances.reveal import SAFE, TRY, reveal
from tightbound.theory.planning.tree import HistoryTree
from tightbound.theory.planning.world_model import world_model

SEEDS = st.integers(0, 10_000)


def random_model(seed, tasks=2):
    rng = np.random.default_rng(seed)
    return HMDP(
        rng.dirichlet(np.ones(3)),
        rng.dirichlet(np.full(3, 0.5), size=(3, 2, 3, 4)),
        rng.dirichlet(np.ones(3), size=3),
        rng.uniform(size=(3, 3, tasks)),
        actors=(2, 2),
    )


def log_weights(seed, size=3):
    return np.log(np.random.default_rng(seed + 1).dirichlet(np.ones(size)))


def close(found, expected):
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(SEEDS)
def test_rules_are_the_planners_defined_in_theory(seed):
    tree, logs = HistoryTree(random_model(seed)), log_weights(seed)
    setting = as_setting(tree, 0, BAIL())
    mixture = bail(tree, setting.expert, logs)
    close(setting.policy(logs), mixture)
    close(as_setting(tree, 0, BAIL(temperature=0.3)).policy(logs), temper(mixture, 0.3))
    close(as_setting(tree, 0, GreedyBAIL()).policy(logs), greedy(mixture))
    close(
        as_setting(tree, 0, IndependentBAIL()).policy(logs),
        independent_bail(tree, setting.expert, logs),
    )
    close(as_setting(tree, 0, WorldModel()).policy(logs), world_model(tree, logs))


@pytest.mark.parametrize(
    "planner",
    [BAIL(0.7), GreedyBAIL(), IndependentBAIL(), Uniform(), NoisyLanguageModel(BAIL(), 0.2, "adversarial")],
    ids=repr,
)
def test_rules_say_the_same_in_jax(planner):
    import jax
    import jax.numpy as jnp

    setting = as_setting(random_model(3), 1, planner)
    level = 1
    node = Node(
        level,
        np.arange(5),
        np.random.default_rng(0).dirichlet(np.ones(3), size=5),
        setting.expert.subgoal[level][:, 0, :5].T,
        setting.expert.action_value[level][1, 0, :5],
    )
    expected = setting.rule.law(np, node, (), setting.numbers)
    with jax.enable_x64(True):
        found = setting.rule.law(
            jnp, jax.tree.map(jnp.asarray, node)._replace(level=level), (), setting.numbers
        )
        np.testing.assert_allclose(np.asarray(found), expected, atol=1e-14)
    np.testing.assert_allclose(expected.sum(axis=-1), 1.0)


def test_planners_of_one_structure_share_a_rule():
    model = meet(2, 2)
    assert BAIL(0.5).rule(model) == BAIL(2.0).rule(model)
    assert hash(BAIL(0.5).rule(model)) == hash(BAIL().rule(model))
    noisy = [NoisyLanguageModel(BAIL(), error).rule(model) for error in (0.1, 0.2)]
    assert noisy[0] == noisy[1]
    assert BAIL().rule(model) != GreedyBAIL().rule(model)


def test_ties_go_to_the_lowest_subgoal():
    for planner in (GreedyBAIL(), WorldModel()):
        policy = as_setting(reveal(2), 0, planner).policy(np.log([0.5, 0.5]))
        assert policy[0][0, 0].argmax() == SAFE
        policy = as_setting(reveal(2), 0, planner).policy(np.log([0.5 + 1e-9, 0.5 - 1e-9]))
        assert policy[0][0, 0].argmax() == TRY


def test_noise_is_mixed_into_the_answers():
    model, logs = random_model(0), log_weights(0)
    clean = as_setting(model, 1, BAIL())
    uniform = as_setting(model, 1, NoisyLanguageModel(BAIL(), 0.3)).policy(logs)
    close(uniform, [0.7 * laws + 0.3 / 4 for laws in clean.policy(logs)])
    worst = as_setting(model, 1, NoisyLanguageModel(BAIL(), 1.0, "adversarial")).policy(logs)
    close(worst, [np.eye(4)[values[1].argmin(axis=-1)] for values in clean.expert.action_value])


def test_frozen_and_tempered_posteriors_are_what_they_say():
    model, logs = random_model(5), log_weights(5)
    plain = as_setting(model, 0, BAIL())
    frozen = as_setting(model, 0, FrozenPosterior(BAIL())).policy(logs)
    weights = np.exp(logs)
    for laws, chosen in zip(frozen, plain.expert.subgoal, strict=True):
        votes = np.stack([(weights[:, None, None] * (chosen == g)).sum(axis=0) for g in range(4)], axis=-1)
        np.testing.assert_allclose(laws, votes, atol=1e-12)
    tempered = as_setting(model, 0, TemperedPosterior(BAIL(), 1.0))
    close(tempered.policy(logs), plain.policy(logs))
    twice = as_setting(model, 0, TemperedPosterior(BAIL(), 2.0))
    np.testing.assert_allclose(twice.evidence.exploited, 2 * plain.evidence.exploited)
    assert [p.bayesian for p in (BAIL(), FrozenPosterior(BAIL()), TemperedPosterior(BAIL()))] == [
        True,
        True,
        False,
    ]


def test_self_delusion_excludes_who_would_have_chosen_otherwise():
    setting = as_setting(lock(2), 0, SelfDelusional(BAIL()))
    evidence, tree = setting.evidence, setting.tree
    advanced = int(tree.levels[0].child[0, ADVANCE].max())
    assert evidence.within[1][:, 0, advanced].tolist() == [0.0, -np.inf]
    np.testing.assert_array_equal(evidence.explored[:, 0], tree.levels[-1].log_likelihood)


def test_posteriors_of_nothing_are_uniform():
    assert posterior(np, np.array([-np.inf, -np.inf])).tolist() == [0.5, 0.5]
    assert posterior(np, np.array([-np.inf, -1000.0])).tolist() == [0.0, 1.0]


def test_explorers_and_schedules():
    model = lock(2)
    assert Explore([0.25, 0.75]).table(model).tolist() == [[0.25, 0.75]] * 2
    assert Explore([[1.0, 0.0], [0.5, 0.5]]).table(model).tolist() == [[1.0, 0.0], [0.5, 0.5]]
    assert Uniform().table(model).tolist() == [[0.5, 0.5]] * 2
    assert FixedSubgoal(1).table(model).tolist() == [[0.0, 1.0]] * 2
    assert Inverse(3.0)(4).tolist() == [1.0, 1.0, 1.0, 0.75]
    assert ExploreFirst(BAIL(), Uniform(), 9).probabilities(3).tolist() == [1.0] * 3
    assert BAIL().probabilities(2).tolist() == [0.0, 0.0]


MIXED = EpsilonGreedy(BAIL(), Uniform(), Constant(0.1))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: BAIL(0.0), ValueError, r"temperature is 0.0: .* above 0; .*use GreedyBAIL\(\)"),
        (lambda: BAIL(-1.0), ValueError, "temperature is -1.0"),
        (lambda: BAIL(float("nan")), ValueError, "temperature is nan: it must be finite"),
        (lambda: BAIL("hot"), TypeError, "temperature is 'hot'.*give a number"),
        (lambda: Constant(1.5), ValueError, r"eps is 1.5: .*clip it with min\(1, eps\)"),
        (lambda: Constant(-0.1), ValueError, "eps is -0.1"),
        (lambda: Constant(True), TypeError, "eps is True"),
        (lambda: Inverse(0.0), ValueError, "a is 0.0: .*use the planner by itself"),
        (lambda: NoisyLanguageModel(BAIL(), 1.1), ValueError, "error is 1.1.*share of answers"),
        (lambda: NoisyLanguageModel(BAIL(), 0.1, "rude"), ValueError, "choose 'uniform' or 'adversarial'"),
        (lambda: NoisyLanguageModel(MIXED, 0.1), TypeError, "explores already; give the planner that it"),
        (lambda: NoisyLanguageModel(WorldModel(), 0.1), TypeError, r"plans whole episodes.*e.g. BAIL\(\)"),
        (lambda: FrozenPosterior(WorldModel()), TypeError, "plans whole episodes"),
        (lambda: FrozenPosterior(3), TypeError, r"planner is 3 \(int\): give an instance of Planner"),
        (lambda: TemperedPosterior(BAIL(), 0.0), ValueError, "power is 0.0.*power of 1 is Bayes"),
        (lambda: EpsilonGreedy(MIXED, Uniform(), Constant(0.1)), TypeError, "exploit is .*explores already"),
        (lambda: EpsilonGreedy(BAIL(), BAIL(), Constant(0.1)), TypeError, r"explore is BAIL.*Uniform\(\)"),
        (lambda: EpsilonGreedy(BAIL(), Uniform(), 0.1), TypeError, r"schedule is 0.1: .*Constant\(0.1\)"),
        (lambda: ExploreFirst(BAIL(), Uniform(), -1), ValueError, "episodes is -1: give an integer"),
        (lambda: FixedSubgoal(-1), ValueError, "subgoal is -1"),
        (lambda: FixedSubgoal(5).table(lock(2)), ValueError, "subgoal is 5: give an integer from 0 to 1"),
        (lambda: Explore([0.5, 0.6]), ValueError, "law has a row that sums to 1.1.*divide each row"),
        (
            lambda: Explore(np.full((1, 1, 2), 0.5)),
            ValueError,
            r"law has shape \(1, 1, 2\): give shape \(G,\)",
        ),
        (lambda: Explore([0.5, 0.5, 0.0]).table(lock(2)), ValueError, r"give shape \(2,\) or \(2, 2\)"),
    ],
)
def test_bad_hyper_parameters(make, error, message):
    with pytest.raises(error, match=message):
        make()
