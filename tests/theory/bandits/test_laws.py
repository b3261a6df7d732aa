import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.bandits import (
    bernoulli_kl,
    expected_trials,
    kl,
    law_mean,
    law_variance,
    mean_gap,
    mean_tokens,
    truncated_geometric,
    truncated_geometric_kl,
)

acceptances = st.floats(0.0, 0.999)
lengths = st.integers(1, 16)
common = settings(deadline=None, derandomize=True, max_examples=50)


@common
@given(acceptances, lengths)
def test_truncated_geometric_is_a_law_with_the_stated_mean(p, length):
    law = truncated_geometric(p, length)
    assert law.shape == (length + 1,)
    assert abs(law.sum() - 1.0) < 1e-14
    assert law_mean(law) == pytest.approx(float(mean_tokens(p, length)), rel=1e-13)


@common
@given(acceptances, lengths)
def test_moments_equal_exact_rational_ones(p, length):
    exact = Fraction(p)
    law = [exact**k * (1 - exact) for k in range(length)] + [exact**length]
    mean = sum((k + 1) * q for k, q in enumerate(law))
    variance = sum((k + 1 - mean) ** 2 * q for k, q in enumerate(law))
    assert float(mean_tokens(p, length)) == pytest.approx(float(mean), rel=1e-13)
    assert float(expected_trials(p, length)) == pytest.approx(
        float(sum(exact**k for k in range(length))), rel=1e-13
    )
    assert float(law_variance(truncated_geometric(p, length))) == pytest.approx(
        float(variance), rel=1e-11, abs=1e-13
    )


def test_mean_near_one_keeps_its_digits():
    assert float(mean_tokens(1.0 - 1e-15, 4)) == pytest.approx(5.0, abs=1e-13)


@common
@given(st.floats(0.0, 0.999), st.floats(-1e-6, 1e-6), lengths)
def test_mean_gap_of_close_arms_equals_the_exact_one(p, shift, length):
    r = min(max(p + shift, 0.0), 0.999)
    exact = sum(Fraction(p) ** k - Fraction(r) ** k for k in range(1, length + 1))
    assert float(mean_gap(p, r, length)) == pytest.approx(float(exact), rel=1e-12, abs=0.0)


@common
@given(acceptances, st.floats(1e-6, 0.999), lengths)
def test_closed_form_divergence_equals_the_sum_over_lengths(p, q, length):
    direct = kl(truncated_geometric(p, length), truncated_geometric(q, length))
    assert float(truncated_geometric_kl(p, q, length)) == pytest.approx(direct, rel=1e-9, abs=1e-12)


@common
@given(st.floats(1e-3, 0.999), st.floats(1e-9, 1e-4))
def test_bernoulli_divergence_of_close_arguments(p, shift):
    q = p - shift * p
    d, terms = Fraction(q) - Fraction(p), 12
    # sum over k >= 2 of (-1)^k d^k / k * (1/p^(k-1) + (-1)^k/(1-p)^(k-1)), exact up to shift^12
    exact = sum(
        (-1) ** k * d**k / k * (1 / Fraction(p) ** (k - 1) + (-1) ** k / (1 - Fraction(p)) ** (k - 1))
        for k in range(2, terms)
    )
    assert float(bernoulli_kl(p, q)) == pytest.approx(float(exact), rel=1e-12)


@common
@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_bernoulli_divergence_is_non_negative_and_zero_only_at_equality(p, q):
    value = float(bernoulli_kl(p, q))
    assert value >= 0.0
    assert not math.isnan(value)
    if p == q:
        assert value == 0.0
    elif abs(p - q) > 1e-150:
        assert value > 0.0
    with np.errstate(divide="ignore"):
        direct = sum(a * math.log(a / b) for a, b in ((p, q), (1 - p, 1 - q)) if a > 0 and b > 1e-300)
    if 1e-300 < q < 1 - 1e-15:
        assert value == pytest.approx(direct, rel=1e-6, abs=1e-14)


def test_divergence_at_the_edges():
    assert float(bernoulli_kl(0.0, 0.3)) == pytest.approx(-math.log(0.7), rel=1e-14)
    assert float(bernoulli_kl(0.3, 0.0)) == math.inf
    assert float(bernoulli_kl(1.0, 1.0)) == float(bernoulli_kl(0.0, 0.0)) == 0.0
    assert kl([0.5, 0.5], [1.0, 0.0]) == math.inf


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: truncated_geometric(1.0, 4), ValueError, ("acceptance", "[0, 1)")),
        (lambda: truncated_geometric(-0.1, 4), ValueError, ("acceptance", "[0, 1)")),
        (lambda: truncated_geometric(np.nan, 4), ValueError, ("acceptance", "NaN")),
        (lambda: truncated_geometric("x", 4), TypeError, ("acceptance", "real numbers")),
        (lambda: truncated_geometric(0.5, 0), ValueError, ("max_draft", "at least 1")),
        (lambda: truncated_geometric(0.5, 2.0), TypeError, ("max_draft", "integer")),
        (lambda: truncated_geometric(0.5, True), TypeError, ("max_draft", "integer")),
        (lambda: law_mean([0.5, 0.6]), ValueError, ("law", "sum to 1")),
        (lambda: law_mean([1.5, -0.5]), ValueError, ("law", "negative")),
        (lambda: law_mean([1.0]), ValueError, ("law", "shape")),
        (lambda: law_mean([0.5, np.nan]), ValueError, ("law", "NaN")),
        (lambda: kl([0.5, 0.5], [0.2, 0.3, 0.5]), ValueError, ("p has 2", "same values")),
        (lambda: bernoulli_kl(1.1, 0.5), ValueError, ("p has", "[0, 1]")),
        (lambda: bernoulli_kl(0.5, -0.5), ValueError, ("q has", "[0, 1]")),
    ],
)
def test_bad_input_names_argument_and_remedy(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert all(word in str(caught.value) for word in words)
