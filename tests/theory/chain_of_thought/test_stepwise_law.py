"""Paths, the decomposition of errors, and bounds through the steps."""

import numpy as np
import pytest

from tightbound.simulators.chain_of_thought.random_chain import random_chain
from tightbound.theory.chain_of_thought.answer_law import answer_law, log_posterior
from tightbound.theory.chain_of_thought.decomposition import decompose, pretraining_bound, step_distances
from tightbound.theory.chain_of_thought.stepwise_law import (
    answer_of_steps,
    noisy_answer_law,
    path_law,
    step_laws,
)


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_steps_multiply_to_the_average_of_paths(steps, rng):
    chain = random_chain(3, steps, 2, rng=rng)
    weights = log_posterior(chain, rng.integers(2, size=(2, steps + 1)))
    paths = path_law(step_laws(chain, weights, 1))
    laws = chain.trajectory_law().reshape((3,) + (2,) * (steps + 1))[:, 1] / chain.query[0, 1]
    np.testing.assert_allclose(paths, np.tensordot(np.exp(weights), laws, 1), atol=1e-14)
    np.testing.assert_allclose(
        answer_of_steps(step_laws(chain, weights, 1)), answer_law(chain, weights, 1), atol=1e-14
    )


def test_noise_of_steps(rng):
    chain = random_chain(3, 3, 2, rng=rng)
    weights = log_posterior(chain, rng.integers(2, size=(5, 2, 4)))
    np.testing.assert_allclose(
        noisy_answer_law(chain, weights, 0, 0.0), answer_law(chain, weights, 0), atol=1e-14
    )
    np.testing.assert_allclose(noisy_answer_law(chain, weights, 0, 1.0), 0.5)
    found = noisy_answer_law(chain, weights[:1], 0, 0.2)[0]
    noisy = [0.8 * law + 0.1 for law in step_laws(chain, weights[0], 0)]
    np.testing.assert_allclose(found, answer_of_steps(noisy), atol=1e-14)


def test_bad_steps(rng):
    chain = random_chain(2, 2, 2, rng=rng)
    with pytest.raises(ValueError, match="one per task"):
        step_laws(chain, [0.0], 0)
    with pytest.raises(ValueError, match="one law for each path of 1 steps"):
        path_law([[0.5, 0.5], [0.5, 0.5]])
    with pytest.raises(ValueError, match="noise is 2"):
        noisy_answer_law(chain, [chain.log_prior], 0, 2.0)
    with pytest.raises(ValueError, match="one row per prompt"):
        noisy_answer_law(chain, chain.log_prior, 0, 0.1)
    long = random_chain(1, 9, 4, rng=rng)
    with pytest.raises(ValueError, match="262144 paths"):
        step_laws(long, long.log_prior, 0)
    with pytest.raises(ValueError, match="262144 paths"):
        noisy_answer_law(long, [long.log_prior], 0, 0.1)


def test_decomposition_broadcasts_and_adds_up(rng):
    true, averaged = rng.dirichlet(np.ones(3), 4), rng.dirichlet(np.ones(3))
    parts = decompose(true, averaged, rng.dirichlet(np.ones(3), 4))
    np.testing.assert_allclose(parts.total, parts.prompting + parts.pretraining, atol=1e-14)
    assert parts.total.shape == (4,)
    assert np.all(parts.prompting >= 0.0)
    # an answer that the truth never gives may be excluded by anyone
    assert np.isfinite(decompose([1.0, 0.0], [1.0, 0.0], [0.5, 0.5]).total)
    with pytest.raises(ValueError, match="estimate gives probability 0"):
        decompose([0.5, 0.5], [0.5, 0.5], [1.0, 0.0])


def test_step_distances_and_their_bound(rng):
    steps = [rng.dirichlet(np.ones(2), (2,) * h) for h in range(3)]
    others = [rng.dirichlet(np.ones(2), (2,) * h) for h in range(3)]
    distances = step_distances(steps, others)
    apart = 0.5 * np.abs(path_law(steps) - path_law(others)).sum()
    assert apart <= distances.sum() + 1e-15
    assert step_distances(steps, [*others[:1], *steps[1:]])[1:].tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match="one for each step"):
        step_distances(steps, others[:2])
    with pytest.raises(ValueError, match="give the same"):
        step_distances([[0.5, 0.5]], [[0.2, 0.3, 0.5]])
    with pytest.raises(ValueError, match="class_weight"):
        pretraining_bound(0.0, 1.0, 0.1)
    with pytest.raises(ValueError, match="not negative"):
        pretraining_bound(0.5, 1.0, -0.1)
