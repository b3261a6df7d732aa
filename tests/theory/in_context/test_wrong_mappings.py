"""Rewritten responses: the exact error against enumeration, and when the printed condition can hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.in_context.finite_tasks import FiniteTasks
from tightbound.theory.in_context.model_averaging import posterior
from tightbound.theory.in_context.wrong_mappings import (
    CodewordTasks,
    largest_divergence,
    printed_condition,
    printed_identification_term,
)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), symbols=st.integers(2, 6), scale=st.floats(0.01, 1.0))
def test_no_divergence_exceeds_the_largest(seed, symbols, scale):
    floor = scale / symbols
    p, q = np.random.default_rng(seed).dirichlet(np.full(symbols, 0.3), size=2)
    p, q = (floor + (1 - symbols * floor) * law for law in (p, q))
    assert (p * np.log(p / q)).sum() <= largest_divergence(symbols, floor) + 1e-12
    assert largest_divergence(symbols, floor) < -np.log(floor)


def test_largest_divergence_of_equal_laws_is_zero():
    assert largest_divergence(4, 0.25) == 0.0


@pytest.mark.parametrize("rewritten", [True, False])
def test_exact_error_is_the_enumeration_of_prompts(rewritten):
    prior = np.array([0.3, 0.5, 0.2])
    words, labels, floor = [[0, 0, 1], [1, 1, 1], [0, 1, 0]], [0, 1, 0], 0.1
    tasks = CodewordTasks(words, labels, floor, prior)
    laws = tasks.covariate_laws()
    answers = np.where(np.array(labels)[:, None] == np.arange(2), 1 - floor, floor)
    model = FiniteTasks(prior, np.tile(answers[:, None, :], (1, 8, 1)), covariate=laws)
    codes = np.indices((16, 16)).reshape(2, -1).T
    covariates, responses = codes // 2, codes % 2
    chance = (laws[0][covariates] * answers[0][responses]).prod(axis=1)
    if rewritten:
        responses = np.ones_like(responses)
    table = model.log_likelihoods(covariates, responses) + model.log_covariates(covariates)
    weight = prior * np.exp(table.sum(axis=1))
    error = 1 - weight[:, 0] / weight.sum(axis=1)
    assert tasks.error(2, 0, rewritten=rewritten) == pytest.approx(chance @ error, rel=1e-12)
    if not rewritten:
        seen = posterior(FiniteTasks(prior, model.likelihood), covariates, responses)
        assert np.all(seen[:, -1].sum(axis=1) == pytest.approx(1.0))


def test_error_without_examples_and_with_one_task():
    assert CodewordTasks([[0], [1]], [0, 1], 0.1, [0.25, 0.75]).error(0, 0, rewritten=True) == pytest.approx(
        0.75
    )
    assert CodewordTasks([[0]], [0], 0.1).error(9, 0, rewritten=True) == 0.0


def test_rewriting_without_telling_covariates_is_a_known_drift():
    tasks = CodewordTasks([[0, 0], [0, 0]], [0, 1], 0.1)
    assert tasks.error(5, 0, rewritten=True) == pytest.approx(1 / (1 + 9.0**-5), rel=1e-12)


def test_divergences_are_those_of_the_laws():
    tasks = CodewordTasks([[0, 1, 0], [1, 1, 1]], [0, 1], 0.05)
    p, q = tasks.covariate_laws()
    assert p.sum() == pytest.approx(1.0)
    assert tasks.covariate_divergence(0)[1] == pytest.approx((p * np.log(p / q)).sum(), rel=1e-12)
    assert tasks.response_divergence(0)[1] == pytest.approx(largest_divergence(2, 0.05), rel=1e-12)


@pytest.mark.parametrize("floor", [1e-9, 0.01, 0.3])
def test_printed_condition_needs_two_telling_tokens(floor):
    one = largest_divergence(2, floor)
    assert printed_condition(one, floor) < 0.0
    assert printed_condition(2 * one, floor) < 0.0
    assert printed_condition(3 * largest_divergence(2, 1e-3), 1e-3) > 0.0


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: largest_divergence(1, 0.1), "symbols"),
        (lambda: largest_divergence(3, 0.4), "floor"),
        (lambda: printed_condition(-1.0, 0.1), "divergence"),
        (lambda: printed_condition(1.0, 0.0), "floor"),
        (lambda: printed_identification_term(1, 2, 1.0, 4, 0.1), "must exceed"),
        (lambda: printed_identification_term(-1, 2, 50.0, 4, 0.1), "examples"),
        (lambda: CodewordTasks([[0, 2]], [0], 0.1), "0 and 1"),
        (lambda: CodewordTasks([[0], [1]], [0], 0.1), "labels"),
        (lambda: CodewordTasks([[0], [1]], [0, 1], 0.5), "below 1/2"),
        (lambda: CodewordTasks([[0], [1]], [0, 1], 0.1, [1.0, 0.0]), "positive"),
        (lambda: CodewordTasks([[0], [1]], [0, 1], 0.1).error(1, 2, rewritten=True), "truth is 2"),
        (lambda: CodewordTasks([[0], [1]], [0, 1], 0.1).error(-1, 0, rewritten=True), "examples"),
        (
            lambda: CodewordTasks([[0] * 6, [1] * 6], [0, 1], 0.1).error(10**6, 0, rewritten=True),
            "count vectors",
        ),
    ],
)
def test_bad_input(call, match):
    with pytest.raises((ValueError, TypeError), match=match):
        call()
