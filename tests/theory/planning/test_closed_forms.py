import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.planning.bail import bail, greedy, independent_bail, temper
from tightbound.theory.planning.bounds import reporter_drift
from tightbound.theory.planning.closed_forms import (
    agreement,
    lock_regret,
    meet_regret,
    noisy_try_drift,
    noisy_try_threshold,
    reveal_greedy_regret,
    reveal_regret,
)
from tightbound.theory.planning.expert import expert
from tightbound.theory.planning.forward import forward_regret
from tightbound.theory.planning.instances import lock, meet, reveal
from tightbound.theory.planning.instances.noisy_try import TRY, noisy_try
from tightbound.theory.planning.tree import HistoryTree
from tightbound.theory.planning.world_model import world_model

EPISODES = np.arange(1, 21)


def _exact(model, truth, eps, explore, plan, ties="lowest"):
    """Regret by the law of the posterior, with exploration by one subgoal."""
    tree = HistoryTree(model)
    best, law = expert(tree, ties=ties), np.eye(model.subgoals)[explore]

    def act(t, log_weights):
        return [(1.0 - eps, plan(tree, best, log_weights)), (eps, law)]

    return forward_regret(tree, truth, EPISODES.size, act).regret


@pytest.mark.parametrize(("environments", "eta", "eps"), [(2, 1.0, 0.0), (2, 0.3, 0.2), (5, 0.5, 0.1)])
@pytest.mark.parametrize("truth", [0, 1])
def test_reveal(environments, eta, eps, truth):
    model = reveal.reveal(environments, eta)
    found = _exact(model, truth, eps, reveal.PROBE, bail)
    expected = reveal_regret(EPISODES, environments, eta, eps, truth=truth)
    np.testing.assert_allclose(found, expected, rtol=1e-11)


@pytest.mark.parametrize("environments", [2, 4])
@pytest.mark.parametrize("eps", [0.0, 0.2])
def test_reveal_without_sampling(environments, eps):
    model = reveal.reveal(environments, 0.5)
    expected = reveal_greedy_regret(EPISODES, 0.5, eps)
    for plan in (lambda *a: greedy(bail(*a)), lambda tree, best, log: world_model(tree, log)):
        np.testing.assert_allclose(_exact(model, 0, eps, reveal.PROBE, plan), expected, rtol=1e-11)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_reveal_at_a_temperature(temperature):
    model = reveal.reveal(4, 0.5)
    found = _exact(model, 0, 0.1, reveal.PROBE, lambda *a: temper(bail(*a), temperature))
    expected = reveal_regret(EPISODES, 4, 0.5, 0.1, temperature=temperature)
    np.testing.assert_allclose(found, expected, rtol=1e-11)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(1, 500), st.integers(3, 50))
def test_cooling_leads_to_greedy(episodes, environments):
    cold = reveal_regret(episodes, environments, temperature=1e-3)
    np.testing.assert_allclose(cold, reveal_greedy_regret(episodes))
    warm = [float(reveal_regret(episodes, environments, temperature=t)) for t in (0.5, 1.0, 3.0)]
    assert warm == sorted(warm, reverse=True)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("ties", ["lowest", "highest"])
@pytest.mark.parametrize("truth", [0, 1])
def test_lock(depth, ties, truth):
    for eps in (0.0, 0.1):
        found = _exact(lock.lock(depth, 0.4), truth, eps, lock.ADVANCE, bail, ties)
        expected = lock_regret(EPISODES, depth, 0.4, 1.0, eps, truth=truth, ties=ties)
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize(("environments", "actors"), [(2, 1), (2, 3), (4, 2)])
@pytest.mark.parametrize("eps", [0.0, 0.1])
def test_meet(environments, actors, eps):
    model, probe = meet.meet(environments, actors, 0.5), meet.together(meet.PROBE, actors)
    for sampling, plan in (("joint", bail), ("independent", independent_bail)):
        found = _exact(model, 0, eps, probe, plan)
        expected = meet_regret(EPISODES, environments, actors, 0.5, eps, sampling=sampling)
        np.testing.assert_allclose(found, expected, rtol=1e-11)


def test_agreement_is_one_for_one_actor():
    assert agreement(5, [1, 2, 3]).tolist() == pytest.approx([1.0, 0.2, 0.04])


@pytest.mark.parametrize("truth", [0, 1])
@pytest.mark.parametrize("flip_hat", [0.05, 0.4, 0.95])
def test_noisy_try_drift_is_that_of_the_instance(truth, flip_hat):
    model = noisy_try(0.05, flip_hat)
    after = model.transition[:, 0, 0, TRY]
    assumed, emitted = after @ model.observation, after[truth] @ model.emission
    expected = reporter_drift(emitted, assumed[truth], assumed[1 - truth])
    assert noisy_try_drift(0.05, flip_hat, truth=truth) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.floats(0.001, 0.4), st.integers(0, 1))
def test_the_drift_vanishes_at_the_threshold(flip, truth):
    threshold = noisy_try_threshold(flip, truth=truth)
    low, high = (noisy_try_drift(flip, end, truth=truth) for end in (0.0, 1.0))
    assert (1 - threshold) * low + threshold * high == pytest.approx(0.0, abs=1e-9 * max(1.0, threshold))
    if threshold < 1.0:
        assert noisy_try_drift(flip, threshold, truth=truth) == pytest.approx(0.0, abs=1e-12)


def test_tiny_chances_keep_their_accuracy():
    deep = float(lock_regret(1000, 60))
    assert deep == pytest.approx(1000 * (0.25 + 0.375), rel=1e-12)
    assert float(reveal_regret(10**9, 4)) == 1.5
    assert math.isclose(float(reveal_regret(10, 10**9)), 5.0, rel_tol=1e-7)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: reveal_regret(0, 2), "episodes contains 0.0: give at least one episode"),
        (lambda: reveal_regret(1, 1), "environments contains 1.0: give at least two"),
        (lambda: reveal_regret(1, 2, 0.0), r"eta contains 0.0: give probabilities in \(0, 1\]"),
        (lambda: reveal_regret(1, 2, eps=2.0), r"eps contains 2.0: .*\[0, 1\]"),
        (lambda: reveal_regret(1, 2, truth=2), "truth is 2: give an integer from 0 to 1"),
        (lambda: reveal_regret(1, 2, temperature=0.0), "must be positive; .*reveal_greedy_regret"),
        (lambda: lock_regret(1, 0), "depth contains 0.0: give at least one decision"),
        (lambda: lock_regret(1, 2, 1.0), "weight is 1.0: give one number strictly between"),
        (lambda: lock_regret(1, 2, ties="first"), "ties is 'first': choose 'lowest' or 'highest'"),
        (lambda: lock_regret(1, 2, eta=0.5, eps=0.1), "give eta = 1"),
        (lambda: meet_regret(1, 2, 0), "actors contains 0.0: give at least one actor"),
        (lambda: meet_regret(1, 2, 1, sampling="both"), "choose 'joint' or 'independent'"),
        (lambda: agreement(2, 0), "actors contains 0.0"),
        (lambda: noisy_try_drift(0.0, 0.5), "flip is 0.0: give one number strictly between"),
        (lambda: noisy_try_drift(0.1, 1.5), r"flip_hat is 1.5: give one number in \[0, 1\]"),
        (lambda: noisy_try_threshold(0.5), "flip is 0.5: .* give one below 1/2"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()
