import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.bandits import (
    adaptive_law,
    divergence_decomposition,
    exp3spec_law,
    expected_pulls_after,
    truncated_geometric,
)

common = settings(deadline=None, derandomize=True, max_examples=25)


def _exp3_by_recursion(table, length, tokens):
    """E[ST], E[O], E n_i and the two sums of the lemmas by plain recursion over paths."""
    arms = table.shape[1]

    def go(t, have, losses):
        if have >= tokens:
            return np.array([t, have - tokens, 0.0, 0.0, *np.zeros(3 * arms)])
        eta = math.sqrt(math.log(arms) / ((t + 1) * arms))
        weights = [math.exp(-eta * (loss - min(losses))) for loss in losses]
        out = np.zeros(4 + 3 * arms)
        for i in range(arms):
            p = weights[i] / sum(weights)
            estimate = (length + 1 - table[t, i]) / (length * p)
            new = list(losses)
            new[i] += estimate
            below = go(t + 1, have + table[t, i], new)
            below[2] += eta / p
            below[3] += eta
            below[4 + i] += 1
            below[4 + arms + i] += estimate
            below[4 + 2 * arms :] += (length + 1 - table[t]) / length
            out += p * below
        return out

    return go(0, 0, [0.0] * arms)


@pytest.mark.parametrize(("arms", "length", "tokens"), [(2, 3, 12), (3, 2, 7), (2, 1, 9), (1, 2, 5)])
def test_equals_plain_recursion(arms, length, tokens, rng):
    table = rng.integers(1, length + 2, size=(tokens, arms))
    found = exp3spec_law(table, length, tokens)
    expected = _exp3_by_recursion(table, length, tokens)
    assert [found.expected_stopping_time, found.expected_overshoot] == pytest.approx(expected[:2], abs=1e-12)
    assert [found.weighted_learning_rates, found.learning_rates] == pytest.approx(expected[2:4], abs=1e-9)
    assert found.expected_pulls == pytest.approx(expected[4 : 4 + arms], abs=1e-12)
    assert found.estimated_losses == pytest.approx(expected[4 + arms : 4 + 2 * arms], abs=1e-9)
    assert found.arm_losses == pytest.approx(expected[4 + 2 * arms :], abs=1e-12)


@common
@given(st.integers(1, 4), st.integers(1, 16), st.integers(2, 3), st.integers(0, 2**32 - 1))
def test_lemmas_and_regret_identity(length, tokens, arms, seed):
    table = np.random.default_rng(seed).integers(1, length + 2, size=(tokens, arms))
    found = exp3spec_law(table, length, min(tokens, 10) if arms == 3 else tokens)
    room = 1e-11 + found.skipped
    assert abs(found.weighted_learning_rates - arms * found.learning_rates) <= room
    assert np.all(np.abs(found.estimated_losses - found.arm_losses) <= room)
    z = (length + 1 - table) / length
    for i, (rounds, over) in enumerate(zip(found.arm_stopping_times, found.arm_overshoots, strict=True)):
        left = (length + 1) / length * (found.expected_stopping_time - rounds)
        clocks = found.played_losses.sum() - z[:rounds, i].sum()
        assert left == pytest.approx(clocks + (found.expected_overshoot - over) / length, abs=1e-11)
        same = found.arm_losses[i] - found.losses_between_clocks[i]
        assert same == pytest.approx(z[:rounds, i].sum(), abs=1e-11)
    assert found.expected_pulls.sum() == pytest.approx(found.expected_stopping_time, abs=1e-11)


def test_without_importance_weights_the_second_lemma_fails():
    found = exp3spec_law(np.ones((6, 2), dtype=int), 3, 6)
    assert np.all(found.arm_losses - found.played_losses > 1.0)


def test_deficit_against_a_table_that_rewards_switching():
    table = np.array([[4, 1], [1, 4], [4, 1], [1, 4]] * 2)
    found = exp3spec_law(table, 3, 8)
    assert found.regret == pytest.approx(found.expected_stopping_time - 3.0)
    assert found.chance_early > 0.1
    # the best fixed arm takes 3 rounds, and only 4, 4 takes 2
    assert found.deficit == pytest.approx(found.chance_early)


