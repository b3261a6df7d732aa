import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.simulators.planning.exact_regret import exact_regret
from tightbound.simulators.planning.planners.epsilon_greedy import EpsilonGreedy
from tightbound.simulators.planning.planners.fixed_subgoal import FixedSubgoal
from tightbound.simulators.planning.planners.independent_bail import IndependentBAIL
from tightbound.simulators.planning.planners.schedules import Constant
from tightbound.simulators.planning.private_regret import private_regret
from tightbound.theory.planning.bounds import independent_actors_bound
from tightbound.theory.planning.instances.meet import PROBE, private_meet, together


def enumerated(episodes, actors, q, eps, truth):
    """Expected regret by recursion over everything that can happen."""
    plus = 1.0 - q if truth else q
    unit = math.log(q / (1.0 - q))

    def onward(left, signs):
        if left == 0:
            return 0.0
        weights = [1.0 / (1.0 + math.exp(-unit * n)) for n in signs]
        tries, safe = math.prod(weights), math.prod(1.0 - w for w in weights)
        value = (0.5 if truth else 1.0 - tries) - 0.5 * safe
        identified = (left - 1) * eps * (0.5 if truth else 1.0)
        total = (1.0 - eps) * (value + tries * identified + (1.0 - tries) * onward(left - 1, signs))
        total += eps * (0.5 if truth else 1.0)
        for moves in itertools.product((1, -1), repeat=actors):
            chance = math.prod(plus if m > 0 else 1.0 - plus for m in moves)
            told = tuple(n + m for n, m in zip(signs, moves, strict=True))
            total += eps * chance * onward(left - 1, told)
        return total

    return onward(episodes, (0,) * actors)


@pytest.mark.parametrize(("actors", "truth"), [(1, 0), (2, 0), (2, 1), (3, 0)])
def test_private_signs_against_enumeration(actors, truth):
    found = private_regret(4, actors, 0.8, eps=0.3, truth=truth)
    expected = [enumerated(t, actors, 0.8, 0.3, truth) for t in range(1, 5)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("truth", [0, 1])
def test_shared_signs_against_the_tables(truth):
    planner = EpsilonGreedy(IndependentBAIL(), FixedSubgoal(together(PROBE, 2)), Constant(0.3))
    expected = exact_regret(private_meet(2, 0.8, 0.7), truth, 10, planner).regret
    found = private_regret(10, 2, 0.8, eps=0.3, q_hat=0.7, truth=truth, shared=True)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.floats(0.55, 0.95), st.floats(0.01, 1.0), st.integers(1, 2), st.integers(0, 1))
def test_a_single_actor_shares_with_itself_and_bounds_hold(q, eps, actors, truth):
    private = private_regret(60, actors, q, eps=eps, truth=truth)
    shared = private_regret(60, actors, q, eps=eps, truth=truth, shared=True)
    if actors == 1:
        np.testing.assert_allclose(private, shared, rtol=1e-12)
    eta = 1.0 - 2.0 * math.sqrt(q * (1.0 - q))
    bound = independent_actors_bound(np.arange(1, 61), eps, eta, horizon=2, environments=2, actors=actors)
    assert np.all(private <= bound + 1e-9)
    assert np.all(np.diff(private) >= 0.0)


def test_exploration_alone_costs_what_it_costs():
    np.testing.assert_allclose(private_regret(5, 2, 0.8, eps=1.0), np.arange(1.0, 6.0))
    np.testing.assert_allclose(private_regret(5, 2, 0.8, eps=1.0, truth=1), 0.5 * np.arange(1.0, 6.0))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"episodes": 0}, ValueError, "episodes is 0: give an integer of at least 1"),
        ({"actors": 4}, ValueError, "actors is 4: give an integer from 1 to 3"),
        ({"q": 0.5}, ValueError, r"q is 0.5: .*not 1/2, where a sign tells nothing"),
        ({"q": 1.0}, ValueError, "q is 1.0: give a reliability strictly between"),
        ({"eps": 1.5}, ValueError, r"eps is 1.5: give one probability in \[0, 1\]"),
        ({"q_hat": -0.1}, ValueError, "q_hat is -0.1"),
        ({"truth": 2}, ValueError, "truth is 2: give an integer from 0 to 1"),
    ],
)
def test_bad_arguments(change, error, message):
    arguments = {"episodes": 3, "actors": 2, "q": 0.8, "eps": 0.1} | change
    with pytest.raises(error, match=message):
        private_regret(**arguments)
