"""Learning the Reporter: table and logistic model agree, converge, and refuse what cannot be learned."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.simulators.planning.language_models.reporter import (
    LogisticContrastive,
    Pairs,
    TabularContrastive,
    sample_pairs,
)
from tightbound.theory.planning.contrastive import contrastive_error

few = settings(deadline=None, derandomize=True, max_examples=25)
LAW = np.array([[0.6, 0.3, 0.1], [0.1, 0.2, 0.7]])
NOISE = np.array([0.3, 0.3, 0.4])


def one_hot(states, observations):
    return np.eye(states * observations).reshape(states, observations, -1)


def test_pairs_follow_the_law():
    pairs = sample_pairs(LAW, NOISE, 400_000, rng=0, positive_rate=0.25, states=[0.3, 0.7])
    assert pairs.samples == 400_000
    mass = np.array([[0.3], [0.7]])
    for counts, law in ((pairs.positives, 0.25 * mass * LAW), (pairs.negatives, 0.75 * mass * NOISE)):
        assert np.all(np.abs(counts - 400_000 * law) < 5 * np.sqrt(400_000 * law))


def test_the_learned_reporter_converges_at_the_first_order_rate():
    learner = TabularContrastive(NOISE)
    expected = contrastive_error(LAW, NOISE, 50_000).mean()
    rng = np.random.default_rng(1)
    found = np.array(
        [
            0.5
            * np.abs(learner.fit(sample_pairs(LAW, NOISE, 50_000, rng=rng)).translation - LAW)
            .sum(axis=1)
            .mean()
            for _ in range(400)
        ]
    )
    assert abs(found.mean() - expected) < 5 * found.std() / 20 + 0.01 * expected


@few
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 0.9))
def test_one_hot_logistic_is_the_table(seed, rate):
    pairs = sample_pairs(LAW, NOISE, 3000, rng=seed, positive_rate=rate)
    table = TabularContrastive(NOISE, rate).fit(pairs)
    logistic = LogisticContrastive(NOISE, one_hot(2, 3), rate).fit(pairs)
    assert logistic.translation == pytest.approx(table.translation, abs=1e-4)
    assert logistic.num_iter > 0
    assert table.num_iter == 0


def test_shared_features_cannot_tell_states_apart():
    features = np.broadcast_to(np.eye(3), (2, 3, 3))
    found = LogisticContrastive(NOISE, features).fit(sample_pairs(LAW, NOISE, 200_000, rng=0)).translation
    assert found[0] == pytest.approx(found[1])
    assert found[0] == pytest.approx(LAW.mean(axis=0), abs=0.01)


def test_unbalanced_labels_bias_the_ratio_but_not_the_normalised_translator():
    pairs = sample_pairs(LAW, NOISE, 1_000_000, rng=0, positive_rate=0.2)
    naive = TabularContrastive(NOISE).fit(pairs)
    right = TabularContrastive(NOISE, 0.2).fit(pairs)
    assert right.product == pytest.approx(LAW, abs=0.02)
    assert naive.product == pytest.approx(LAW / 4, abs=0.01)
    assert naive.translation == pytest.approx(right.translation, abs=1e-12)


def test_pairs_never_seen():
    learner = TabularContrastive([0.5, 0.5])
    nothing = learner.fit(Pairs(np.zeros((1, 2), int), np.zeros((1, 2), int)))
    assert nothing.ratio.tolist() == [[1.0, 1.0]]
    assert nothing.translation.tolist() == [[0.5, 0.5]]
    capped = learner.fit(Pairs([[5, 0]], [[0, 5]]))
    assert capped.ratio.tolist() == [[2.0, 0.0]]
    assert capped.translation.tolist() == [[1.0, 0.0]]
    only_negatives = learner.fit(Pairs([[0, 0]], [[2, 5]]))
    assert only_negatives.translation.tolist() == [[0.5, 0.5]]


def test_what_negatives_leave_out_is_refused():
    with pytest.raises(ValueError, match=r"probability 0 to observations \[0\].*spread the negatives"):
        sample_pairs(LAW, [0.0, 0.5, 0.5], 10, rng=0)
    with pytest.raises(ValueError, match=r"probability 0 to observations \[2\].*spread the negatives"):
        TabularContrastive([0.5, 0.5, 0.0])
    with pytest.raises(ValueError, match="spread the negatives"):
        LogisticContrastive([1.0, 0.0], one_hot(1, 2))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: sample_pairs(LAW, NOISE, -1), ValueError, "samples is -1: give an integer of at least 0"),
        (lambda: sample_pairs(LAW, NOISE, 5, states=[1.0]), ValueError, "states has shape .* per row"),
        (lambda: sample_pairs(LAW, NOISE, 5, positive_rate=1.0), ValueError, "positive_rate is 1.0: give"),
        (lambda: Pairs([[0.5]], [[1]]), TypeError, "positives has .* give integer counts"),
        (lambda: Pairs([[1]], [[-1]]), ValueError, "negatives contains -1: counts are at least 0"),
        (lambda: Pairs([[1]], [[1, 2]]), ValueError, r"give one shape \(S, O\) for both"),
        (lambda: TabularContrastive(NOISE, 0.0), ValueError, "positive_rate is 0.0: give"),
        (
            lambda: TabularContrastive(NOISE).fit(Pairs([[1, 1]], [[1, 1]])),
            ValueError,
            "pairs has shape .* give a column for each o",
        ),
        (
            lambda: LogisticContrastive(NOISE, one_hot(1, 3)).fit(Pairs([[1] * 3] * 2, [[1] * 3] * 2)),
            ValueError,
            "give one vector per pair",
        ),
        (
            lambda: LogisticContrastive(NOISE, np.zeros((2, 3))),
            ValueError,
            "features has shape .* give 3 axes",
        ),
        (lambda: LogisticContrastive(NOISE, one_hot(1, 3), penalty=0.0), ValueError, "penalty is 0.0: give"),
        (lambda: LogisticContrastive(NOISE, one_hot(1, 3), tolerance=-1.0), ValueError, "tolerance is -1.0"),
        (lambda: LogisticContrastive(NOISE, one_hot(1, 3), max_iter=0), ValueError, "max_iter is 0: give"),
        (
            lambda: LogisticContrastive(NOISE, one_hot(2, 3), max_iter=1).fit(
                sample_pairs(LAW, NOISE, 99, rng=0)
            ),
            ValueError,
            "after 1 iterations.*raise max_iter",
        ),
    ],
)
def test_bad_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
