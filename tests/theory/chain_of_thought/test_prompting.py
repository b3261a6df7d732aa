"""Losses, exact errors, bounds and the floor of a misspecified prior."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from tightbound.simulators.chain_of_thought.random_chain import random_chain
from tightbound.theory.chain_of_thought.answer_law import answer_law, log_posterior
from tightbound.theory.chain_of_thought.comparison import answer_only, average_prompting_error
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.misspecification import misspecified_floor
from tightbound.theory.chain_of_thought.prompt_losses import prompt_losses
from tightbound.theory.chain_of_thought.prompting_bounds import (
    doubt_bound,
    doubt_constant,
    high_probability_bound,
    power_ratio,
    surprise_bound,
    surprise_constant,
)
from tightbound.theory.chain_of_thought.prompting_error import exact_prompting_error
from tightbound.theory.in_context.errors import InconsistentEvidenceError

STAY, SWAP = [[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]


def slow_errors(chain, truth, n):
    """Sum over ordered prompts, with plain probabilities."""
    law = chain.trajectory_law()[truth]
    paths = np.array(list(itertools.product(range(chain.states), repeat=chain.steps + 1)))
    table, total = chain.answer_table(), np.zeros(3)
    for index in itertools.product(range(len(paths)), repeat=n):
        prompt = paths[list(index)].reshape(n, chain.steps + 1)
        chance = law[list(index)].prod()
        doubt = 1.0 - np.exp(log_posterior(chain, prompt)[truth])
        surprise = divergence = 0.0
        for z in range(chain.states):
            weights = log_posterior(chain, prompt, z)
            true = table[truth, z]
            surprise -= chain.query[truth, z] * weights[truth]
            divergence += chain.query[truth, z] * (true * np.log(true / answer_law(chain, weights, z))).sum()
        total += chance * np.array([doubt, surprise, divergence])
    return total


@pytest.mark.parametrize("seed", [0, 1])
def test_exact_errors_against_a_slow_sum(seed):
    chain = random_chain(3, 1, 2, informative_query=True, rng=seed)
    for n in (0, 1, 3):
        found = np.exp(exact_prompting_error(chain, 1, n))
        np.testing.assert_allclose(found, slow_errors(chain, 1, n), rtol=1e-10)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.floats(-700.0, 40.0), st.integers(0, 100))
def test_losses_keep_their_digits(odds, seed):
    """Against 50-digit arithmetic would be better; against the leading terms it is enough."""
    chain = random_chain(2, 1, 3, rng=seed)
    losses = prompt_losses(chain, 0, np.array([[0.0, odds]]))
    assert losses.log_doubt[0] == pytest.approx(odds - np.logaddexp(0.0, odds), abs=1e-12)
    true, other = chain.answer_table()
    if odds < -20.0:
        # KL is half of chi-square times the squared weight
        chi = ((true - other) ** 2 / true).sum(axis=1) @ chain.query[0]
        assert losses.log_answer_kl[0] == pytest.approx(2 * odds + np.log(0.5 * chi), abs=1e-7)
        assert losses.log_surprise[0] == pytest.approx(odds, abs=1e-8)
    else:
        weight = 1.0 / (1.0 + np.exp(odds))
        mixed = weight * true + (1.0 - weight) * other
        kl = (true * np.log(true / mixed)).sum(axis=1) @ chain.query[0]
        assert np.exp(losses.log_answer_kl[0]) == pytest.approx(kl, rel=1e-6, abs=1e-13)


def test_losses_of_answers_that_the_truth_excludes():
    chain = DiscreteChain([0.5, 0.5], [[STAY], [[[0.5, 0.5], [0.5, 0.5]]]])
    losses = prompt_losses(chain, 0, np.array([[0.0, -600.0], [0.0, 0.0]]))
    np.testing.assert_allclose(losses.log_answer_kl, [-600.0 + np.log(0.5), np.log(np.log(4.0 / 3.0))])


@pytest.mark.filterwarnings("ignore:prior is 0 for task")
def test_the_average_that_excludes_the_answer_is_infinitely_wrong():
    chain = DiscreteChain([0.0, 1.0], [[SWAP], [STAY]])
    losses = prompt_losses(chain, 0, np.array([[0.0, 0.0]]), allow_misspecified=True)
    assert losses.log_doubt[0] == 0.0
    assert losses.log_surprise[0] == np.inf
    assert losses.log_answer_kl[0] == np.inf


def test_a_single_task_has_nothing_to_lose():
    chain = random_chain(1, 2, 2, rng=0)
    assert exact_prompting_error(chain, 0, 2) == (-np.inf, -np.inf, -np.inf)
    assert doubt_bound(chain, 0, [0, 3]).tolist() == [0.0, 0.0]
    assert high_probability_bound(chain, 0, 5, 0.1) == 0.0


def test_copies_cost_doubt_but_no_error(rng):
    kernels = random_chain(1, 2, 2, rng=rng).kernels
    chain = DiscreteChain([0.25, 0.75], np.concatenate([kernels, kernels]))
    found = exact_prompting_error(chain, 0, 3)
    assert np.exp(found.log_doubt) == pytest.approx(0.75)
    assert found.log_surprise == found.log_answer_kl == -np.inf


@pytest.mark.filterwarnings("ignore:prior is 0 for task")
def test_a_truth_of_probability_zero():
    chain = DiscreteChain([0.0, 0.5, 0.5], random_chain(3, 1, 2, rng=3).kernels)
    for call in (
        lambda: exact_prompting_error(chain, 0, 2),
        lambda: doubt_bound(chain, 0, 2),
        lambda: surprise_bound(chain, 0, 2),
        lambda: high_probability_bound(chain, 0, 2, 0.1),
    ):
        with pytest.raises(ValueError, match="prior probability 0"):
            call()
    errors = [exact_prompting_error(chain, 0, n, allow_misspecified=True).log_answer_kl for n in range(6)]
    assert min(np.exp(errors)) >= misspecified_floor(chain, 0) - 1e-12


@pytest.mark.filterwarnings("ignore:prior is 0 for task")
def test_a_misspecified_truth_that_the_prior_cannot_explain():
    chain = DiscreteChain([0.0, 1.0], [[SWAP], [STAY]])
    with pytest.raises(InconsistentEvidenceError):
        exact_prompting_error(chain, 0, 1, allow_misspecified=True)


def test_bad_numbers_of_demonstrations(rng):
    chain = random_chain(2, 2, 3, rng=rng)
    with pytest.raises(ValueError, match="n is -1"):
        exact_prompting_error(chain, 0, -1)
    with pytest.raises(ValueError, match="importance"):
        exact_prompting_error(chain, 0, 20)
    with pytest.raises(IndexError, match="n contains -1"):
        doubt_bound(chain, 0, [-1])
    with pytest.raises(ValueError, match="power in"):
        power_ratio(chain, 0, 1, 0.0)
    with pytest.raises(ValueError, match="delta is 1"):
        high_probability_bound(chain, 0, 1, 1.0)


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.floats(0.02, 1.0))
def test_constants_are_the_least(s):
    x = np.logspace(-9, 12, 20_001)
    with np.errstate(over="ignore"):
        doubt, surprise = (x / (1.0 + x) / x**s).max(), (np.log1p(x) / x**s).max()
    assert doubt <= doubt_constant(s) * (1 + 1e-12)
    assert surprise <= surprise_constant(s) * (1 + 1e-12)
    assert surprise_constant(s) <= 1.0 / s + 1e-12
    if 0.05 < s < 0.99:
        assert doubt == pytest.approx(float(doubt_constant(s)), rel=1e-4)
        assert surprise == pytest.approx(float(surprise_constant(s)), rel=1e-4)


@settings(deadline=None, derandomize=True, max_examples=10)
@given(st.integers(0, 1000), st.sampled_from([0.25, 0.5, 1.0, None]))
def test_bounds_hold(seed, s):
    chain = random_chain(3, 2, 2, informative_query=True, rng=seed)
    lengths = np.arange(5)
    found = np.exp([exact_prompting_error(chain, 0, int(n)) for n in lengths])
    assert np.all(found[:, 0] <= doubt_bound(chain, 0, lengths, s=s) * (1 + 1e-12))
    assert np.all(found[:, 1] <= surprise_bound(chain, 0, lengths, s=s) * (1 + 1e-12))
    assert np.all(found[:, 2] <= found[:, 1] * (1 + 1e-12))


def test_the_best_power_is_best_for_doubt(rng):
    chain = random_chain(4, 2, 2, rng=rng)
    best = doubt_bound(chain, 0, [0, 2, 20])
    # constants are left out of the search, which costs at most a factor of 2
    for s in (0.2, 0.5, 0.8):
        assert np.all(best <= 2.0 * doubt_bound(chain, 0, [0, 2, 20], s=s))
    fixed = [high_probability_bound(chain, 0, 20, 0.1, s=s) for s in (0.1, 0.3, 0.5, 1.0)]
    assert high_probability_bound(chain, 0, 20, 0.1) <= min(fixed) + 1e-12


def test_floor_against_a_general_optimiser(rng):
    chain = random_chain(4, 2, 3, rng=rng)
    answers = chain.answer_table()

    def divergence(logits):
        weights = np.exp(logits - logits.max())
        mixed = np.einsum("k,kij->ij", weights / weights.sum(), answers[1:])
        return float((answers[0] * np.log(answers[0] / mixed)).sum() / 3.0)

    least = minimize(divergence, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-14})
    assert misspecified_floor(chain, 0) == pytest.approx(least.fun, abs=1e-7)
    with pytest.raises(ValueError, match="depends on the task"):
        misspecified_floor(random_chain(2, 1, 2, informative_query=True, rng=0), 0)
    with pytest.raises(ValueError, match="nothing to mix"):
        misspecified_floor(random_chain(1, 1, 2, rng=0), 0)
    assert misspecified_floor(DiscreteChain([0.5, 0.5], [[SWAP], [STAY]]), 0) == np.inf


def test_one_step_of_thought_is_vanilla_prompting(rng):
    chain = random_chain(3, 1, 3, rng=rng)
    assert answer_only(chain) is chain
    deeper = random_chain(3, 3, 3, rng=rng)
    assert answer_only(deeper).steps == 1
    np.testing.assert_allclose(answer_only(deeper).answer_table(), deeper.answer_table())


def test_the_average_error_is_a_mutual_information(rng):
    """I(y; theta | S, z_0) from the joint law of everything, n = 1."""
    chain = random_chain(3, 2, 2, rng=rng)
    table = chain.answer_table()
    joint = np.einsum("k,ks,kz,kzy->kszy", chain.prior, chain.trajectory_law(), chain.query, table)
    given = joint.sum(axis=(0, 3), keepdims=True)
    both = joint / (joint.sum(axis=3, keepdims=True) * joint.sum(axis=0, keepdims=True) / given)
    assert average_prompting_error(chain, 1) == pytest.approx((joint * np.log(both)).sum(), rel=1e-10)
