"""Errors of token chains fitted by frequencies: exact values by enumeration, bounds and their parts."""

from itertools import pairwise, product

import numpy as np
import pytest

from tightbound.theory.in_context.pretraining import (
    chain_error_bound,
    chain_first_order_error,
    empty_prompt_bound,
    stationary_law,
    two_token_error,
)
from tightbound.theory.planning.count_error import expected_count_error

CHAIN = np.array([[0.8, 0.2], [0.35, 0.65]])


def enumerated(chain, documents, length):
    law, total = stationary_law(chain), 0.0
    paths = list(product((0, 1), repeat=length + 1))
    for sample in product(paths, repeat=documents):
        chance, counts = 1.0, np.zeros((2, 2))
        for path in sample:
            chance *= law[path[0]]
            for x, y in pairwise(path):
                chance *= chain[x, y]
                counts[x, y] += 1
        seen = counts.sum(axis=1, keepdims=True)
        fit = np.where(seen > 0, counts / np.maximum(seen, 1), 0.5)
        total += chance * float(law @ (0.5 * np.abs(fit - chain).sum(axis=1)))
    return total


@pytest.mark.parametrize(("documents", "length"), [(1, 1), (1, 5), (2, 3), (3, 2)])
def test_exact_error_is_the_enumeration_of_documents(documents, length):
    assert two_token_error(CHAIN, documents, length) == pytest.approx(
        enumerated(CHAIN, documents, length), abs=1e-12
    )


def test_exact_error_of_independent_documents_of_one_transition():
    # a document of one transition is one (context, label) pair
    law = stationary_law(CHAIN)
    assert two_token_error(CHAIN, 20, 1) == pytest.approx(expected_count_error(law, CHAIN, 20), abs=1e-12)


def test_stationary_law_of_a_reversible_chain():
    weights = np.array([[2.0, 1.0, 0.5], [1.0, 1.0, 0.2], [0.5, 0.2, 3.0]])
    rows = weights / weights.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(stationary_law(rows), weights.sum(axis=1) / weights.sum(), rtol=1e-12)


@pytest.mark.parametrize("chain", [CHAIN, [[0.5, 0.5], [0.5, 0.5]], [[0.05, 0.95], [0.9, 0.1]]])
@pytest.mark.parametrize(("documents", "length"), [(1, 4), (8, 8), (32, 16)])
def test_bound_is_above_the_exact_error(chain, documents, length):
    assert two_token_error(chain, documents, length) <= chain_error_bound(chain, documents, length)


def test_exact_error_tends_to_its_first_order():
    scaled = [two_token_error(CHAIN, n, 16) * np.sqrt(16 * n) for n in (8, 32, 64)]
    gaps = np.abs(np.array(scaled) / chain_first_order_error(CHAIN) - 1.0)
    assert gaps[2] < gaps[1] < gaps[0]
    assert gaps[2] < 0.005


def test_first_order_is_below_the_first_term_of_the_bound():
    far = 10**6
    assert chain_first_order_error(CHAIN) / far < chain_error_bound(CHAIN, far, far)


def test_mixing_enters_the_bound_by_the_second_eigenvalue():
    # eigenvalues of a chain of two tokens are 1 and 1 - leave - back
    law, slow = stationary_law(CHAIN), 1 - 0.2 - 0.35
    first = np.sqrt(law) @ np.sqrt(CHAIN * (1 - CHAIN)).sum(axis=1) / np.sqrt(12.0)
    assert chain_error_bound(CHAIN, 3, 4) == pytest.approx(first + 4 / 12 * (1 + slow) / (1 - slow))


def test_empty_prompt_bound_is_below_a_learner_that_is_told_the_concepts():
    first = np.array([[0.7, 0.3], [0.2, 0.8]])
    for n in (1, 4, 50, 1000):
        bound, gap = empty_prompt_bound(n, first)
        told = [0.5 * expected_count_error([1.0], [[0.5 + s * gap, 0.5 - s * gap]], n) for s in (1, -1)]
        assert 0.0 < bound <= np.mean(told)
        assert bound <= gap * 0.5
    constants = [empty_prompt_bound(n, first)[0] * np.sqrt(n) for n in (100, 400, 1600)]
    assert np.ptp(constants) < 0.02 * constants[0]


def test_empty_prompt_bound_at_a_given_gap_by_enumeration():
    first, gap = np.array([[0.7, 0.3], [0.2, 0.8]]), 0.1
    sequences = np.array(list(product((0, 1), repeat=5)))
    up, down = (np.where(sequences == 0, 0.5 + s, 0.5 - s).prod(axis=1) for s in (gap, -gap))
    assert empty_prompt_bound(5, first, gap)[0] == pytest.approx(0.5 * gap * np.minimum(up, down).sum())


def test_concepts_with_the_same_first_token_cost_nothing():
    assert empty_prompt_bound(10, [[0.5, 0.5], [0.5, 0.5]])[0] == 0.0


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: stationary_law([[1.0, 0.0], [0.0, 1.0]]), "reach"),
        (lambda: stationary_law([[0.5, 0.5], [0.0, 1.0]]), "reach"),
        (lambda: stationary_law([[0.5, 0.5]]), "one row per token"),
        (lambda: stationary_law([[0.5, 0.6], [0.5, 0.5]]), "sums to"),
        (lambda: chain_error_bound([[0.0, 1.0], [1.0, 0.0]], 1, 1), "periodic"),
        (lambda: chain_error_bound([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.8, 0.1, 0.1]], 1, 1), "reversible"),
        (lambda: chain_error_bound(CHAIN, 0, 1), "documents"),
        (lambda: two_token_error(np.full((3, 3), 1 / 3), 1, 1), "two tokens"),
        (lambda: two_token_error(CHAIN, 1000, 1000), "counts"),
        (lambda: two_token_error(CHAIN, 1, 0), "length"),
        (lambda: empty_prompt_bound(0, CHAIN), "documents"),
        (lambda: empty_prompt_bound(1, np.full((3, 3), 1 / 3)), "two concepts"),
        (lambda: empty_prompt_bound(1, CHAIN, 0.5), "gap"),
    ],
)
def test_bad_input(call, match):
    with pytest.raises((ValueError, TypeError), match=match):
        call()
