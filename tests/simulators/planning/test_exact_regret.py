import numpy as np
import pytest

from tightbound.simulators.planning.exact_regret import exact_regret
from tightbound.simulators.planning.planners.bail import BAIL
from tightbound.simulators.planning.planners.epsilon_greedy import EpsilonGreedy
from tightbound.simulators.planning.planners.explore_first import ExploreFirst
from tightbound.simulators.planning.planners.fixed_subgoal import FixedSubgoal
from tightbound.simulators.planning.planners.greedy_bail import GreedyBAIL
from tightbound.simulators.planning.planners.independent_bail import IndependentBAIL
from tightbound.simulators.planning.planners.schedules import Constant
from tightbound.simulators.planning.planners.self_delusional import SelfDelusional
from tightbound.simulators.planning.planners.tempered_posterior import TemperedPosterior
from tightbound.simulators.planning.planners.world_model import WorldModel
from tightbound.theory.planning.closed_forms import (
    lock_regret,
    meet_regret,
    reveal_greedy_regret,
    reveal_regret,
)
from tightbound.theory.planning.errors import TreeTooLargeError, UnsupportedTruthWarning
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.instances.lock import lock
from tightbound.theory.planning.instances.meet import meet, together
from tightbound.theory.planning.instances.random_hmdp import random_hmdp
from tightbound.theory.planning.instances.reveal import PROBE, reveal

TIMES = np.arange(1, 61)


def greedy_epsilon(planner, eps, subgoal=PROBE):
    return EpsilonGreedy(planner, FixedSubgoal(subgoal), Constant(eps))


@pytest.mark.parametrize("eps", [0.0, 0.1])
def test_closed_forms(eps):
    one = exact_regret(reveal(4, 0.5), 0, 60, greedy_epsilon(BAIL(), eps)).regret
    np.testing.assert_allclose(one, reveal_regret(TIMES, 4, 0.5, eps), rtol=1e-9)
    for planner in (GreedyBAIL(), WorldModel()):
        one = exact_regret(reveal(4, 0.5), 0, 60, greedy_epsilon(planner, eps)).regret
        np.testing.assert_allclose(one, reveal_greedy_regret(TIMES, 0.5, eps), rtol=1e-9)
    for planner, sampling in ((BAIL(), "joint"), (IndependentBAIL(), "independent")):
        probe = greedy_epsilon(planner, eps, together(PROBE, 2))
        one = exact_regret(meet(3, 2, 0.5), 0, 60, probe).regret
        np.testing.assert_allclose(one, meet_regret(TIMES, 3, 2, 0.5, eps, sampling=sampling), rtol=1e-9)


def test_lock_and_temperature():
    one = exact_regret(lock(3, 0.4), 0, 60, BAIL()).regret
    np.testing.assert_allclose(one, lock_regret(TIMES, 3, 0.4), rtol=1e-9)
    one = exact_regret(reveal(4), 0, 60, BAIL(temperature=0.5)).regret
    np.testing.assert_allclose(one, reveal_regret(TIMES, 4, temperature=0.5), rtol=1e-9)


def test_exploring_first_ends_the_regret():
    regret = exact_regret(reveal(4), 0, 5, ExploreFirst(BAIL(), FixedSubgoal(PROBE), 1)).regret
    np.testing.assert_allclose(regret, 1.0)


def test_refusals():
    for planner in (SelfDelusional(BAIL()), TemperedPosterior(BAIL())):
        with pytest.raises(TypeError, match=r"does not follow Bayes' rule.*use simulate"):
            exact_regret(reveal(3), 0, 3, planner)
    with pytest.raises(ValueError, match="episodes is 0: give an integer of at least 1"):
        exact_regret(reveal(3), 0, 0, BAIL())
    with pytest.raises(TypeError, match="give an instance of Planner"):
        exact_regret(reveal(3), 0, 3, None)
    model = random_hmdp(3, 3, 2, 2, 3, 1.0, np.random.default_rng(0))
    with pytest.raises(TreeTooLargeError, match="simulate instead"):
        exact_regret(model, 0, 4, BAIL(), limit=10)


def test_a_truth_without_prior_weight_is_warned_of_once():
    model = reveal(3)
    model = HMDP(model.initial, model.transition, model.observation, model.reward, [0.0, 0.5, 0.5])
    with pytest.warns(UnsupportedTruthWarning) as caught:
        exact_regret(model, 0, 2, WorldModel())
    assert len(caught) == 1
