import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.planning.bounds import (
    contraction_bound,
    doubt_bound,
    inverse_weight_bound,
    truth_floor,
)
from tightbound.theory.planning.evaluation import distinguishability
from tightbound.theory.planning.exact_dp import probe_bsc_forward
from tightbound.theory.planning.forward import forward_regret
from tightbound.theory.planning.instances.random_hmdp import random_hmdp

common = settings(deadline=None, derandomize=True, max_examples=25)
chances = st.floats(0.0, 1.0)


@common
@given(st.integers(1, 30), chances, st.floats(0.01, 1.0), st.floats(1.0, 20.0))
def test_a_constant_schedule_is_a_power(episodes, eps, eta, ratio):
    found = contraction_bound(episodes, eps, eta, prior_ratio=ratio)
    assert found.shape == (episodes,)
    np.testing.assert_allclose(
        found, math.sqrt(ratio) * (1.0 - eps * eta) ** np.arange(episodes), atol=1e-300
    )


@common
@given(st.floats(0.55, 0.95), st.floats(0.1, 0.9), chances, st.integers(0, 1))
def test_probe_bsc_stays_below_the_bounds(q, weight, eps, truth):
    eta = 1.0 - 2.0 * math.sqrt(q * (1.0 - q))
    ratio = max(weight, 1.0 - weight) / min(weight, 1.0 - weight)
    found = probe_bsc_forward(60, q, weight=weight, eps=eps, truth=truth)
    assert np.all(found.root_ratio <= contraction_bound(60, eps, eta, prior_ratio=ratio) * (1 + 1e-9))
    assert np.all(
        found.doubt <= doubt_bound(60, eps, eta, environments=2, prior_ratio=ratio) * (1 + 1e-9) + 1e-15
    )
    own = weight if truth == 0 else 1.0 - weight
    assert np.all(found.inverse_weight <= inverse_weight_bound(own) * (1 + 1e-9))


@pytest.mark.parametrize("seed", range(3))
def test_any_policy_in_the_rest_of_the_time(seed):
    """The exploit policy is adversarial here: a fixed law that is not even a function of the posterior."""
    rng = np.random.default_rng(seed)
    model = random_hmdp(3, 2, 2, 2, 2, 0.5, rng)
    eta = distinguishability(model, [0.5, 0.5])
    other = rng.dirichlet(np.ones(2))
    found = forward_regret(model, 0, 4, lambda t, log: [(0.7, other), (0.3, np.array([0.5, 0.5]))])
    assert np.all(found.root_ratio <= contraction_bound(4, 0.3, eta) * (1 + 1e-9))
    assert np.all(found.doubt <= doubt_bound(4, 0.3, eta, environments=3) * (1 + 1e-9))


def test_the_bound_is_attained_where_every_episode_explores_one_channel():
    found = probe_bsc_forward(50, 0.8, eps=1.0)
    np.testing.assert_allclose(found.root_ratio, contraction_bound(50, 1.0, 0.2), rtol=1e-12)
    np.testing.assert_allclose(found.inverse_weight, 2.0, rtol=1e-12)


def test_a_single_environment_leaves_no_doubt():
    assert doubt_bound(4, 0.1, 0.5, environments=1).tolist() == [0.0] * 4


def test_truth_floor():
    assert truth_floor(0.25, 1.0) == 0.25


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: contraction_bound(0, 0.1, 0.5), ValueError, "episodes is 0: give an integer of at least 1"),
        (lambda: contraction_bound(2.0, 0.1, 0.5), TypeError, "episodes is 2.0"),
        (lambda: contraction_bound(2, 1.5, 0.5), ValueError, r"eps contains 1.5: .* \[0, 1\]; clip"),
        (lambda: contraction_bound(2, [0.1] * 3, 0.5), ValueError, r"eps has shape \(3,\): .*shape \(2,\)"),
        (lambda: contraction_bound(2, math.nan, 0.5), ValueError, "eps has entries that are NaN"),
        (lambda: contraction_bound(2, 0.1, 0.0), ValueError, "eta is 0.0: .* give an exploration law"),
        (lambda: contraction_bound(2, 0.1, 1.1), ValueError, r"eta is 1.1: .*\(0, 1\]"),
        (lambda: contraction_bound(2, 0.1, 0.5, prior_ratio=0.5), ValueError, "prior_ratio is 0.5: .*max"),
        (lambda: doubt_bound(2, 0.1, 0.5, environments=0), ValueError, "environments is 0: .*at least 1"),
        (lambda: inverse_weight_bound(0.0), ValueError, r"weight is 0: .*\(0, 1\]"),
        (lambda: inverse_weight_bound(1.5), ValueError, r"weight is 1.5: .*\[0, 1\]"),
        (lambda: truth_floor(0.5, 0.0), ValueError, r"chance is 0: .*\(0, 1\]"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()
