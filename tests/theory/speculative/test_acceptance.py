import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.speculative.acceptance import (
    acceptance_probability,
    expected_tokens,
    expected_tokens_in_context,
    operations_factor,
    optimal_gamma,
    speedup,
)
from tightbound.theory.speculative.chain import chain_law
from tightbound.theory.speculative.tables import PrefixTables

common = settings(deadline=None, derandomize=True, max_examples=40)


@common
@given(st.floats(0.0, 0.999), st.integers(0, 30))
def test_tokens_are_the_printed_quotient(alpha, gamma):
    assert float(expected_tokens(alpha, gamma)) == pytest.approx(
        (1.0 - alpha ** (gamma + 1)) / (1.0 - alpha), rel=1e-10
    )


def test_the_sum_is_exact_where_the_quotient_is_not():
    assert float(expected_tokens(1.0, 7)) == 8.0
    assert float(expected_tokens(1.0 - 1e-15, 7)) == pytest.approx(8.0, rel=1e-13)


@common
@given(st.floats(0.0, 0.98), st.floats(0.005, 1.5))
def test_rule_for_the_best_length_is_the_search(alpha, cost):
    gammas = range(600)
    speeds = np.array([float(speedup(alpha, gamma, cost)) for gamma in gammas])
    chosen = optimal_gamma(alpha, cost)
    assert speeds[chosen] == pytest.approx(speeds.max(), rel=1e-12)
    assert chosen == 0 or speeds[chosen] > speeds[chosen - 1]
    # one peak
    assert np.all(np.diff(speeds[: chosen + 1]) > -1e-12)
    assert np.all(np.diff(speeds[chosen:]) < 1e-12)


def test_plain_decoding_is_best_up_to_the_price():
    assert optimal_gamma(0.3, 0.3) == 0
    assert optimal_gamma(0.31, 0.3) == 1
    assert optimal_gamma(0.0, 0.0) == 0
    assert optimal_gamma(1.0, 1.0) == 0


def test_independent_is_a_case_of_context():
    p, q = [0.2, 0.5, 0.3], [0.4, 0.4, 0.2]
    target, draft = PrefixTables.independent(p, 4), PrefixTables.independent(q, 3)
    assert expected_tokens_in_context(target, draft) == pytest.approx(
        float(expected_tokens(acceptance_probability(p, q), 3))
    )


def test_a_product_over_drafted_prefixes_is_another_number():
    # token 0 is accepted half the time and then followed by sure acceptance, token 1 always and then by none
    p = PrefixTables([[0.4, 0.6], [[1.0, 0.0], [1.0, 0.0]], [[[1.0, 0.0]] * 2] * 2])
    q = PrefixTables([[0.8, 0.2], [[1.0, 0.0], [0.0, 1.0]]])
    assert expected_tokens_in_context(p, q) == pytest.approx(1.0 + 0.6 + 0.4)
    assert chain_law(p, q).expected_tokens == pytest.approx(2.0)
    drafted = 1.0 + 0.6 + 0.6 * (0.8 * 1.0 + 0.2 * 0.0)
    assert drafted == pytest.approx(2.08)


def test_operations_never_fall_below_plain_decoding():
    for gamma in range(6):
        factors = operations_factor(np.linspace(0.0, 1.0, 11), gamma, 0.1)
        assert np.all(factors >= 1.0 - 1e-15)
        assert np.all(np.diff(factors) <= 1e-15)


def test_batches_broadcast():
    p, q = np.full((5, 2), 0.5), np.array([0.75, 0.25])
    assert acceptance_probability(p, q).tolist() == [0.75] * 5
    assert speedup(np.array([0.1, 0.5]), 2, np.array([[0.0], [0.5]])).shape == (2, 2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: acceptance_probability([0.5, 0.5], [0.2, 0.3, 0.5]),
            ("p is a law over 2", "one vocabulary"),
        ),
        (lambda: acceptance_probability([0.5, 0.6], [0.5, 0.5]), ("p has a row", "divide")),
        (lambda: acceptance_probability([0.5, 0.5], [float("nan"), 1.0]), ("q has entries", "NaN")),
        (
            lambda: acceptance_probability(np.full((2, 2), 0.5), np.full((3, 2), 0.5)),
            ("p has shape", "broadcast"),
        ),
        (lambda: expected_tokens(1.1, 2), ("alpha contains 1.1", "[0, 1]")),
        (lambda: expected_tokens(-0.1, 2), ("alpha contains -0.1", "[0, 1]")),
        (lambda: expected_tokens(0.5, -1), ("gamma is -1", "at least 0")),
        (lambda: speedup(0.5, 2, -0.1), ("cost contains -0.1", "at least 0")),
        (lambda: optimal_gamma(0.5, 0.0), ("alpha=0.5", "no best draft length")),
        (lambda: optimal_gamma(1.0, 0.5), ("alpha=1.0", "no best draft length")),
        (lambda: optimal_gamma([0.5, 0.6], 0.5), ("alpha has shape", "one number")),
    ],
)
def test_bad_input_names_argument_and_remedy(call, words):
    with pytest.raises(ValueError, match=re.escape(words[0])) as caught:
        call()
    assert all(word in str(caught.value) for word in words)


def test_a_fraction_of_a_draft_is_refused():
    with pytest.raises(TypeError, match="gamma"):
        expected_tokens(0.5, 2.5)
