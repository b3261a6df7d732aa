"""Averaging against evidence by enumeration, and against closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.theory.in_context.errors import InconsistentEvidenceError
from tightbound.theory.in_context.evidence import log_evidence
from tightbound.theory.in_context.finite_tasks import FiniteTasks
from tightbound.theory.in_context.hmm_concept import HMMConcept
from tightbound.theory.in_context.model_averaging import (
    log_covariate_predictive,
    log_posterior,
    log_predictive,
    posterior,
    predictive,
    predictive_before_query,
)


def random_model(seed, *, hidden=False, informative=False, tasks=4):
    rng = np.random.default_rng(seed)
    prior = rng.dirichlet(np.ones(tasks))
    law = rng.dirichlet(np.ones(2), size=tasks) if informative else None
    if not hidden:
        return FiniteTasks(prior, rng.dirichlet(np.ones(3), size=(tasks, 2)), law)
    shape = (tasks, 2)
    return HMMConcept(
        prior,
        rng.dirichlet(np.ones(2), size=tasks),
        rng.dirichlet(np.ones(2), size=shape),
        rng.dirichlet(np.ones(3), size=(*shape, 2)),
        law,
    )


def random_sequences(seed, shape):
    rng = np.random.default_rng(seed)
    return rng.integers(2, size=shape), rng.integers(3, size=shape)


def tables(*rows):
    return FiniteTasks(np.full(len(rows), 1.0 / len(rows)), np.array(rows)[:, None, :])


@given(st.integers(0, 2**31), st.booleans(), st.booleans(), st.integers(0, 5))
def test_posterior_and_predictions_are_laws(seed, hidden, informative, length):
    model = random_model(seed, hidden=hidden, informative=informative)
    c, r = random_sequences(seed, (2, length))
    assert posterior(model, c, r).sum(axis=-1) == pytest.approx(np.ones((2, length + 1)), abs=1e-14)
    for average in (predictive, predictive_before_query):
        assert average(model, c, r, 1).sum(axis=-1) == pytest.approx(np.ones(2), abs=1e-13)


@given(st.integers(0, 2**31), st.booleans())
def test_order_of_independent_demonstrations_is_irrelevant(seed, informative):
    model = random_model(seed, informative=informative)
    c, r = random_sequences(seed, 12)
    order = np.random.default_rng(seed).permutation(12)
    last = [log_posterior(model, c[o], r[o])[-1] for o in (np.arange(12), order)]
    assert last[0] == pytest.approx(last[1], abs=1e-12)


def test_order_matters_where_a_hidden_state_moves():
    model = random_model(0, hidden=True)
    c, r = np.zeros(6, dtype=int), np.array([0, 0, 0, 1, 1, 1])
    last = [log_posterior(model, c, one)[-1] for one in (r, np.array([0, 1, 0, 1, 0, 1]))]
    assert np.abs(last[0] - last[1]).max() > 1e-3


@given(st.integers(0, 2**31), st.booleans(), st.booleans())
def test_predictions_are_ratios_of_evidences(seed, hidden, informative):
    model = random_model(seed, hidden=hidden, informative=informative)
    c, r = random_sequences(seed, 4)
    asked = np.append(c, 1)
    joint = np.exp([log_evidence(model, asked, np.append(r, x)) for x in range(3)])
    assert predictive(model, c, r, 1) == pytest.approx(joint / joint.sum(), abs=1e-13)
    picked = log_predictive(model, asked, np.append(r, 2))[-1]
    assert picked == pytest.approx(np.log(joint[2] / joint.sum()), abs=1e-12)


@given(st.integers(0, 2**31), st.booleans(), st.booleans())
def test_predictions_telescope(seed, hidden, informative):
    model = random_model(seed, hidden=hidden, informative=informative)
    c, r = random_sequences(seed, (3, 5))
    total = (log_predictive(model, c, r) + log_covariate_predictive(model, c, r)).sum(axis=-1)
    assert total == pytest.approx(log_evidence(model, c, r), abs=1e-12)


def test_evidences_of_all_sequences_sum_to_one():
    for hidden in (False, True):
        model = random_model(3, hidden=hidden, informative=True)
        both = np.indices((6,) * 3).reshape(3, -1).T
        assert np.exp(log_evidence(model, both // 3, both % 3)).sum() == pytest.approx(1.0, abs=1e-13)


def test_leading_axes_are_kept():
    model = random_model(1)
    c, r = random_sequences(1, (2, 3, 7))
    whole = log_posterior(model, c, r)
    assert whole.shape == (2, 3, 8, 4)
    assert log_predictive(model, c, r).shape == (2, 3, 7)
    assert predictive(model, c, r, np.ones((2, 3), dtype=int)).shape == (2, 3, 3)
    assert np.array_equal(whole[1, 2], log_posterior(model, c[1, 2], r[1, 2]))


def test_without_demonstrations_the_posterior_is_the_prior():
    for hidden in (False, True):
        model = random_model(2, hidden=hidden)
        assert posterior(model, [], []) == pytest.approx(model.prior[None], rel=1e-15)
        assert log_predictive(model, np.zeros((5, 0), int), np.zeros((5, 0), int)).shape == (5, 0)
        assert log_evidence(model, [], []) == pytest.approx(0.0, abs=1e-15)


def test_one_task_is_its_own_average():
    model = random_model(4, tasks=1)
    c, r = random_sequences(4, (2, 9))
    assert np.array_equal(log_posterior(model, c, r), np.zeros((2, 10, 1)))
    assert np.array_equal(log_predictive(model, c, r), model.log_likelihoods(c, r)[..., 0])


def test_duplicated_tasks_share_their_weight():
    once = tables([0.9, 0.1], [0.2, 0.8])
    twice = FiniteTasks([0.25, 0.25, 0.5], once.likelihood[[0, 0, 1]])
    c, r = np.zeros(6, dtype=int), np.array([0, 1, 0, 0, 1, 0])
    assert log_predictive(twice, c, r) == pytest.approx(log_predictive(once, c, r), abs=1e-14)
    weights = posterior(twice, c, r)
    assert np.array_equal(weights[:, 0], weights[:, 1])


def test_deterministic_tasks_are_excluded_at_once():
    tasks = tables([1.0, 0.0], [0.0, 1.0])
    assert posterior(tasks, [0, 0], [1, 1]).tolist() == [[0.5, 0.5], [0.0, 1.0], [0.0, 1.0]]
    assert log_posterior(tasks, [0], [1])[-1].tolist() == [-np.inf, 0.0]


def test_impossible_demonstrations_are_refused_by_name():
    tasks = tables([1.0, 0.0], [1.0, 0.0])
    c, r = np.zeros((2, 3), dtype=int), np.array([[0, 0, 0], [0, 1, 0]])
    for function in (log_posterior, log_predictive):
        with pytest.raises(
            InconsistentEvidenceError, match="response 1 at step 1 of sequence 1 has probability 0"
        ):
            function(tasks, c, r)
    with pytest.raises(InconsistentEvidenceError, match="step 1 of sequence 0"):
        log_posterior(tasks, c[1], r[1])
    with pytest.raises(InconsistentEvidenceError, match=r"step 1 of sequence \(1, 0\)"):
        log_posterior(tasks, c[:, None], r[:, None])
    assert log_evidence(tasks, c, r).tolist() == [0.0, -np.inf]


def test_tasks_that_exclude_each_other_s_evidence_are_refused_together():
    with pytest.raises(InconsistentEvidenceError, match="step 1"):
        log_posterior(tables([1.0, 0.0], [0.0, 1.0]), [0, 0], [0, 1])


def test_impossible_covariates_are_refused_by_name():
    tasks = FiniteTasks([0.5, 0.5], np.full((2, 2, 2), 0.5), covariate=[1.0, 0.0])
    with pytest.raises(InconsistentEvidenceError, match="covariate 1 at step 0 of sequence 0"):
        log_posterior(tasks, [1], [0])
    with pytest.raises(InconsistentEvidenceError, match="covariate 1 at step 2 of sequence 0"):
        predictive(tasks, [0, 0], [0, 1], 1)


@pytest.mark.filterwarnings("ignore::tightbound.theory.in_context.errors.UnsupportedTaskWarning")
def test_a_task_of_prior_probability_zero_never_gets_weight():
    tasks = FiniteTasks([1.0, 0.0], [[[0.5, 0.5]], [[0.0, 1.0]]])
    assert np.array_equal(posterior(tasks, [0] * 3, [1] * 3), np.tile([1.0, 0.0], (4, 1)))
    with pytest.raises(InconsistentEvidenceError):
        log_posterior(FiniteTasks([1.0, 0.0], [[[1.0, 0.0]], [[0.0, 1.0]]]), [0], [1])


def test_the_query_matters_where_covariates_are_informative_and_only_there():
    for informative in (False, True):
        model = random_model(5, informative=informative)
        c, r = random_sequences(5, 3)
        apart = np.abs(predictive(model, c, r, 0) - predictive_before_query(model, c, r, 0)).sum()
        assert (apart > 1e-3) == informative


def test_bad_queries_and_too_many_paths():
    model = random_model(6)
    with pytest.raises(IndexError, match="covariate contains 2"):
        predictive(model, [0], [0], 2)
    with pytest.raises(ValueError, match="one query"):
        predictive(model, [[0], [0]], [[0], [0]], [0, 1, 1])
    with pytest.raises(ValueError, match="131072 paths, more than 100000"):
        log_evidence(random_model(6, hidden=True), [0] * 17, [0] * 17)


def test_agrees_with_bigram_tasks_where_the_last_token_is_the_covariate():
    from tightbound.theory.in_context.markov_tasks import MarkovTasks

    rng = np.random.default_rng(7)
    transition = rng.dirichlet(np.ones(3), size=(4, 3))
    tokens = rng.integers(3, size=(5, 20))
    chains = MarkovTasks(np.full(4, 0.25), np.full(3, 1 / 3), transition)
    tasks = FiniteTasks(np.full(4, 0.25), transition)
    found = log_posterior(tasks, tokens[:, :-1], tokens[:, 1:])
    assert found == pytest.approx(chains.log_weights(tokens)[:, 1:], abs=1e-11)
