import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.simulators.chain_of_thought.random_chain import random_chain
from tightbound.theory.chain_of_thought.answer_law import answer_law, log_posterior
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.in_context.errors import InconsistentEvidenceError, UnsupportedTaskWarning

STAY, SWAP = [[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(0, 1000))
def test_tables_agree_with_each_other(tasks, steps, states, seed):
    chain = random_chain(tasks, steps, states, informative_query=True, rng=seed)
    law = chain.trajectory_law()
    paths = np.array(list(itertools.product(range(states), repeat=steps + 1)))
    np.testing.assert_allclose(law.sum(axis=1), 1.0)
    np.testing.assert_allclose(np.exp(chain.log_likelihood(paths)).T, law, rtol=1e-12)
    joint = law.reshape(tasks, states, -1, states).sum(axis=2)
    np.testing.assert_allclose(joint, chain.query[:, :, None] * chain.answer_table(), atol=1e-14)


def test_deterministic_kernels_give_an_exact_posterior():
    chain = DiscreteChain([0.5, 0.5], [[STAY, STAY], [STAY, SWAP]])
    assert chain.log_likelihood([0, 0, 0]).tolist() == [np.log(0.5), -np.inf]
    weights = log_posterior(chain, [[0, 0, 0]])
    assert weights.tolist() == [0.0, -np.inf]
    assert answer_law(chain, weights, [0, 1]).tolist() == STAY


@pytest.mark.filterwarnings("ignore:prior is 0 for task")
def test_a_prompt_that_no_task_can_produce():
    chain = DiscreteChain([0.5, 0.5], [[STAY, STAY], [STAY, SWAP]])
    with pytest.raises(InconsistentEvidenceError, match="every task"):
        log_posterior(chain, [[0, 1, 1]])
    with pytest.raises(InconsistentEvidenceError):
        log_posterior(DiscreteChain([1.0, 0.0], chain.kernels), [[0, 0, 1]])


def test_without_demonstrations_the_posterior_is_the_prior(rng):
    chain = random_chain(3, 2, 2, informative_query=True, rng=rng)
    np.testing.assert_allclose(np.exp(log_posterior(chain, np.empty((0, 3), dtype=int))), chain.prior)
    asked = np.exp(log_posterior(chain, np.empty((0, 3), dtype=int), 1))
    np.testing.assert_allclose(asked, chain.prior * chain.query[:, 1] / (chain.prior @ chain.query[:, 1]))


@pytest.mark.filterwarnings("ignore:prior is 0 for task")
def test_a_task_of_probability_zero_never_gets_weight(rng):
    chain = DiscreteChain([1.0, 0.0], random_chain(2, 2, 2, rng=rng).kernels)
    assert log_posterior(chain, [[0, 1, 1]] * 5).tolist() == [0.0, -np.inf]


def test_copies_share_their_weight(rng):
    kernels = random_chain(1, 2, 3, rng=rng).kernels
    chain = DiscreteChain([0.3, 0.7], np.concatenate([kernels, kernels]))
    np.testing.assert_allclose(np.exp(log_posterior(chain, [[0, 1, 2], [2, 2, 0]])), [0.3, 0.7])


def test_batches(rng):
    chain = random_chain(3, 2, 2, informative_query=True, rng=rng)
    prompts, queries = rng.integers(2, size=(4, 5, 3)), rng.integers(2, size=4)
    weights = log_posterior(chain, prompts, queries)
    laws = answer_law(chain, weights, queries)
    for i in range(4):
        np.testing.assert_allclose(weights[i], log_posterior(chain, prompts[i], queries[i]), atol=1e-14)
        np.testing.assert_allclose(laws[i], answer_law(chain, weights[i], queries[i]), atol=1e-15)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.5, 0.6], [[STAY], [STAY]]), "prior has a row that sums"),
        (([0.5, 0.5], [[STAY]]), "kernels has shape"),
        (([1.0], [STAY]), "kernels has shape"),
        (([1.0], [[[[0.5, 0.4], [0.5, 0.5]]]]), "kernels has a row"),
        (([1.0], [[[[1.5, -0.5], [0.5, 0.5]]]]), "must not be negative"),
        (([1.0], [[[[np.nan, 1.0], [0.5, 0.5]]]]), "NaN"),
        (([1.0], np.empty((1, 0, 2, 2))), "H >= 1"),
        (([1.0], [[STAY]], [1.0]), "query has shape"),
        (([[1.0]], [[STAY]]), "one probability per task"),
    ],
)
def test_bad_tasks(arguments, message):
    with pytest.raises(ValueError, match=message):
        DiscreteChain(*arguments)


def test_bad_prompts():
    chain = DiscreteChain([1.0], [[STAY, STAY]])
    with pytest.raises(ValueError, match="last axis must hold the 3 states"):
        chain.log_likelihood([0, 0])
    with pytest.raises(IndexError, match="0 to 1"):
        chain.log_likelihood([0, 0, 2])
    with pytest.raises(TypeError, match="integers"):
        chain.log_likelihood([0.0, 0.0, 1.0])
    with pytest.raises(ValueError, match="one trajectory per row"):
        log_posterior(chain, [0, 0, 0])
    with pytest.raises(ValueError, match=r"holds a row"):
        answer_law(chain, [-1.0], 0)
    with pytest.raises(ValueError, match="must hold 1 tasks"):
        answer_law(chain, [0.0, 0.0], 0)
    with pytest.raises(ValueError, match="holds NaN"):
        answer_law(chain, [np.nan], 0)


def test_tables_too_large_are_refused():
    chain = random_chain(1, 12, 4, rng=0)
    with pytest.raises(ValueError, match="67108864 entries"):
        chain.trajectory_law()


def test_arrays_are_the_tasks_own(rng):
    kernels = random_chain(1, 1, 2, rng=rng).kernels.copy()
    chain = DiscreteChain([1.0], kernels)
    kernels[:] = 0.0
    assert chain.kernels.sum() == 2.0
    with pytest.raises(ValueError, match="read-only"):
        chain.kernels[0] = 1.0


def test_a_task_of_probability_zero_is_pointed_out():
    with pytest.warns(UnsupportedTaskWarning, match="prior is 0 for task 1"):
        DiscreteChain([1.0, 0.0], [[STAY], [SWAP]])
