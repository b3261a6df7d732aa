from itertools import pairwise, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.in_context.exchangeability import bigram_law, independent_law, order_information


def tasks(rng, count=2, tokens=2):
    return (
        rng.dirichlet(np.ones(count)),
        rng.dirichlet(np.ones(tokens), size=count),
        rng.dirichlet(np.ones(tokens), size=(count, tokens)),
    )


def test_laws_are_products(rng):
    prior, first, steps = tasks(rng, 3, 2)
    chain, flat = bigram_law(prior, first, steps, 4), independent_law(prior, first, 4)
    assert chain.shape == flat.shape == (2,) * 4
    for x in product(range(2), repeat=4):
        moves = np.prod([steps[:, a, b] for a, b in pairwise(x)], axis=0)
        assert chain[x] == pytest.approx(prior @ (first[:, x[0]] * moves))
        assert flat[x] == pytest.approx(prior @ np.prod(first[:, list(x)], axis=1))


@settings(max_examples=15)
@given(st.integers(1, 3), st.integers(2, 3), st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_the_pooled_predictor_attains_it_and_no_other_does_better(count, tokens, length, seed):
    rng = np.random.default_rng(seed)
    prior, first, steps = tasks(rng, count, tokens)
    law = bigram_law(prior, first, steps, length + 1)
    least = order_information(law)
    prompts = law.sum(axis=-1)
    pooled = np.zeros_like(law)
    for order in permutations(range(length)):
        pooled += np.transpose(law, (*order, length))
    own, shared = law / law.sum(axis=-1, keepdims=True), pooled / pooled.sum(axis=-1, keepdims=True)

    def divergence(q):
        return float((prompts[..., None] * own * np.log(own / q)).sum())

    assert divergence(shared) == pytest.approx(least, abs=1e-12)
    other = 0.9 * shared + 0.1 / tokens
    assert divergence(other) >= least - 1e-12
    assert least >= -1e-12


def test_what_order_cannot_tell(rng):
    prior, first, steps = tasks(rng, 3, 3)
    assert order_information(independent_law(prior, first, 5)) == pytest.approx(0.0, abs=1e-14)
    assert order_information(bigram_law(prior, first, steps, 2)) == pytest.approx(0.0, abs=1e-14)  # one token
    assert order_information(bigram_law(prior, first, steps, 1)) == 0.0
    assert order_information(bigram_law(prior, first, steps, 5)) > 1e-3


def test_impossible_prompts_are_left_out():
    cycle = bigram_law([1.0], [[1.0, 0.0]], [[[0.0, 1.0], [1.0, 0.0]]], 4)
    assert order_information(cycle) == 0.0


def test_bad_input(rng):
    prior, first, steps = tasks(rng)
    with pytest.raises(ValueError, match="length is 30 over 2 tokens: more than"):
        independent_law(prior, first, 30)
    with pytest.raises(ValueError, match="length is 0"):
        bigram_law(prior, first, steps, 0)
    with pytest.raises(ValueError, match="laws over the same tokens"):
        bigram_law(prior, first[:, :1] * 0 + 1.0, steps, 2)
    with pytest.raises(ValueError, match="3 axes, first M"):
        bigram_law(prior, first, first, 2)
    with pytest.raises(ValueError, match="2 axes, first M"):
        independent_law(prior, steps, 2)
    with pytest.raises(ValueError, match="sums to"):
        independent_law([0.5, 0.6], first, 2)
    with pytest.raises(ValueError, match="all of one size"):
        order_information(np.full((2, 3), 1 / 6))
    with pytest.raises(ValueError, match=r"sums to 0\.5"):
        order_information([0.25, 0.25])
