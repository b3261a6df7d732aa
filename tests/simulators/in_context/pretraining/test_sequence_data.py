"""Sampled sequences have the law of their chains."""

import itertools

import numpy as np
import pytest

from tightbound.simulators.in_context.pretraining.sequence_data import (
    FreshSequences,
    PooledSequences,
    random_tasks,
    sample_sequences,
)
from tightbound.theory.in_context.markov_tasks import MarkovTasks


def test_sequences_have_the_probability_of_the_average_over_concepts(rng):
    tasks = MarkovTasks([0.3, 0.7], [[0.2, 0.8], [0.6, 0.4]], rng.dirichlet([1, 1], size=(2, 2)))
    tokens, _ = sample_sequences(tasks, 40_000, 3, rng=rng)
    everything = np.array(list(itertools.product(range(2), repeat=3)))
    log_law = np.take_along_axis(tasks.log_predictive(everything), everything[..., None], axis=-1)
    expected = np.exp(log_law.sum(axis=(1, 2)))
    found = np.bincount(tokens @ [4, 2, 1], minlength=8) / len(tokens)
    assert expected.sum() == pytest.approx(1.0)
    assert np.all(np.abs(found - expected) < 5 * np.sqrt(expected / len(tokens)))


@pytest.mark.filterwarnings("ignore:prior is 0 for task")
def test_concepts_have_the_prior_and_drive_their_sequence(rng):
    tasks = MarkovTasks([0.25, 0.0, 0.75], [0.5, 0.5], [np.eye(2), np.eye(2), np.eye(2)[::-1]])
    tokens, concept = sample_sequences(tasks, 4000, 5, rng=rng)
    assert set(concept) == {0, 2}
    assert (concept == 0).mean() == pytest.approx(0.25, abs=0.04)
    assert np.all((tokens[:, 1:] == tokens[:, :-1]) == (concept == 0)[:, None])


def test_pooled_sequences_have_the_right_neighbours_and_no_concept(rng):
    tasks = MarkovTasks([0.5, 0.5], [0.5, 0.5], [[[0.9, 0.1]] * 2, [[0.1, 0.9]] * 2])
    tokens = PooledSequences(tasks, 4)(rng, 40_000)
    with_concept, _ = sample_sequences(tasks, 40_000, 4, rng=rng)
    pairs, expected = (
        np.bincount(x[:, 1] * 2 + x[:, 2], minlength=4) / len(x) for x in (tokens, with_concept)
    )
    assert pairs == pytest.approx(expected, abs=0.02)
    # with the concept, tokens 1 and 3 agree given token 2; without it they are independent
    agree = [(x[x[:, 2] == 0][:, 1] == x[x[:, 2] == 0][:, 3]).mean() for x in (with_concept, tokens)]
    given = tasks.pooled_bigrams(4)
    assert agree[1] == pytest.approx(given[3, 0, 0] * 0.82 + given[3, 0, 1] * 0.18, abs=0.02)
    assert agree[0] > agree[1] + 0.01


def test_impossible_tokens_never_appear():
    tasks = MarkovTasks([1.0], [0.1, 0.2, 0.7, 0.0], [np.eye(4)])
    tokens, _ = sample_sequences(tasks, 5000, 1, rng=0)
    assert set(tokens[:, 0]) == {0, 1, 2}


def test_the_same_seed_gives_the_same_sequences_and_tasks():
    tasks = random_tasks(3, 4, concentration=0.5, rng=7)
    assert np.array_equal(tasks.transition, random_tasks(3, 4, concentration=0.5, rng=7).transition)
    assert tasks.transition.shape == (3, 4, 4)
    first, second = (sample_sequences(tasks, 6, 5, rng=1)[0] for _ in range(2))
    assert np.array_equal(first, second)
    sampler = FreshSequences(tasks, 5)
    assert sampler(np.random.default_rng(1), 6).tolist() == first.tolist()
    assert sample_sequences(tasks, 0, 5, rng=0)[0].shape == (0, 5)


@pytest.mark.parametrize("concentration", [0.0, -1.0, [1.0, 2.0], np.nan])
def test_bad_concentrations_are_refused(concentration):
    with pytest.raises((TypeError, ValueError), match="concentration"):
        random_tasks(2, 2, concentration=concentration)


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="tasks is 0"):
        random_tasks(0, 2)
    with pytest.raises(TypeError, match="count"):
        sample_sequences(random_tasks(1, 2, rng=0), 1.5, 2)
