import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from tightbound.theory.in_context.prompt_length import (
    counting_error_bound,
    frozen_error_ceiling,
    frozen_error_floor,
)
from tightbound.theory.method_of_types import count_vectors, log_multinomial


def exact_error(prior, laws, truth, n, scale):
    counts = count_vectors(n, laws.shape[1])
    chance = np.exp(log_multinomial(counts) + counts @ np.log(laws[truth]))
    weights = softmax(np.log(prior) + (scale / n) * (counts @ np.log(laws).T), axis=1)
    return float(chance @ np.delete(weights, truth, axis=1).sum(axis=1))


@settings(max_examples=30)
@given(
    st.integers(2, 4), st.integers(2, 3), st.integers(1, 20), st.integers(1, 30), st.integers(0, 2**32 - 1)
)
def test_errors_lie_between_their_bounds(tasks, alphabet, scale, n, seed):
    rng = np.random.default_rng(seed)
    laws = rng.dirichlet(np.ones(alphabet), size=tasks) + 0.02
    laws /= laws.sum(axis=1, keepdims=True)
    prior = rng.dirichlet(np.ones(tasks)) + 0.02
    prior /= prior.sum()
    truth = int(rng.integers(tasks))
    assert exact_error(prior, laws, truth, n, n) <= counting_error_bound(prior, laws, truth, n) + 1e-12
    frozen = exact_error(prior, laws, truth, n, scale)
    assert frozen >= frozen_error_floor(prior, laws, truth, scale, n) - 1e-12
    assert frozen <= frozen_error_ceiling(prior, laws, truth, scale, n) + 1e-12


def test_floor_and_ceiling_meet_for_a_long_prompt_up_to_the_odds():
    laws, prior = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0.5, 0.5])
    floor = frozen_error_floor(prior, laws, 0, 12, 10**12)
    ceiling = frozen_error_ceiling(prior, laws, 0, 12, 10**12)
    assert ceiling / floor == pytest.approx(1.0 + ceiling, rel=1e-4)


def test_shapes_follow_the_lengths():
    laws, prior, n = [[0.6, 0.4], [0.4, 0.6]], [0.5, 0.5], np.array([[1, 2], [3, 4]])
    for found in (counting_error_bound(prior, laws, 0, n), frozen_error_floor(prior, laws, 1, 3, n)):
        assert found.shape == (2, 2)


@pytest.mark.parametrize(
    ("prior", "laws", "n", "message"),
    [
        ([0.5, 0.5], [[0.6, 0.4], [0.4, 0.6]], 0, "integers of at least 1"),
        ([0.5, 0.5], [[0.6, 0.4], [0.4, 0.6]], 1.5, "integers of at least 1"),
        ([1.0, 0.0], [[0.6, 0.4], [0.4, 0.6]], 1, "positive probabilities"),
        ([0.5, 0.5], [[1.0, 0.0], [0.4, 0.6]], 1, "positive probabilities"),
        ([1.0], [[0.6, 0.4]], 1, "M at least 2"),
        ([0.5, 0.5], [0.6, 0.4], 1, "M at least 2"),
        ([0.5, 0.4], [[0.6, 0.4], [0.4, 0.6]], 1, "sums to 0.9"),
    ],
)
def test_bad_input(prior, laws, n, message):
    with pytest.raises(ValueError, match=message):
        counting_error_bound(prior, laws, 0, n)


def test_bad_truth_and_scale():
    laws = [[0.6, 0.4], [0.4, 0.6]]
    with pytest.raises(IndexError, match="truth contains 2"):
        counting_error_bound([0.5, 0.5], laws, 2, 1)
    for bound in (frozen_error_floor, frozen_error_ceiling):
        with pytest.raises(ValueError, match="scale is 0"):
            bound([0.5, 0.5], laws, 0, 0, 1)
