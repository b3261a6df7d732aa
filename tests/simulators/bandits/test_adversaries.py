"""Adversarial tables: what each promises, and what it refuses."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.simulators.bandits import adversaries

small = st.lists(st.lists(st.integers(1, 4), min_size=2, max_size=2), min_size=8, max_size=8)


def test_sampled_follows_its_laws():
    laws = np.array([[0.2, 0.3, 0.5], [0.7, 0.2, 0.1]])
    y = adversaries.sampled(laws, 40_000, rng=1)
    for arm in range(2):
        share = np.bincount(y[:, arm], minlength=4)[1:] / y.shape[0]
        assert np.all(np.abs(share - laws[arm]) < 5 * np.sqrt(laws[arm] * (1 - laws[arm]) / y.shape[0]))


@given(first=st.floats(1.0, 5.0), second=st.floats(1.0, 5.0))
def test_two_point_has_the_means_and_only_two_values(first, second):
    y = adversaries.two_point([first, second], 4, 4000, rng=2)
    assert set(np.unique(y)) <= {1, 5}
    assert np.all(np.abs(y.mean(axis=0) - [first, second]) < 5 * 2.0 / math.sqrt(4000) + 1e-12)


@given(first=st.floats(1.0, 5.0), second=st.floats(1.0, 5.0))
def test_dominated_lets_no_sequence_finish_early(first, second):
    y = adversaries.dominated([first, second], 4, 60, rng=3)
    best = int(first < second)
    assert np.all(y[:, best] >= y[:, 1 - best])
    assert not adversaries.early_finish_possible(y, 60)


def test_tuned_gap_is_the_printed_formula():
    assert adversaries.tuned_gap(3, 2, 1000.0) == pytest.approx(
        2 * math.sqrt(3 * math.log(3) / 500.0), rel=1e-12
    )


@given(arms=st.integers(1, 5), rounds=st.integers(1, 300))
def test_rotating_has_one_good_arm_in_phases_of_doubling_length(arms, rounds):
    y = adversaries.rotating(arms, 3, rounds)
    assert y.shape == (rounds, arms)
    assert np.all((y == 4).sum(axis=1) == 1)
    best = y.argmax(axis=1)
    for k in range(rounds.bit_length()):
        assert np.all(best[2**k - 1 : 2 ** (k + 1) - 1] == k % arms)


@given(y=small, tokens=st.integers(1, 8))
def test_stopping_time_and_early_finish_agree_with_all_sequences(y, tokens):
    y = np.array(y)
    clocks = {}
    for path in itertools.product(range(2), repeat=y.shape[0]):
        clocks[path] = int(np.argmax(np.cumsum(y[np.arange(y.shape[0]), path]) >= tokens)) + 1
    fixed = min(clocks[(0,) * 8], clocks[(1,) * 8])
    assert adversaries.best_stopping_time(y, tokens) == fixed
    assert adversaries.early_finish_possible(y, tokens) == (min(clocks.values()) < fixed)


@given(y=small, tokens=st.integers(1, 8))
def test_cliff_keeps_the_best_arm_and_charges_one_round_per_missing_token(y, tokens):
    cut = adversaries.cliff(y, tokens)
    best = adversaries.best_stopping_time(y, tokens)
    assert adversaries.best_stopping_time(cut, tokens) == best
    assert np.array_equal(cut[:best], np.array(y)[:best])
    assert np.all(cut[best:] == 1)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: adversaries.sampled([[0.5, 0.6]], 5), ValueError, "laws .* divide each row"),
        (lambda: adversaries.sampled([[0.5, 0.5]], 0), ValueError, "rounds is 0.*larger"),
        (lambda: adversaries.two_point([6.0], 4, 5), ValueError, "means contains 6.0.*raise max_draft"),
        (lambda: adversaries.two_point([2.0], 4.0, 5), TypeError, "max_draft is 4.0.*integer"),
        (lambda: adversaries.dominated([0.5], 4, 5), ValueError, "means contains 0.5.*>= 1"),
        (lambda: adversaries.rotating(0, 4, 5), ValueError, "arms is 0.*larger"),
        (lambda: adversaries.tuned_gap(2, 4, 10.0), ValueError, "tokens is 10.0.*at least 17 tokens"),
        (lambda: adversaries.tuned_gap(1, 4, 10.0), ValueError, "arms is 1.*larger"),
        (lambda: adversaries.cliff([[1, 1]] * 3, 4), IndexError, "3 rounds.*add rounds"),
        (lambda: adversaries.best_stopping_time([[1, 1]], 0), ValueError, "tokens is 0.*larger"),
        (lambda: adversaries.best_stopping_time([[0, 1]], 1), ValueError, "table contains 0.0.*at least 1"),
        (lambda: adversaries.best_stopping_time([[1.5, 1]], 1), ValueError, "table contains 1.5.*whole"),
        (
            lambda: adversaries.early_finish_possible([1, 2], 1),
            ValueError,
            r"table has shape \(2,\).*\(rounds, K\)",
        ),
    ],
)
def test_bad_input_names_the_argument_and_the_remedy(call, error, words):
    with pytest.raises(error, match=words):
        call()