def test_worst_case_table_stays_within_memory():
    found = exp3spec_law(np.ones((18, 2), dtype=int), 3, 18)
    assert found.expected_stopping_time == pytest.approx(18.0, abs=1e-9)
    assert found.paths > 1 << 16
    assert found.regret == pytest.approx(0.0, abs=1e-9)


def _history_policy(history):
    x = 0.3 + 0.4 * (sum(y * (arm + 1) for arm, y in history) % 2)
    return [x, 1.0 - x]


@pytest.mark.parametrize("tokens", [1, 4, 8])
def test_divergence_decomposes_over_pulls(tokens):
    laws, other = truncated_geometric([0.7, 0.5], 2), truncated_geometric([0.6, 0.8], 2)
    both = divergence_decomposition(laws, other, _history_policy, tokens)
    assert both.divergence == pytest.approx(both.decomposition, abs=1e-12)
    assert both.divergence > 0.0


def test_pulls_agree_with_the_forward_law():
    laws = truncated_geometric([0.7, 0.5], 2)

    def greedy(counts, sums, t):
        return t if t < 2 else int(np.argmax(sums / counts))

    def same(history):
        counts = np.array([sum(a == i for a, _ in history) for i in range(2)])
        sums = np.array([sum(y for a, y in history if a == i) for i in range(2)])
        return np.eye(2)[greedy(counts, sums, len(history))]

    both = divergence_decomposition(laws, truncated_geometric([0.7, 0.8], 2), same, 9)
    assert both.expected_pulls == pytest.approx(adaptive_law(laws, greedy, 9).expected_pulls, abs=1e-12)


def test_pulls_at_a_fixed_horizon_differ():
    laws = truncated_geometric([0.7, 0.5], 2)
    fixed = expected_pulls_after(laws, _history_policy, 4)
    assert fixed.sum() == pytest.approx(4.0)
    stopped = divergence_decomposition(laws, laws[::-1], _history_policy, 8).expected_pulls
    assert abs(stopped.sum() - 4.0) > 0.1


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: exp3spec_law([[1, 5]], 3, 1), ValueError, ("table", "1 to max_draft + 1 = 4")),
        (lambda: exp3spec_law([[0, 1]], 3, 1), ValueError, ("table", "1 to max_draft + 1 = 4")),
        (lambda: exp3spec_law([[1.0, 2.0]], 3, 1), TypeError, ("table", "astype(int)")),
        (lambda: exp3spec_law([1, 2], 3, 1), ValueError, ("table", "(rounds, K)")),
        (lambda: exp3spec_law([[1, 2], [1, 2]], 3, 4), IndexError, ("2 rounds", "at least 4")),
        (lambda: exp3spec_law([[4, 1], [1, 4], [3, 3]], 3, 8), IndexError, ("3 rounds", "at least 8")),
        (lambda: exp3spec_law([[1, 2]], 3, 0), ValueError, ("tokens", "at least 1")),
        (
            lambda: divergence_decomposition([[0.5, 0.5]], [[1.0, 0.0]], lambda h: [1.0], 2),
            ValueError,
            ("alternative", "infinite"),
        ),
        (
            lambda: divergence_decomposition([[0.5, 0.5]], [[0.2, 0.3, 0.5]], lambda h: [1.0], 2),
            ValueError,
            ("alternative", "same arms"),
        ),
        (
            lambda: divergence_decomposition([[0.5, 0.5]], [[0.5, 0.5]], lambda h: [0.5], 2),
            ValueError,
            ("policy returned", "sum to 1"),
        ),
        (
            lambda: expected_pulls_after([[0.5, 0.5]], lambda h: [1.0], 0),
            ValueError,
            ("rounds", "at least 1"),
        ),
    ],
)
def test_bad_input_names_argument_and_remedy(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert all(word in str(caught.value) for word in words)
