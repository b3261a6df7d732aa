"""Tables of tasks, and hidden Markov models: what they accept, and their likelihoods."""

import itertools

import numpy as np
import pytest

from tightbound.theory.in_context.errors import UnsupportedTaskWarning
from tightbound.theory.in_context.finite_tasks import FiniteTasks
from tightbound.theory.in_context.hmm_concept import HMMConcept

TABLE = [[[0.9, 0.1], [0.5, 0.5]], [[0.2, 0.8], [0.3, 0.7]]]


def hmm(**changes):
    given = {
        "prior": [0.5, 0.5],
        "initial": [[0.6, 0.4], [1.0, 0.0]],
        "transition": [[[0.7, 0.3], [0.1, 0.9]], [[0.0, 1.0], [1.0, 0.0]]],
        "emission": [[[[0.9, 0.1]], [[0.2, 0.8]]], [[[0.5, 0.5]], [[0.3, 0.7]]]],
    }
    return HMMConcept(**given | changes)


def test_look_up_of_likelihoods_and_covariates():
    tasks = FiniteTasks([0.25, 0.75], TABLE, covariate=[[0.9, 0.1], [0.4, 0.6]])
    c, r = np.array([[0, 1, 1]]), np.array([[1, 0, 1]])
    assert np.exp(tasks.log_likelihoods(c, r)) == pytest.approx(
        np.array([[[0.1, 0.8], [0.5, 0.3], [0.5, 0.7]]])
    )
    assert np.exp(tasks.log_covariates(c)) == pytest.approx(np.array([[[0.9, 0.4], [0.1, 0.6], [0.1, 0.6]]]))
    assert np.array_equal(FiniteTasks([0.25, 0.75], TABLE).log_covariates(c), np.zeros((1, 3, 2)))


def test_one_law_of_covariates_serves_all_tasks():
    tasks = FiniteTasks([0.25, 0.75], TABLE, covariate=[0.9, 0.1])
    assert tasks.covariate.tolist() == [[0.9, 0.1]] * 2


def test_arrays_are_owned_and_cannot_be_written_to():
    prior = np.array([0.5, 0.5])
    tasks = FiniteTasks(prior, TABLE)
    prior[0] = 9.0
    assert tasks.prior.tolist() == [0.5, 0.5]
    with pytest.raises(ValueError, match="read-only"):
        tasks.likelihood[0] = 0.0


def test_filter_sums_over_paths_of_hidden_states():
    model = hmm()
    r = np.array([0, 1, 1, 0])
    found = np.exp(model.log_likelihoods(np.zeros(4, dtype=int), r).sum(axis=0))
    for z in range(2):
        total = 0.0
        for path in itertools.product(range(2), repeat=4):
            chance = model.initial[z, path[0]] * model.emission[z, path[0], 0, r[0]]
            for t in range(1, 4):
                chance *= model.transition[z, path[t - 1], path[t]] * model.emission[z, path[t], 0, r[t]]
            total += chance
        assert found[z] == pytest.approx(total, rel=1e-13)


def test_the_hidden_state_is_not_reset_within_a_sequence():
    model = hmm(emission=[[[[1.0, 0.0]], [[0.0, 1.0]]]] * 2)
    told = model.log_likelihoods([0, 0, 0], [0, 1, 0])  # the second task alternates, starting with 0
    assert told[:, 1].tolist() == [0.0, 0.0, 0.0]
    assert model.log_likelihoods([0, 0], [0, 0])[1, 1] == -np.inf


def test_a_task_that_has_excluded_a_response_stays_excluded():
    model = hmm(emission=[[[[1.0, 0.0]], [[0.0, 1.0]]]] * 2)
    told = model.log_likelihoods([0] * 4, [0, 0, 0, 1])[:, 1]
    assert told.tolist() == [0.0, -np.inf, -np.inf, -np.inf]


