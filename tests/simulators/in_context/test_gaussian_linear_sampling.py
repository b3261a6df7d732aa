"""Samples of the Gaussian linear concept have the stated moments."""

import numpy as np
import pytest

from tightbound.simulators.in_context.gaussian_linear import (
    sample_concept,
    sample_features,
    sample_sequences,
    sample_values,
)
from tightbound.theory.in_context.gaussian_linear import GaussianLinear

PROBLEM = GaussianLinear(3, value_dim=2, prior_variance=2.0, noise_variance=0.25)


def test_moments():
    drawn = sample_sequences(PROBLEM, 5, batch=20_000, rng=1)
    assert drawn.concept.var() == pytest.approx(2.0, rel=0.03)
    noise = drawn.values - drawn.features @ drawn.concept.mT
    assert noise.var() == pytest.approx(0.25, rel=0.03)
    assert np.cov(drawn.features[:, 0].T) == pytest.approx(np.eye(3), abs=0.05)


def test_features_on_the_sphere_have_unit_length_and_no_direction():
    drawn = sample_features(PROBLEM, 4, batch=20_000, law="sphere", rng=2)
    assert np.linalg.norm(drawn, axis=-1) == pytest.approx(1.0)
    assert np.cov(drawn[:, 0].T) == pytest.approx(np.eye(3) / 3, abs=0.02)


def test_a_fixed_concept_serves_all_sequences():
    concept = np.arange(6.0).reshape(2, 3)
    drawn = sample_sequences(PROBLEM, 2, batch=3, concept=concept, rng=3)
    assert np.array_equal(drawn.concept, np.broadcast_to(concept, (3, 2, 3)))


def test_one_seed_gives_one_sample():
    first, second = (sample_sequences(PROBLEM, 2, batch=3, rng=4) for _ in range(2))
    assert np.array_equal(first.values, second.values)


def test_wrong_arguments_name_themselves():
    with pytest.raises(ValueError, match="law is 'cube'"):
        sample_features(PROBLEM, 2, law="cube")
    with pytest.raises(ValueError, match="length"):
        sample_features(PROBLEM, -1)
    with pytest.raises(TypeError, match="batch"):
        sample_concept(PROBLEM, batch=1.5)
    with pytest.raises(ValueError, match="concept has shape"):
        sample_sequences(PROBLEM, 2, concept=np.zeros((3, 2)))
    with pytest.raises(ValueError, match="features has shape"):
        sample_values(PROBLEM, np.zeros((2, 2)), np.zeros((2, 3)))
