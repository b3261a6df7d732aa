import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.planning.brute_force import path_weights
from tightbound.theory.planning.errors import ImpossibleObservationError
from tightbound.theory.planning.filtering import (
    belief,
    filter_start,
    filter_step,
    likelihood,
    log_likelihood,
    normalised,
    posterior,
)
from tightbound.theory.planning.hmdp import HMDP

common = settings(deadline=None, derandomize=True, max_examples=25)


def _histories(model, length):
    pairs = itertools.product(
        itertools.product(range(model.observations), repeat=length),
        itertools.product(range(model.subgoals), repeat=length - 1),
    )
    seen, goals = zip(*pairs, strict=True)
    return np.array(seen), np.array(goals, dtype=int).reshape(len(goals), length - 1)


@common
@given(
    seed=st.integers(0, 2**32 - 1),
    environments=st.integers(1, 4),
    states=st.integers(1, 4),
    observations=st.integers(1, 3),
    horizon=st.integers(2, 4),
    keep=st.sampled_from([1.0, 0.6]),
)
def test_equals_the_sum_over_state_paths(
    random_model, seed, environments, states, observations, horizon, keep
):
    model = random_model(seed, environments, states, 2, observations, horizon, keep=keep)
    seen, goals = _histories(model, horizon)
    rows = np.random.default_rng(seed).permutation(len(seen))[:10]
    found = likelihood(model, seen[rows], goals[rows])
    for row, like in zip(rows, found, strict=True):
        assert np.abs(like - path_weights(model, seen[row], goals[row]).sum(axis=1)).max() <= 1e-13


def test_steps_broadcast_over_batches(random_model):
    model = random_model(3, 3, 4, 3, 2, 4)
    seen, goals = _histories(model, 3)
    seen, goals = seen.reshape(2, 4, 9, 3)[:, :, :5], goals.reshape(2, 4, 9, 2)[:, :, :5]
    alpha = filter_start(model, seen[..., 0])
    assert alpha.shape == (2, 4, 5, 3, 4)
    for h in range(2):
        alpha = filter_step(model, h, alpha, goals[..., h], seen[..., h + 1])
    assert alpha.sum(axis=-1) == pytest.approx(likelihood(model, seen, goals), rel=1e-13)
    one = filter_step(model, 0, filter_start(model, 1), 2, [0, 1])
    assert one.shape == (2, 3, 4)


def test_likelihoods_of_all_continuations_sum_to_one(random_model):
    model = random_model(5, 2, 3, 2, 3, 4)
    seen, goals = _histories(model, 4)
    like = likelihood(model, seen, goals).reshape(-1, 2**3, 2)
    assert like.sum(axis=0) == pytest.approx(1.0, abs=1e-13)


def test_belief_is_the_normalised_filter(random_model):
    model = random_model(2, 2, 3, 2, 2, 3)
    weights = path_weights(model, [0, 1, 1], [1, 0])
    assert belief(model, [0, 1, 1], [1, 0]) == pytest.approx(
        weights / weights.sum(axis=1, keepdims=True), abs=1e-14
    )


def test_long_histories_do_not_underflow():
    law = np.array([[0.5, 0.5], [0.5, 0.5]]) / 1.0
    noise = np.full((2, 10), 0.1)
    model = HMDP([0.5, 0.5], [law[:, None], law[:, None]], noise, np.zeros((500, 10)))
    seen, goals = np.zeros(500, dtype=int), np.zeros(499, dtype=int)
    assert log_likelihood(model, seen, goals) == pytest.approx(500 * np.log(0.1), rel=1e-12)
    assert likelihood(model, seen, goals).tolist() == [0.0, 0.0]
    assert belief(model, seen, goals) == pytest.approx(0.5)
    assert posterior(model, [(seen, goals)] * 3) == pytest.approx(0.5)


