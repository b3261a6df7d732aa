"""The exact error of a count table: against enumeration, against simulation, at its edges."""

import itertools
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.planning.count_error import context_free_floor, expected_count_error

seeds = st.integers(0, 2**32 - 1)
few = settings(deadline=None, derandomize=True, max_examples=25)


def enumerated(contexts, labels, samples):
    """Sum over every sequence of (context, label) pairs."""
    cells = [(c, g) for c in range(len(contexts)) for g in range(labels.shape[1])]
    total = 0.0
    for sequence in itertools.product(cells, repeat=samples):
        counts = np.zeros_like(labels)
        for cell in sequence:
            counts[cell] += 1
        seen = counts.sum(axis=1, keepdims=True)
        table = np.where(seen > 0, counts / np.maximum(seen, 1), 1.0 / labels.shape[1])
        chance = np.prod([contexts[c] * labels[c, g] for c, g in sequence])
        total += chance * contexts @ (0.5 * np.abs(table - labels).sum(axis=1))
    return total


@few
@given(seeds, st.integers(0, 4))
def test_it_is_the_sum_over_all_samples(seed, samples):
    rng = np.random.default_rng(seed)
    contexts, labels = rng.dirichlet(np.ones(2)), rng.dirichlet(np.ones(2), size=2)
    assert expected_count_error(contexts, labels, samples) == pytest.approx(
        enumerated(contexts, labels, samples), rel=1e-11
    )


@few
@given(seeds, st.integers(1, 200))
def test_a_single_context_gives_the_mean_deviation_of_a_binomial_share(seed, samples):
    p = float(np.random.default_rng(seed).uniform())
    direct = sum(
        comb(samples, k) * p**k * (1 - p) ** (samples - k) * abs(k / samples - p) for k in range(samples + 1)
    )
    assert expected_count_error([1.0], [[p, 1 - p]], samples) == pytest.approx(direct, rel=1e-10)


def test_simulated_tables_have_this_error():
    rng = np.random.default_rng(0)
    contexts, labels = rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(3), size=6)
    counts = rng.multinomial(300, (contexts[:, None] * labels).ravel(), size=4000).reshape(-1, 6, 3)
    seen = counts.sum(axis=2, keepdims=True)
    table = np.where(seen > 0, counts / np.maximum(seen, 1), 1 / 3)
    found = 0.5 * np.abs(table - labels).sum(axis=2) @ contexts
    assert abs(found.mean() - expected_count_error(contexts, labels, 300)) < 5 * found.std() / np.sqrt(4000)


def test_labels_without_noise_leave_only_the_unseen_contexts():
    found = expected_count_error([0.25, 0.75], [[1.0, 0.0], [0.0, 1.0]], 10)
    assert found == pytest.approx(0.5 * (0.25 * 0.75**10 + 0.75 * 0.25**10), rel=1e-9)


def test_contexts_of_mass_zero_and_one_and_very_many_samples():
    assert expected_count_error([1.0, 0.0], [[0.5, 0.5], [1.0, 0.0]], 0) == 0.0
    error = expected_count_error([1.0], [[0.5, 0.5]], 2**24)
    assert error == pytest.approx(0.5 * np.sqrt(2 / np.pi) / 2**12, rel=1e-4)


def test_a_table_without_contexts_stops_at_its_floor():
    contexts, labels = np.array([0.25, 0.75]), np.array([[0.9, 0.1], [0.3, 0.7]])
    mean = contexts @ labels
    pooled = expected_count_error([1.0], [mean], 2**20)
    assert pooled < 1e-3
    assert context_free_floor(contexts, labels) == pytest.approx(0.25 * 0.45 + 0.75 * 0.15)
    assert context_free_floor([1.0], [[0.9, 0.1]]) == 0.0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([0.5, 0.6], [[1.0], [1.0]], 1), ValueError, "contexts has a row that sums to .*divide"),
        (([1.0], [[0.5, 0.6]], 1), ValueError, "labels has a row that sums to .*divide"),
        (([1.0], [0.5, 0.5], 1), ValueError, "labels has shape .* give 2 axes"),
        (([1.0], [[0.5, 0.5], [0.5, 0.5]], 1), ValueError, "give one row of labels per context"),
        (([1.0], [[0.5, 0.5]], -1), ValueError, "samples is -1: give an integer of at least 0"),
        (([1.0], [[0.5, 0.5]], 2.0), TypeError, "samples is 2.0"),
    ],
)
def test_bad_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        expected_count_error(*arguments)
