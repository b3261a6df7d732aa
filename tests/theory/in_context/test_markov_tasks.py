"""Bigram tasks against the evidence of whole sequences, computed without a recursion."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.theory.in_context.errors import InconsistentEvidenceError
from tightbound.theory.in_context.markov_tasks import MarkovTasks


def random_tasks(seed, tasks=3, tokens=3):
    rng = np.random.default_rng(seed)
    return MarkovTasks(
        rng.dirichlet(np.ones(tasks)),
        rng.dirichlet(np.ones(tokens), size=tasks),
        rng.dirichlet(np.ones(tokens), size=(tasks, tokens)),
    )


def evidence(tasks, sequence):
    """P(x_1, ..., x_t), a sum of products."""
    total = 0.0
    for z, weight in enumerate(tasks.prior):
        for t, x in enumerate(sequence):
            weight *= tasks.initial[z, x] if t == 0 else tasks.transition[z, sequence[t - 1], x]
        total += weight
    return total


@given(st.integers(0, 2**31), st.integers(1, 4), st.integers(1, 4))
def test_predictive_is_the_ratio_of_evidences(seed, count, tokens):
    tasks = random_tasks(seed, count, tokens)
    sequence = np.random.default_rng(seed).integers(tokens, size=5)
    law = tasks.predictive(sequence[None])[0]
    for t in range(5):
        before = evidence(tasks, sequence[:t])
        expected = [evidence(tasks, [*sequence[:t], x]) / before for x in range(tokens)]
        assert law[t] == pytest.approx(expected, abs=1e-12)


def test_probabilities_of_all_sequences_sum_to_one_and_telescope():
    tasks = random_tasks(0)
    sequences = np.array(list(itertools.product(range(3), repeat=4)))
    picked = np.take_along_axis(tasks.log_predictive(sequences), sequences[..., None], axis=-1)[..., 0]
    whole = np.exp(picked.sum(axis=1))
    assert whole == pytest.approx([evidence(tasks, s) for s in sequences], rel=1e-12)
    assert whole.sum() == pytest.approx(1.0, abs=1e-12)


def test_weights_are_the_posterior_and_stay_exact_far_below_the_smallest_double():
    tasks = MarkovTasks([0.5, 0.5], [0.5, 0.5], [[[0.9, 0.1]] * 2, [[0.1, 0.9]] * 2])
    weights = tasks.log_weights(np.zeros((1, 1001), dtype=int))[0]
    assert weights[0] == pytest.approx(np.log([0.5, 0.5]))
    assert weights[1] == pytest.approx(np.log([0.5, 0.5]))
    assert weights[1001, 1] == pytest.approx(1000 * np.log(1 / 9), rel=1e-12)
    assert weights[1001, 0] == 0.0


def test_one_law_of_the_first_token_serves_all_concepts():
    rows = [[[0.9, 0.1]] * 2, [[0.1, 0.9]] * 2]
    one = MarkovTasks([0.5, 0.5], [0.3, 0.7], rows)
    each = MarkovTasks([0.5, 0.5], [[0.3, 0.7]] * 2, rows)
    assert np.array_equal(one.initial, each.initial)
    assert (one.tasks, one.tokens) == (2, 2)


def test_one_concept_is_its_own_chain():
    tasks = random_tasks(1, tasks=1)
    law = tasks.predictive([[0, 1, 2]])[0]
    assert law == pytest.approx(np.stack([tasks.initial[0], tasks.transition[0, 0], tasks.transition[0, 1]]))


def test_empty_sequences_and_empty_batches():
    tasks = random_tasks(2)
    assert tasks.log_weights(np.zeros((4, 0), dtype=int)).shape == (4, 1, 3)
    assert tasks.predictive(np.zeros((4, 0), dtype=int)).shape == (4, 0, 3)
    assert tasks.predictive(np.zeros((0, 5), dtype=int)).shape == (0, 5, 3)


def test_impossible_steps_exclude_a_concept_and_then_raise():
    cycle, stay = np.roll(np.eye(2), 1, axis=1), np.eye(2)
    tasks = MarkovTasks([0.5, 0.5], [0.5, 0.5], [cycle, stay])
    assert np.exp(tasks.log_weights([[0, 1, 0]])[0, -1]).tolist() == [1.0, 0.0]
    assert tasks.predictive([[0, 1, 0]])[0, 2].tolist() == [1.0, 0.0]
    with pytest.raises(InconsistentEvidenceError, match=r"token 1 at position 2 of sequence 1"):
        tasks.log_weights([[0, 1, 0], [0, 1, 1]])
    # the law of the last token does not depend on it
    assert tasks.predictive([[0, 1, 1]])[0, 2].tolist() == [1.0, 0.0]


@pytest.mark.filterwarnings("ignore:prior is 0 for task")
def test_a_concept_of_prior_zero_never_gets_weight():
    tasks = MarkovTasks([1.0, 0.0], [0.5, 0.5], [np.eye(2), np.full((2, 2), 0.5)])
    assert np.isneginf(tasks.log_weights([[0, 0]])[0, :, 1]).all()
    with pytest.raises(InconsistentEvidenceError):
        tasks.log_weights([[0, 1]])


def test_pooled_predictive_forgets_all_but_the_last_token():
    tasks = random_tasks(3)
    sequences = np.array(list(itertools.product(range(3), repeat=4)))
    weight = np.array([evidence(tasks, s) for s in sequences])
    pooled = tasks.pooled_predictive(sequences)
    for t in range(4):
        for x, y in itertools.product(range(3), repeat=2):
            here = np.ones(len(sequences), bool) if t == 0 else sequences[:, t - 1] == x
            expected = weight[here & (sequences[:, t] == y)].sum() / weight[here].sum()
            assert pooled[here, t, y] == pytest.approx(expected, abs=1e-12)
    assert pooled[:, :2] == pytest.approx(tasks.predictive(sequences)[:, :2], abs=1e-12)


def test_pooled_predictive_refuses_an_impossible_token():
    tasks = MarkovTasks([1.0], [1.0, 0.0], [np.eye(2)])
    assert tasks.pooled_predictive([[0, 0]])[0].tolist() == [[1.0, 0.0], [1.0, 0.0]]
    assert tasks.pooled_bigrams(2)[1].tolist() == [[1.0, 0.0], [0.0, 0.0]]
    assert tasks.pooled_predictive(np.zeros((3, 0), int)).shape == (3, 0, 2)
    with pytest.raises(InconsistentEvidenceError, match="token 1 at position 0 of sequence 0"):
        tasks.pooled_predictive([[1, 0]])


def test_tables_are_copied_and_frozen():
    rows = np.full((1, 2, 2), 0.5)
    tasks = MarkovTasks([1.0], [0.5, 0.5], rows)
    rows[:] = 7.0
    assert tasks.transition.max() == 0.5
    with pytest.raises(ValueError, match="read-only"):
        tasks.transition[0, 0, 0] = 1.0


HALF = [[0.5, 0.5], [0.5, 0.5]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([0.5, 0.4], [0.5, 0.5], [HALF, HALF]), "prior has a row that sums to"),
        (([[1.0]], [0.5, 0.5], [HALF]), "prior has shape"),
        (([1.0], [0.5, 0.5], [[[0.5, 0.5], [0.5, 0.4]]]), "transition has a row"),
        (([1.0], [0.5, 0.5], [[[1.5, -0.5], [0.5, 0.5]]]), "must not be negative"),
        (([1.0], [0.5, 0.5], [[[np.nan, 0.5], [0.5, 0.5]]]), "NaN"),
        (([1.0], [0.5, 0.5], HALF), "transition has shape"),
        (([0.5, 0.5], [0.5, 0.5], [HALF]), "transition has shape"),
        (([1.0], [0.2, 0.3, 0.5], [HALF]), "initial has shape"),
    ],
)
def test_bad_tables_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        MarkovTasks(*arguments)


def test_bad_sequences_are_refused():
    tasks = random_tasks(0)
    with pytest.raises(ValueError, match="one sequence per row"):
        tasks.log_weights([0, 1])
    with pytest.raises(IndexError, match="tokens contains 3"):
        tasks.log_weights([[0, 3]])
    with pytest.raises(TypeError, match="integers from 0 to 2"):
        tasks.predictive([[0.0, 1.0]])
