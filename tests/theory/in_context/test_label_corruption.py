"""Exponents and exact errors with wrong examples, against closed forms and enumeration."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.in_context.finite_tasks import FiniteTasks
from tightbound.theory.in_context.label_corruption import (
    cramer_exponent,
    drift,
    expected_posterior_error,
    mean_error_exponent,
    posterior_error_bound,
)
from tightbound.theory.in_context.model_averaging import posterior

FAIR = np.array([[0.8, 0.2], [0.2, 0.8]])


def laws(seed, tasks, letters):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(letters), size=tasks) * 0.9 + 0.1 / letters


def test_clean_exponent_is_the_chernoff_information():
    # for two mirrored coins the optimum is at s = 1/2
    ratio = np.log(FAIR[1] / FAIR[0])
    expected = -np.log(2.0 * np.sqrt(0.8 * 0.2))
    assert cramer_exponent(FAIR[0], ratio) == pytest.approx(expected, rel=1e-12)
    assert mean_error_exponent(FAIR[0], ratio) == pytest.approx(expected, rel=1e-12)


def test_exponent_is_positive_iff_the_drift_is():
    ratio = np.log(FAIR[1] / FAIR[0])
    for share in (0.0, 0.2, 0.374, 0.376, 0.6):
        law = (1 - share) * FAIR[0] + share * np.array([0.0, 1.0])
        assert (cramer_exponent(law, ratio) > 1e-9) == (drift(law, ratio) > 0.0)
    assert drift([0.5, 0.5], ratio) == pytest.approx(0.0, abs=1e-15)
    assert cramer_exponent([0.5, 0.5], ratio) == 0.0


def test_the_two_exponents_part_where_corruption_favours_the_truth():
    ratio = np.log(FAIR[1] / FAIR[0])
    helped = np.array([0.99, 0.01])
    # log(0.99 x^-s + 0.01 x^s) with x = 4: the minimum is at x^s = sqrt(99), beyond s = 1
    assert cramer_exponent(helped, ratio) == pytest.approx(-np.log(2 * np.sqrt(0.99 * 0.01)), rel=1e-12)
    assert mean_error_exponent(helped, ratio) == pytest.approx(-np.log(0.99 / 4 + 0.04), rel=1e-12)


def test_exponent_where_no_example_favours_the_wrong_task():
    assert cramer_exponent([1.0, 0.0], [-1.0, 1.0]) == np.inf
    assert cramer_exponent([0.75, 0.25], [-1.0, 0.0]) == pytest.approx(np.log(4.0))
    assert mean_error_exponent([1.0, 0.0], [-1.0, 1.0]) == pytest.approx(1.0)


def test_exact_error_is_the_enumeration_of_prompts():
    table, law = laws(0, 3, 3), laws(1, 1, 3)[0]
    prior = np.array([0.2, 0.5, 0.3])
    tasks = FiniteTasks(prior, table[:, None, :])
    prompts = np.array(list(product(range(3), repeat=4)))
    chance = law[prompts].prod(axis=1)
    missing = 1.0 - posterior(tasks, np.zeros_like(prompts), prompts)[:, -1, 1]
    found = expected_posterior_error(4, law, np.log(table), np.log(prior), 1)
    assert found == pytest.approx(chance @ missing, rel=1e-12)


def test_error_without_examples_is_the_prior():
    assert expected_posterior_error(0, FAIR[0], np.log(FAIR), np.log([0.3, 0.7]), 0) == pytest.approx(0.7)
    assert expected_posterior_error(5, [1.0], np.zeros((1, 1)), [0.0], 0) == 0.0


def test_letters_that_never_occur_do_not_matter():
    table = np.log([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]])
    found = expected_posterior_error(6, [0.6, 0.0, 0.4], table, np.log([0.5, 0.5]), 0)
    short = expected_posterior_error(6, [0.6, 0.4], table[:, [0, 2]], np.log([0.5, 0.5]), 0)
    assert found == pytest.approx(short, rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(0, 12))
def test_bound_holds(seed, n):
    rng = np.random.default_rng(seed)
    table, law, prior = laws(seed, 3, 3), rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(3)) * 0.9 + 1 / 30
    error = expected_posterior_error(n, law, np.log(table), np.log(prior), 0)
    bound = posterior_error_bound(n, law, np.log(table[1:] / table[0]), np.log(prior[1:] / prior[0]))
    assert error <= bound * (1 + 1e-12)


def test_bound_is_the_best_over_a_grid():
    ratio, prior, n = np.log(FAIR[1:] / FAIR[0]), np.log([0.9 / 0.1]), 7
    s = np.linspace(0.0, 1.0, 2001)[:, None]
    grid = np.exp(s * (prior + n * 0.3)) * (FAIR[0] * np.exp(s * ratio[0])).sum(axis=1, keepdims=True) ** n
    found = posterior_error_bound(n, FAIR[0], ratio, prior, log_tampering=0.3)
    assert found == pytest.approx(grid.min(), rel=1e-6)
    assert found <= grid.min()


def test_tampering_removes_the_decay_exactly_at_the_divergence():
    ratio = np.log(FAIR[1:] / FAIR[0])
    divergence = float(drift(FAIR[0], ratio[0]))
    far = 100_000
    below, above = (
        posterior_error_bound(far, FAIR[0], ratio, [0.0], log_tampering=divergence + step)
        for step in (-0.02, 0.02)
    )
    assert below < 1e-3
    assert above == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: drift([0.5, 0.6], [0.0, 1.0]), "sums to"),
        (lambda: drift([0.5, 0.5], [0.0, -np.inf]), "NaN or infinite"),
        (lambda: cramer_exponent([0.5, 0.5], [0.0, 1.0, 2.0]), "same"),
        (lambda: posterior_error_bound(-1, FAIR[0], [[0.0, 1.0]], [0.0]), "examples"),
        (lambda: posterior_error_bound(1.5, FAIR[0], [[0.0, 1.0]], [0.0]), "whole"),
        (lambda: posterior_error_bound(1, FAIR[0], [[0.0, 1.0]], [0.0, 1.0]), "one row"),
        (lambda: posterior_error_bound(1, FAIR[0], [[0.0, 1.0]], [0.0], log_tampering=-1.0), "tampering"),
        (lambda: expected_posterior_error(-1, FAIR[0], np.log(FAIR), [0.0, 0.0], 0), "examples"),
        (lambda: expected_posterior_error(1, FAIR[0], np.log(FAIR), [0.0, 0.0], 2), "task is 2"),
        (lambda: expected_posterior_error(1, FAIR[0], np.log(FAIR), [0.0], 0), "log_prior"),
        (
            lambda: expected_posterior_error(1000, np.full(5, 0.2), np.zeros((2, 5)), [0, 0], 0),
            "count vectors",
        ),
    ],
)
def test_bad_input(call, match):
    with pytest.raises((ValueError, TypeError), match=match):
        call()
