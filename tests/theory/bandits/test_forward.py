import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.bandits import (
    adaptive_law,
    expected_overshoot,
    expected_stopping_time,
    law_mean,
    stopping_time_law,
    truncated_geometric,
    ucbspec_radius,
)

common = settings(deadline=None, derandomize=True, max_examples=25)


def _ucbspec(length):
    def choose(counts, sums, t):
        if t < counts.size:
            return t
        return int(np.argmax(sums / counts + np.asarray(ucbspec_radius(counts, t, counts.size, length))))

    return choose


def _greedy(counts, sums, t):
    return t if t < counts.size else int(np.argmax(sums / counts))


def _ucb1(length):
    def choose(counts, sums, t):
        if t < counts.size:
            return t
        return int(np.argmax(sums / counts + length * np.sqrt(2.0 * math.log(t) / counts)))

    return choose


def _by_paths(laws, choose, tokens):
    """All histories one by one: pulls, rounds, overshoot."""
    totals = np.zeros(len(laws) + 2)
    stack = [((0,) * len(laws), (0,) * len(laws), 1.0)]
    while stack:
        counts, sums, probability = stack.pop()
        if sum(sums) >= tokens:
            totals += probability * np.array([*counts, sum(counts), sum(sums) - tokens])
            continue
        arm = choose(np.array(counts), np.array(sums), sum(counts))
        for y, q in enumerate(laws[arm], 1):
            if q > 0:
                new = [list(counts), list(sums)]
                new[0][arm] += 1
                new[1][arm] += y
                stack.append((tuple(new[0]), tuple(new[1]), probability * q))
    return totals


@pytest.mark.parametrize("choose", [_ucbspec(2), _greedy, _ucb1(2)])
@pytest.mark.parametrize("tokens", [1, 2, 7, 10])
def test_equals_the_sum_over_all_histories(choose, tokens):
    laws = truncated_geometric([0.5, 0.7, 0.3], 2)
    found = adaptive_law(laws, choose, tokens)
    expected = _by_paths(laws, choose, tokens)
    assert found.expected_pulls == pytest.approx(expected[:3], abs=1e-13)
    assert found.expected_stopping_time == pytest.approx(expected[3], abs=1e-13)
    assert found.expected_overshoot == pytest.approx(expected[4], abs=1e-13)


@pytest.mark.parametrize(("length", "tokens"), [(1, 60), (3, 30)])
@pytest.mark.parametrize("policy", ["ucbspec", "greedy", "ucb1"])
def test_regret_identity(length, tokens, policy):
    choose = {"ucbspec": _ucbspec(length), "greedy": _greedy, "ucb1": _ucb1(length)}[policy]
    laws = truncated_geometric([0.5, 0.75], length)
    means = law_mean(laws)
    found = adaptive_law(laws, choose, tokens)
    regret = found.expected_stopping_time - expected_stopping_time(laws[1], tokens)
    over = found.expected_overshoot - expected_overshoot(laws[1], tokens)
    assert regret == pytest.approx(((means[1] - means) @ found.expected_pulls + over) / means[1], abs=1e-11)
    assert found.probability.sum() == pytest.approx(1.0, abs=1e-13)


@common
@given(st.floats(0.0, 0.95), st.floats(0.0, 0.95), st.integers(1, 4), st.integers(1, 25))
def test_a_fixed_arm_follows_the_renewal_law(p, r, length, tokens):
    laws = truncated_geometric([p, r], length)
    found = adaptive_law(laws, lambda counts, sums, t: 1, tokens)
    reference = stopping_time_law(laws[1], tokens)
    for t in range(1, tokens + 1):
        assert found.chance(lambda counts, rounds, t=t: rounds == t) == pytest.approx(reference[t], abs=1e-13)
    assert not found.counts[:, 0].any()


@common
@given(st.floats(0.0, 0.95), st.floats(0.0, 0.95), st.integers(1, 4), st.integers(1, 25))
def test_rounds_are_sandwiched(p, r, length, tokens):
    rounds = adaptive_law(truncated_geometric([p, r], length), _greedy, tokens).counts.sum(axis=1)
    assert rounds.min() >= -(-tokens // (length + 1))
    assert rounds.max() <= tokens


def test_laws_may_change_with_the_round():
    early, late = [[1.0, 0.0]], [[0.0, 1.0]]
    found = adaptive_law([early] * 2 + [late] * 4, lambda counts, sums, t: 0, 6)
    assert found.expected_stopping_time == 4.0
    assert found.sums.tolist() == [[6]]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: adaptive_law([[0.5, 0.5]], lambda c, s, t: 1, 3), ("choose returned 1", "0 to 0")),
        (lambda: adaptive_law([[0.5, 0.5]], lambda c, s, t: 0, 0), ("tokens", "at least 1")),
        (lambda: adaptive_law([0.5, 0.5], lambda c, s, t: 0, 3), ("laws", "(K, L+1)")),
        (lambda: adaptive_law([[0.5, 0.6]], lambda c, s, t: 0, 3), ("laws", "sum to 1")),
        (lambda: adaptive_law([[[0.5, 0.5]]], lambda c, s, t: 0, 3), ("laws covers 1", "one per round")),
        (lambda: adaptive_law([[0.5, 0.5]] * 20, lambda c, s, t: 0, 100), ("tokens", "fewer arms")),
        (
            lambda: adaptive_law([[0.5, 0.5]], lambda c, s, t: 0, 3).chance(lambda c, r: True),
            ("event", "one boolean per final state"),
        ),
    ],
)
def test_bad_input_names_argument_and_remedy(call, words):
    with pytest.raises(ValueError, match=re.escape(words[0])) as caught:
        call()
    assert all(word in str(caught.value) for word in words)
