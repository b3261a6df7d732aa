import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.method_of_types import (
    count_vectors,
    log_likelihood,
    log_multinomial,
    number_of_types,
)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.integers(0, 6), st.integers(1, 6))
def test_every_count_vector_once(n, atoms):
    counts = count_vectors(n, atoms)
    assert counts.shape == (number_of_types(n, atoms), atoms)
    assert np.all(counts.sum(axis=1) == n)
    assert np.all(counts >= 0)
    assert len({tuple(row) for row in counts.tolist()}) == len(counts)
    assert sorted(counts.tolist()) == counts.tolist()
    assert np.exp(log_multinomial(counts)).sum() == pytest.approx(float(atoms) ** n)


def test_multinomial_coefficients_and_likelihoods(rng):
    counts = count_vectors(5, 3)
    expected = [math.factorial(5) / math.prod(math.factorial(c) for c in row) for row in counts.tolist()]
    np.testing.assert_allclose(np.exp(log_multinomial(counts)), expected)
    laws = rng.dirichlet(np.ones(3), 2)
    np.testing.assert_allclose(
        np.exp(log_likelihood(counts, np.log(laws))),
        [[math.prod(law**row) for law in laws] for row in counts],
    )


def test_impossible_trajectories_count_only_where_they_occur():
    found = log_likelihood(np.array([[2, 0], [1, 1]]), np.array([[0.0, -np.inf], [-np.inf, 0.0]]))
    assert found.tolist() == [[0.0, -np.inf], [-np.inf, -np.inf]]


def test_oversized_enumerations_are_refused():
    with pytest.raises(ValueError, match="5000000"):
        count_vectors(20, 16)
    with pytest.raises(ValueError, match="gigabyte"):
        count_vectors(3, 300)
    with pytest.raises(ValueError, match="n is -1"):
        count_vectors(-1, 2)
    with pytest.raises(TypeError, match=r"n is 1\.5"):
        number_of_types(1.5, 2)
    with pytest.raises(ValueError, match="atoms is 0"):
        number_of_types(1, 0)
