"""Prompts merged by what the posterior sees, and the bounds in n, K and k."""

import numpy as np
import pytest
from scipy.special import logsumexp

from tightbound.simulators.chain_of_thought.random_chain import random_chain
from tightbound.theory.chain_of_thought.answer_law import answer_law, log_posterior, normalised
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.lumping import lumped_types
from tightbound.theory.chain_of_thought.prompt_losses import prompt_losses
from tightbound.theory.chain_of_thought.prompted_bounds import (
    prompted_self_consistency_bound,
    prompted_tree_of_thought_bound,
    told_chain,
)
from tightbound.theory.chain_of_thought.prompting_error import exact_prompting_error, prompt_types
from tightbound.theory.chain_of_thought.self_consistency import self_consistency_error
from tightbound.theory.chain_of_thought.tree_of_thought import greedy_path, tree_of_thought_failure

STAY, SWAP = [[0.9, 0.1], [0.1, 0.9]], [[0.1, 0.9], [0.9, 0.1]]


def test_merged_prompts_have_the_same_losses(rng):
    for chain in (random_chain(3, 2, 2, rng=rng), DiscreteChain([0.3, 0.7], [[STAY, STAY], [STAY, SWAP]])):
        for n in (0, 1, 4):
            chance, logs = lumped_types(chain, n, chain.trajectory_law()[0])
            found = [logsumexp(chance + one) for one in prompt_losses(chain, 0, logs)]
            np.testing.assert_allclose(found, exact_prompting_error(chain, 0, n), rtol=1e-8)


def test_symmetric_tasks_have_few_classes():
    chain = DiscreteChain([0.5, 0.5], [[STAY, STAY], [STAY, SWAP]])
    chance, logs = lumped_types(chain, 60, chain.trajectory_law()[0])
    assert chance.size == 61 < prompt_types(chain, 3, 0)[0].size
    assert logs.max(axis=1).tolist() == [0.0] * 61


def test_demonstrations_that_no_task_allows_stay_impossible():
    chain = DiscreteChain([1.0], [[[[1.0, 0.0], [0.0, 1.0]]]])
    chance, logs = lumped_types(chain, 1, [0.25] * 4)
    assert sorted(np.exp(chance).round(12)) == [0.5, 0.5]
    assert sorted(logs.ravel()) == [-np.inf, 0.0]
    with pytest.raises(ValueError, match="each of 4 demonstrations"):
        lumped_types(chain, 1, [0.5, 0.5])


def test_a_path_told_is_a_path_seen(rng):
    chain = random_chain(3, 3, 2, informative_query=True, rng=rng)
    demonstrations = rng.integers(2, size=(4, 4))
    told = told_chain(chain, [1, 0, 1])
    weights = log_posterior(chain, demonstrations, 1)
    seen = weights + chain.log_kernels[:, 0, 1, 0] + chain.log_kernels[:, 1, 0, 1]
    np.testing.assert_allclose(log_posterior(told, demonstrations), normalised(seen), rtol=1e-12)


@pytest.mark.parametrize("informative", [False, True])
def test_bounds_on_random_tasks(rng, informative):
    for _ in range(5):
        chain = random_chain(3, 2, 2, mix=0.1, informative_query=informative, rng=rng)
        for n in (0, 2, 6):
            chance, logs = lumped_types(chain, n, chain.trajectory_law()[0])
            weights = normalised(chain.log_prior + logs + chain.log_query[:, 1])
            right = int(chain.answer_table()[0, 1].argmax())
            law = answer_law(chain, weights, 1)
            bound = prompted_self_consistency_bound(chain, 0, n, [1, 8, 51], 1)
            for k, limit in zip((1, 8, 51), bound, strict=True):
                assert np.exp(chance) @ self_consistency_error(law, k, answer=right) <= limit
            path = greedy_path(chain, 0, 1)
            for k in (1, 4):
                failed = np.exp(chance) @ tree_of_thought_failure(chain, weights, 1, path, k)
                assert failed <= prompted_tree_of_thought_bound(chain, 0, n, k, 1)


def test_bounds_vanish_in_both():
    chain = DiscreteChain([0.5, 0.5], [[STAY, STAY], [STAY, SWAP]])
    assert prompted_self_consistency_bound(chain, 0, 200, 200, 0) < 1e-10
    assert prompted_tree_of_thought_bound(chain, 0, 200, 200, 0) < 1e-10
    # one of the two does not do
    assert prompted_self_consistency_bound(chain, 0, 200, 1, 0) > 0.1
    assert prompted_self_consistency_bound(chain, 0, 1, 200, 0) > 0.1


def test_bad_input():
    fair = [[0.5, 0.5], [0.5, 0.5]]
    chain = DiscreteChain([0.5, 0.5], [[fair], [STAY]], [[1.0, 0.0], [1.0, 0.0]])
    with pytest.raises(ValueError, match="no single likeliest answer"):
        prompted_self_consistency_bound(chain, 0, 3, 3, 0)
    with pytest.raises(ValueError, match="no single likeliest step 1"):
        prompted_tree_of_thought_bound(chain, 0, 3, 3, 0)
    for bound in (prompted_self_consistency_bound, prompted_tree_of_thought_bound):
        with pytest.raises(ValueError, match="never asks"):
            bound(chain, 1, 3, 3, 1)
        with pytest.raises(ValueError, match="is 0"):
            bound(chain, 1, 3, 0, 0)
        with pytest.raises(ValueError, match="n is -1"):
            bound(chain, 1, -1, 3, 0)
    with pytest.raises(ValueError, match="h from 0 to 1"):
        told_chain(chain, [0, 0, 0])
    with pytest.raises(ValueError, match="probability 0 under every task"):
        told_chain(chain, [1])
