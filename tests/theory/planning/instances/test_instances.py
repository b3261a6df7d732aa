import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.planning.evaluation import distinguishability, evaluate, hellinger
from tightbound.theory.planning.expert import expert
from tightbound.theory.planning.instances import lock, meet, noisy_try, probe_bsc, random_hmdp, reveal
from tightbound.theory.planning.tree import HistoryTree

common = settings(deadline=None, derandomize=True, max_examples=25)


def _only(subgoal, subgoals):
    return np.eye(subgoals)[subgoal]


@common
@given(st.integers(2, 6), st.floats(0.01, 1.0))
def test_reveal_is_told_apart_by_probes_with_eta_for_every_pair(environments, eta):
    model = reveal.reveal(environments, eta)
    found = hellinger(model, _only(reveal.PROBE, 3))
    np.testing.assert_allclose(found, eta * (1.0 - np.eye(environments)), atol=1e-12)
    best = expert(HistoryTree(model))
    assert best.subgoal[0][:, 0, 0].tolist() == [reveal.TRY] + [reveal.SAFE] * (environments - 1)
    np.testing.assert_allclose(best.value[:, 0], [1.0] + [0.5] * (environments - 1))


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_lock_hides_from_uniform_exploration(depth):
    model = lock.lock(depth)
    assert distinguishability(model, _only(lock.ADVANCE, 2)) == pytest.approx(1.0)
    assert distinguishability(model, [0.5, 0.5]) == pytest.approx(0.5**depth)
    assert expert(HistoryTree(model)).value[:, 0].tolist() == [1.0, 0.5]


@common
@given(st.floats(0.05, 0.95).filter(lambda q: abs(q - 0.5) > 1e-3), st.floats(0.0, 1.0))
def test_probe_bsc_eta_is_that_of_the_assumed_channel(q, q_hat):
    model = probe_bsc.probe_bsc(q, q_hat)
    found = distinguishability(model, _only(probe_bsc.PROBE, 3))
    assert found == pytest.approx(1.0 - 2.0 * np.sqrt(q * (1.0 - q)), abs=1e-12)


@pytest.mark.parametrize("flip_hat", [0.0, 0.3, 1.0])
def test_noisy_try_pays_the_true_outcome_whatever_is_reported(flip_hat):
    model = noisy_try.noisy_try(0.05, flip_hat)
    np.testing.assert_allclose(evaluate(model, _only(noisy_try.TRY, 2))[:, 0], noisy_try.SUCCESS)
    np.testing.assert_allclose(evaluate(model, _only(noisy_try.SAFE, 2))[:, 0], 0.5)
    assert model.misspecified
    assert expert(HistoryTree(model)).subgoal[0][:, 0, 0].tolist() == [noisy_try.TRY, noisy_try.SAFE]


def test_noisy_try_reports_flip_the_second_trial_only():
    model = noisy_try.noisy_try(0.1)
    law = model.transition[0, 0, noisy_try.START, noisy_try.TRY] @ model.observation
    seen = law[noisy_try.FIRST_OUTCOME :].reshape(2, 2)
    report = 0.8 * 0.9 + 0.2 * 0.1
    np.testing.assert_allclose(seen, np.outer([0.8, 0.2], [report, 1 - report]), atol=1e-15)


@pytest.mark.parametrize(("environments", "actors"), [(2, 1), (3, 2), (2, 3)])
def test_meet_has_one_expert_without_ties(environments, actors):
    model = meet.meet(environments, actors, 0.5)
    best = expert(HistoryTree(model))
    tries, safe = (meet.together(s, actors) for s in (meet.TRY, meet.SAFE))
    assert best.subgoal[0][:, 0, 0].tolist() == [tries] + [safe] * (environments - 1)
    top = np.sort(best.action_value[0][:, 0, 0], axis=-1)
    assert np.all(top[:, -1] > top[:, -2])
    probe = _only(meet.together(meet.PROBE, actors), model.subgoals)
    assert distinguishability(model, probe) == pytest.approx(0.5)


@pytest.mark.parametrize("actors", [1, 2, 3])
def test_private_meet_multiplies_affinities(actors):
    model = meet.private_meet(actors, 0.8, 0.7)
    probe = _only(meet.together(meet.PROBE, actors), model.subgoals)
    assert distinguishability(model, probe) == pytest.approx(1.0 - (4 * 0.8 * 0.2) ** (actors / 2))
    assert model.misspecified


def test_random_instances_are_reproducible_and_told_apart():
    first, again = (random_hmdp.random_hmdp(3, 2, 2, 3, 3, 0.5, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first.transition, again.transition)
    assert distinguishability(first, [0.5, 0.5]) >= random_hmdp.LEAST_ETA
    assert random_hmdp.random_hmdp(1, 2, 2, 1, 2, 1.0, np.random.default_rng(0)).environments == 1


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: reveal.reveal(1), ValueError, "environments is 1: give an integer of at least 2"),
        (lambda: reveal.reveal(2, 0.0), ValueError, "eta is 0.0"),
        (lambda: lock.lock(0), ValueError, "depth is 0: give an integer of at least 1"),
        (lambda: lock.lock(2, 0.0), ValueError, "weight is 0.0: give one number strictly between"),
        (lambda: probe_bsc.probe_bsc(0.5), ValueError, "q is 0.5: .*other than 1/2"),
        (lambda: probe_bsc.probe_bsc(0.8, -0.1), ValueError, "q_hat is -0.1"),
        (lambda: noisy_try.noisy_try(0.0), ValueError, "flip is 0.0"),
        (lambda: noisy_try.noisy_try(0.1, 2.0), ValueError, "flip_hat is 2.0"),
        (lambda: meet.meet(2, 0), ValueError, "actors is 0"),
        (lambda: meet.private_meet(2, 0.5), ValueError, "q is 0.5"),
        (lambda: meet.together(3, 2), ValueError, "subgoal is 3: give an integer from 0 to 2"),
        (
            lambda: random_hmdp.random_hmdp(2, 2, 2, 2, 2, 0.0, np.random.default_rng(0)),
            ValueError,
            "concentration is 0.0: give one positive number",
        ),
        (lambda: random_hmdp.random_hmdp(2, 2, 2, 2, 2, 1.0, 7), TypeError, "rng is a int: give a generator"),
        (
            lambda: random_hmdp.random_hmdp(2, 2, 2, 1, 2, 1.0, np.random.default_rng(0)),
            ValueError,
            "cannot tell apart .*: give more observations",
        ),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()
