"""Transition frequencies: counts of prefixes, and the exact expected error."""

import numpy as np
import pytest

from tightbound.simulators.in_context.pretraining.markov_mle import (
    chain_error,
    chain_mle,
    prefix_counts,
    sample_documents,
)
from tightbound.theory.in_context.pretraining import stationary_law, two_token_error

CHAIN = np.array([[0.8, 0.2], [0.35, 0.65]])


def test_counts_of_prefixes_are_those_of_a_loop():
    tokens = np.random.default_rng(0).integers(0, 3, size=(2, 5, 7))
    found = prefix_counts(tokens, 3, (1, 4), (2, 6))
    for run in range(2):
        for i, n in enumerate((1, 4)):
            for j, t in enumerate((2, 6)):
                counts = np.zeros((3, 3), int)
                for document in tokens[run, :n]:
                    np.add.at(counts, (document[:t], document[1 : t + 1]), 1)
                np.testing.assert_array_equal(found[run, i, j], counts)


def test_mean_error_is_the_exact_expectation():
    tokens = sample_documents(CHAIN, 4, 8, 4000, rng=1)
    error = chain_error(prefix_counts(tokens, 2, (4,), (8,))[:, 0, 0], CHAIN)
    exact = two_token_error(CHAIN, 4, 8)
    assert abs(error.mean() - exact) < 4 * error.std() / np.sqrt(error.size)


def test_documents_start_stationary_and_follow_the_chain():
    tokens = sample_documents(CHAIN, 1, 5, 40_000, rng=2)[:, 0]
    law = stationary_law(CHAIN)
    for t in (0, 5):
        assert abs((tokens[:, t] == 0).mean() - law[0]) < 4 * np.sqrt(0.25 / 40_000)
    left = tokens[:, 1:][tokens[:, :-1] == 0]
    assert abs(left.mean() - 0.2) < 5 * np.sqrt(0.16 / left.size)


def test_a_token_that_was_never_left_is_followed_by_any():
    assert chain_mle(np.zeros((2, 2))).tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert chain_error(CHAIN * 1000, CHAIN) == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: sample_documents(CHAIN, 0, 1, 1), "documents"),
        (lambda: prefix_counts([[0, 1]], 2, (1,), (1,)), "sets of documents"),
        (lambda: prefix_counts([[[0, 2]]], 2, (1,), (1,)), "contains 2"),
        (lambda: prefix_counts([[[0, 1]]], 2, (2,), (1,)), "documents"),
        (lambda: prefix_counts([[[0, 1, 0]]], 2, (1,), (2, 1)), "lengths"),
        (lambda: prefix_counts([[[0, 1, 0]]], 2, (), (1,)), "documents"),
    ],
)
def test_bad_input(call, match):
    with pytest.raises((ValueError, TypeError, IndexError), match=match):
        call()
