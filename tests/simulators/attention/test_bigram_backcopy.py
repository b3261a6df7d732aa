"""Sampled sequences have the exact laws."""

import numpy as np
import pytest

from tightbound.simulators.attention.bigram_backcopy import BackcopySequences, random_bigram_backcopy


@pytest.mark.parametrize("place", [1, 3, None])
def test_pairs_of_sampled_tokens_have_the_exact_law(place):
    problem = random_bigram_backcopy(5, 6, triggers=2, fixed_position=place, rng=0)
    drawn = BackcopySequences(problem)(np.random.default_rng(1), 40_000)
    assert drawn.shape == (40_000, 6)
    assert drawn.dtype == np.int32
    for t in (2, 4, 6):
        pair, expected = np.zeros((6, 6)), problem.pair_law(t)
        np.add.at(pair, (drawn[:, t - 2], drawn[:, t - 1]), 1 / len(drawn))
        assert not pair[expected == 0].any()
        assert np.abs(pair - expected).max() < 5 * np.sqrt(0.25 / len(drawn))


def test_copies_are_exact():
    problem = random_bigram_backcopy(8, 12, rng=3)
    drawn = BackcopySequences(problem)(np.random.default_rng(0), 500)
    after = np.isin(drawn[:, 1:-1], problem.triggers)
    assert after.any()
    assert np.array_equal(drawn[:, 2:][after], drawn[:, :-2][after])
    assert np.all(drawn[:, 0] == problem.fixed_token)
    assert not np.isin(drawn[:, 1], problem.triggers).any()


def test_the_generator_decides_what_is_drawn():
    sequences = BackcopySequences(random_bigram_backcopy(8, 12, rng=3))
    one, same, other = (sequences(np.random.default_rng(seed), 20) for seed in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="vocabulary is 0"):
        random_bigram_backcopy(0)
    with pytest.raises(ValueError, match="concentration is 0"):
        random_bigram_backcopy(concentration=0.0)
