"""The region where the explicit constant holds as read, step by step, and the counterexample."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.papers.bandit_spec.checks import explicit_constant
from tightbound.theory.bandits import bernoulli_kl, lower_bound_constant, stated_lower_bound_constant


@given(st.floats(0.5, 0.999), st.floats(0.5, 0.999), st.integers(1, 16))
def test_near_a_tie_the_stated_constant_holds_wherever_the_proof_says(first, second, draft):
    p, r = max(first, second), min(first, second)
    geometric = [sum(x**k for k in range(draft)) for x in (p, r)]
    slope = sum(k * r ** (k - 1) for k in range(1, draft + 1))
    if p > r and geometric[0] * geometric[1] <= 2.0 * (1.0 - p) * slope**2:
        assert stated_lower_bound_constant((p, r), draft) <= lower_bound_constant((p, r), draft) * (
            1.0 + 1e-9
        )


@given(st.fractions(Fraction(1, 2), 1), st.fractions(Fraction(1, 2), 1), st.integers(1, 16))
def test_powers_differ_by_at_least_the_smaller_derivative(first, second, k):
    p, r = max(first, second), min(first, second)
    assert p**k - r**k >= k * r ** (k - 1) * (p - r)


@given(st.floats(0.5, 0.999), st.floats(0.5, 0.999))
def test_divergence_of_good_arms_is_below_its_quadratic(first, second):
    p, r = max(first, second), min(first, second)
    assert float(bernoulli_kl(r, p)) <= (p - r) ** 2 / (2.0 * p * (1.0 - p)) * (1.0 + 1e-9)


@pytest.mark.parametrize("draft", [2, 4, 8, 16])
def test_the_positive_control_lies_inside_the_advertised_range_and_is_not_empty(draft):
    found = explicit_constant.stated_constant_near_a_tie(
        {"max_draft": draft, "instances": 2000}, np.random.default_rng(0)
    )
    assert found["value"].size > 100
    assert np.all(found["value"] <= found["bound"] * (1.0 + 1e-9))


def test_the_counterexample_is_one():
    given_numbers = explicit_constant.BS_7A.counterexample
    assert given_numbers["stated"] > given_numbers["lower_bound"]
