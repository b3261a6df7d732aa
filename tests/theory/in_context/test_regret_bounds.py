"""The regret, its bound on every sequence, and the case with a closed form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.theory.in_context.errors import InconsistentEvidenceError, UnsupportedTaskWarning
from tightbound.theory.in_context.finite_tasks import FiniteTasks
from tightbound.theory.in_context.hmm_concept import HMMConcept
from tightbound.theory.in_context.regret import regret, regret_bound, uniform_regret_bound
from tightbound.theory.in_context.symmetric_tasks import symmetric_supremum, symmetric_tasks


def random_tasks(seed, tasks=5, informative=False):
    rng = np.random.default_rng(seed)
    law = rng.dirichlet(np.ones(2), size=tasks) if informative else None
    return FiniteTasks(rng.dirichlet(np.ones(tasks)), rng.dirichlet(np.ones(3), size=(tasks, 2)), law)


def random_hmm(seed):
    rng = np.random.default_rng(seed)
    return HMMConcept(
        rng.dirichlet(np.ones(3)),
        rng.dirichlet(np.ones(2), size=3),
        rng.dirichlet(np.ones(2), size=(3, 2)),
        rng.dirichlet(np.ones(3), size=(3, 2, 2)),
    )


@given(st.integers(0, 2**31), st.sampled_from(["plain", "informative", "hidden"]))
def test_regret_is_within_its_bound_on_any_sequence(seed, kind):
    model = random_hmm(seed) if kind == "hidden" else random_tasks(seed, informative=kind == "informative")
    rng = np.random.default_rng(seed)
    c, r = rng.integers(2, size=(4, 30)), rng.integers(3, size=(4, 30))
    assert np.all(regret(model, c, r) <= regret_bound(model, c, r) + 1e-12)
    versus = {"versus": "truth", "truth": np.array([0, 1, 2, 0])}
    assert np.all(regret(model, c, r, **versus) <= regret_bound(model, c, r, **versus) + 1e-12)
    assert np.all(regret(model, c, r) >= regret(model, c, r, **versus))


@given(st.integers(0, 2**31))
def test_regret_by_hand(seed):
    tasks = random_tasks(seed, tasks=2)
    told = tasks.likelihood[:, 0, 1]
    expected = np.log(told.max() / (tasks.prior @ told))
    assert regret(tasks, [0], [1]) == pytest.approx([expected], abs=1e-14)


def test_one_task_has_no_regret():
    tasks = random_tasks(0, tasks=1)
    c, r = np.zeros((2, 5), dtype=int), np.full((2, 5), 2)
    assert np.array_equal(regret(tasks, c, r), np.zeros((2, 5)))
    assert np.array_equal(regret_bound(tasks, c, r), np.zeros((2, 5)))
    assert uniform_regret_bound(1, 7) == 0.0


def test_no_demonstrations_no_regret():
    assert regret(random_tasks(0), [], []).shape == (0,)
    assert regret_bound(random_tasks(0), np.zeros((3, 0), int), np.zeros((3, 0), int)).shape == (3, 0)


def test_ties_are_charged_to_the_likelier_task():
    tasks = FiniteTasks([0.8, 0.2], [[[0.5, 0.5]], [[0.5, 0.5]]])
    assert regret_bound(tasks, [0], [1]) == pytest.approx([np.log(1.25)])


@given(st.integers(2, 5), st.floats(0.05, 2.0), st.integers(1, 5))
def test_symmetric_supremum_is_the_maximum_over_all_sequences(count, gap, length):
    tasks = symmetric_tasks(count, gap)
    sequences = np.indices((count,) * length).reshape(length, -1).T
    total = length * regret(tasks, np.zeros_like(sequences), sequences)[:, -1]
    assert total.max() == pytest.approx(float(symmetric_supremum(count, gap, length)), abs=1e-12)


def test_uniform_bound_is_sharp_and_a_skewed_prior_exceeds_it():
    told = np.zeros(200, dtype=int)
    worst = regret(symmetric_tasks(4, 1.0), told, told)[-1]
    assert worst <= uniform_regret_bound(4, 200) + 1e-15
    assert worst == pytest.approx(float(uniform_regret_bound(4, 200)), rel=1e-12)
    skewed = symmetric_tasks(4, 1.0, prior=[0.94, 0.03, 0.02, 0.01])
    rare = 200 * regret(skewed, told, told + 3)[-1]
    assert rare > 3 * np.log(4.0)
    assert rare == pytest.approx(np.log(100.0), rel=1e-12)


def test_an_impossible_truth_has_minus_infinite_regret():
    tasks = FiniteTasks([0.5, 0.5], [[[1.0, 0.0]], [[0.5, 0.5]]])
    assert regret(tasks, [0, 0], [0, 1], versus="truth", truth=0)[1] == -np.inf


def test_a_truth_of_prior_probability_zero_has_no_bound_and_is_never_best():
    with pytest.warns(UnsupportedTaskWarning):
        tasks = FiniteTasks([1.0, 0.0], [[[0.5, 0.5]], [[0.1, 0.9]]])
    told = np.ones(50, dtype=int)
    assert regret_bound(tasks, told * 0, told, versus="truth", truth=1)[-1] == np.inf
    assert np.array_equal(regret(tasks, told * 0, told), np.zeros(50))
    assert 50 * regret(tasks, told * 0, told, versus="truth", truth=1)[-1] == pytest.approx(50 * np.log(1.8))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"versus": "best"}, ValueError, "versus is 'best'"),
        ({"versus": "truth"}, ValueError, "truth is missing"),
        ({"truth": 0}, ValueError, "leave it out"),
        ({"versus": "truth", "truth": 9}, IndexError, "truth contains 9"),
        ({"versus": "truth", "truth": [0, 1]}, ValueError, "truth has shape"),
    ],
)
def test_bad_comparators(options, error, message):
    for function in (regret, regret_bound):
        with pytest.raises(error, match=message):
            function(random_tasks(0), [0, 1], [0, 1], **options)


def test_bad_numbers():
    with pytest.raises(ValueError, match="length contains 0"):
        uniform_regret_bound(4, [1, 0])
    with pytest.raises(TypeError, match="length has dtype float64"):
        uniform_regret_bound(4, 1.5)
    with pytest.raises(ValueError, match="tasks is 0"):
        uniform_regret_bound(0, 1)
    with pytest.raises(ValueError, match="gap is 0"):
        symmetric_tasks(4, 0.0)
    with pytest.raises(ValueError, match="tasks is 1"):
        symmetric_tasks(1, 1.0)
    with pytest.raises(ValueError, match="length has entries"):
        symmetric_supremum(4, 1.0, 0.5)
    with pytest.raises(InconsistentEvidenceError):
        regret(FiniteTasks([1.0], [[[1.0, 0.0]]]), [0], [1])
