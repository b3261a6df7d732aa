"""The cost of a wrong prior: against averaging with the library, and its exponential bound."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.in_context.markov_tasks import MarkovTasks
from tightbound.theory.in_context.wrong_prior import wrong_prior_bound, wrong_prior_error

CHANCES = st.floats(0.02, 0.98)


def averaged(prior, coins):
    laws = np.array([[1 - p, p] for p in coins])
    return MarkovTasks([1 - prior, prior], laws, np.repeat(laws[:, None], 2, axis=1))


def test_error_is_that_of_two_averages():
    tokens = np.array(list(product((0, 1), repeat=5)))
    right, wrong = (averaged(prior, [0.3, 0.8]) for prior in (0.4, 0.7))
    chance = np.exp(
        np.log(np.take_along_axis(right.predictive(tokens), tokens[..., None], -1)).sum(axis=(1, 2))
    )
    distance = 0.5 * np.abs(right.predictive(tokens) - wrong.predictive(tokens)).sum(axis=-1)
    np.testing.assert_allclose(wrong_prior_error(0.4, [0.3, 0.8], 0.7, 5), chance @ distance, atol=1e-13)


@settings(max_examples=40, deadline=None)
@given(prior=CHANCES, low=CHANCES, high=CHANCES, guess=CHANCES)
def test_bound_holds(prior, low, high, guess):
    error = wrong_prior_error(prior, [low, high], guess, 12)
    assert np.all(error <= wrong_prior_bound(prior, [low, high], guess, 12) * (1 + 1e-9) + 1e-300)


def test_a_right_prior_costs_nothing_and_a_sure_one_all_its_life():
    assert np.all(wrong_prior_error(0.4, [0.3, 0.8], 0.4, 6) == 0.0)
    assert np.all(wrong_prior_bound(0.4, [0.3, 0.8], 0.4, 6) == 0.0)
    for sure in (0.0, 1.0):
        found = wrong_prior_error(0.4, [0.3, 0.8], sure, 40)
        other = 0.4 if sure == 0.0 else 0.6
        assert found[0] == pytest.approx(0.5 * other)
        assert found[-1] == pytest.approx(0.5 * other, rel=0.01)
        assert np.all(wrong_prior_bound(0.4, [0.3, 0.8], sure, 2) == np.inf)


def test_small_errors_keep_their_relative_accuracy():
    near, far = (wrong_prior_error(0.5, [0.1, 0.9], 0.5 + step, 60)[-1] for step in (1e-9, 1e-7))
    assert far / near == pytest.approx(100.0, rel=1e-5)
    assert near > 0.0


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: wrong_prior_error(0.0, [0.3, 0.8], 0.5, 1), "prior"),
        (lambda: wrong_prior_error(0.5, [0.3, 1.0], 0.5, 1), "coins"),
        (lambda: wrong_prior_error(0.5, [0.3], 0.5, 1), "coins"),
        (lambda: wrong_prior_error(0.5, [0.3, 0.8], 1.5, 1), "guess"),
        (lambda: wrong_prior_bound(0.5, [0.3, 0.8], np.nan, 1), "guess"),
        (lambda: wrong_prior_bound(0.5, [0.3, 0.8], 0.5, 0), "length"),
    ],
)
def test_bad_input(call, match):
    with pytest.raises((ValueError, TypeError), match=match):
        call()
