"""The law of a vote against enumeration of all ballots, and its bounds."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from tightbound.theory.chain_of_thought.self_consistency import (
    gap_bound,
    self_consistency_bound,
    self_consistency_error,
    self_consistency_exponent,
    success_bound,
    vote,
)


def by_ballots(law, samples, answer):
    """Return the chance of success by listing every sequence of answers."""
    success = 0.0
    for ballot in itertools.product(range(len(law)), repeat=samples):
        counts = np.bincount(ballot, minlength=len(law))
        leaders = np.flatnonzero(counts == counts.max())
        success += np.prod(np.asarray(law)[list(ballot)]) * (answer in leaders) / leaders.size
    return success


@pytest.mark.parametrize("answers", [2, 3, 4, 5])
@pytest.mark.parametrize("samples", [1, 2, 3, 4, 5])
def test_vote_against_all_ballots(rng, answers, samples):
    law = rng.dirichlet(np.ones(answers))
    for answer in range(answers):
        found = vote(law, samples, answer=answer)
        expected = by_ballots(law, samples, answer)
        assert found.success == pytest.approx(expected, rel=1e-12)
        assert found.error == pytest.approx(1.0 - expected, rel=1e-11)


@pytest.mark.parametrize("samples", [1, 2, 7, 30, 101])
def test_three_answers_agree_with_four_of_which_one_all_but_never_comes(samples):
    """The double sum over two rivals against the program over any number of them."""
    for answer in (0, 1, 2):
        small = vote([0.5, 0.3, 0.2], samples, answer=answer)
        large = vote([0.5, 0.3, 0.2 - 1e-14, 1e-14], samples, answer=answer)
        np.testing.assert_allclose(small, large, rtol=1e-9)


def test_two_answers_are_a_binomial_law():
    for samples in (1, 2, 25, 400):
        expected = binom.sf(samples // 2, samples, 0.3) + 0.5 * (samples % 2 == 0) * binom.pmf(
            samples / 2, samples, 0.3
        )
        assert self_consistency_error([0.7, 0.3], samples) == pytest.approx(expected, rel=1e-12)


def test_one_sample_is_plain_chain_of_thought(rng):
    laws = rng.dirichlet(np.ones(6), size=8)
    np.testing.assert_allclose(self_consistency_error(laws, 1), 1.0 - laws.max(axis=1), rtol=1e-12)


@given(st.integers(2, 8), st.integers(1, 60), st.integers(0, 10**6))
def test_success_and_error_sum_to_one_and_stay_below_the_bounds(answers, samples, seed):
    law = np.random.default_rng(seed).dirichlet(np.ones(answers))
    found = vote(law, samples)
    assert found.success + found.error == pytest.approx(1.0, abs=1e-11)
    sharp = self_consistency_bound(law, samples)
    ranked = np.sort(law)[::-1]
    assert found.error <= sharp * (1 + 1e-9)
    assert sharp <= gap_bound(ranked[0] - ranked[1], answers, samples) * (1 + 1e-9)
    second = int(np.argsort(law)[-2])
    minority = vote(law, samples, answer=second).success
    assert minority <= min(0.5, float(success_bound(law, samples, second))) + 1e-12


def test_many_candidates_and_samples_keep_their_digits():
    law = np.array([0.6, *np.full(7, 0.4 / 7)])
    found = [vote(law, k) for k in (100, 200)]
    assert all(one.success + one.error == pytest.approx(1.0, abs=1e-11) for one in found)
    assert 0.0 < found[1].error < 1e-12
    rate = np.log(found[0].error / found[1].error) / 100
    assert rate == pytest.approx(float(self_consistency_exponent(law)), rel=0.05)


def test_impossible_and_certain_answers():
    certain = vote([1.0, 0.0, 0.0], 4)
    assert (certain.success, certain.error) == (1.0, 0.0)
    never = vote([0.5, 0.5, 0.0], 4, answer=2)
    assert (never.success, never.error) == (0.0, 1.0)
    assert vote([0.6, 0.4, 0.0], 5).error == vote([0.6, 0.4], 5).error
    assert self_consistency_exponent([1.0, 0.0]) == np.inf
    assert self_consistency_exponent([0.5, 0.5]) == 0.0
    assert self_consistency_error([1.0], 3) == 0.0
    assert self_consistency_exponent([1.0]) == np.inf


def test_laws_in_batches(rng):
    laws = rng.dirichlet(np.ones(4), size=(2, 3))
    answers = rng.integers(4, size=(2, 3))
    found = vote(laws, 6, answer=answers)
    assert found.error.shape == (2, 3)
    for place in np.ndindex(2, 3):
        assert found.error[place] == vote(laws[place], 6, answer=answers[place]).error


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([0.5, 0.5], 0), ValueError, "samples is 0"),
        (([0.5, 0.5], 2.5), TypeError, "samples"),
        (([0.5, 0.6], 3), ValueError, "sums to 1.1"),
        (([1.5, -0.5], 3), ValueError, "must not be negative"),
        (([np.nan, 0.5], 3), ValueError, "NaN"),
        ((1.0, 3), ValueError, "at least one probability"),
    ],
)
def test_bad_input(arguments, error, message):
    for function in (vote, self_consistency_error, self_consistency_bound):
        with pytest.raises(error, match=message):
            function(*arguments)


def test_what_is_no_answer_and_no_gap():
    with pytest.raises(IndexError, match="from 0 to 1"):
        vote([0.5, 0.5], 3, answer=2)
    with pytest.raises(ValueError, match="between -1 and 1"):
        gap_bound(1.5, 2, 3)
    assert gap_bound([-0.1, 0.0], 3, 5).tolist() == [2.0, 2.0]
    assert gap_bound(0.0, 1, 5) == 1.0