def test_rare_hidden_states_are_not_lost_below_the_smallest_double():
    tiny = 1e-200
    model = HMMConcept(
        [1.0], [[1.0 - tiny, tiny]], [np.eye(2)], [[[[1.0 - tiny, tiny, 0.0]], [[tiny, 1.0 - tiny, 0.0]]]]
    )
    # two surprises under state 0 are as unlikely as starting in state 1 and one surprise there
    told = model.log_likelihoods([0] * 3, [0, 1, 1]).sum()
    assert told == pytest.approx(np.log(2.0) + 2 * np.log(tiny), rel=1e-12)


def test_sizes_and_empty_sequences():
    tasks, model = FiniteTasks([0.5, 0.5], TABLE), hmm()
    assert (tasks.tasks, tasks.covariates, tasks.responses) == (2, 2, 2)
    assert (model.tasks, model.hidden_states, model.covariates, model.responses) == (2, 2, 1, 2)
    for one in (tasks, model):
        assert one.log_likelihoods(np.zeros((3, 0), int), np.zeros((3, 0), int)).shape == (3, 0, 2)
        assert one.log_likelihoods([], []).shape == (0, 2)


def test_a_task_of_prior_probability_zero_is_warned_of():
    with pytest.warns(UnsupportedTaskWarning, match="prior is 0 for task 1") as caught:
        tasks = FiniteTasks([1.0, 0.0], TABLE)
    assert caught[0].filename == __file__
    assert tasks.log_prior.tolist() == [0.0, -np.inf]
    with pytest.warns(UnsupportedTaskWarning):
        hmm(prior=[0.0, 1.0])


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"prior": [0.5, 0.4]}, ValueError, "prior has a row that sums to"),
        ({"prior": [1.5, -0.5]}, ValueError, "prior contains -0.5"),
        ({"prior": [np.nan, 1.0]}, ValueError, "prior has entries that are NaN"),
        ({"prior": [[0.5, 0.5]]}, ValueError, "one probability per task"),
        ({"prior": ["a", "b"]}, TypeError, "real numbers"),
        ({"likelihood": TABLE[0]}, ValueError, "one table"),
        ({"likelihood": [*TABLE, TABLE[0]]}, ValueError, "one table"),
        ({"likelihood": [[[0.9, 0.2]]] * 2}, ValueError, "likelihood has a row that sums to"),
        ({"covariate": [0.5, 0.25, 0.25]}, ValueError, "covariate has shape"),
        ({"covariate": [0.5, 0.4]}, ValueError, "covariate has a row that sums to"),
    ],
)
def test_bad_tables(given, error, message):
    with pytest.raises(error, match=message):
        FiniteTasks(**{"prior": [0.5, 0.5], "likelihood": TABLE} | given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"initial": [[0.6, 0.4]]}, "initial has shape"),
        ({"transition": [[[1.0]], [[1.0]]]}, "transition has shape"),
        ({"emission": TABLE}, "emission has shape"),
        ({"transition": [[[0.7, 0.4], [0.1, 0.9]], [[0.0, 1.0], [1.0, 0.0]]]}, "transition has a row"),
        ({"covariate": [0.5, 0.5]}, "covariate has shape"),
    ],
)
def test_bad_hidden_markov_models(given, message):
    with pytest.raises(ValueError, match=message):
        hmm(**given)


@pytest.mark.parametrize(
    ("c", "r", "error", "message"),
    [
        ([0, 2], [0, 0], IndexError, "covariates contains 2"),
        ([0, 1], [0, -1], IndexError, "responses contains -1"),
        ([0.0, 1.0], [0, 0], TypeError, "covariates has dtype float64"),
        ([0, 1], [0], ValueError, "responses has shape"),
        (0, 0, ValueError, "give a sequence"),
    ],
)
def test_bad_sequences(c, r, error, message):
    with pytest.raises(error, match=message):
        FiniteTasks([0.5, 0.5], TABLE).log_likelihoods(c, r)
