"""Regret of an imperfect model: exact expectations by hand, and the bound on random instances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.in_context.finite_tasks import FiniteTasks
from tightbound.theory.in_context.imperfect_model import imperfect_regret, imperfect_regret_bound

COINS = FiniteTasks([0.25, 0.75], [[[0.9, 0.1]], [[0.2, 0.8]]])


def perfect(weights, laws, covariates):
    return laws


def uniform(weights, laws, covariates):
    return np.full(laws.shape, 1.0 / laws.shape[-1])


def test_one_step_by_hand():
    found = imperfect_regret(COINS, 0, uniform, 1, pretraining=[1.0])
    average = 0.25 * 0.9 + 0.75 * 0.2
    assert found.versus_truth[0] == pytest.approx(0.9 * np.log(0.9 / 0.5) + 0.1 * np.log(0.1 / 0.5))
    assert found.total_variation[0] == pytest.approx(abs(average - 0.5))
    assert found.largest_log_ratio == pytest.approx(np.log((1 - average) / 0.5))
    assert found.pair_domination == pytest.approx(0.9 / average)
    assert found.prompt_domination == 1.0
    hindsight = 0.9 * np.log(0.9 / 0.5) + 0.1 * np.log(0.8 / 0.5)
    assert found.versus_hindsight[0] == pytest.approx(hindsight)


def test_a_perfect_model_has_the_regret_of_the_average():
    found = imperfect_regret(COINS, 1, perfect, 5, pretraining=[1.0])
    assert np.all(found.total_variation == 0.0)
    assert found.largest_log_ratio == pytest.approx(0.0, abs=1e-12)
    assert np.all(found.versus_truth * np.arange(1, 6) <= np.log(1 / 0.75) + 1e-12)


def test_unseen_covariates_are_not_dominated():
    tasks = FiniteTasks([0.5, 0.5], [[[0.9, 0.1]] * 2, [[0.2, 0.8]] * 2])
    found = imperfect_regret(tasks, 0, perfect, 2, pretraining=[1.0, 0.0], use=[0.0, 1.0])
    assert found.pair_domination == np.inf
    assert found.prompt_domination == np.inf
    assert np.isfinite(found.versus_truth).all()


def test_a_model_that_excludes_what_happens_has_infinite_regret():
    def sure(weights, laws, covariates):
        return np.broadcast_to([1.0, 0.0], laws.shape)

    found = imperfect_regret(COINS, 0, sure, 2, pretraining=[1.0])
    assert found.versus_truth.tolist() == [np.inf, np.inf]
    assert found.largest_log_ratio == np.inf
    assert not np.isnan(found.total_variation).any()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31), share=st.floats(0.0, 0.99))
def test_bound_holds_for_models_at_random(seed, share):
    rng = np.random.default_rng(seed)
    laws = rng.dirichlet(np.ones(2), size=(3, 2)) * 0.9 + 0.05
    tasks = FiniteTasks(rng.dirichlet(np.ones(3)) * 0.9 + 1 / 30, laws)

    def model(weights, laws, covariates):
        return (1 - share) * laws + share * rng.dirichlet(np.ones(2), size=laws.shape[:-1])

    found = imperfect_regret(tasks, 0, model, 3, pretraining=[0.3, 0.7], use=[0.6, 0.4])
    bound = imperfect_regret_bound(
        -np.log(tasks.prior[0]), found.pair_domination, found.largest_log_ratio, found.total_variation
    )
    assert np.all(found.versus_truth <= bound + 1e-12)


def test_bound_of_a_perfect_model_is_the_printed_corollary():
    np.testing.assert_allclose(
        imperfect_regret_bound(np.log(8.0), 8.0, 0.0, np.zeros(4)), np.log(8.0) / np.arange(1, 5)
    )


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: imperfect_regret_bound(-1.0, 1.0, 1.0, [0.1]), "log_inverse_prior"),
        (lambda: imperfect_regret_bound(1.0, 0.5, 1.0, [0.1]), "domination"),
        (lambda: imperfect_regret_bound(1.0, np.inf, 1.0, [0.1]), "domination"),
        (lambda: imperfect_regret_bound(1.0, 1.0, -1.0, [0.1]), "largest_log_ratio"),
        (lambda: imperfect_regret_bound(1.0, 1.0, 1.0, 0.1), "total_variation"),
        (lambda: imperfect_regret(COINS, 2, perfect, 1, pretraining=[1.0]), "truth is 2"),
        (lambda: imperfect_regret(COINS, 0, perfect, 0, pretraining=[1.0]), "length"),
        (lambda: imperfect_regret(COINS, 0, perfect, 17, pretraining=[1.0]), "smaller length"),
        (lambda: imperfect_regret(COINS, 0, perfect, 1, pretraining=[0.5, 0.5]), "pretraining"),
        (lambda: imperfect_regret(COINS, 0, lambda w, p, c: p[:1], 1, pretraining=[1.0]), "predictor"),
        (lambda: imperfect_regret(COINS, 0, lambda w, p, c: 2 * p, 1, pretraining=[1.0]), "sums to"),
        (
            lambda: imperfect_regret(
                FiniteTasks([1.0], [[[0.5, 0.5]]], covariate=[1.0]), 0, perfect, 1, pretraining=[1.0]
            ),
            "law of covariates",
        ),
    ],
)
def test_bad_input(call, match):
    with pytest.raises((ValueError, TypeError), match=match):
        call()
