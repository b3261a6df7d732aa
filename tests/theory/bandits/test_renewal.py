from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.bandits import (
    expected_overshoot,
    expected_stopping_time,
    law_mean,
    overshoot_curve,
    renewal_limits,
    stopping_time_curve,
    stopping_time_law,
    stopping_time_variance,
    truncated_geometric,
)
from tightbound.theory.bandits.renewal import _renewal_solve

common = settings(deadline=None, derandomize=True, max_examples=30)


@st.composite
def laws(draw):
    weights = draw(st.lists(st.integers(0, 9), min_size=2, max_size=7).filter(any))
    exact = [Fraction(w, sum(weights)) for w in weights]
    return exact, np.array([float(q) for q in exact]) / sum(float(q) for q in exact)


def _exact_moments(law, tokens):
    mean, second, over = [Fraction(0)], [Fraction(0)], [Fraction(0)]
    for b in range(1, tokens + 1):

        def before(curve, y, b=b):
            return curve[b - y] if y < b else Fraction(0)

        m = 1 + sum(q * before(mean, y) for y, q in enumerate(law, 1))
        s = 1 + sum(q * (2 * before(mean, y) + before(second, y)) for y, q in enumerate(law, 1))
        o = sum(q * (over[b - y] if y < b else y - b) for y, q in enumerate(law, 1))
        mean.append(m)
        second.append(s)
        over.append(o)
    return mean[-1], second[-1] - mean[-1] ** 2, over[-1]


@common
@given(laws(), st.integers(1, 40))
def test_moments_equal_exact_rational_recursions(law, tokens):
    exact, q = law
    mean, variance, over = _exact_moments(exact, tokens)
    assert expected_stopping_time(q, tokens) == pytest.approx(float(mean), rel=1e-12)
    assert stopping_time_variance(q, tokens) == pytest.approx(float(variance), rel=1e-10, abs=1e-11)
    assert expected_overshoot(q, tokens) == pytest.approx(float(over), rel=1e-11, abs=1e-12)


@common
@given(laws(), st.integers(1, 60))
def test_the_law_has_the_moments_and_the_sandwich(law, tokens):
    _, q = law
    probabilities = stopping_time_law(q, tokens)
    rounds = np.arange(tokens + 1)
    mean = probabilities @ rounds
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-12)
    assert mean == pytest.approx(expected_stopping_time(q, tokens), rel=1e-12)
    assert probabilities @ (rounds - mean) ** 2 == pytest.approx(stopping_time_variance(q, tokens), abs=1e-9)
    assert not probabilities[: -(-tokens // q.size)].any()


@pytest.mark.parametrize("p", [0.05, 0.5, 0.9, 0.99])
def test_wald_at_a_million_tokens(p):
    law, tokens = truncated_geometric(p, 4), 1_000_000
    budgets = np.arange(1, tokens + 1)
    left = float(law_mean(law)) * stopping_time_curve(law, tokens)[1:]
    assert np.max(np.abs(left / (budgets + overshoot_curve(law, tokens)[1:]) - 1.0)) < 1e-9


def test_filter_equals_the_direct_loop():
    law, tokens = truncated_geometric(0.7, 4), 5000
    mean = np.zeros(tokens + 5)
    for b in range(1, tokens + 1):
        mean[b + 4] = 1.0 + law @ mean[b + 3 :: -1][:5] if b >= 2 else 1.0
    assert np.max(np.abs(stopping_time_curve(law, tokens)[1:] / mean[5:] - 1.0)) < 1e-9


def test_limits_are_reached():
    law = truncated_geometric(0.7, 4)
    limits = renewal_limits(law)
    assert expected_overshoot(law, 2000) == pytest.approx(limits.overshoot, abs=1e-9)
    offset = expected_stopping_time(law, 2000) - 2000 / float(law_mean(law))
    assert offset == pytest.approx(limits.offset, abs=1e-9)
    rate = stopping_time_variance(law, 200_001) - stopping_time_variance(law, 200_000)
    assert rate == pytest.approx(limits.variance_rate, rel=1e-6)


def test_lengths_one_and_four_converge_but_a_fixed_length_of_two_does_not():
    converging = overshoot_curve([0.65, 0.0, 0.0, 0.35], 2000)
    assert converging[-1] == pytest.approx(renewal_limits([0.65, 0.0, 0.0, 0.35]).overshoot, abs=1e-9)
    assert overshoot_curve([0.0, 1.0], 6).tolist() == [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]


def test_one_token_takes_one_round():
    assert expected_stopping_time(truncated_geometric(0.9, 8), 1) == 1.0
    assert stopping_time_variance(truncated_geometric(0.9, 8), 1) == 0.0


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: expected_stopping_time([0.5, 0.5], 0), ValueError, ("tokens", "at least 1")),
        (lambda: expected_stopping_time([0.5, 0.5], 2.5), TypeError, ("tokens", "integer")),
        (lambda: expected_overshoot([[0.5, 0.5]], 2), ValueError, ("law", "(L+1,)")),
        (lambda: stopping_time_variance([0.5, 0.4], 2), ValueError, ("law", "sum to 1")),
        (lambda: stopping_time_law([0.5, 0.5], True), TypeError, ("tokens", "integer")),
        (lambda: renewal_limits([0.0, 0.5, 0.0, 0.5]), ValueError, ("multiples of 2", "overshoot_curve")),
    ],
)
def test_bad_input_names_argument_and_remedy(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert all(word in str(caught.value) for word in words)


def test_compiled_recursion_is_the_recursive_filter_bit_for_bit() -> None:
    from scipy.signal import lfilter

    rng = np.random.default_rng(4)
    for reach, tokens in ((2, 1), (2, 400), (5, 3), (5, 400), (17, 1000)):
        law, source = rng.dirichlet(np.ones(reach)), rng.normal(size=tokens + 1)
        expected = lfilter([1.0], np.concatenate(([1.0], -law)), source)
        np.testing.assert_array_equal(_renewal_solve(law, source), expected)
