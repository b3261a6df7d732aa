import numpy as np
import pytest

from tightbound.simulators.chain_of_thought.prompting_error import prompting_error
from tightbound.simulators.chain_of_thought.random_chain import random_chain
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.exponents import exponents

NAMES = ("doubt", "surprise", "answer_kl")


@pytest.mark.parametrize("method", ["importance", "monte_carlo"])
@pytest.mark.parametrize("informative", [False, True])
def test_sampling_agrees_with_enumeration(method, informative):
    chain = random_chain(4, 2, 2, informative_query=informative, rng=1)
    exact = prompting_error(chain, 0, 4, method="exact")
    found = prompting_error(chain, 0, 4, method=method, samples=20_000, rng=0)
    for name in NAMES:
        one, other = getattr(found, name), getattr(exact, name)
        assert other.standard_error == 0.0
        assert 0.0 < one.relative_error < 0.05
        assert abs(one.value - other.value) < 5 * one.standard_error


def test_kernels_with_zeros():
    half = [[0.5, 0.5], [0.5, 0.5]]
    chain = DiscreteChain(
        [0.4, 0.3, 0.3], [[half, half], [half, [[1.0, 0.0], [0.3, 0.7]]], [np.eye(2), half]]
    )
    for truth in range(3):
        exact = prompting_error(chain, truth, 5, method="exact")
        found = prompting_error(chain, truth, 5, samples=20_000, rng=0)
        for name in NAMES:
            one = getattr(found, name)
            assert abs(one.value - getattr(exact, name).value) <= 5 * one.standard_error + 1e-15


def test_rare_errors_keep_their_accuracy():
    chain = random_chain(3, 2, 2, rng=0)
    found = prompting_error(chain, 0, 640, samples=20_000, rng=0)
    rate = exponents(chain, 0).chernoff
    assert found.doubt.relative_error < 0.04
    assert -found.doubt.log_value / 640 == pytest.approx(rate, rel=0.1)
    assert found.doubt.value == pytest.approx(np.exp(found.doubt.log_value))


def test_competitors_excluded_by_one_demonstration():
    chain = DiscreteChain([0.5, 0.5], [[np.eye(2)], [np.eye(2)[::-1]]])
    assert prompting_error(chain, 0, 3, rng=0).doubt.value == 0.0
    # without demonstrations everything is exact
    assert prompting_error(chain, 0, 0, rng=0).doubt.value == pytest.approx(0.5)


def test_copies_cost_doubt_but_no_error():
    kernels = random_chain(2, 1, 2, rng=0).kernels
    chain = DiscreteChain([0.2, 0.6, 0.2], kernels[[0, 0, 1]])
    found = prompting_error(chain, 0, 200, samples=5000, rng=0)
    assert found.doubt.value == pytest.approx(0.75, rel=1e-3)
    assert found.answer_kl.value < 1e-3


@pytest.mark.filterwarnings("ignore:prior is 0 for task")
def test_a_misspecified_truth():
    chain = DiscreteChain([0.0, 0.5, 0.5], random_chain(3, 1, 2, rng=1).kernels)
    for method in ("exact", "importance", "monte_carlo"):
        with pytest.raises(ValueError, match="prior probability 0"):
            prompting_error(chain, 0, 3, method=method)
    with pytest.raises(ValueError, match="monte_carlo"):
        prompting_error(chain, 0, 3, allow_misspecified=True)
    exact = prompting_error(chain, 0, 3, method="exact", allow_misspecified=True)
    found = prompting_error(chain, 0, 3, method="monte_carlo", samples=20_000, allow_misspecified=True, rng=0)
    assert found.doubt.value == exact.doubt.value == 1.0
    assert found.surprise.value == np.inf
    assert found.answer_kl.value == pytest.approx(exact.answer_kl.value, rel=0.05)


def test_bad_input():
    chain = random_chain(2, 1, 2, rng=0)
    with pytest.raises(ValueError, match="n is -1"):
        prompting_error(chain, 0, -1)
    with pytest.raises(ValueError, match="samples is 1"):
        prompting_error(chain, 0, 3, samples=1)
    with pytest.raises(ValueError, match="choose one of exact"):
        prompting_error(chain, 0, 3, method="guess")
    with pytest.raises(IndexError, match="truth"):
        prompting_error(chain, 5, 3)
