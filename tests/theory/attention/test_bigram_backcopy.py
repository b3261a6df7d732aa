"""The exact laws of Bigram-Backcopy against enumeration."""

import itertools

import numpy as np
import pytest

from tightbound.theory.attention.bigram_backcopy import BigramBackcopy

TABLE = np.random.default_rng(0).dirichlet(np.ones(3), 3)


def problem(place=1, length=5):
    return BigramBackcopy(TABLE, [0], length, place)


def enumerated(chain):
    """All sequences with their probabilities, by the laws of the next token."""
    every = np.array(list(itertools.product(range(chain.tokens), repeat=chain.length)))
    laws = chain.predictive(every)
    return every, laws, np.take_along_axis(laws, every[..., None], axis=-1)[..., 0].prod(axis=1)


@pytest.mark.parametrize("place", [1, 2, 3, 5, None])
def test_laws_of_pairs_and_the_floor_are_those_of_enumeration(place):
    chain = problem(place)
    every, laws, probability = enumerated(chain)
    assert probability.sum() == pytest.approx(1.0)
    for t in range(2, chain.length + 1):
        pair = np.zeros((chain.tokens, chain.tokens))
        np.add.at(pair, (every[:, t - 2], every[:, t - 1]), probability)
        np.testing.assert_allclose(chain.pair_law(t), pair, atol=1e-15)
    chosen = np.take_along_axis(laws, every[..., None], axis=-1)[..., 0]
    possible = probability > 0
    surprise = -probability[possible] @ np.log(chosen[possible])
    np.testing.assert_allclose(chain.entropies(), surprise[1:], atol=1e-14)
    assert chain.bayes_floor() == pytest.approx(surprise[1:].mean())


def test_triggers_never_follow_each_other_and_nothing_fixed_is_copied():
    for place in (1, 3, None):
        chain = BigramBackcopy(TABLE, [0, 1], 5, place)
        for t in range(2, 6):
            assert not chain.pair_law(t)[np.ix_([0, 1], [0, 1])].any()
        every, _, probability = enumerated(chain)
        copied = np.isin(every[:, 1:-1], [0, 1]) & (every[:, 2:] != chain.fixed_token)
        same = every[:, 2:] == every[:, :-2]
        assert np.all((same | ~copied)[probability > 0])


def test_problems_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        problem().transition[0, 0] = 1.0


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((TABLE[:2], [0], 5), ValueError, r"\(V, V\)"),
        ((2 * TABLE, [0], 5), ValueError, "must sum to 1"),
        ((TABLE * np.nan, [0], 5), ValueError, "NaN"),
        ((TABLE, [3], 5), IndexError, "triggers contains 3"),
        ((TABLE, [0, 0], 5), ValueError, "names a token twice"),
        ((TABLE, [0, 1, 2], 5), ValueError, "names all 3 tokens"),
        ((TABLE, [0], 2), ValueError, "length is 2"),
        ((TABLE, [0], 5, 6), ValueError, "fixed_position is 6"),
        ((TABLE, [0], 5, 0), ValueError, "fixed_position is 0"),
        ((TABLE, [0], 5, 1.0), TypeError, "fixed_position"),
    ],
)
def test_bad_problems_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        BigramBackcopy(*arguments)


def test_bad_positions_and_tokens_are_refused():
    with pytest.raises(ValueError, match="from 2 to length = 5"):
        problem().pair_law(6)
    with pytest.raises(ValueError, match="T = 5"):
        problem().predictive([[0, 1]])
    with pytest.raises(IndexError, match="tokens contains 4"):
        problem().predictive([[0, 1, 2, 3, 4]])
