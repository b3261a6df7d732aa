import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tightbound.theory.bandits.shortest_path import (
    coherence_share,
    cost_to_go,
    fixed_arm_costs,
    longest_step_rounds,
)

traces = st.tuples(st.integers(1, 7), st.integers(1, 3)).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=st.integers(1, 4))
)


def cheapest_by_enumeration(y, costs):
    """Every sequence of arms, one by one."""
    length, arms = y.shape
    best = np.inf
    for sequence in itertools.product(range(arms), repeat=length):
        x, spent = 0, 0.0
        for arm in sequence:
            if x >= length:
                break
            spent += costs[arm]
            x += int(y[x, arm])
        best = min(best, spent)
    return best


@settings(deadline=None, derandomize=True, max_examples=40)
@given(y=traces, seed=st.integers(0, 100))
def test_oracle_is_the_cheapest_of_all_sequences(y, seed):
    arms = y.shape[1]
    assert cost_to_go(y)[0] == cheapest_by_enumeration(y, np.ones(arms))
    costs = np.random.default_rng(seed).uniform(0.5, 2.0, arms)
    assert cost_to_go(y, costs=costs)[0] == pytest.approx(cheapest_by_enumeration(y, costs), rel=1e-12)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(y=traces)
def test_values_from_every_position_are_those_of_the_rest_of_the_trace(y):
    values = cost_to_go(y)
    assert values[-1] == 0
    for x in range(len(y)):
        assert values[x] == cost_to_go(y[x:])[0]


@settings(deadline=None, derandomize=True, max_examples=40)
@given(y=traces)
def test_oracle_is_at_most_every_fixed_arm_and_the_longest_step(y):
    assert cost_to_go(y)[0] <= min(fixed_arm_costs(y).min(), longest_step_rounds(y))


@settings(deadline=None, derandomize=True, max_examples=50)
@given(y=traces)
def test_on_coherent_traces_the_longest_step_is_optimal(y):
    reach = np.maximum.accumulate(np.arange(len(y))[:, None] + y, axis=0)
    coherent = reach - np.arange(len(y))[:, None]
    assert np.all(coherence_share(coherent) == 1)
    assert longest_step_rounds(coherent) == cost_to_go(coherent)[0]


@settings(deadline=None, derandomize=True, max_examples=50)
@given(y=traces, seed=st.integers(0, 1000))
def test_on_coherent_traces_a_detour_costs_at_most_its_rounds(y, seed):
    positions = np.arange(len(y))[:, None]
    coherent = np.maximum.accumulate(positions + y, axis=0) - positions
    arms = np.random.default_rng(seed).integers(y.shape[1], size=len(y))
    x, played = 0, []
    while x < len(y):
        played.append(arms[len(played)])
        x += int(coherent[x, played[-1]])
    for arm, alone in enumerate(fixed_arm_costs(coherent)):
        assert len(played) - alone <= sum(other != arm for other in played)


def test_costs_scale_fixed_arms():
    y = np.array([[2, 1], [1, 3], [2, 1], [1, 1]])
    np.testing.assert_allclose(fixed_arm_costs(y, costs=[2.0, 0.5]), [2 * 2.0, 2 * 0.5])


def test_a_shorter_text():
    y = np.full((10, 1), 3)
    assert cost_to_go(y, 7)[0] == 3
    assert fixed_arm_costs(y, 7).tolist() == [3.0]


def test_a_hundred_thousand_positions():
    y = np.random.default_rng(0).integers(1, 6, size=(100_000, 4)).astype(np.uint8)
    values = cost_to_go(y)
    assert values[0] <= fixed_arm_costs(y).min()
    assert values[0] >= 20_000


class TestBadInput:
    @pytest.mark.parametrize("function", [cost_to_go, fixed_arm_costs, longest_step_rounds, coherence_share])
    def test_shared_checks(self, function):
        with pytest.raises(TypeError, match="y has dtype float64: give integer token counts"):
            function([[1.0, 2.0]])
        with pytest.raises(ValueError, match=r"y has shape \(2,\): give one row per position"):
            function([1, 2])
        with pytest.raises(ValueError, match=r"y\[1, 0\] is 0: every round yields at least 1 token"):
            function([[1, 2], [0, 1]])
        with pytest.raises(
            IndexError, match="y ends before position 2, but tokens is 5: record a trace of at least 5"
        ):
            function([[1, 2], [1, 1]], 5)
        with pytest.raises(ValueError, match="tokens is 0: it must be at least 1"):
            function([[1, 2]], 0)

    @pytest.mark.parametrize("costs", [[1.0], [1.0, 0.0], [1.0, -2.0]])
    def test_costs(self, costs):
        with pytest.raises(ValueError, match="give one positive cost per round for each of the 2 arms"):
            cost_to_go([[1, 2]], costs=costs)

    def test_nan_costs(self):
        with pytest.raises(ValueError, match="costs has entries that are NaN"):
            fixed_arm_costs([[1, 2]], costs=[1.0, float("nan")])