@common
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 3))
def test_posterior_is_bayes_rule(random_model, seed, count):
    model = random_model(seed, 3, 3, 2, 2, 3)
    rng = np.random.default_rng(seed)
    episodes = [(rng.integers(0, 2, 3), rng.integers(0, 2, 2)) for _ in range(count)]
    prefix = (rng.integers(0, 2, 2), rng.integers(0, 2, 1))
    weights = np.array(model.prior)
    for seen, goals in [*episodes, prefix]:
        weights = weights * path_weights(model, seen, goals).sum(axis=1)
    assert posterior(model, episodes, prefix) == pytest.approx(weights / weights.sum(), abs=1e-13)


def test_no_evidence_leaves_the_prior(random_model):
    model = random_model()
    assert posterior(model) == pytest.approx(model.prior, abs=1e-15)


def test_identical_environments_are_never_told_apart(random_model):
    model = random_model(0, 1)
    twins = HMDP(model.initial, model.transition.repeat(3, axis=0), model.observation, model.reward)
    assert posterior(twins, [([0, 1, 0], [0, 1])] * 50) == pytest.approx(1 / 3, abs=1e-13)


def _revealing():
    """Environment z always reports z."""
    kernel = np.eye(3)[[[1], [2]]][:, np.newaxis].repeat(3, axis=1)
    return HMDP([1.0, 0.0, 0.0], kernel, np.eye(3), np.zeros((2, 3)), [0.5, 0.5])


def test_an_environment_in_which_it_cannot_happen_is_excluded():
    model = _revealing()
    assert posterior(model, [([0, 2], [0])]).tolist() == [0.0, 1.0]
    assert likelihood(model, [0, 2], [0]).tolist() == [0.0, 1.0]
    assert belief(model, [0, 2], [0]).tolist() == [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


def test_what_no_environment_can_produce_is_refused():
    model = _revealing()
    with pytest.raises(ImpossibleObservationError, match=r"probability zero in every environment.*check the"):
        posterior(model, [([0, 2], [0]), ([0, 1], [0])])
    with pytest.raises(ImpossibleObservationError, match=r"observations cannot occur.*check their order"):
        belief(model, [1], [])
    with pytest.raises(ImpossibleObservationError, match="positive prior weight"):
        normalised(np.full(2, -np.inf))


@pytest.mark.parametrize(
    ("seen", "goals", "error", "message"),
    [
        ([0, 1], [], ValueError, r"subgoals has shape \(0,\): 2 observations .*shape \(1,\)"),
        ([], [], ValueError, "observations has shape .*h from 1 to H = 3"),
        ([0] * 4, [0] * 3, ValueError, "observations has shape .*H = 3"),
        (0, [], ValueError, "observations has shape"),
        ([0, 2], [0], IndexError, "observations contains 2: give integers from 0 to 1"),
        ([0, -1], [0], IndexError, "observations contains -1"),
        ([0, 1], [2], IndexError, "subgoals contains 2"),
        ([0.0, 1.0], [0], TypeError, "observations has dtype float64: give integers"),
    ],
)
def test_bad_histories(random_model, seen, goals, error, message):
    for function in (likelihood, log_likelihood, belief):
        with pytest.raises(error, match=message):
            function(random_model(), seen, goals)


def test_bad_steps(random_model):
    model = random_model()
    alpha = filter_start(model, 0)
    with pytest.raises(ValueError, match="step is 2: give an integer from 0 to 1"):
        filter_step(model, 2, alpha, 0, 0)
    with pytest.raises(ValueError, match=r"alpha has shape .*\(Z, S\) = \(2, 3\)"):
        filter_step(model, 0, alpha.T, 0, 0)
    with pytest.raises(IndexError, match="subgoal contains 2"):
        filter_step(model, 0, alpha, 2, 0)
    with pytest.raises(IndexError, match="observation contains 5"):
        filter_start(model, 5)
    with pytest.raises(ValueError, match="an episode has observations of shape"):
        posterior(model, [([[0, 1]], [[0]])])
