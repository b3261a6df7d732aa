import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.simulators import bandits as b
from tightbound.theory.bandits import expected_stopping_time, truncated_geometric


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.lists(st.floats(0.0, 0.999), min_size=1, max_size=5), st.integers(1, 9))
def test_truncated_geometric_levels_are_the_acceptance_probabilities(acceptance, depth):
    env = b.TruncatedGeometric(acceptance, depth)
    reachable = np.cumprod(np.r_[1.0, env.levels[0][:-1]]) > 1e-6
    np.testing.assert_allclose(env.levels[0][reachable], acceptance[0], atol=1e-9)
    assert env.arms == len(acceptance)
    kernel = env.kernel_environment()
    np.testing.assert_array_equal(kernel.cumulative[:, :, -1], 1.0)


def test_an_impossible_tail_is_never_drawn():
    cumulative = b.Categorical([[0.1] * 10 + [0.0]]).kernel_environment().cumulative
    assert cumulative[0, 0, 9] == 1.0


def test_speculation_lengths_cut_the_law_of_one_drafter():
    env = b.SpeculationLengths(0.6, (0, 2, 3))
    np.testing.assert_allclose(env.laws[0][1], [*truncated_geometric(0.6, 2), 0.0])
    assert env.max_draft == 3
    np.testing.assert_allclose(env.means, [1.0, 1.96, 2.176])


def test_fixed_arm_stopping_time_is_the_renewal_solution():
    env = b.Categorical([[0.5, 0.2, 0.3], [0.0, 0.0, 1.0]])
    rounds = env.fixed_arm_stopping_time(np.array([1, 7, 50]))
    assert rounds[1].tolist() == pytest.approx([expected_stopping_time([0.5, 0.2, 0.3], 7), 3.0])
    assert rounds[0].tolist() == pytest.approx([1.0, 1.0])


def test_confidence_is_calibrated_and_a_blind_policy_meets_the_blind_law():
    env = b.ConfidentSpeculation(0.9, 0.3, 0.5, (0, 1, 4))
    assert env.means is None
    np.testing.assert_allclose(env.laws[0][2], truncated_geometric(0.6, 4))
    result = b.simulate(env, b.FixedArm(2), [1, 200], replications=4000, rng=3)
    first = 1 + result.overshoot[:, 0]
    assert abs(first.mean() - env.laws[0][2] @ np.arange(1, 6)) < 5 * first.std() / np.sqrt(4000)
    assert abs(result.value[1]) < 5 * result.standard_error[1]


def test_looking_at_the_confidence_beats_every_blind_length():
    # drafting stops at the first unsure token: fewer wasted drafts at almost the same tokens per round
    env = b.ConfidentSpeculation(0.95, 0.05, 0.8, (0, 1, 2, 4, 8), costs=[1.0, 1.2, 1.4, 1.8, 2.6])
    seen = b.simulate(env, b.ConfidenceThreshold(lengths=(0, 1, 2, 4, 8)), 500, replications=500, rng=1)
    assert seen.time_regret.max(axis=1).mean() < 0.0
    blind = min(
        b.simulate(env, b.FixedArm(i), 500, replications=500, rng=1).time_regret.mean() for i in range(5)
    )
    assert abs(blind) < 2.0


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: b.TruncatedGeometric([0.5, 1.0], 4), ValueError, ["acceptance", "1.0", "just below"]),
        (lambda: b.TruncatedGeometric([0.5, -0.1], 4), ValueError, ["acceptance", "-0.1"]),
        (lambda: b.TruncatedGeometric([], 4), ValueError, ["acceptance", "one probability per arm"]),
        (lambda: b.TruncatedGeometric(0.5, 4), ValueError, ["acceptance", "shape (K,)"]),
        (lambda: b.TruncatedGeometric([np.nan], 4), ValueError, ["acceptance", "NaN"]),
        (lambda: b.TruncatedGeometric([0.5], 0), ValueError, ["max_draft", "at least 1"]),
        (lambda: b.TruncatedGeometric([0.5], 2.5), TypeError, ["max_draft", "integer"]),
        (lambda: b.TruncatedGeometric([0.5], 4, costs=[1.0, 2.0]), ValueError, ["costs", "1 arms"]),
        (lambda: b.TruncatedGeometric([0.5], 4, costs=[0.0]), ValueError, ["costs", "positive"]),
        (lambda: b.SpeculationLengths(0.5, (-1, 2)), ValueError, ["lengths", "at least 0"]),
        (lambda: b.SpeculationLengths(0.5, ()), ValueError, ["lengths", "at least 0"]),
        (lambda: b.SpeculationLengths(0.5, (1.5, 2.0)), ValueError, ["lengths", "integers"]),
        (lambda: b.Categorical([[0.5, 0.6]]), ValueError, ["laws", "sums to", "divide"]),
        (lambda: b.Categorical([[-0.5, 1.5]]), ValueError, ["laws", "negative"]),
        (lambda: b.Categorical([0.5, 0.5]), ValueError, ["laws", "shape"]),
        (lambda: b.ConfidentSpeculation(0.3, 0.9, 0.5, (1,)), ValueError, ["high", "low"]),
        (lambda: b.ConfidentSpeculation(0.9, 0.3, 1.5, (1,)), ValueError, ["share", "[0, 1]"]),
    ],
)
def test_bad_input_is_named_with_its_remedy(call, error, words):
    with pytest.raises(error) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
