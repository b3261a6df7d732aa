import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from tightbound.simulators.chain_of_thought.random_chain import random_chain
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.equivalence import equivalence_class
from tightbound.theory.chain_of_thought.exponents import (
    chernoff_point,
    exponents,
    kl_divergence,
    log_affinity,
)

ONE_COIN = [[[[0.9, 0.1], [0.9, 0.1]]], [[[0.2, 0.8], [0.2, 0.8]]]]


@settings(deadline=None, derandomize=True, max_examples=15)
@given(st.integers(1, 3), st.integers(2, 3), st.integers(0, 1000))
def test_against_the_table_of_trajectories(steps, states, seed):
    chain = random_chain(3, steps, states, informative_query=True, rng=seed)
    laws, point = chain.trajectory_law(), chernoff_point(chain, 0)
    for task in (1, 2):
        p, q = laws[0], laws[task]

        def affinity(s, p=p, q=q):
            return float(np.log((p ** (1 - s) * q**s).sum()))

        assert log_affinity(chain, 0, 0.3)[task] == pytest.approx(affinity(0.3), abs=1e-13)
        least = minimize_scalar(affinity, bounds=(0.0, 1.0), method="bounded", options={"xatol": 1e-9})
        assert point.value[task] == pytest.approx(-least.fun, abs=1e-12)
        assert 0.0 <= point.gap[task] < 1e-12
        assert kl_divergence(chain, 0)[task] == pytest.approx((p * np.log(p / q)).sum(), rel=1e-12)
    found = exponents(chain, 0)
    assert 0.0 < found.hellinger <= found.chernoff + 1e-15 <= found.kl + 1e-15


def test_of_two_coins():
    chain = DiscreteChain([0.5, 0.5], ONE_COIN)
    found = exponents(chain, 0)
    assert found.kl == pytest.approx(0.9 * np.log(0.9 / 0.2) + 0.1 * np.log(0.1 / 0.8))
    assert found.hellinger == pytest.approx(-np.log(np.sqrt(0.18) + np.sqrt(0.08)))


def test_competitors_that_exclude_something():
    chain = DiscreteChain([0.5, 0.5], [[[[0.5, 0.5], [0.5, 0.5]]], [[[1.0, 0.0], [1.0, 0.0]]]])
    found = exponents(chain, 0)
    assert found.kl == np.inf
    assert found.chernoff == pytest.approx(np.log(2.0))  # what it excludes has to show
    assert found.hellinger == pytest.approx(0.5 * np.log(2.0))
    assert chernoff_point(chain, 0).s[1] == 0.0
    assert chernoff_point(chain, 1).s[0] == 1.0
    assert exponents(chain, 1).chernoff == pytest.approx(np.log(2.0))


def test_disjoint_tasks():
    chain = DiscreteChain([0.5, 0.5], [[[[1.0, 0.0], [1.0, 0.0]]], [[[0.0, 1.0], [0.0, 1.0]]]])
    assert exponents(chain, 0) == (np.inf, np.inf, np.inf)


@pytest.mark.filterwarnings("ignore:prior is 0 for task")
def test_no_competitor_that_matters():
    copies = DiscreteChain([0.5, 0.5], [ONE_COIN[0], ONE_COIN[0]])
    assert exponents(copies, 0) == (np.inf, np.inf, np.inf)
    assert exponents(DiscreteChain([1.0, 0.0], ONE_COIN), 0) == (np.inf, np.inf, np.inf)
    np.testing.assert_allclose(log_affinity(copies, 0, 0.5), 0.0, atol=1e-15)


def test_a_prior_ratio_moves_the_tilt():
    chain = DiscreteChain([0.5, 0.5], ONE_COIN)
    plain, tilted = chernoff_point(chain, 0), chernoff_point(chain, 0, tilt=1.0, n=3)
    assert tilted.s[1] < plain.s[1]
    # at the minimum of n f(s) + t s the value is no worse than at the plain tilt
    assert -tilted.value[1] <= -3 * plain.value[1] + plain.s[1]


def test_the_class_looks_only_at_queries_that_occur():
    kernels = [[[[1.0, 0.0], [0.0, 1.0]]], [[[1.0, 0.0], [1.0, 0.0]]]]
    assert equivalence_class(DiscreteChain([0.5, 0.5], kernels, [1.0, 0.0]), 0).tolist() == [True, True]
    assert equivalence_class(DiscreteChain([0.5, 0.5], kernels), 0).tolist() == [True, False]


def test_bad_input():
    chain = DiscreteChain([0.5, 0.5], ONE_COIN)
    with pytest.raises(ValueError, match="between 0 and 1"):
        log_affinity(chain, 0, 1.5)
    with pytest.raises(IndexError, match="truth contains 2"):
        exponents(chain, 2)
    with pytest.raises(TypeError, match="truth has dtype"):
        exponents(chain, 0.5)
    with pytest.raises(ValueError, match="one task"):
        exponents(chain, [0, 1])
