import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.planning.bounds import (
    contraction_bound,
    count_mle_bound,
    llm_error_bound,
    prompt_coverage,
    reporter_contraction,
    reporter_drift,
    reporter_inflation,
)
from tightbound.theory.planning.count_error import expected_count_error
from tightbound.theory.planning.exact_dp import probe_bsc_forward
from tightbound.theory.planning.instances.probe_bsc import probe_bsc

common = settings(deadline=None, derandomize=True, max_examples=25)


def test_llm_error_is_quadratic_in_the_steps():
    assert llm_error_bound([10, 20], 0.1, horizon=4).tolist() == pytest.approx([9.0, 18.0])


def test_coverage_is_exponential_and_never_raises():
    assert prompt_coverage(1.0, 0.5, 10) == 1024.0
    assert prompt_coverage(0.5, 0.5, 10**5) == math.inf


@common
@given(st.floats(0.6, 0.9), st.floats(0.5, 0.95), st.floats(0.05, 1.0))
def test_a_misspecified_reporter_stays_below_its_bound(q, q_hat, eps):
    model = probe_bsc(q, q_hat)
    inflation = reporter_inflation(model.observation, model.emission)
    eta = 1.0 - 2.0 * math.sqrt(q * (1.0 - q))
    bound = reporter_contraction(40, eps, eta, horizon=2, inflation=inflation)
    assert np.all(probe_bsc_forward(40, q, q_hat, eps=eps).root_ratio <= bound * (1 + 1e-9))


def test_without_inflation_the_reporter_changes_nothing():
    found = reporter_contraction(9, 0.2, 0.5, horizon=3, inflation=0.0, prior_ratio=2.0)
    np.testing.assert_allclose(found, contraction_bound(9, 0.2, 0.5, prior_ratio=2.0))
    assert reporter_inflation(np.eye(2), np.eye(2)) == 0.0
    assert reporter_inflation(np.eye(2), [[0.5, 0.5], [0.0, 1.0]]) == math.inf


@common
@given(st.floats(0.55, 0.95), st.floats(0.0, 1.0))
def test_drift_of_a_binary_channel(q, q_hat):
    found = reporter_drift([q_hat, 1 - q_hat], [q, 1 - q], [1 - q, q])
    assert found == pytest.approx((2 * q_hat - 1) * math.log(q / (1 - q)), abs=1e-12)


def test_drift_where_a_report_excludes():
    assert reporter_drift([0.5, 0.5], [0.5, 0.5], [1.0, 0.0]) == math.inf
    assert reporter_drift([0.5, 0.5], [1.0, 0.0], [0.5, 0.5]) == -math.inf


@common
@given(st.integers(1, 6), st.integers(2, 5), st.integers(0, 300), st.integers(0, 10**6))
def test_count_table_stays_below_its_bound(contexts, labels, samples, seed):
    rng = np.random.default_rng(seed)
    law, rows = rng.dirichlet(np.ones(contexts)), rng.dirichlet(np.ones(labels), size=contexts)
    assert expected_count_error(law, rows, samples) <= count_mle_bound(law, labels, samples) + 1e-12


def test_count_bound_without_data_is_trivial():
    assert count_mle_bound([0.5, 0.5], 4, 0) == 0.75
    assert count_mle_bound([1.0, 0.0], 1, 5) == 0.0


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: llm_error_bound(10, 1.5, horizon=2),
            ValueError,
            r"error is 1.5: give one number in \[0, 1\]",
        ),
        (lambda: prompt_coverage(0.0, 0.5, 1), ValueError, "weight is 0"),
        (lambda: prompt_coverage(0.5, 0.0, 1), ValueError, "least is 0"),
        (lambda: prompt_coverage(0.5, 0.5, -1), ValueError, "subgoals is -1"),
        (lambda: reporter_inflation(np.eye(2), np.eye(3)), ValueError, "two tables of one shape"),
        (
            lambda: reporter_contraction(5, 0.1, 0.5, horizon=2, inflation=-1.0),
            ValueError,
            "inflation is -1.0: give one finite number of at least 0",
        ),
        (lambda: reporter_drift([1.0], [0.5, 0.5], [0.5, 0.5]), ValueError, "three laws of one shape"),
        (lambda: reporter_drift([0.5, 0.5], [1.0, 0.0], [1.0, 0.0]), ValueError, "both rule out"),
        (lambda: reporter_drift([0.5, 0.5], [1.0, 0.0], [0.0, 1.0]), ValueError, "common support"),
        (lambda: count_mle_bound([0.5, 0.4], 2, 3), ValueError, "contexts has a row that sums"),
        (lambda: count_mle_bound([[1.0]], 2, 3), ValueError, r"contexts has shape \(1, 1\)"),
        (lambda: count_mle_bound([1.0], 2, -1), ValueError, "samples is -1"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()
