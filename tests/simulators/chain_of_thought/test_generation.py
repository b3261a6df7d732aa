"""Demonstrations, generated steps and random tasks."""

import numpy as np
import pytest
from scipy.stats import chisquare

from tightbound.simulators.chain_of_thought.random_chain import random_chain
from tightbound.simulators.chain_of_thought.sampling import sample_demonstrations, sample_log_likelihoods
from tightbound.simulators.chain_of_thought.stepwise import generate_steps
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.stepwise_law import path_law, step_laws


def test_demonstrations_have_their_law():
    chain = random_chain(2, 2, 2, informative_query=True, rng=5)
    drawn = sample_demonstrations(chain, 1, 4000, 2, rng=0).reshape(-1, 3)
    counts = np.bincount(drawn @ [4, 2, 1], minlength=8)
    assert chisquare(counts, 8000 * chain.trajectory_law()[1]).pvalue > 1e-4


def test_demonstrations_of_several_tasks():
    chain = DiscreteChain([0.5, 0.5], [[np.eye(3)], [np.roll(np.eye(3), 1, axis=1)]])
    drawn = sample_demonstrations(chain, [0, 1, 0], 50, 3, rng=1)
    shift = (drawn[..., 1] - drawn[..., 0]) % 3
    assert np.all(shift == np.array([0, 1, 0])[:, None])
    assert sample_demonstrations(chain, 0, 0, 2, rng=1).shape == (2, 0, 2)


def test_log_likelihoods_have_the_moments_of_drawn_prompts():
    chain = random_chain(3, 2, 2, informative_query=True, rng=2)
    fast = sample_log_likelihoods(chain, 1, 7, 20_000, rng=0)
    slow = chain.log_likelihood(sample_demonstrations(chain, 1, 7, 20_000, rng=1)).sum(axis=1)
    spread = np.sqrt((fast.var(axis=0) + slow.var(axis=0)) / 20_000)
    assert np.all(np.abs(fast.mean(axis=0) - slow.mean(axis=0)) < 5 * spread)
    np.testing.assert_allclose(fast.std(axis=0), slow.std(axis=0), rtol=0.05)
    assert sample_log_likelihoods(chain, 0, 0, 2, rng=0).tolist() == [[0.0] * 3] * 2


def test_generated_paths_have_their_law():
    chain = random_chain(3, 3, 2, rng=4)
    paths = generate_steps(chain, chain.log_prior, np.zeros(8000, dtype=int), rng=0)
    law = path_law(step_laws(chain, chain.log_prior, 0)).ravel()
    assert chisquare(np.bincount(paths @ [4, 2, 1], minlength=8), 8000 * law).pvalue > 1e-4


def test_generated_steps_stay_with_one_deterministic_task():
    chain = DiscreteChain([0.5, 0.5], [[np.eye(2)] * 4, [np.eye(2)[::-1]] * 4])
    paths = generate_steps(chain, chain.log_prior, np.zeros(40, dtype=int), rng=0)
    assert {tuple(path) for path in paths.tolist()} == {(0, 0, 0, 0), (1, 0, 1, 0)}


def test_generated_shapes():
    chain = random_chain(3, 2, 2, rng=0)
    assert generate_steps(chain, chain.log_prior, 1, rng=0).shape == (1, 2)
    assert generate_steps(chain, np.tile(chain.log_prior, (5, 1)), 1, rng=0).shape == (5, 2)
    with pytest.raises(ValueError, match="log_weights has shape"):
        generate_steps(chain, [0.0], 0)
    with pytest.raises(IndexError, match="query"):
        generate_steps(chain, chain.log_prior, 2)


def test_same_seed_same_draw():
    chain = random_chain(2, 2, 3, rng=9)
    first, second = (sample_demonstrations(chain, 0, 5, 4, rng=3) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(random_chain(2, 2, 3, rng=9).kernels, chain.kernels)


def test_bad_input():
    chain = random_chain(2, 1, 2, rng=0)
    with pytest.raises(ValueError, match="n is -1"):
        sample_demonstrations(chain, 0, -1, 1)
    with pytest.raises(ValueError, match="replications is 0"):
        sample_demonstrations(chain, 0, 1, 0)
    with pytest.raises(ValueError, match="one for each of 3 prompts"):
        sample_demonstrations(chain, [0, 1], 1, 3)
    with pytest.raises(IndexError, match="truth"):
        sample_log_likelihoods(chain, 2, 1, 1)
    with pytest.raises(ValueError, match="concentration"):
        random_chain(2, 1, 2, concentration=0.0)
    with pytest.raises(ValueError, match="mix is 2"):
        random_chain(2, 1, 2, mix=2.0)
    with pytest.raises(ValueError, match="steps is 0"):
        random_chain(2, 0, 2)
